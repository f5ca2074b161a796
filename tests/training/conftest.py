"""Stand-ins for windows and a model, small enough to train in a second."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
import torch
from torch import Tensor, nn


class ArrayWindows:
    """What the loop asks of training windows, over an array instead of a store."""

    def __init__(self, frames: np.ndarray, conditioning: int = 3, horizon: int = 4) -> None:
        self.frames, self.conditioning, self.horizon = frames, conditioning, horizon

    def rows(self) -> tuple[np.ndarray, np.ndarray]:
        starts = self.frames.shape[1] - self.conditioning - self.horizon + 1
        row, start = np.meshgrid(np.arange(len(self.frames)), np.arange(starts), indexing="ij")
        return row.ravel(), start.ravel()

    @property
    def stored(self) -> tuple[np.ndarray, float, float]:
        return self.frames, 0.0, 1.0


class Walker(nn.Module):
    """Predicts all frames from the mean of the conditioning ones; draws from both generators a real model may use."""

    def __init__(self, size: int = 6) -> None:
        super().__init__()
        self.layers = nn.Sequential(nn.Linear(size, 16), nn.ReLU(), nn.Dropout(0.2), nn.Linear(16, size))

    def forward(self, conditioning: Tensor, horizon: int) -> Tensor:
        frame: Tensor = self.layers(conditioning.mean(1))
        return frame.unsqueeze(1).expand(-1, horizon, -1)

    def loss(self, batch: dict[str, Tensor], generator: torch.Generator) -> dict[str, Tensor]:
        lead = int(torch.randint(batch["target"].shape[1], (), generator=generator))
        forecast = self(batch["conditioning"], batch["target"].shape[1])
        error = (forecast[:, lead] - batch["target"][:, lead]).square().mean()
        size = forecast.square().mean()
        return {"error": error, "size": size, "total": error + 0.01 * size}


@pytest.fixture
def windows() -> ArrayWindows:
    return ArrayWindows(np.random.default_rng(5).random((5, 12, 6), dtype=np.float32))


@pytest.fixture
def walker() -> Callable[[], Walker]:
    """Makes the same model every time."""

    def make() -> Walker:
        torch.manual_seed(11)
        return Walker()

    return make


@pytest.fixture
def settings() -> dict[str, object]:
    return {
        "split": "train",
        "steps": 40,
        "batch_size": 8,
        "learning_rate": 1e-2,
        "betas": [0.9, 0.99],
        "schedule": "constant",
        "precision": "float32",
        "log_every": 7,
        "checkpoint_seconds": 1e9,
    }
