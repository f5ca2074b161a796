"""A store is made from one content of its raw files, which stands beside its fingerprint and not in it."""

from __future__ import annotations

import hashlib
import os
import shutil
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from toy_dataset import Produce, toy

from stbench.contract.datasets import Blueprint
from stbench.errors import StbenchError
from stbench.raw import content
from stbench.raw.content import read_content
from stbench.store.plan import Plan
from stbench.store.reader import open_store
from stbench.store.verify import verify
from stbench.store.writer import generate


@dataclass(frozen=True)
class FromFiles:
    """The toy's frames times the first byte of a raw file, one file for three sequences; stops before a sequence."""

    folder: Path
    stop: int = -1

    def __call__(self, first: int, last: int) -> dict[str, np.ndarray]:
        if first == self.stop:
            raise KeyboardInterrupt
        factor = (self.folder / f"{first // 3}.raw").read_bytes()[0]
        arrays = Produce(0, 12, 8)(first, last)
        return {**arrays, "frames": arrays["frames"] * np.float32(factor)}


@pytest.fixture
def raw(tmp_path: Path) -> Path:
    folder = tmp_path / "raw"
    folder.mkdir()
    for number in range(5):
        (folder / f"{number}.raw").write_bytes(bytes([number + 1]) * 100)
    return folder


def plan(raw: Path, stop: int = -1, **changes: Any) -> Blueprint:
    return toy(**{"produce": FromFiles(raw, stop), "raw_files": lambda: sorted(raw.glob("*.raw")), **changes})


def interrupted(raw: Path, path: Path) -> None:
    with pytest.raises(KeyboardInterrupt):
        generate(plan(raw, stop=6), path, workers=1)


def exchange(raw: Path, number: int, content: bytes) -> None:
    """Put another file in the place of one, of the same times."""
    file = raw / f"{number}.raw"
    before = file.stat()
    file.write_bytes(content)
    os.utime(file, ns=(before.st_atime_ns, before.st_mtime_ns))


def test_the_checksums_of_raw_files_are_in_the_store_and_in_neither_digest_nor_fingerprint(
    tmp_path: Path, raw: Path
) -> None:
    store = generate(plan(raw), tmp_path / "toy.zarr", workers=1)
    said = store.attributes["raw_content"]
    assert said["content"] == {
        each.name: hashlib.sha256(each.read_bytes()).hexdigest() for each in sorted(raw.iterdir())
    }
    assert (said["files"], said["bytes"]) == (5, 500)
    silent = generate(replace(plan(raw), raw_files=None), tmp_path / "other.zarr", workers=1)
    assert "raw_content" not in silent.attributes
    assert (store.digest, store.fingerprint) == (silent.digest, silent.fingerprint)


def test_of_very_many_raw_files_a_store_says_their_common_checksum(
    tmp_path: Path, raw: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    listed = generate(plan(raw), tmp_path / "a.zarr", workers=1).attributes["raw_content"]
    monkeypatch.setattr(content, "MOST_LISTED", 4)
    common = generate(plan(raw), tmp_path / "b.zarr", workers=1).attributes["raw_content"]
    assert common == {**listed, "content": {}}
    exchange(raw, 0, b"\x07" * 100)
    assert generate(plan(raw), tmp_path / "c.zarr", workers=1).attributes["raw_content"]["sha256"] != common["sha256"]


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (lambda raw: exchange(raw, 1, b"\x09" * 100), r"1\.raw has the SHA-256 \w{12} and had \w{12}"),
        (lambda raw: exchange(raw, 4, b"\x09" * 99), r"4\.raw has 99 bytes and had 100"),
        (lambda raw: (raw / "4.raw").unlink(), r"4\.raw is not among them any more"),
        (lambda raw: (raw / "5.raw").touch(), r"5\.raw was not among them"),
    ],
    ids=["same size and times", "other size", "gone", "one more"],
)
def test_an_interrupted_generation_does_not_go_on_from_other_raw_files(
    tmp_path: Path, raw: Path, change: Callable[[Path], Any], told: str
) -> None:
    path = tmp_path / "toy.zarr"
    interrupted(raw, path)
    shutil.copytree(raw, tmp_path / "kept")
    change(raw)
    with pytest.raises(StbenchError, match=rf"raw files of another content \({told}\).*put back what was there"):
        generate(plan(raw), path, workers=1)
    assert not path.exists()
    shutil.rmtree(raw)
    shutil.copytree(tmp_path / "kept", raw)
    store = generate(plan(raw), path, workers=1)
    assert store.digest == generate(plan(raw), tmp_path / "whole.zarr", workers=1).digest


