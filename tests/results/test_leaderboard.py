from __future__ import annotations

import csv
import dataclasses
import io
import json
import os
import re
import shutil
import statistics
from pathlib import Path
from typing import Any

import pytest

from stbench.boards.board import Entry, boards
from stbench.boards.leaderboard import NOT_APPLICABLE, build, csv_text, find_runs, publish, read_entry, read_published
from stbench.errors import StbenchError
from stbench.running.plan import find_track

LEADERBOARDS = Path(__file__).resolve().parents[2] / "leaderboards"


def _rows(path: Path) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(path.read_text(encoding="utf-8"))))


def _main(path: Path) -> dict[str, dict[str, str]]:
    """Model -> its row of the first metric over all lead times."""
    found: dict[str, dict[str, str]] = {}
    for row in _rows(path):
        if row["lead_time"].startswith("1.."):
            found.setdefault(row["model"], row)
    return found


def _files(out: Path) -> list[str]:
    return sorted(path.relative_to(out).as_posix() for path in out.glob("*/*.csv"))


def test_models_stand_ranked_beside_floors_with_cost_and_command(tmp_path: Path, run: Any) -> None:
    run(3.0, model="mean", floor=True, parameters=300)
    run(1.0, variant="without-s")
    run(2.0)
    (path,) = build(tmp_path / "runs", tmp_path / "out")
    main = _main(path)
    assert [(row["rank"], row["model"], row["floor"]) for row in main.values()] == [
        ("1", "sepvar:without-s", "no"),
        ("2", "sepvar", "no"),
        ("3", "mean", "yes"),
    ]
    row = main["sepvar"]
    assert (row["n"], row["n_sequences"], row["seeds"], row["seed_sd"]) == ("24", "6", "0", "")
    assert float(row["ci_low"]) < float(row["value"]) < float(row["ci_high"])
    assert row["parameters"] == "15013868"
    assert row["train_seconds"] == "1.5"
    assert row["peak_memory_mb"] == "123"
    assert row["command"].startswith("stbench run")
    assert len(row["dataset_digest"]) == 64
    assert [each["lead_time"] for each in _rows(path)][:3] == ["1..3", "1", "3"]


def test_main_track_bears_the_name_of_the_dataset_and_others_the_long_name(tmp_path: Path, run: Any) -> None:
    from stbench import registry

    main = registry.dataset("waveeq-100").tracks[0].id
    run(track=main)
    run(track="waveeq-100/forecast-3")
    run(track="foreign/forecast-3", dataset="foreign")
    build(tmp_path / "runs", tmp_path / "out")
    assert _files(tmp_path / "out") == [
        "quick/foreign-forecast-3.csv",
        "quick/waveeq-100-forecast-3.csv",
        "quick/waveeq-100.csv",
    ]


def test_simulated_and_official_never_share_a_file_nor_do_presets(tmp_path: Path, run: Any) -> None:
    for source in ("simulated", "official"):
        for preset in ("quick", "paper"):
            run(track="sst/forecast-3", dataset="sst", dataset_source=source, preset=preset)
    build(tmp_path / "runs", tmp_path / "out")
    files = _files(tmp_path / "out")
    assert len(files) == 4
    assert sum(name.endswith("-simulated.csv") for name in files) == 2
    for name in files:
        (row,) = _main(tmp_path / "out" / name).values()
        assert (row["source"] == "simulated") == name.endswith("-simulated.csv")
        assert row["preset"] == name.split("/")[0]


def test_runs_on_other_data_are_kept_and_ranked_apart(tmp_path: Path, run: Any) -> None:
    run(1.0, dataset_digest="1" * 64, model="old")
    run(2.0, dataset_version="2", dataset_digest="2" * 64, model="new")
    run(3.0, dataset_version="2", dataset_digest="2" * 64, model="newer")
    (path,) = build(tmp_path / "runs", tmp_path / "out")
    assert [(row["model"], row["rank"], row["dataset_version"]) for row in _main(path).values()] == [
        ("new", "1", "2"),
        ("newer", "2", "2"),
        ("old", "1", "1"),
    ]


