"""5x5 convolutions by the minimal filtering algorithm: a sixth of a direct one's multiplications.

    y = Aᵀ [ (G w Gᵀ) ∘ (Bᵀ d B) ] A          for tiles d of 8 x 8 pixels, of which y is 4 x 4

64 multiplications per 16 pixels in place of 400, and the sums over channels become 64 products of matrices. Of a weight
that is used many times, as in a recurrent network, G w Gᵀ is computed once.

Source: S. Winograd, Arithmetic Complexity of Computations, 1980; A. Lavin and S. Gray, CVPR 2016.
"""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction
from functools import cache
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

KERNEL = 5
TILE = 4
"""Pixels of a result along each axis."""
SIZE = TILE + KERNEL - 1
POINTS = (0, 1, -1, 2, -2, Fraction(1, 2), Fraction(-1, 2))
"""Where polynomials are evaluated, beside infinity."""
FEWEST_CHANNELS = 64
"""With fewer, moving tiles costs more than the multiplications saved."""


def tiled(layer: nn.Conv2d, like: Tensor) -> Callable[[Tensor], Tensor] | None:
    """The convolution of a layer, prepared for many maps of the kind of `like`; None where a direct one is better.

    It takes float32 on a processor, 5x5 kernels and 64 channels or more on both sides. Results differ from those of a
    direct convolution by rounding, 1e-5 of their size. Not in bfloat16: the tiles' sums of numbers of opposite sign
    would lose what is left of its eight bits.
    """
    wide = min(layer.in_channels, layer.out_channels) >= FEWEST_CHANNELS
    kind = like.device.type == "cpu" and like.dtype == torch.float32 and not torch.is_autocast_enabled("cpu")
    if wide and kind and layer.kernel_size == (KERNEL, KERNEL):
        return TiledConvolution(layer.weight, layer.bias)
    return None


class TiledConvolution:
    """W * x + b with zero padding that keeps the size of the map, (batch, inner, y, x) -> (batch, outer, y, x)."""

    def __init__(self, weight: Tensor, bias: Tensor | None) -> None:
        self.outer, self.inner = weight.shape[:2]
        _, kernel, _ = transforms(weight.dtype)
        flat = weight.permute(2, 3, 1, 0).reshape(KERNEL * KERNEL, -1)
        self.transformed = (kernel @ flat).view(SIZE * SIZE, self.inner, self.outer)
        self.bias = bias

    def __call__(self, x: Tensor) -> Tensor:
        batch, _, height, width = x.shape
        rows, columns = -(-height // TILE), -(-width // TILE)
        result, _, tile = transforms(x.dtype)
        x = F.pad(x, (0, columns * TILE - width, 0, rows * TILE - height))
        tiles: Tensor = _Tiles.apply(x, tile)  # type: ignore[no-untyped-call]
        products = torch.bmm(tiles, self.transformed).view(SIZE * SIZE, -1)
        y = (result @ products).view(TILE, TILE, batch, rows, columns, self.outer)
        y = y.permute(2, 5, 3, 0, 4, 1).reshape(batch, self.outer, rows * TILE, columns * TILE)
        y = y[:, :, :height, :width]
        return y if self.bias is None else y + self.bias[:, None, None]


class _Tiles(torch.autograd.Function):
    """Bᵀ d B of every tile: (batch, channels, y, x) -> (64, batch * tiles, channels)."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, transform: Tensor) -> Tensor:
        batch, channels = x.shape[:2]
        ctx.save_for_backward(transform)
        ctx.shape = x.shape
        tiles = F.unfold(x, SIZE, padding=KERNEL // 2, stride=TILE).view(batch, channels, SIZE * SIZE, -1)
        return (transform @ tiles.permute(2, 0, 3, 1).reshape(SIZE * SIZE, -1)).view(SIZE * SIZE, -1, channels)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> Any:
        (transform,) = ctx.saved_tensors
        batch, channels, height, width = ctx.shape
        tiles = (transform.t() @ gradients[0].reshape(SIZE * SIZE, -1)).view(SIZE * SIZE, batch, -1, channels)
        tiles = tiles.permute(1, 3, 0, 2).reshape(batch, channels * SIZE * SIZE, -1)
        return F.fold(tiles, (height, width), SIZE, padding=KERNEL // 2, stride=TILE), None


@cache
def transforms(dtype: torch.dtype) -> tuple[Tensor, Tensor, Tensor]:
    """Aᵀ ⊗ Aᵀ (16, 64), G ⊗ G (64, 25) and Bᵀ ⊗ Bᵀ (64, 64): tiles and kernels as vectors.

    Row p of A and G are the powers of a point, the last ones those of infinity; B is the inverse of such a matrix of
    full size, so that the product of two polynomials is found again from its values.
    """
    result, kernel = _powers(TILE), _powers(KERNEL)
    tile = np.array(_inverse(_powers(SIZE).tolist()), dtype=float).T

    def squared(matrix: np.ndarray) -> Tensor:
        return torch.from_numpy(np.kron(matrix, matrix)).to(dtype)

    return squared(result.astype(float).T), squared(kernel.astype(float)), squared(tile)


def _powers(number: int) -> np.ndarray:
    """(8, number) fractions: 1, p, p², ... of each point; of infinity the highest power alone."""
    finite = [[Fraction(point) ** k for k in range(number)] for point in POINTS]
    return np.array([*finite, [Fraction(k == number - 1) for k in range(number)]])


def _inverse(matrix: list[list[Fraction]]) -> list[list[Fraction]]:
    """Exact, by elimination: no rounding enters the constants but that of their last place."""
    size = len(matrix)
    rows = [[*row, *(Fraction(i == k) for k in range(size))] for i, row in enumerate(matrix)]
    for k in range(size):
        pivot = next(i for i in range(k, size) if rows[i][k])
        rows[k], rows[pivot] = rows[pivot], rows[k]
        rows[k] = [each / rows[k][k] for each in rows[k]]
        for i in range(size):
            if i != k and rows[i][k]:
                rows[i] = [a - rows[i][k] * b for a, b in zip(rows[i], rows[k], strict=True)]
    return [row[size:] for row in rows]
