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
from toy_dataset import toy

from stbench.contract.datasets import Variable
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
    assert (tmp_path / "toy.zarr.part" / "notes.txt").read_text() == "mine"
