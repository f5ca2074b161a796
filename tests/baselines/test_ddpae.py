"""DDPAE: the coordinates of its poses, their recurrence in NumPy, its bound, its parameters; what moving is worth."""

from __future__ import annotations

from functools import cache
from typing import Any

import numpy as np
import pytest
import torch
from recurrent import batch, count, generator, randomised
from stbench.baselines.ddpae.model import DDPAE
from stbench.baselines.ddpae.poses import PoseNetwork, PosePosterior, poses_of
from stbench.baselines.ddpae.transform import crop, paste
from torch import Tensor, nn
from torch.distributions import Normal, kl_divergence
from torch.nn import functional as F

from stbench.contract.settings import construct
from stbench.errors import StbenchError
from stbench.models.parts.gaussian import Gaussian

PUBLISHED: dict[str, Any] = {
    "components": 2,
    "width": 8,
    "features": 256,
    "hidden": 64,
    "object_width": 8,
    "content_size": 128,
    "content_hidden": 64,
    "scale": 2.0,
    "frame_std": 0.3,
    "initial_std": 0.02,
}
SMALL = {**PUBLISHED, "width": 2, "features": 8, "hidden": 6, "object_width": 2, "content_size": 5, "content_hidden": 4}
FRAME = (1, 64, 64)


def model(frame_shape: tuple[int, ...] = FRAME, **changes: Any) -> DDPAE:
    torch.manual_seed(0)
    return DDPAE(frame_shape, **{**SMALL, **changes})


def test_parameters_equal_those_of_the_release_part_by_part() -> None:
    with torch.device("meta"):
        net = model(**PUBLISHED)
    assert (count(net.pose), count(net.encoder), count(net.decoder)) == (488_044, 76_000, 76_016)
    assert count(net.content) + count(net.appearance) == 66_304
    assert count(net) == 706_364


def matrices(poses: Tensor) -> tuple[Tensor, Tensor]:
    """Affine maps for `affine_grid`: from places of an object to those of a frame, and back."""
    s, x, y = poses.unbind(1)
    zero = torch.zeros_like(s)
    to_frame = torch.stack((1 / s, zero, -x / s, zero, 1 / s, -y / s), 1).view(-1, 2, 3)
    return to_frame, torch.stack((s, zero, x, zero, s, y), 1).view(-1, 2, 3)


def some_poses(number: int) -> Tensor:
    return torch.tensor([2.0, 0.0, 0.0]) + torch.tensor([0.9, 1.2, 1.2]) * (
        2 * torch.rand(number, 3, generator=generator()) - 1
    )


def test_crop_and_paste_are_the_spatial_transformer_of_the_release() -> None:
    """`grid_sample` with the outermost pixels at -1 and 1, as PyTorch had it in 2018."""
    poses, shape = some_poses(7).double(), (7, 1, 32, 32)
    frames, objects = (torch.rand(7, 1, n, n, dtype=torch.float64, generator=generator(n)) for n in (64, 32))
    to_frame, to_object = matrices(poses)
    found = F.grid_sample(frames, F.affine_grid(to_frame, list(shape), align_corners=True), align_corners=True)
    torch.testing.assert_close(crop(frames, poses, 32), found, atol=1e-10, rtol=0)
    # Not square, so that columns and rows are not exchanged unseen.
    grid = F.affine_grid(to_object, [7, 1, 48, 64], align_corners=True)
    found = F.grid_sample(objects, grid, align_corners=True)
    torch.testing.assert_close(paste(objects, poses, (48, 64)), found, atol=1e-10, rtol=0)


@pytest.mark.parametrize(("column", "row"), [(0, 0), (16, 16), (5, 27), (32, 9)])
def test_what_is_pasted_between_pixels_that_coincide_is_cut_out_again(column: int, row: int) -> None:
    """At s = 63 / 31 pixels of both are as wide, and at these shifts they coincide."""
    s = 63 / 31
    # The object's first column, at o = -1, lies at u = (-1 - x) / s, which is column (u + 1) 63 / 2 of the frame.
    x, y = (-1 - s * (2 * k / 63 - 1) for k in (column, row))
    pose = torch.tensor([[s, x, y]], dtype=torch.float64)
    shown = torch.rand(1, 1, 32, 32, dtype=torch.float64, generator=generator())
    frame = paste(shown, pose, (64, 64))
    torch.testing.assert_close(frame[0, 0, row : row + 32, column : column + 32], shown[0, 0], atol=1e-10, rtol=0)
    assert frame.sum().item() == pytest.approx(shown.sum().item())
    torch.testing.assert_close(crop(frame, pose, 32), shown, atol=1e-10, rtol=0)


