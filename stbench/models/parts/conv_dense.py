"""Encoder and decoder of 5 x 5 convolutions and two dense layers: HALO's, and those of a public DSVAE before it.

Linear and convolutional weights start orthogonal with gain sqrt 2, biases zero.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

from torch import Tensor, nn

from stbench.contract.settings import Size

from .components import choose
from .initial import orthogonal

SLOPE = 0.2


def dense_layer(inner: int, outer: int, norm: bool = True) -> list[nn.Module]:
    """W x + b, batch normalisation if `norm`, LeakyReLU 0.2."""
    return [nn.Linear(inner, outer), *([nn.BatchNorm1d(outer)] if norm else []), nn.LeakyReLU(SLOPE)]


class FrameEncoder(nn.Module):
    """(batch, channel, side, side) -> (batch, features): five 5 x 5 convolutions, three of stride 2, two dense layers.

    Every layer is followed by batch normalisation and LeakyReLU 0.2; the side must be a multiple of 8. `dense`: units
    of the first dense layer. `last` False: the fifth convolution is left out (DSVAE).
    """

    def __init__(
        self, frame_shape: Sequence[int], last: bool = True, *, width: Size, dense: Size, features: Size
    ) -> None:
        super().__init__()
        channels, side = frame_shape[0], frame_shape[1]
        layers: list[nn.Module] = []
        for inner, stride in ((channels, 1), (width, 2), (width, 2), (width, 2), (width, 1))[: 4 + last]:
            layers += [nn.Conv2d(inner, width, 5, stride, 2), nn.BatchNorm2d(width), nn.LeakyReLU(SLOPE)]
        layers += [nn.Flatten(), *dense_layer(width * (side // 8) ** 2, dense), *dense_layer(dense, features)]
        self.layers = nn.Sequential(*layers)
        orthogonal(self, math.sqrt(2))

    def forward(self, frames: Tensor) -> Tensor:
        features: Tensor = self.layers(frames)
        return features


class FrameDecoder(nn.Module):
    """(batch, code) -> (batch, channel, side, side) in (-1, 1): the encoder mirrored, ending in a tanh.

    `output`: what stands before the tanh, "normalised" (batch normalisation, as released) or "plain" (nothing). The
    first one starts with frames of unit variance and takes thousands of steps to leave them. `dense_norm` False: no
    batch normalisation in the dense layers (DSVAE).
    """

    def __init__(
        self, frame_shape: Sequence[int], code: int, dense_norm: bool = True, *, width: Size, dense: Size, output: str
    ) -> None:
        super().__init__()
        channels, side = frame_shape[0], frame_shape[1] // 8
        layers = [*dense_layer(code, dense, dense_norm), *dense_layer(dense, width * side**2, dense_norm)]
        layers += [nn.Unflatten(1, (width, side, side))]
        for _ in range(3):
            layers += [nn.ConvTranspose2d(width, width, 5, 2, 2, 1), nn.BatchNorm2d(width), nn.LeakyReLU(SLOPE)]
        last = choose("output", {"normalised": nn.BatchNorm2d(channels), "plain": nn.Identity()}, output)
        layers += [nn.ConvTranspose2d(width, channels, 5, 1, 2), last, nn.Tanh()]
        self.layers = nn.Sequential(*layers)
        orthogonal(self, math.sqrt(2))

    def forward(self, code: Tensor) -> Tensor:
        frames: Tensor = self.layers(code)
        return frames
