"""Interrupted at any moment, the same command goes on and ends with the same digest."""

from __future__ import annotations

import errno
import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import psutil
import pytest
from toy_dataset import Produce, toy

from stbench.errors import StbenchError
from stbench.store import integrity, layout, writer
from stbench.store.layout import layout_of
from stbench.store.reader import open_store
from stbench.store.verify import verify
from stbench.store.writer import generate

SCRIPT = """
import fcntl, os, sys
from pathlib import Path
from toy_dataset import StuckAfter, toy
from stbench.store.writer import generate
def flock(descriptor, operation):
    raise OSError(int(sys.argv[4]), os.strerror(int(sys.argv[4])))
if sys.argv[4] != "0":  # a file system without locks
    fcntl.flock = flock
if __name__ == "__main__":
    path = Path(sys.argv[1])
    produce = StuckAfter(path.with_name(path.name + ".part") / "done", int(sys.argv[3]))
    generate(toy(24, per_shard=1, produce=produce), path, workers=2, scheduler=sys.argv[2])
"""


def start(path: Path, scheduler: str, stuck_after: int, flock_answers: int = 0) -> subprocess.Popen[bytes]:
    """A process that generates the toy and never gets much further than `stuck_after` shards."""
    script = path.with_name("generate_toy.py")
    script.write_text(SCRIPT)
    environment = os.environ | {"PYTHONPATH": str(Path(__file__).parent), "OMP_NUM_THREADS": "1"}
    words = [sys.executable, str(script), str(path), scheduler, str(stuck_after), str(flock_answers)]
    return subprocess.Popen(words, env=environment)


def markers(path: Path) -> list[Path]:
    return sorted(path.with_name(path.name + ".part").glob("done/*.npz"))


def wait_for(process: subprocess.Popen[bytes], path: Path, shards: int) -> None:
    patience = time.monotonic() + 120
    while len(markers(path)) < shards:
        assert process.poll() is None
        assert time.monotonic() < patience, f"{len(markers(path))} of {shards} shards after two minutes"
        time.sleep(0.005)


def kill_after(process: subprocess.Popen[bytes], path: Path, shards: int, delay: float) -> None:
    wait_for(process, path, shards)
    time.sleep(delay)
    workers = psutil.Process(process.pid).children(recursive=True)
    process.send_signal(signal.SIGKILL)
    process.wait()
    assert not psutil.wait_procs(workers, timeout=30)[1]  # none is left waiting for work


def without_locks(monkeypatch: pytest.MonkeyPatch, answer: int) -> None:
    def flock(descriptor: int, operation: int) -> None:
        raise OSError(answer, os.strerror(answer))

    monkeypatch.setattr("fcntl.flock", flock)


@pytest.mark.parametrize(
    ("scheduler", "flock_answers"),
    [
        ("threads", 0),
        ("processes", 0),
        ("threads", errno.ENOLCK),
        pytest.param("threads", errno.ENOSYS, marks=pytest.mark.slow),
    ],
)
def test_killed_again_and_again_it_ends_with_the_same_digest(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, scheduler: str, flock_answers: int
) -> None:
    path = tmp_path / "toy.zarr"
    if flock_answers:
        without_locks(monkeypatch, flock_answers)
    moments = random.Random(scheduler)
    for shards in [2, 8, 15] if scheduler == "threads" else [4]:
        kill_after(start(path, scheduler, shards + 4, flock_answers), path, shards, moments.uniform(0, 0.08))
        assert not path.exists()
        assert len(markers(path)) >= shards
        with pytest.raises(StbenchError, match="half-written"):
            open_store(path)
    seen: list[int] = []
    store = generate(toy(24, per_shard=1), path, workers=2, on_progress=lambda done, total: seen.append(done))
    assert seen[0] >= 4  # what was recorded before the kill is not made again
    assert store.digest == generate(toy(24, per_shard=1), tmp_path / "whole.zarr", workers=1).digest
    assert verify(path).ok
    assert not path.with_name("toy.zarr.part").exists()
    assert not list(path.rglob("*.partial"))


@pytest.mark.parametrize("moment", ["tables", "rename", "clearing up"])
def test_stopped_while_finishing_it_goes_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, moment: str) -> None:
    target, name = {
        "tables": (integrity, "write"),
        "rename": (writer.os, "rename"),
        "clearing up": (writer.Part, "remove"),
    }[moment]

    def stop(*arguments: Any) -> None:
        raise KeyboardInterrupt

    path = tmp_path / "toy.zarr"
    with monkeypatch.context() as patch:
        patch.setattr(target, name, stop)
        with pytest.raises(KeyboardInterrupt):
            generate(toy(), path)
    assert path.exists() == (moment == "clearing up")

    def never(first: int, last: int) -> dict[str, Any]:
        raise AssertionError("all shards were there")

    store = generate(toy(produce=never), path)
    assert verify(path).ok
    assert store.digest == generate(toy(), tmp_path / "whole.zarr").digest
    assert not path.with_name("toy.zarr.part").exists()


