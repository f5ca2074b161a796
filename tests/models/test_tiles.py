"""Convolutions by tiles are convolutions: values, gradients, odd sizes, and where they are used."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import nn
from torch.nn import functional as F

from stbench.models.parts.projection import Projection, prepared
from stbench.models.parts.tiles import TiledConvolution, tiled


def layer(inner: int = 64, outer: int = 64, kernel: int = 5) -> nn.Conv2d:
    torch.manual_seed(0)
    return nn.Conv2d(inner, outer, kernel, padding=kernel // 2)


@pytest.mark.parametrize(("height", "width"), [(16, 16), (8, 12), (5, 7), (3, 1)])
def test_tiles_give_the_convolution_and_its_gradients(height: int, width: int) -> None:
    drawn = torch.Generator().manual_seed(1)

    def draw(*shape: int) -> torch.Tensor:
        return torch.randn(shape, generator=drawn, dtype=torch.float64, requires_grad=True)

    x, weight, bias = draw(2, 3, height, width), draw(4, 3, 5, 5), draw(4)
    found, expected = TiledConvolution(weight, bias)(x), F.conv2d(x, weight, bias, padding=2)
    torch.testing.assert_close(found, expected, atol=1e-11, rtol=0)
    wanted = torch.randn(expected.shape, generator=drawn, dtype=torch.float64)
    for mine, theirs in zip(
        torch.autograd.grad(found, (x, weight, bias), wanted),
        torch.autograd.grad(expected, (x, weight, bias), wanted),
        strict=True,
    ):
        torch.testing.assert_close(mine, theirs, atol=1e-10, rtol=0)


def test_in_float32_they_differ_from_a_direct_convolution_by_a_ten_thousandth_at_most() -> None:
    net, x = layer(), torch.randn(2, 64, 16, 16)
    with torch.no_grad():
        found, direct = TiledConvolution(net.weight, net.bias)(x), net(x)
    assert (found - direct).abs().max() < 1e-4 * direct.std()


@pytest.mark.parametrize(
    ("convolution", "like", "used"),
    [
        (layer(), torch.zeros(1, 4, 4), True),
        (layer(inner=32), torch.zeros(1, 4, 4), False),
        (layer(outer=32), torch.zeros(1, 4, 4), False),
        (layer(kernel=3), torch.zeros(1, 4, 4), False),
        (layer(), torch.zeros(1, 4, 4, dtype=torch.float64), False),
    ],
)
def test_they_are_used_for_wide_5_by_5_kernels_in_float32(convolution: Any, like: torch.Tensor, used: bool) -> None:
    assert (tiled(convolution, like) is not None) == used
    with torch.autocast("cpu", torch.bfloat16):
        assert tiled(convolution, like) is None


def test_weights_are_prepared_within_a_roll_out_and_forgotten_after_it() -> None:
    net, x = Projection(64, 64, 5, (8, 8)), torch.randn(1, 64, 8, 8)
    with torch.no_grad():
        before = net(x)
        with prepared(net, x):
            within = net(x)
        net.convolution.weight.zero_()
        assert not net(x).any()
    assert not torch.equal(before, within)
    torch.testing.assert_close(before, within, atol=1e-4, rtol=0)
