"""The frames of a split in memory, normalised, and batches of windows cut from them: what a model learns from."""

from __future__ import annotations

import dataclasses
import math
from dataclasses import dataclass, field
from functools import cached_property
from itertools import pairwise

import numpy as np

from stbench.errors import StbenchError
from stbench.splits.index import WindowIndex
from stbench.store.reader import Store

MEMORY_LIMIT = 12 << 30
BLOCK_BYTES = 64 << 20


@dataclass(eq=False)
class _Frames:
    """Loaded on first use and shared by all windows over the same frames."""

    store: Store
    index: WindowIndex
    memory_limit: int

    @property
    def shape(self) -> tuple[int, ...]:
        """(row, time, *frame); the time axis is as long as the longest row."""
        spans = self.index.spans
        length = self.store.n_frames if spans is None or not len(spans) else int((spans[:, 1] - spans[:, 0]).max())
        return (len(self.index.sequences), length, *self.store.frame_shape)

    @cached_property
    def values(self) -> np.ndarray:
        size = 4 * math.prod(self.shape)
        if size > self.memory_limit:
            raise StbenchError(
                f"the frames of this split of {self.store.path} take {size / 2**30:.1f} GiB of memory and the limit is "
                f"{self.memory_limit / 2**30:.1f} GiB: generate fewer or smaller sequences with `--set`"
            )
        frames = np.empty(self.shape, np.float32)
        rows = max(1, BLOCK_BYTES // max(1, 4 * math.prod(self.shape[1:])))
        for first, last, time in self._runs(rows):
            begin = int(self.index.sequences[first])
            block = self.store.read(slice(begin, begin + last - first), time)
            length = block.shape[1]
            frames[first:last, :length] = self.store.normalise(block)
            frames[first:last, length:] = frames[first:last, length - 1 : length]
        return frames

    def _runs(self, rows: int) -> list[tuple[int, int, slice]]:
        """Rows first..last-1 that are consecutive sequences with the same frames, at most `rows` together."""
        sequences, spans = self.index.sequences, self.index.spans
        broken = np.diff(sequences, prepend=-2) != 1
        if spans is not None:
            broken[1:] |= (np.diff(spans, axis=0) != 0).any(axis=1)
        starts = [*np.flatnonzero(broken).tolist(), len(sequences)]
        runs = []
        for begin, end in pairwise(starts):
            time = slice(None) if spans is None else slice(int(spans[begin, 0]), int(spans[begin, 1]))
            runs += [(first, min(first + rows, end), time) for first in range(begin, end, rows)]
        return runs


@dataclass(eq=False)
class TrainingWindows:
    """A split of a store with its windows; torch-free.

    `frames` (row, time, *frame) has one row per sequence of the split, or per stretch of time where the split cuts the
    time axis; the last frame of a shorter stretch is repeated up to the end of its row, and no window reaches there. No
    frame outside the split is in it.
    """

    store: Store
    index: WindowIndex
    _frames: _Frames = field(repr=False)

    @classmethod
    def open(
        cls,
        store: Store,
        split: str,
        conditioning: int,
        horizon: int,
        stride: int = 1,
        memory_limit: int = MEMORY_LIMIT,
    ) -> TrainingWindows:
        """The windows of "train", "val" or "train+val"; nothing is read yet.

        `StbenchError` for an unknown part of the split or one without a single window. `memory_limit` in bytes.
        """
        index = WindowIndex.of_split(store.split, split, store.n_frames, conditioning, horizon, stride)
        if len(index) == 0:
            raise StbenchError(
                f"no sequence of the split '{split}' of {store.path} has {conditioning} + {horizon} frames, one window"
            )
        return cls(store, index, _Frames(store, index, memory_limit))

    @property
    def conditioning(self) -> int:
        return self.index.conditioning

    @property
    def horizon(self) -> int:
        return self.index.horizon

    @property
    def frame_shape(self) -> tuple[int, ...]:
        return self.store.frame_shape

    @property
    def n_frames(self) -> int:
        """Length of the time axis of `frames`."""
        return self._frames.shape[1]

    @property
    def sequences(self) -> np.ndarray:
        """(row,) sequence of each row of `frames`."""
        return self.index.sequences

    @property
    def frames(self) -> np.ndarray:
        """(row, time, *frame) float32, normalised, read once; `StbenchError` where it exceeds the memory limit."""
        return self._frames.values

    def __len__(self) -> int:
        return len(self.index)

    def rows(self) -> tuple[np.ndarray, np.ndarray]:
        """Row of `frames` and first frame in that row, of every window, int64."""
        return self.index.rows(np.arange(len(self.index)))

    def gather(self, items: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Windows by number: conditioning (batch, conditioning, *frame) and target (batch, horizon, *frame), float32.

        Both are views of one new array. `IndexError` for a window outside 0..len-1.
        """
        items = np.asarray(items, np.int64)
        if items.size and (items.min() < 0 or items.max() >= len(self.index)):
            raise IndexError(f"windows {items.min()} to {items.max()} of {len(self.index)}")
        row, start = self.index.rows(items)
        length = self.conditioning + self.horizon
        first = row * self.n_frames + start
        flat = self.frames.reshape(-1, *self.frame_shape)
        windows = flat[first[:, None] + np.arange(length)]
        return windows[:, : self.conditioning], windows[:, self.conditioning :]

    def with_horizon(self, horizon: int) -> TrainingWindows:
        """Other windows over the same frames in memory; `StbenchError` where no window is that long."""
        index = dataclasses.replace(self.index, horizon=horizon)
        if len(index) == 0:
            raise StbenchError(f"no window of {self.store.path} has {self.conditioning} + {horizon} frames")
        return TrainingWindows(self.store, index, self._frames)
