"""Which run of a seed counts, which metric ranks, which block comes first."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

import pytest

from stbench.boards.entry import Entry
from stbench.boards.leaderboard import build
from stbench.boards.publishing import find_runs, read_entry
from stbench.boards.ranking import boards
from stbench.errors import StbenchError
from stbench.pictures import forecasts
from stbench.running.outcome import draw_beside


def _entries(tmp_path: Path) -> list[Entry]:
    return [read_entry(folder) for folder in find_runs(tmp_path / "runs")]


def test_a_seed_counts_once_by_its_newest_run(tmp_path: Path, run: Any) -> None:
    run(1.0, model="other")
    run(3.0, finished="2026-01-02T03:05:05+00:00", fingerprint="56" * 32)
    run(2.0, finished="2026-03-02T03:05:05+00:00", fingerprint="78" * 32, device="cuda (a card)")
    stopped = {"steps": 5, "finished": False, "seconds": 1.5, "resumed_from": 0}
    run(9.0, finished="2026-05-02T03:05:05+00:00", fingerprint="9a" * 32, training=stopped)
    (board,) = boards(_entries(tmp_path))
    values = {line.model: line.summary("mse", "1..3") for block in board.blocks for line in block.lines}
    assert values["sepvar"].value == pytest.approx(2 * values["other"].value)
    assert [len(line.entries) for block in board.blocks for line in block.lines] == [1, 1]


def test_the_track_says_what_ranks_and_no_order_of_a_table(tmp_path: Path, run: Any, record: Any) -> None:
    track = dataclasses.replace(record().track, metrics=("mse", "psnr"))
    run(2.0, model="worse", track=track, metrics=("psnr", "mse"))
    run(1.0, model="better", track=track, metrics=("mse",))
    (board,) = boards(_entries(tmp_path))
    assert board.metrics[:2] == ("mse", "psnr")
    assert [(line.model, line.rank) for block in board.blocks for line in block.lines] == [("better", 1), ("worse", 2)]


def test_of_several_data_of_one_version_those_of_most_models_come_first(tmp_path: Path, run: Any) -> None:
    run(1.0, model="mine", dataset_digest="1" * 64)
    run(1.0, model="mine", seed=1, dataset_digest="1" * 64)
    for model in ("one", "two"):
        run(2.0, model=model, dataset_digest="2" * 64)
    (board,) = boards(_entries(tmp_path))
    assert [[line.model for line in block.lines] for block in board.blocks] == [["one", "two"], ["mine"]]


def test_a_source_that_the_data_cannot_have_takes_no_board_of_another(tmp_path: Path, run: Any) -> None:
    run(1.0, model="a")
    build(tmp_path / "runs", tmp_path / "out")
    before = {path: path.read_bytes() for path in (tmp_path / "out").rglob("*.csv")}
    run(2.0, model="b", dataset_source="zzz")
    with pytest.raises(StbenchError, match=r"two boards of waveeq-100/forecast-3 would be .*waveeq-100.*\.csv"):
        build(tmp_path / "runs", tmp_path / "out")
    assert before == {path: path.read_bytes() for path in (tmp_path / "out").rglob("*.csv")}


def test_curves_in_a_run_folder_are_of_the_models_on_its_own_windows(
    tmp_path: Path, run: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    drawn: list[list[str]] = []
    monkeypatch.setattr(
        forecasts, "error_against_lead_time", lambda curves, *_, **__: drawn.append([each.label for each in curves])
    )
    run(1.0, model="before", protocol_version="1")
    folder = run(1.0, model="mine", protocol_version="2")
    (board,) = boards(_entries(tmp_path))
    assert len(board.blocks) == 2
    draw_beside(folder, board)
    assert drawn == [["mine"]]
