"""What frames say of their motion: each of its own, or all together and knowing the content."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from stbench.models.parts.conv_dense import SLOPE
from stbench.models.parts.gaussian import Gaussian, GaussianHead
from stbench.models.parts.lstm import LSTM


class FactorisedPosterior(nn.Module):
    """q(z_t | x_t): features (batch, time, features) -> Gaussian (batch, time, motion). One hidden layer, LeakyReLU."""

    def __init__(self, features: int, content: int, motion: int, hidden: int) -> None:
        super().__init__()
        self.layer, self.activation = nn.Linear(features, hidden), nn.LeakyReLU(SLOPE)
        self.head = GaussianHead(hidden, motion)

    def forward(self, features: Tensor, f: Tensor) -> Gaussian:
        found: Gaussian = self.head(self.activation(self.layer(features)))
        return found


class FullPosterior(nn.Module):
    """q(z_t | f, x_1..x_T): an RNN over a bidirectional LSTM over [features_t, f], `hidden` units each."""

    def __init__(self, features: int, content: int, motion: int, hidden: int) -> None:
        super().__init__()
        self.both_ways = LSTM(features + content, hidden, batch_first=True, bidirectional=True)
        self.forwards = nn.RNN(2 * hidden, hidden, batch_first=True)
        self.head = GaussianHead(hidden, motion)

    def forward(self, features: Tensor, f: Tensor) -> Gaussian:
        joined = torch.cat((features, f.unsqueeze(1).expand(-1, features.shape[1], -1)), -1)
        found: Gaussian = self.head(self.forwards(self.both_ways(joined)[0])[0])
        return found


POSTERIORS = {"factorised": FactorisedPosterior, "full": FullPosterior}
