"""One run from preset to record, on a tiny WaveEq-100."""

import dataclasses
import hashlib
import json
import math
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from click.testing import CliRunner

import stbench
from stbench import registry
from stbench.cli.main import cli
from stbench.errors import StbenchError
from stbench.results.aggregate import read_results
from stbench.results.clusters import read_clusters
from stbench.results.record import read_record
from stbench.running import plan, stages
from stbench.running.run import RunResult, run

TINY = {"sequences": "5"}


@pytest.fixture(autouse=True)
def short(monkeypatch: pytest.MonkeyPatch, data: Path) -> None:
    """The quick preset with six steps: what is tested here is the way, not the score."""
    load = registry.model("sepvar").presets

    def shortened(dataset: str) -> dict[str, object]:
        presets = json.loads(json.dumps(load(dataset)))
        presets["quick"]["training"] |= {"steps": 6, "log_every": 2, "snapshots": [4, 6]}
        return presets

    plugin = dataclasses.replace(registry.model("sepvar"), presets=shortened)
    monkeypatch.setattr(registry, "model", lambda name: plugin if name == "sepvar" else _model(name))


_model = registry.model


def tiny(tmp_path: Path, model: str = "sepvar", **options: object) -> RunResult:
    return run(model, "waveeq-100", settings=TINY, runs=tmp_path / "runs", keep=3, **options)  # type: ignore[arg-type]


def test_a_run_leaves_record_results_checkpoint_predictions_and_pictures(tmp_path: Path) -> None:
    result = tiny(tmp_path)
    names = {path.name for path in result.folder.iterdir()}
    assert {
        "record.json",
        "results.csv",
        "scores.npz",
        "clusters.npz",
        "predictions.zarr",
        "figures",
    } <= names
    assert result.weights is not None
    assert {"checkpoint", "snapshots", "log.jsonl"} <= {path.name for path in result.weights.iterdir()}
    pictures = {path.name for path in (result.folder / "figures").iterdir()}
    assert pictures == {"forecast.png", "mse.png", "rmse.png", "mae.png"}
    record = read_record(result.folder)
    assert record == result.record
    assert (record.track.id, record.model, record.preset, record.seed) == (
        "waveeq-100/forecast-40",
        "sepvar",
        "quick",
        0,
    )
    assert record.training["steps"] == 6
    assert record.training["finished"]
    spread = record.training["snapshot_scores"]
    assert list(spread) == ["4", "6"]
    assert record.command == "stbench run --model sepvar --dataset waveeq-100 --preset quick --set sequences=5"
    rows = {(row.metric, row.lead_time): row.value for row in read_results(result.folder)}
    assert spread["6"] == pytest.approx(rows["mse", "1..40"])
    assert spread["4"] != spread["6"]
    assert rows["rmse", "1..40"] == pytest.approx(math.sqrt(rows["mse", "1..40"]))
    assert rows["mse", "1..40"] == pytest.approx(sum(rows["mse", str(k)] for k in range(1, 41)) / 40)


def test_the_same_run_again_is_recognised_and_forced_gives_the_same_numbers(tmp_path: Path) -> None:
    first = tiny(tmp_path)
    again = tiny(tmp_path)
    assert again.reused
    assert again.record == first.record
    forced = tiny(tmp_path, force=True)
    assert not forced.reused
    assert read_results(forced.folder) == read_results(first.folder)


@pytest.mark.parametrize("name", ["results.csv", "clusters.npz"])
def test_a_run_that_lost_a_file_or_has_another_in_its_place_is_scored_again(tmp_path: Path, name: str) -> None:
    path = tiny(tmp_path, "mean").folder / name
    content = path.read_bytes()
    for damage in (path.unlink, lambda: path.write_bytes(content[:-1]), lambda: path.write_bytes(b"")):
        damage()
        again = tiny(tmp_path, "mean")
        assert not again.reused
        assert path.read_bytes() == content
    assert tiny(tmp_path, "mean").reused


def test_another_seed_variant_or_dataset_size_is_another_folder(tmp_path: Path) -> None:
    folders = {
        tiny(tmp_path, "mean").folder,
        tiny(tmp_path, "mean", seed=1).folder,
        tiny(tmp_path).folder,
        tiny(tmp_path, "sepvar:without-s").folder,
        run("mean", "waveeq-100", settings={"sequences": "6"}, runs=tmp_path / "runs", keep=0).folder,
    }
    assert len(folders) == 5


def test_a_budget_stops_training_and_the_same_command_goes_on(tmp_path: Path) -> None:
    stopped = tiny(tmp_path, budget_seconds=0.0)
    assert not stopped.record.training["finished"]
    assert stopped.record.training["steps"] < 6
    finished = tiny(tmp_path)
    assert finished.folder == stopped.folder
    assert finished.record.training["finished"]
    whole = tiny(tmp_path / "uninterrupted")
    assert read_results(finished.folder) == read_results(whole.folder)


