from __future__ import annotations

import dataclasses
import statistics
from pathlib import Path
from typing import Any

import pytest
from tables import files_in, main_rows, rows_of

from stbench.boards.entry import Entry
from stbench.boards.leaderboard import NOT_APPLICABLE, build
from stbench.boards.publishing import find_runs, read_entry, read_published
from stbench.boards.ranking import boards
from stbench.results.aggregate import read_results
from stbench.running.plan import find_track

LEADERBOARDS = Path(__file__).resolve().parents[2] / "leaderboards"


def test_models_stand_ranked_beside_floors_with_cost_and_command(tmp_path: Path, run: Any) -> None:
    run(3.0, model="mean", floor=True, parameters=300)
    run(1.0, variant="without-s")
    run(2.0)
    (path,) = build(tmp_path / "runs", tmp_path / "out")
    main = main_rows(path)
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
    assert [each["lead_time"] for each in rows_of(path)][:3] == ["1..3", "1", "3"]


def test_main_track_bears_the_name_of_the_dataset_and_others_the_long_name(tmp_path: Path, run: Any) -> None:
    from stbench import registry

    main = registry.dataset("waveeq-100").tracks[0].id
    run(track=main)
    run(track="waveeq-100/forecast-3")
    run(track="foreign/forecast-3", dataset="foreign")
    build(tmp_path / "runs", tmp_path / "out")
    assert files_in(tmp_path / "out") == [
        "quick/foreign-forecast-3.csv",
        "quick/waveeq-100-forecast-3.csv",
        "quick/waveeq-100.csv",
    ]


def test_simulated_and_official_never_share_a_file_nor_do_presets(tmp_path: Path, run: Any) -> None:
    for source in ("simulated", "official"):
        for preset in ("quick", "paper"):
            run(track="sst/forecast-3", dataset="sst", dataset_source=source, preset=preset)
    build(tmp_path / "runs", tmp_path / "out")
    files = files_in(tmp_path / "out")
    assert len(files) == 4
    assert sum(name.endswith("-simulated.csv") for name in files) == 2
    for name in files:
        (row,) = main_rows(tmp_path / "out" / name).values()
        assert (row["source"] == "simulated") == name.endswith("-simulated.csv")
        assert row["preset"] == name.split("/")[0]