def test_a_process_killed_before_its_plan_was_there_is_succeeded(tmp_path: Path) -> None:
    part = tmp_path / "toy.zarr.part"
    (part / "store").mkdir(parents=True)
    (part / ".0123.partial.plan.json").write_text("{")
    (part / "lease.break.7.abc").touch()
    assert verify(generate(toy(), tmp_path / "toy.zarr").path).ok


def test_a_lock_file_that_comes_back_while_the_part_is_removed_does_no_harm(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    removed = os.unlink

    def made_again(path: Any, *arguments: Any, **more: Any) -> None:
        removed(path, *arguments, **more)
        if path == "lock":  # somebody who waits for his turn opens it
            (tmp_path / "toy.zarr.part" / "lock").touch()

    monkeypatch.setattr(os, "unlink", made_again)
    assert generate(toy(), tmp_path / "toy.zarr").n_sequences == 13
    monkeypatch.undo()
    generate(toy(), tmp_path / "toy.zarr")
    assert [each.name for each in tmp_path.iterdir()] == ["toy.zarr"]


class Failing:
    """Fails at one sequence; counts what it was asked for."""

    def __init__(self, at: int) -> None:
        self.at = at
        self.asked: list[int] = []

    def __call__(self, first: int, last: int) -> dict[str, Any]:
        self.asked.append(first)
        if first == self.at:
            raise KeyboardInterrupt
        return Produce(0, 12, 8)(first, last)


def interrupted(path: Path) -> None:
    with pytest.raises(KeyboardInterrupt):
        generate(toy(per_shard=1, produce=Failing(9)), path, workers=1)
    assert len(markers(path)) >= 3


@pytest.mark.parametrize("damage", ["missing shard", "short shard", "broken marker"])
def test_recorded_shards_that_are_not_whole_are_made_again(tmp_path: Path, damage: str) -> None:
    path = tmp_path / "toy.zarr"
    interrupted(path)
    number = int(markers(path)[1].stem)
    shard = tmp_path / "toy.zarr.part" / "store" / "frames" / f"c.{number}.0.0.0.0"
    if damage == "missing shard":
        shard.unlink()
    elif damage == "short shard":
        shard.write_bytes(shard.read_bytes()[:-1])
    else:
        markers(path)[1].write_bytes(b"PK")
    recorded = {int(marker.stem) for marker in markers(path)}
    again = Failing(-1)
    store = generate(toy(per_shard=1, produce=again), path, workers=1)
    assert set(again.asked) == set(range(13)) - recorded | {number}
    assert verify(path).ok
    assert store.digest == generate(toy(), tmp_path / "whole.zarr").digest


def test_going_on_with_other_parameters_is_refused_and_loses_nothing(tmp_path: Path) -> None:
    path = tmp_path / "toy.zarr"
    interrupted(path)
    before = markers(path)
    with pytest.raises(StbenchError, match=r"other parameters \(seed: 0 there, 1 here\)"):
        generate(toy(per_shard=1, seed=1), path)
    with pytest.raises(StbenchError, match="lays out shards otherwise"):
        generate(toy(per_shard=2), path)
    assert markers(path) == before


def test_other_parameters_are_refused_before_a_shard_is_looked_at_as_one_of_theirs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "toy.zarr"
    interrupted(path)
    assert len(layout_of(toy(size=2)).sharded) < len(layout_of(toy()).sharded)
    with pytest.raises(StbenchError, match=r"other parameters \(size: 8 there, 2 here\)"):
        generate(toy(size=2, per_shard=1), path)
    monkeypatch.setattr(layout, "GATHERED_BYTES", 10**6)
    with pytest.raises(StbenchError, match="lays out shards otherwise"):
        generate(toy(per_shard=1), path)


@pytest.mark.parametrize("flock_answers", [0, errno.ENOLCK])
def test_a_second_process_on_the_same_store_is_refused_while_the_first_lives(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, flock_answers: int
) -> None:
    path = tmp_path / "toy.zarr"
    if flock_answers:
        without_locks(monkeypatch, flock_answers)
    process = start(path, "threads", 3, flock_answers)
    try:
        wait_for(process, path, 1)
        with pytest.raises(StbenchError, match="another process is generating"):
            generate(toy(24, per_shard=1), path)
    finally:
        process.kill()
        process.wait()
    assert generate(toy(24, per_shard=1), path).n_sequences == 24
