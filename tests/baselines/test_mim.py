"""MIM against its equations in NumPy, the published parameter counts, and what public code of it gets wrong."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from numpy_cells import weights
from numpy_recurrent import Maps, mim_block, mim_cell, projection, shared_st_lstm, st_lstm
from recurrent import count, forecast_by_hand, patched, randomised, unpatched
from stbench.baselines.mim.cell import MIMBlock, MIMCell, SharedSTLSTMCell
from stbench.baselines.mim.model import MIM

SMALL = {
    "hidden": [3, 3, 3],
    "kernel": 3,
    "patch": 2,
    "first": "shared",
    "norm": "none",
    "bias": True,
    "init": "library",
    "loss": "mse",
    "sampling_steps": 1,
    "reverse_input": False,
}
CELL: dict[str, Any] = {"init": "library", "peephole_init": "zeros"}


def model(frame_shape: tuple[int, ...] = (2, 10, 8), **changes: Any) -> MIM:
    return MIM(frame_shape, **{**SMALL, **changes})


def normals(*shape: int) -> np.ndarray:
    return np.random.default_rng(0).standard_normal(shape)


def compare(found: tuple[torch.Tensor, ...], expected: Maps) -> None:
    for mine, theirs in zip(found, expected, strict=True):
        np.testing.assert_allclose(mine, theirs, atol=1e-10, rtol=0)


@pytest.mark.parametrize("norm", ["none", "channel", "element"])
def test_memory_cell_is_the_equation_of_the_release(norm: str) -> None:
    cell = randomised(MIMCell(2, 3, 3, (5, 4), norm=norm, bias=True, **CELL))
    xs, (h, n) = normals(3, 2, 2, 5, 4), normals(2, 2, 3, 5, 4)
    mine = (torch.from_numpy(h), torch.from_numpy(n))
    with torch.no_grad():
        for x in xs:
            h, n = mim_cell(x, h, n, weights(cell))
            mine = cell(torch.from_numpy(x), *mine)
    compare(mine, (h, n))


@pytest.mark.parametrize("norm", ["none", "channel"])
def test_lowest_layer_shares_the_gates_of_its_input_between_both_memories(norm: str) -> None:
    cell = randomised(SharedSTLSTMCell(2, 3, 3, (5, 4), norm=norm, bias=True, init="library"))
    xs, states = normals(3, 2, 2, 5, 4), tuple(normals(3, 2, 3, 5, 4))
    mine = tuple(torch.from_numpy(each) for each in states)
    with torch.no_grad():
        for x in xs:
            states = shared_st_lstm(x, *states, weights(cell))
            mine = cell(cell.from_input(torch.from_numpy(x)), *mine)
    compare(mine, states)


@pytest.mark.parametrize("norm", ["none", "channel"])
def test_block_is_the_equation_of_the_paper(norm: str) -> None:
    """With an input of another width than the state: neither convolution is sized by the other's."""
    cell = randomised(MIMBlock(2, 3, 3, (5, 4), norm=norm, bias=True, **CELL))
    xs, ds, states = normals(3, 2, 2, 5, 4), normals(3, 2, 3, 5, 4), tuple(normals(4, 2, 3, 5, 4))
    mine = tuple(torch.from_numpy(each) for each in states)
    with torch.no_grad():
        for x, d in zip(xs, ds, strict=True):
            states = mim_block(x, d, *states, weights(cell))
            mine = cell(torch.from_numpy(x), torch.from_numpy(d), *mine)
    compare(mine, states)


@pytest.mark.parametrize("first", ["shared", "st-lstm"])
def test_differences_pass_beside_the_layers_from_the_second_step_on(first: str) -> None:
    net = randomised(model(first=first, norm="channel"))
    frames = np.random.default_rng(2).random((3, 4, 2, 10, 8))
    zero = np.zeros((3, 3, 5, 4))
    hc, dn, s = [(zero, zero)] * 3, [(zero, zero)] * 2, [zero] * 2
    kept: dict[str, Any] = {"m": zero, "first": True}
    lowest = shared_st_lstm if first == "shared" else st_lstm

    def step(frame: np.ndarray) -> np.ndarray:
        before = hc[0][0]
        h, c, m = lowest(patched(frame, 2), *hc[0], kept["m"], weights(net.stack.first))  # type: ignore[arg-type]
        hc[0], x = (h, c), h - before
        for k in range(2):
            if not kept["first"]:
                dn[k] = mim_cell(x, *dn[k], weights(net.stack.differences[k]))  # type: ignore[index,assignment]
                x = dn[k][0]
            h, c, m, s[k] = mim_block(h, dn[k][0], *hc[k + 1], m, s[k], weights(net.stack.blocks[k]))  # type: ignore[index]
            hc[k + 1] = (h, c)
        kept.update(m=m, first=False)
        w = {f"output.{name}": each for name, each in weights(net.output).items()}
        return unpatched(projection(h, w, "output"), 2)

    expected = forecast_by_hand(frames, 4, 8, step)[3:]
    with torch.no_grad():
        found = net(torch.from_numpy(frames), 5)
    np.testing.assert_allclose(found, np.stack(expected, 1), atol=1e-10, rtol=0)


