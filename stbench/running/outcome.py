"""The stage of a run that leaves its folder: record, results, kept predictions, pictures."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from stbench.contract.datasets import fingerprint
from stbench.running.fit import Trained
from stbench.running.plan import Plan

if TYPE_CHECKING:
    from stbench.boards.board import Board
    from stbench.protocols.scoring import Scores
    from stbench.results.aggregate import ResultRow
    from stbench.results.record import RunRecord


def make_record(
    todo: Plan,
    trained: Trained,
    scores: Scores,
    code: Mapping[str, str],
    device: str,
    command: str,
    started: datetime,
    budget_seconds: float | None,
    judge: Mapping[str, Any],
) -> RunRecord:
    from stbench.provenance.environment import environment, peak_memory
    from stbench.results.aggregate import infinite_windows
    from stbench.results.record import RunRecord

    store = todo.store
    return RunRecord(
        track=todo.track.id,
        dataset=store.dataset,
        dataset_version=store.version,
        dataset_source=store.source,
        dataset_digest=store.digest,
        dataset_fingerprint=store.fingerprint,
        dataset_parameters=store.parameters,
        split=store.split.id,
        split_digest=store.split.digest,
        model=todo.plugin.name,
        variant=todo.variant,
        model_version=todo.plugin.version,
        floor=todo.plugin.floor,
        preset=todo.preset,
        seed=todo.seed,
        configuration=todo.configuration,
        parameters=trained.parameters,
        macs_per_forecast=trained.macs,
        training=trained.training,
        inference_seconds=scores.inference_seconds,
        peak_memory_bytes=peak_memory(),
        code=code,
        command=command,
        fingerprint=fingerprint(todo.identity),
        started=started.isoformat(timespec="seconds"),
        finished=datetime.now(UTC).isoformat(timespec="seconds"),
        budget_seconds=budget_seconds,
        judge=judge,
        infinite=infinite_windows(scores),
        macs_version=trained.macs_version,
        **environment(device),
    )


def write_run(todo: Plan, folder: Path, record: RunRecord, scores: Scores) -> None:
    """Per-sample values, result rows, kept predictions, pictures; the record last: a folder with a record is
    complete."""
    from stbench.results.aggregate import rows, write_results, write_scores

    (folder / "record.json").unlink(missing_ok=True)
    folder.mkdir(parents=True, exist_ok=True)
    write_scores(folder, scores)
    found = rows(scores, record)
    write_results(folder, found)
    _write_pictures(todo, folder, record, scores, found)
    record.write(folder)


def _write_pictures(todo: Plan, folder: Path, record: RunRecord, scores: Scores, found: Sequence[ResultRow]) -> None:
    from stbench.pictures.curves import curve_of_rows
    from stbench.pictures.forecasts import error_against_lead_time, forecast_strip, swap_grid
    from stbench.protocols.kept import write_kept

    store = todo.store
    title = f"{todo.model} on {todo.track.id}, preset {todo.preset}"
    for metric in scores.values:
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
    forecast_strip(
        conditioning,
        target,
        {todo.model: prediction},
        folder / "figures" / "forecast.png",
        title=f"{todo.track.id}, preset {todo.preset}\nsequence {scores.sequence[item]}, frame {scores.start[item]}",
        source=store.source,
    )


def _curves(folder: Path, metric: str) -> Path:
    return folder / "figures" / f"{metric}.png"


def draw_beside(folder: Path, board: Board) -> None:
    """Draw the error curves of a run folder again, beside every other model of its board."""
    from stbench.boards.curves import curves_of_block
    from stbench.pictures.forecasts import error_against_lead_time

    title = f"{board.track}, preset {board.preset}"
    for block in board.blocks:
        for metric in board.shown:
            curves = curves_of_block(board, block, metric)
            if not curves:
                continue
            error_against_lead_time(curves, _curves(folder, metric), metric=metric, title=title, source=board.source)
