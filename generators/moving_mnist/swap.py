"""Swap cases of Moving MNIST, drawn from what a store knows: its digits and their trajectories.

    content window   digits c(i) on the trajectories of test sequence n - 1 - i
    motion window    test sequence i
    ground truths    digits c(i) on the trajectories of test sequence i, in every order

with c(i) the published choice (`published_swap`). A store of fewer test sequences is paired by the same rule over the
digits it has.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import factorial

import numpy as np

from stbench.contract.datasets import SwapCases, Track
from stbench.errors import StbenchError
from stbench.store.reader import Store

from .sequences import draw, published_swap, swap_truths


@dataclass(frozen=True)
class _Reader:
    """`SwapCases.read`: all digits and trajectories of the test part are held, 14 MB of the published set."""

    store: Store
    track: Track
    sequences: np.ndarray
    """(n,) test sequences of the store."""
    digits: np.ndarray
    """(n, digit, h, w): the content of each case."""
    position: np.ndarray
    """(n, time, digit, 2): trajectories of each test sequence."""
    content_sequence: np.ndarray
    """(n,) whose trajectories the content window is drawn on, a row of `position`."""

    def __call__(self, items: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        seen, horizon, overlay = self.track.conditioning, self.track.horizon, self.store.parameters["overlay"]
        digits, canvas, normalise = self.digits[items], self.store.frame_shape[-1], self.store.normalise
        content = draw(digits, self.position[self.content_sequence[items], :seen], canvas, overlay)
        motion = np.stack([self.store.read(int(each), slice(0, seen)) for each in self.sequences[items]])
        truths = swap_truths(digits, self.position[items, seen : seen + horizon], canvas, overlay)
        return normalise(content), normalise(motion), normalise(truths)


def swap_cases(store: Store, track: Track, split: str = "test") -> SwapCases:
    """The cases of a split; `StbenchError` where its sequences are too short or there are none."""
    sequences = store.split.indices(split)
    if not len(sequences) or store.n_frames < track.conditioning + track.horizon:
        raise StbenchError(
            f"{store.path} has {len(sequences)} sequences of {store.n_frames} frames in '{split}', too few or too "
            f"short for the {track.conditioning}+{track.horizon} frames of the track {track.id}"
        )
    index = store.read(sequences, variable="digit_index")
    n, count = index.shape
    images = store.read(sequences, variable="digit_image").reshape(n * count, *_size(store))
    # All digits in the order of their file: of the published set, row k is test digit k.
    in_file = np.argsort(index.ravel(), kind="stable")
    chosen, content_sequence = published_swap(n, count, n_digits=n * count)
    position = store.read(sequences, variable="position")
    read = _Reader(store, track, sequences, images[in_file[chosen]], position, content_sequence)
    return SwapCases(sequences, np.zeros(n, np.int64), factorial(count), read)


def _size(store: Store) -> tuple[int, int]:
    return tuple(store.attributes["variables"]["digit_image"]["shape"][-2:])