def test_raw_files_that_change_while_a_store_is_made_are_no_store(tmp_path: Path, raw: Path) -> None:
    class Changing(FromFiles):
        def __call__(self, first: int, last: int) -> dict[str, np.ndarray]:
            exchange(raw, 0, b"\x05" * 100)
            return super().__call__(first, last)

    path, told = tmp_path / "toy.zarr", r"raw files of another content \(0\.raw has the SHA-256"
    with pytest.raises(StbenchError, match=told):
        generate(toy(produce=Changing(raw), raw_files=plan(raw).raw_files), path, workers=1)
    assert not path.exists()
    with pytest.raises(StbenchError, match=told):
        generate(plan(raw), path, workers=1)
    assert not path.exists()
    exchange(raw, 0, b"\x01" * 100)
    store = generate(plan(raw), path, workers=1)
    assert store.digest == generate(plan(raw), tmp_path / "whole.zarr", workers=1).digest


@pytest.mark.parametrize("stop", [6, 15], ids=["between shards", "after the last shard"])
def test_a_store_that_was_interrupted_before_its_raw_files_were_looked_at_again_is_checked_when_it_goes_on(
    tmp_path: Path, raw: Path, stop: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Changing(FromFiles):
        def __call__(self, first: int, last: int) -> dict[str, np.ndarray]:
            exchange(raw, 0, b"\x05" * 100)
            return super().__call__(first, last)

    def killed(*_: Any) -> Any:
        raise KeyboardInterrupt

    path = tmp_path / "toy.zarr"
    with monkeypatch.context() as patched:
        patched.setattr(Plan, "check_same_raw", killed)
        with pytest.raises(KeyboardInterrupt):
            generate(plan(raw, produce=Changing(raw, stop)), path, workers=1)
    with pytest.raises(StbenchError, match=r"raw files of another content \(0\.raw has the SHA-256"):
        generate(plan(raw), path, workers=1)
    exchange(raw, 0, b"\x01" * 100)
    store = generate(plan(raw), path, workers=1)
    assert store.digest == generate(plan(raw), tmp_path / "whole.zarr", workers=1).digest


class PutBack(FromFiles):
    """While sequences 3 to 5 are made, their raw file is another one; so often."""

    times = 1

    def __call__(self, first: int, last: int) -> dict[str, np.ndarray]:
        if first != 3 or self.times == 0:
            return super().__call__(first, last)
        object.__setattr__(self, "times", self.times - 1)
        exchange(self.folder, 1, b"\x05" * 100)
        try:
            return super().__call__(first, last)
        finally:
            exchange(self.folder, 1, b"\x02" * 100)


def sound(path: Path, raw: Path, tmp_path: Path) -> bool:
    """Whether every frame is of the raw files as they are."""
    whole = generate(plan(raw), tmp_path / "whole.zarr", workers=1)
    return verify(path).ok and open_store(path).digest == whole.digest


def test_a_raw_file_that_was_another_one_for_a_while_leaves_no_frame_of_it(tmp_path: Path, raw: Path) -> None:
    path, notes, seen = tmp_path / "toy.zarr", [], []
    blueprint = plan(raw, produce=PutBack(raw))
    generate(blueprint, path, workers=1, on_note=notes.append, on_progress=lambda done, total: seen.append(done))
    assert sound(path, raw, tmp_path)
    (note,) = notes
    assert note.startswith(f"1.raw, a raw file of {path}, was written to or moved since")
    assert seen == [0, 3, 6, 9, 12, 13, 0, 3, 6, 9, 12, 13]


@pytest.mark.parametrize("stop", [6, 15], ids=["between shards", "after the last shard"])
def test_an_interrupted_generation_keeps_no_frame_of_a_raw_file_that_was_another_one_for_a_while(
    tmp_path: Path, raw: Path, stop: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    path, notes, made = tmp_path / "toy.zarr", [], []
    with monkeypatch.context() as patched:
        patched.setattr(Plan, "check_same_raw", interrupt)  # at the end, where it gets that far
        with pytest.raises(KeyboardInterrupt):
            generate(plan(raw, produce=PutBack(raw, stop)), path, workers=1)
    with pytest.raises(KeyboardInterrupt):  # interrupted once more: what is doubtful is still known
        generate(plan(raw, produce=interrupt), path, workers=1, on_note=notes.append)
    assert len(notes) == 1
    generate(plan(raw, produce=FromFiles(raw)), path, workers=1, on_progress=lambda done, total: made.append(done))
    assert made[0] == 0
    assert sound(path, raw, tmp_path)


def interrupt(*arguments: Any) -> Any:
    raise KeyboardInterrupt


def test_a_raw_file_that_is_touched_again_and_again_is_told_and_with_it_at_rest_the_store_is_made(
    tmp_path: Path, raw: Path
) -> None:
    path, produce = tmp_path / "toy.zarr", PutBack(raw)
    object.__setattr__(produce, "times", 2)
    with pytest.raises(
        StbenchError, match=rf"1\.raw, a raw file of {path}, was written to .* let it lie as it is, then"
    ):
        generate(plan(raw, produce=produce), path, workers=1)
    assert not path.exists()
    generate(plan(raw), path, workers=1)
    assert sound(path, raw, tmp_path)


def test_shards_made_before_a_run_are_kept_where_a_raw_file_is_touched_during_it(tmp_path: Path, raw: Path) -> None:
    path, asked = tmp_path / "toy.zarr", []

    class Noted(PutBack):
        def __call__(self, first: int, last: int) -> dict[str, np.ndarray]:
            asked.append(first)
            return super().__call__(first, last)

    with pytest.raises(KeyboardInterrupt):
        generate(plan(raw, stop=3), path, workers=1)
    (kept,) = (path.with_name("toy.zarr.part") / "done").glob("*.npz")
    generate(plan(raw, produce=Noted(raw)), path, workers=1)
    assert kept.stem == "0000000"
    assert asked == [3, 6, 9, 12] * 2
    assert sound(path, raw, tmp_path)


def test_raw_files_at_rest_are_read_once_however_often_the_work_goes_on(
    tmp_path: Path, raw: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    read: list[str] = []
    usual = hashlib.file_digest

    def noted(file: Any, algorithm: str) -> Any:
        read.append(Path(file.name).name)
        return usual(file, algorithm)

    monkeypatch.setattr(hashlib, "file_digest", noted)
    interrupted(raw, tmp_path / "toy.zarr")
    generate(plan(raw), tmp_path / "toy.zarr", workers=1)
    assert sorted(name for name in read if name.endswith(".raw")) == [f"{number}.raw" for number in range(5)]


def test_an_unchanged_raw_file_is_not_read_again(tmp_path: Path, raw: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    before = read_content(sorted(raw.iterdir()))
    exchange(raw, 2, b"\x2a" * 100)
    opened: list[str] = []
    usual = Path.open

    def noted(path: Path, *arguments: Any, **more: Any) -> Any:
        opened.append(path.name)
        return usual(path, *arguments, **more)

    monkeypatch.setattr(Path, "open", noted)
    now = read_content(sorted(raw.iterdir()), before)
    assert opened == ["2.raw"]
    assert content.difference(before, now).startswith("2.raw has the SHA-256")


def test_raw_files_are_looked_at_before_a_store_is_begun_and_not_again(tmp_path: Path, raw: Path) -> None:
    path = tmp_path / "toy.zarr"
    looks: list[bool] = []

    def damaged() -> None:
        raise StbenchError("2.raw is damaged: unpack it again")

    with pytest.raises(StbenchError, match="unpack it again"):
        generate(plan(raw, prepare=damaged), path, workers=1)
    assert [each.name for each in tmp_path.iterdir()] == ["raw"]
    # So what is unpacked again, and another file, is the first that the store is of.
    exchange(raw, 2, b"\x2a" * 120)
    begun = tmp_path / "toy.zarr.part" / "store"
    with pytest.raises(KeyboardInterrupt):
        generate(plan(raw, stop=6, prepare=lambda: looks.append(begun.exists())), path, workers=1)
    assert looks == [False]
    assert generate(plan(raw, prepare=lambda: looks.append(True)), path, workers=1).n_sequences == 13
    assert looks == [False]


def test_other_parameters_name_the_raw_file_that_made_them(tmp_path: Path, raw: Path) -> None:
    path = tmp_path / "toy.zarr"
    interrupted(raw, path)
    exchange(raw, 3, b"\x09" * 101)
    with pytest.raises(StbenchError, match=r"parameters \(bytes: .*of the raw files 3\.raw has 101 bytes and had 100"):
        generate(plan(raw, parameters={"bytes": 501}), path, workers=1)


def test_a_store_without_raw_files_says_nothing_of_them(tmp_path: Path) -> None:
    generate(toy(), tmp_path / "toy.zarr", workers=1)
    assert "raw_content" not in open_store(tmp_path / "toy.zarr").attributes
