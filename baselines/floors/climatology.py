"""The floor that knows the clock: the mean course of the training sequences, entered where it looks like the window."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

from stbench.contract.models import ModelPlugin, Task
from stbench.contract.settings import construct
from stbench.errors import StbenchError
from stbench.splits.training import TrainingWindows

from .frames import Stretches


class Climatology:
    """v̂_{t+k}(x) = c_{s+k}(x),   s = argmin_s Σ_{j=0}^{n-1} |v_{t-j} - c_{s-j}|²,

    c_s(x) the mean of frame s of the time axis over the training sequences that have it. A model sees no time stamp, so
    the place s is found from the conditioning frames. Where all sequences share a clock, as the days of a city do, this
    is the daily course; where they share none, c_s is close to the mean of all frames. The same hour of the day before,
    the seasonal naive forecast, would need a whole period of conditioning frames: no track with a clock has it.
    """

    def __init__(self, task: Task) -> None:
        self._course = np.zeros((0, *task.frame_shape), np.float32)
        self._known = np.zeros(0, bool)

    def fit(self, train: TrainingWindows) -> None:
        """One pass over the training frames, in float64."""
        stretches = Stretches.of(train)
        first, last = train.time_of_stretches()
        total = np.zeros((last.max(), *train.frame_shape))
        count = np.zeros(last.max(), np.int64)
        for stretch, begin, end in zip(stretches, first, last, strict=True):
            total[begin:end] += stretch
            count[begin:end] += 1
        self._known = count > 0
        self._course = (total / np.maximum(count, 1).reshape(-1, *[1] * len(train.frame_shape))).astype(np.float32)

    def forecast(self, conditioning: np.ndarray, horizon: int) -> np.ndarray:
        """(b, conditioning, *frame) -> (b, horizon, *frame) float32."""
        b, n = conditioning.shape[:2]
        course = self._course.reshape(len(self._course), -1).astype(np.float64)
        places = len(course) - n - horizon + 1
        whole = sliding_window_view(self._known, n + horizon).all(axis=1) if places > 0 else np.zeros(0, bool)
        if not whole.any():
            raise StbenchError(
                f"the training sequences cover at most {_longest(self._known)} frames in a row, fewer than the "
                f"{n} + {horizon} of a forecast"
            )
        # |v|² is the same for all places and left out: it changes no order.
        seen = conditioning.reshape(b * n, -1).astype(np.float64)
        distance = (np.square(course).sum(axis=1) - 2.0 * (seen @ course.T)).reshape(b, n, -1)
        apart = np.where(whole, sum(distance[:, j, j : j + places] for j in range(n)), np.inf)
        start = np.argmin(apart, axis=1)
        forecast: np.ndarray = self._course[start[:, None] + n + np.arange(horizon)]
        return forecast

    def swap(self, content: np.ndarray, motion: np.ndarray, horizon: int) -> np.ndarray:
        """The forecast of the motion window, whatever the content: (b, conditioning, *frame) twice -> (b, horizon,
        *frame) float32."""
        return self.forecast(motion, horizon)


def _longest(known: np.ndarray) -> int:
    """The longest run of True."""
    edges = np.flatnonzero(np.diff(known, prepend=False, append=False))
    return int(np.max(edges[1::2] - edges[::2], initial=0))


def build(configuration: Mapping[str, Any], task: Task) -> Climatology:
    return construct("climatology", Climatology, configuration, task)


plugin = ModelPlugin(
    name="climatology",
    version="2",
    summary="floor: the mean course of the training sequences, from the place that looks like what is seen",
    reference="stbench",
    bibtex="",
    build=build,
    kind="floor",
    capabilities=("forecast", "swap"),
)