def test_a_score_of_fewer_windows_is_ranked_apart(tmp_path: Path, run: Any, name_results: Any) -> None:
    run(2.0, model="whole")
    folder = run(1.0, model="part")
    text = (folder / "results.csv").read_text()
    assert ",24,6," in text
    (folder / "results.csv").write_text(text.replace(",24,6,", ",12,6,"))
    name_results(folder)
    (path,) = build(tmp_path / "runs", tmp_path / "out")
    assert {row["rank"] for row in _main(path).values()} == {"1"}


def test_a_judge_that_errs_too_often_is_named_in_the_note(tmp_path: Path, run: Any) -> None:
    run(1.0, model="sure", judge={"name": "a", "accuracy": {"action": 1.0, "hair": 0.99}})
    run(2.0, model="unsure", judge={"name": "b", "accuracy": {"action": 0.971, "hair": 1.0}})
    (path,) = build(tmp_path / "runs", tmp_path / "out")
    notes = {model: row["note"] for model, row in _main(path).items()}
    assert notes["sure"] == ""
    assert notes["unsure"].endswith("right on fewer than 99 % of real test clips (action 97.1 %)")


def test_seeds_are_averaged_with_unbiased_deviation_and_intervals_of_the_test_set(tmp_path: Path, run: Any) -> None:
    levels = (1.0, 1.5, 2.5)
    for seed, level in enumerate(levels):
        run(level, seed=seed, training={"steps": 5, "finished": True, "seconds": 10.0 * seed})
    (path,) = build(tmp_path / "runs", tmp_path / "out")
    (row,) = _main(path).values()
    one = float(row["value"]) / statistics.fmean(levels)
    assert row["seeds"] == "0 1 2"
    assert float(row["seed_sd"]) == pytest.approx(one * statistics.stdev(levels), rel=1e-5)
    assert float(row["train_seconds"]) == 10.0
    assert float(row["ci_low"]) < float(row["value"]) < float(row["ci_high"])


def test_seeds_of_other_configurations_are_not_averaged(tmp_path: Path, run: Any) -> None:
    run(1.0, seed=0)
    run(2.0, seed=1, configuration={"model": {"width": 16}})
    (path,) = build(tmp_path / "runs", tmp_path / "out")
    assert [(row["seeds"], row["rank"]) for row in _rows(path) if row["lead_time"] == "1..3"] == [
        ("0", "1"),
        ("1", "2"),
    ]


def test_equal_values_share_a_rank(tmp_path: Path, run: Any) -> None:
    for model, level in (("a", 1.0), ("b", 1.0), ("c", 2.0)):
        run(level, model=model)
    (path,) = build(tmp_path / "runs", tmp_path / "out")
    assert [row["rank"] for row in _main(path).values()] == ["1", "1", "3"]


def test_a_metric_of_gain_ranks_the_highest_first(tmp_path: Path, run: Any) -> None:
    run(1.0, metrics=("psnr", "mse"), model="low")
    run(2.0, metrics=("psnr", "mse"), model="high")
    (path,) = build(tmp_path / "runs", tmp_path / "out")
    assert [row["model"] for row in _main(path).values()] == ["high", "low"]


def test_what_a_model_cannot_do_is_not_applicable_and_has_no_rank(tmp_path: Path, run: Any) -> None:
    run(1.0, metrics=("mse", "mae"))
    run(2.0, metrics=("mse",), model="half")
    run(model="none", not_applicable="it cannot forecast")
    (path,) = build(tmp_path / "runs", tmp_path / "out")
    found = {(row["model"], row["metric"]): row for row in _rows(path) if row["lead_time"] == "1..3"}
    assert found["half", "mae"]["value"] == NOT_APPLICABLE
    assert found["half", "mse"]["rank"] == "2"
    assert (found["none", "mse"]["value"], found["none", "mse"]["rank"]) == (NOT_APPLICABLE, "")
    assert found["none", "mse"]["note"] == "it cannot forecast"


