"""Files and folders are there whole or not at all."""

from __future__ import annotations

import os
import select
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from stbench import files
from stbench.errors import StbenchError
from stbench.locks import locked


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


GROWING = """
import sys, time
from pathlib import Path
from stbench import files
folder, who = Path(sys.argv[1]), sys.argv[2]
take_place = files.take_place
def slowly(new, path):
    if path == folder:
        print("about to rename", flush=True)
        sys.stdin.readline()
    take_place(new, path)
files.take_place = slowly
def write(part):
    files.write_text(part / who, "")
    print("wrote", flush=True)
files.grow_folder(folder, write)
print("done", flush=True)
"""


def growing(folder: Path, who: str) -> subprocess.Popen[str]:
    words = [sys.executable, "-c", GROWING, str(folder), who]
    return subprocess.Popen(words, stdin=-1, stdout=-1, stderr=-1, text=True)


def test_a_second_process_waits_until_the_folder_has_its_name_and_says_so(tmp_path: Path) -> None:
    """Were the lock given up before the rename, it would make the folder once more."""
    folder = tmp_path / "raw"
    with growing(folder, "first") as first:
        assert first.stdout
        assert (first.stdout.readline(), first.stdout.readline()) == ("wrote\n", "about to rename\n")
        with growing(folder, "second") as second:
            heard = select.select([second.stdout, second.stderr], [], [], 60)[0]
            first.communicate("now\n", timeout=60)
            wrote, told = second.communicate("now\n", timeout=60)
    assert heard == [second.stderr]
    assert told == f"another process is generating {folder} right now: waiting for it\n"
    assert wrote == "done\n"
    assert names(tmp_path) == ["raw"]
    assert names(folder) == ["first"]


def never(part: Path) -> None:
    raise AssertionError("the folder was there")


def test_what_a_process_left_that_was_killed_at_the_end_is_removed(tmp_path: Path) -> None:
    folder, part = tmp_path / "raw", tmp_path / "raw.part"
    folder.mkdir()
    part.mkdir()
    for file in (folder / "a", folder / "lock", part / "a", part / "lock"):
        file.touch()
    files.grow_folder(folder, never)
    assert names(tmp_path) == ["raw"]
    assert names(folder) == ["a"]


def test_what_cannot_be_removed_or_is_held_is_let_be(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder, part = tmp_path / "raw", tmp_path / "raw.part"
    folder.mkdir()
    with locked(part, "growing"):
        files.grow_folder(folder, never)
        assert names(part) == ["lock"]

    def deny(path: Path, *arguments: object, **more: object) -> None:
        raise PermissionError(13, "Permission denied", str(path))

    monkeypatch.setattr(Path, "unlink", deny)
    monkeypatch.setattr(os, "rmdir", deny)
    files.grow_folder(folder, never)
    assert names(tmp_path) == ["raw", "raw.part"]


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
