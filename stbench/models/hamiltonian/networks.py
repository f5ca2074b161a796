"""The networks of the Hamiltonian model between frames' features and content and motion.

Frames to features and codes to frames: `stbench.models.parts.conv_dense`. Sizes are settings; those of the released
code are in the `paper` presets. Linear weights start orthogonal with gain sqrt 2, biases zero, as the encoder, decoder
and heads of the released code do; the recurrent layer and the causal convolutions start as PyTorch's, as there. The
layers of each frame are orthogonal here and PyTorch's there.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn
from torch.nn.utils.parametrizations import weight_norm

from stbench.errors import StbenchError

from ..parts.clip_posterior import ClipPosterior
from ..parts.conv_dense import SLOPE, dense_layer
from ..parts.gaussian import Gaussian
from ..parts.initial import orthogonal
from ..parts.precision import full

GAIN = math.sqrt(2)


class ContentNetwork(ClipPosterior):
    """q(z | x_1..x_T): features (batch, time, features) -> Gaussian (batch, content); two layers of content / 2 units a
    direction."""

    def __init__(self, features: int, content: int) -> None:
        if content < 2:
            raise StbenchError(f"the content of the Hamiltonian model has the size {content}: make it 2 or more")
        super().__init__(features, content, hidden=content // 2, layers=2)
        orthogonal(self, GAIN)


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
        self.per_frame = nn.Sequential(*dense_layer(features + actions, 2 * motion), *dense_layer(2 * motion, motion))
        self.history = CausalConvolutions(motion)
        heads = [nn.Linear(motion, motion) for _ in range(4)]
        self.position_mean, self.position_log_variance, self.momentum_mean, self.momentum_log_variance = heads
        for part in (self.per_frame, *heads):
            orthogonal(part, GAIN)

    def forward(self, features: Tensor, action: Tensor | None) -> tuple[Gaussian, Gaussian]:
        if action is not None:
            features = torch.cat((features, action.unsqueeze(1).expand(-1, features.shape[1], -1)), -1)
        motion = self.per_frame(features.flatten(0, 1)).unflatten(0, features.shape[:2])
        past = self.history(motion)
        return (
            Gaussian(full(self.position_mean(motion)), full(self.position_log_variance(motion))),
            Gaussian(full(self.momentum_mean(past)), full(self.momentum_log_variance(past))),
        )
