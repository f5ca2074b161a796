"""The frames of a split in memory, normalised, and batches of windows cut from them: what a model learns from."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cached_property
from itertools import pairwise
from typing import Any

import numpy as np

from stbench.errors import StbenchError
from stbench.splits.index import WindowIndex, check_learnt, window_places
from stbench.store.normaliser import Normaliser
from stbench.store.reader import Store

MEMORY_LIMIT = 12 << 30
BLOCK_BYTES = 64 << 20


@dataclass(eq=False)
class _Frames:
    """Loaded on first use and shared by all windows over the same frames."""

    store: Store
    index: WindowIndex
    memory_limit: int

    @cached_property
    def offsets(self) -> np.ndarray:
        """(stretch + 1,): first frame of each stretch where all lie end to end, and the number of all frames."""
        spans = self.index.spans
        length = np.full(len(self.index.sequences), self.store.n_frames) if spans is None else np.diff(spans)[:, 0]
        return np.concatenate([[0], np.cumsum(length)])

    @cached_property
    def shape(self) -> tuple[int, ...]:
        """(row, time, *frame): a row a stretch where all have the same length, else all end to end in one row."""
        length = np.diff(self.offsets)
        rows = len(length) if (length == length[0]).all() else 1
        return (rows, int(self.offsets[-1]) // rows, *self.store.frame_shape)

    @cached_property
    def values(self) -> np.ndarray:
        """Normalised, float32."""
        return self._loaded(np.dtype(np.float32), self.store.normalise)

    @cached_property
    def stored(self) -> np.ndarray:
        """As the store has them: a quarter of the memory where they are bytes."""
        dtype = np.dtype(self.store.attributes["variables"]["frames"]["dtype"])
        return self._loaded(dtype, np.asarray) if dtype.kind == "u" else self.values

    def _loaded(self, dtype: np.dtype[Any], convert: Callable[[np.ndarray], np.ndarray]) -> np.ndarray:
        size = dtype.itemsize * math.prod(self.shape)
        if size > self.memory_limit:
            raise StbenchError(
                f"the frames of this split of {self.store.path} take {size / 2**30:.1f} GiB of memory and the limit is "
                f"{self.memory_limit / 2**30:.1f} GiB: generate fewer or smaller sequences with `--set`"
            )
        frames = np.empty((int(self.offsets[-1]), *self.store.frame_shape), dtype)
        rows = max(1, BLOCK_BYTES // max(1, 4 * self.store.n_frames * math.prod(self.store.frame_shape)))
        for first, last, time in self._runs(rows):
            begin = int(self.index.sequences[first])
            block = convert(self.store.read(slice(begin, begin + last - first), time))
            frames[self.offsets[first] : self.offsets[last]] = block.reshape(-1, *self.store.frame_shape)
        return frames.reshape(self.shape)

    def places(self, stretch: np.ndarray, start: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Row of `values` and frame in that row, of frames `start` of stretches."""
        if self.shape[0] == len(self.index.sequences):
            return stretch, start
        return np.zeros_like(stretch), self.offsets[stretch] + start

    def _runs(self, rows: int) -> list[tuple[int, int, slice]]:
        """Stretches first..last-1 that are consecutive sequences with the same frames, at most `rows` together."""
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

    A stretch is a sequence of the split, or a part of one where the split cuts the time axis. `frames`
    (row, time, *frame) has one row per stretch; where stretches differ in length they lie end to end in a single row,
    and no window crosses from one to the next. No frame outside the split, and no padding, is in it.
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

        `StbenchError` for another part of the split or one without a single window. `memory_limit` in bytes.
        """
        check_learnt(split)
        index = WindowIndex.of_split(
            store.split, split, store.n_frames, conditioning, horizon, stride, row_size=store.row_size
        )
        if len(index) == 0:
            raise StbenchError(
                f"no sequence of the split '{split}' of {store.path} has {conditioning} + {horizon} frames, one window"
            )
        return cls(store, index, _Frames(store, index, memory_limit))

    def stretches(self) -> list[np.ndarray]:
        """Views (time, *frame) of `frames`, one per stretch."""
        return self._cut(self.frames)

    def stored_stretches(self) -> list[np.ndarray]:
        """Views (time, *frame) of the frames of `stored`, one per stretch."""
        return self._cut(self._frames.stored)

    def time_of_stretches(self) -> tuple[np.ndarray, np.ndarray]:
        """(stretch,) each: the first frame of every stretch on the time axis of its sequence, and its last one + 1."""
        length = np.diff(self._frames.offsets)
        first = np.zeros(len(length), np.int64) if self.index.spans is None else self.index.spans[:, 0]
        return first, first + length

    def _cut(self, frames: np.ndarray) -> list[np.ndarray]:
        flat = frames.reshape(-1, *self.frame_shape)
        return [flat[first:last] for first, last in pairwise(self._frames.offsets.tolist())]

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
        """(stretch,) sequence of each stretch."""
        return self.index.sequences

    @property
    def frames(self) -> np.ndarray:
        """(row, time, *frame) float32, normalised, read once; `StbenchError` where it exceeds the memory limit."""
        return self._frames.values

    @property
    def normaliser(self) -> Normaliser:
        """What makes frames of `stored` those of `frames`."""
        return Normaliser(*self.stored[1:])

    @property
    def stored(self) -> tuple[np.ndarray, float, float]:
        """Frames for batches, and the mean and standard deviation that normalise them, (x - mean)/std in float32.

        Bytes stay bytes, so that they take a quarter of the memory of `frames`; anything else comes normalised.
        """
        values = self._frames.stored
        return (values, self.store.mean, self.store.std) if values.dtype.kind == "u" else (values, 0.0, 1.0)

    def __len__(self) -> int:
        return len(self.index)

    def rows(self) -> tuple[np.ndarray, np.ndarray]:
        """Row of `frames` and first frame in that row, of every window, int64."""
        return self._frames.places(*self.index.rows(np.arange(len(self.index))))

    def labels(self, factor: str) -> np.ndarray | None:
        """(window,) int64: a whole-number factor of the sequence of every window; None where the store has none."""
        described = self.store.attributes["variables"].get(factor)
        if described is None or list(described["dims"]) != ["sequence"]:
            return None
        if np.dtype(described["dtype"]).kind not in "iu":
            return None
        return np.asarray(self.store.factor(factor)[self.index.arrays()[0]], np.int64)

    def gather(self, items: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Windows by number: conditioning (batch, conditioning, *frame) and target (batch, horizon, *frame), float32.

        Both are views of one new array. `IndexError` for a window outside 0..len-1.
        """
        windows = self.frames.reshape(-1, *self.frame_shape)[self.places(items)]
        return windows[:, : self.conditioning], windows[:, self.conditioning :]

    def places(self, items: np.ndarray) -> np.ndarray:
        """(batch, conditioning + horizon) int64: which of all frames, `frames` or `stored` as (frame, *frame), windows
        by number consist of. `IndexError` for a window outside 0..len-1."""
        items = np.asarray(items, np.int64)
        if items.size and (items.min() < 0 or items.max() >= len(self.index)):
            raise IndexError(f"windows {items.min()} to {items.max()} of {len(self.index)}")
        row, start = self._frames.places(*self.index.rows(items))
        return window_places(row, start, self.n_frames, self.conditioning + self.horizon)

    def with_horizon(self, horizon: int) -> TrainingWindows:
        """Other windows over the same frames in memory; `StbenchError` where no window is that long."""
        index = dataclasses.replace(self.index, horizon=horizon)
        if len(index) == 0:
            raise StbenchError(f"no window of {self.store.path} has {self.conditioning} + {horizon} frames")
        return TrainingWindows(self.store, index, self._frames)
