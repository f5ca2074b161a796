"""What the first frame says of the content, and what differences from it say of the motion."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from stbench.models.parts.gaussian import Gaussian, GaussianHead
from stbench.models.parts.lstm import LSTM


class StaticPosterior(nn.Module):
    """q(f | x_1): s = tanh(W c_1), f ~ N(linear s, exp linear s)."""

    def __init__(self, features: int, size: int, hidden: int) -> None:
        super().__init__()
        self.layer, self.head = nn.Linear(features, hidden), GaussianHead(hidden, size)

    def forward(self, first: Tensor) -> Gaussian:
        found: Gaussian = self.head(torch.tanh(self.layer(first)))
        return found


class DynamicPosterior(nn.Module):
    """q(z_t | d_1..d_T): linear in a two-layer bidirectional LSTM of `size` units a direction."""

    def __init__(self, features: int, size: int) -> None:
        super().__init__()
        self.recurrent = LSTM(features, size, num_layers=2, batch_first=True, bidirectional=True)
        self.head = GaussianHead(2 * size, size)

    def forward(self, differences: Tensor) -> Gaussian:
        found: Gaussian = self.head(self.recurrent(differences)[0])
        return found