def test_runs_on_other_data_are_kept_and_ranked_apart(tmp_path: Path, run: Any) -> None:
    run(1.0, dataset_digest="1" * 64, model="old")
    run(2.0, dataset_version="2", dataset_digest="2" * 64, model="new")
    run(3.0, dataset_version="2", dataset_digest="2" * 64, model="newer")
    (path,) = build(tmp_path / "runs", tmp_path / "out")
    assert [(row["model"], row["rank"], row["dataset_version"]) for row in main_rows(path).values()] == [
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
    assert {row["rank"] for row in main_rows(path).values()} == {"1"}


def test_a_judge_that_errs_too_often_is_named_in_the_note(tmp_path: Path, run: Any) -> None:
    run(1.0, model="sure", judge={"name": "a", "accuracy": {"action": 1.0, "hair": 0.99}})
    run(2.0, model="unsure", judge={"name": "b", "accuracy": {"action": 0.971, "hair": 1.0}})
    (path,) = build(tmp_path / "runs", tmp_path / "out")
    notes = {model: row["note"] for model, row in main_rows(path).items()}
    assert notes["sure"] == ""
    assert notes["unsure"].endswith("right on fewer than 99 % of real test clips (action 97.1 %)")


def test_a_card_is_named_in_the_note_and_the_processor_is_not(tmp_path: Path, run: Any) -> None:
    run(1.0, model="fast", device="cuda (NVIDIA H200)")
    run(2.0, model="slow", device="cpu")
    (path,) = build(tmp_path / "runs", tmp_path / "out")
    found = {model: (row["device"], row["note"]) for model, row in main_rows(path).items()}
    assert found["fast"] == ("cuda (NVIDIA H200)", "trained on cuda (NVIDIA H200)")
    assert found["slow"] == ("cpu", "")


def test_seeds_are_averaged_with_unbiased_deviation_and_intervals_of_the_test_set(tmp_path: Path, run: Any) -> None:
    levels = (1.0, 1.5, 2.5)
    folders = [
        run(level, seed=seed, training={"steps": 5, "finished": True, "seconds": 10.0 * seed})
        for seed, level in enumerate(levels)
    ]
    (path,) = build(tmp_path / "runs", tmp_path / "out")
    (row,) = main_rows(path).values()
    one = float(row["value"]) / statistics.fmean(levels)
    assert row["seeds"] == "0 1 2"
    assert float(row["seed_sd"]) == pytest.approx(one * statistics.stdev(levels), rel=1e-5)
    assert float(row["train_seconds"]) == 10.0
    for name in ("ci_low", "ci_high"):
        ends = [getattr(each, name) for folder in folders for each in read_results(folder) if each.lead_time == "1..3"]
        assert float(row[name]) == pytest.approx(statistics.fmean(ends), rel=1e-5)
    assert float(row["ci_low"]) < float(row["value"]) < float(row["ci_high"])


def test_who_is_not_applicable_stands_in_the_block_of_the_same_windows(tmp_path: Path, run: Any) -> None:
    run(1.0, model="one")
    run(2.0, model="two")
    run(model="unable", not_applicable="it cannot")
    (board,) = boards(_entries(tmp_path))
    (block,) = board.blocks
    assert [line.model for line in block.lines] == ["one", "two", "unable"]


def test_seeds_of_other_configurations_are_not_averaged(tmp_path: Path, run: Any) -> None:
    run(1.0, seed=0)
    run(2.0, seed=1, configuration={"model": {"width": 16}})
    (path,) = build(tmp_path / "runs", tmp_path / "out")
    assert [(row["seeds"], row["rank"]) for row in rows_of(path) if row["lead_time"] == "1..3"] == [
        ("0", "1"),
        ("1", "2"),
    ]


def test_equal_values_share_a_rank(tmp_path: Path, run: Any) -> None:
    for model, level in (("a", 1.0), ("b", 1.0), ("c", 2.0)):
        run(level, model=model)
    (path,) = build(tmp_path / "runs", tmp_path / "out")
    assert [row["rank"] for row in main_rows(path).values()] == ["1", "1", "3"]


def test_a_metric_of_gain_ranks_the_highest_first(tmp_path: Path, run: Any) -> None:
    run(1.0, metrics=("psnr", "mse"), model="low")
    run(2.0, metrics=("psnr", "mse"), model="high")
    (path,) = build(tmp_path / "runs", tmp_path / "out")
    assert [row["model"] for row in main_rows(path).values()] == ["high", "low"]


def test_what_a_model_cannot_do_is_not_applicable_and_has_no_rank(tmp_path: Path, run: Any) -> None:
    run(1.0, metrics=("mse", "mae"))
    run(2.0, metrics=("mse",), model="half")
    run(model="none", not_applicable="it cannot forecast")
    (path,) = build(tmp_path / "runs", tmp_path / "out")
    found = {(row["model"], row["metric"]): row for row in rows_of(path) if row["lead_time"] == "1..3"}
    assert found["half", "mae"]["value"] == "not scored"
    assert found["half", "mse"]["rank"] == "2"
    assert (found["none", "mse"]["value"], found["none", "mse"]["rank"]) == (NOT_APPLICABLE, "")
    assert found["none", "mse"]["note"] == "it cannot forecast"


def test_a_board_of_runs_that_are_not_applicable_can_be_built(tmp_path: Path, run: Any) -> None:
    run(not_applicable="it cannot forecast")
    (path,) = build(tmp_path / "runs", tmp_path / "out")
    assert [row["value"] for row in rows_of(path)] == [NOT_APPLICABLE]
    (board,) = boards(read_published(tmp_path / "out"))
    assert board.blocks[0].cluster == "sequence"


def test_a_shorter_horizon_that_papers_report_has_its_mean_and_its_last_value_for_every_metric(
    tmp_path: Path, run: Any
) -> None:
    metrics = ("mse", "mse_celsius", "ssim_gauss11")
    run(track="sst/forecast-10", dataset="sst", dataset_source="simulated", metrics=metrics)
    (path,) = build(tmp_path / "runs", tmp_path / "out")
    for metric in metrics:
        found = [row for row in rows_of(path) if row["metric"] == metric and row["value"] != NOT_APPLICABLE]
        values = {row["lead_time"]: float(row["value"]) for row in found}
        assert list(values) == ["1..10", "1..6", "1", "6", "10"]
        assert values["1..6"] == pytest.approx(values["1"] * 3.5, rel=1e-5), "values grow in proportion to lead time"
        assert values["1..10"] == pytest.approx(values["1"] * 5.5, rel=1e-5)


def test_metrics_a_track_scores_further_are_in_the_csv_and_in_no_table(tmp_path: Path, run: Any) -> None:
    track = find_track("moving-mnist", "forecast-10")
    assert track.further
    run(track=track.id, dataset="moving-mnist", metrics=track.scored)
    (path,) = build(tmp_path / "runs", tmp_path / "out")
    added = "psnr_of_mean_mse"
    assert (
        tuple(name for name in dict.fromkeys(row["metric"] for row in rows_of(path)) if name != added) == track.scored
    )
    (board,) = boards(read_published(tmp_path / "out"))
    assert tuple(name for name in board.shown if name != added) == track.metrics
    assert board.shown.index(added) == board.shown.index("psnr") + 1
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
    assert wanted <= {row["lead_time"] for row in rows_of(path)}


def test_models_that_cannot_be_asked_are_on_the_board_with_the_reason_and_without_rank(
    tmp_path: Path, run: Any
) -> None:
    swap = {"track": "moving-mnist/swap-10", "dataset": "moving-mnist"}
    run(1.0, **swap)
    run(2.0, **swap, model="mean", floor=True)
    (path,) = build(tmp_path / "runs", tmp_path / "out")
    found = {row["model"]: row for row in rows_of(path) if row["lead_time"] == "1..10"}
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
    run(track="moving-mnist/draws-10", dataset="moving-mnist")
    run(track="foreign/swap-10", dataset="foreign")
    paths = {path.stem: {row["model"] for row in rows_of(path)} for path in build(tmp_path / "runs", tmp_path / "out")}
    only_draws = paths.pop("moving-mnist")
    of_waves = {"wave-solver"}
    assert only_draws == {"sepvar", "analogue", *of_waves}
    others = [models - of_waves for models in paths.values()]
    assert others == [{"sepvar"}, {"sepvar"}], "on draws whoever forecasts is one draw"


def test_a_model_without_the_preset_is_not_missed(tmp_path: Path, run: Any) -> None:
    from stbench.boards.absent import Listed, absent

    run(track="moving-mnist/swap-10", dataset="moving-mnist", preset="paper")
    build(tmp_path / "runs", tmp_path / "out")
    (board,) = boards(read_published(tmp_path / "out"))
    assert "convlstm" in {each.model for each in absent(board)}
    listed = [
        Listed("moving-mnist/swap-10", "cpu", "other-preset", "no", "cannot"),
        Listed("moving-mnist/swap-95", "paper", "other-track", "no", "cannot"),
        Listed("moving-mnist/swap-10", "", "every-preset", "yes", "cannot"),
    ]
    assert [(each.model, each.floor) for each in absent(board, listed)] == [("every-preset", True)]


def test_of_two_main_tracks_the_newer_one_bears_the_name_of_the_dataset(tmp_path: Path, run: Any) -> None:
    run(track="waveeq-100/forecast-3", main_track=True, finished="2026-01-02T03:05:05+00:00")
    run(track="waveeq-100/forecast-5", main_track=True, finished="2026-03-02T03:05:05+00:00")
    build(tmp_path / "runs", tmp_path / "out")
    assert files_in(tmp_path / "out") == ["quick/waveeq-100-forecast-3.csv", "quick/waveeq-100.csv"]
    (row, *_) = rows_of(tmp_path / "out" / "quick" / "waveeq-100.csv")
    assert row["track"] == "waveeq-100/forecast-5"


@pytest.mark.parametrize("change", [{"conditioning": 4}, {"stride": 2}])
def test_runs_of_a_track_that_cut_other_windows_are_ranked_apart(
    tmp_path: Path, run: Any, record: Any, change: dict[str, int]
) -> None:
    run(1.0, model="before")
    run(2.0, model="after", track=dataclasses.replace(record().track, **change))
    (path,) = build(tmp_path / "runs", tmp_path / "out")
    assert {row["rank"] for row in main_rows(path).values()} == {"1"}


def test_a_board_names_what_its_intervals_are_over_only_where_all_records_share_it(
    tmp_path: Path, run: Any, record: Any
) -> None:
    """A record keeps the track as it was: of one board older ones may be over sequences, newer ones over characters."""
    for models, expected in ((("one",), "character"), (("one", "two"), "cluster")):
        for model, cluster in zip(models, ("character", ""), strict=False):
            run(model=model, track=dataclasses.replace(record().track, cluster=cluster))
        build(tmp_path / "runs", tmp_path / "out")
        (board,) = boards(read_published(tmp_path / "out"))
        assert [block.cluster for block in board.blocks] == [expected]


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


def test_runs_on_other_selected_windows_are_not_ranked_together(tmp_path: Path, run: Any) -> None:
    for model, digest in (("one", "ab" * 32), ("two", "ab" * 32), ("other", "cd" * 32)):
        run(model=model, drawn={"members": 4, "windows": "w", "windows_sha256": digest})
    build(tmp_path / "runs", tmp_path / "out")
    (board,) = boards(read_published(tmp_path / "out"))
    assert sorted([line.model for line in block.lines] for block in board.blocks) == [["one", "two"], ["other"]]


def test_answers_to_other_questions_are_not_ranked_together(tmp_path: Path, run: Any) -> None:
    """A protocol that hands out something else has another version; the newest stands first, the others say what they
    are."""
    track = find_track("sprites", "resample-8")
    for model, version in (("old", ""), ("new", "2"), ("newer", "10")):
        run(model=model, track=track, dataset="sprites", protocol_version=version, finished="2026-01-02T03:05:05+00:00")
    build(tmp_path / "runs", tmp_path / "out")
    (board,) = boards(read_published(tmp_path / "out"))
    assert [[line.model for line in block.lines] for block in board.blocks] == [["newer"], ["new"], ["old"]]
    newest, *_, oldest = board.blocks
    assert oldest.lines[0].notes[-1].startswith("protocol of version 1: it was told the action")
    assert not [note for note in newest.lines[0].notes if "protocol" in note]


@pytest.mark.parametrize("newest", ["drawing", "one-member"])
def test_runs_with_other_numbers_of_members_keep_their_values_and_say_which_number(
    tmp_path: Path, run: Any, newest: str
) -> None:
    numbers = {"drawing": "1, N = 20", "one-member": "1, N = 1", "of-another-version": "2, N = 20"}
    for model in numbers:
        run(model=model, metrics=("mse", "mae"), finished=f"2026-0{1 + (model == newest)}-02T03:05:05+00:00")
    changed = []
    for entry in (read_entry(folder) for folder in find_runs(tmp_path / "runs")):
        version = numbers[entry.record.model]
        changed.append(
            dataclasses.replace(
                entry,
                rows=tuple(
                    dataclasses.replace(row, metric_version=version) if row.metric == "mae" else row
                    for row in entry.rows
                ),
            )
        )
    (board,) = boards(changed)
    (block,) = board.blocks
    found = {line.model: line.summary("mae", board.mean_lead_time) for line in block.lines}
    kept = {model: each.metric_version for model, each in found.items() if each is not None}
    assert kept == {model: numbers[model] for model in ("drawing", "one-member")}


def test_a_column_holds_one_version_of_a_metric(tmp_path: Path, run: Any, record: Any) -> None:
    """That of the newest run; of older ones the value is not scored, and their others stay."""
    for model, month in (("old", "01"), ("new", "02")):
        run(model=model, metrics=("mse", "mae"), finished=f"2026-{month}-02T03:05:05+00:00")
    entries = [read_entry(folder) for folder in find_runs(tmp_path / "runs")]
    changed = [
        dataclasses.replace(
            entry,
            rows=tuple(
                dataclasses.replace(row, metric_version="2") if row.metric == "mae" else row for row in entry.rows
            ),
        )
        if entry.record.model == "new"
        else entry
        for entry in entries
    ]
    (board,) = boards(changed)
    (block,) = board.blocks
    found = {line.model: line for line in block.lines}
    assert found["old"].summary("mae", board.mean_lead_time) is None
    assert found["old"].summary("mse", board.mean_lead_time) is not None
    kept = found["new"].summary("mae", board.mean_lead_time)
    assert kept is not None
    assert kept.metric_version == "2"
