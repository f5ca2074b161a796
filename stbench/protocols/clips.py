"""Clips: pieces of test sequences that the generation protocols show to a model, and to a judge."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np

from stbench import registry
from stbench.contract.capabilities import HasClips, HasJudgedFactors, HasPeriod
from stbench.contract.datasets import Track
from stbench.errors import StbenchError
from stbench.protocols.windows import Windows, clusters, evenly_spaced
from stbench.store.reader import Store

SEEN = 8
"""Frames of a clip a model sees where more are asked for: what both data sets of Khan and Storkey 2021 train on. Judged
and probed tracks ask for as many frames as they show, their horizon."""
BATCH = 64
"""Clips a model is asked for at once. Not a choice: draws from a prior depend on it."""


@dataclass(frozen=True)
class Clips:
    """One clip of each test sequence that is long enough.

    A dataset plug-in may say which clips, and where they begin (`HasClips`); else at the first frame of a sequence.
    Where it has a period (`HasPeriod`), frame t of a sequence is frame t mod period.
    """

    store: Store
    track: Track
    sequence: np.ndarray
    """(n,) int64."""
    start: np.ndarray
    """(n,) int64."""
    factors: Mapping[str, np.ndarray]
    """What a model may know of a clip: the factor that names its action, (n,) int64; empty where there is none."""
    actions: int
    """How many actions there are in the store."""
    period: int | None = None

    def __len__(self) -> int:
        return len(self.sequence)

    @property
    def windows(self) -> Windows:
        return Windows(self.track, self.sequence, self.start)

    @property
    def clusters(self) -> np.ndarray | None:
        """(n,) int64: clips of one number are drawn together by the bootstrap; None: each by itself."""
        return clusters(self.store, self.windows)

    @property
    def action(self) -> str:
        """Name of the action's factor; `StbenchError` where the dataset names none."""
        for name in self.factors:
            return name
        raise StbenchError(f"the dataset '{self.store.dataset}' names no action, so {self.track.id} cannot be played")

    def frames(self, items: np.ndarray, length: int) -> np.ndarray:
        """(b, length, *frame) float32, normalised, from the first frame of each clip."""
        found = np.empty((len(items), length, *self.store.frame_shape), np.float32)
        for row, item in enumerate(items):
            first = int(self.start[item])
            if self.period is None:
                found[row] = self.store.window(self.sequence[item], first, length)
            else:
                read = self.store.read(int(self.sequence[item]))[(first + np.arange(length)) % self.period]
                found[row] = self.store.normalise(read)
        return found

    def known(self, items: np.ndarray) -> dict[str, np.ndarray]:
        """The factors of some clips."""
        return {name: values[items] for name, values in self.factors.items()}

    def batches(self) -> Iterator[np.ndarray]:
        """Items, `BATCH` at a time."""
        for first in range(0, len(self), BATCH):
            yield np.arange(first, min(first + BATCH, len(self)))


def places(store: Store, frames: int, split: str) -> tuple[np.ndarray, np.ndarray]:
    """Sequences and first frames, (n,) int64 each, of the clips of `frames` frames that are scored."""
    plugin = registry.dataset(store.dataset)
    if isinstance(plugin, HasClips):
        return plugin.clips(store, frames, split)
    sequence = store.split.indices(split).astype(np.int64)
    needed = min(frames, plugin.period) if isinstance(plugin, HasPeriod) else frames
    if store.row_size is not None:
        sequence = sequence[store.row_size[sequence] >= needed]
    elif store.n_frames < needed:
        sequence = sequence[:0]
    return sequence, np.zeros(len(sequence), np.int64)


def clips_of(store: Store, track: Track, frames: int, split: str = "test", limit: int | None = None) -> Clips:
    """Clips of `frames` frames, of `limit` evenly spaced test sequences or all.

    `StbenchError` when the store holds another dataset, or no sequence is that long.
    """
    if store.dataset != track.dataset:
        raise StbenchError(
            f"the track {track.id} is played on the dataset '{track.dataset}', but {store.path} holds "
            f"'{store.dataset}': stbench generate {track.dataset}"
        )
    plugin = registry.dataset(track.dataset)
    period = plugin.period if isinstance(plugin, HasPeriod) else None
    sequence, start = places(store, frames, split)
    if not len(sequence):
        longest = (
            store.n_frames if store.row_size is None else store.row_size[store.split.indices(split)].max(initial=0)
        )
        raise StbenchError(
            f"the track {track.id} shows clips of {min(frames, period or frames)} frames, and the longest sequence of "
            f"the split '{split}' of {store.path} has {longest}: generate longer ones"
        )
    if limit is not None:
        chosen = evenly_spaced(len(sequence), limit)
        sequence, start = sequence[chosen], start[chosen]
    judged = plugin.judged_factors if isinstance(plugin, HasJudgedFactors) else {}
    factors, actions = {}, 0
    if "action" in judged:
        name = judged["action"][0]
        every = store.factor(name)
        factors, actions = {name: every[sequence].astype(np.int64)}, int(every.max()) + 1
    return Clips(store, track, sequence, start, factors, actions, period)
