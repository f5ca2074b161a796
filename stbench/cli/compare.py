"""`stbench compare`: are two models told apart on a track?"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from stbench.cli.console import output
from stbench.cli.machine import json_option, print_json
from stbench.cli.options import path_option, preset_option, source_option
from stbench.errors import StbenchError, nearest

if TYPE_CHECKING:
    from stbench.boards.board import Board
    from stbench.boards.comparison import Compared

BEST_FIRST = ("official", "procedural", "simulated")


@click.command()
@click.argument("a", metavar="A")
@click.argument("b", metavar="B")
@click.option("--track", required=True, help="E.g. waveeq-100/forecast-40, or a dataset for its main track.")
@preset_option
@source_option
@click.option("--metric", default="", help="[default: the one that ranks]")
@path_option("--runs", help="Folder of runs.  [default: ./runs]")
@path_option("--out", default=Path("leaderboards"), show_default=True, help="Folder of published records.")
@json_option
def compare(
    a: str, b: str, track: str, preset: str, source: str, metric: str, runs: Path | None, out: Path, as_json: bool
) -> None:
    """Difference of models A and B at the lead times of a board, with its interval, and what would separate them.

    Both are read from finished and published runs; nothing is run.
    """
    from stbench.boards.comparison import compare as compare_lines
    from stbench.boards.publishing import RECORDS, at_hand
    from stbench.boards.ranking import boards
    from stbench.boards.verdicts import comparison_tables
    from stbench.paths import runs_dir

    runs = runs or runs_dir()
    board = _board(boards(at_hand(runs, out)), track, preset, source, f"in {runs} or {out / RECORDS}")
    metric = metric or next(iter(board.metrics), "")
    rows = compare_lines(board, a, b, metric)
    if as_json:
        about = {"track": board.track.id, "preset": board.preset, "source": board.source, "metric": metric}
        print_json({**about, "a": a, "b": b, "rows": [_row(each) for each in rows]})
        return
    console = output()
    title = f"{board.track.id}, preset {board.preset}, source {board.source}: {metric}"
    for each in comparison_tables(rows, title, a, b):
        console.print(each)


def _board(found: list[Board], track: str, preset: str, source: str, searched: str) -> Board:
    """The board that is asked for; of several sources the best. `StbenchError` with the nearest track."""
    of_preset = [board for board in found if board.preset == preset]
    there = [board for board in of_preset if board.track.id == track or (board.main_track and board.dataset == track)]
    if not there:
        known = nearest(track, [board.track.id for board in of_preset]) if of_preset else "there is no board of it"
        raise StbenchError(f"no run of the preset {preset} on the track '{track}' is {searched}: {known}")
    sources = [board.source for board in there]
    wanted = min(sources, key=lambda each: BEST_FIRST.index(each) if each in BEST_FIRST else 9)
    wanted = wanted if source == "auto" else source
    if wanted not in sources:
        raise StbenchError(f"{track} has runs on the source {', '.join(sources)} and none on {source}")
    return next(board for board in there if board.source == wanted)


def _row(each: Compared) -> dict[str, Any]:
    from stbench.results.paired import clusters_needed, seeds_needed

    found = each.difference
    return {
        "lead_time": each.lead_time,
        "a": each.a,
        "b": each.b,
        "difference": each.a - each.b if found is None else found.value,
        "low": None if found is None else found.low,
        "high": None if found is None else found.high,
        "p": None if found is None else found.p,
        "clusters": None if found is None else found.clusters,
        "clusters_needed": None if found is None else clusters_needed(found),
        "seeds": None if found is None else list(found.seeds),
        "seeds_needed": None if found is None else seeds_needed(found),
        "reason": each.reason or None,
    }
