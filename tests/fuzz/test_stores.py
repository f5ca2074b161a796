"""A flipped bit anywhere in a store is found by `verify`; in a half-written one it is mended, or refused."""

from __future__ import annotations

import random
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from begun import SETTINGS, Case, case_of
from stores import Flip, Outcome, bad, continued, difference, flipped, flips, summary, verified

from stbench.errors import StbenchError
from stbench.store.integrity import OWN_FILE
from stbench.store.layout import layout_of
from stbench.store.verify import verify

DATASETS = ["toy", *(pytest.param(name, marks=pytest.mark.slow) for name in SETTINGS)]


@pytest.fixture(scope="module", params=DATASETS)
def case(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Case]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("STBENCH_DATA", str(tmp_path_factory.getbasetemp() / "data"))
        yield case_of(request.param, tmp_path_factory.mktemp("stores"))


def told(outcomes: list[Outcome]) -> str:
    return "\n".join(f"{each.flip}: {each.kind} {each.told}" for each in bad(outcomes))


@pytest.mark.parametrize("stage", ["begun", "finishing"])
def test_a_store_that_was_interrupted_equals_one_that_was_not_to_the_last_byte(
    case: Case, tmp_path: Path, stage: str
) -> None:
    shutil.copytree(getattr(case, stage), tmp_path / "store.zarr.part")
    notes: list[str] = []
    case.go_on(tmp_path / "store.zarr", notes.append)
    assert not difference(tmp_path / "store.zarr", case.whole)
    assert notes == []


def test_a_flipped_bit_in_any_file_of_any_array_of_a_half_written_store_is_mended(case: Case, tmp_path: Path) -> None:
    """Frames, coordinates, what is gathered, metadata, integrity; and markers."""
    files = sorted(each for each in case.finishing.rglob("*") if each.is_file() and "lock" not in each.name)
    names = [each.relative_to(case.finishing).as_posix() for each in files if each.stat().st_size]
    arrays = {name.split("/")[1] for name in names if name.startswith("store/") and name.count("/") > 1}
    assert {"frames", "time", "x", "y", "integrity"} <= arrays
    chance = random.Random(0)
    for number, name in enumerate(each for each in names if each != "plan.json"):
        path = tmp_path / f"{number}.zarr"
        part = path.with_name(path.name + ".part")
        shutil.copytree(case.finishing, part)
        content = (part / name).read_bytes()
        flip = Flip(number, name, chance.randrange(len(content)), chance.randrange(8))
        (part / name).write_bytes(flipped(content, flip))
        notes: list[str] = []
        case.go_on(path, notes.append)
        assert not difference(path, case.whole), name
        # What is written when a store is finished is written again in any case, without a note.
        quiet = name == "store/zarr.json" or name.split("/")[1] in {"integrity", *layout_of(case.plan).gathered}
        assert len(notes) == (0 if quiet else 1), name
        assert quiet or name.removeprefix("store/") in notes[0]
        shutil.rmtree(path)


def test_a_flipped_bit_of_the_plan_is_refused_and_loses_nothing(case: Case, tmp_path: Path) -> None:
    part = tmp_path / "store.zarr.part"
    shutil.copytree(case.begun, part)
    before = sorted(part.rglob("*"))
    for _ in flips(part, range(20), seed=1, of=lambda name: name == "plan.json"):
        with pytest.raises(StbenchError, match=r"plan\.json is damaged"):
            case.go_on(tmp_path / "store.zarr")
    assert [each for each in sorted(part.rglob("*")) if each.name != "lock"] == [
        each for each in before if each.name != "lock"
    ]
    case.go_on(tmp_path / "store.zarr")
    assert not difference(tmp_path / "store.zarr", case.whole)


@pytest.mark.parametrize("stage", ["begun", "finishing"])
def test_random_flips_of_a_half_written_store_end_mended_or_refused(case: Case, stage: str) -> None:
    outcomes = continued(getattr(case, stage), case.go_on, case.whole, range(10), seed=2)
    assert not told(outcomes)


def test_random_flips_of_a_store_are_damage(case: Case) -> None:
    outcomes = verified(case.whole, range(60), seed=3)
    assert not told(outcomes)
    assert summary(outcomes) == {"damaged": 60}


def test_every_kind_of_flip_in_the_checksums_own_file_is_damage(case: Case) -> None:
    for flip in flips(case.whole, range(80), seed=4, of=lambda name: name == OWN_FILE):
        report = verify(case.whole)
        assert not report.ok, flip
        assert "checksums" in report.damaged[0]