def test_a_board_of_runs_that_are_not_applicable_can_be_built(tmp_path: Path, run: Any) -> None:
    run(not_applicable="it cannot forecast")
    (path,) = build(tmp_path / "runs", tmp_path / "out")
    assert [row["value"] for row in _rows(path)] == [NOT_APPLICABLE]


def test_published_rows_stay_when_their_run_folders_are_gone(tmp_path: Path, run: Any) -> None:
    run(1.0, model="first")
    build(tmp_path / "runs", tmp_path / "out")
    shutil.rmtree(tmp_path / "runs")
    run(2.0, model="second")
    (path,) = build(tmp_path / "runs", tmp_path / "out")
    assert list(_main(path)) == ["first", "second"]
    shutil.rmtree(tmp_path / "runs")
    before = path.read_bytes()
    assert build(tmp_path / "runs", tmp_path / "out") == [path]
    assert path.read_bytes() == before


def test_a_newer_run_replaces_and_an_older_or_unfinished_one_does_not(tmp_path: Path, run: Any) -> None:
    stopped = {"steps": 2, "finished": False, "seconds": 1.0}

    def value() -> float:
        (path,) = build(tmp_path / "runs", tmp_path / "out")
        (row,) = _main(path).values()
        shutil.rmtree(tmp_path / "runs")
        return float(row["value"])

    run(1.0, finished="2026-01-02T00:00:00+00:00", started="2026-01-01T00:00:00+00:00")
    first = value()
    run(2.0, finished="2026-01-01T12:00:00+00:00")
    assert value() == first
    run(3.0, finished="2026-01-09T00:00:00+00:00", training=stopped)
    assert value() == first
    run(4.0, finished="2026-01-02T01:00:00+02:00")
    assert value() == first
    run(5.0, finished="2026-01-03T00:00:00+00:00")
    assert value() == pytest.approx(5 * first, rel=1e-5)


def test_training_that_was_stopped_is_noted(tmp_path: Path, run: Any) -> None:
    run(training={"steps": 2, "finished": False, "seconds": 1.0}, budget_seconds=1.0)
    (path,) = build(tmp_path / "runs", tmp_path / "out")
    (row,) = _main(path).values()
    assert "stopped before its last step" in row["note"]
    assert row["budget_seconds"] == "1"


def test_text_depends_on_the_records_only(tmp_path: Path, run: Any) -> None:
    folders = [
        run(level, model=model, seed=seed) for level, model, seed in ((1.0, "b", 1), (2.0, "b", 0), (3.0, "a", 0))
    ]
    texts = []
    for k, order in enumerate((folders, folders[::-1])):
        for folder in order:
            publish(folder, tmp_path / str(k))
        texts.append(csv_text(*boards(reversed(read_published(tmp_path / str(k))))))
    assert texts[0] == texts[1]


@pytest.mark.parametrize("name", ["record.json", "results.csv"])
def test_a_damaged_file_of_a_published_run_is_named(tmp_path: Path, run: Any, name: str) -> None:
    run()
    build(tmp_path / "runs", tmp_path / "out")
    (path,) = (tmp_path / "out" / "records").rglob(name)
    path.write_text(path.read_text()[:40])
    shutil.rmtree(tmp_path / "runs")
    with pytest.raises(StbenchError, match=re.escape(str(path))) as caught:
        build(tmp_path / "runs", tmp_path / "out")
    assert "\n" not in str(caught.value)


def test_results_of_another_run_are_refused(tmp_path: Path, run: Any) -> None:
    one, other = run(1.0), run(2.0, seed=1)
    shutil.copy(other / "results.csv", one / "results.csv")
    with pytest.raises(StbenchError, match="belongs to another run"):
        build(tmp_path / "runs", tmp_path / "out")


