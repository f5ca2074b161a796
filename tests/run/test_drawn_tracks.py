"""A track of draws from the command to the board: models that draw, models that do not, stores made elsewhere."""

from __future__ import annotations

import csv
from collections.abc import Iterator, Mapping
from importlib.metadata import EntryPoint
from pathlib import Path

import numpy as np
import pytest
import zarr

from stbench import registry
from stbench.boards.leaderboard import build, csv_text
from stbench.boards.page import write_page
from stbench.boards.publishing import read_published
from stbench.boards.ranking import boards
from stbench.errors import StbenchError
from stbench.protocols.draws import SIZES, Size
from stbench.protocols.selection import select
from stbench.results.aggregate import read_results
from stbench.running.run import RunResult, run
from stbench.running.score import score
from stbench.running.tracks import TrackOfStore
from stbench.store.named import open_named

TINY = {"sequences": "8", "train_sequences": "6", "val_sequences": "2", "frames": "15"}
TRACK = "moving-mnist/draws-10"


@pytest.fixture(scope="module", autouse=True)
def registered(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    group = registry._group
    entries = {**group("models"), "noisy": EntryPoint("noisy", "drawing_model:plugin", "stbench.models")}
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("STBENCH_DATA", str(tmp_path_factory.mktemp("data")))
        patch.delenv("STBENCH_RAW", raising=False)
        patch.setitem(SIZES, "quick", Size(4, 5))  # type: ignore[arg-type]
        patch.setattr(registry, "_group", lambda kind: entries if kind == "models" else group(kind))
        yield


def played(model: str, folder: Path) -> RunResult:
    return run(model, "moving-mnist", track="draws-10", source="simulated", settings=TINY, runs=folder / "runs", seed=0)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("drawn")


@pytest.fixture(scope="module")
def results(folder: Path, registered: None) -> Mapping[str, RunResult]:
    return {name: played(name, folder) for name in ("persistence", "analogue", "noisy:published")}


def versions(result: RunResult) -> dict[str, str]:
    return {row.metric: row.metric_version for row in read_results(result.folder) if row.lead_time == "1..10"}


def test_runs_of_draws_reach_the_board_with_what_a_reader_has_to_know(
    results: Mapping[str, RunResult], folder: Path, tmp_path: Path
) -> None:
    for name, members in (("persistence", 1), ("analogue", 4), ("noisy:published", 4)):
        result = results[name]
        assert result.record.drawn["members"] == members
        assert result.record.drawn["windows"].endswith("/windows-5-1")
        found = versions(result)
        assert found["crps"] == "1"
        assert found["psnr_best_member"] == f"1, N = {members}"
        assert ("spread_skill" in found) == (members > 1)
        assert (result.folder / "figures" / "forecast.png").exists()
    assert not results["analogue"].record.breaks
    predictions = results["analogue"].folder / "predictions.zarr"
    kept = zarr.open_group(predictions, mode="r")
    assert kept["member"].shape == (5, 2, 10, 1, 64, 64)  # type: ignore[union-attr]
    # A file an array, whatever the number of windows; none where all are 0.
    files = {name: [path for path in (predictions / name / "c").rglob("*") if path.is_file()] for name in kept}
    assert all(len(each) <= 1 for each in files.values())
    assert len(files["member"]) == 1

    build(folder / "runs", tmp_path / "out")
    (board,) = boards(read_published(tmp_path / "out"))
    (block,) = board.blocks
    assert {line.model for line in block.lines} == {"persistence", "analogue", "noisy:published"}
    assert block.drawn["members"] == 4
    assert board.shown[:2] == ("crps", "spread_skill")
    notes = {note: models for models, note in block.notes}
    (one,) = (note for note in notes if note.startswith("one member, because it does not draw: crps is its mae"))
    assert notes[one] == "persistence"
    (broken,) = (note for note in notes if note.startswith("breaks the promise 'batch'"))
    assert notes[broken] == "noisy:published"
    assert broken.endswith("published with <statistics> of the batch")
    (row,) = (
        each
        for each in csv.DictReader(csv_text(board).splitlines())
        if (each["model"], each["metric"], each["lead_time"]) == ("noisy:published", "crps", "1..10")
    )
    assert "breaks the promise 'batch'" in row["note"]
    write_page(tmp_path / "out", tmp_path / "page.html")
    text = (tmp_path / "pages" / f"track-{TRACK.replace('/', '-')}.html").read_text("utf-8")
    assert "published with &lt;statistics&gt; of the batch" in text
    assert "N = 4 of each window, 1 of a model that does not draw" in text
    assert block.drawn["windows_sha256"] in text


@pytest.mark.slow
def test_the_same_run_again_is_reused_and_gives_the_same_numbers_elsewhere(
    results: Mapping[str, RunResult], folder: Path, tmp_path: Path
) -> None:
    assert played("noisy:published", folder).reused
    again = played("noisy:published", tmp_path / "elsewhere")
    assert (again.folder / "results.csv").read_bytes() == (
        results["noisy:published"].folder / "results.csv"
    ).read_bytes()


def test_a_model_that_can_neither_draw_nor_forecast_is_not_applicable(tmp_path: Path) -> None:
    with pytest.raises(StbenchError, match=r"'analogue' is not applicable .*needs the capability 'forecast', and it"):
        run("analogue", "moving-mnist", source="simulated", settings=TINY, runs=tmp_path)
    with pytest.raises(StbenchError, match=r"asks for draws, which are scored as they come: leave out the predictions"):
        run("analogue", "moving-mnist", track="draws-10", predictions=tmp_path / "p.zarr", runs=tmp_path)


def test_draws_made_elsewhere_are_scored_with_the_members_of_the_preset(
    results: Mapping[str, RunResult], tmp_path: Path
) -> None:
    store = open_named("moving-mnist", {**registry.dataset("moving-mnist").presets["quick"], **TINY}, "simulated")
    (track,) = (each for each in registry.dataset("moving-mnist").tracks if each.id == TRACK)
    chosen = select(store, track, "test", 5).windows
    group = zarr.create_group(tmp_path / "p.zarr", zarr_format=3)
    group.attrs.update({"track": TRACK, "dataset_digest": store.digest})
    last = np.stack([store.window(int(k), int(s) + 4, 1) for k, s in zip(chosen.sequence, chosen.start, strict=True)])
    frames = np.broadcast_to(last[:, None], (5, 4, 10, 1, 64, 64)).astype(np.float32)
    names = ("window", "member", "lead_time", "channel", "y", "x")
    group.create_array("frames", data=frames, chunks=(1, *frames.shape[1:]), dimension_names=names)
    group.create_array("sequence", data=chosen.sequence)
    group.create_array("start", data=chosen.start)
    result = score(
        TRACK, tmp_path / "p.zarr", "foreign", parameters=1, preset="quick", store=store, runs=tmp_path / "runs"
    )
    assert result.record.drawn == results["analogue"].record.drawn

    def values(each: RunResult) -> dict[str, float]:
        return {row.lead_time: row.value for row in read_results(each.folder) if row.metric == "crps"}

    assert values(result) == pytest.approx(values(results["persistence"]), rel=1e-12)
    ratio = [row.value for row in read_results(result.folder) if row.metric == "spread_skill"]
    assert ratio == [0.0]


def test_a_callable_is_evaluated_on_a_track_of_draws(results: Mapping[str, RunResult]) -> None:
    store = open_named("moving-mnist", {**registry.dataset("moving-mnist").presets["quick"], **TINY}, "simulated")
    (track,) = (each for each in registry.dataset("moving-mnist").tracks if each.id == TRACK)

    def draw(conditioning: np.ndarray, horizon: int, samples: int, seeds: np.ndarray) -> np.ndarray:
        assert (samples, seeds.shape) == (100, (len(conditioning),))
        return np.repeat(np.repeat(conditioning[:, None, -1:], horizon, axis=2), samples, axis=1)

    table = TrackOfStore(track, store).evaluate(draw, limit=2)
    assert {"crps", "spread_skill", "mse_best_member"} <= {*table.metric}
