"""What a drawn motion begins with."""

from __future__ import annotations

import torch
from torch import Tensor, nn

DECAY = 0.99
"""Of the weight of a training batch, at every later one."""


class FittedPrior(nn.Module):
    """One Gaussian an action, with the mean and the covariance of the posterior means of the state at the first frame.

        s_0 | k ~ N(m_k, C_k),   m_k = E[s_0 | k],   C_k = E[(s_0 - m_k)(s_0 - m_k)^T | k]

    Draws lie closer together than the samples of posteriors that the decoder learns from: on sprites, `cpu`, a number
    of the means of an action deviates by 0.04 to 0.10, of the samples by 0.20 to 0.26. Not in the paper, whose s_0 ~
    N(0, I) whatever the action. Means over the training batches, of which one counts 0.99 times as much at every later
    one. It has no parameters and changes none: weights are those of a training without. An action that was never seen
    keeps N(0, I).
    """

    weight: Tensor
    first: Tensor
    second: Tensor

    def __init__(self, blocks: int, size: int) -> None:
        super().__init__()
        self.register_buffer("weight", torch.zeros(blocks))
        self.register_buffer("first", torch.zeros(blocks, size))
        self.register_buffer("second", torch.zeros(blocks, size, size))

    @torch.no_grad()
    def see(self, states: Tensor, hot: Tensor) -> None:
        """States (batch, K, 2d) at the first frame of clips, `hot` (batch, K) with 1 for the block that moves; products
        are taken in double precision, which autocast leaves alone."""
        seen = states.double() * hot.unsqueeze(-1).double()
        self.weight.mul_(DECAY).add_(hot.to(self.weight).sum(0))
        self.first.mul_(DECAY).add_(seen.sum(0))
        self.second.mul_(DECAY).add_(torch.einsum("bki,bkj->kij", seen, seen).to(self.second))

    def forward(self, noise: Tensor) -> Tensor:
        """m_k + C_k^(1/2) noise: standard normal (batch, K, 2d) -> states of the same shape, those of all blocks."""
        known = (self.weight > 0).unsqueeze(-1)
        weight = torch.where(known, self.weight.unsqueeze(-1), 1.0).double()
        mean = self.first.double() / weight
        covariance = self.second.double() / weight.unsqueeze(-1) - mean.unsqueeze(-1) * mean.unsqueeze(-2)
        values, vectors = torch.linalg.eigh(covariance)
        root = (vectors * values.clamp(min=0).sqrt().unsqueeze(-2)) @ vectors.mT
        drawn = mean + torch.einsum("kij,bkj->bki", root, noise.double())
        return torch.where(known, drawn.to(noise), noise)
