"""The floor that knows modes: dynamic mode decomposition with delays, one linear map for all training sequences."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from stbench.contract.models import ModelPlugin, Task
from stbench.contract.settings import construct
from stbench.splits.training import TrainingWindows

from .frames import Stretches, gather, value_range
from .modes import Directions, Modes, Products
from .ridge import HELD_OUT, ROLL_OUTS

RANKS = (1, 2, 4, 8, 16, 32, 64, 128, 256)
"""Ranks tried, beside all there is."""


class DynamicModes:
    """x_{t+k} = Φ Λ^{k-1} W⁻¹ Uᵀ x_t,   x_k = [a_{k-n+1}; ...; a_k],   v̂_{t+k} = v̄ + Σ_i a_{t+k,i} u_i.

    Exact DMD (`modes.Products`) of delay vectors x of all n conditioning frames. X and Y are the pairs of neighbouring
    delay vectors of all training sequences, which need not form one trajectory; v̄ is the mean over the frames of these
    sequences (one that stands in two of them counts twice), taken away first, and u_i the frames' first 64 directions.
    A forecast starts from the last n frames, projected. Each output is clipped to the training range.

    - Fitted on training windows and not on a window's own frames: n frames give n - 1 pairs and no delays.
    - Rank: of 1, 2, 4, .., 256 and all, the one whose roll-outs over the horizon are best on the last tenth of the
      training sequences; then all sequences are used.
    - Growing modes, |λ| > 1, turn and do not grow: a forecast of bounded data stays bounded.

    Good on fields that oscillate or decay, and on what a few modes describe; it cannot move a sharp edge.
    """

    def __init__(self, task: Task) -> None:
        self._n, self._horizon = task.conditioning, task.track.horizon
        self._axes = (2, 3) if task.is_image else ()
        size = int(np.prod(task.frame_shape))
        self._directions = Directions(np.zeros(size), np.zeros((0, size)))
        self._modes = Modes(np.zeros(0), np.zeros((0, 0)), np.zeros((0, 0)))
        self._low, self._high = np.zeros(1, np.float32), np.zeros(1, np.float32)

    @property
    def eigenvalues(self) -> np.ndarray:
        """(rank,) λ per frame, as fitted."""
        return self._modes.eigenvalues

    def fit(self, train: TrainingWindows) -> None:
        """Three passes over the training frames. Where none of them change there are no modes, and the mean is left."""
        self._low, self._high = value_range(train, self._axes)
        self._directions = Directions.of(train)
        paths = [self._directions.coordinates(each) for each in Stretches.of(train)]
        first = len(paths) - max(1, len(paths) // HELD_OUT)
        products = Products(self._n * len(self._directions.basis))
        self._accumulate(products, paths[:first] if first else paths)
        rank = self._best_rank(products, train.with_horizon(self._horizon), first)
        if first:
            self._accumulate(products, paths[first:])
        self._modes = products.decompose(rank)

    def _accumulate(self, products: Products, paths: Sequence[np.ndarray]) -> None:
        for path in paths:
            if len(path) > self._n:
                delayed = np.lib.stride_tricks.sliding_window_view(path, self._n, axis=0)
                states = delayed.transpose(0, 2, 1).reshape(len(delayed), -1)
                products.add(states[:-1], states[1:])

    def _best_rank(self, products: Products, train: TrainingWindows, first: int) -> int:
        """By the squared error in the frames' directions; what lies outside them is the same for all ranks."""
        windows = np.arange(len(train))
        late = train.index.rows(windows)[0] >= first
        items = windows[late] if late.any() else windows
        chosen = items[np.linspace(0, len(items) - 1, min(len(items), ROLL_OUTS)).astype(int)]
        pairs = [
            (self._directions.coordinates(seen[0]), self._directions.coordinates(target[0]))
            for seen, target in (gather(train, chosen[k : k + 1]) for k in range(len(chosen)))
        ]
        available = len(products.spectrum()[0])
        if not available:
            return 0

        def error(rank: int) -> float:
            modes = products.decompose(rank)
            apart = [self._advance(modes, seen, len(target)) - target for seen, target in pairs]
            found = float(np.square(apart).mean())
            return found if np.isfinite(found) else np.inf

        return min(sorted({available, *(min(rank, available) for rank in RANKS)}), key=error)

    def _advance(self, modes: Modes, path: np.ndarray, steps: int) -> np.ndarray:
        """The newest frame of x_1 .. x_steps: (steps, p)."""
        return modes.advance(path.reshape(-1), steps)[:, -path.shape[1] :]

    def forecast(self, conditioning: np.ndarray, horizon: int) -> np.ndarray:
        """(b, conditioning, *frame) -> (b, horizon, *frame) float32; each window by itself."""
        out = np.empty((len(conditioning), horizon, *conditioning.shape[2:]), np.float32)
        for row, window in enumerate(conditioning):
            path = self._advance(self._modes, self._directions.coordinates(window), horizon)
            out[row] = self._directions.frames(path).reshape(horizon, *window.shape[1:])
        edge = (..., *[None] * len(self._axes))
        return np.clip(out, self._low[edge], self._high[edge])

    def swap(self, content: np.ndarray, motion: np.ndarray, horizon: int) -> np.ndarray:
        """The forecast of the motion window, whatever the content: (b, conditioning, *frame) twice -> (b, horizon,
        *frame) float32."""
        return self.forecast(motion, horizon)


def build(configuration: Mapping[str, Any], task: Task) -> DynamicModes:
    return construct("dmd", DynamicModes, configuration, task)


plugin = ModelPlugin(
    name="dmd",
    version="1",
    summary="floor: exact dynamic mode decomposition of delay vectors of all conditioning frames",
    reference=(
        "J. H. Tu et al., On dynamic mode decomposition: theory and applications, Journal of Computational Dynamics "
        "1(2), 2014; delays: H. Arbabi and I. Mezic, SIAM Journal on Applied Dynamical Systems 16(4), 2017"
    ),
    bibtex="""@article{tu2014dynamic,
  title = {On dynamic mode decomposition: Theory and applications},
  author = {Tu, Jonathan H. and Rowley, Clarence W. and Luchtenburg, Dirk M. and Brunton, Steven L. and
            Kutz, J. Nathan},
  journal = {Journal of Computational Dynamics},
  volume = {1}, number = {2}, pages = {391--421}, year = {2014},
}
@article{arbabi2017ergodic,
  title = {Ergodic theory, dynamic mode decomposition, and computation of spectral properties of the {K}oopman
           operator},
  author = {Arbabi, Hassan and Mezi{\\'c}, Igor},
  journal = {SIAM Journal on Applied Dynamical Systems},
  volume = {16}, number = {4}, pages = {2096--2126}, year = {2017},
}""",
    build=build,
    kind="floor",
    capabilities=("forecast", "swap"),
)
