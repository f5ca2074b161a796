"""Predictions made elsewhere, through the command line onto a leaderboard."""

from __future__ import annotations

import csv
import json
import shlex
from hashlib import sha256
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner, Result

from stbench.cli.main import cli
from stbench.protocols.predictions import PredictionWriter
from stbench.protocols.windows import track_windows
from stbench.results.clusters import read_clusters
from stbench.results.record import read_record
from stbench.running.score import track_by_id
from stbench.store.build import build, resolve
from stbench.store.reader import Store

TRACK = "waveeq-100/forecast-40"
SETTINGS = {"sequences": "10", "sensors": "6"}
OPTIONS = ("--set", "sequences=10", "--set", "sensors=6", "--parameters", "12", "--preset", "quick")


@pytest.fixture
def store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Store:
    monkeypatch.setenv("STBENCH_DATA", str(tmp_path / "data"))
    monkeypatch.chdir(tmp_path)
    return build(resolve("waveeq-100", SETTINGS))


def predict(store: Store, path: Path, error: float) -> Path:
    """Every test window, off by `error` everywhere."""
    track = track_by_id(TRACK)
    windows = track_windows(store, track)
    frames = store.normalise(store.read(slice(None)))
    lead_times = windows.start[:, None] + track.conditioning + np.arange(track.horizon)
    with PredictionWriter(path, store, track, "elsewhere") as writer:
        prediction = frames[windows.sequence[:, None], lead_times] + np.float32(error)
        writer.write(windows.sequence, windows.start, prediction)
    return path


def stbench(*arguments: object) -> Result:
    return CliRunner().invoke(cli, [str(each) for each in arguments])


def board(path: Path) -> dict[str, dict[str, str]]:
    """Model -> its line of mse over all lead times."""
    with path.open(newline="") as file:
        rows = list(csv.DictReader(file))
    return {row["model"]: row for row in rows if (row["metric"], row["lead_time"]) == ("mse", "1..40")}


def test_foreign_predictions_are_scored_and_ranked(store: Store, tmp_path: Path) -> None:
    for name, error in (("good", 0.25), ("bad", 0.5)):
        path = predict(store, tmp_path / f"{name}.zarr", error)
        result = stbench("score", "--track", TRACK, "--predictions", path, "--name", name, *OPTIONS)
        assert result.exit_code == 0, result.output
        assert name in result.stdout
    result = stbench("leaderboard")
    assert result.exit_code == 0, result.output
    assert "leaderboards/quick/waveeq-100.csv" in result.stdout
    assert result.stdout.splitlines()[-1] == "leaderboards/index.html"
    lines = board(Path("leaderboards/quick/waveeq-100.csv"))
    assert float(lines["good"]["value"]) == pytest.approx(0.0625, rel=1e-5)
    assert float(lines["bad"]["value"]) == pytest.approx(0.25, rel=1e-5)
    assert (lines["good"]["rank"], lines["bad"]["rank"]) == ("1", "2")
    assert lines["good"]["dataset_digest"] == store.digest
    assert ">good<" in Path("leaderboards/index.html").read_text()
    (place,) = Path("leaderboards/records").rglob("good/*")
    means = read_clusters(place, read_record(place).clusters)
    assert means.means[means.metrics.index("mse")] == pytest.approx(0.0625, rel=1e-5)


def test_a_perfect_prediction_scores_zero_and_the_command_of_its_record_is_the_same_run(
    store: Store, tmp_path: Path
) -> None:
    path = predict(store, tmp_path / "oracle.zarr", 0.0)
    for _ in range(2):
        assert stbench("score", "--track", TRACK, "--predictions", path, "--name", "oracle", *OPTIONS).exit_code == 0
    (run,) = (path.parent for path in Path("runs").rglob("record.json"))
    (run / "record.json").rename("before.json")
    again = stbench(*shlex.split(json.loads(Path("before.json").read_text())["command"])[1:])
    assert again.exit_code == 0, again.output
    assert [path.parent for path in Path("runs").rglob("record.json")] == [run]
    assert stbench("leaderboard").exit_code == 0
    assert float(board(Path("leaderboards/quick/waveeq-100.csv"))["oracle"]["value"]) == 0.0


