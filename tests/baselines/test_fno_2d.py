"""FNO-2d against its equations in NumPy: modes, coordinates, padding, precision, other grids, and what it costs."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from numpy_cells import weights
from numpy_feed_forward import conv, gelu, part, spectral
from recurrent import count, randomised
from stbench.baselines.fno_2d.model import FNOForecaster
from stbench.baselines.fno_2d.spectral import FNO2d, SpectralConvolution

from stbench import registry
from stbench.errors import StbenchError
from stbench.training.cost import count_macs

SMALL: dict[str, Any] = {
    "width": 4,
    "layers": 3,
    "modes": [3, 4],
    "padding": 2,
    "initial": "positive",
    "writes": 1,
    "inputs": "own",
    "loss": "mse",
}
LOSSES = ("mse", "mse_frame_sum")
PUBLISHED = {**SMALL, "width": 20, "layers": 4, "modes": [12, 12]}


def model(frame_shape: tuple[int, ...], frames: int, **changes: Any) -> FNOForecaster:
    torch.manual_seed(0)
    return FNOForecaster(frame_shape, frames, **{**SMALL, **changes})


@pytest.mark.parametrize(("height", "width"), [(6, 7), (9, 8), (11, 14)])
def test_a_spectral_convolution_multiplies_the_lowest_modes_and_drops_the_others(height: int, width: int) -> None:
    layer = randomised(SpectralConvolution(3, 5, [3, 4], "positive"))
    x = np.random.default_rng(0).standard_normal((2, 3, height, width))
    expected = spectral(x, weights(layer)["weight"], (3, 4))
    np.testing.assert_allclose(layer(torch.from_numpy(x)).detach(), expected, atol=1e-10, rtol=0)


def test_the_network_is_its_equation_with_coordinates_and_zeros_after_the_end() -> None:
    net = randomised(FNO2d((2, 6, 9), 3, **{k: v for k, v in SMALL.items() if k not in ("inputs", "loss")}))
    frames = np.random.default_rng(1).standard_normal((2, 3, 2, 6, 9))
    w = weights(net)
    y, x = np.meshgrid(np.arange(6) / 5, np.arange(9) / 8, indexing="ij")
    coordinates = np.broadcast_to(np.stack((y, x)), (2, 2, 6, 9))
    u = conv(np.concatenate((frames.reshape(2, 6, 6, 9), coordinates), 1), part(w, "lift"))
    u = np.pad(u, ((0, 0), (0, 0), (0, 2), (0, 2)))
    for k in range(3):
        u = spectral(u, w[f"spectral.{k}.weight"], (3, 4)) + conv(u, part(w, f"pointwise.{k}"))
        u = gelu(u) if k < 2 else u
    u = conv(gelu(conv(u[:, :, :6, :9], part(w, "hidden"))), part(w, "project"))
    with torch.no_grad():
        np.testing.assert_allclose(net(torch.from_numpy(frames)), u[:, None], atol=1e-10, rtol=0)


def test_parameter_counts_are_the_published_ones_with_two_numbers_a_complex_weight() -> None:
    with torch.device("meta"):
        net = model((1, 64, 64), 10, **PUBLISHED)
    spectral_numbers = sum(each.numel() for name, each in net.named_parameters() if "spectral" in name)
    assert count(net) == 926_357
    assert count(net) - spectral_numbers // 2 == 465_557


def test_the_published_loss_is_a_sum_over_frames_so_that_its_decay_counts_as_published() -> None:
    """Adam adds the decay to the gradient: of a mean over the horizon it would be as many times stronger."""
    batch = {"conditioning": torch.rand(2, 3, 1, 12, 10), "target": torch.rand(2, 7, 1, 12, 10)}
    mean, total = (model((1, 12, 10), 3, loss=each).loss(batch, torch.Generator())["total"] for each in LOSSES)
    torch.testing.assert_close(total, 7 * mean)
    presets = registry.model("fno-2d").presets("waveeq")
    assert [presets[each]["model"]["loss"] for each in ("cpu", "quick", "paper")] == [LOSSES[0], *LOSSES]
    assert presets["paper"]["training"]["weight_decay"] == 1e-4
    assert all("weight_decay" not in presets[each]["training"] for each in ("cpu", "quick"))


def test_weights_start_positive_as_released_or_on_both_sides_of_zero() -> None:
    torch.manual_seed(0)
    layers = (SpectralConvolution(3, 4, [5, 5], each) for each in ("positive", "symmetric"))
    positive, symmetric = (each.weight.detach() for each in layers)
    assert 0 <= float(positive.min()) < float(positive.max()) < 1 / 12
    assert -1 / 12 <= float(symmetric.min()) < -0.07 < 0.07 < float(symmetric.max()) < 1 / 12


def test_a_module_in_double_precision_is_so_in_its_spectral_weights() -> None:
    layer = SpectralConvolution(2, 2, [2, 2], "positive").double()
    x = torch.rand(1, 2, 6, 6, dtype=torch.float64)
    found = layer(x)
    assert found.dtype == torch.float64
    expected = spectral(x.numpy(), weights(layer)["weight"], (2, 2))
    np.testing.assert_allclose(found.detach(), expected, atol=1e-14, rtol=0)


def test_transforms_are_not_done_in_half_precision() -> None:
    torch.manual_seed(0)
    layer, x = SpectralConvolution(3, 3, [4, 4], "symmetric"), torch.randn(2, 3, 16, 16)
    with torch.autocast("cpu", torch.bfloat16):
        found = layer(x)
    assert torch.equal(found, layer(x))


def waves(height: int, width: int) -> torch.Tensor:
    """A field of at most two waves along each axis, on a grid."""
    y, x = np.meshgrid(np.arange(height) / height, np.arange(width) / width, indexing="ij")
    terms = [np.cos(2 * np.pi * (k * y + m * x) + k + 2 * m) for k in range(-2, 3) for m in range(3)]
    return torch.from_numpy(np.stack([*terms[:4], sum(terms[4:])])[None])


@pytest.mark.parametrize(("height", "width"), [(16, 24), (32, 32), (40, 56)])
def test_a_field_of_few_waves_is_treated_the_same_on_every_grid(height: int, width: int) -> None:
    layer = randomised(SpectralConvolution(5, 2, [3, 3], "positive"))
    coarse, fine = layer(waves(8, 8)).detach(), layer(waves(height, width)).detach()
    np.testing.assert_allclose(fine[..., :: height // 8, :: width // 8], coarse, atol=1e-10, rtol=0)


@pytest.mark.parametrize("side", [24, 32, 48, 64])
def test_a_model_built_for_one_grid_forecasts_on_others(side: int) -> None:
    net = model((1, 64, 64), 5, modes=[12, 12]).eval()
    with torch.no_grad():
        found = net(torch.rand(2, 5, 1, side, side), 3)
    assert found.shape == (2, 3, 1, side, side)
    assert bool(found.isfinite().all())


def test_more_modes_than_the_grid_has_are_refused() -> None:
    with pytest.raises(StbenchError, match="keeps 12 x 12 modes, but a grid of 18 x 18 points"):
        model((1, 16, 16), 5, modes=[12, 12])
    net = model((1, 64, 64), 5, modes=[12, 12])
    with pytest.raises(StbenchError, match="only 9 x 10: give it fewer modes"):
        net(torch.rand(1, 5, 1, 16, 16), 1)
    # As many as there are: rows of positive and negative modes meet and do not overlap.
    model((1, 6, 6), 5, modes=[4, 5])
    for modes in ([5, 5], [4, 6], [0, 2], [3]):
        with pytest.raises(StbenchError, match="fno-2d"):
            model((1, 6, 6), 5, modes=modes)


def test_multiply_accumulates_count_transforms_and_complex_products() -> None:
    frames, width, layers, side, modes = 5, 4, 3, 16, 3
    net = model((1, side, side), frames, modes=[modes, modes], padding=0)
    pixels = side * side
    transform = round(2.5 * width * pixels * 8) // 2  # 2.5 n log2 n operations of n real numbers, n = 256
    products = 2 * modes * modes * width * width * 4
    convolutions = pixels * ((frames + 2) * width + layers * width * width + width * 128 + 128)
    one = layers * (2 * transform + products) + convolutions
    assert count_macs(net, (frames, 1, side, side), 1) == one
    assert count_macs(net, (frames, 1, side, side), 3) == 3 * one


def test_vectors_and_impossible_sizes_are_refused() -> None:
    with pytest.raises(StbenchError, match="fno-2d needs images"):
        model((9,), 5)
    with pytest.raises(StbenchError, match="padding -1"):
        model((1, 8, 8), 5, padding=-1)
    with pytest.raises(StbenchError, match="did you mean 'positive'"):
        model((1, 8, 8), 5, initial="positiv")
