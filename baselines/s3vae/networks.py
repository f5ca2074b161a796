"""Networks of S3VAE: posteriors over LSTMs, a prior that starts with N(0, I), a decoder that enlarges and convolves."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import torch
from torch import Tensor, nn

from stbench.models.parts.convolutions import Chain, Conv2d, ConvDecoder, ConvTranspose2d, Stage, conv3
from stbench.models.parts.gaussian import Gaussian, GaussianHead
from stbench.models.parts.lstm import LSTM, SequencePrior
from stbench.models.parts.normalisation import Steps


class StaticPosterior(nn.Module):
    """q(f | x_1..x_T): linear in [h_T, c_T] of an LSTM; features (batch, time, features) -> Gaussian (batch, size)."""

    def __init__(self, features: int, size: int, hidden: int) -> None:
        super().__init__()
        self.recurrent = LSTM(features, hidden, batch_first=True)
        self.head = GaussianHead(2 * hidden, size, spread="softplus")

    def forward(self, features: Tensor) -> Gaussian:
        h, c = self.recurrent(features)[1]
        found: Gaussian = self.head(torch.cat((h[0], c[0]), -1))
        return found


class DynamicPosterior(nn.Module):
    """q(z_t | x_1..x_t): linear in h_t of an LSTM; (batch, time, features) -> Gaussian (batch, time, size)."""

    def __init__(self, features: int, size: int, hidden: int) -> None:
        super().__init__()
        self.recurrent = LSTM(features, hidden, batch_first=True)
        self.head = GaussianHead(hidden, size, spread="softplus")

    def forward(self, features: Tensor) -> Gaussian:
        found: Gaussian = self.head(self.recurrent(features)[0])
        return found


class StandardStart(SequencePrior):
    """p(z_1) = N(0, I); from there a `SequencePrior` whose LSTM has seen z_1..z_{t-1} and no zero before them."""

    def __init__(self, size: int, hidden: int) -> None:
        super().__init__(size, hidden, spread="softplus")

    def before(self, codes: Tensor) -> Tensor:
        return codes

    def forward(self, codes: Tensor) -> Gaussian:
        start = torch.zeros_like(codes[:, :1])
        if codes.shape[1] == 1:
            return Gaussian(start, start)
        return Gaussian(*(torch.cat((start, each), 1) for each in super().forward(codes)))


class EnlargingDecoder(ConvDecoder):
    """1 -> 4 pixels by a transposed convolution, then four times twice as large and a 3x3 convolution: 64 pixels.

    Channels 8, 4, 2, 2, 1 times `width`, each with batch normalisation and ReLU, then 1x1 to the frame's, linear.
    """

    def __init__(self, frame_shape: Sequence[int], code_size: int, *, width: int) -> None:
        super().__init__(frame_shape, [64])
        channels = [width * factor for factor in (8, 4, 2, 2, 1)]
        self.first = Stage(ConvTranspose2d(code_size, channels[0], 4), slope=0.0)
        self.stages = nn.ModuleList(Stage(conv3(inner, outer), slope=0.0) for inner, outer in pairwise(channels))
        self.up, self.last = nn.Upsample(scale_factor=2), Chain(Conv2d(width, frame_shape[0], 1))

    def frame(self, x: Tensor, skips: tuple[Tensor, ...], steps: Steps) -> Tensor:
        x = self.first(x, steps)
        for stage in self.stages:
            x = stage(self.up(x), steps)
        frames: Tensor = self.last(x)
        return frames.float()
