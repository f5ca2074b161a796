"""Interrupted anywhere and continued, a run equals the uninterrupted one bit for bit."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import textwrap
import threading
from pathlib import Path

import pytest
import torch

from stbench.training.checkpoint import read_tensors
from stbench.training.loop import train

IDENTITY = {"model": "walker", "preset": "test"}
SETTINGS = {
    "split": "train",
    "steps": 40,
    "batch_size": 8,
    "learning_rate": 1e-2,
    "betas": [0.9, 0.99],
    "schedule": "constant",
    "precision": "float32",
    "log_every": 7,
    "checkpoint_seconds": 1e9,
}


def assert_same(first, second):
    assert first.keys() == second.keys()
    for name in first:
        assert torch.equal(first[name], second[name]), name


def log(folder):
    """Everything in the log that does not depend on the clock."""
    lines = [json.loads(line) for line in (folder / "log.jsonl").read_text().splitlines()]
    return [{name: line[name] for name in ("step", "losses", "learning_rate")} for line in lines]


def stop_after(calls):
    remaining = iter(range(calls))
    return lambda: next(remaining, None) is None


@pytest.mark.parametrize(
    "changes",
    [{}, {"average_decay": 0.9, "schedule": "cosine"}, {"precision": "bfloat16"}],
    ids=["plain", "averaged-cosine", "bfloat16"],
)
def test_interrupted_and_resumed_run_equals_the_uninterrupted_one(tmp_path, windows, walker, changes):
    settings = {**SETTINGS, **changes, "snapshots": [9, 33]}
    whole = walker()
    train(whole, windows, settings, tmp_path / "whole", seed=3, identity=IDENTITY)
    # 40 = 9 + 16 + 15 steps, in three sessions that share nothing but the folder.
    for calls, finished in ((9, False), (16, False), (100, True)):
        parts = walker()
        torch.manual_seed(calls)
        summary = train(parts, windows, settings, tmp_path / "parts", seed=3, identity=IDENTITY, stop=stop_after(calls))
        assert summary.finished is finished
    assert summary.resumed_from == 25
    assert_same(whole.state_dict(), parts.state_dict())
    for name in ("checkpoint/weights", "checkpoint/state", "snapshots/step-00009", "snapshots/step-00033"):
        assert_same(*(read_tensors(tmp_path / run / f"{name}.safetensors") for run in ("whole", "parts")))
    assert log(tmp_path / "whole") == log(tmp_path / "parts")


DEATHS = ("killed at 23", "killed while saving", "killed between the renames", "asked at 12")

CHILD = textwrap.dedent(
    """
    import os, pathlib, signal, sys, traceback
    import numpy as np, torch
    sys.path.insert(0, sys.argv[2])
    from conftest import ArrayWindows, Walker
    from stbench.training import checkpoint
    from stbench.training.loop import train

    def run(folder, death, settings):
        def progress(step, steps, losses):
            if death == f"killed at {step}":
                os.kill(os.getpid(), signal.SIGKILL)
            if death == f"asked at {step}":
                os.kill(os.getpid(), signal.SIGTERM)

        if death == "killed while saving":
            replace = os.replace
            def die(new, path):
                if path.name == "state.json" and (folder / "checkpoint").exists():
                    os.kill(os.getpid(), signal.SIGKILL)
                replace(new, path)
            os.replace = die
        if death == "killed between the renames":
            rename = pathlib.Path.rename
            def die(path, target):
                rename(path, target)
                if target.name == "checkpoint.previous":
                    os.kill(os.getpid(), signal.SIGKILL)
            pathlib.Path.rename = die
        windows = ArrayWindows(np.random.default_rng(5).random((5, 12, 6), dtype=np.float32))
        torch.manual_seed(11)
        identity = {"model": "walker", "preset": "test"}
        print(train(Walker(), windows, settings, folder, seed=3, identity=identity, on_progress=progress), flush=True)

    # One process for each death, forked from here so that torch is imported once.
    torch.set_num_threads(1)
    settings = eval(sys.argv[3])
    for death in sys.argv[4:]:
        child = os.fork()
        if child == 0:
            try:
                # A checkpoint after every step where it is to die, so that each kind of death meets one.
                changes = {"checkpoint_seconds": 1e9 * ("asked" in death)}
                run(pathlib.Path(sys.argv[1]) / death, death, settings | changes)
            except BaseException:
                traceback.print_exc()
            os._exit(0)
        print(death, os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), flush=True)
    """
)


@pytest.fixture(scope="module")
def dead(tmp_path_factory):
    """Folder with one run per death, and what the processes printed."""
    folder = tmp_path_factory.mktemp("dead")
    command = [sys.executable, "-c", CHILD, str(folder), str(Path(__file__).parent), repr(SETTINGS), *DEATHS]
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    child = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=300, check=True)
    assert not child.stderr
    return folder, child.stdout.splitlines()


@pytest.mark.parametrize("death", DEATHS)
def test_killed_process_continues_from_its_last_checkpoint_to_the_same_weights(tmp_path, windows, walker, dead, death):
    whole = walker()
    train(whole, windows, SETTINGS, tmp_path / "whole", seed=3, identity=IDENTITY)
    folder, printed = dead
    assert f"{death} {0 if 'asked' in death else -signal.SIGKILL}" in printed
    shutil.copytree(folder / death, tmp_path / "parts")
    parts = walker()
    summary = train(parts, windows, SETTINGS, tmp_path / "parts", seed=3, identity=IDENTITY)
    assert 0 < summary.resumed_from < 40
    assert summary.finished
    assert_same(whole.state_dict(), parts.state_dict())
    assert log(tmp_path / "whole") == log(tmp_path / "parts")
    assert {path.name for path in (tmp_path / "parts").iterdir()} == {"checkpoint", "log.jsonl"}


def test_terminated_process_stops_after_the_step_and_says_how_to_continue(dead):
    folder, printed = dead
    assert "stopped by signal after 12 steps; the same command continues from there" in printed
    assert json.loads((folder / "asked at 12/checkpoint/state.json").read_text())["step"] == 12


def test_signal_handlers_are_put_back(tmp_path, windows, walker):
    before = [signal.getsignal(each) for each in (signal.SIGINT, signal.SIGTERM)]
    train(walker(), windows, {**SETTINGS, "steps": 2}, tmp_path / "a", seed=3, identity=IDENTITY)
    assert before == [signal.getsignal(each) for each in (signal.SIGINT, signal.SIGTERM)]


def test_training_outside_the_main_thread_leaves_signals_alone(tmp_path, windows, walker):
    done = []

    def work():
        done.append(train(walker(), windows, {**SETTINGS, "steps": 2}, tmp_path / "a", seed=3, identity=IDENTITY))

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    assert done[0].finished


def test_log_lines_beyond_the_checkpoint_and_half_written_ones_are_dropped(tmp_path, windows, walker):
    train(walker(), windows, SETTINGS, tmp_path / "a", seed=3, identity=IDENTITY, stop=stop_after(14))
    with (tmp_path / "a/log.jsonl").open("a") as file:
        file.write('{"step": 21, "losses": {}}\n{"step": 28, "los')
    train(walker(), windows, SETTINGS, tmp_path / "a", seed=3, identity=IDENTITY)
    assert [line["step"] for line in log(tmp_path / "a")] == [7, 14, 21, 28, 35, 40]
    assert all(line["losses"] for line in log(tmp_path / "a"))


def test_finished_run_returns_at_once_with_its_weights(tmp_path, windows, walker):
    first = walker()
    done = train(first, windows, {**SETTINGS, "average_decay": 0.9}, tmp_path / "a", seed=3, identity=IDENTITY)

    class Unread(type(windows)):
        @property
        def frames(self):
            raise AssertionError("a finished run reads no frames")

        @frames.setter
        def frames(self, value):
            pass

    second, unread = walker(), Unread(windows.frames)
    unread.rows = windows.rows
    again = train(second, unread, {**SETTINGS, "average_decay": 0.9}, tmp_path / "a", seed=3, identity=IDENTITY)
    assert (again.finished, again.steps, again.resumed_from) == (True, 40, 40)
    assert (again.losses, again.loader_share) == (done.losses, done.loader_share)
    assert_same(first.state_dict(), second.state_dict())