def test_crop_undoes_paste_at_any_pose_that_keeps_the_object_in_the_frame() -> None:
    """But for what two bilinear readings smooth, each at most h² max|f''| / 8 an axis: with f'' = 16 the objects'
    pixels of h = 2/31 give 0.017, and the frame's of up to 2.9 x 2/63 give 0.034."""
    axis = torch.linspace(-1, 1, 32)
    bump = torch.exp(-8 * (axis[:, None] ** 2 + axis[None] ** 2)).expand(20, 1, 32, 32)
    poses = some_poses(20) * torch.tensor([1.0, 0.3, 0.3])
    assert (crop(paste(bump, poses, (64, 64)), poses, 32) - bump).abs().max() < 0.051


def test_a_larger_x_is_further_left_and_a_larger_y_further_up() -> None:
    bright = torch.ones(1, 1, 32, 32)
    frame = paste(bright, torch.tensor([[2.0, 0.8, -0.4]]), (64, 64))[0, 0]
    rows, columns = (frame.sum(axis) @ torch.linspace(-1, 1, 64) / frame.sum() for axis in (1, 0))
    assert (rows.item(), columns.item()) == pytest.approx((0.2, -0.4), abs=0.01)


def test_poses_are_sums_kept_within_the_frame() -> None:
    rng = np.random.default_rng(0)
    initial, changes = rng.standard_normal((2, 3, 3)) + np.array([2, 0, 0]), rng.standard_normal((2, 5, 3, 3))
    found = poses_of(torch.from_numpy(initial), torch.from_numpy(changes), 2.0).numpy()
    raw = initial.copy()
    for t in range(5):
        raw = raw + changes[:, t]
        scale = np.clip(raw[..., 0], 1, 3)
        np.testing.assert_allclose(found[:, t, :, 0], scale)
        np.testing.assert_allclose(found[:, t, :, 1:], np.tanh(raw[..., 1:]) * (scale[..., None] - 0.5))


def lstm(cell: nn.LSTMCell, x: np.ndarray, state: Any) -> Any:
    """(h, c) of one step, from the equations."""
    w = {name: each.detach().numpy() for name, each in cell.named_parameters()}
    h, c = state
    gates = x @ w["weight_ih"].T + w["bias_ih"] + h @ w["weight_hh"].T + w["bias_hh"]
    i, f, g, o = np.split(gates, 4, axis=1)
    c = c / (1 + np.exp(-f)) + np.tanh(g) / (1 + np.exp(-i))
    return np.tanh(c) / (1 + np.exp(-o)), c


def test_pose_recurrence_is_that_of_the_release_in_numpy() -> None:
    net = randomised(model(components=3).pose.eval()).float()
    n, horizon = 3, 2
    frames = torch.rand(2, n, *FRAME, generator=generator())
    with torch.no_grad():
        features = np.stack([net.encoder(frames[:, t : t + 1]).double() for t in range(n)])
        found = net(frames, horizon)
    zero = np.zeros((2, 6))
    before, first, hidden = [zero] * (n + horizon), (zero, zero), []
    initial = []
    for _ in range(3):
        state, own = (zero, zero), []
        for t in range(n + horizon):
            x = features[t] if t < n else own[-1]
            state = lstm(net.seen if t < n else net.coming, np.concatenate((x, before[t]), 1), state)
            own.append(state[0])
        before = own
        hidden.append(np.stack(own, 1))
        first = lstm(net.over_components, own[0], first)
        initial.append(first[0])
    for head, values, moments, centre in (
        (net.change, np.stack(hidden, 2), found.changes, np.zeros(3)),
        (net.initial, np.stack(initial, 1), found.initial, np.array([2.0, 0, 0])),
    ):
        m, r = (
            values @ each.weight.detach().numpy().T + each.bias.detach().numpy() for each in (head.mean, head.spread)
        )
        np.testing.assert_allclose(moments.mean, m + centre, atol=1e-5)
        np.testing.assert_allclose(np.exp(moments.log_variance.numpy() / 2), np.log1p(np.exp(r)), atol=1e-5)


def test_components_start_at_the_scale_of_the_prior() -> None:
    with torch.no_grad():
        initial = model().pose(torch.rand(4, 5, *FRAME), 0).initial
    torch.testing.assert_close(initial.mean, torch.tensor([2.0, 0.0, 0.0]).expand(4, 2, 3), atol=0.05, rtol=0)


