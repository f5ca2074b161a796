"""E3D-LSTM against its equations in NumPy, gradients of its attention, and what public code of it gets wrong."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from numpy_cells import convolve, weights
from numpy_recurrent import attention, e3d_lstm, window_projection
from recurrent import batch, count, forecast_by_hand, generator, patched, randomised, unpatched
from stbench.baselines.e3d_lstm.cell import E3DLSTMCell, WindowProjection, recall
from stbench.baselines.e3d_lstm.model import AT_ONCE, E3DLSTM

SMALL = {
    "hidden": [3, 3],
    "kernel": 3,
    "window": 2,
    "patch": 2,
    "norm": "channel",
    "bias": True,
    "init": "library",
    "recalls": True,
    "loss": "mse",
    "sampling_steps": 1,
    "reverse_input": False,
}
FIELD = {**SMALL, "hidden": [128] * 4, "kernel": 5, "norm": "none", "bias": False}


def model(frame_shape: tuple[int, ...] = (2, 10, 8), **changes: Any) -> E3DLSTM:
    return E3DLSTM(frame_shape, **{**SMALL, **changes})


def normals(*shape: int) -> np.ndarray:
    return np.random.default_rng(0).standard_normal(shape)


@pytest.mark.parametrize("window", [1, 2, 3])
@pytest.mark.parametrize("norm", ["none", "channel", "element"])
def test_convolution_along_the_window_pads_what_lies_outside_with_zeros(norm: str, window: int) -> None:
    layer = randomised(WindowProjection(2, 3, 3, window, (5, 4), norm=norm, bias=True, glorot=False))
    x = normals(2, window, 2, 5, 4)
    w = {f"it.{name}": each for name, each in weights(layer).items()}
    with torch.no_grad():
        found = layer(torch.from_numpy(x))
        np.testing.assert_allclose(found, window_projection(x, w, "it"), atol=1e-10, rtol=0)


@pytest.mark.parametrize("bias", [False, True])
@pytest.mark.parametrize("norm", ["none", "channel"])
def test_cell_is_the_equation_of_the_paper(norm: str, bias: bool) -> None:
    cell = randomised(E3DLSTMCell(2, 3, 3, 2, (5, 4), norm=norm, bias=bias, glorot=False))
    xs, (h, c, m) = normals(3, 2, 2, 2, 5, 4), normals(3, 2, 2, 3, 5, 4)
    mine = tuple(torch.from_numpy(each) for each in (h, c, m))
    theirs, past = (h, c, m), [np.zeros_like(c)]
    with torch.no_grad():
        for x in xs:
            past.append(theirs[1])
            theirs = e3d_lstm(x, *theirs, past, weights(cell))
            mine = cell(cell.from_input(torch.from_numpy(x)), *mine, [torch.from_numpy(each) for each in past])
    for found, expected in zip(mine, theirs, strict=True):
        np.testing.assert_allclose(found, expected, atol=1e-10, rtol=0)


def test_attention_compares_the_channel_vectors_of_positions() -> None:
    query, past = normals(2, 2, 3, 4, 5), list(np.random.default_rng(1).standard_normal((3, 2, 2, 3, 4, 5)))
    found = recall(torch.from_numpy(query), [torch.from_numpy(each) for each in past])
    np.testing.assert_allclose(found, attention(query, past), atol=1e-10, rtol=0)


def test_gradients_of_the_attention_are_those_of_finite_differences() -> None:
    drawn = generator()
    query, *past = (torch.randn(2, 2, 3, 2, 3, generator=drawn, dtype=torch.float64) for _ in range(3))
    tensors = [each.requires_grad_() for each in (query, *past)]
    assert torch.autograd.gradcheck(lambda r, *history: recall(r, history), tensors)


def test_attention_keeps_nothing_of_the_size_of_positions_squared() -> None:
    kept: list[int] = []
    query, past = (torch.randn(1, 2, 4, 16, 16, requires_grad=True) for _ in range(2))
    hooks = torch.autograd.graph.saved_tensors_hooks(lambda x: kept.append(x.numel()) or x, lambda x: x)  # type: ignore[func-returns-value]
    with hooks:
        recall(query, [past, past]).sum().backward()
    assert max(kept) <= 2 * past.numel() < (2 * 16 * 16) ** 2


def test_attention_stays_in_float32_when_the_step_runs_in_bfloat16() -> None:
    query, past = torch.randn(1, 2, 32, 4, 4), torch.randn(1, 2, 32, 4, 4)
    with torch.autocast("cpu", torch.bfloat16):
        half = recall(query, [past])
    assert torch.equal(half, recall(query, [past]))


@pytest.mark.parametrize("norm", ["none", "channel"])
def test_windows_move_by_a_frame_and_the_new_memory_goes_on(norm: str) -> None:
    """The release returns the old memory, so that it stays zero: the second step would differ from this one."""
    net = randomised(model(norm=norm))
    frames = np.random.default_rng(2).random((2, 3, 2, 10, 8))
    zero = np.zeros((2, 2, 3, 5, 4))
    layers, past = [(zero, zero)] * 2, [[], []]  # type: ignore[var-annotated]
    kept, w = {"m": zero, "frame": np.zeros((2, 8, 5, 4))}, weights(net.output)

    def step(frame: np.ndarray) -> np.ndarray:
        newest = patched(frame, 2)
        x, m = np.stack([kept["frame"], newest], axis=1), kept["m"]
        for k, cell in enumerate(net.stack.layers):  # type: ignore[arg-type]
            past[k].append(layers[k][1])
            x, c, m = e3d_lstm(x, *layers[k], m, past[k], weights(cell))
            layers[k] = (x, c)
        kept.update(m=m, frame=newest)
        return unpatched(convolve(np.concatenate([x[:, 0], x[:, 1]], axis=1), w["weight"], w["bias"]), 2)

    expected = forecast_by_hand(frames, 3, 6, step)[2:]
    with torch.no_grad():
        found = net(torch.from_numpy(frames), 4)
    np.testing.assert_allclose(found, np.stack(expected, 1), atol=1e-10, rtol=0)


def test_weights_on_the_memory_learn() -> None:
    """With the old memory returned their gradient is exactly zero."""
    net = model()
    net.loss(batch(torch.rand(2, 6, 2, 10, 8), 3), generator())["total"].backward()
    for cell in net.stack.layers:  # type: ignore[union-attr]
        gradient = cell.from_memory.convolution.weight.grad
        assert all(each.abs().max() > 0 for each in gradient.chunk(4))


@pytest.mark.parametrize(
    ("frame_shape", "patch", "parameters"), [((1, 64, 64), 4, 51_347_456), ((2, 32, 32), 2, 50_987_008)]
)
def test_parameter_counts_are_those_of_later_comparisons(
    frame_shape: tuple[int, ...], patch: int, parameters: int
) -> None:
    with torch.device("meta"):
        assert count(model(frame_shape, **{**FIELD, "patch": patch})) == parameters


@pytest.mark.parametrize(
    ("frame_shape", "patch", "parameters"), [((1, 64, 64), 4, 12_898_832), ((2, 32, 32), 2, 12_718_600)]
)
def test_parameters_of_the_release_add_up_from_its_layers(
    frame_shape: tuple[int, ...], patch: int, parameters: int
) -> None:
    """Kernels of 2 x 5 x 5. Gates of x, h and m have a bias, a scale and a shift for each channel, those of c' and m' a
    bias, as W_111 and the output, which reads both slots."""
    changes = {"hidden": [64] * 4, "kernel": 5, "patch": patch, "norm": "channel", "bias": True, "init": "glorot"}
    with torch.device("meta"):
        release = model(frame_shape, **changes)
    pixels = frame_shape[0] * patch**2
    layers = 0
    for below in (pixels, 64, 64, 64):
        gates = (50 * below + 3) * 7 * 64 + (50 * 64 + 3) * (4 + 4) * 64 + (50 * 64 + 1) * (1 + 1) * 64
        # W_111, and LN of c.
        layers += gates + (2 * 64 + 1) * 64 + 2 * 64
    assert count(release.stack) == layers
    assert count(release) == layers + (2 * 64 + 1) * pixels == parameters


def test_more_windows_than_are_forecast_at_once_are_forecast_one_like_the_other() -> None:
    net, frames = model(), torch.rand(AT_ONCE + 2, 3, 2, 10, 8)
    with torch.no_grad():
        found = net(frames, 3)
        torch.testing.assert_close(found[-2:], net(frames[-2:], 3))
    assert len(found) == AT_ONCE + 2


def test_weights_of_the_release_start_as_tensorflows_do() -> None:
    net = model(init="glorot", hidden=[16, 16])
    for name, inner, gates in (("from_hidden", 16, 4), ("from_new_memory", 16, 1), ("from_memory", 16, 4)):
        layer = getattr(net.stack.layers[0], name).convolution  # type: ignore[index]
        bound = (6 / (2 * 3 * 3 * (inner + gates * 16))) ** 0.5
        assert layer.weight.detach().abs().max().item() == pytest.approx(bound, rel=0.01)
        assert not layer.bias.any()


def test_loss_of_the_release_is_half_the_squares_and_the_absolute_values() -> None:
    net, frames = model(loss="half_mse_mae"), torch.rand(2, 6, 2, 10, 8)
    both = model(loss="mse_mae")
    both.load_state_dict(net.state_dict())
    with torch.no_grad():
        predicted = torch.cat([net(frames[:, :1], 1), net(frames[:, :2], 1), net(frames[:, :3], 3)], 1)
        error = (predicted - frames[:, 1:]).double().numpy()
        released = net.loss(batch(frames, 3), generator())["total"].item()
        field = both.loss(batch(frames, 3), generator())["total"].item()
    assert released == pytest.approx((error**2).mean() / 2 + np.abs(error).mean(), rel=1e-5)
    assert field == pytest.approx((error**2).mean() + np.abs(error).mean(), rel=1e-5)
