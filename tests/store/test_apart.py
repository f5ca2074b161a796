"""Stores of one digest that a model must not take for one another."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from stbench import registry
from stbench.boards.publishing import read_entry
from stbench.boards.ranking import boards
from stbench.errors import StbenchError
from stbench.judges import judge as judges
from stbench.running.plan import choose, plan
from stbench.store.apart import BEFORE, BYTES, apart
from stbench.store.build import build, resolve
from stbench.store.reader import Store


@pytest.fixture(scope="module", autouse=True)
def data(tmp_path_factory: pytest.TempPathFactory) -> Any:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("STBENCH_DATA", str(tmp_path_factory.mktemp("data")))
        patch.delenv("STBENCH_RAW", raising=False)
        yield


@pytest.fixture(scope="module")
def faces() -> dict[str, Store]:
    about = {"subjects": "008,077,001", "takes": 2, "size": 16}
    return {each: build(resolve("mug", {**about, "split": each}, "simulated")) for each in ("subject", "clip")}


@pytest.fixture(scope="module")
def characters() -> dict[int, Store]:
    made = [build(resolve("sprites", {"characters": 10, "divisor": each}, "simulated")) for each in (255, 256)]
    return dict(zip((255, 256), made, strict=True))


def identities(dataset: str, *stores: Store) -> list[dict[str, Any]]:
    return [plan(choose("mean", dataset), each, 0).identity for each in stores]


def test_runs_on_two_splits_of_the_same_values_are_two_runs(faces: dict[str, Store]) -> None:
    one, other = faces.values()
    assert one.digest == other.digest
    one_run, other_run = identities("mug", one, other)
    assert one_run != other_run
    assert {name for name in one_run if one_run[name] != other_run[name]} == {"split_digest"}


def test_runs_on_frames_divided_by_other_numbers_are_two_runs(characters: dict[int, Store]) -> None:
    one, other = characters.values()
    assert one.digest == other.digest
    one_run, other_run = identities("sprites", one, other)
    assert "normaliser" not in one_run
    assert other_run["normaliser"] == {"kind": "fixed", "mean": 0.0, "std": 256.0}


def test_a_board_does_not_rank_frames_divided_by_other_numbers_together(
    characters: dict[int, Store], tmp_path: Path
) -> None:
    from stbench.running.run import run

    for divisor in characters:
        settings = {"characters": "10", "divisor": str(divisor)}
        run("mean", "sprites", track="forecast-4", source="simulated", settings=settings, runs=tmp_path)
    entries = [read_entry(each.parent) for each in sorted(tmp_path.rglob("record.json"))]
    assert len(entries) == 2
    (board,) = boards(entries)
    assert len(board.blocks) == 2
    (same,) = boards(
        [dataclasses.replace(each, record=dataclasses.replace(each.record, normaliser={})) for each in entries]
    )
    assert len(same.blocks) == 1


def test_a_judge_that_learnt_from_another_split_is_not_taken(
    faces: dict[str, Store], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It has seen the faces whose clips it would judge."""
    settings = judges.presets()["quick"]
    short = {**settings, "training": {**settings["training"], "steps": 1}}
    monkeypatch.setattr(judges, "presets", lambda: {"quick": short})
    judged = {"action": ("expression",)}
    of_clips = judges.train_judge(faces["clip"], judged, 8, runs=tmp_path)
    assert judges.find_judge(faces["clip"], "quick", tmp_path, 8).card == of_clips.card
    with pytest.raises(StbenchError, match=r"split mug/by-subject.*8 frames, another split or normaliser\)"):
        judges.find_judge(faces["subject"], "quick", tmp_path, 8)
    with pytest.raises(StbenchError, match="trained on another version, split or normaliser of mug"):
        judges.load_judge(of_clips.folder, faces["subject"])
    of_subjects = judges.train_judge(faces["subject"], judged, 8, runs=tmp_path)
    assert of_subjects.folder != of_clips.folder


PUBLISHED = ("chairs", "moving-mnist", "sprites", "sst", "taxibj", "waveeq", "waveeq-100", "waveeq-rich")


@pytest.mark.parametrize("dataset", PUBLISHED)
def test_runs_on_what_was_published_before_keep_their_identity(dataset: str) -> None:
    source = "procedural" if dataset.startswith("waveeq") else "simulated"
    made = resolve(dataset, {}, source)
    assert made.split.digest in BEFORE
    store: Any = SimpleNamespace(split=made.split, attributes={"normaliser": made.normaliser})
    assert apart(store) == {}


def test_each_split_of_before_is_of_a_dataset_of_its_own() -> None:
    assert len(BEFORE) == len(PUBLISHED) + 1  # mug, by clip


@pytest.mark.parametrize("dataset", registry.names("datasets"))
def test_models_see_bytes_divided_by_255(dataset: str) -> None:
    made = resolve(dataset, {}, registry.dataset(dataset).sources(None)[-1])
    assert (np.dtype(made.variables["frames"].dtype) == np.uint8) == (made.normaliser == BYTES)


def test_of_mug_that_is_the_split_by_clip(faces: dict[str, Store]) -> None:
    """The one by subject had no published run, and both have the same values."""
    assert resolve("mug", {"split": "clip"}, "simulated").split.digest in BEFORE
    assert resolve("mug", {}, "simulated").split.digest not in BEFORE
    assert apart(faces["subject"]).keys() == {"split_digest"}
