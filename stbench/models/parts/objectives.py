"""What a network's raw output means and what is minimised: with cross-entropy frames lie in [0, 1]."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional as F

from .components import choose


@dataclass(frozen=True)
class Objective:
    squash: Callable[[Tensor], Tensor]
    """Raw output to frames."""
    error: Callable[[Tensor, Tensor], Tensor]
    """Scalar, from raw output and true frames."""


def _identity(raw: Tensor) -> Tensor:
    return raw


def _squared_and_absolute(predicted: Tensor, target: Tensor) -> Tensor:
    """Mean of (v̂ - v)² + |v̂ - v|."""
    return F.mse_loss(predicted, target) + F.l1_loss(predicted, target)


def _half_squared_and_absolute(predicted: Tensor, target: Tensor) -> Tensor:
    """Mean of (v̂ - v)² / 2 + |v̂ - v|."""
    return 0.5 * F.mse_loss(predicted, target) + F.l1_loss(predicted, target)


def _squared_summed_over_frames(predicted: Tensor, target: Tensor) -> Tensor:
    """Sum over the frames (axis 1) of the mean of (v̂ - v)²: it differs from the mean where weights decay with it."""
    return F.mse_loss(predicted, target) * predicted.shape[1]


OBJECTIVES = {
    "cross_entropy": Objective(torch.sigmoid, F.binary_cross_entropy_with_logits),
    "mse": Objective(_identity, F.mse_loss),
    "mse_frame_sum": Objective(_identity, _squared_summed_over_frames),
    "mse_mae": Objective(_identity, _squared_and_absolute),
    "half_mse_mae": Objective(_identity, _half_squared_and_absolute),
}


def choose_loss(name: str) -> Objective:
    """`StbenchError` with the nearest name for an unknown one."""
    return choose("loss", OBJECTIVES, name)
