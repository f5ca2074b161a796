"""The convolutional encoders and decoders around the two branches of PhyDNet."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

from torch import nn

SLOPE = 0.2


def _after(channels: int, width: int) -> list[nn.Module]:
    """What follows a convolution in networks of latent width `width`.

    The release has 16 groups at width 64, two channels of the outer layers to a group. A narrower network keeps that:
    with one channel to a group, normalisation would take the level of every map away, and with it how warm or busy a
    frame is.
    """
    return [nn.GroupNorm(width // 4, channels), nn.LeakyReLU(SLOPE, inplace=True)]


def _up(inner: int, outer: int, stride: int) -> nn.Module:
    """The mirror of a 3x3 convolution: `stride` times as many rows and columns."""
    return nn.ConvTranspose2d(inner, outer, 3, stride, padding=1, output_padding=stride - 1)


def frame_encoder(channels: int, width: int, strides: Sequence[int]) -> nn.Sequential:
    """3x3 convolutions channels -> width/2 -> width/2 -> width, each with GroupNorm and LeakyReLU."""
    layers: list[nn.Module] = []
    for (inner, outer), stride in zip(pairwise((channels, width // 2, width // 2, width)), strides, strict=True):
        layers += [nn.Conv2d(inner, outer, 3, stride, padding=1), *_after(outer, width)]
    return nn.Sequential(*layers)


def frame_decoder(channels: int, width: int, strides: Sequence[int]) -> nn.Sequential:
    """The mirror of `frame_encoder`; nothing after the last layer."""
    inner = width // 2
    return nn.Sequential(
        _up(width, inner, strides[2]),
        *_after(inner, width),
        _up(inner, inner, strides[1]),
        *_after(inner, width),
        _up(inner, channels, strides[0]),
    )


def branch_encoder(width: int) -> nn.Sequential:
    """Two 3x3 convolutions that keep the width."""
    layers: list[nn.Module] = []
    for _ in range(2):
        layers += [nn.Conv2d(width, width, 3, padding=1), *_after(width, width)]
    return nn.Sequential(*layers)


def branch_decoder(width: int) -> nn.Sequential:
    """The mirror of `branch_encoder`."""
    layers: list[nn.Module] = []
    for _ in range(2):
        layers += [_up(width, width, 1), *_after(width, width)]
    return nn.Sequential(*layers)
