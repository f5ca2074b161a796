"""Files and folders are there whole or not at all."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from stbench import files
from stbench.errors import StbenchError


def names(folder: Path) -> list[str]:
    return sorted(each.name for each in folder.iterdir())


def test_a_file_is_replaced_as_a_whole_and_nothing_is_left_beside_it(tmp_path: Path) -> None:
    path = tmp_path / "new" / "a.json"
    files.write_json(path, {"b": 1})
    assert path.read_text("utf-8") == '{\n "b": 1\n}\n'
    with files.atomic_file(path) as part:
        part.write_bytes(b"half")
        assert path.read_text("utf-8").startswith("{")
    assert path.read_bytes() == b"half"
    assert names(path.parent) == ["a.json"]


def test_where_writing_fails_the_old_file_stays(tmp_path: Path) -> None:
    path = tmp_path / "a.txt"
    files.write_text(path, "old\r\n")

    def interrupted(part: Path) -> None:
        part.write_text("half")
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt), files.atomic_file(path) as part:
        interrupted(part)
    with pytest.raises(ValueError, match="JSON compliant"):
        files.write_json(path, {"value": float("nan")})
    assert path.read_bytes() == b"old\r\n"
    assert names(tmp_path) == ["a.txt"]


def test_content_and_name_are_on_disk_when_a_file_has_its_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path, done = tmp_path / "a", []
    synced, replaced = os.fsync, os.replace
    monkeypatch.setattr(os, "fsync", lambda of: (done.append(os.readlink(f"/proc/self/fd/{of}")), synced(of)))
    monkeypatch.setattr(os, "replace", lambda old, new: (done.append("rename"), replaced(old, new)))
    files.write_bytes(path, b"1")
    assert done[0].endswith(".partial.a")
    assert done[1:] == ["rename", str(tmp_path)]


def test_the_hidden_name_keeps_the_suffix_so_that_formats_are_chosen_as_ever(tmp_path: Path) -> None:
    with files.atomic_file(tmp_path / "a.npz") as part:
        np.savez(part, x=np.arange(3))
    assert np.load(tmp_path / "a.npz")["x"].tolist() == [0, 1, 2]
    assert names(tmp_path) == ["a.npz"]


def test_a_folder_is_replaced_as_a_whole(tmp_path: Path) -> None:
    path = tmp_path / "a"
    for content in ("old", "new"):
        with files.atomic_folder(path) as part:
            (part / content).touch()
    with pytest.raises(FileNotFoundError), files.atomic_folder(path) as part:
        (part / "there" / "half").touch()
    assert names(tmp_path) == ["a"]
    assert names(path) == ["new"]


def test_a_folder_that_grows_goes_on_where_it_was_interrupted(tmp_path: Path) -> None:
    folder, asked = tmp_path / "raw", []

    def write(part: Path) -> None:
        for name in ("a", "b"):
            if not (part / name).exists():
                asked.append(name)
                files.write_bytes(part / name, b"")
                if asked == ["a"]:
                    (part / ".0.partial.b").touch()  # of a process that was killed
                    raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        files.grow_folder(folder, write)
    assert not folder.exists()
    files.grow_folder(folder, write)
    files.grow_folder(folder, write)
    assert asked == ["a", "b"]
    assert names(tmp_path) == ["raw"]
    assert names(folder) == ["a", "b"]


def test_a_full_disk_is_told_in_one_sentence(tmp_path: Path) -> None:
    def full(part: Path) -> None:
        raise OSError(28, "No space left on device")

    with pytest.raises(StbenchError, match=r"there is no space to write .*raw"):
        files.grow_folder(tmp_path / "raw", full)


KILLED = """
import os, signal, sys
from pathlib import Path
from stbench import files
path = Path(sys.argv[1])
with files.atomic_file(path) as part:
    part.write_text("half")
    os.kill(os.getpid(), signal.SIGKILL)
"""


def test_killed_while_it_writes_the_old_file_stays_and_what_is_left_is_known_as_such(tmp_path: Path) -> None:
    path = tmp_path / "a.txt"
    files.write_text(path, "old")
    assert subprocess.run([sys.executable, "-c", KILLED, str(path)], check=False).returncode == -signal.SIGKILL
    assert path.read_text() == "old"
    (left,) = (each for each in tmp_path.iterdir() if each != path)
    assert files.is_partial(left)
    assert not files.is_partial(path)
