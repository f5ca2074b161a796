"""ConvLSTM against its equations in NumPy, the published parameter counts, and what must not leak."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
import torch
from numpy_cells import conv_lstm, conv_lstm_stack, sigmoid, weights
from stbench.baselines.convlstm.model import EncoderForecaster, NextFrame, build
from torch import nn

from stbench.contract.datasets import Track
from stbench.contract.models import Task
from stbench.errors import StbenchError
from stbench.models.parts.convlstm import ConvLSTMCell, ConvLSTMStack
from stbench.models.parts.sampling import TeacherForcing

SMALL = {"hidden": [4, 3], "kernel": 3, "patch": 2, "peephole": "channel", "bias": True}


def randomise(module: nn.Module) -> nn.Module:
    """Every weight random, those too that start at zero."""
    torch.manual_seed(1)
    with torch.no_grad():
        for each in module.parameters():
            each.normal_(0, 0.3)
    return module


def encoder_forecaster(loss: str = "cross_entropy", **changes: Any) -> EncoderForecaster:
    return randomise(EncoderForecaster((2, 8, 6), **{**SMALL, "loss": loss, **changes}))  # type: ignore[return-value]


def next_frame(sampling_steps: int = 1, **changes: Any) -> NextFrame:
    settings = {**SMALL, "peephole": "none", "bias": False, "loss": "mse", **changes}
    return randomise(NextFrame((2, 8, 6), sampling_steps=sampling_steps, **settings))  # type: ignore[return-value]


def batch(frames: torch.Tensor, n: int, step: int = 0) -> dict[str, torch.Tensor]:
    return {
        "frames": frames,
        "conditioning": frames[:, :n],
        "target": frames[:, n:],
        "step": torch.tensor(step),
    }


def generator() -> torch.Generator:
    return torch.Generator().manual_seed(3)


@pytest.mark.parametrize("peephole", ["none", "channel", "pixel"])
@pytest.mark.parametrize("inputs", [0, 3])
def test_cell_is_the_equation_of_the_paper(peephole: str, inputs: int) -> None:
    cell = randomise(ConvLSTMCell(inputs, 4, 3, (5, 6), peephole=peephole, bias=True))
    rng = np.random.default_rng(0)
    h, c = rng.standard_normal((2, 2, 4, 5, 6))
    x = rng.standard_normal((2, 3, 5, 6)) if inputs else None
    tensors = [torch.from_numpy(each.astype(np.float32)) for each in (h, c)]
    projected = cell.project(torch.from_numpy(x.astype(np.float32))) if x is not None else None
    with torch.no_grad():
        found = cell.step(projected, (tensors[0], tensors[1]))
    for mine, expected in zip(found, conv_lstm(x, h, c, weights(cell)), strict=True):
        np.testing.assert_allclose(mine, expected, atol=2e-6)


def test_unrolled_layer_by_layer_is_stepped_frame_by_frame() -> None:
    stack = randomise(ConvLSTMStack(3, [4, 5], 3, (5, 6), peephole="channel"))
    x = torch.randn(2, 4, 3, 5, 6)
    hidden, last = stack.unroll(x, stack.start(x), 4)
    states = stack.start(x)
    for t in range(4):
        states = stack.step(x[:, t], states)
        for layer in range(2):
            torch.testing.assert_close(hidden[layer][:, t], states[layer][0])
    torch.testing.assert_close(last, states)


def patched(frames: np.ndarray, patch: int = 2) -> np.ndarray:
    """Channel (c, row in patch, column in patch) of each patch."""
    b, c, height, width = frames.shape
    cut = frames.reshape(b, c, height // patch, patch, width // patch, patch).transpose(0, 1, 3, 5, 2, 4)
    return cut.reshape(b, c * patch * patch, height // patch, width // patch)


def unpatched(maps: np.ndarray, patch: int = 2) -> np.ndarray:
    b, c, height, width = maps.shape
    cut = maps.reshape(b, c // patch**2, patch, patch, height, width).transpose(0, 1, 4, 2, 5, 3)
    return cut.reshape(b, c // patch**2, height * patch, width * patch)


def layers(stack: ConvLSTMStack) -> list[dict[str, np.ndarray]]:
    return [weights(cell) for cell in stack.layers]


def zeros(model: ConvLSTMStack, size: int) -> list[tuple[np.ndarray, np.ndarray]]:
    return [(np.zeros((size, cell.hidden, 4, 3)), np.zeros((size, cell.hidden, 4, 3))) for cell in model.layers]  # type: ignore[arg-type]


def test_forecaster_starts_from_the_states_of_the_encoder_and_sees_no_frame() -> None:
    model = encoder_forecaster()
    frames = np.random.default_rng(2).random((3, 4, 2, 8, 6))
    states: Any = zeros(model.encoder, 3)
    for t in range(4):
        states = conv_lstm_stack(patched(frames[:, t]), states, layers(model.encoder))
    w = weights(model.output)
    expected = []
    for _ in range(5):
        states = conv_lstm_stack(None, states, layers(model.forecaster))
        every = np.concatenate([h for h, _ in states], axis=1)
        raw = np.einsum("oi,biyx->boyx", w["weight"][:, :, 0, 0], every) + w["bias"][:, None, None]
        expected.append(sigmoid(unpatched(raw)))
    with torch.no_grad():
        found = model(torch.from_numpy(frames.astype(np.float32)), 5)
    np.testing.assert_allclose(found, np.stack(expected, 1), atol=2e-6)


def test_next_frame_goes_on_from_its_own_frames() -> None:
    model = next_frame()
    frames = np.random.default_rng(2).random((3, 4, 2, 8, 6))
    states: Any = zeros(model.stack, 3)
    kernel = weights(model.output)["weight"][:, :, 0, 0]
    expected: list[np.ndarray] = []
    for t in range(4 + 5 - 1):
        x = frames[:, t] if t < 4 else expected[-1]
        states = conv_lstm_stack(patched(x), states, layers(model.stack))
        expected.append(unpatched(np.einsum("oi,biyx->boyx", kernel, states[-1][0])))
    with torch.no_grad():
        found = model(torch.from_numpy(frames.astype(np.float32)), 5)
    np.testing.assert_allclose(found, np.stack(expected[3:], 1), atol=2e-6)


@pytest.mark.parametrize(
    ("hidden", "parameters"), [([256], 13_524_496), ([128, 128], 10_042_896), ([128, 64, 64], 7_585_296)]
)
def test_parameter_counts_are_those_of_the_papers_table_1(hidden: list[int], parameters: int) -> None:
    with torch.device("meta"):
        model = EncoderForecaster(
            (1, 64, 64), hidden=hidden, kernel=5, patch=4, peephole="channel", bias=True, loss="cross_entropy"
        )
    assert sum(each.numel() for each in model.parameters()) == parameters


def test_field_variant_has_the_parameters_that_are_in_use_in_the_public_code() -> None:
    with torch.device("meta"):
        model = NextFrame(
            (1, 64, 64), hidden=[128] * 4, kernel=5, patch=4, peephole="none", bias=False, loss="mse", sampling_steps=1
        )
    assert sum(each.numel() for each in model.parameters()) == 15_083_520 - 3_407_872


def test_cross_entropy_and_squared_error_are_means_over_the_frames_to_predict() -> None:
    frames = torch.rand(3, 7, 2, 8, 6)
    for name in ("cross_entropy", "mse"):
        model = encoder_forecaster(name)
        with torch.no_grad():
            found = model.loss(batch(frames, 4), generator())["total"].item()
            p, v = model(frames[:, :4], 3).double().numpy(), frames[:, 4:].double().numpy()
        expected = (p - v) ** 2 if name == "mse" else -v * np.log(p) - (1 - v) * np.log(1 - p)
        assert found == pytest.approx(expected.mean(), rel=1e-5)


def test_next_frame_is_scored_on_the_conditioning_frames_too() -> None:
    model, frames = next_frame(sampling_steps=1), torch.rand(3, 7, 2, 8, 6)
    with torch.no_grad():
        # At the last step of the schedule no input of the forecast is a true frame, so a forecast shows them all.
        predicted = [model(frames[:, :1], 1), model(frames[:, :2], 1), model(frames[:, :3], 1), model(frames[:, :4], 3)]
        expected = (torch.cat(predicted, 1) - frames[:, 1:]).square().mean()
        torch.testing.assert_close(model.loss(batch(frames, 4, step=1), generator())["total"], expected)


def test_without_sampling_steps_no_true_frame_is_ever_shown() -> None:
    assert next_frame(sampling_steps=0).sampling.rate(0) == 0.0
    assert not any(TeacherForcing(0).flip(0, torch.Generator().manual_seed(each)) for each in range(20))


def test_scheduled_sampling_falls_by_2e_5_an_iteration_to_zero_at_50_000() -> None:
    model = next_frame(sampling_steps=50_000)
    rates = [model.sampling.rate(step) for step in (0, 1, 24_999, 49_998, 49_999, 80_000)]
    assert rates == pytest.approx([1 - 2e-5, 1 - 4e-5, 0.5, 2e-5, 0, 0], abs=1e-12)


@pytest.mark.parametrize("seed", range(4))
def test_a_true_frame_goes_in_for_the_last_time_where_the_rate_still_exceeds_its_coin(seed: int) -> None:
    """One frame is fed back, so one coin u is drawn: truth while u < 1 - (s + 1) / T, up to s = ceil(T (1 - u)) - 2."""
    model, frames = next_frame(sampling_steps=100), torch.rand(1, 5, 2, 8, 6)
    coin = torch.rand(1, 1, generator=torch.Generator().manual_seed(seed)).item()
    last = math.ceil(100 * (1 - coin)) - 2
    assert last > 0
    with torch.no_grad():
        known, first = [model(frames[:, : t + 1], 1) for t in range(3)], model(frames[:, :3], 2)[:, 1:]
        true, own = ([*known, each] for each in (model(frames[:, :4], 1), first))
        wanted = [(torch.cat(each, 1) - frames[:, 1:]).square().mean().item() for each in (true, own)]
        found = [
            model.loss(batch(frames, 3, step=step), torch.Generator().manual_seed(seed))["total"].item()
            for step in (last, last + 1)
        ]
    assert abs(wanted[0] - wanted[1]) > 1e-4
    assert found == pytest.approx(wanted, rel=1e-5)


def test_true_frames_are_mixed_in_sample_by_sample_and_frame_by_frame() -> None:
    model, frames = next_frame(sampling_steps=100), torch.rand(64, 9, 2, 8, 6)
    seen: list[torch.Tensor] = []
    step = model.stack.step
    model.stack.step = lambda x, states: seen.append(x) or step(x, states)  # type: ignore[method-assign,func-returns-value,assignment]
    with torch.no_grad():
        model.loss(batch(frames, 3, step=49), generator())
    cut = nn.functional.pixel_unshuffle(frames, 2)
    true = torch.stack([(x == cut[:, t]).flatten(1).all(1) for t, x in enumerate(seen)], 1)
    assert true[:, :3].all()
    assert true[:, 3:].float().mean() == pytest.approx(0.5, abs=0.1)
    assert 0 < true[:, 3:].float().mean(0).min() < 1
    assert true[:, 3:].float().mean(1).std() > 0


@pytest.mark.parametrize("make", [encoder_forecaster, next_frame])
def test_no_state_passes_from_one_batch_to_the_next(make: Any) -> None:
    model, one, other = make(), torch.rand(3, 7, 2, 8, 6), torch.rand(3, 7, 2, 8, 6)
    with torch.no_grad():
        before = model(one[:, :4], 3), model.loss(batch(one, 4), generator())["total"]
        model(other[:, :4], 3), model.loss(batch(other, 4), generator())
        after = model(one[:, :4], 3), model.loss(batch(one, 4), generator())["total"]
    assert all(torch.equal(a, b) for a, b in zip(before, after, strict=True))


@pytest.mark.parametrize("make", [encoder_forecaster, next_frame])
def test_every_parameter_learns_and_a_longer_forecast_begins_with_the_shorter(make: Any) -> None:
    model, frames = make(), torch.rand(2, 7, 2, 8, 6)
    model.loss(batch(frames, 4), generator())["total"].backward()
    assert all(each.grad is not None and each.grad.abs().max() > 0 for each in model.parameters())
    with torch.no_grad():
        torch.testing.assert_close(model(frames[:, :4], 9)[:, :3], model(frames[:, :4], 3))


@pytest.mark.parametrize(
    ("frame_shape", "changes", "sentence"),
    [
        ((100,), {}, "convlstm needs images"),
        ((1, 64, 63), {}, "64 x 63 pixels cannot be cut into patches of 2 x 2"),
        ((1, 64, 64), {"kernel": 4}, "must be odd"),
        ((1, 64, 64), {"peephole": "chanel"}, "did you mean 'channel'"),
        ((1, 64, 64), {"loss": "cross-entropy"}, "did you mean 'cross_entropy'"),
        ((1, 64, 64), {"name": "encoder_forecaster"}, "did you mean 'encoder-forecaster'"),
        ((1, 64, 64), {"depth": 3}, "has no setting 'depth'"),
    ],
)
def test_impossible_settings_are_refused_in_a_sentence(
    frame_shape: tuple[int, ...], changes: dict[str, Any], sentence: str
) -> None:
    settings = {"name": "encoder-forecaster", **SMALL, "loss": "mse", **changes}
    with pytest.raises(StbenchError, match=sentence):
        build(settings, Task(Track("d", "forecast", 4, 5, 5, ("mse",)), frame_shape))
