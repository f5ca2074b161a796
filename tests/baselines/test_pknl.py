"""PKnl: its warp against the equation in NumPy and against finite differences, its flow network, its penalties."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
import torch
from numpy_feed_forward import batch_norm, conv, part
from recurrent import batch, count, generator, randomised
from scipy.stats import norm
from stbench.baselines.pknl import warp
from stbench.baselines.pknl.flow import FlowNetwork
from stbench.baselines.pknl.model import PKnl, penalties
from torch import Tensor

from stbench.errors import StbenchError

SMALL: dict[str, Any] = {
    "width": 4,
    "levels": 3,
    "warp": "gaussian",
    "window": 3,
    "diffusion": 0.45,
    "border": "zeros",
    "smoothness": 0.4,
    "divergence": 1.0,
    "magnitude": -0.003,
}
BILINEAR = {"warp": "bilinear", "window": 0, "diffusion": 0.0}
SPREAD = math.sqrt(0.9)
BORDERS = ("zeros", "border")


def model(frame_shape: tuple[int, ...] = (2, 8, 16), frames: int = 3, **changes: Any) -> PKnl:
    torch.manual_seed(0)
    return PKnl(frame_shape, frames, **{**SMALL, **changes})


def field(*shape: int, seed: int = 0) -> Tensor:
    return torch.from_numpy(np.random.default_rng(seed).standard_normal(shape))


def gaussian(frames: np.ndarray, flow: np.ndarray, spread: float, window: int, border: str) -> np.ndarray:
    """Pixel by pixel, with the normal distribution of scipy."""
    batch, channels, height, width = frames.shape
    found = np.zeros_like(frames)
    for b, y, x in np.ndindex(batch, height, width):
        cx, cy = x - flow[b, 0, y, x] * (width - 1) / 2, y - flow[b, 1, y, x] * (height - 1) / 2
        values, total = np.zeros(channels), 0.0
        for i in range(math.floor(cx + 0.5) - window // 2, math.floor(cx + 0.5) + window // 2 + 1):
            for j in range(math.floor(cy + 0.5) - window // 2, math.floor(cy + 0.5) + window // 2 + 1):
                if border == "zeros" and not (0 <= i < width and 0 <= j < height):
                    continue
                across = norm.cdf((i + 0.5 - cx) / spread) - norm.cdf((i - 0.5 - cx) / spread)
                down = norm.cdf((j + 0.5 - cy) / spread) - norm.cdf((j - 0.5 - cy) / spread)
                inside = frames[b, :, min(max(j, 0), height - 1), min(max(i, 0), width - 1)]
                values, total = values + across * down * inside, total + across * down
        found[b, :, y, x] = values / total if total else 0
    return found


def bilinear(frames: np.ndarray, flow: np.ndarray, border: str) -> np.ndarray:
    batch, _, height, width = frames.shape
    found = np.zeros_like(frames)
    for b, y, x in np.ndindex(batch, height, width):
        cx, cy = x - flow[b, 0, y, x] * (width - 1) / 2, y - flow[b, 1, y, x] * (height - 1) / 2
        if border == "border":
            cx, cy = min(max(cx, 0), width - 1), min(max(cy, 0), height - 1)
        for i, j in ((math.floor(cx) + k, math.floor(cy) + m) for k in (0, 1) for m in (0, 1)):
            if 0 <= i < width and 0 <= j < height:
                found[b, :, y, x] += (1 - abs(i - cx)) * (1 - abs(j - cy)) * frames[b, :, j, i]
    return found


@pytest.mark.parametrize("border", BORDERS)
@pytest.mark.parametrize(("spread", "window"), [(SPREAD, 3), (0.25, 3), (1.3, 5)])
def test_the_gaussian_warp_is_its_equation(spread: float, window: int, border: str) -> None:
    """Flows up to a side: some pixels come from far outside."""
    frames, flow = field(2, 3, 5, 7), 0.5 * field(2, 2, 5, 7, seed=1)
    found = warp.gaussian(frames, flow, spread=spread, window=window, border=border)
    expected = gaussian(frames.numpy(), flow.numpy(), spread, window, border)
    np.testing.assert_allclose(found, expected, atol=1e-10, rtol=0)


@pytest.mark.parametrize("border", BORDERS)
def test_the_bilinear_warp_is_interpolation(border: str) -> None:
    frames, flow = field(2, 3, 5, 7), 0.5 * field(2, 2, 5, 7, seed=1)
    found = warp.bilinear(frames, flow, border=border)
    np.testing.assert_allclose(found, bilinear(frames.numpy(), flow.numpy(), border), atol=1e-10, rtol=0)


@pytest.mark.parametrize("border", BORDERS)
@pytest.mark.parametrize("kind", ["gaussian", "bilinear"])
def test_gradients_of_the_warp_are_those_of_finite_differences(kind: str, border: str) -> None:
    """Away from the places where other pixels begin to be read."""
    frames = field(1, 2, 3, 4).requires_grad_()
    away = torch.from_numpy(np.random.default_rng(2).uniform(0.1, 0.4, (1, 2, 3, 4)))
    cells = torch.from_numpy(np.random.default_rng(3).integers(-2, 2, (1, 2, 3, 4)).astype(float))
    half_sides = torch.tensor([1.5, 1.0], dtype=torch.float64).view(1, 2, 1, 1)
    flow = ((cells + away) / half_sides).requires_grad_()

    def moved(frames: Tensor, flow: Tensor) -> Tensor:
        if kind == "bilinear":
            return warp.bilinear(frames, flow, border=border)
        return warp.gaussian(frames, flow, spread=SPREAD, window=3, border=border)

    assert torch.autograd.gradcheck(moved, (frames, flow))


@pytest.mark.parametrize("border", BORDERS)
def test_a_constant_field_stays_constant(border: str) -> None:
    """With "zeros", too, wherever a pixel of the window lies inside: what is left weighs one again."""
    flow = 0.5 * field(2, 2, 5, 7, seed=1)
    constant = torch.full((2, 1, 5, 7), 3.7, dtype=torch.float64)
    found = warp.gaussian(constant, flow, spread=SPREAD, window=3, border=border)
    columns, rows = warp.positions(flow)
    seen = (columns >= -1.5) & (columns < 7.5) & (rows >= -1.5) & (rows < 5.5)
    assert border == "border" or 0 < int((~seen).sum()) < seen.numel()
    expected = constant if border == "border" else constant * seen[:, None]
    torch.testing.assert_close(found, expected, atol=1e-12, rtol=0)


def test_a_uniform_flow_of_whole_pixels_shifts_the_field() -> None:
    """u along x and v along y: content moves by (+2, -1) pixels."""
    frames = field(1, 1, 5, 7)
    flow = torch.tensor([2 / 3, -1 / 2], dtype=torch.float64).view(1, 2, 1, 1).expand(1, 2, 5, 7)
    for moved in (
        warp.bilinear(frames, flow, border="zeros"),
        warp.gaussian(frames, flow, spread=0.02, window=3, border="zeros"),
    ):
        torch.testing.assert_close(moved[..., :4, 2:], frames[..., 1:, :5], atol=1e-10, rtol=0)


def test_without_diffusion_the_gaussian_warp_reads_the_nearest_pixel() -> None:
    frames, flow = field(1, 2, 5, 7), 0.1 * field(1, 2, 5, 7, seed=1)
    columns, rows = (torch.floor(each + 0.5).long() for each in warp.positions(flow))
    found = warp.gaussian(frames, flow, spread=1e-6, window=3, border="border")
    torch.testing.assert_close(found, frames[:, :, rows[0].clamp(0, 4), columns[0].clamp(0, 6)], atol=1e-12, rtol=0)


def test_one_step_of_diffusion_damps_a_wave_as_the_equation_does() -> None:
    """exp(-k² D), times what the mean over a pixel takes off, on a window so wide that nothing is cut."""
    k, spread = 2 * math.pi / 16, SPREAD
    x = torch.arange(64, dtype=torch.float64)
    frames = torch.sin(k * x).expand(1, 1, 2, 64)
    found = warp.gaussian(frames, torch.zeros(1, 2, 2, 64).double(), spread=spread, window=21, border="border")
    damped = math.exp(-(k**2) * spread**2 / 2) * math.sin(k / 2) / (k / 2)
    # Pixels see a little of the wave of k - 2π, 1.1e-8 of what is left.
    np.testing.assert_allclose(found[..., 12:-12], damped * frames[..., 12:-12], atol=2e-8, rtol=0)


def test_three_pixels_cut_the_gaussian_of_the_paper() -> None:
    """D = 0.45 has a variance of 0.9; what is left where nothing flows damps long waves like D = 0.27."""
    point = torch.zeros(1, 1, 7, 7, dtype=torch.float64)
    point[..., 3, 3] = 1
    still = torch.zeros(1, 2, 7, 7).double()
    found = warp.gaussian(point, still, spread=math.sqrt(2 * 0.45), window=3, border="border")[0, 0]
    offsets = torch.arange(7) - 3
    variance = float((found.sum(0) * offsets**2).sum())
    assert variance == pytest.approx(0.547, abs=5e-4)
    assert variance / 2 == pytest.approx(0.27, abs=5e-3)


def test_the_flow_network_is_its_equation() -> None:
    net = randomised(FlowNetwork(3, width=4, levels=3)).eval()
    x = np.random.default_rng(0).standard_normal((2, 3, 8, 16))
    weights = {name: each.detach().numpy() for name, each in net.state_dict().items()}

    def stage(x: np.ndarray, name: str, stride: int) -> np.ndarray:
        own = part(weights, name)
        y = plain(x, own["0.weight"], stride)
        return np.maximum(batch_norm(y, part(own, "1"), own["1.running_mean"], own["1.running_var"]), 0)

    maps = [x, stage(x, "down.0.0", 2)]
    maps.append(stage(maps[1], "down.1.0", 2))
    maps.append(stage(stage(maps[2], "down.2.0", 2), "down.2.1", 1))
    y = maps[3]
    for k, beside in enumerate(maps[2::-1]):
        y = np.concatenate((beside, np.maximum(plain(doubled(y), weights[f"up.{k}.weight"]), 0)), 1)
    expected = plain(y, weights["flow.weight"])
    with torch.no_grad():
        np.testing.assert_allclose(net(torch.from_numpy(x)), expected, atol=1e-10, rtol=0)


def plain(x: np.ndarray, weight: np.ndarray, stride: int = 1) -> np.ndarray:
    return conv(x, {"weight": weight, "bias": np.zeros(len(weight))}, stride=stride, padding=1)


def doubled(x: np.ndarray) -> np.ndarray:
    """Twice the size by linear interpolation along each axis, corners on corners."""
    for axis in (2, 3):
        size = x.shape[axis]
        place = np.linspace(0, size - 1, 2 * size)
        x = np.apply_along_axis(lambda line, place=place, size=size: np.interp(place, np.arange(size), line), axis, x)
    return x


def test_the_network_has_the_parameters_of_the_release() -> None:
    with torch.device("meta"):
        net = FlowNetwork(4, width=64, levels=5)
    assert count(net) == 22_197_736
    down = 9 * (4 * 64 + 64 * 128 + 128 * 256 + 256**2 + 256 * 512 + 512**2 + 512 * 1024 + 1024**2)
    norms = 2 * (64 + 128 + 2 * 256 + 2 * 512 + 2 * 1024)
    up = 9 * (1024 * 256 + 768 * 128 + 384 * 64 + 192 * 32 + 96 * 16 + 20 * 2)
    assert count(net) == down + norms + up


def test_weights_start_so_small_that_the_flow_starts_near_zero() -> None:
    torch.manual_seed(0)
    net = FlowNetwork(4, width=16, levels=3)
    deepest = net.down[2][1][0].weight  # type: ignore[index]
    assert float(deepest.detach().std()) == pytest.approx(0.02 / (9 * 64), rel=0.05)
    assert float(net(field(2, 4, 16, 24).float()).detach().abs().max()) < 0.05


def test_each_frame_is_moved_by_a_flow_estimated_from_the_last_ones() -> None:
    """Three steps, the second and third on own frames; parameters of the norms are those of eval mode."""
    net, frames = randomised(model(), 0.1).eval(), field(2, 3, 2, 8, 16)
    seen = list(frames.unbind(1))
    with torch.no_grad():
        for _ in range(3):
            flow = net.flow(torch.cat(seen[-3:], 1))
            seen.append(torch.from_numpy(gaussian(seen[-1].numpy(), flow.numpy(), SPREAD, 3, "zeros")))
        np.testing.assert_allclose(net(frames, 3), torch.stack(seen[3:], 1), atol=1e-10, rtol=0)


def test_the_loss_is_the_error_and_its_weighted_penalties() -> None:
    net, frames = randomised(model(), 0.1).eval(), field(2, 5, 2, 8, 16)
    terms = net.loss(batch(frames, 3), generator())
    _, flow = net.roll_out(frames[:, :3], 2)
    u, v = flow.detach().numpy().reshape(4, 2, 8, 16).transpose(1, 0, 2, 3)
    smooth = sum((np.diff(each, axis=axis) ** 2).mean() for each in (u, v) for axis in (1, 2))
    inflow = np.diff(u, axis=2)[:, :-1] + np.diff(v, axis=1)[:, :, :-1]
    error = ((net(frames[:, :3], 2) - frames[:, 3:]) ** 2).mean()
    expected = error + 0.4 * smooth + 1.0 * (inflow**2).mean() - 0.003 * flow.square().mean()
    assert float(terms["total"].detach()) == pytest.approx(float(expected.detach()), abs=1e-10)


def test_the_divergence_of_a_rotation_is_zero() -> None:
    """The release differentiates both components along rows, and finds 1 here where v is the same as u."""
    y, x = torch.meshgrid(torch.arange(6.0), torch.arange(6.0), indexing="ij")
    assert float(penalties(torch.stack((-y, x))[None])["divergence"]) == 0
    assert float(penalties(torch.stack((x, y))[None])["divergence"]) == 4


@pytest.mark.parametrize("changes", [{}, BILINEAR], ids=["gaussian", "bilinear"])
def test_every_parameter_gets_a_gradient(changes: dict[str, Any]) -> None:
    net = randomised(model(**changes), 0.1)
    net.loss(batch(field(2, 5, 2, 8, 16), 3), generator())["total"].backward()
    assert all(each.grad is not None and bool(each.grad.any()) for each in net.parameters())


def test_a_forecast_does_not_depend_on_other_windows_nor_on_what_came_before() -> None:
    net, frames = randomised(model(), 0.1).eval(), field(3, 3, 2, 8, 16)
    with torch.no_grad():
        alone = net(frames[:1], 4)
        net(field(2, 3, 2, 8, 16, seed=5), 2)
        torch.testing.assert_close(net(frames, 4)[:1], alone, atol=1e-12, rtol=0)
        assert torch.equal(net(frames, 4)[:, :2], net(frames, 2))


@pytest.mark.parametrize(
    ("shape", "changes", "sentence"),
    [
        ((2, 12, 8), {}, "frames of 12 x 8 pixels cannot be made 8 times smaller by pknl"),
        ((8,), {}, "pknl needs images"),
        ((2, 8, 8), {"width": 6}, "make it a multiple of 4"),
        ((2, 8, 8), {"warp": "gausian"}, "did you mean 'gaussian'"),
        ((2, 8, 8), {"border": "zero"}, "did you mean 'zeros'"),
        ((2, 8, 8), {"window": 2}, "make it odd"),
        ((2, 8, 8), {"diffusion": 0.0}, "both are positive with 'gaussian' and 0 with 'bilinear'"),
        ((2, 8, 8), {"warp": "bilinear"}, "both are positive with 'gaussian' and 0 with 'bilinear'"),
    ],
)
def test_what_does_not_fit_is_refused_in_a_sentence(shape: tuple[int, ...], changes: Any, sentence: str) -> None:
    with pytest.raises(StbenchError, match=sentence):
        model(shape, **changes)


def test_a_window_or_border_that_is_none_is_refused() -> None:
    frames, flow = field(1, 1, 4, 4), field(1, 2, 4, 4)
    with pytest.raises(StbenchError, match="make it odd"):
        warp.gaussian(frames, flow, spread=1.0, window=2, border="zeros")
    for function in (warp.bilinear, lambda *a, border: warp.gaussian(*a, spread=1.0, window=3, border=border)):
        with pytest.raises(StbenchError, match="there is no border 'zero': did you mean 'zeros'"):
            function(frames, flow, border="zero")
