"""Training frames normalised as they are asked for: a floor over bytes needs a quarter of the memory of float32."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import overload

import numpy as np

from stbench.splits.training import TrainingWindows
from stbench.store.normaliser import Normaliser

BLOCK_BYTES = 64 << 20
"""float32 frames that are normalised at a time."""


class Stretches(Sequence[np.ndarray]):
    """The stretches of the training frames, (time, *frame) float32 each, normalised when one is looked at."""

    def __init__(self, stored: Sequence[np.ndarray], normalise: Normaliser) -> None:
        self._stored, self._normalise = stored, normalise

    @classmethod
    def of(cls, train: TrainingWindows) -> Stretches:
        return cls(train.stored_stretches(), train.normaliser)

    def __len__(self) -> int:
        return len(self._stored)

    @overload
    def __getitem__(self, item: int) -> np.ndarray: ...

    @overload
    def __getitem__(self, item: slice) -> Stretches: ...

    def __getitem__(self, item: int | slice) -> np.ndarray | Stretches:
        if isinstance(item, slice):
            return Stretches(self._stored[item], self._normalise)
        return self._normalise(self._stored[item])


def blocks(train: TrainingWindows) -> Iterator[np.ndarray]:
    """All training frames in order, (some, *frame) float32, normalised, at most `BLOCK_BYTES` at a time."""
    normalise, frames = train.normaliser, train.stored[0].reshape(-1, *train.frame_shape)
    size = max(1, BLOCK_BYTES // max(1, 4 * int(np.prod(train.frame_shape))))
    for first in range(0, len(frames), size):
        yield normalise(frames[first : first + size])


def mean_frame(train: TrainingWindows) -> np.ndarray:
    """(1 / Σ_s T_s) Σ_s Σ_t v_s,t over the stretches s of training and their T_s frames, (*frame) float64.

    A frame that stands in several stretches, or twice in one, counts each time: the last frames of a day that lead into
    the next one on taxibj, the first views of a chair that come again at its end.
    """
    total, n = np.zeros(train.frame_shape), 0
    for block in blocks(train):
        total += block.sum(axis=0, dtype=np.float64)
        n += len(block)
    return total / n


def value_range(train: TrainingWindows, axes: tuple[int, ...]) -> tuple[np.ndarray, np.ndarray]:
    """Least and largest training value, float32, over time and the `axes` of (time, *frame)."""
    ends = [(block.min(axis=(0, *axes)), block.max(axis=(0, *axes))) for block in blocks(train)]
    low, high = zip(*ends, strict=True)
    return np.min(low, axis=0), np.max(high, axis=0)


def gather(train: TrainingWindows, items: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Windows by number, as `TrainingWindows.gather`: conditioning and target, float32, normalised."""
    windows = train.normaliser(train.stored[0].reshape(-1, *train.frame_shape)[train.places(items)])
    return windows[:, : train.conditioning], windows[:, train.conditioning :]
