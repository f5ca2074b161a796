"""PhyDNet against its equations in NumPy, the published parameter counts, and the traps of its public codes."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
import torch
from numpy_cells import moment_loss, moments, phy_cell, weights
from stbench.baselines.phydnet.cell import PhyCell, moment_transform
from stbench.baselines.phydnet.model import PhyDNet, build
from torch import nn

from stbench.contract.datasets import Track
from stbench.contract.models import Task
from stbench.errors import StbenchError

SETTINGS: dict[str, Any] = {
    "width": 32,
    "residual": [8, 32],
    "strides": [2, 1, 2],
    "output": "sigmoid",
    "moment_weight": 0.5,
    "teacher_steps": 100,
}
PUBLISHED = {**SETTINGS, "width": 64, "residual": [128, 128, 64]}


def model(**changes: Any) -> PhyDNet:
    torch.manual_seed(2)
    return PhyDNet((1, 8, 8), **{**SETTINGS, **changes})


def batch(frames: torch.Tensor, n: int = 3, step: int = 10**6) -> dict[str, torch.Tensor]:
    return {"frames": frames, "conditioning": frames[:, :n], "target": frames[:, n:], "step": torch.tensor(step)}


def generator(seed: int = 3) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def test_cell_predicts_with_the_filters_and_corrects_with_the_gain() -> None:
    torch.manual_seed(0)
    cell = PhyCell(5)
    rng = np.random.default_rng(1)
    u, h = rng.standard_normal((2, 3, 5, 8, 9))
    with torch.no_grad():
        for each in (cell.normalise.weight, cell.normalise.bias):
            each.normal_()
        found = cell(*(torch.from_numpy(each.astype(np.float32)) for each in (u, h)))
    np.testing.assert_allclose(found, phy_cell(u, h, weights(cell)), atol=5e-6)


def test_transform_gives_the_moments_of_a_filter() -> None:
    kernel = np.random.default_rng(2).standard_normal((7, 7))
    m = moment_transform().numpy()
    assert m[0] == pytest.approx(1)
    assert m[2, 0] == 4.5  # (-3)^2 / 2!
    np.testing.assert_allclose(m @ kernel @ m.T, moments(kernel), rtol=1e-12)


def test_moment_loss_is_summed_over_input_channels_and_averaged_over_the_rest() -> None:
    cell = PhyCell(3)
    expected = moment_loss(cell.derivatives.weight.detach().double().numpy())
    assert cell.moment_loss().item() == pytest.approx(expected, rel=1e-5)


def exact_derivatives(channels: int) -> np.ndarray:
    """Filters whose moment (i, j) alone is 1: M⁻¹ e_i e_jᵀ M⁻ᵀ."""
    inverse = np.linalg.inv(moment_transform().numpy())
    filters = [np.outer(inverse[:, i], inverse[:, j]) for i in range(7) for j in range(7)]
    return np.repeat(np.stack(filters)[:, None], channels, axis=1)


def test_moment_loss_of_exact_derivative_filters_is_zero_and_they_differentiate() -> None:
    cell = PhyCell(2)
    filters = exact_derivatives(2)
    with torch.no_grad():
        cell.derivatives.weight.copy_(torch.from_numpy(filters))
        assert cell.moment_loss().item() < 1e-9
    y, x = np.meshgrid(np.arange(-3.0, 4), np.arange(-3.0, 4), indexing="ij")
    field = 2.0 + 3 * y - x + 0.5 * y * x**2 + y**3
    # A torch convolution correlates: at the centre it is the sum of filter times field. The derivatives there, by hand.
    at_centre = {(0, 0): 2.0, (1, 0): 3.0, (0, 1): -1.0, (1, 2): 1.0, (3, 0): 6.0, (0, 2): 0.0, (1, 1): 0.0}
    for (i, j), expected in at_centre.items():
        assert (filters[7 * i + j, 0] * field).sum() == pytest.approx(expected, abs=1e-9)


def count(module: nn.Module) -> int:
    return sum(each.numel() for each in module.parameters())


def test_parameter_counts_are_those_of_the_released_code() -> None:
    with torch.device("meta"):
        whole = PhyDNet((1, 64, 64), **PUBLISHED)  # type: ignore[arg-type]
        flows = PhyDNet((2, 32, 32), **{**PUBLISHED, "strides": [2, 1, 1]})  # type: ignore[arg-type]
    assert count(whole.physical) == 230_803
    assert count(whole.residual) == 2_508_032
    assert count(whole) == 3_091_732
    assert count(flows) == 3_092_309


@pytest.mark.parametrize("width", [8, 32, 64])
def test_a_group_has_as_many_channels_at_every_width_as_published(width: int) -> None:
    """16 groups at width 64. One channel to a group would take the level of every map away."""
    net = model(width=width, residual=[width])
    found = {layer.num_channels: layer.num_groups for layer in net.modules() if isinstance(layer, torch.nn.GroupNorm)}
    phycell = {49: 7}
    assert found == {width // 2: width // 4, width: width // 4} | phycell


@pytest.mark.parametrize(("shape", "strides"), [((1, 64, 64), [2, 1, 2]), ((2, 32, 32), [2, 1, 1])])
def test_latent_maps_are_16_by_16(shape: tuple[int, ...], strides: list[int]) -> None:
    found = PhyDNet(shape, **{**SETTINGS, "strides": strides})  # type: ignore[arg-type]
    assert found.residual.layers[0].map_shape == (16, 16)
    with torch.no_grad():
        assert found._encode(torch.rand(2, *shape))[0].shape[-2:] == (16, 16)
        assert found(torch.rand(2, 3, *shape), 2).shape == (2, 2, *shape)


def frame_by_frame(
    net: PhyDNet, frames: torch.Tensor, known: int, steps: int, content: torch.Tensor | None = None
) -> torch.Tensor:
    """The roll-out as the equations say it, one frame at a time; the residual branch sees `content`, or the same."""
    found: list[torch.Tensor] = []
    content = frames if content is None else content
    for t in range(steps):
        u = net.physical_encoder(net.encoder(frames[:, t] if t < known else found[-1]))
        x = net.residual_encoder(net.encoder(content[:, t] if t < known else found[-1]))
        if t == 0:
            h, states = torch.zeros_like(u), net.residual.start(x)
        h = net.physical(u, h)
        states = net.residual.step(x, states)
        found.append(torch.sigmoid(net.decoder(net.physical_decoder(h) + net.residual_decoder(states[-1][0]))))
    return torch.stack(found, 1)


def test_forecast_is_the_roll_out_one_frame_at_a_time() -> None:
    net, frames = model(), torch.rand(2, 3, 1, 8, 8)
    with torch.no_grad():
        torch.testing.assert_close(net(frames, 4), frame_by_frame(net, frames, 3, 6)[:, 2:], atol=2e-6, rtol=1e-5)


def test_swap_takes_the_residual_state_from_the_content_and_the_physical_one_from_the_motion() -> None:
    net, motion, content = model(), torch.rand(2, 3, 1, 8, 8), torch.rand(2, 3, 1, 8, 8)
    with torch.no_grad():
        swapped, forecast = net.swap(content, motion, 4), net(motion, 4)
        expected = frame_by_frame(net, motion, 3, 6, content)[:, 2:]
        torch.testing.assert_close(swapped, expected, atol=2e-6, rtol=1e-5)
        torch.testing.assert_close(net.swap(motion, motion, 4), forecast, atol=2e-6, rtol=1e-5)
    assert (swapped - forecast).abs().max() > 1e-4


@pytest.mark.parametrize(("step", "known"), [(0, 6), (10**6, 3)])
def test_loss_is_the_sum_over_steps_of_mean_squares_plus_the_moments(step: int, known: int) -> None:
    """Not the squared difference between that number and the frames, which a public code minimises."""
    net, frames = model(), torch.rand(2, 7, 1, 8, 8)
    with torch.no_grad():
        terms = net.loss(batch(frames, step=step), generator())
        predicted = frame_by_frame(net, frames, known, 6).double().numpy()
    expected = sum(((predicted[:, t] - frames[:, t + 1].numpy()) ** 2).mean() for t in range(6))
    moment = moment_loss(net.physical.derivatives.weight.detach().double().numpy())
    assert terms["frames"].item() == pytest.approx(expected, rel=1e-5)
    assert terms["moments"].item() == pytest.approx(moment, rel=1e-5)
    assert terms["total"].item() == pytest.approx(expected + 0.5 * moment, rel=1e-5)


def test_one_coin_a_batch_decides_on_teacher_forcing_and_becomes_rarer() -> None:
    net, frames = model(moment_weight=0.0), torch.rand(1, 7, 1, 8, 8)
    with torch.no_grad():
        either = {known: net._roll_out(frames[:, :known], 6) for known in (3, 6)}
        sums = {known: (each - frames[:, 1:]).square().mean().item() * 6 for known, each in either.items()}
        shares = []
        for step in (0, 50, 100):
            totals = [net.loss(batch(frames, step=step), generator(seed))["total"].item() for seed in range(40)]
            forced = np.isclose(totals, sums[6], rtol=1e-6)
            # Never a mixture of true and own frames in one batch.
            assert np.isclose(np.array(totals)[~forced], sums[3], rtol=1e-6).all()
            shares.append(forced.mean())
    assert shares[0] == 1
    assert shares[1] == pytest.approx(0.5, abs=0.2)
    assert shares[2] == 0


@pytest.mark.parametrize("seed", range(4))
def test_teacher_forcing_ends_at_the_very_step_where_its_probability_falls_to_the_coin(seed: int) -> None:
    """A coin u lets true frames in while u < 1 - s / T: for the last time at step s = ceil(T (1 - u)) - 1."""
    net, frames = model(moment_weight=0.0), torch.rand(1, 7, 1, 8, 8)
    coin = torch.rand((), generator=generator(seed)).item()
    last = math.ceil(SETTINGS["teacher_steps"] * (1 - coin)) - 1
    assert 0 < last < SETTINGS["teacher_steps"]
    with torch.no_grad():
        forced, own = (
            (net._roll_out(frames[:, :known], 6) - frames[:, 1:]).square().mean().item() * 6 for known in (6, 3)
        )
        found = [net.loss(batch(frames, step=step), generator(seed))["total"].item() for step in (last, last + 1)]
    assert abs(forced - own) > 1e-4
    assert found == pytest.approx([forced, own], rel=1e-5)


def test_no_state_passes_from_one_batch_to_the_next() -> None:
    net, one, other = model(), torch.rand(2, 7, 1, 8, 8), torch.rand(2, 7, 1, 8, 8)
    with torch.no_grad():
        before = net(one[:, :3], 3), net.loss(batch(one), generator())["total"]
        net(other[:, :3], 3), net.loss(batch(other), generator())
        after = net(one[:, :3], 3), net.loss(batch(one), generator())["total"]
    assert all(torch.equal(a, b) for a, b in zip(before, after, strict=True))


def test_every_parameter_learns() -> None:
    net = model()
    net.loss(batch(torch.rand(2, 7, 1, 8, 8)), generator())["total"].backward()
    assert all(each.grad is not None and each.grad.abs().max() > 0 for each in net.parameters())


def test_moments_are_constants_that_no_checkpoint_carries() -> None:
    assert {name for name, _ in model().named_buffers()} == {"physical.transform", "physical.target"}
    assert not [name for name in model().state_dict() if name.endswith(("transform", "target"))]


@pytest.mark.parametrize(
    ("frame_shape", "changes", "sentence"),
    [
        ((100,), {}, "phydnet needs images"),
        ((1, 64, 62), {}, "64 x 62 pixels cannot be made 4 times smaller"),
        ((1, 64, 64), {"strides": [2, 4, 1]}, "three numbers, 1 or 2 each"),
        ((1, 64, 64), {"residual": [16]}, "ends with 16 channels and the width is 32"),
        ((1, 64, 64), {"width": 30, "residual": [30]}, "width of phydnet is 30.*by fours"),
        ((1, 64, 64), {"output": "sigmoidal"}, "did you mean 'sigmoid'"),
        ((1, 64, 64), {"moments": 1.0}, "has no setting 'moments'"),
    ],
)
def test_impossible_settings_are_refused_in_a_sentence(
    frame_shape: tuple[int, ...], changes: dict[str, Any], sentence: str
) -> None:
    with pytest.raises(StbenchError, match=sentence):
        build({**SETTINGS, **changes}, Task(Track("d", "forecast", 4, 5, 5, ("mse",)), frame_shape))
