"""Leaderboards on the terminal: what was run, and apart from it what papers report."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from stbench.cli.console import output

if TYPE_CHECKING:
    from stbench.boards.board import Board
    from stbench.boards.overview import Overview
    from stbench.running.run import RunResult


def show_run(result: RunResult, runs: Path | None) -> None:
    """The board of a run, with all runs on the same data, the run itself in bold; then where its folder is."""
    from stbench.boards.publishing import find_runs, read_entry
    from stbench.boards.ranking import boards
    from stbench.paths import runs_dir
    from stbench.running.outcome import draw_beside

    record = result.record
    comparable = [
        entry
        for entry in map(read_entry, find_runs(runs or runs_dir()))
        if (entry.record.preset, entry.record.track.id) == (record.preset, record.track.id)
        and entry.record.dataset_digest == record.dataset_digest
    ]
    for board in boards(comparable):
        show_board(board, highlight=record.full_model)
        draw_beside(result.folder, board)
    click.echo(f"{'finished before' if result.reused else 'finished'}: {result.folder}")


def show_board(board: Board, *, highlight: str = "") -> None:
    from stbench.boards.table import board_tables, reported_for, reported_table

    console = output()
    for each in board_tables(board, highlight=highlight, width=console.width):
        console.print(each)
    if reported := reported_for(board.track.id):
        console.print(reported_table(reported))


def show_overview(overview: Overview) -> None:
    from stbench.boards.verdicts import overview_tables

    console = output()
    for each in overview_tables(overview):
        console.print(each)
