"""The floor that draws: what came after one of the most similar training windows, chosen by chance."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from stbench.contract.models import ModelPlugin, Task
from stbench.contract.settings import construct
from stbench.splits.training import TrainingWindows

from .features import reduced, squared_distances
from .frames import blocks

ANALOGUES = 20
"""Similar windows a member is chosen from, as many as Delle Monache et al. use."""


class Analogue:
    """x_m = (u_{s+1}, ..., u_{s+h}),   (u, s) drawn with equal chance, and put back, from the 20 nearest windows.

    Nearest by sum_{j=0}^{n-1} |v_{t-j} - u_{s-j}|² among the training windows with `horizon` frames left after them, at
    most one of each sequence. Frames are compared as `features.reduced` has them: images on a 16x16 grid of pixels.
    Each window is searched for by itself, so that no other one of its batch changes a bit.
    """

    def __init__(self, task: Task) -> None:
        self._train: TrainingWindows | None = None
        self._features = np.empty((0, 0))

    def fit(self, train: TrainingWindows) -> None:
        """Keep the training frames (shared, not copied) and their features for the search."""
        self._train = train
        self._features = np.concatenate(
            [reduced(block, train.frame_shape).reshape(len(block), -1) for block in blocks(train)]
        )

    def draw(self, conditioning: np.ndarray, horizon: int, samples: int, seeds: np.ndarray) -> np.ndarray:
        """(b, conditioning, *frame), seeds (b,) -> (b, samples, horizon, *frame) float32."""
        assert self._train is not None, "fit comes before draw"
        train, n = self._train.with_horizon(horizon), conditioning.shape[1]
        items = np.arange(len(train))
        places, (sequence, _) = train.places(items), train.index.rows(items)
        frames, normalise = train.stored[0].reshape(-1, *train.frame_shape), train.normaliser
        out = np.empty((len(conditioning), samples, horizon, *train.frame_shape), np.float32)
        for i, window in enumerate(conditioning):
            near = self._nearest(window, places[:, 0], sequence)
            chosen = near[np.random.default_rng(int(seeds[i])).integers(len(near), size=samples)]
            out[i] = normalise(frames[places[chosen, n:]])
        return out

    def _nearest(self, window: np.ndarray, first: np.ndarray, sequence: np.ndarray) -> np.ndarray:
        """The most similar training windows, nearest first; window w begins at feature row `first[w]`, and windows of
        one `sequence` stand together."""
        assert self._train is not None
        query = reduced(window, self._train.frame_shape).reshape(len(window), -1)
        distances = squared_distances(self._features, query)
        apart = np.zeros(len(first))
        for j in range(len(window)):
            apart += distances[first + j, j]
        begins = np.flatnonzero(np.diff(sequence, prepend=-1))
        least = np.minimum.reduceat(apart, begins)
        place = np.searchsorted(begins, np.arange(len(first)), side="right") - 1
        reached = np.flatnonzero(apart == least[place])
        best = reached[np.unique(place[reached], return_index=True)[1]]
        return np.asarray(best[np.argsort(least, kind="stable")[:ANALOGUES]])


def build(configuration: Mapping[str, Any], task: Task) -> Analogue:
    return construct("analogue", Analogue, configuration, task)


plugin = ModelPlugin(
    name="analogue",
    version="1",
    summary="floor: draws what came after one of the 20 most similar training windows",
    reference=(
        "E. N. Lorenz, Atmospheric predictability as revealed by naturally occurring analogues, Journal of the "
        "Atmospheric Sciences 26, 1969; as an ensemble: L. Delle Monache et al., Probabilistic weather prediction with "
        "an analog ensemble, Monthly Weather Review 141, 2013"
    ),
    bibtex="""@article{lorenz1969atmospheric,
  title = {Atmospheric predictability as revealed by naturally occurring analogues},
  author = {Lorenz, Edward N.},
  journal = {Journal of the Atmospheric Sciences},
  volume = {26}, number = {4}, pages = {636--646}, year = {1969},
}""",
    build=build,
    kind="floor",
    capabilities=("draw",),
)
