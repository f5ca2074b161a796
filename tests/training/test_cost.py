"""Multiply-accumulates against sums written by hand."""

from __future__ import annotations

import math

import pytest
import torch
from torch import nn
from torch.nn import functional as F

from stbench.training.cost import count_macs

N, H = 6, 10
"""Numbers of a frame; units."""


class Asks(nn.Module):
    """A model that is one call on its conditioning frames."""

    def __init__(self, call, **parts):
        super().__init__()
        self.parts = nn.ModuleDict(parts)
        self.weight = nn.Parameter(torch.zeros(1))
        self.call = call

    def forward(self, conditioning, horizon):
        return self.call(conditioning, **self.parts)


def macs(call, shape, **parts):
    return count_macs(Asks(call, **parts), shape, 1)


def test_a_linear_layer_is_its_matrix_for_every_row():
    assert macs(lambda x, layer: layer(x), (5, N), layer=nn.Linear(N, H)) == 5 * N * H


def test_a_parameter_used_outside_a_layer_counts_too():
    """As matrix, as vector, in an einsum: no module is called."""
    matrix = torch.randn(N, H)
    assert macs(lambda x: x[0] @ matrix, (5, N)) == 5 * N * H
    assert macs(lambda x: matrix.t() @ x[0, 0], (5, N)) == N * H
    assert macs(lambda x: torch.einsum("btn,nh->bth", x, matrix), (5, N)) == 5 * N * H
    assert macs(lambda x: x[0, 0] @ x[0, 1], (5, N)) == N
    assert (
        macs(lambda x: torch.vdot(torch.complex(x[0, 0], x[0, 0]), torch.complex(x[0, 1], x[0, 1])).real, (5, N)) == N
    )
    assert macs(lambda x: torch.addmv(matrix[0], matrix.t(), x[0, 0]), (5, N)) == N * H


