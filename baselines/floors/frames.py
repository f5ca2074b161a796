"""Training frames normalised as they are asked for: a floor over bytes needs a quarter of the memory of float32."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import overload

import numpy as np

from stbench.splits.training import TrainingWindows

BLOCK_BYTES = 64 << 20
"""float32 frames that are normalised at a time."""


class Normaliser:
    """x -> (x - mean) / std in float32, in the units a model sees; what is normalised already is passed on."""

    def __init__(self, train: TrainingWindows) -> None:
        _, self._mean, self._std = train.stored

    def __call__(self, stored: np.ndarray) -> np.ndarray:
        if (self._mean, self._std) == (0.0, 1.0):
            return stored.astype(np.float32, copy=False)
        return (stored.astype(np.float32) - np.float32(self._mean)) / np.float32(self._std)


class Stretches(Sequence[np.ndarray]):
    """The stretches of the training frames, (time, *frame) float32 each, normalised when one is looked at."""

    def __init__(self, stored: Sequence[np.ndarray], normalise: Normaliser) -> None:
        self._stored, self._normalise = stored, normalise

    @classmethod
    def of(cls, train: TrainingWindows) -> Stretches:
        return cls(train.stored_stretches(), Normaliser(train))

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
    normalise, frames = Normaliser(train), train.stored[0].reshape(-1, *train.frame_shape)
    size = max(1, BLOCK_BYTES // max(1, 4 * int(np.prod(train.frame_shape))))
    for first in range(0, len(frames), size):
        yield normalise(frames[first : first + size])


def mean_frame(train: TrainingWindows) -> np.ndarray:
    """The mean over all training frames, (*frame) float64."""
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
    row, start = (each[items] for each in train.rows())
    first = row * train.n_frames + start
    stored = train.stored[0].reshape(-1, *train.frame_shape)
    windows = Normaliser(train)(stored[first[:, None] + np.arange(train.conditioning + train.horizon)])
    return windows[:, : train.conditioning], windows[:, train.conditioning :]
