"""Two players on one number each: a critic w that tells frames from a drawn g z, and a maker g that fools it."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn


class Adversary(nn.Module):
    """critic: lowers -w (mean frame - g z) + w^2 / 2;  maker: lowers -w g z;  z > 0 is drawn for each of them."""

    def __init__(self) -> None:
        super().__init__()
        self.g = nn.Parameter(torch.tensor([0.5]))
        self.w = nn.Parameter(torch.tensor([0.25]))
        self.turns: list[tuple[int, str]] = []
        self.drawn: list[float] = []

    def players(self) -> dict[str, Any]:
        return {"critic": [self.w], "maker": [self.g]}

    def loss(self, batch: dict[str, Tensor], generator: torch.Generator, player: str) -> dict[str, Tensor]:
        z = 0.5 + torch.rand((), generator=generator)
        self.turns.append((int(batch["step"]) + 1, player))
        self.drawn.append(z.item())
        made = (self.g * z).sum()
        if player == "maker":
            return {"total": -self.w.sum() * made}
        gap = batch["frames"].mean() - made
        return {"gap": gap, "total": -self.w.sum() * gap + 0.5 * self.w.square().sum()}

    def forward(self, conditioning: Tensor, horizon: int) -> Tensor:
        return self.g * conditioning[:, -1:].expand(-1, horizon, *conditioning.shape[2:])
