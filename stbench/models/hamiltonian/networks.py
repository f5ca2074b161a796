"""The networks of the Hamiltonian model: frames to features, features to content and motion, codes to frames.

Sizes are settings; those of the released code are in the `paper` presets. Linear and convolutional weights start
orthogonal with gain sqrt 2, biases zero (released code).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn.utils.parametrizations import weight_norm

from stbench.devices import moved

from ..parts.components import choose

SLOPE = 0.2


class Gaussian(NamedTuple):
    """A diagonal Gaussian: mean and logarithm of the variance, of one shape."""

    mean: Tensor
    log_variance: Tensor

    def sample(self, generator: torch.Generator) -> Tensor:
        """mean + exp(log_variance / 2) * noise, noise ~ N(0, I) drawn on the CPU."""
        noise = moved(torch.randn(self.mean.shape, generator=generator), self.mean.device).to(self.mean.dtype)
        return self.mean + torch.exp(0.5 * self.log_variance) * noise

    def divergence(self) -> Tensor:
        """KL(N(m, v) || N(0, 1)) = (m^2 + v - log v - 1)/2, element by element."""
        return 0.5 * (self.mean.square() + self.log_variance.exp() - self.log_variance - 1)


def full_precision(values: Tensor) -> Tensor:
    """In float32 at least: what autocast made bfloat16 goes no further."""
    return values.float() if values.dtype in (torch.bfloat16, torch.float16) else values


def initialise(part: nn.Module) -> None:
    """Orthogonal weights with gain sqrt 2 and zero biases for every linear and convolutional layer of `part`."""
    for layer in part.modules():
        if isinstance(layer, (nn.Linear, nn.Conv2d, nn.ConvTranspose2d)):
            nn.init.orthogonal_(layer.weight, math.sqrt(2))
            if layer.bias is not None:
                nn.init.zeros_(layer.bias)


def _dense(inner: int, outer: int) -> list[nn.Module]:
    return [nn.Linear(inner, outer), nn.BatchNorm1d(outer), nn.LeakyReLU(SLOPE)]


class FrameEncoder(nn.Module):
    """(batch, channel, side, side) -> (batch, features): five 5 x 5 convolutions, three of stride 2, two dense layers.

    Every layer is followed by batch normalisation and LeakyReLU 0.2; the side must be a multiple of 8.
    """

    def __init__(self, frame_shape: Sequence[int], *, width: int, dense: int, features: int) -> None:
        super().__init__()
        channels, side = frame_shape[0], frame_shape[1]
        layers: list[nn.Module] = []
        for inner, stride in ((channels, 1), (width, 2), (width, 2), (width, 2), (width, 1)):
            layers += [nn.Conv2d(inner, width, 5, stride, 2), nn.BatchNorm2d(width), nn.LeakyReLU(SLOPE)]
        layers += [nn.Flatten(), *_dense(width * (side // 8) ** 2, dense), *_dense(dense, features)]
        self.layers = nn.Sequential(*layers)
        initialise(self)

    def forward(self, frames: Tensor) -> Tensor:
        features: Tensor = self.layers(frames)
        return features


class FrameDecoder(nn.Module):
    """(batch, code) -> (batch, channel, side, side) in (-1, 1): the encoder mirrored, ending in a tanh.

    `output`: what stands before the tanh, "normalised" (batch normalisation, as released) or "plain" (nothing). The
    first one starts with frames of unit variance and takes thousands of steps to leave them.
    """

    def __init__(self, frame_shape: Sequence[int], code: int, *, width: int, dense: int, output: str) -> None:
        super().__init__()
        channels, side = frame_shape[0], frame_shape[1] // 8
        layers: list[nn.Module] = [*_dense(code, dense), *_dense(dense, width * side**2)]
        layers += [nn.Unflatten(1, (width, side, side))]
        for _ in range(3):
            layers += [nn.ConvTranspose2d(width, width, 5, 2, 2, 1), nn.BatchNorm2d(width), nn.LeakyReLU(SLOPE)]
        last = choose("output", {"normalised": nn.BatchNorm2d(channels), "plain": nn.Identity()}, output)
        layers += [nn.ConvTranspose2d(width, channels, 5, 1, 2), last, nn.Tanh()]
        self.layers = nn.Sequential(*layers)
        initialise(self)

    def forward(self, code: Tensor) -> Tensor:
        frames: Tensor = self.layers(code)
        return frames


class ContentNetwork(nn.Module):
    """q(z | x_1..x_T): features (batch, time, features) -> Gaussian (batch, content), by a bidirectional LSTM.

    Two layers; the code is the forward state after the last frame beside the backward state after the first one.
    """

    def __init__(self, features: int, content: int) -> None:
        super().__init__()
        self.recurrent = nn.LSTM(features, content // 2, num_layers=2, batch_first=True, bidirectional=True)
        self.mean, self.log_variance = nn.Linear(content, content), nn.Linear(content, content)
        initialise(self)

    def forward(self, features: Tensor) -> Gaussian:
        output, _ = self.recurrent(features)
        forward, backward = output.chunk(2, -1)
        code = torch.cat((forward[:, -1], backward[:, 0]), -1)
        return Gaussian(full_precision(self.mean(code)), full_precision(self.log_variance(code)))


class CausalConvolutions(nn.Module):
    """y = lrelu(x + f(x)), f two causal convolutions of 4 frames: y_t sees x_{t-6}, ..., x_t, zeros before the clip.

    Weight normalisation, LeakyReLU 0.2; (batch, time, size) -> (batch, time, size). The window w = 7 of Eq. 12.
    """

    KERNEL = 4

    def __init__(self, size: int) -> None:
        super().__init__()
        self.first = weight_norm(nn.Conv1d(size, size, self.KERNEL))
        self.second = weight_norm(nn.Conv1d(size, size, self.KERNEL))
        self.activation = nn.LeakyReLU(SLOPE)

    @property
    def window(self) -> int:
        """Frames a momentum depends on, its own included."""
        return 2 * (self.KERNEL - 1) + 1

    def forward(self, motion: Tensor) -> Tensor:
        inputs = motion.transpose(1, 2)
        outputs = inputs
        for layer in (self.first, self.second):
            outputs = self.activation(layer(nn.functional.pad(outputs, (self.KERNEL - 1, 0))))
        result: Tensor = self.activation(inputs + outputs).transpose(1, 2)
        return result


class MotionNetwork(nn.Module):
    """q(q_t | x_t, u) and q(p_t | x_{t-6}..x_t, u) for every frame: two Gaussians (batch, time, motion).

    `action` (batch, actions) one-hot is joined to every frame's features where the model is conditioned on it.
    """

    def __init__(self, features: int, actions: int, motion: int) -> None:
        super().__init__()
        self.per_frame = nn.Sequential(*_dense(features + actions, 2 * motion), *_dense(2 * motion, motion))
        self.history = CausalConvolutions(motion)
        heads = [nn.Linear(motion, motion) for _ in range(4)]
        self.position_mean, self.position_log_variance, self.momentum_mean, self.momentum_log_variance = heads
        for part in (self.per_frame, *heads):
            initialise(part)

    def forward(self, features: Tensor, action: Tensor | None) -> tuple[Gaussian, Gaussian]:
        if action is not None:
            features = torch.cat((features, action.unsqueeze(1).expand(-1, features.shape[1], -1)), -1)
        motion = self.per_frame(features.flatten(0, 1)).unflatten(0, features.shape[:2])
        past = self.history(motion)
        return (
            Gaussian(full_precision(self.position_mean(motion)), full_precision(self.position_log_variance(motion))),
            Gaussian(full_precision(self.momentum_mean(past)), full_precision(self.momentum_log_variance(past))),
        )
