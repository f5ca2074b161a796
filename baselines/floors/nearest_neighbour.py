"""The floor that only remembers: the training window that looks most like what is seen, and what came after it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from stbench.contract.models import ModelPlugin, Task
from stbench.contract.settings import construct
from stbench.splits.training import TrainingWindows

from .features import reduced
from .frames import blocks

CANDIDATES = 16
"""Windows of the search that are compared again, difference by difference in float64."""
BLOCK = 4096
"""Training windows compared at a time: bounds the memory of the distance matrix."""


class NearestNeighbour:
    """v̂_{t+k} = u_{s+k}, (u, s) = argmin over training windows of Σ_{j=0}^{n-1} |v_{t-j} - u_{s-j}|².

    The training windows are those with `horizon` frames left after them. The search computes |a|² + |b|² - 2 a·b with
    matrix products, on frames centred by the mean of the training frames so that little cancels: float64 for vectors;
    float32 on a 16x16 grid of pixels for images. The best 16 are compared again with whole frames; the first wins a
    tie. For images that is the nearest window only where it is among those 16; else it is one about as near.
    """

    def __init__(self, task: Task) -> None:
        self._task = task
        self._train: TrainingWindows | None = None
        self._features = np.empty((0, 0))
        self._norms = np.empty(0)
        self._centre = np.empty(0)

    def fit(self, train: TrainingWindows) -> None:
        """Keep the training frames (shared, not copied) and their features for the search."""
        self._train = train
        features = np.concatenate(
            [reduced(block, train.frame_shape).reshape(len(block), -1) for block in blocks(train)]
        )
        self._centre = features.mean(axis=0, dtype=np.float64).astype(features.dtype)
        features -= self._centre
        self._features = features
        self._norms = np.einsum("ij,ij->i", self._features, self._features, dtype=np.float64)

    def forecast(self, conditioning: np.ndarray, horizon: int) -> np.ndarray:
        """(b, conditioning, *frame) -> (b, horizon, *frame) float32."""
        assert self._train is not None, "fit comes before forecast"
        train = self._train.with_horizon(horizon)
        places = train.places(np.arange(len(train)))
        frames, normalise = train.stored[0].reshape(-1, *train.frame_shape), train.normaliser
        candidates = self._search(conditioning, places[:, 0])
        out = np.empty((len(conditioning), horizon, *conditioning.shape[2:]), np.float32)
        n = conditioning.shape[1]
        for i, chosen in enumerate(candidates):
            seen = normalise(frames[places[chosen, :n]])
            difference = seen.astype(np.float64) - conditioning[i]
            distance = np.square(difference).reshape(len(chosen), -1).sum(axis=1)
            best = chosen[np.argmin(distance)]
            out[i] = normalise(frames[places[best, n:]])
        return out

    def swap(self, content: np.ndarray, motion: np.ndarray, horizon: int) -> np.ndarray:
        """The forecast of the motion window, whatever the content: (b, conditioning, *frame) twice -> (b, horizon,
        *frame) float32."""
        return self.forecast(motion, horizon)

    def _search(self, conditioning: np.ndarray, first: np.ndarray) -> np.ndarray:
        """The nearest windows (b, candidates), ascending; window w starts at feature row `first[w]`."""
        n, b = conditioning.shape[1], len(conditioning)
        query = (reduced(conditioning, self._task.frame_shape).reshape(b, n, -1) - self._centre).reshape(b, -1)
        count = min(CANDIDATES, len(first))
        best = np.full((b, count), np.inf)
        items = np.zeros((b, count), np.int64)
        for begin in range(0, len(first), BLOCK):
            rows = first[begin : begin + BLOCK, None] + np.arange(n)
            # |query|² is the same for all windows and left out: it changes no order.
            distance = self._norms[rows].sum(axis=1) - 2.0 * (query @ self._features[rows].reshape(len(rows), -1).T)
            keep = min(count, len(rows))
            near = np.argpartition(distance, keep - 1, axis=1)[:, :keep]
            both = np.concatenate([best, np.take_along_axis(distance, near, axis=1)], axis=1)
            both_items = np.concatenate([items, near + begin], axis=1)
            order = np.argsort(both, axis=1, kind="stable")[:, :count]
            best, items = np.take_along_axis(both, order, axis=1), np.take_along_axis(both_items, order, axis=1)
        return np.sort(items, axis=1)


def build(configuration: Mapping[str, Any], task: Task) -> NearestNeighbour:
    return construct("nearest-neighbour", NearestNeighbour, configuration, task)


plugin = ModelPlugin(
    name="nearest-neighbour",
    version="1",
    summary="floor: what came after the most similar training window",
    reference=(
        "T. M. Cover and P. E. Hart, Nearest neighbor pattern classification, "
        "IEEE Transactions on Information Theory 13(1), 1967"
    ),
    bibtex="""@article{cover1967nearest,
  title = {Nearest neighbor pattern classification},
  author = {Cover, Thomas M. and Hart, Peter E.},
  journal = {IEEE Transactions on Information Theory},
  volume = {13}, number = {1}, pages = {21--27}, year = {1967},
}""",
    build=build,
    kind="floor",
    capabilities=("forecast", "swap"),
)
