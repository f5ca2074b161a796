"""The stage of a run that leaves its folder: record, results, kept predictions, pictures."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from stbench.running.plan import Plan
from stbench.running.recording import Made, record_numbers

if TYPE_CHECKING:
    from stbench.boards.board import Board
    from stbench.protocols.scoring import Scores
    from stbench.results.aggregate import ResultRow
    from stbench.results.record import RunRecord


def write_run(todo: Plan, folder: Path, made: Made, scores: Scores) -> RunRecord:
    """Per-sample values, result rows, kept predictions, pictures; the record last: a folder with a record is
    complete."""
    record, found = record_numbers(folder, made, todo.store, todo.track, scores)
    _write_pictures(todo, folder, record, scores, found)
    record.write(folder)
    return record


def _write_pictures(todo: Plan, folder: Path, record: RunRecord, scores: Scores, found: Sequence[ResultRow]) -> None:
    from stbench.pictures.curves import curve_of_rows
    from stbench.pictures.forecasts import error_against_lead_time, forecast_strip, swap_grid
    from stbench.protocols.kept import write_kept

    store = todo.store
    title = f"{todo.model} on {todo.track.id}, preset {todo.preset}"
    for metric in scores.values:
        if metric in todo.track.further:  # in results.csv, and in no table that people read
            continue
        curve = curve_of_rows(found, metric, floor=record.floor)
        if curve is not None:
            out = _curves(folder, metric)
            error_against_lead_time([curve], out, metric=metric, title=title, source=store.source)
    write_kept(folder / "predictions.zarr", scores, todo.track, store, todo.model)
    kept = scores.predictions_kept
    if kept is None:
        return
    middle = len(kept.items) // 2
    conditioning, target, prediction = (
        store.denormalise(each[middle]) for each in (kept.conditioning, kept.target, kept.prediction)
    )
    item = int(kept.items[middle])
    if not kept.truth:
        from stbench.pictures.clips import Row, clip_rows

        real = "clip" if kept.content is None else "motion"
        clips = {real: kept.target, todo.model: kept.prediction}
        if kept.content is not None:
            clips = {"content": kept.content, **clips}
        several = np.linspace(0, len(kept.items) - 1, min(3, len(kept.items))).astype(int)
        groups = [[Row(name, frames[k]) for name, frames in clips.items()] for k in several]
        clip_rows(groups, folder / "figures" / "clips", title=title, source=store.source)
        return
    if kept.content is not None:
        swap_grid(
            store.denormalise(kept.content[middle]),
            conditioning,
            target,
            {todo.model: prediction},
            folder / "figures" / "swap.png",
            title=f"{todo.track.id}, preset {todo.preset}\nmotion of sequence {scores.sequence[item]}",
            source=store.source,
        )
        return
    shown = {todo.model: prediction}
    if kept.best is not None and kept.members is not None and scores.drawn is not None:
        shown = {f"mean of {scores.drawn.members}": prediction, "best by mse": store.denormalise(kept.best[middle])}
        members = store.denormalise(kept.members[middle])
        shown |= {f"member {m}": member for m, member in enumerate(members, 1)}
    name = "" if todo.model in shown else f"{todo.model}: "
    place = f"sequence {scores.sequence[item]}, frame {scores.start[item]}"
    forecast_strip(
        conditioning,
        target,
        shown,
        folder / "figures" / "forecast.png",
        title=f"{name}{todo.track.id}, preset {todo.preset}\n{place}",
        source=store.source,
    )


def _curves(folder: Path, metric: str) -> Path:
    return folder / "figures" / f"{metric}.png"


def draw_beside(folder: Path, board: Board) -> None:
    """Draw the error curves of a run folder again, beside every other model that was run on the same windows."""
    from stbench.boards.curves import curves_of_block
    from stbench.pictures.forecasts import error_against_lead_time

    title = f"{board.track.id}, preset {board.preset}"
    for block in board.blocks:
        if not any(entry.folder == folder for line in block.lines for entry in line.entries):
            continue
        for metric in board.shown:
            curves = curves_of_block(board, block, metric)
            if not curves:
                continue
            error_against_lead_time(curves, _curves(folder, metric), metric=metric, title=title, source=board.source)
