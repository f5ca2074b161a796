"""Which windows there are: enumerable from shapes alone, no frame is opened."""

from __future__ import annotations

import operator
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from stbench.contract.datasets import Split
from stbench.errors import StbenchError


def window_places(row: np.ndarray, start: np.ndarray, n_frames: int, length: int) -> np.ndarray:
    """(window, length) int64: the places of the frames of windows in an array (row · time, *frame), whose rows have
    `n_frames` each; a window lies in `row` (window,) and begins at frame `start` (window,) of it."""
    return np.asarray((row * n_frames + start)[:, None] + np.arange(length))


LEARNT = ("train", "val")
"""Parts that models and judges may learn from."""


def check_learnt(part: object) -> None:
    """`StbenchError` unless `part` is "train", "val" or both, "train+val": what is scored stays unseen."""
    names = part.split("+") if isinstance(part, str) else []
    if not names or len(set(names)) < len(names) or not set(names) <= {*LEARNT}:
        raise StbenchError(
            f"the split to learn from is {part!r}: choose train, val or train+val, because what is scored stays unseen"
        )


@dataclass(frozen=True, eq=False)
class WindowIndex:
    """All windows of `conditioning + horizon` consecutive frames, one every `stride`, ordered by sequence, then start.

    A row of frames of length l holds floor((l - conditioning - horizon) / stride) + 1 windows, none if it is too short.
    Window i is (sequence, start): its conditioning frames begin at frame `start` of that sequence.
    """

    sequences: np.ndarray
    """(row,) int64: sequence of each row of frames, ascending."""
    n_frames: int
    """Frames of a sequence, of the longest one where they differ."""
    conditioning: int
    horizon: int
    stride: int = 1
    spans: np.ndarray | None = None
    """(row, 2) int64: first frame and last + 1 of each row, where a split cuts the time axis or sequences differ in
    length; None: all frames."""

    @classmethod
    def of_split(
        cls,
        split: Split,
        part: str,
        n_frames: int,
        conditioning: int,
        horizon: int,
        stride: int = 1,
        *,
        row_size: np.ndarray | None = None,
    ) -> WindowIndex:
        """The windows of "train", "val", "test" or a union such as "train+val"; `StbenchError` for an unknown part.

        `row_size` (sequence,): frames of each sequence where they differ in length (`Store.row_size`); no window
        reaches beyond.
        """
        rows = [row for name in part.split("+") for row in split.ranges.get(name, ())]
        if row_size is not None or any(len(row) == 4 for row in rows):
            segments = split.segments(part, n_frames if row_size is None else row_size)
            return cls(segments[:, 0], n_frames, conditioning, horizon, stride, segments[:, 1:])
        return cls(split.indices(part).astype(np.int64), n_frames, conditioning, horizon, stride)

    @cached_property
    def _ends(self) -> np.ndarray:
        """(row,): number of windows in all rows up to and including this one."""
        length = (
            np.full(len(self.sequences), self.n_frames) if self.spans is None else self.spans[:, 1] - self.spans[:, 0]
        )
        count = (length - self.conditioning - self.horizon) // self.stride + 1
        return np.cumsum(np.maximum(count, 0))

    def __len__(self) -> int:
        return int(self._ends[-1]) if len(self._ends) else 0

    def rows(self, items: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Row of each window in 0..len-1, and its first frame counted from the first frame of that row; int64."""
        row = np.searchsorted(self._ends, items, side="right")
        before = self._ends[row - 1] * (row > 0)
        return row, (items - before) * self.stride

    def arrays(self) -> tuple[np.ndarray, np.ndarray]:
        """Sequence and start of every window, int64."""
        return self._locate(np.arange(len(self)))

    def __getitem__(self, item: int) -> tuple[int, int]:
        """Sequence and start of a window; `IndexError` outside -len..len-1."""
        position = operator.index(item)
        if not -len(self) <= position < len(self):
            raise IndexError(f"window {position} of {len(self)}")
        sequence, start = self._locate(np.array([position % len(self)]))
        return int(sequence[0]), int(start[0])

    def _locate(self, items: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        row, start = self.rows(items)
        return self.sequences[row], start if self.spans is None else start + self.spans[row, 0]