@pytest.mark.parametrize("groups", [1, 2])
def test_a_convolution_is_its_taps_for_every_output(groups):
    layer = nn.Conv2d(4, 6, (3, 5), stride=2, padding=1, groups=groups)
    height, width = layer(torch.zeros(1, 4, 8, 9)).shape[2:]
    expected = 6 * height * width * (4 // groups) * 15
    assert macs(lambda x, layer: layer(x[:, 0]), (1, 4, 8, 9), layer=layer) == expected


@pytest.mark.parametrize("groups", [1, 2])
def test_a_transposed_convolution_is_its_taps_for_every_input(groups):
    layer = nn.ConvTranspose2d(4, 6, 4, stride=2, padding=1, groups=groups)
    expected = 4 * 7 * 9 * (6 // groups) * 16
    assert macs(lambda x, layer: layer(x[:, 0]), (1, 4, 7, 9), layer=layer) == expected


@pytest.mark.parametrize(("layer", "gates"), [(nn.LSTM, 4), (nn.GRU, 3), (nn.RNN, 1)])
@pytest.mark.parametrize("both", [False, True])
def test_a_recurrent_layer_is_its_gates_at_every_step(layer, gates, both):
    network = layer(N, H, num_layers=2, batch_first=True, bidirectional=both)
    directions = 1 + both
    step = gates * H * ((N + H) + (directions * H + H)) * directions
    assert macs(lambda x, layer: layer(x)[0], (7, N), layer=network) == 7 * step


@pytest.mark.skipif(
    not torch.cuda.is_available(), reason="no GPU here, and it is cuDNN that does all layers in one call"
)
def test_a_recurrent_network_of_cudnn_is_counted_as_its_layers_are():
    network = nn.LSTM(N, H, num_layers=2, batch_first=True)
    model = Asks(lambda x, layer: layer(x)[0], layer=network)
    on_cpu = count_macs(model, (7, N), 1)
    assert count_macs(model.cuda(), (7, N), 1) == on_cpu


@pytest.mark.parametrize(("cell", "gates"), [(nn.LSTMCell, 4), (nn.GRUCell, 3)])
def test_a_cell_is_its_gates(cell, gates):
    assert macs(lambda x, layer: layer(x[:, 0]), (1, N), layer=cell(N, H)) == gates * H * (N + H)


def test_a_complex_fourier_transform_is_five_halves_n_log_n():
    """5 n log2 n real operations (Cooley and Tukey), two of which are a multiply-accumulate."""
    found = macs(lambda x: torch.fft.fft(torch.complex(x, x)).real, (3, 64))
    assert found == 3 * 64 * 6 * 5 // 2
    both = macs(lambda x: torch.fft.ifft2(torch.complex(x, x)).real, (3, 8, 16))
    assert both == 3 * 128 * 7 * 5 // 2


def test_a_real_fourier_transform_is_half_of_a_complex_one_in_both_directions():
    there = 3 * 64 * 6 * 5 // 4
    assert macs(lambda x: torch.fft.rfft(x).real, (3, 64)) == there
    assert macs(lambda x: torch.fft.irfft(torch.fft.rfft(x), n=64), (3, 64)) == 2 * there
    assert macs(lambda x: torch.fft.rfft2(x).real, (3, 8, 16)) == round(3 * 128 * 7 * 5 / 4)


@pytest.mark.parametrize("training", [False, True])
def test_scaled_dot_product_attention_is_two_products_of_matrices(training):
    """(heads, rows, size) x (heads, size, rows), then the weights times the values; in one call or two."""
    heads, rows, size = 2, 5, 8

    def call(x):
        each = x.reshape(1, rows, heads, size).transpose(1, 2).requires_grad_(training)
        return F.scaled_dot_product_attention(each, each, each)

    assert macs(call, (rows, heads * size)) == 2 * heads * rows * rows * size


def test_a_transformer_layer_is_seen_into_in_eval_mode():
    size, inner, rows = 8, 12, 5
    layer = nn.TransformerEncoderLayer(size, 2, inner, batch_first=True)
    projections = rows * size * 4 * size
    attention = 2 * rows * rows * size
    expected = projections + attention + 2 * rows * size * inner
    fast = torch.backends.mha.get_fastpath_enabled()
    assert macs(lambda x, layer: layer(x), (rows, size), layer=layer) == expected
    assert torch.backends.mha.get_fastpath_enabled() == fast


@pytest.mark.parametrize(("mode", "neighbours"), [("bilinear", 4), ("nearest", 0), ("bicubic", 20)])
def test_a_sampled_grid_is_its_neighbours_for_every_output(mode, neighbours):
    def call(x):
        return F.grid_sample(x[:, 0], torch.zeros(1, 7, 9, 2), mode=mode, align_corners=False)

    assert macs(call, (1, 3, 8, 8)) == neighbours * 3 * 7 * 9


def test_a_sampled_grid_of_three_dimensions_has_eight_neighbours():
    def call(x):
        return F.grid_sample(x[:, 0], torch.zeros(1, 2, 3, 4, 3), align_corners=False)

    assert macs(call, (1, 3, 8, 8, 8)) == 8 * 3 * 2 * 3 * 4


@pytest.mark.parametrize(
    ("mode", "dimensions", "neighbours"),
    [("linear", 1, 2), ("bilinear", 2, 4), ("trilinear", 3, 8), ("bicubic", 2, 20), ("nearest", 2, 0)],
)
def test_an_interpolation_is_its_neighbours_for_every_output(mode, dimensions, neighbours):
    found = macs(lambda x: F.interpolate(x[:, 0], scale_factor=2, mode=mode), (1, 3, *(4,) * dimensions))
    assert found == neighbours * 3 * 8**dimensions


def test_a_matrix_exponential_is_five_products():
    assert macs(lambda x: torch.linalg.matrix_exp(x[:, 0]), (1, 4, N, N)) == 5 * 4 * N**3


def test_what_works_number_by_number_counts_nothing():
    def call(x, norm):
        return norm(torch.relu(x[:, 0]) * x[:, 0] + math.pi)

    assert macs(call, (1, 3, 8, 8), norm=nn.BatchNorm2d(3)) == 0


def test_counting_leaves_the_mode_of_the_module():
    module = Asks(lambda x, layer: layer(x), layer=nn.Linear(N, H))
    count_macs(module.train(), (1, N), 1)
    assert module.training