@pytest.mark.parametrize(
    "names",
    [
        {"model": "../../evil"},
        {"preset": ".."},
        {"preset": "/tmp/evil"},
        {"dataset": "../../../evil"},
        {"dataset": ""},
        {"protocol": "../../forecast"},
        {"protocol": ""},
    ],
)
def test_names_in_a_record_cannot_lead_out_of_the_folder(tmp_path: Path, run: Any, names: dict[str, str]) -> None:
    folder = run()
    content = json.loads((folder / "record.json").read_text())
    content["track"] |= {name: text for name, text in names.items() if name in ("dataset", "protocol")}
    content |= {name: text for name, text in names.items() if name != "protocol"}
    (folder / "record.json").write_text(json.dumps(content))
    before = sorted(tmp_path.rglob("*"))
    with pytest.raises(StbenchError, match="cannot be a file name"):
        build(tmp_path / "runs", tmp_path / "deep" / "out")
    assert sorted(tmp_path.rglob("*")) == before


def test_half_copied_runs_are_passed_over(tmp_path: Path, run: Any) -> None:
    run()
    build(tmp_path / "runs", tmp_path / "out")
    half = tmp_path / "out" / "records" / ".seed-0.part"
    half.mkdir()
    (half / "record.json").write_text("{")
    assert len(build(tmp_path / "runs", tmp_path / "out")) == 1


def test_nothing_to_build_from_says_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(StbenchError, match="stbench run"):
        build(tmp_path / "runs", tmp_path / "out")


def test_reported_numbers_are_put_beside_the_boards_and_not_into_them(tmp_path: Path, run: Any) -> None:
    run()
    (path,) = build(tmp_path / "runs", tmp_path / "out", LEADERBOARDS / "reported.csv")
    assert (tmp_path / "out" / "reported.csv").read_bytes() == (LEADERBOARDS / "reported.csv").read_bytes()
    assert "4.33e-5" not in path.read_text()


def test_committed_boards_are_rebuilt_byte_for_byte_from_their_records() -> None:
    rebuilt = {
        f"{board.preset}/{board.file_stem}.csv": csv_text(board) for board in boards(read_published(LEADERBOARDS))
    }
    assert _files(LEADERBOARDS) == sorted(rebuilt)
    for name, text in rebuilt.items():
        assert (LEADERBOARDS / name).read_bytes() == text.encode(), name


def test_a_shorter_horizon_that_papers_report_has_its_mean_and_its_last_value_for_every_metric(
    tmp_path: Path, run: Any
) -> None:
    metrics = ("mse", "mse_celsius", "ssim_gauss11")
    run(track="sst/forecast-10", dataset="sst", dataset_source="simulated", metrics=metrics)
    (path,) = build(tmp_path / "runs", tmp_path / "out")
    for metric in metrics:
        values = {row["lead_time"]: float(row["value"]) for row in _rows(path) if row["metric"] == metric}
        assert list(values) == ["1..10", "1..6", "1", "6", "10"]
        assert values["1..6"] == pytest.approx(values["1"] * 3.5, rel=1e-5), "values grow in proportion to lead time"
        assert values["1..10"] == pytest.approx(values["1"] * 5.5, rel=1e-5)


def test_metrics_a_track_scores_further_are_in_the_csv_and_in_no_table(tmp_path: Path, run: Any) -> None:
    track = find_track("moving-mnist", "forecast-10")
    assert track.further
    run(track=track.id, dataset="moving-mnist", metrics=track.scored)
    (path,) = build(tmp_path / "runs", tmp_path / "out")
    assert tuple(dict.fromkeys(row["metric"] for row in _rows(path))) == track.scored
    (board,) = boards(read_published(tmp_path / "out"))
    assert board.shown == track.metrics
    assert board.further == track.further


