"""Commands in processes that begin with everything imported: as in a fresh one, but sooner."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from stbench.running.processes import WARM, Processes


def test_a_command_has_its_own_environment_folder_output_and_exit_code(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    processes = Processes({**os.environ, "STBENCH_DATA": str(tmp_path / "données")})
    before = dict(os.environ)
    assert processes.call(["generate", "waveeq-100", "--set", "sequences=0"], tmp_path / "refused") == 2
    (sentence,) = (tmp_path / "refused").read_text().splitlines()
    assert sentence.startswith("stbench: error: ")
    words = ["generate", "waveeq-100", "--set", "sequences=3", "--out", "here.zarr"]
    assert processes.call(words, tmp_path / "made") == 0, (tmp_path / "made").read_text()
    assert (tmp_path / "here.zarr").is_dir()
    assert dict(os.environ) == before


def test_a_command_that_a_signal_ends_tells_its_number(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("stbench.running.processes._command", _die)
    assert Processes(os.environ).call([]) == -9


def _die(*_: object) -> None:
    os.kill(os.getpid(), 9)


@pytest.mark.skipif(not Path("/proc/self/task").is_dir(), reason="threads are counted in /proc")
def test_what_is_imported_ahead_starts_no_thread() -> None:
    code = f"import os, {WARM}; print(len(os.listdir('/proc/self/task')))"
    one = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1")
    done = subprocess.run([sys.executable, "-c", code], env={**os.environ, **one}, capture_output=True, text=True)
    assert (done.stdout, done.stderr) == ("1\n", "")
