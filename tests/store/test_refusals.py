"""What cannot be written is refused in one sentence, and what is there stays as it is."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from toy_dataset import Produce, toy

from stbench.contract.datasets import Split, Variable
from stbench.errors import StbenchError
from stbench.store import writer
from stbench.store.build import build, resolve
from stbench.store.part import Part
from stbench.store.writer import generate

LIMITED = """
import resource, sys
from pathlib import Path
from toy_dataset import toy
from stbench.errors import StbenchError
from stbench.store.writer import generate
resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, 20_000))
try:
    generate(toy(6, 12, 32), Path(sys.argv[1]), workers=1)
except StbenchError as error:
    print(error)
"""


def test_a_disk_that_fills_up_is_one_sentence_and_the_work_goes_on_later(tmp_path: Path) -> None:
    path = tmp_path / "toy.zarr"
    environment = os.environ | {"PYTHONPATH": str(Path(__file__).parent)}
    done = subprocess.run(
        [sys.executable, "-c", LIMITED, str(path)], env=environment, capture_output=True, text=True, check=True
    )
    assert "there is no space to write" in done.stdout
    assert len(done.stdout.splitlines()) == 1
    assert not path.exists()
    assert not list(tmp_path.glob("toy.zarr.part/done/*.npz"))
    assert generate(toy(6, 12, 32), path).n_sequences == 6


def test_too_little_space_is_refused_before_any_work(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def never(first: int, last: int) -> dict[str, Any]:
        raise AssertionError("work was done")

    leave_free(monkeypatch, NEEDED // writer.SHRINKS_FLOATS - 1)
    with pytest.raises(StbenchError, match="there is no space for"):
        generate(toy(produce=never), tmp_path / "toy.zarr")
    assert list(tmp_path.iterdir()) == []


def leave_free(monkeypatch: pytest.MonkeyPatch, free: int) -> None:
    monkeypatch.setattr(writer.shutil, "disk_usage", lambda path: SimpleNamespace(free=free))


NEEDED = 13 * (12 * 64 * 4 + 16)
"""Bytes of 13 sequences of 12 x 64 float32, a float64 and two float32."""


@pytest.mark.parametrize(("free", "notes"), [(NEEDED, 0), (NEEDED - 1, 1), (NEEDED // writer.SHRINKS_FLOATS + 1, 1)])
def test_a_store_that_compression_may_make_fit_is_made_with_a_note(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, free: int, notes: int
) -> None:
    leave_free(monkeypatch, free)
    told: list[str] = []
    assert generate(toy(), tmp_path / "toy.zarr", workers=1, on_note=told.append).n_sequences == 13
    assert len(told) == notes
    assert all("less what compression saves" in each for each in told)


def test_bytes_are_refused_only_where_no_compression_could_help(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def black(first: int, last: int) -> dict[str, Any]:
        return {"frames": np.zeros((last - first, 12, 1, 8, 8), np.uint8)}

    frames = Variable(("sequence", "time", "channel", "y", "x"), (13, 12, 1, 8, 8), "uint8", (1, 5, 1, 8, 8))
    blueprint = toy(variables={"frames": frames}, produce=black)
    leave_free(monkeypatch, 13 * 12 * 64 // writer.SHRINKS_WHOLE)
    with pytest.raises(StbenchError, match="there is no space for"):
        generate(blueprint, tmp_path / "toy.zarr")
    leave_free(monkeypatch, 13 * 12 * 64 // writer.SHRINKS_WHOLE + 1)
    assert generate(blueprint, tmp_path / "toy.zarr", workers=1).n_sequences == 13


def test_the_disk_is_looked_at_before_shard_by_shard(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """10^8 sequences are refused without a look at each."""
    leave_free(monkeypatch, 10**11)
    monkeypatch.setattr(Part, "damage", lambda *arguments: pytest.fail("a shard was looked for"))
    with pytest.raises(StbenchError, match=r"needs up to 6001\.60 GB"):
        build(resolve("waveeq-100", {"sequences": 100_000_000}), tmp_path / "w.zarr")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write anywhere")
def test_a_folder_without_permission_is_one_sentence(tmp_path: Path) -> None:
    tmp_path.chmod(0o500)
    with pytest.raises(StbenchError, match="there is no permission"):
        generate(toy(), tmp_path / "toy.zarr")


def test_permission_denied_is_one_sentence(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def deny(path: Path, *arguments: Any, **options: Any) -> None:
        raise PermissionError(13, "Permission denied", str(path))

    monkeypatch.setattr(Path, "mkdir", deny)
    with pytest.raises(StbenchError, match="there is no permission for"):
        generate(toy(), tmp_path / "toy.zarr")


def test_a_parent_that_is_a_file_is_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("mine")
    with pytest.raises(StbenchError, match="writing the store"):
        generate(toy(), tmp_path / "file" / "toy.zarr")
    assert (tmp_path / "file").read_text() == "mine"


@pytest.mark.parametrize("kind", ["file", "folder", "empty folder", "zarr group", "dangling link"])
def test_a_path_that_holds_something_else_is_never_touched(tmp_path: Path, kind: str) -> None:
    path = tmp_path / "out"
    if kind == "file":
        path.write_text("mine")
    elif kind == "dangling link":
        path.symlink_to(tmp_path / "nowhere")
    else:
        path.mkdir()
        if kind == "folder":
            (path / "thesis.tex").write_text("mine")
        elif kind == "zarr group":
            (path / "zarr.json").write_text('{"zarr_format": 3, "node_type": "group", "attributes": {}}')
    before = sorted(path.rglob("*"))
    with pytest.raises(StbenchError, match=f"something at {path} already.*choose another --out"):
        generate(toy(), path)
    assert os.path.lexists(path)
    assert sorted(path.rglob("*")) == before
    assert [each.name for each in tmp_path.iterdir()] == ["out"]


def test_another_store_is_never_overwritten(tmp_path: Path) -> None:
    first = generate(toy(), tmp_path / "toy.zarr")
    with pytest.raises(StbenchError, match=r"already holds another store \(.*seed: 0 there, 1 here"):
        generate(toy(seed=1), tmp_path / "toy.zarr")
    again = generate(toy(), tmp_path / "toy.zarr")
    assert again.attributes == first.attributes  # "history" too: nothing was made again


def test_a_foreign_part_folder_is_not_touched(tmp_path: Path) -> None:
    (tmp_path / "toy.zarr.part").mkdir()
    (tmp_path / "toy.zarr.part" / "notes.txt").write_text("mine")
    with pytest.raises(StbenchError, match=r"holds something else \(notes.txt\)"):
        generate(toy(), tmp_path / "toy.zarr")
    assert [each.name for each in (tmp_path / "toy.zarr.part").iterdir()] == ["notes.txt"]


def begun(path: Path, shards: int, **parameters: Any) -> list[Path]:
    """A store that was interrupted after so many shards, as the files of its folder."""

    def interrupted(first: int, last: int) -> dict[str, Any]:
        if first >= shards:
            raise KeyboardInterrupt
        return Produce(0, 12, 8)(first, last)

    with pytest.raises(KeyboardInterrupt):
        generate(toy(per_shard=1, produce=interrupted, **parameters), path, workers=1)
    assert len(list(path.with_name(f"{path.name}.part").glob("done/*.npz"))) == shards
    return files(path)


def files(path: Path) -> list[Path]:
    return sorted(path.with_name(f"{path.name}.part").rglob("*"))


@pytest.mark.parametrize("shards", [0, 2])
@pytest.mark.parametrize("seed", [0, 1])
def test_too_little_space_removes_nothing_that_was_begun(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, shards: int, seed: int
) -> None:
    path = tmp_path / "toy.zarr"
    there = begun(path, shards)
    leave_free(monkeypatch, 0)
    with pytest.raises(StbenchError, match="there is no space" if seed == 0 else "was begun with other parameters"):
        generate(toy(per_shard=1, seed=seed), path)
    assert files(path) == there


@pytest.mark.parametrize("kind", ["another store", "something else", "damaged plan"])
def test_beside_a_finished_store_nothing_of_others_is_removed(tmp_path: Path, kind: str) -> None:
    path, part = tmp_path / "toy.zarr", tmp_path / "toy.zarr.part"
    if kind == "something else":
        part.mkdir()
        (part / "thesis.tex").write_text("mine")
    else:
        begun(path, 2, seed=1)
    if kind == "damaged plan":
        (part / "plan.json").write_text("{")
    generate(toy(), tmp_path / "made.zarr").path.rename(path)
    there = files(path)
    assert generate(toy(), path).n_sequences == 13
    assert files(path) == there


@pytest.mark.parametrize("kind", ["begun", "empty"])
def test_beside_a_finished_store_what_is_left_of_it_is_removed(tmp_path: Path, kind: str) -> None:
    path, part = tmp_path / "toy.zarr", tmp_path / "toy.zarr.part"
    if kind == "begun":
        begun(path, 2)
    else:
        part.mkdir()
    generate(toy(), tmp_path / "made.zarr").path.rename(path)
    assert generate(toy(), path).n_sequences == 13
    assert [each.name for each in tmp_path.iterdir()] == ["toy.zarr"]


OTHER_SPLIT = Split("toy-13", 13, {"train": ((0, 9),), "val": ((9, 10),), "test": ((10, 12),)})


def test_a_store_of_another_split_is_not_taken_for_the_one_that_is_asked_for(tmp_path: Path) -> None:
    path = tmp_path / "toy.zarr"
    store = generate(toy(), path)
    assert toy(split=OTHER_SPLIT).fingerprint == store.fingerprint
    with pytest.raises(
        StbenchError, match=r"another split \('toy-13' of digest \w{12} there, 'toy-13' of digest \w{12} h"
    ):
        generate(toy(split=OTHER_SPLIT), path)
    assert generate(toy(), path).split == store.split


def test_a_store_that_was_begun_with_another_split_is_not_continued(tmp_path: Path) -> None:
    """Shards hold the statistics of the parts."""
    path = tmp_path / "toy.zarr"
    there = begun(path, 2)
    with pytest.raises(
        StbenchError, match=r"was begun with another split \(digest \w{12} there, \w{12} here\): finish it"
    ):
        generate(toy(per_shard=1, split=OTHER_SPLIT), path)
    assert files(path) == there
    assert generate(toy(per_shard=1), path).split.ranges["test"] == ((10, 13),)