def test_metrics_stand_in_the_order_of_the_track_and_the_ranking_one_first(tmp_path: Path, run: Any) -> None:
    track = find_track("sst", "forecast-10")
    run(track=track.id, dataset="sst", metrics=("mse", *reversed(track.metrics[1:])))
    (known,) = boards(_entries(tmp_path))
    assert known.shown == track.metrics
    run(track="foreign/forecast-3", dataset="foreign", metrics=("psnr", "mae", "mse_sum"))
    foreign = next(board for board in boards(_entries(tmp_path)) if board.dataset == "foreign")
    assert (foreign.shown, foreign.further) == (("psnr", "mae", "mse_sum"), ())


def _entries(tmp_path: Path) -> list[Entry]:
    return [read_entry(folder) for folder in find_runs(tmp_path / "runs")]


@pytest.mark.parametrize(
    ("track", "wanted"),
    [
        ("sst/forecast-6", {"1..6", "6"}),
        ("sst/forecast-10", {"1..6", "6", "1..10", "10"}),
        ("moving-mnist/forecast-10", {"1..10", "10"}),
        ("moving-mnist/forecast-95", {"1..95", "95"}),
        ("moving-mnist/swap-95", {"1..95", "95"}),
    ],
)
def test_every_horizon_of_the_papers_has_its_mean_and_the_value_at_its_end(
    tmp_path: Path, run: Any, track: str, wanted: set[str]
) -> None:
    run(track=track, dataset=track.partition("/")[0])
    (path,) = build(tmp_path / "runs", tmp_path / "out")
    assert wanted <= {row["lead_time"] for row in _rows(path)}


def test_models_that_cannot_be_asked_are_on_the_board_with_the_reason_and_without_rank(
    tmp_path: Path, run: Any
) -> None:
    swap = {"track": "moving-mnist/swap-10", "dataset": "moving-mnist"}
    run(1.0, **swap)
    run(2.0, **swap, model="mean", floor=True)
    (path,) = build(tmp_path / "runs", tmp_path / "out")
    found = {row["model"]: row for row in _rows(path) if row["lead_time"] == "1..10"}
    assert [row["rank"] for row in found.values()][:2] == ["1", "2"]
    for model, reason in (
        ("convlstm", "needs the capability 'swap'"),
        ("sepvar:without-s", "no content"),
    ):
        row = found[model]
        assert (row["value"], row["rank"], row["ci_low"], row["floor"]) == (NOT_APPLICABLE, "", "", "no")
        assert reason in row["note"]
        assert (row["track"], row["preset"]) == ("moving-mnist/swap-10", "quick")
    assert "hamiltonian" not in found, "it can swap, and has no preset for this dataset"
    assert found["sepvar"]["value"] != NOT_APPLICABLE


def test_a_board_names_no_model_as_not_applicable_that_could_be_run_there(tmp_path: Path, run: Any) -> None:
    run(track="moving-mnist/forecast-10", dataset="moving-mnist")
    run(track="foreign/swap-10", dataset="foreign")
    for path in build(tmp_path / "runs", tmp_path / "out"):
        assert {row["model"] for row in _rows(path)} == {"sepvar"}


