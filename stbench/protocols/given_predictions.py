"""Prediction stores of swaps and of whole clips, made in any framework: the track's protocol is played with them.

A group as in `stbench.protocols.predictions`: `frames (window, lead_time, *frame)`, and `sequence` and `start (window)`
as `stbench.protocols.questions` names what is asked: of a swap those of the motion, of a clip its own.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from stbench.contract.datasets import Track
from stbench.errors import StbenchError
from stbench.protocols.claims import Ranges
from stbench.protocols.known import protocol_of
from stbench.protocols.prediction_reader import PredictionReader
from stbench.protocols.questions import asked_windows
from stbench.protocols.scoring import Scores
from stbench.store.reader import Store


class PredictionStore:
    """Answers whatever it is asked with the next frames of a prediction store: a protocol asks in its own order."""

    def __init__(self, reader: PredictionReader, ranges: Ranges) -> None:
        self._reader, self._ranges, self._answered = reader, ranges, 0

    def _next(self, *seen: Any, **_: Any) -> np.ndarray:
        clips = [each for each in seen if isinstance(each, np.ndarray)]
        first, self._answered = self._answered, self._answered + len(clips[0])
        found = self._reader.read(slice(first, self._answered))
        self._ranges.add(found, *clips)
        return found

    swap = generate = transfer = sample = resample = _next


def score_given(
    path: Path,
    store: Store,
    track: Track,
    *,
    judge: Any = None,
    renderer: Any = None,
    i3d: Any = None,
    on_progress: Callable[[int, int], None] | None = None,
    on_note: Callable[[str], None] | None = None,
) -> Scores:
    """Score a prediction store on a track of swaps or clips. As `score_predictions`; `judge` and `renderer` where the
    track asks them.

    `StbenchError`, too, where the judge sees clips of another length than the track asks for.
    """
    if judge is not None and judge.card.clip != track.horizon:
        raise StbenchError(
            f"the judge {judge.card.name} sees clips of {judge.card.clip} frames, and {track.id} asks for "
            f"{track.horizon}: train one on clips of that length"
        )
    reader, ranges = PredictionReader(path, store, track, asked_windows(store, track)), Ranges()
    asked = {"judge": judge, "renderer": renderer, "i3d": i3d}
    further = {name: each for name, each in asked.items() if each is not None}
    answers = PredictionStore(reader, ranges)
    scores = protocol_of(track).play(answers, store, track, on_progress=on_progress, **further)
    if on_note is not None and (remark := ranges.remark(reader.path)):
        on_note(remark)
    return replace(scores, inference_seconds=None)
