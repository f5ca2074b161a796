"""What a whole clip says of a code that does not change in it: a bidirectional LSTM over its frames' features."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from .gaussian import Gaussian
from .lstm import LSTM
from .precision import full


def both_ends(output: Tensor) -> Tensor:
    """[forward state after the last frame, backward state after the first one]: (batch, time, 2 hidden) of a
    bidirectional network -> (batch, 2 hidden). Each has seen the whole clip."""
    forward, backward = output.chunk(2, -1)
    return torch.cat((forward[:, -1], backward[:, 0]), -1)


class ClipPosterior(nn.Module):
    """q(z | x_1..x_T): features (batch, time, features) -> Gaussian (batch, size).

    Mean and log-variance are linear in `both_ends` of `layers` layers of `hidden` units a direction.

    Source: Y. Li and S. Mandt, Disentangled Sequential Autoencoder, ICML 2018; HALO, NeurIPS 2022, has it too.
    """

    def __init__(self, features: int, size: int, *, hidden: int, layers: int = 1) -> None:
        super().__init__()
        self.recurrent = LSTM(features, hidden, num_layers=layers, batch_first=True, bidirectional=True)
        self.mean, self.log_variance = nn.Linear(2 * hidden, size), nn.Linear(2 * hidden, size)

    def forward(self, features: Tensor) -> Gaussian:
        code = both_ends(self.recurrent(features)[0])
        return Gaussian(full(self.mean(code)), full(self.log_variance(code)))