def test_the_loss_is_the_bound_of_one_draw() -> None:
    net = randomised(model(), scale=0.1).float().eval()
    frames = torch.rand(3, 6, *FRAME, generator=generator())
    kept = {}
    net.pose.register_forward_hook(lambda _, arguments, answer: kept.update(poses=answer))
    net.appearance.register_forward_hook(lambda _, arguments, answer: kept.update(content=answer))
    net.decoder.last.register_forward_hook(lambda _, arguments, answer: kept.update(objects=answer.sigmoid()))
    with torch.no_grad():
        terms = net.loss(batch(frames, 4), generator(7))
    posterior, content = kept["poses"], kept["content"]

    def normal(moments: Gaussian) -> Normal:
        return Normal(moments.mean, (moments.log_variance / 2).exp())

    drawing = generator(7)
    initial, changes = (
        normal(each).mean + normal(each).stddev * torch.randn(each.mean.shape, generator=drawing) for each in posterior
    )
    poses = poses_of(initial, changes, 2.0)
    objects = kept["objects"].view(2, 3, 1, 32, 32)
    decoded = torch.stack(
        [sum(paste(objects[k], poses[:, t, k], (64, 64)) for k in range(2)).clamp(max=1) for t in range(6)], 1
    )
    expected = {
        "frames": (decoded - frames).square().sum() / (2 * 0.09) / 3,
        "initial": kl_divergence(
            normal(posterior.initial), Normal(torch.tensor([2.0, 0, 0]), torch.tensor([0.2, 1, 1]))
        ).sum()
        / 3,
        "changes": kl_divergence(normal(posterior.changes), Normal(torch.tensor(0.0), torch.tensor(0.1))).sum() / 3,
        "appearance": kl_divergence(normal(content), Normal(torch.tensor(0.0), torch.tensor(1.0))).sum() / 3,
    }
    for name, each in expected.items():
        torch.testing.assert_close(terms[name], each, rtol=2e-5, atol=1e-4)
    torch.testing.assert_close(terms["total"], torch.stack(list(expected.values())).sum(), rtol=2e-5, atol=1e-3)


def test_a_swap_takes_appearance_from_one_clip_and_poses_from_the_other() -> None:
    net = model(initial_std=0.3).eval()
    a, b = torch.rand(2, 2, 4, *FRAME, generator=generator())
    asked: list[Tensor] = []
    decode = net.decoder.decode
    net.decoder.decode = lambda codes, *rest: (asked.append(codes), decode(codes, *rest))[1]  # type: ignore[method-assign]
    with torch.no_grad():
        torch.testing.assert_close(net.swap(a, a, 3), net(a, 3))
        swapped, of_a, of_b = net.swap(a, b, 3), net(a, 3), net(b, 3)
    torch.testing.assert_close(asked[2], asked[3])  # the content of a, though b moves
    assert not torch.allclose(asked[3], asked[4])
    assert not torch.allclose(swapped, of_a)
    assert not torch.allclose(swapped, of_b)


def test_a_sum_of_no_objects_is_refused() -> None:
    with pytest.raises(StbenchError, match="the setting 'components' of ddpae is 0: expected `int` >= 1"):
        construct("ddpae", DDPAE, {**SMALL, "components": 0}, FRAME)


@pytest.mark.parametrize(
    ("frame_shape", "changes", "sentence"),
    [
        ((3, 64, 64), {}, "adds grey objects"),
        (FRAME, {"scale": 1.25}, "the scale 1.25 puts objects beyond the frame"),
    ],
)
def test_what_cannot_be_a_sum_of_objects_is_refused(
    frame_shape: tuple[int, ...], changes: dict[str, Any], sentence: str
) -> None:
    with pytest.raises(StbenchError, match=sentence):
        model(frame_shape, **changes)


class Still(nn.Module):
    """A pose network whose components stay at pose_0."""

    def __init__(self, moving: PoseNetwork) -> None:
        super().__init__()
        self.moving = moving

    def forward(self, frames: Tensor, horizon: int) -> PosePosterior:
        found: PosePosterior = self.moving(frames, horizon)
        mean = torch.zeros_like(found.changes.mean)
        return found._replace(changes=Gaussian(mean, mean - 40))


CLIPS = 64


@cache
def squares() -> Tensor:
    """64 clips of eight frames: two squares of 12 and 16 pixels that cross the frame.

    No sprites: DDPAE adds grey objects on black and refuses frames of three channels.
    """
    drawing = generator(1)
    clips = torch.zeros(CLIPS, 8, *FRAME)
    for clip in clips:
        for side, brightness in ((12, 1.0), (16, 0.6)):
            start, end = (torch.randint(0, 64 - side, (2,), generator=drawing) for _ in range(2))
            for t in range(8):
                y, x = (start + (end - start) * t // 7).tolist()
                clip[t, 0, y : y + side, x : x + side] += brightness
    return clips.clamp(max=1)


def trained(still: bool, steps: int = 600) -> float:
    """Mean of the last 25 values of the term `frames`."""
    net = model(**{**PUBLISHED, "initial_std": 0.05})
    if still:
        net.pose = Still(net.pose)
    optimiser = torch.optim.Adam(net.parameters(), 1e-3, betas=(0.5, 0.999))
    drawn, found = generator(), []
    for k in range(steps):
        rows = torch.randperm(CLIPS, generator=drawn)[:8]
        optimiser.zero_grad()
        terms = net.loss(batch(squares()[rows], 4, k), drawn)
        terms["total"].backward()
        optimiser.step()
        found.append(terms["frames"].item())
    return float(np.mean(found[-25:]))


@pytest.mark.slow
def test_components_that_move_explain_more_than_components_that_stay() -> None:
    """5,953 and 6,926 (0.860). With three times the rate, on 32 clips, neither had learnt to move after 600 steps."""
    assert trained(still=False) < 0.95 * trained(still=True)
