"""Swap cases of chairs: one chair, seen as another one turns.

    content window   chair c(i) from view u(i) on
    motion window    chair i mod n from view i // n on, i = 0 .. 62 n - 1, n test chairs
    ground truth     chair c(i) at the views that follow the motion window

with c(i) and u(i) drawn in turn from NumPy's legacy RandomState(1), u below 62 - (conditioning + horizon), as published
(code of J. Donà et al., ICLR 2021). A walk of 62 views is read as published, through both elevations; in rings, a view
is followed by those of its own elevation. Views go round, so that no case leaves the stored sequences.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from stbench.contract.datasets import SwapCases, Track
from stbench.errors import StbenchError
from stbench.store.reader import Store

from .views import VIEWS, walks

SEED = 1


def published_draws(cases: int, chairs: int, frames: int) -> tuple[np.ndarray, np.ndarray]:
    """Chair (below `chairs`) and first view (below 62 - `frames`) of the content of each case, both (cases,) int64."""
    stream = np.random.RandomState(SEED)
    drawn = [(stream.randint(chairs), stream.randint(VIEWS - frames)) for _ in range(cases)]
    chair, view = np.array(drawn, np.int64).reshape(-1, 2).T
    return chair, view


@dataclass(frozen=True)
class _Reader:
    """`SwapCases.read`: all views of the part's chairs are held, 159 MB of the canonical test part."""

    store: Store
    track: Track
    views: np.ndarray
    """(chair, walk, view, *frame) as stored, each view of a walk once."""
    content: np.ndarray
    """(n, 3): chair, walk and first view of each content window."""
    motion: np.ndarray
    """(n, 3): of each motion window."""

    def __call__(self, items: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        seen, horizon, normalise = self.track.conditioning, self.track.horizon, self.store.normalise
        content, motion = self.content[items], self.motion[items]
        # The content's chair on the motion's walk.
        truth = np.column_stack([content[:, 0], motion[:, 1], motion[:, 2] + seen])
        return (
            normalise(self._window(content, seen)),
            normalise(self._window(motion, seen)),
            normalise(self._window(truth, horizon))[None],
        )

    def _window(self, first: np.ndarray, frames: int) -> np.ndarray:
        chair, walk, view = first.T[:, :, None]
        return np.asarray(self.views[chair, walk, (view + np.arange(frames)) % self.views.shape[2]])


def swap_cases(store: Store, track: Track, split: str = "test") -> SwapCases:
    """The cases of a part of the split, 62 for each of its chairs; `StbenchError` where it has none, or where windows
    are so long that none begins at a view."""
    sequences, frames = store.split.indices(split), track.conditioning + track.horizon
    per_chair = len(walks(store.parameters["order"], 0))
    if not len(sequences) or frames >= VIEWS:
        raise StbenchError(
            f"{store.path} has {len(sequences)} sequences in '{split}' of {VIEWS} views a chair, too few or too short "
            f"for the {track.conditioning}+{track.horizon} frames of the track {track.id}"
        )
    length, chairs = VIEWS // per_chair, len(sequences) // per_chair
    views = np.concatenate([store.read(part, slice(0, length)) for part in np.array_split(sequences, chairs)])
    item = np.arange(VIEWS * chairs)
    drawn_chair, drawn_view = published_draws(len(item), chairs, frames)
    content = np.column_stack([drawn_chair, *np.divmod(drawn_view, length)])
    motion = np.column_stack([item % chairs, *np.divmod(item // chairs, length)])
    views = views.reshape(chairs, per_chair, *views.shape[1:])
    sequence = sequences[motion[:, 0] * per_chair + motion[:, 1]]
    # What is right depends on the content's chair above all, which is drawn for some 62 cases, spread over all motions.
    return SwapCases(sequence, motion[:, 2], 1, _Reader(store, track, views, content, motion), cluster=drawn_chair)