def test_tracks_that_train_on_the_same_windows_share_one_training(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    dataset = registry.dataset("waveeq-100")
    longer = dataclasses.replace(dataset.tracks[0], horizon=60)
    other_windows = dataclasses.replace(dataset.tracks[0], horizon=50, train_horizon=10)
    several = dataclasses.replace(dataset, tracks=(dataset.tracks[0], longer, other_windows))  # type: ignore[type-var]
    monkeypatch.setattr(registry, "dataset", lambda name: several)
    first, second = tiny(tmp_path), tiny(tmp_path, track="forecast-60")
    assert first.weights == second.weights
    assert first.folder != second.folder
    assert second.record.training["resumed_from"] == 6
    assert second.record.training["cpu_seconds"] == first.record.training["cpu_seconds"] > 0
    alone = tiny(tmp_path / "alone", track="forecast-60")
    assert read_results(alone.folder) == read_results(second.folder)
    assert tiny(tmp_path, track="forecast-50").weights != first.weights


def test_a_run_from_before_defaults_were_left_out_is_recognised(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A preset says what is the default anyway, and its finished run lies where that was part of the name."""
    load = registry.model("sepvar").presets

    def said(dataset: str) -> dict[str, object]:
        presets: Any = json.loads(json.dumps(load(dataset)))
        presets["quick"]["training"]["average_decay"] = 0.0
        return presets  # type: ignore[no-any-return]

    plugin = dataclasses.replace(registry.model("sepvar"), presets=said)
    monkeypatch.setattr(registry, "model", lambda name: plugin if name == "sepvar" else _model(name))
    with monkeypatch.context() as patch:
        patch.setattr(plan, "without_defaults", dict)
        before = tiny(tmp_path)
    again = tiny(tmp_path)
    assert again.reused
    assert (again.folder, again.weights) == (before.folder, before.weights)
    assert tiny(tmp_path / "elsewhere").folder.name != before.folder.name


def test_changed_training_code_trains_again_unless_told_to_reuse(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = tiny(tmp_path)
    monkeypatch.setattr(stages, "TRAINING", (*stages.TRAINING, "stbench.errors"))
    reused = tiny(tmp_path, reuse_checkpoint=True)
    assert reused.record.training["resumed_from"] == 6
    assert reused.record.code["training"] == first.record.code["training"]
    again = tiny(tmp_path)
    assert again.record.training["resumed_from"] == 0
    assert again.record.code["training"] != first.record.code["training"]
    assert again.weights is not None
    assert (again.weights / "checkpoint.set-aside").exists()


@pytest.mark.parametrize("force", [True, False], ids=["forced", "other code"])
def test_a_leftover_of_a_killed_process_is_not_continued_where_training_starts_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, force: bool
) -> None:
    first = tiny(tmp_path)
    assert first.weights is not None
    (first.weights / "checkpoint").rename(first.weights / "checkpoint.previous")
    if not force:
        monkeypatch.setattr(stages, "TRAINING", (*stages.TRAINING, "stbench.errors"))
    again = tiny(tmp_path, force=force)
    assert again.record.training["resumed_from"] == 0
    assert (again.weights / "checkpoint.set-aside").exists()  # type: ignore[operator]


def test_changed_scoring_code_scores_again_with_the_weights_there_are(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tiny(tmp_path)
    monkeypatch.setattr(stages, "SCORING", (*stages.SCORING, "stbench.errors"))
    scored = tiny(tmp_path)
    assert not scored.reused
    assert scored.record.training["resumed_from"] == 6


def test_predictions_made_elsewhere_score_as_our_own(tmp_path: Path) -> None:
    from stbench.protocols.forecast import forecast
    from stbench.protocols.predictions import PredictionWriter
    from stbench.running.score import score
    from stbench.store.named import open_named

    ours = tiny(tmp_path, "persistence")
    store = open_named("waveeq-100", {"sequences": 5})
    track = registry.dataset("waveeq-100").tracks[0]
    model = _model("persistence").build({}, None)  # type: ignore[arg-type]
    with PredictionWriter(tmp_path / "mine.zarr", store, track, "copy") as writer:
        forecast(model, store, track, predictions=writer)
    theirs = score(track.id, tmp_path / "mine.zarr", "copy", parameters=0, store=store, runs=tmp_path / "runs")
    values = [[row.value for row in read_results(each.folder)] for each in (ours, theirs)]
    assert values[0] == values[1]


def test_a_run_keeps_the_means_of_its_sequences_and_names_its_files(tmp_path: Path) -> None:
    result = tiny(tmp_path, "mean")
    digest = hashlib.sha256((result.folder / "results.csv").read_bytes()).hexdigest()
    assert result.record.results_sha256 == digest
    found = read_clusters(result.folder, result.record.clusters)
    assert (found.metrics, found.lead_times) == (("mse", "rmse", "mae"), ("1..40", "1", "40"))
    with np.load(result.folder / "scores.npz") as scores:
        own = scores["mse"][scores["sequence"] == found.cluster[0]]
    assert found.means[0, 0].tolist() == pytest.approx([own.mean(), own[:, 0].mean(), own[:, 39].mean()], rel=6e-8)


def test_an_unknown_device_is_one_sentence(tmp_path: Path) -> None:
    with pytest.raises(StbenchError, match="no device 'quantum'"):
        tiny(tmp_path, device="quantum")


def test_windows_of_a_generated_dataset_are_a_torch_dataset(tmp_path: Path) -> None:
    tiny(tmp_path, "mean")
    windows = stbench.windows("waveeq-100", split="train", conditioning=5, horizon=20, sequences=5)
    item = windows[0]
    assert item["conditioning"].shape == (5, 100)
    assert item["target"].shape == (20, 100)
    assert item["target"].dtype == torch.float32


@pytest.mark.slow
def test_the_command_ends_with_the_board_and_a_second_one_runs_nothing_again(tmp_path: Path) -> None:
    words = [
        "run",
        "--model",
        "mean",
        "--dataset",
        "waveeq-100",
        "--set",
        "sequences=5",
        "--out",
        str(tmp_path / "runs"),
    ]
    command, wide = [sys.executable, "-m", "stbench", *words], os.environ | {"COLUMNS": "180"}
    done = subprocess.run(command, capture_output=True, text=True, check=False, env=wide)
    assert done.returncode == 0, done.stderr
    for name in ("mean", "persistence", "linear", "nearest-neighbour", "Ours (without S)"):
        assert name in done.stdout
    records = {path: path.stat().st_mtime_ns for path in (tmp_path / "runs").rglob("record.json")}
    again = subprocess.run(command, capture_output=True, text=True, check=False, env=wide)
    assert again.returncode == 0, again.stderr
    assert {path: path.stat().st_mtime_ns for path in (tmp_path / "runs").rglob("record.json")} == records
    board = CliRunner().invoke(
        cli, ["leaderboard", "--runs", str(tmp_path / "runs"), "--out", str(tmp_path / "boards")]
    )
    assert board.exit_code == 0, board.output
    assert (tmp_path / "boards" / "quick" / "waveeq-100.csv").exists()
    assert (tmp_path / "boards" / "index.html").exists()


def test_predictions_of_a_run_score_as_the_run_does(tmp_path: Path, data: Path) -> None:
    before = tiny(tmp_path)
    words = ["run", "--model", "sepvar", "--dataset", "waveeq-100", "--set", "sequences=5", "--no-table"]
    words += ["--out", str(tmp_path / "runs"), "--save-predictions", "3", "--predictions", str(tmp_path / "p.zarr")]
    done = CliRunner().invoke(cli, words)
    assert done.exit_code == 0, done.output
    words = ["score", "--track", "waveeq-100/forecast-40", "--predictions", str(tmp_path / "p.zarr"), "--name", "mine"]
    words += ["--parameters", "1", "--set", "sequences=5", "--preset", "quick", "--out", str(tmp_path / "scored")]
    done = CliRunner().invoke(cli, words)
    assert done.exit_code == 0, done.output
    (folder,) = (path.parent for path in (tmp_path / "scored").rglob("results.csv"))
    values = {(row.metric, row.lead_time): row.value for row in read_results(before.folder)}
    assert values == {(row.metric, row.lead_time): row.value for row in read_results(folder)}


def test_the_command_of_a_record_names_the_source_that_was_found(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Typed where the official files lie, it would make another row otherwise."""
    monkeypatch.setenv("STBENCH_DATA", str(tmp_path / "data"))
    monkeypatch.delenv("STBENCH_RAW", raising=False)
    record = run("persistence", "chairs", settings={"chairs": "7"}, runs=tmp_path / "runs", keep=0).record
    assert record.dataset_source == "simulated"
    assert record.command.endswith("--dataset chairs --preset quick --source simulated --set chairs=7")


def test_predictions_are_refused_before_anything_is_made(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("STBENCH_DATA", str(tmp_path / "data"))
    (tmp_path / "p.zarr").mkdir()
    with pytest.raises(StbenchError, match=r"p.zarr exists already: choose another name"):
        tiny(tmp_path, predictions=tmp_path / "p.zarr")
    with pytest.raises(StbenchError, match="chairs/swap-15 asks for something else"):
        run(
            "persistence",
            "chairs",
            track="swap-15",
            source="simulated",
            settings={"chairs": "7"},
            runs=tmp_path / "runs",
            predictions=tmp_path / "q.zarr",
        )
    assert [path.name for path in tmp_path.iterdir()] == ["p.zarr"]
