"""Lines that cannot be told apart share a bracket; who has no means per cluster is compared with nobody."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from click.testing import CliRunner
from made_records import make_record, write_numbers
from scipy.stats import ttest_rel
from tables import main_rows, rows_of, text_of_pages

from stbench.boards.leaderboard import COLUMNS, build
from stbench.boards.page import write_page
from stbench.boards.publishing import at_hand, read_published
from stbench.boards.ranking import boards
from stbench.boards.table import board_tables
from stbench.protocols.scoring import Scores

WRONG = np.random.default_rng(5).gamma(9.0, size=(40, 1))
"""What makes a sequence hard for everybody."""


@pytest.fixture
def scored(tmp_path: Path) -> Callable[..., Path]:
    """`scored(model, values)`: a run whose windows have mse `values` (k, 3), one window a sequence."""

    def write(model: str, values: np.ndarray, *, sequences: np.ndarray | None = None, **changes: Any) -> Path:
        record = make_record(model=model, **changes)
        folder = tmp_path / "runs" / f"{model}-{record.seed}-{record.track.id.replace('/', '-')}"
        order = np.arange(len(values)) if sequences is None else sequences
        write_numbers(folder, record, Scores(order, np.zeros(len(values), int), {"mse": values}, 0.5)).write(folder)
        return folder

    return write


def noisy(shift: float, seed: int, k: int = 40, horizon: int = 3) -> np.ndarray:
    """Errors with the hardness of their sequence and a little of their own."""
    return WRONG[:k] + shift + 0.2 * np.random.default_rng(seed).standard_normal((k, horizon))


REGISTERED = {"track": "sprites/forecast-4", "dataset": "sprites"}
"""Format 1 knows the windows of such a track alone."""


def test_rows_that_cannot_be_told_apart_from_the_best_share_its_bracket(tmp_path: Path, scored: Any) -> None:
    values = {"best": noisy(0.0, 1), "alike": noisy(0.01, 2), "worse": noisy(0.5, 3), "mean": noisy(4.0, 4)}
    for model, each in values.items():
        scored(model, each, floor=model == "mean")
    (path,) = build(tmp_path / "runs", tmp_path / "out")
    found = main_rows(path)
    first, second = [*found][:2]
    assert {first, second} == {"best", "alike"}
    assert {model: row["rank_bracket"] for model, row in found.items()} == {
        first: "1..2",
        second: "1..2",
        "worse": "3",
        "mean": "4",
    }
    assert [row["comparison"] for row in found.values()] == [
        "best",
        "not told apart from the best",
        *["told apart from the best"] * 2,
    ]
    # The windows are one a sequence, so the comparison is the paired t test, and Holm multiplies its p.
    expected = ttest_rel(values["worse"].mean(axis=1), values[first].mean(axis=1))
    assert float(found["worse"]["difference_to_best"]) == pytest.approx(
        values["worse"].mean() - values[first].mean(), rel=1e-4
    )
    assert float(found["worse"]["difference_low"]) == pytest.approx(expected.confidence_interval().low, rel=1e-3)
    assert float(found["worse"]["p_holm"]) == pytest.approx(2 * expected.pvalue, rel=1e-2)
    # Their own intervals overlap widely: it is the pairing that tells them apart.
    assert float(found["worse"]["ci_low"]) < float(found[first]["ci_high"])


def test_a_bracket_is_in_the_terminal_beside_the_rank(tmp_path: Path, scored: Any) -> None:
    from rich.console import Console

    scored("best", noisy(0.0, 1))
    scored("alike", noisy(0.01, 2))
    build(tmp_path / "runs", tmp_path / "out")
    (board,) = boards(read_published(tmp_path / "out"))
    console = Console(width=150, record=True, file=(tmp_path / "printed").open("w"))
    for each in board_tables(board):
        console.print(each)
    assert console.export_text().count("(1..2)") == 2


def test_whoever_has_no_means_per_cluster_says_so_and_is_compared_with_nobody(
    tmp_path: Path, scored: Any, to_format_1: Any
) -> None:
    scored("best", noisy(0.0, 1, horizon=4), **REGISTERED)
    to_format_1(scored("old", noisy(1.0, 2, horizon=4), **REGISTERED), published=True)
    scored("other", noisy(2.0, 3, horizon=4), sequences=np.arange(100, 140), **REGISTERED)
    (path,) = build(tmp_path / "runs", tmp_path / "out")
    found = main_rows(path)
    assert found["old"]["rank"] == "2"
    for model, reason in (("old", "its per-sample scores are gone"), ("other", "scored on different windows")):
        assert (found[model]["rank_bracket"], found[model]["p_holm"]) == ("", "")
        assert reason in found[model]["comparison"]
    text = text_of_pages(write_page(tmp_path / "out", tmp_path / "index.html"))
    assert "<strong>old</strong>: not compared: the run was published before" in text
    assert path.read_bytes() == build(tmp_path / "nothing", tmp_path / "out")[0].read_bytes()


def test_as_many_windows_of_other_clusters_are_compared_with_nobody(tmp_path: Path, scored: Any) -> None:
    """The same clusters, of which another one has two windows."""
    scored("best", noisy(0.0, 1), sequences=np.r_[np.arange(39), 0])
    scored("uneven", noisy(1.0, 2), sequences=np.r_[np.arange(39), 1])
    (path,) = build(tmp_path / "runs", tmp_path / "out")
    assert "scored on different windows" in main_rows(path)["uneven"]["comparison"]


def test_a_run_of_format_1_with_its_scores_is_compared_at_once_as_after_it_was_published(
    tmp_path: Path, scored: Any, to_format_1: Any
) -> None:
    scored("best", noisy(0.0, 1, horizon=4), **REGISTERED)
    to_format_1(scored("old", noisy(1.0, 2, horizon=4), **REGISTERED))
    (path,) = build(tmp_path / "runs", tmp_path / "out")
    assert main_rows(path)["old"]["comparison"] == "told apart from the best"
    first = path.read_bytes()
    build(tmp_path / "nothing", tmp_path / "out")
    assert path.read_bytes() == first


def test_a_board_over_few_clusters_says_so(tmp_path: Path, scored: Any) -> None:
    for k, track in ((19, "waveeq-100/forecast-3"), (20, "foreign/forecast-3")):
        scored("one", noisy(0.0, 1, k), track=track, dataset=track.partition("/")[0])
    found = {path.stem: main_rows(path)["one"]["interval"] for path in build(tmp_path / "runs", tmp_path / "out")}
    assert found == {
        "waveeq-100-forecast-3": "percentile bootstrap, fewer than 20 clusters",
        "foreign-forecast-3": "percentile bootstrap",
    }
    text = text_of_pages(write_page(tmp_path / "out", tmp_path / "index.html"))
    assert text.count("<strong>95 % intervals</strong>: 19 clusters are fewer than 20") == 1
    assert "20 clusters are fewer" not in text


def test_new_columns_come_last_and_every_row_names_the_format(tmp_path: Path, scored: Any) -> None:
    scored("one", noisy(0.0, 1))
    (path,) = build(tmp_path / "runs", tmp_path / "out")
    assert COLUMNS.index("note") == 36, "the first 37 columns are those of format 1"
    assert {row["format"] for row in rows_of(path)} == {"2"}


def test_compare_prints_the_difference_its_interval_and_what_would_separate(tmp_path: Path, scored: Any) -> None:
    from stbench.cli.main import cli

    for seed in (0, 1, 2):
        scored("one", noisy(0.03 * seed, seed), seed=seed)
    scored("two", noisy(0.1, 9))
    asked = ["compare", "two", "one", "--track", "waveeq-100/forecast-3", "--preset", "quick"]
    asked += ["--runs", str(tmp_path / "runs"), "--out", str(tmp_path / "out")]
    done = CliRunner().invoke(cli, [*asked, "--json"])
    assert done.exit_code == 0, done.output
    document = json.loads(done.output)
    assert [row["lead_time"] for row in document["rows"]] == ["1..3", "1", "3"]
    (row, *_) = document["rows"]
    one = np.mean([noisy(0.03 * seed, seed).mean() for seed in (0, 1, 2)])
    # Means per cluster are float32, and the difference is a fourteenth of them.
    assert row["difference"] == pytest.approx(noisy(0.1, 9).mean() - one, abs=1e-6)
    assert row["low"] < row["difference"] < row["high"]
    assert (row["low"], row["high"]) == pytest.approx((0.0158347, 0.1300034), rel=1e-4)
    assert (row["clusters"], row["seeds"]) == (40, [1, 3])
    needed = [(row["clusters_needed"], row["seeds_needed"]) for row in document["rows"]]
    assert needed == [(43, 4), (270, None), (None, None)], "none where more would not separate them"
    printed = CliRunner().invoke(cli, asked).output
    assert "interval" in printed
    assert "With one seed of a model" in printed
    asked[1] = "tow"
    refused = CliRunner().invoke(cli, asked)
    assert refused.exit_code != 0
    assert "did you mean 'two'" in str(refused.exception) + refused.output
    asked[1], asked[4] = "two", "waveeq/forecast-40"
    refused = CliRunner().invoke(cli, asked)
    searched = f"in {tmp_path / 'runs'} or {tmp_path / 'out' / 'records'}"
    assert f"'waveeq/forecast-40' is {searched}: " in str(refused.exception) + refused.output


def test_compare_sees_published_runs_and_newer_ones_of_the_run_folder(tmp_path: Path, scored: Any) -> None:
    scored("one", noisy(0.0, 1))
    scored("two", noisy(1.0, 2))
    build(tmp_path / "runs", tmp_path / "out")
    newer = scored("one", noisy(3.0, 3), finished="2026-05-02T03:05:05+00:00")
    found = {entry.record.model: entry for entry in at_hand(tmp_path / "runs", tmp_path / "out")}
    assert {*found} == {"one", "two"}
    assert found["one"].folder == newer


def test_seeds_of_luck_widen_the_bracket(tmp_path: Path, scored: Any) -> None:
    """The same mean difference: one seed is told apart, two seeds that far apart are not."""
    scored("best", noisy(0.0, 1))
    scored("lucky", noisy(0.0, 2), seed=0)
    scored("lucky", noisy(2.0, 3), seed=1)
    (path,) = build(tmp_path / "runs", tmp_path / "out")
    assert main_rows(path)["lucky"]["rank_bracket"] == "1..2"
    scored("steady", noisy(1.0, 4))
    (path,) = build(tmp_path / "runs", tmp_path / "out")
    assert main_rows(path)["steady"]["comparison"] == "told apart from the best"


def test_json_of_a_board_keeps_brackets_as_text(tmp_path: Path, scored: Any) -> None:
    from stbench.cli.machine import board_document

    scored("best", noisy(0.0, 1))
    scored("worse", noisy(1.0, 2))
    build(tmp_path / "runs", tmp_path / "out")
    (board,) = boards(read_published(tmp_path / "out"))
    assert {row["rank_bracket"] for row in board_document(board)["rows"]} == {"1", "2"}
