"""Floating-point operations of what `torch.utils.flop_counter` has no rule for.

PyTorch counts matrix products and convolutions, which linear layers, recurrent cells and attention written out consist
of. The rules here are for the rest of what costs a multiplication by learned or moving numbers:

    vectors         matrix times vector and inner products: as matrix products
    recurrence      LSTM and GRU layers that a library does in one call: each weight once for every step and sample
    attention       scaled dot product in one call: two products of matrices; a causal mask halves nothing
    Fourier         5 n log2 n for each complex transform of n numbers, half of that for a real one (Cooley and Tukey)
    sampling        `grid_sample` and `interpolate`: a product and a sum for each of the neighbours an output is made of
    exponential     5 products of matrices, as `torch.linalg.matrix_exp` does before it begins to square

As there, an operation is a multiplication or an addition: two of them are one multiply-accumulate. What works number by
number (activations, norms, gates, pooling), decompositions and solvers of linear systems count nothing.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import torch
from torch.utils.flop_counter import sdpa_flop_count

Shape = Sequence[int]
aten = torch.ops.aten

LINEAR = {1: 2, 2: 4, 3: 8}
"""Neighbours of an output in so many dimensions."""
CUBIC = 4 * 4 + 4
"""Four rows of four, then a column of four."""


def _matrix_vector(matrix: Shape, vector: Shape, *rest: Any, **options: Any) -> int:
    return 2 * math.prod(matrix)


def _added_matrix_vector(added: Shape, matrix: Shape, vector: Shape, *rest: Any, **options: Any) -> int:
    return 2 * math.prod(matrix)


def _recurrent_layer(frames: Shape, inner: Shape, recurrent: Shape, *rest: Any, **options: Any) -> int:
    return 2 * math.prod(frames[:-1]) * (math.prod(inner) + math.prod(recurrent))


def _recurrent_network(frames: Shape, weights: Sequence[Shape], *rest: Any, **options: Any) -> int:
    return 2 * math.prod(frames[:-1]) * sum(math.prod(each) for each in weights if len(each) > 1)


def _attention(query: Shape, key: Shape, value: Shape, *rest: Any, **options: Any) -> int:
    return int(sdpa_flop_count(query, key, value))  # type: ignore[no-untyped-call]


def _transform(numbers: Shape, axes: Sequence[int], factor: float) -> int:
    length = math.prod(numbers[axis] for axis in axes)
    return round(factor * math.prod(numbers) * math.log2(length)) if length > 1 else 0


def _fourier(numbers: Shape, axes: Sequence[int], *rest: Any, **options: Any) -> int:
    return _transform(numbers, axes, 5.0)


def _fourier_of_real(numbers: Shape, axes: Sequence[int], *rest: Any, **options: Any) -> int:
    return _transform(numbers, axes, 2.5)


def _fourier_to_real(numbers: Shape, axes: Sequence[int], *rest: Any, out_shape: Shape, **options: Any) -> int:
    return _transform(out_shape, axes, 2.5)


def _grid_sample(frames: Shape, grid: Shape, mode: int, *rest: Any, out_shape: Shape, **options: Any) -> int:
    """`mode`: 0 linear, 1 nearest, 2 cubic."""
    neighbours = {0: LINEAR[len(frames) - 2], 1: 0, 2: CUBIC}[mode]
    return 2 * neighbours * math.prod(out_shape)


def _interpolation(neighbours: int) -> Callable[..., int]:
    def count(*given: Any, out_shape: Shape, **options: Any) -> int:
        return 2 * neighbours * math.prod(out_shape)

    return count


def _exponential(matrices: Shape, **options: Any) -> int:
    return 5 * 2 * math.prod(matrices) * matrices[-1]


RULES: Mapping[Any, Callable[..., int]] = {
    aten.mv: _matrix_vector,
    aten.dot: _matrix_vector,
    aten.vdot: _matrix_vector,
    aten.addmv: _added_matrix_vector,
    aten.mkldnn_rnn_layer: _recurrent_layer,
    aten._cudnn_rnn: _recurrent_network,
    aten._scaled_dot_product_flash_attention_for_cpu: _attention,
    aten._fft_c2c: _fourier,
    aten._fft_r2c: _fourier_of_real,
    aten._fft_c2r: _fourier_to_real,
    aten.grid_sampler_2d: _grid_sample,
    aten.grid_sampler_3d: _grid_sample,
    aten.upsample_linear1d: _interpolation(LINEAR[1]),
    aten.upsample_bilinear2d: _interpolation(LINEAR[2]),
    aten.upsample_trilinear3d: _interpolation(LINEAR[3]),
    aten.upsample_bicubic2d: _interpolation(CUBIC),
    aten.linalg_matrix_exp: _exponential,
}
"""Operation of PyTorch -> its operations, from the shapes of its arguments and, `out_shape`, of its result."""
