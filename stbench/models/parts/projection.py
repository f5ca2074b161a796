"""The convolutions of recurrent cells: one per operand, all its gates stacked, with its normalisation."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from stbench.errors import StbenchError

from .components import choose
from .precision import full
from .tiles import tiled

NORMS = ("none", "channel", "element")
EPSILON = 1e-5


class MapNorm(nn.Module):
    """y = γ (x - m) / sqrt(v + 1e-5) + β, m and biased variance v of one sample over all of its numbers.

    γ and β are one number per channel ("channel", the "tensor layer norm" of the TensorFlow releases) or one per number
    of the map ("element", PyTorch's layer norm, as in later ports). `shape`: of a sample, (..., channel, y, x).
    """

    def __init__(self, shape: tuple[int, ...], kind: str) -> None:
        super().__init__()
        affine = shape if kind == "element" else (shape[-3], 1, 1)
        self.weight, self.bias = nn.Parameter(torch.ones(affine)), nn.Parameter(torch.zeros(affine))

    def forward(self, x: Tensor) -> Tensor:
        normal = F.layer_norm(full(x), x.shape[1:], eps=EPSILON)
        return normal * self.weight + self.bias


def normalisation(kind: str, shape: tuple[int, ...]) -> nn.Module:
    """`MapNorm`, or nothing for "none"; `StbenchError` with the nearest name for an unknown kind."""
    choose("norm", dict.fromkeys(NORMS), kind)
    return nn.Identity() if kind == "none" else MapNorm(shape, kind)


def _library(layer: nn.Conv2d) -> None:
    """U(±1 / sqrt(inner k²)), weights and biases: PyTorch's default."""


def _small(layer: nn.Conv2d) -> None:
    """U(±0.001)."""
    nn.init.uniform_(layer.weight, -1e-3, 1e-3)


def _widths(layer: nn.Conv2d) -> None:
    """U(±sqrt(6 / (inner + outer))): of the channels alone, whatever the kernel, as MIM's release has it."""
    bound = (6.0 / (layer.in_channels + layer.out_channels)) ** 0.5
    nn.init.uniform_(layer.weight, -bound, bound)


def _glorot(layer: nn.Conv2d) -> None:
    """U(±sqrt(6 / (k² (inner + outer)))): TensorFlow's default."""
    nn.init.xavier_uniform_(layer.weight)


INITIAL: dict[str, Callable[[nn.Conv2d], None]] = {
    "library": _library,
    "small": _small,
    "widths": _widths,
    "glorot": _glorot,
}
"""How weights start; biases start at 0 with all but the first."""


class Projection(nn.Module):
    """norm(W * x + b), * a convolution with zero padding that keeps the size of the map.

    (batch, inner, y, x) -> (batch, outer, y, x). `init`: a name of `INITIAL`.
    """

    def __init__(
        self,
        inner: int,
        outer: int,
        kernel: int,
        map_shape: tuple[int, int],
        *,
        norm: str = "none",
        bias: bool = False,
        init: str = "library",
    ) -> None:
        super().__init__()
        if kernel % 2 == 0:
            raise StbenchError(f"the kernel of a recurrent cell is {kernel}; it must be odd to keep the size of maps")
        self.convolution = nn.Conv2d(inner, outer, kernel, padding=kernel // 2, bias=bias)
        choose("init", INITIAL, init)(self.convolution)
        if bias and init != "library":
            nn.init.zeros_(self.convolution.bias)  # type: ignore[arg-type]
        self.norm = normalisation(norm, (outer, *map_shape))
        self._tiled: Callable[[Tensor], Tensor] | None = None

    def forward(self, x: Tensor) -> Tensor:
        convolve = self._tiled or self.convolution
        return full(self.norm(convolve(x)))

    def frames(self, x: Tensor) -> list[Tensor]:
        """Of each time step of x (batch, steps, inner, y, x), in one call."""
        projected: Tensor = self(x.flatten(0, 1))
        return list(projected.reshape(*x.shape[:2], *projected.shape[1:]).unbind(1))


@contextmanager
def prepared(module: nn.Module, like: Tensor) -> Iterator[None]:
    """Within, every `Projection` of the module has what it needs of its weights once for many steps, where the maps of
    `like` make that pay (`tiles.tiled`)."""
    projections = [each for each in module.modules() if isinstance(each, Projection)]
    try:
        for each in projections:
            each._tiled = tiled(each.convolution, like)
        yield
    finally:
        for each in projections:
            each._tiled = None