@pytest.mark.parametrize(
    ("name", "told"),
    [
        ("persistence", "choose another name"),
        ("sepvar.without-s", "'sepvar' is a model of stbench"),
        ("sepvar:without-s", "letters"),
        ("../up", "letters"),
        ("", "letters"),
        ("a b", "letters"),
    ],
)
def test_a_name_that_would_mislead_is_refused(store: Store, tmp_path: Path, name: str, told: str) -> None:
    result = stbench("score", "--track", TRACK, "--predictions", tmp_path / "p", "--name", name, *OPTIONS)
    assert result.exit_code == 2
    assert told in result.stderr
    assert not Path("runs").exists()


def test_a_run_cannot_take_the_place_of_a_published_model_of_another_name(store: Store, tmp_path: Path) -> None:
    """`mine.wide` and the variant `mine:wide` have one folder."""
    path = predict(store, tmp_path / "mine.zarr", 0.25)
    assert stbench("score", "--track", TRACK, "--predictions", path, "--name", "mine.wide", *OPTIONS).exit_code == 0
    assert stbench("leaderboard").exit_code == 0
    before = Path("leaderboards/quick/waveeq-100.csv").read_bytes()
    (record,) = Path("runs").rglob("record.json")
    results = record.with_name("results.csv")
    results.write_text(results.read_text().replace(",mine.wide,", ",mine:wide,"))
    named = {"model": "mine", "variant": "wide", "results_sha256": sha256(results.read_bytes()).hexdigest()}
    record.write_text(json.dumps(json.loads(record.read_text()) | named))
    result = stbench("leaderboard")
    assert result.exit_code == 2
    assert "is of the model 'mine:wide' and would take the place of 'mine.wide'" in result.stderr
    assert Path("leaderboards/quick/waveeq-100.csv").read_bytes() == before


def test_the_board_says_how_many_exact_windows_make_a_mean_infinite(store: Store, tmp_path: Path) -> None:
    settings = {"sequences": "6", "size": "16", "points": "100"}
    images = build(resolve("waveeq", settings))
    track = track_by_id("waveeq/forecast-40")
    windows = track_windows(images, track)
    frames = images.normalise(images.read(slice(None)))
    lead_times = windows.start[:, None] + track.conditioning + np.arange(track.horizon)
    prediction = frames[windows.sequence[:, None], lead_times] + np.float32(0.25)
    prediction[0, 3] = frames[windows.sequence[0], lead_times[0, 3]]
    with PredictionWriter(tmp_path / "p.zarr", images, track, "elsewhere") as writer:
        writer.write(windows.sequence, windows.start, prediction)
    options = [each for key, value in settings.items() for each in ("--set", f"{key}={value}")]
    options += ["--parameters", "1", "--preset", "quick", "--predictions", tmp_path / "p.zarr", "--name", "once-right"]
    assert stbench("score", "--track", track.id, *options).exit_code == 0
    assert stbench("leaderboard").exit_code == 0
    with Path("leaderboards/quick/waveeq.csv").open(newline="") as file:
        lines = [row for row in csv.DictReader(file) if row["model"] == "once-right"]
    values = {(row["metric"], row["lead_time"]): row["value"] for row in lines}
    assert values["psnr", "1..40"] == "inf"
    assert float(values["psnr", "40"]) == pytest.approx(-10 * np.log10(0.25**2), rel=1e-5)
    n = len(windows)
    assert f"psnr: 1 of {n:,} windows have an infinite value (a frame is matched exactly)" in lines[0]["note"]


def test_predictions_for_other_data_are_refused(store: Store, tmp_path: Path) -> None:
    path = predict(store, tmp_path / "mine.zarr", 0.0)
    other = build(resolve("waveeq-100", SETTINGS | {"seed": "7"}))
    data = ("--data", other.path, "--parameters", 12)
    result = stbench("score", "--track", TRACK, "--predictions", path, "--name", "mine", *data)
    assert result.exit_code == 2
    assert "dataset_digest" in result.stderr
    assert not Path("runs").exists()


def test_a_leaderboard_without_runs_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    result = stbench("leaderboard")
    assert result.exit_code == 2
    assert "stbench run" in result.stderr


def test_a_place_that_cannot_be_written_to_is_told_before_anything_is_scored(store: Store, tmp_path: Path) -> None:
    (tmp_path / "taken").write_text("a file")
    path = predict(store, tmp_path / "predictions.zarr", 0.25)
    words = ("score", "--track", TRACK, "--name", "mine", "--predictions", path, *OPTIONS)
    result = stbench(*words, "--out", tmp_path / "taken" / "runs")
    assert result.exit_code == 2
    assert "taken/runs cannot be made or locked" in result.output
    assert "scoring" not in result.output
