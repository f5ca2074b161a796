"""The floor that knows the clock: the mean course of the training sequences, entered where it looks like the window."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from stbench.errors import StbenchError
from stbench.model import ModelPlugin, Task
from stbench.splits.training import TrainingWindows

from .frames import Stretches


class Climatology:
    """v̂_{t+k}(x) = c_{s+k}(x),   s = argmin_s Σ_{j=0}^{n-1} |v_{t-j} - c_{s-j}|²,

    c_s(x) the mean of frame s over the training sequences that are that long. A model sees no time stamp, so the
    place s on the time axis is found from the conditioning frames. Where all sequences share a clock, as the days of
    a city do, this is the daily course; where they share none, c_s is close to the mean of all frames. The same hour
    of the day before, the seasonal naive forecast, would need a whole period of conditioning frames: no track has it.
    """

    def __init__(self, task: Task) -> None:
        self._course = np.zeros((0, *task.frame_shape), np.float32)

    def fit(self, train: TrainingWindows) -> None:
        """One pass over the training frames, in float64."""
        stretches = Stretches.of(train)
        length = np.array([len(each) for each in train.stored_stretches()])
        total = np.zeros((length.max(), *train.frame_shape))
        for stretch in stretches:
            total[: len(stretch)] += stretch
        count = (length[:, None] > np.arange(length.max())).sum(axis=0)
        self._course = (total / count.reshape(-1, *[1] * len(train.frame_shape))).astype(np.float32)

    def forecast(self, conditioning: np.ndarray, horizon: int) -> np.ndarray:
        """(b, conditioning, *frame) -> (b, horizon, *frame) float32."""
        b, n = conditioning.shape[:2]
        course = self._course.reshape(len(self._course), -1).astype(np.float64)
        places = len(course) - n - horizon + 1
        if places < 1:
            raise StbenchError(
                f"the longest training sequence has {len(course)} frames, fewer than the {n} + {horizon} of a forecast"
            )
        # |v|² is the same for all places and left out: it changes no order.
        seen = conditioning.reshape(b * n, -1).astype(np.float64)
        distance = (np.square(course).sum(axis=1) - 2.0 * (seen @ course.T)).reshape(b, n, -1)
        start = np.argmin(sum(distance[:, j, j : j + places] for j in range(n)), axis=1)
        forecast: np.ndarray = self._course[start[:, None] + n + np.arange(horizon)]
        return forecast

    def swap(self, content: np.ndarray, motion: np.ndarray, horizon: int) -> np.ndarray:
        """The forecast of the motion window, whatever the content: (b, conditioning, *frame) twice -> (b, horizon,
        *frame) float32."""
        return self.forecast(motion, horizon)


def build(configuration: Mapping[str, Any], task: Task) -> Climatology:
    return Climatology(task)


plugin = ModelPlugin(
    name="climatology",
    version="1",
    summary="floor: the mean course of the training sequences, from the place that looks like what is seen",
    reference="stbench",
    bibtex="",
    build=build,
    floor=True,
    capabilities=("forecast", "swap"),
)
