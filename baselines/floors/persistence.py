"""The floor that believes nothing changes: the last conditioning frame."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from stbench.contract.models import Factors, ModelPlugin, Task
from stbench.contract.settings import construct
from stbench.splits.training import TrainingWindows


class Persistence:
    """v̂_{t+k} = v_t for every lead time k, v_t the last conditioning frame."""

    def fit(self, train: TrainingWindows) -> None:
        """Nothing to learn."""

    def forecast(self, conditioning: np.ndarray, horizon: int) -> np.ndarray:
        """(b, conditioning, *frame) -> (b, horizon, *frame) float32."""
        return np.repeat(conditioning[:, -1:], horizon, axis=1)

    def swap(self, content: np.ndarray, motion: np.ndarray, horizon: int) -> np.ndarray:
        """The last content frame, whatever moves: (b, conditioning, *frame) twice -> (b, horizon, *frame) float32."""
        return self.forecast(content, horizon)

    def generate(self, clip: np.ndarray, length: int, factors: Factors) -> np.ndarray:
        """The first frame for ever: (b, n, *frame) -> (b, length, *frame) float32."""
        return np.repeat(clip[:, :1], length, axis=1)

    def transfer(self, content: np.ndarray, motion: np.ndarray, length: int, factors: Factors) -> np.ndarray:
        """The first content frame, whatever moves."""
        return self.generate(content, length, factors)


def build(configuration: Mapping[str, Any], task: Task) -> Persistence:
    return construct("persistence", Persistence, configuration)


plugin = ModelPlugin(
    name="persistence",
    version="1",
    summary="floor: the last conditioning frame, repeated",
    reference="stbench",
    bibtex="",
    build=build,
    kind="floor",
    capabilities=("forecast", "swap", "generate", "transfer"),
)
