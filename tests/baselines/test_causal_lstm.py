"""Causal LSTM and gradient highway against their equations in NumPy, and the published parameter counts."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from numpy_cells import convolve, weights
from numpy_recurrent import causal_lstm, highway
from recurrent import count, forecast_by_hand, patched, randomised, unpatched
from stbench.baselines.causal_lstm.cell import CausalLSTMCell, GradientHighway
from stbench.baselines.causal_lstm.model import CausalLSTM

SMALL = {
    "hidden": [4, 3, 2],
    "kernel": 3,
    "patch": 2,
    "norm": "none",
    "bias": True,
    "init": "library",
    "highway": True,
    "loss": "mse",
    "sampling_steps": 1,
    "reverse_input": False,
}


def model(frame_shape: tuple[int, ...] = (2, 10, 8), **changes: Any) -> CausalLSTM:
    return CausalLSTM(frame_shape, **{**SMALL, **changes})


@pytest.mark.parametrize("bias", [False, True])
@pytest.mark.parametrize("norm", ["none", "channel", "element"])
def test_cell_is_the_equation_of_the_paper(norm: str, bias: bool) -> None:
    cell = randomised(CausalLSTMCell(2, 3, 3, 3, (5, 4), norm=norm, bias=bias, init="library"))
    rng = np.random.default_rng(0)
    xs, states = rng.standard_normal((3, 2, 2, 5, 4)), tuple(rng.standard_normal((3, 2, 3, 5, 4)))
    found = tuple(torch.from_numpy(each) for each in states)
    with torch.no_grad():
        for x in xs:
            states = causal_lstm(x, *states, weights(cell))
            found = cell(cell.from_input(torch.from_numpy(x)), *found)
    for mine, expected in zip(found, states, strict=True):
        np.testing.assert_allclose(mine, expected, atol=1e-10, rtol=0)


@pytest.mark.parametrize("norm", ["none", "channel"])
def test_highway_is_the_equation_of_the_paper(norm: str) -> None:
    unit = randomised(GradientHighway(3, 3, (5, 4), norm=norm, bias=True))
    rng = np.random.default_rng(0)
    xs, z = rng.standard_normal((3, 2, 3, 5, 4)), rng.standard_normal((2, 3, 5, 4))
    found = torch.from_numpy(z)
    with torch.no_grad():
        for x in xs:
            z, found = highway(x, z, weights(unit)), unit(torch.from_numpy(x), found)
    np.testing.assert_allclose(found, z, atol=1e-10, rtol=0)


@pytest.mark.parametrize("norm", ["none", "channel"])
def test_highway_lies_between_the_two_lowest_layers_and_memory_changes_its_width(norm: str) -> None:
    net = randomised(model(norm=norm))
    frames = np.random.default_rng(2).random((3, 4, 2, 10, 8))
    zeros = [np.zeros((3, width, 5, 4)) for width in (4, 3, 2)]
    layers: list[Any] = [(each, each) for each in zeros]
    kept, out = {"m": zeros[-1], "z": zeros[0]}, weights(net.output)

    def step(frame: np.ndarray) -> np.ndarray:
        x, m = patched(frame, 2), kept["m"]
        for k, cell in enumerate(net.stack.layers):  # type: ignore[arg-type]
            h, c, m = causal_lstm(x, *layers[k], m, weights(cell))
            layers[k], x = (h, c), h
            if k == 0:
                kept["z"] = x = highway(h, kept["z"], weights(net.stack.highway))  # type: ignore[arg-type]
        kept["m"] = m
        return unpatched(convolve(x, out["weight"], out["bias"]), 2)

    expected = forecast_by_hand(frames, 4, 8, step)[3:]
    with torch.no_grad():
        found = net(torch.from_numpy(frames), 5)
    np.testing.assert_allclose(found, np.stack(expected, 1), atol=1e-10, rtol=0)


UNUSED_IN_THE_PORT = 4 * 2 * 128 * 128 * 25
"""A convolution of [c, m] for the output gate in each of four layers, which its equations do not have."""


@pytest.mark.parametrize(
    ("frame_shape", "patch", "parameters"), [((1, 64, 64), 4, 38_584_320), ((2, 32, 32), 2, 38_404_096)]
)
def test_parameter_counts_are_those_of_later_comparisons_that_are_in_use(
    frame_shape: tuple[int, ...], patch: int, parameters: int
) -> None:
    with torch.device("meta"):
        field = model(frame_shape, **{**SMALL, "hidden": [128] * 4, "kernel": 5, "patch": patch, "bias": False})
    assert UNUSED_IN_THE_PORT == 3_276_800
    assert count(field) == parameters - UNUSED_IN_THE_PORT


@pytest.mark.parametrize(
    ("frame_shape", "patch", "parameters"), [((1, 64, 64), 4, 15_390_160), ((2, 32, 32), 2, 15_210_440)]
)
def test_parameters_of_the_release_add_up_from_its_layers(
    frame_shape: tuple[int, ...], patch: int, parameters: int
) -> None:
    """A bias, a scale and a shift for each channel of each gate; W_11 and the output have the bias alone."""
    changes = {"hidden": [128, 64, 64, 64], "kernel": 5, "patch": patch, "norm": "channel", "bias": True}
    with torch.device("meta"):
        release = model(frame_shape, **changes)
    pixels = frame_shape[0] * patch**2
    layers = 0
    for below, width, memory in ((pixels, 128, 64), (128, 64, 128), (64, 64, 64), (64, 64, 64)):
        # Of x, h, c, m, c' and m'.
        gates = 25 * (7 * below + 4 * width + 3 * width + 3 * memory + 4 * width + width) * width
        layers += gates + 3 * (7 + 4 + 3 + 3 + 4 + 1) * width + (2 * width + 1) * width
    highway = 2 * (25 * 128 + 3) * 2 * 128
    assert count(release.get_submodule("stack.layers")) == layers
    assert count(release.get_submodule("stack.highway")) == highway
    assert count(release) == layers + highway + (64 + 1) * pixels == parameters


def test_layer_normalisation_works_in_the_highway_too_and_adds_two_numbers_a_channel() -> None:
    with torch.device("meta"):
        with_norm, without = model(norm="channel"), model()
    channels = sum(22 * width for width in (4, 3, 2)) + 2 * 2 * 4
    assert count(with_norm) == count(without) + 2 * channels


def test_weights_of_the_release_start_within_a_thousandth_but_in_1x1_convolutions() -> None:
    """Those of [c', m'] and of the frame are left to TensorFlow's default there, Glorot's; biases are 0."""
    torch.manual_seed(0)
    net = model(init="release")
    for name, each in net.named_parameters():
        assert name.endswith("bias") == bool((each == 0).all()), name
        bound = 1e-3
        if each.ndim == 4 and each.shape[-1] == 1:
            assert "merge" in name or name.startswith("output")
            bound = (6 / (each.shape[0] + each.shape[1])) ** 0.5
        assert 0.5 * bound < each.abs().max() <= bound or name.endswith("bias"), name
    ported = model(init="library")
    assert max(float(p.detach().abs().max()) for name, p in ported.stack.layers.named_parameters()) > 1e-2  # type: ignore[union-attr]
    assert max(float(p.detach().abs().max()) for p in ported.stack.highway.parameters()) <= 1e-3  # type: ignore[union-attr]
