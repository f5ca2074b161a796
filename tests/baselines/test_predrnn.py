"""PredRNN against its equations in NumPy, the published parameter counts, and the order in which its memory flows."""

from __future__ import annotations

import runpy
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from numpy_cells import convolve, weights
from numpy_recurrent import st_lstm
from recurrent import batch, count, forecast_by_hand, generator, patched, randomised, unpatched
from stbench.baselines.predrnn.model import PredRNN, plugin

from stbench import registry
from stbench.contract import presets
from stbench.contract.models import Task
from stbench.models.parts.st_lstm import STLSTMCell

SMALL = {
    "hidden": [3, 3],
    "kernel": 3,
    "patch": 2,
    "norm": "none",
    "bias": True,
    "loss": "mse",
    "sampling_steps": 1,
    "reverse_input": False,
}


def model(frame_shape: tuple[int, ...] = (2, 10, 8), **changes: Any) -> PredRNN:
    return PredRNN(frame_shape, **{**SMALL, **changes})


@pytest.mark.parametrize("bias", [False, True])
@pytest.mark.parametrize("norm", ["none", "channel", "element"])
def test_cell_is_the_equation_of_the_paper(norm: str, bias: bool) -> None:
    cell = randomised(STLSTMCell(2, 3, 3, (5, 4), norm=norm, bias=bias))
    rng = np.random.default_rng(0)
    xs, states = rng.standard_normal((3, 2, 2, 5, 4)), tuple(rng.standard_normal((3, 2, 3, 5, 4)))
    found = tuple(torch.from_numpy(each) for each in states)
    with torch.no_grad():
        for x in xs:
            states = st_lstm(x, *states, weights(cell))
            found = cell(cell.from_input(torch.from_numpy(x)), *found)
    for mine, expected in zip(found, states, strict=True):
        np.testing.assert_allclose(mine, expected, atol=1e-10, rtol=0)


@pytest.mark.parametrize("norm", ["none", "channel"])
def test_memory_flows_up_through_the_layers_and_from_the_top_one_to_the_next_step(norm: str) -> None:
    net = randomised(model(norm=norm))
    frames = np.random.default_rng(2).random((3, 4, 2, 10, 8))
    zeros = np.zeros((3, 3, 5, 4))
    layers: list[Any] = [(zeros, zeros), (zeros, zeros)]
    memory, out = [zeros], weights(net.output)

    def step(frame: np.ndarray) -> np.ndarray:
        x, m = patched(frame, 2), memory[0]
        for k, cell in enumerate(net.stack.layers):  # type: ignore[arg-type]
            x, c, m = st_lstm(x, *layers[k], m, weights(cell))
            layers[k] = (x, c)
        memory[0] = m
        return unpatched(convolve(x, out["weight"], out["bias"]), 2)

    expected = forecast_by_hand(frames, 4, 8, step)[3:]
    with torch.no_grad():
        found = net(torch.from_numpy(frames), 5)
    np.testing.assert_allclose(found, np.stack(expected, 1), atol=1e-10, rtol=0)


FIELD = {**SMALL, "hidden": [128] * 4, "kernel": 5, "patch": 4, "bias": False}


@pytest.mark.parametrize(
    ("frame_shape", "patch", "parameters"), [((1, 64, 64), 4, 23_838_720), ((2, 32, 32), 2, 23_658_496)]
)
def test_parameter_counts_are_those_of_later_comparisons(
    frame_shape: tuple[int, ...], patch: int, parameters: int
) -> None:
    with torch.device("meta"):
        field = model(frame_shape, **{**FIELD, "patch": patch})
        paper = model(frame_shape, **{**FIELD, "patch": patch, "bias": True})
    assert count(field) == parameters
    # 7 + 4 + 3 + 1 gates and W_11 of four layers, and the output: one bias a channel.
    assert count(paper, "bias") == 4 * (7 + 4 + 3 + 1 + 1) * 128 + frame_shape[0] * patch**2
    assert count(paper) == parameters + count(paper, "bias")


BENCHMARK = Path(__file__).resolve().parents[2] / "benchmarks" / "recurrent.py"


def test_the_model_that_the_benchmark_measures_ours_against_is_the_same_model() -> None:
    """Variant `field` late in training, when no input after the conditioning frames is a true one."""
    plain, frame_shape = runpy.run_path(str(BENCHMARK))["PlainPredRNN"]().double(), (1, 16, 16)
    settings = presets.select(plugin, "moving-mnist", "paper", "field")["model"]
    ours = plugin.build(settings, Task(registry.dataset("moving-mnist").tracks[0], frame_shape)).double()
    assert count(ours) == count(plain) == 23_838_720
    with torch.no_grad():
        for our, theirs in zip(ours.parameters(), plain.parameters(), strict=True):
            our.copy_(theirs)
    frames = torch.rand(2, 8, *frame_shape, generator=generator(), dtype=torch.float64)
    found, expected = ours.loss(batch(frames, 4, 10**9), generator())["total"], plain.loss(frames)
    assert found.item() == pytest.approx(expected.item(), rel=1e-7)
    found.backward()
    expected.backward()
    for our, theirs in zip(ours.parameters(), plain.parameters(), strict=True):
        torch.testing.assert_close(our.grad, theirs.grad, rtol=1e-7, atol=1e-10)