UNUSED_IN_THE_PORT = 3 * 2 * 128 * 128
"""A 1x1 convolution of 2 x 128 channels in the MIM-N of each layer but the lowest."""


@pytest.mark.parametrize(
    ("frame_shape", "patch", "parameters"), [((1, 64, 64), 4, 38_043_648), ((2, 32, 32), 2, 37_863_424)]
)
def test_parameter_counts_are_those_of_later_comparisons_that_are_in_use(
    frame_shape: tuple[int, ...], patch: int, parameters: int
) -> None:
    changes = {"hidden": [128] * 4, "kernel": 5, "patch": patch, "bias": False, "first": "st-lstm"}
    with torch.device("meta"):
        assert count(model(frame_shape, **changes)) == parameters - UNUSED_IN_THE_PORT


@pytest.mark.parametrize(
    ("frame_shape", "patch", "parameters"), [((1, 64, 64), 4, 9_562_832), ((2, 32, 32), 2, 9_511_112)]
)
def test_parameters_of_the_release_add_up_from_its_layers(
    frame_shape: tuple[int, ...], patch: int, parameters: int
) -> None:
    """A bias, a scale and a shift for each channel of each gate; W_11 and the output have the bias alone."""
    changes = {"hidden": [64] * 4, "kernel": 5, "patch": patch, "norm": "channel", "bias": True, "first": "shared"}
    with torch.device("meta"):
        release = model(frame_shape, **changes)
    pixels, last = frame_shape[0] * patch**2, (2 * 64 + 1) * 64

    def gates(number: int, inner: int = 64) -> int:
        return (25 * inner + 3) * number * 64

    first = gates(4, pixels) + gates(4) + gates(4) + last
    # Four gates of x and of h, peepholes of i, f and o on 16 x 16 pixels.
    memory = gates(4) + gates(4) + 3 * 64 * 16 * 16
    # Of x, h and m, and MIM-S.
    block = gates(4) + gates(3) + gates(4) + memory + last
    assert count(release.get_submodule("stack.first")) == first
    assert count(release.get_submodule("stack.blocks")) == 3 * block
    assert count(release.get_submodule("stack.differences")) == 3 * memory
    assert count(release) == first + 3 * block + 3 * memory + (64 + 1) * pixels == parameters


def test_gradients_pass_through_the_memory_of_what_stays() -> None:
    """A port detaches S at every step."""
    net = model()
    states = net.stack.start(torch.zeros(2, 8, 5, 4))  # type: ignore[operator]
    first, *later = torch.rand(3, 2, 1, 8, 5, 4)
    _, states = net.stack.step(net.stack.read(first)[0], states)  # type: ignore[operator]
    kept = states.stationary
    for each in kept:
        each.retain_grad()
    for frame in later:
        top, states = net.stack.step(net.stack.read(frame)[0], states)  # type: ignore[operator]
    top.sum().backward()
    assert all(each.grad.abs().max() > 0 for each in kept)


def test_weights_of_the_release_start_as_its_code_says() -> None:
    net = model(init="release", hidden=[8, 8, 8], kernel=5)
    height, width = 5, 4
    bounds = {
        "first.from_input": (6 / (8 + 32)) ** 0.5,
        "blocks.0.from_hidden": (6 / (8 + 24)) ** 0.5,
        "blocks.1.stationary.from_input": (6 / (8 + 32)) ** 0.5,
        "differences.0.from_input": 1e-3,
        "differences.1.from_hidden": 1e-3,
        "blocks.0.stationary.peephole.before": (6 / (height * (width + 16))) ** 0.5,
        "differences.0.peephole.after": (6 / (height * (width + 8))) ** 0.5,
    }
    found = {name: each.detach().abs().max().item() for name, each in net.stack.named_parameters()}
    for name, bound in bounds.items():
        largest = found.get(f"{name}.convolution.weight", found.get(name))
        assert largest == pytest.approx(bound, rel=0.05), name
        assert largest <= bound
    ported = model(init="library").stack
    assert all(not each.any() for name, each in ported.named_parameters() if "peephole" in name)
