"""Two processes that want the same run, training or data: one works, the other waits and goes on from what is there."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from stbench.results.record import read_record
from stbench.training.checkpoint import read_tensors

pytestmark = pytest.mark.slow

CHANGES = {"training.steps": "80", "training.log_every": "10", "training.snapshots": "[]"}
PATIENCE = 240
Start = Callable[..., "Told"]

STANDING = {
    "": "",
    "in training": """
from stbench.training import log
line = log.TrainingLog._line
def stand(self, step):
    line(self, step)
    if step == 20:
        os.kill(os.getpid(), signal.SIGSTOP)
log.TrainingLog._line = stand
""",
    "in making data": """
from stbench.store import writer
write = writer._write_shards
def stand(*arguments):
    os.kill(os.getpid(), signal.SIGSTOP)
    return write(*arguments)
writer._write_shards = stand
""",
}
"""Where a process stands still until it is told to go on -> what makes it."""


class Told:
    """A `stbench run` in a process of its own, and what it has said on standard error so far."""

    def __init__(self, words: list[str], environment: dict[str, str], standing: str) -> None:
        program = f"import os, signal\n{STANDING[standing]}\nfrom stbench.cli.main import main\nmain()"
        command = [sys.executable, "-c", program, *words]
        self.process = subprocess.Popen(command, stdout=-1, stderr=-1, text=True, env=environment)
        self.said = ""
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def _read(self) -> None:
        assert self.process.stderr is not None
        for line in self.process.stderr:
            self.said += line

    def end(self) -> int:
        code = self.process.wait(PATIENCE)
        self._reader.join(PATIENCE)
        return code


def until(true: Callable[[], bool], *processes: Told) -> None:
    """Wait until something is true; it never will be when one of these has ended."""
    end = time.monotonic() + PATIENCE
    while not true():
        assert time.monotonic() < end, [each.said for each in processes]
        assert all(each.process.poll() is None for each in processes), [each.said for each in processes]
        time.sleep(0.02)


@pytest.fixture
def start(tmp_path: Path, data: Path) -> Iterator[Start]:
    """`start(model, standing)` begins a run under tmp_path/runs, which stands still in a place of `STANDING`."""
    started: list[Told] = []

    def make(
        model: str, standing: str = "", *, data: Path = data, changes: dict[str, str] = CHANGES, out: str = "runs"
    ) -> Told:
        words = ["run", "--model", model, "--dataset", "waveeq-100", "--set", "sequences=5"]
        words += ["--no-table", "--out", str(tmp_path / out)]
        for name, value in changes.items():
            words += ["--set-model", f"{name}={value}"]
        environment = {**os.environ, "STBENCH_DATA": str(data), "OMP_NUM_THREADS": "1", "COLUMNS": "500"}
        started.append(Told(words, environment, standing))
        return started[-1]

    yield make
    for each in started:
        if each.process.poll() is None:
            each.process.kill()
            each.process.wait()


def lines(folder: Path) -> list[int]:
    """Steps of the lines of the one training log under a folder of runs."""
    found = [json.loads(line)["step"] for path in folder.rglob("log.jsonl") for line in path.read_text().splitlines()]
    return found


def check_whole(folder: Path, start: Start) -> None:
    """One record, its log with each step once, and the weights of a run that nothing disturbed, on as many threads."""
    runs, alone = folder / "runs", folder / "alone"
    assert lines(runs) == [*range(10, 81, 10)]
    (record,) = (read_record(path.parent) for path in runs.rglob("record.json"))
    assert record.training["finished"]
    assert start("sepvar", out="alone").end() == 0
    found, expected = (read_tensors(*each.rglob("checkpoint/weights.safetensors")) for each in (runs, alone))
    assert found.keys() == expected.keys()
    assert all(found[name].equal(expected[name]) for name in expected)
    assert not [path for path in runs.rglob("*") if ".part" in path.name]


def training(runs: Path) -> bool:
    return 20 in lines(runs)


@pytest.fixture
def one_at_work_and_one_waiting(tmp_path: Path, start: Start) -> tuple[Told, Told]:
    """The first stands still in the midst of its training."""
    first = start("sepvar", "in training")
    until(lambda: training(tmp_path / "runs"), first)
    second = start("sepvar")
    until(lambda: "waiting for it" in second.said, second)
    assert "another process is running sepvar in" in second.said
    return first, second


def test_of_two_equal_runs_one_trains_and_the_other_waits_for_it(
    tmp_path: Path, start: Start, one_at_work_and_one_waiting: tuple[Told, Told]
) -> None:
    first, second = one_at_work_and_one_waiting
    first.process.send_signal(signal.SIGCONT)
    assert (first.end(), second.end()) == (0, 0), first.said + second.said
    assert "trained 80 steps" in first.said
    assert "trained" not in second.said
    check_whole(tmp_path, start)


def test_a_run_whose_process_was_killed_is_taken_over_by_the_one_that_waits(
    tmp_path: Path, start: Start, one_at_work_and_one_waiting: tuple[Told, Told]
) -> None:
    first, second = one_at_work_and_one_waiting
    first.process.kill()
    assert second.end() == 0, second.said
    assert first.end() == -signal.SIGKILL
    assert "trained 80 steps" in second.said
    check_whole(tmp_path, start)


def test_another_track_waits_for_the_training_both_share(tmp_path: Path, start: Start) -> None:
    first = start("sepvar", "in training")
    until(lambda: training(tmp_path / "runs"), first)
    (weights,) = (path.parent for path in (tmp_path / "runs").rglob("log.jsonl"))
    second = subprocess.run(
        [sys.executable, "-c", WAITS, str(weights)], capture_output=True, text=True, timeout=PATIENCE, check=True
    )
    assert "another process is training" in second.stdout
    first.process.send_signal(signal.SIGCONT)
    assert first.end() == 0


WAITS = """
import os, sys
from pathlib import Path
from stbench.running.turns import turn

def note(sentence):
    print(sentence, flush=True)
    os._exit(0)

with turn(Path(sys.argv[1]), "training", note):
    print("nobody is in it")
"""


def test_two_runs_that_lack_the_same_data_make_it_once(tmp_path: Path, start: Start) -> None:
    """Different models in a job array, as each of them starts."""
    data = tmp_path / "data"
    first = start("mean", "in making data", data=data, changes={})
    until(lambda: any(data.glob("*.part")), first)
    second = start("persistence", data=data, changes={})
    until(lambda: "waiting for it" in second.said, second)
    assert "another process is generating" in second.said
    first.process.send_signal(signal.SIGCONT)
    assert (first.end(), second.end()) == (0, 0), first.said + second.said
    assert len([*(tmp_path / "runs").rglob("record.json")]) == 2
    assert not [*data.glob("*.part")]


def test_data_whose_maker_was_killed_is_made_by_the_run_that_waits(tmp_path: Path, start: Start) -> None:
    data = tmp_path / "data"
    first = start("mean", "in making data", data=data, changes={})
    until(lambda: any(data.glob("*.part")), first)
    second = start("persistence", data=data, changes={})
    until(lambda: "waiting for it" in second.said, second)
    first.process.kill()
    assert second.end() == 0, second.said
    assert not [*data.glob("*.part")]
