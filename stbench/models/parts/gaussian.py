"""Diagonal Gaussians: draws, density, and divergence in closed form; and the two ways their numbers are summed up."""

from __future__ import annotations

import math
from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from stbench.devices import moved

from .components import choose
from .precision import full


class Gaussian(NamedTuple):
    """N(m, diag v): mean m and logarithm of the variance log v, of one shape."""

    mean: Tensor
    log_variance: Tensor

    def sample(self, generator: torch.Generator) -> Tensor:
        """m + sqrt(v) * noise, noise ~ N(0, I) drawn on the CPU: gradients reach m and v."""
        noise = moved(torch.randn(self.mean.shape, generator=generator), self.mean.device).to(self.mean.dtype)
        return self.mean + torch.exp(0.5 * self.log_variance) * noise

    def divergence(self, prior: Gaussian | None = None) -> Tensor:
        """KL(N(m, v) || N(m', v')) = (log v' - log v + (v + (m - m')²) / v' - 1) / 2, element by element.

        Without a `prior`: from N(0, 1), (m² + v - log v - 1) / 2. Sum it up with `per_clip` or `per_element`.
        """
        if prior is None:
            return 0.5 * (self.mean.square() + self.log_variance.exp() - self.log_variance - 1)
        ratio = self.log_variance - prior.log_variance
        distance = (self.mean - prior.mean).square() * torch.exp(-prior.log_variance)
        return 0.5 * (ratio.exp() + distance - ratio - 1)

    def log_density(self, value: Tensor) -> Tensor:
        """log N(x; m, v) = -(log 2π + log v + (x - m)² / v) / 2, element by element."""
        distance = (value - self.mean).square() * torch.exp(-self.log_variance)
        return -0.5 * (math.log(2 * math.pi) + self.log_variance + distance)


def per_clip(values: Tensor) -> Tensor:
    """Sum over all axes but the batch, then the mean over the batch: a bound in nats a clip, with errors summed over
    pixels (DSVAE, HALO, DDPAE; the divergence of SVG)."""
    return values.flatten(1).sum(1).mean()


def per_element(values: Tensor) -> Tensor:
    """Mean over all axes: a bound whose weights do not change with the size of a code, with errors averaged over
    pixels."""
    return values.mean()


def _log_variance(raw: Tensor) -> Tensor:
    return raw


def _softplus(raw: Tensor) -> Tensor:
    # log softplus(r) is r itself far below 0, where softplus rounds to 0; the clamp keeps 0 / 0 out of the gradient.
    return 2 * torch.where(raw < -20, raw, F.softplus(raw.clamp(min=-20)).log())


SPREADS = {"log_variance": _log_variance, "softplus": _softplus}
"""What the second linear map of a head gives: log v, or r with sqrt v = softplus(r) = log(1 + exp r)."""


class GaussianHead(nn.Module):
    """m = W_m h + b_m and r = W_r h + b_r of features h, (..., features) -> Gaussian (..., size), float32.

    `spread`: how r gives v, a name of `SPREADS`.
    """

    def __init__(self, features: int, size: int, *, spread: str = "log_variance") -> None:
        super().__init__()
        self.mean, self.spread = nn.Linear(features, size), nn.Linear(features, size)
        self.to_log_variance = choose("spread", SPREADS, spread)

    def forward(self, features: Tensor) -> Gaussian:
        return Gaussian(full(self.mean(features)), self.to_log_variance(full(self.spread(features))))
