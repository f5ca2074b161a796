"""What a network's raw output means and what is minimised: with cross-entropy frames lie in [0, 1]."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional as F

from stbench.models.parts.components import choose


@dataclass(frozen=True)
class Objective:
    squash: Callable[[Tensor], Tensor]
    """Raw output to frames."""
    error: Callable[[Tensor, Tensor], Tensor]
    """Scalar, from raw output and true frames."""


def _identity(raw: Tensor) -> Tensor:
    return raw


OBJECTIVES = {
    "cross_entropy": Objective(torch.sigmoid, F.binary_cross_entropy_with_logits),
    "mse": Objective(_identity, F.mse_loss),
}


def choose_loss(name: str) -> Objective:
    """`StbenchError` with the nearest name for an unknown one."""
    return choose("loss", OBJECTIVES, name)
