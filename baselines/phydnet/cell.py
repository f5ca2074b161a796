"""PhyCell: a latent partial differential equation with learned derivative filters, corrected by what is seen."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn
from torch.nn import functional as F

ORDERS = 7
"""Side of the filters, and number of orders of a derivative in y and in x: 0..6."""


def moment_transform(size: int = ORDERS) -> Tensor:
    """M (size, size) float64, M_ij = (j - (size - 1)/2)^i / i!: M k Mᵀ are the moments of a filter k (size, size)."""
    offsets = torch.arange(size, dtype=torch.float64) - (size - 1) / 2
    return torch.stack([offsets**i / math.factorial(i) for i in range(size)])


class PhyCell(nn.Module):
    """Prediction by a latent equation, then a correction with the Kalman gain K.

        h̃  = h + F(h),   F = 1x1 convolution ∘ GroupNorm ∘ 7x7 convolution to 49 channels
        K  = σ(W * [u, h] + b)
        h' = h̃ + K ∘ (u - h̃)

    Channel 7i + j of the 7x7 convolution is to be the derivative ∂^{i+j}/∂y^i ∂x^j, which `moment_loss` measures. K is
    computed from the state before the prediction, as released. F has no activation. h, u (batch, channels, y, x); with
    64 channels it has 230,803 parameters.

    Source: V. Le Guen and N. Thome, CVPR 2020, Eq. 4-9, and the code they released.
    """

    target: Tensor
    transform: Tensor

    def __init__(self, channels: int) -> None:
        super().__init__()
        terms = ORDERS * ORDERS
        self.channels = channels
        self.derivatives = nn.Conv2d(channels, terms, ORDERS, padding=ORDERS // 2)
        self.normalise = nn.GroupNorm(ORDERS, terms)
        self.combine = nn.Conv2d(terms, channels, 1)
        self.gain = nn.Conv2d(2 * channels, channels, 3, padding=1)
        self.register_buffer("transform", moment_transform().float(), persistent=False)
        self.register_buffer("target", torch.eye(terms).reshape(terms, ORDERS, ORDERS), persistent=False)

    def start(self, u: Tensor) -> Tensor:
        """h = 0 for the batch of `u`, float32."""
        return torch.zeros_like(u, dtype=torch.float32)

    def forward(self, u: Tensor, h: Tensor) -> Tensor:
        """h' from what is seen, u, and the state h."""
        predicted = h + self.combine(self.normalise(self.derivatives(h))).float()
        gain = torch.sigmoid(self.gain(torch.cat((u.float(), h), 1)).float())
        corrected: Tensor = predicted + gain * (u.float() - predicted)
        return corrected

    def moment_loss(self) -> Tensor:
        """Σ over input channels c of the mean over filters and moments of (M k_{7i+j,c} Mᵀ - δ_{7i+j})²; 0 when every
        filter is an exact derivative.

        δ_{7i+j} is 1 at (i, j), else 0. In float32 whatever the precision of the step.
        """
        with torch.autocast(self.transform.device.type, enabled=False):
            moments = self.transform @ self.derivatives.weight.float() @ self.transform.T
            return F.mse_loss(moments, self.target[:, None].expand_as(moments)) * self.channels
