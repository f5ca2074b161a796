"""One process at a time, with the file system's locks and without."""

from __future__ import annotations

import errno
import itertools
import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from stbench import locks
from stbench.errors import StbenchError

HOLDER = """
import errno, os, sys, time
from pathlib import Path
if sys.argv[2] == "no fcntl":
    sys.modules["fcntl"] = None
from stbench.locks import locked
if sys.argv[2] not in ("0", "no fcntl"):
    import fcntl
    def flock(descriptor, operation):
        raise OSError(int(sys.argv[2]), os.strerror(int(sys.argv[2])))
    fcntl.flock = flock
with locked(Path(sys.argv[1]), "holding it"):
    print("held", flush=True)
    time.sleep(60)
"""
BEAT = """
import os, sys, time
while os.path.exists(sys.argv[1]):
    os.utime(sys.argv[1])
    time.sleep(0.05)
"""
KINDS = pytest.mark.parametrize("answer", [0, errno.ENOLCK, errno.ENOSYS])


def no_flock(answer: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """What a file system without locks says."""

    def flock(descriptor: int, operation: int) -> None:
        raise OSError(answer, os.strerror(answer))

    if answer:
        monkeypatch.setattr("fcntl.flock", flock)


def holder(folder: Path, answer: int | str) -> subprocess.Popen[str]:
    process = subprocess.Popen(
        [sys.executable, "-c", HOLDER, str(folder), str(answer)], stdout=-1, stderr=-1, text=True
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "held\n"
    return process


@KINDS
def test_a_second_process_is_refused_and_a_killed_one_holds_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, answer: int
) -> None:
    no_flock(answer, monkeypatch)
    process = holder(tmp_path, answer)
    try:
        with pytest.raises(StbenchError, match="another process is doing it right now: wait"):
            locks.locked(tmp_path, "doing it").__enter__()
    finally:
        process.kill()
        process.communicate()
    with locks.locked(tmp_path, "doing it") as check_held:
        check_held()


@KINDS
def test_who_waits_is_told_once_and_has_its_turn_when_the_other_dies(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, answer: int
) -> None:
    no_flock(answer, monkeypatch)
    process, told = holder(tmp_path, answer), []

    def waiting(sentence: str) -> None:
        told.append(sentence)
        process.kill()
        process.communicate()

    with locks.locked(tmp_path, "doing it", waiting=waiting):
        assert told == ["another process is doing it right now: waiting for it"]


@KINDS
def test_the_folder_may_be_renamed_away_while_it_is_held(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, answer: int
) -> None:
    no_flock(answer, monkeypatch)
    with locks.locked(tmp_path / "part", "doing it"):
        assert all(locks.is_of_lock(each.name) for each in (tmp_path / "part").iterdir())
        locks.remove_lock(tmp_path / "part")
        (tmp_path / "part").rename(tmp_path / "whole")
    assert not list((tmp_path / "whole").iterdir())
    with locks.locked(tmp_path / "part", "doing it again"):
        pass


def test_without_locks_a_note_names_the_file_with_host_pid_and_heartbeat(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    no_flock(errno.ENOLCK, monkeypatch)
    monkeypatch.setattr(locks, "HEARTBEAT_SECONDS", 0.05)
    with locks.locked(tmp_path, "doing it"):
        said = (tmp_path / "lease").read_text()
        assert f"pid={os.getpid()}\n" in said
        assert "host=" in said
        before, patience = (tmp_path / "lease").stat().st_mtime_ns, time.monotonic() + 30
        while (tmp_path / "lease").stat().st_mtime_ns == before:
            assert time.monotonic() < patience
            time.sleep(0.01)
    (record,) = caplog.records
    assert f"(No locks available): a file with host, pid and heartbeat stands in, {tmp_path}/lease" in record.message


def test_without_fcntl_the_same_file_stands_in(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    process = holder(tmp_path, "no fcntl")
    assert process.poll() is None
    assert f"pid={process.pid}\n" in (tmp_path / "lease").read_text()
    no_flock(errno.ENOLCK, monkeypatch)
    with pytest.raises(StbenchError, match="another process is doing it right now"):
        locks.locked(tmp_path, "doing it").__enter__()
    process.kill()
    said = process.communicate()[1]
    assert said == f"this Python has no fcntl: a file with host, pid and heartbeat stands in, {tmp_path}/lease\n"
    again = holder(tmp_path, "no fcntl")
    assert f"pid={again.pid}\n" in (tmp_path / "lease").read_text(), "of a killed process it is taken over"
    again.kill()
    again.communicate()


def foreign(folder: Path, seconds: float) -> Path:
    """The lease of a process on another host."""
    path = folder / "lease"
    path.write_text(f"filelock/2\npid=7\nhost=elsewhere\nmode=lease\ntoken=abc\nduration={seconds!r}\n")
    return path


def test_a_holder_on_another_host_without_heartbeat_is_succeeded(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    no_flock(errno.ENOLCK, monkeypatch)
    monkeypatch.setattr(locks, "LEASE_SECONDS", 0.6)
    monkeypatch.setattr(locks, "HEARTBEAT_SECONDS", 0.3)
    foreign(tmp_path, 0.6)
    with locks.locked(tmp_path, "doing it"):
        assert "elsewhere" not in (tmp_path / "lease").read_text()
    assert "another process (pid 7 on elsewhere) is doing it right now: waiting for it" in caplog.text


def test_a_holder_on_another_host_with_a_heartbeat_is_left_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    no_flock(errno.ENOLCK, monkeypatch)
    monkeypatch.setattr(locks, "LEASE_SECONDS", 2.0)
    monkeypatch.setattr(locks, "HEARTBEAT_SECONDS", 0.5)
    path = foreign(tmp_path, 2.0)
    beat = subprocess.Popen([sys.executable, "-c", BEAT, str(path)])
    try:
        with pytest.raises(StbenchError, match=r"another process \(pid 7 on elsewhere\) is doing it"):
            locks.locked(tmp_path, "doing it").__enter__()
    finally:
        path.unlink()
        beat.wait(30)


def test_a_lease_that_was_lost_is_noticed_before_the_next_step(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    no_flock(errno.ENOLCK, monkeypatch)
    monkeypatch.setattr(locks, "HEARTBEAT_SECONDS", 0.02)
    with locks.locked(tmp_path, "doing it") as check_held:
        check_held()
        (tmp_path / "lease").unlink()
        patience = itertools.takewhile(lambda now: now < 3000, itertools.count())
        with pytest.raises(StbenchError, match="was lost while doing it"):
            [(check_held(), time.sleep(0.01)) for _ in patience]


def test_other_refusals_of_the_system_are_passed_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    no_flock(errno.EIO, monkeypatch)
    with pytest.raises(OSError, match="Input/output error"):
        locks.locked(tmp_path, "doing it").__enter__()
