"""Several runs: one at a time or side by side, the same numbers; one that fails stops no other."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from click.testing import CliRunner

from stbench.cli.main import cli
from stbench.errors import StbenchError
from stbench.progress import Silent
from stbench.running import suite
from stbench.running.plan import dataset_for
from stbench.running.score import track_by_id
from stbench.running.suite import Job, run_all

SMALL = {"sequences": "10"}
FLOORS = ("persistence", "mean")


class Heard(Silent):
    def __init__(self) -> None:
        self.notes: list[str] = []

    def note(self, sentence: str) -> None:
        self.notes.append(sentence)


def records(folder: Path) -> dict[str, Any]:
    found = (json.loads(path.read_text()) for path in folder.rglob("record.json"))
    return {each["model"]: each for each in found}


def jobs_of(*models: str) -> list[Job]:
    return [Job(model, "waveeq-100", "quick", settings=SMALL) for model in models]


@pytest.fixture(autouse=True)
def own_data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("STBENCH_DATA", str(tmp_path / "data"))


@pytest.mark.slow
def test_runs_side_by_side_have_the_results_of_runs_in_turn_and_finished_ones_are_not_repeated(tmp_path: Path) -> None:
    for name in FLOORS:
        words = ["run", "--model", name, "--dataset", "waveeq-100", "--set", "sequences=10", "--no-table"]
        assert CliRunner().invoke(cli, [*words, "--out", str(tmp_path / "in turn")]).exit_code == 0
    heard = Heard()
    run_all(jobs_of(*FLOORS), runs=tmp_path / "beside", jobs=2, progress=heard)
    one, several = records(tmp_path / "in turn"), records(tmp_path / "beside")
    assert sorted(several) == sorted(FLOORS)
    assert {name: each["results_sha256"] for name, each in one.items()} == {
        name: each["results_sha256"] for name, each in several.items()
    }
    for number in (1, 2):
        assert sum(note.startswith(f"[{number}/2] ") for note in heard.notes) == 2  # begun, done
    heard.notes.clear()
    run_all(jobs_of(*FLOORS), runs=tmp_path / "in turn", jobs=2, progress=heard)
    assert heard.notes == []  # finished runs are not repeated


def test_runs_side_by_side_share_the_cores(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS", "NUMBA_NUM_THREADS"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(os, "cpu_count", lambda: 6)
    asked: list[Mapping[str, str]] = []

    class Instead:
        def __init__(self, environment: Mapping[str, str]) -> None:
            asked.append(environment)

        def call(self, words: list[str], out: Path | None = None) -> int:
            return 0

    monkeypatch.setattr("stbench.running.suite.Processes", Instead)
    run_all(jobs_of("mean", "persistence"), runs=tmp_path / "runs", jobs=2)
    assert [each["OMP_NUM_THREADS"] for each in asked] == ["3"], "one environment for all"
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    run_all(jobs_of("mean"), runs=tmp_path / "runs", jobs=2)
    assert (asked[-1]["OMP_NUM_THREADS"], asked[-1]["NUMBA_NUM_THREADS"]) == ("1", "3")
    run_all(jobs_of("mean"), runs=tmp_path / "runs", jobs=1)
    assert "NUMBA_NUM_THREADS" not in asked[-1], "one at a time has all cores"


def test_that_data_are_simulated_is_said_once_for_all_jobs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("STBENCH_RAW", raising=False)
    monkeypatch.setattr("stbench.running.suite.Processes", lambda environment: type("", (), {"call": lambda *_: 0})())
    heard = Heard()
    jobs = [Job(model, "sprites", "quick", settings={"characters": "12"}) for model in FLOORS]
    run_all(jobs, runs=tmp_path / "runs", jobs=2, progress=heard)
    assert sum("is simulated here" in note for note in heard.notes) == 1
    assert sum("done in" in note for note in heard.notes) == len(jobs)


def test_a_preset_that_takes_less_than_the_whole_dataset_says_what_unless_the_user_said_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("STBENCH_DATA", str(tmp_path))
    heard = Heard()
    dataset_for("waveeq-100", "quick", settings={"sensors": "4"}, progress=heard)
    assert heard.notes == ["the preset 'quick' takes less of waveeq-100 than there is: --set sequences=60"]
    heard = Heard()
    dataset_for("waveeq-100", "quick", settings={"sequences": "8", "sensors": "4"}, progress=heard)
    assert heard.notes == []


@pytest.mark.slow
def test_a_run_that_fails_is_named_with_its_message_and_stops_no_other(tmp_path: Path) -> None:
    blocked = tmp_path / "quick" / "waveeq-100" / "forecast-40"
    blocked.mkdir(parents=True)
    (blocked / "mean").write_text("a file where a folder must be")
    heard = Heard()
    with pytest.raises(StbenchError, match=r"1 of 2 runs failed \(mean on waveeq-100/forecast-40\)"):
        run_all(jobs_of("mean", "persistence"), runs=tmp_path, jobs=2, progress=heard)
    assert list(records(tmp_path)) == ["persistence"]
    assert any(note.startswith("[1/2] failed after") and str(blocked) in note for note in heard.notes)


def test_weights_of_i3d_reach_every_run_and_finished_ones_on_tracks_of_fvd_are_asked_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A run that was scored before there were weights has no `fvd`."""
    monkeypatch.setattr(suite, "finished", lambda *_: object())
    monkeypatch.setattr(suite, "code_of", lambda _: {})

    def done(track: str, i3d: Path | None) -> bool:
        planned: Any = SimpleNamespace(track=track_by_id(track), folder=lambda runs: runs)
        return Job("mean", "sprites", "quick", i3d=i3d).is_done(planned, tmp_path)

    assert done("sprites/generation-16", None)
    assert done("sprites/forecast-4", tmp_path / "i3d.pt")
    assert not done("sprites/generation-16", tmp_path / "i3d.pt")
    words = ["leaderboard", "--run-missing", "--dry-run", "--preset", "quick", "--runs", str(tmp_path / "runs")]
    result = CliRunner().invoke(cli, [*words, "--i3d", str(tmp_path / "i3d.pt")])
    assert result.exit_code == 0, result.output
    commands = result.stdout.splitlines()
    assert len(commands) > 20
    assert all(each.endswith(f"--no-table --i3d {tmp_path / 'i3d.pt'}") for each in commands)