def test_a_model_without_the_preset_is_not_missed(tmp_path: Path, run: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    from stbench import registry
    from stbench.boards.absent import absent

    run(track="moving-mnist/swap-10", dataset="moving-mnist", preset="paper")
    build(tmp_path / "runs", tmp_path / "out")
    (board,) = boards(read_published(tmp_path / "out"))
    assert "convlstm" in {each.model for each in absent(board)}
    without = dataclasses.replace(registry.model("convlstm"), presets=lambda dataset: {"cpu": {}})
    monkeypatch.setattr(registry, "models_at_hand", lambda: [without])
    assert absent(board) == ()


def test_a_results_table_other_than_its_record_names_is_refused(tmp_path: Path, run: Any) -> None:
    path = run() / "results.csv"
    text = path.read_text()
    (value,) = {row["value"] for row in _rows(path) if row["lead_time"] == "1..3"}
    path.write_text(text.replace(f",{value},", f",{float(value) / 1000},"))
    with pytest.raises(StbenchError, match=r"results\.csv is not the table its record\.json names") as caught:
        build(tmp_path / "runs", tmp_path / "out")
    assert str(path) in str(caught.value)
    path.unlink()
    os.mkfifo(path)
    with pytest.raises(StbenchError, match=r"results\.csv is damaged, it is no regular file"):
        build(tmp_path / "runs", tmp_path / "out")


def test_one_bad_run_and_nothing_is_published(tmp_path: Path, run: Any) -> None:
    run(seed=0)
    bad = run(seed=1) / "record.json"
    bad.write_text(json.dumps(json.loads(bad.read_text()) | {"training": {"seconds": "long"}}))
    with pytest.raises(StbenchError, match=re.escape(str(bad))):
        build(tmp_path / "runs", tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_means_per_cluster_are_published_and_others_than_the_record_names_refused(tmp_path: Path, run: Any) -> None:
    folder, other = run(1.0), run(2.0, seed=1)
    place = publish(folder, tmp_path / "out")
    assert (place / "clusters.npz").read_bytes() == (folder / "clusters.npz").read_bytes()
    assert (place / "record.json").read_bytes() == (folder / "record.json").read_bytes()
    shutil.copy(other / "clusters.npz", folder / "clusters.npz")
    with pytest.raises(StbenchError, match=r"clusters\.npz is not the file its record names"):
        publish(folder, tmp_path / "out")
    (folder / "clusters.npz").unlink()
    with pytest.raises(StbenchError, match=r"has no clusters\.npz"):
        publish(folder, tmp_path / "out")
    assert read_entry(place).record.clusters.sha256


def test_of_two_main_tracks_the_newer_one_bears_the_name_of_the_dataset(tmp_path: Path, run: Any) -> None:
    run(track="waveeq-100/forecast-3", main_track=True, finished="2026-01-02T03:05:05+00:00")
    run(track="waveeq-100/forecast-5", main_track=True, finished="2026-03-02T03:05:05+00:00")
    build(tmp_path / "runs", tmp_path / "out")
    assert _files(tmp_path / "out") == ["quick/waveeq-100-forecast-3.csv", "quick/waveeq-100.csv"]
    (row, *_) = _rows(tmp_path / "out" / "quick" / "waveeq-100.csv")
    assert row["track"] == "waveeq-100/forecast-5"


@pytest.mark.parametrize("change", [{"conditioning": 4}, {"stride": 2}])
def test_runs_of_a_track_that_cut_other_windows_are_ranked_apart(
    tmp_path: Path, run: Any, record: Any, change: dict[str, int]
) -> None:
    run(1.0, model="before")
    run(2.0, model="after", track=dataclasses.replace(record().track, **change))
    (path,) = build(tmp_path / "runs", tmp_path / "out")
    assert {row["rank"] for row in _main(path).values()} == {"1"}


def test_a_board_shows_the_metrics_of_the_newest_of_its_records(tmp_path: Path, run: Any, record: Any) -> None:
    track = record().track
    older, newer = (
        dataclasses.replace(track, metrics=("mse", *names), further=further)
        for names, further in ((("mae", "rmse"), ()), (("rmse",), ("mae",)))
    )
    metrics = ("mse", "mae", "rmse")
    run(model="a", track=newer, metrics=metrics, finished="2026-03-02T03:05:05+00:00")
    run(model="b", track=older, metrics=metrics, finished="2026-01-02T03:05:05+00:00")
    build(tmp_path / "runs", tmp_path / "out")
    (board,) = boards(read_published(tmp_path / "out"))
    assert board.track == newer
    assert (board.shown, board.further) == (("mse", "rmse"), ("mae",))
