"""Ridge regression from accumulated moments: one pass over data that need not fit into memory."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

import numpy as np

from stbench.splits.training import TrainingWindows

from .frames import Stretches, gather

PENALTIES = (1e-4, 1e-5, 1e-6, 1e-7, 1e-8, 1e-9, 1e-10)
"""Ridge penalties tried, as fractions of the mean variance of the features."""
HELD_OUT = 10
"""One in so many training sequences, the last ones, is held out to choose the penalty."""
ROLL_OUTS = 128
"""Held-out windows rolled out to choose the penalty."""


class Moments:
    """W, c = argmin Σ_i |y_i - c - Wᵀ x_i|² + λ |W|², λ = penalty · trace(Σ_i x̃_i x̃_iᵀ) / features, x̃ centred.

    Rows are shifted by a guess of their mean before they are multiplied, so that centring afterwards cancels little.
    """

    def __init__(self, shift_x: np.ndarray, shift_y: np.ndarray) -> None:
        features, outputs = len(shift_x), len(shift_y)
        self._shift_x, self._shift_y = shift_x.astype(np.float64), shift_y.astype(np.float64)
        self._n = 0
        self._x, self._y = np.zeros(features), np.zeros(outputs)
        self._xx, self._xy = np.zeros((features, features)), np.zeros((features, outputs))

    def add(self, x: np.ndarray, y: np.ndarray) -> None:
        """Accumulate rows `x` (rows, features), `y` (rows, outputs), in float64."""
        x, y = x.astype(np.float64) - self._shift_x, y.astype(np.float64) - self._shift_y
        self._n += len(x)
        self._x += x.sum(axis=0)
        self._y += y.sum(axis=0)
        self._xx += x.T @ x
        self._xy += x.T @ y

    def solve(self, penalty: float) -> tuple[np.ndarray, np.ndarray]:
        """W (features, outputs) and c (outputs,)."""
        mean_x, mean_y = self._x / self._n, self._y / self._n
        gram = self._xx - self._n * np.outer(mean_x, mean_x)
        right = self._xy - self._n * np.outer(mean_x, mean_y)
        ridge = penalty * np.trace(gram) / len(gram)
        # Features that never vary leave the Gram matrix singular; the smallest normal number keeps it solvable then.
        weights = np.linalg.solve(gram + max(ridge, np.finfo(float).tiny) * np.eye(len(gram)), right)
        intercept = mean_y + self._shift_y - (mean_x + self._shift_x) @ weights
        return weights, intercept


class Autoregression(Protocol):
    """What `fit_by_roll_out` needs of a linear model."""

    def accumulate(self, moments: Moments, stretches: Sequence[np.ndarray]) -> None:
        """Add every row the `stretches`, each (time, *frame), have to offer."""
        ...

    def adopt(self, weights: np.ndarray, intercept: np.ndarray) -> None: ...

    def forecast(self, conditioning: np.ndarray, horizon: int) -> np.ndarray: ...


def fit_by_roll_out(model: Autoregression, moments: Moments, train: TrainingWindows) -> None:
    """Fit `model` with the penalty whose roll-outs are best on held-out training sequences.

    The penalty with the least squared error over the horizon of `train`, on at most 128 windows of the last tenth of
    the training sequences, is used for a fit on all of them. With a single sequence nothing can be held out: the
    roll-outs are of the sequence itself.
    """
    stretches = Stretches.of(train)
    held = max(1, len(stretches) // HELD_OUT)
    first = max(0, len(stretches) - held)
    model.accumulate(moments, stretches[:first] if first else stretches)
    windows = np.arange(len(train))
    late = train.index.rows(windows)[0] >= first
    items = windows[late] if late.any() else windows
    chosen = items[np.linspace(0, len(items) - 1, min(len(items), ROLL_OUTS)).astype(int)]
    conditioning, target = gather(train, chosen)

    def error(penalty: float) -> float:
        model.adopt(*moments.solve(penalty))
        difference = model.forecast(conditioning, train.horizon) - target
        return float(np.square(difference, dtype=np.float64).mean())

    best = min(PENALTIES, key=error)
    if first:
        model.accumulate(moments, stretches[first:])
    model.adopt(*moments.solve(best))
