"""What the convolutional encoders and decoders are built from: stages, chains of stages, and the fold of time."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from stbench.errors import StbenchError

from .normalisation import ONE, StepNorm, Steps

SLOPE = 0.2
"""Of every LeakyReLU in DCGAN, VGG and SST parts."""
FRAMES_AT_ONCE = 1024
"""Frames decoded together when no gradient is needed: bounds the memory of a long forecast."""


class Code(NamedTuple):
    """What an encoder says of a window: `code` (batch, size) or (batch, size, y, x), and feature maps for the
    decoder."""

    code: Tensor
    skips: tuple[Tensor, ...] = ()


class Stage(nn.Module):
    """act(norm(convolution(x))); batch normalisation with its scale and shift, or none, LeakyReLU of `slope`.

    `slope` 1 leaves the activation out, 0 is ReLU.
    """

    def __init__(self, convolution: nn.Conv2d | nn.ConvTranspose2d, slope: float = SLOPE, norm: bool = True) -> None:
        super().__init__()
        self.convolution, self.slope = convolution, slope
        self.norm = StepNorm(convolution.out_channels, slope) if norm else None

    def forward(self, x: Tensor, steps: Steps = ONE, skip: Tensor | None = None) -> Tensor:
        """(number * batch, in, y, x); `skip` (batch, further channels, y, x), the same at every step, is joined."""
        if self.norm is not None and self.training:
            # Normalisation takes the bias away again, and its gradient is zero.
            bare: Tensor = self.norm(convolve(self.convolution, x, skip), steps, self.convolution.bias)
            return bare
        y: Tensor = self.convolution(x) if skip is None else self.convolution(x, skip)
        if self.norm is not None:
            normed: Tensor = self.norm(y)
            return normed
        return y if self.slope == 1 else F.leaky_relu(y, self.slope)


def convolve(layer: nn.Conv2d | nn.ConvTranspose2d, x: Tensor, skip: Tensor | None = None) -> Tensor:
    """The convolution of a layer without its bias, of x and of maps that are the same at each time step.

    W * [x, s] = W_x * x + W_s * s: the second part is computed once a sequence and added to every step.
    """
    weight, stride, padding = layer.weight, layer.stride, layer.padding
    if isinstance(layer, nn.ConvTranspose2d):
        if x.shape[2:] != (1, 1) or padding != (0, 0):
            return F.conv_transpose2d(x, weight, None, stride, padding)  # type: ignore[arg-type]
        # Of a single pixel: a matrix product, written so that the result is in the fast layout.
        y = x.flatten(1) @ weight.permute(0, 2, 3, 1).flatten(1)
        return y.view(len(y), *layer.kernel_size, -1).permute(0, 3, 1, 2)
    if skip is None:
        return F.conv2d(x, weight, None, stride, padding)
    own = x.shape[1]
    y = F.conv2d(x, weight[:, :own], None, stride, padding)
    constant = F.conv2d(skip.to(x.dtype), weight[:, own:], None, stride, padding)
    return (y.reshape(-1, *constant.shape) + constant).flatten(0, 1)


def _with_bias(layer: nn.Conv2d | nn.ConvTranspose2d, y: Tensor) -> Tensor:
    """Added apart from the convolution, whose gradient kernel for a bias costs as much as that for the weights."""
    return y if layer.bias is None else y + layer.bias[:, None, None].to(y.dtype)


class Conv2d(nn.Conv2d):
    """`nn.Conv2d` that may take skip maps."""

    def forward(self, x: Tensor, skip: Tensor | None = None) -> Tensor:
        return _with_bias(self, convolve(self, x, skip))


class ConvTranspose2d(nn.ConvTranspose2d):
    """`nn.ConvTranspose2d` with the bias added apart."""

    def forward(self, x: Tensor) -> Tensor:  # type: ignore[override]
        return _with_bias(self, convolve(self, x))


def conv3(inner: int, outer: int, skip: int = 0) -> nn.Conv2d:
    """3x3, padding 1; with `skip` further input channels that do not change with time."""
    return Conv2d(inner + skip, outer, 3, padding=1)


class Chain(nn.Sequential):
    """Stages, and layers without batch statistics, one after another; the first one may take skip maps."""

    def forward(self, x: Tensor, steps: Steps = ONE, skip: Tensor | None = None) -> Tensor:
        for layer in self:
            x = layer(x, steps, skip) if isinstance(layer, (Stage, Chain)) else layer(x)
            skip = None
        return x


class ConvEncoder(nn.Module):
    """Windows of frames to codes: the frames of a window are stacked on the channel axis (appendix E.2.2).

    A part defines `features(x, steps) -> (code, feature maps)` on (number * batch, n_frames * channels, y, x). The
    code is float32 whatever autocast does inside.
    """

    def __init__(self, frame_shape: Sequence[int], n_frames: int, sizes: Sequence[int]) -> None:
        super().__init__()
        _check_size(type(self).__name__, frame_shape, sizes)
        self.channels = n_frames * frame_shape[0]

    def features(self, x: Tensor, steps: Steps) -> tuple[Tensor, tuple[Tensor, ...]]:
        raise NotImplementedError

    def encode(self, windows: Sequence[Tensor], earliest: int = 0) -> list[Code]:
        """Codes of several windows (batch, n_frames, *frame) in one call.

        Batch statistics are those of one window at a time; the running ones take `windows[earliest]` first.
        """
        number = len(windows)
        folded = torch.cat([window.flatten(1, 2) for window in windows])
        code, skips = self.features(_channels_last(folded), Steps(number, earliest))
        parts = [each.chunk(number) for each in (code.float(), *skips)]
        return [Code(each[0], tuple(each[1:])) for each in zip(*parts, strict=True)]

    def forward(self, window: Tensor) -> Tensor:
        return self.encode([window])[0].code


class ConvDecoder(nn.Module):
    """Codes of all time steps to frames; a part defines `frame(x, skips, steps)` on (number * batch, ...)."""

    def __init__(self, frame_shape: Sequence[int], sizes: Sequence[int]) -> None:
        super().__init__()
        _check_size(type(self).__name__, frame_shape, sizes)

    def frame(self, x: Tensor, skips: tuple[Tensor, ...], steps: Steps) -> Tensor:
        raise NotImplementedError

    def decode(self, codes: Tensor, skips: tuple[Tensor, ...], steps: Steps) -> Tensor:
        """(batch, time, *code) and maps (batch, channels, y, x), the same at every step -> (batch, time, *frame).

        `steps.number` is the number of time steps where each has its own batch statistics, 1 where all share them.
        """
        batch, time = codes.shape[:2]
        if torch.is_grad_enabled() or self.training:
            return self._decode(codes, skips, steps)
        at_once = max(1, FRAMES_AT_ONCE // batch)
        return torch.cat([self._decode(codes[:, k : k + at_once], skips, ONE) for k in range(0, time, at_once)], 1)

    def _decode(self, codes: Tensor, skips: tuple[Tensor, ...], steps: Steps) -> Tensor:
        batch, time = codes.shape[:2]
        x = codes.transpose(0, 1).flatten(0, 1)
        x = _channels_last(x) if x.dim() == 4 else x[..., None, None]
        frames = self.frame(x, skips, steps)
        return frames.reshape(time, batch, *frames.shape[1:]).transpose(0, 1)


def _channels_last(x: Tensor) -> Tensor:
    """The layout in which convolutions and batch statistics run fastest; it is passed on from layer to layer."""
    return x.contiguous(memory_format=torch.channels_last)


def _check_size(part: str, frame_shape: Sequence[int], sizes: Sequence[int]) -> None:
    if len(frame_shape) != 3 or tuple(frame_shape[1:]) not in [(size, size) for size in sizes]:
        wanted = " or ".join(f"{size} x {size}" for size in sizes)
        raise StbenchError(
            f"{part} works on images of {wanted} pixels, but a frame here has the shape {tuple(frame_shape)}: "
            "choose another encoder and decoder in the preset"
        )
