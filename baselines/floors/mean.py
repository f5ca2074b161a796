"""The floor that has seen only one frame: the mean over the frames of all training sequences."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from stbench.contract.models import Factors, ModelPlugin, Task
from stbench.contract.settings import construct
from stbench.splits.training import TrainingWindows

from .frames import mean_frame


class Mean:
    """v̂_{t+k}(x) = mean over all training sequences and their times of v(x): the same frame at every lead time.

    Every sequence brings all its frames, so that one which stands in two of them, or twice in one, counts twice
    (`frames.mean_frame`).
    """

    def __init__(self, task: Task) -> None:
        self._frame = np.zeros(task.frame_shape, np.float32)

    def fit(self, train: TrainingWindows) -> None:
        """One pass over the training frames, in float64."""
        self._frame = mean_frame(train).astype(np.float32)

    def forecast(self, conditioning: np.ndarray, horizon: int) -> np.ndarray:
        """(b, conditioning, *frame) -> (b, horizon, *frame) float32."""
        shape = (len(conditioning), horizon, *self._frame.shape)
        return np.ascontiguousarray(np.broadcast_to(self._frame, shape))

    def swap(self, content: np.ndarray, motion: np.ndarray, horizon: int) -> np.ndarray:
        """The same frame again: (b, conditioning, *frame) twice -> (b, horizon, *frame) float32."""
        return self.forecast(content, horizon)

    def generate(self, clip: np.ndarray, length: int, factors: Factors) -> np.ndarray:
        """The same frame again: (b, n, *frame) -> (b, length, *frame) float32."""
        return self.forecast(clip, length)

    def transfer(self, content: np.ndarray, motion: np.ndarray, length: int, factors: Factors) -> np.ndarray:
        """The same frame again."""
        return self.forecast(content, length)


def build(configuration: Mapping[str, Any], task: Task) -> Mean:
    return construct("mean", Mean, configuration, task)


plugin = ModelPlugin(
    name="mean",
    version="1",
    summary="floor: the mean training frame",
    reference="stbench",
    bibtex="",
    build=build,
    kind="floor",
    capabilities=("forecast", "swap", "generate", "transfer"),
)
