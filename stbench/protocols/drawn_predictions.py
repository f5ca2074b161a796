"""Prediction stores of drawn forecasts: `frames (window, member, lead_time, *frame)`, made in any framework."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np

from stbench.contract.datasets import Track
from stbench.protocols.claims import Ranges
from stbench.protocols.draws import SIZES, scored
from stbench.protocols.prediction_reader import PredictionReader
from stbench.protocols.scoring import Scores
from stbench.protocols.selection import select
from stbench.store.reader import Store


def score_draws(
    path: Path,
    store: Store,
    track: Track,
    *,
    preset: str = "paper",
    on_progress: Callable[[int, int], None] | None = None,
    on_note: Callable[[str], None] | None = None,
) -> Scores:
    """Score a prediction store on the test windows that a draws track selects in a preset: the members of each, or one
    where it has no dimension `member`. As `score_predictions`."""
    wanted = SIZES[preset]
    selection = select(store, track, "test", wanted.windows)
    reader, ranges = PredictionReader(path, store, track, selection.windows, wanted.members), Ranges()

    def read(_: np.ndarray, items: slice) -> np.ndarray:
        found = reader.read(items)
        return found if found.ndim > 2 + len(store.frame_shape) else found[:, None]

    scores = scored(
        str(reader.path), read, store, selection, reader.members, on_progress=on_progress, on_answer=ranges.add
    )
    if on_note is not None and (remark := ranges.remark(reader.path)):
        on_note(remark)
    return scores
