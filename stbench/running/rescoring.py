"""Predictions that were handed in with a record are scored again here, and the record has to say the same."""

from __future__ import annotations

import math
from collections.abc import Iterator
from pathlib import Path

from stbench.boards.checking import blueprint_of, store_at_hand
from stbench.boards.entry import Entry
from stbench.contract.presets import PRESETS
from stbench.errors import StbenchError
from stbench.progress import Progress, Silent
from stbench.protocols.known import protocol_of
from stbench.results.aggregate import rows
from stbench.running.run import i3d_for
from stbench.running.score import judge_for, scores_of

FVD = "fvd"
RELATIVE = 1e-6
"""What the libraries of another machine may change."""


def rescored(
    entry: Entry, predictions: Path, *, runs: Path, i3d: Path | None = None, progress: Progress | None = None
) -> list[str]:
    """Where the results of a run are not those of its predictions, a sentence each; nothing where they are.

    The data are made where they are not there yet. `StbenchError` for predictions that cannot be scored, and for data
    that cannot be made here.
    """
    from stbench.store.build import build

    record, progress = entry.record, progress or Silent()
    if protocol_of(record.track).sized and record.preset not in PRESETS:
        raise StbenchError(
            f"the predictions of {record.full_model} cannot be scored again: how many windows and members "
            f"{record.track.id} asks for is a preset's to say, and '{record.preset}' is none"
        )
    if (store := store_at_hand(record)) is None:
        blueprint, reason = blueprint_of(record)
        if blueprint is None:
            raise StbenchError(f"the predictions of {record.full_model} cannot be scored again: {reason}")
        with progress.bar(f"generating {record.dataset}", "sequences") as advance:
            store = build(blueprint, on_progress=advance, on_note=progress.note, waiting=progress.note)
    if store.digest != record.dataset_digest:
        return [f"its data have the digest {record.dataset_digest[:12]}, and those made here have {store.digest[:12]}"]
    judge = judge_for(store, record.track, record.preset, runs)
    with progress.bar(f"scoring {record.full_model} again", "windows") as advance:
        scores = scores_of(
            predictions,
            store,
            record.track,
            record.preset,
            judge=judge,
            i3d=i3d_for(record.track, i3d),
            on_progress=advance,
            on_note=progress.note,
        )
    own = {cell: row.value for cell, row in entry.cells.items()}
    if i3d is None and any(metric == FVD for metric, _ in own):
        progress.note(f"its {FVD} is not scored again: give --i3d, or set STBENCH_I3D, to the weights of I3D")
        own = {cell: value for cell, value in own.items() if cell[0] != FVD}
    return [*_differences(own, {(row.metric, row.lead_time): row.value for row in rows(scores, record)})]


def _differences(own: dict[tuple[str, str], float], again: dict[tuple[str, str], float]) -> Iterator[str]:
    if missing := sorted(again.keys() - own.keys()):
        metric, lead_time = missing[0]
        yield f"it lacks {metric} at lead time {lead_time}, which its predictions have"
    for (metric, lead_time), value in own.items():
        found = again.get((metric, lead_time))
        if found is None:
            yield f"its {metric} at lead time {lead_time} does not come from its predictions"
            return
        if not math.isclose(value, found, rel_tol=RELATIVE, abs_tol=1e-12):
            yield (
                f"its {metric} at lead time {lead_time} is {value:.6g}, and its predictions, scored again here, give "
                f"{found:.6g}"
            )
            return
