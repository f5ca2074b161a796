"""Windows of a store in index order, every sequence read once."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import numpy as np

from stbench.contract.datasets import Track
from stbench.errors import StbenchError
from stbench.splits.index import WindowIndex
from stbench.store.reader import Store

EXTREMES = {"lowest": np.nanmin, "highest": np.nanmax}
"""What a metric may need of a whole sequence: its smallest and largest value, as models see it."""
BATCH_BYTES = 64 * 2**20
"""Size of the targets of one batch when the caller does not say: bounds the memory of scoring, whatever the dataset."""


@dataclass(frozen=True)
class Windows:
    """Which windows a track asks for: `sequence` and `start` (n,) int64, ordered by sequence, then start."""

    track: Track
    sequence: np.ndarray
    start: np.ndarray

    def __len__(self) -> int:
        return len(self.sequence)

    def name(self, item: int) -> str:
        """The window in words, for error sentences."""
        return f"the window of sequence {self.sequence[item]} starting at frame {self.start[item]}"


def track_windows(store: Store, track: Track, split: str = "test", limit: int | None = None) -> Windows:
    """The windows of `split` a track asks for; with `limit`, that many of them, evenly spaced.

    Raises `StbenchError` when the store holds another dataset or no such window fits in its sequences.
    """
    if store.dataset != track.dataset:
        raise StbenchError(
            f"the track {track.id} is played on the dataset '{track.dataset}', but {store.path} holds "
            f"'{store.dataset}': stbench generate {track.dataset}"
        )
    index = WindowIndex.of_split(
        store.split,
        split,
        store.n_frames,
        track.conditioning,
        track.horizon,
        stride=track.stride,
        row_size=store.row_size,
    )
    sequence, start = index.arrays()
    if not len(sequence):
        raise StbenchError(
            f"the split '{split}' of {store.path} has no window of {track.conditioning}+{track.horizon} frames for the "
            f"track {track.id}: its sequences have {'at most ' if store.row_size is not None else ''}{store.n_frames} "
            "frames"
        )
    if limit is not None and limit < len(sequence):
        chosen = evenly_spaced(len(sequence), limit)
        sequence, start = sequence[chosen], start[chosen]
    return Windows(track, sequence, start)


def context(store: Store, windows: Windows, names: Iterable[str]) -> dict[str, np.ndarray]:
    """Variables of the store at the target frames of every window: name -> (n, horizon) float64.

    A variable of dimensions (sequence, time) or (sequence), or one of `EXTREMES` over all frames of the sequence.
    `StbenchError` for one that is not there or has other dimensions.
    """
    lead = windows.start[:, None] + windows.track.conditioning + np.arange(windows.track.horizon)
    found = {}
    for name in dict.fromkeys(names):
        if name in EXTREMES and name not in store.attributes["variables"]:
            ends = {k: EXTREMES[name](store.normalise(store.read(k))) for k in map(int, np.unique(windows.sequence))}
            found[name] = np.broadcast_to(np.array([[ends[k]] for k in windows.sequence], np.float64), lead.shape)
            continue
        values = store.read(slice(None), variable=name).astype(np.float64)
        dims = list(store.attributes["variables"][name]["dims"])
        if dims not in (["sequence"], ["sequence", "time"]):
            raise StbenchError(f"a metric needs one '{name}' a frame, and {store.path} has it over {', '.join(dims)}")
        timed = values if len(dims) == 2 else np.broadcast_to(values[:, None], (len(values), store.n_frames))
        found[name] = timed[windows.sequence[:, None], lead]
    return found


def clusters(store: Store, windows: Windows) -> np.ndarray | None:
    """(n,) int64: the track's `cluster` of the sequence of every window; None where the track names none."""
    name = windows.track.cluster
    return np.asarray(store.factor(name)[windows.sequence], np.int64) if name else None


def evenly_spaced(n: int, count: int) -> np.ndarray:
    """`min(n, count)` distinct indices below n, from the first to the last, ascending."""
    return np.unique(np.linspace(0, n - 1, min(n, count)).round().astype(np.int64))


def automatic_batch_size(frame_shape: tuple[int, ...], horizon: int) -> int:
    """Windows whose float32 targets fill `BATCH_BYTES`, between 1 and 1024."""
    return max(1, min(1024, BATCH_BYTES // (4 * horizon * int(np.prod(frame_shape)))))


def batches(store: Store, windows: Windows, batch_size: int) -> Iterator[tuple[slice, np.ndarray, np.ndarray]]:
    """Yield (items, conditioning (b, conditioning, *frame), target (b, horizon, *frame)), float32, normalised.

    `items` slices `windows`. The arrays are fresh copies: nobody who changes them changes a later batch. Each run of
    windows of one sequence reads that sequence once.
    """
    conditioning, horizon = windows.track.conditioning, windows.track.horizon
    current = -1
    frames = np.empty(0, np.float32)
    for first in range(0, len(windows), batch_size):
        items = slice(first, min(first + batch_size, len(windows)))
        size = items.stop - items.start
        before = np.empty((size, conditioning, *store.frame_shape), np.float32)
        after = np.empty((size, horizon, *store.frame_shape), np.float32)
        for row, (sequence, start) in enumerate(zip(windows.sequence[items], windows.start[items], strict=True)):
            if sequence != current:
                frames, current = store.normalise(store.read(int(sequence))), int(sequence)
            before[row] = frames[start : start + conditioning]
            after[row] = frames[start + conditioning : start + conditioning + horizon]
        yield items, before, after
