"""The floor that is linear: the next frame by ridge regression on the last ones, iterated."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from stbench.contract.models import ModelPlugin, Task
from stbench.contract.settings import construct
from stbench.splits.training import TrainingWindows

from .frames import blocks, mean_frame, value_range
from .ridge import Moments, fit_by_roll_out
from .stencil import iterate_stencil, sample_neighbourhoods

SIZE = 5
"""Side of the pixel neighbourhood for images."""
SAMPLES_PER_SEQUENCE = 1000
"""Pixels drawn of every training sequence to fit a stencil, fewer where there are more than 2,000 sequences."""
SAMPLES = 2_000_000
"""Pixels drawn in all, about: bounds the time of the fit, whatever the dataset."""
SEED = 0


class VectorAutoregression:
    """v̂_{t+1} = c + Σ_{j=0}^{n-1} A_j v_{t-j}, A_j full (D, D) matrices, iterated over its own outputs.

    Every output is clipped to the training range of its sensor before it is fed back, so that a roll-out stays bounded
    even where the fitted map is unstable.
    """

    def __init__(self, task: Task) -> None:
        self._n, self._horizon = task.conditioning, task.track.horizon
        self._shape = task.frame_shape
        size = int(np.prod(task.frame_shape))
        self._weights, self._intercept = np.zeros((self._n * size, size)), np.zeros(size)
        self._low, self._high = np.zeros(size), np.zeros(size)

    def fit(self, train: TrainingWindows) -> None:
        """Normal equations over every training position of n + 1 consecutive frames, in float64.

        The ridge penalty is chosen by roll-outs of held-out training sequences (`ridge.fit_by_roll_out`).
        """
        first = next(blocks(train))[0].reshape(-1)
        self._low, self._high = (end.reshape(-1) for end in value_range(train, ()))
        fit_by_roll_out(self, Moments(np.tile(first, self._n), first), train.with_horizon(self._horizon))

    def accumulate(self, moments: Moments, stretches: Sequence[np.ndarray]) -> None:
        """All windows of n + 1 frames of the `stretches`, each (time, *frame), the last one as the outcome."""
        for stretch in stretches:
            if len(stretch) <= self._n:
                continue
            flat = stretch.reshape(len(stretch), -1)
            seen = np.lib.stride_tricks.sliding_window_view(flat[:-1], self._n, axis=0)
            moments.add(seen.transpose(0, 2, 1).reshape(len(seen), -1), flat[self._n :])

    def adopt(self, weights: np.ndarray, intercept: np.ndarray) -> None:
        """Forecast with `weights` (n·D, D), oldest frame first, and `intercept` (D,)."""
        self._weights, self._intercept = weights, intercept

    def forecast(self, conditioning: np.ndarray, horizon: int) -> np.ndarray:
        """(b, conditioning, *frame) -> (b, horizon, *frame) float32."""
        b = len(conditioning)
        history = conditioning.reshape(b, -1).astype(np.float64)
        out = np.empty((b, horizon, len(self._intercept)), np.float32)
        for k in range(horizon):
            step = np.clip(history @ self._weights + self._intercept, self._low, self._high)
            out[:, k] = step
            history = np.concatenate([history[:, step.shape[1] :], step], axis=1)
        return out.reshape(b, horizon, *self._shape)

    def swap(self, content: np.ndarray, motion: np.ndarray, horizon: int) -> np.ndarray:
        """The forecast of the motion window, whatever the content: (b, conditioning, *frame) twice -> (b, horizon,
        *frame) float32."""
        return self.forecast(motion, horizon)


class StencilAutoregression:
    """v̂_{t+1}(x) = c + Σ_{j=0}^{n-1} Σ_{|d|∞ ≤ 2} A_j(d) v_{t-j}(x + d), one stencil for all pixels, iterated.

    A 5x5 neighbourhood in all conditioning frames, A_j(d) (channel, channel), frames continued by their edge pixels.
    Fitted on 1,000 pixels of every training sequence, about 2,000,000 in all at most, drawn with a fixed seed. Every
    output is clipped to the training range of its channel before it is fed back, so that a roll-out stays bounded even
    where the fitted stencil is unstable.
    """

    def __init__(self, task: Task) -> None:
        self._n, self._horizon = task.conditioning, task.track.horizon
        channels = task.frame_shape[0]
        self._weights = np.zeros((channels, self._n, channels, SIZE, SIZE), np.float32)
        self._intercept = np.zeros(channels, np.float32)
        self._low, self._high = np.zeros(channels, np.float32), np.zeros(channels, np.float32)
        self._samples = SAMPLES_PER_SEQUENCE

    def fit(self, train: TrainingWindows) -> None:
        """Normal equations over the drawn pixels, in float64.

        The ridge penalty is chosen by roll-outs of held-out training sequences (`ridge.fit_by_roll_out`).
        """
        self._low, self._high = value_range(train, (2, 3))
        level = mean_frame(train).mean(axis=(1, 2))
        self._samples = min(SAMPLES_PER_SEQUENCE, -(-SAMPLES // len(train.sequences)))
        fit_by_roll_out(
            self, Moments(np.tile(level.repeat(SIZE * SIZE), self._n), level), train.with_horizon(self._horizon)
        )

    def accumulate(self, moments: Moments, stretches: Sequence[np.ndarray]) -> None:
        """Random pixels of each of the `stretches` (time, channel, y, x) with their neighbourhoods."""
        rng = np.random.default_rng(SEED)
        for stretch in stretches:
            if len(stretch) > self._n:
                moments.add(*sample_neighbourhoods(stretch, self._n, SIZE, self._samples, rng))

    def adopt(self, weights: np.ndarray, intercept: np.ndarray) -> None:
        """Forecast with `weights` (n·channel·5·5, channel), ordered (time, channel, y, x), and `intercept`."""
        self._weights = np.ascontiguousarray(weights.T.reshape(self._weights.shape), np.float32)
        self._intercept = intercept.astype(np.float32)

    def forecast(self, conditioning: np.ndarray, horizon: int) -> np.ndarray:
        """(b, conditioning, channel, y, x) -> (b, horizon, channel, y, x) float32."""
        return iterate_stencil(conditioning, horizon, self._weights, self._intercept, self._low, self._high)

    def swap(self, content: np.ndarray, motion: np.ndarray, horizon: int) -> np.ndarray:
        """The forecast of the motion window, whatever the content: (b, conditioning, *frame) twice -> (b, horizon,
        *frame) float32."""
        return self.forecast(motion, horizon)


def build(configuration: Mapping[str, Any], task: Task) -> VectorAutoregression | StencilAutoregression:
    if task.is_image:
        return construct("linear", StencilAutoregression, configuration, task)
    return construct("linear", VectorAutoregression, configuration, task)


plugin = ModelPlugin(
    name="linear",
    version="1",
    summary="floor: linear autoregression by ridge; a full map for vectors, one 5x5 stencil for images",
    reference="A. E. Hoerl and R. W. Kennard, Ridge regression, Technometrics 12(1), 1970",
    bibtex="""@article{hoerl1970ridge,
  title = {Ridge regression: biased estimation for nonorthogonal problems},
  author = {Hoerl, Arthur E. and Kennard, Robert W.},
  journal = {Technometrics},
  volume = {12}, number = {1}, pages = {55--67}, year = {1970},
}""",
    build=build,
    kind="floor",
    capabilities=("forecast", "swap"),
)
