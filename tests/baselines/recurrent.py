"""What the tests of the recurrent baselines share."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

import numpy as np
import torch
from torch import nn

Module = TypeVar("Module", bound=nn.Module)


def randomised(module: Module, scale: float = 0.3) -> Module:
    """float64, every weight random, those too that start at 0 or 1."""
    module.double()
    generator = torch.Generator().manual_seed(1)
    with torch.no_grad():
        for each in module.parameters():
            each.copy_(scale * torch.randn(each.shape, generator=generator, dtype=torch.float64))
    return module


def batch(frames: torch.Tensor, n: int, step: int = 10**6) -> dict[str, torch.Tensor]:
    return {"frames": frames, "conditioning": frames[:, :n], "target": frames[:, n:], "step": torch.tensor(step)}


def generator(seed: int = 3) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def count(module: nn.Module, ends: str = "") -> int:
    """Parameters whose name ends so."""
    return sum(each.numel() for name, each in module.named_parameters() if name.endswith(ends))


def forecast_by_hand(
    frames: np.ndarray, n: int, steps: int, step: Callable[[np.ndarray], np.ndarray]
) -> list[np.ndarray]:
    """Predictions of frames 2..steps + 1: `step` is handed a true frame up to the n-th one, then what it answered."""
    predicted: list[np.ndarray] = []
    for t in range(steps):
        predicted.append(step(frames[:, t] if t < n else predicted[-1]))
    return predicted


def patched(frames: np.ndarray, patch: int) -> np.ndarray:
    """Channel (c, row in patch, column in patch) of each patch."""
    b, c, height, width = frames.shape
    cut = frames.reshape(b, c, height // patch, patch, width // patch, patch).transpose(0, 1, 3, 5, 2, 4)
    return cut.reshape(b, c * patch * patch, height // patch, width // patch)


def unpatched(maps: np.ndarray, patch: int) -> np.ndarray:
    b, c, height, width = maps.shape
    cut = maps.reshape(b, c // patch**2, patch, patch, height, width).transpose(0, 1, 4, 2, 5, 3)
    return cut.reshape(b, c // patch**2, height * patch, width * patch)
