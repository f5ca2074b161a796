"""What holds of every model that predicts the next frame: what is scored, fed, reversed, and what must not leak."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from recurrent import batch, generator
from stbench.baselines.predrnn.model import PredRNN
from torch import Tensor, nn

from stbench import registry
from stbench.contract.datasets import Track
from stbench.contract.models import Task
from stbench.errors import StbenchError
from stbench.models.parts.frame_by_frame import FrameByFrame

COMMON = {"kernel": 3, "patch": 2, "bias": True, "sampling_steps": 1, "reverse_input": False}
SETTINGS: dict[str, dict[str, Any]] = {
    "predrnn": {**COMMON, "hidden": [4, 4], "norm": "none", "loss": "mse"},
    "causal-lstm": {
        **COMMON,
        "hidden": [4, 3, 4],
        "norm": "channel",
        "loss": "mse",
        "init": "library",
        "highway": True,
    },
    "mim": {**COMMON, "hidden": [4] * 3, "norm": "none", "loss": "mse", "init": "release", "first": "shared"},
    "e3d-lstm": {
        **COMMON,
        "hidden": [4, 4],
        "window": 2,
        "norm": "channel",
        "loss": "mse_mae",
        "init": "glorot",
        "recalls": True,
    },
}
TASK = Task(Track("d", "forecast", 4, 5, 5, ("mse",)), (2, 8, 12))


def built(name: str, **changes: Any) -> FrameByFrame:
    torch.manual_seed(0)
    net: FrameByFrame = registry.model(name).build({**SETTINGS[name], **changes}, TASK)
    return net


def frames(length: int = 7, size: int = 3) -> Tensor:
    return torch.rand(size, length, 2, 8, 12, generator=generator(5))


@pytest.mark.parametrize("name", SETTINGS)
def test_every_frame_but_the_first_is_scored(name: str) -> None:
    net, clip = built(name), frames()
    with torch.no_grad():
        # At the last step of the schedule no input of the forecast is a true frame, so a forecast shows them all.
        shorter = [net(clip[:, :k], 1) for k in (1, 2, 3)]
        predicted = torch.cat([*shorter, net(clip[:, :4], 3)], 1)
        expected = net.objective.error(predicted, clip[:, 1:])
        torch.testing.assert_close(net.loss(batch(clip, 4), generator())["total"], expected)


@pytest.mark.parametrize("name", SETTINGS)
def test_a_forecast_depends_on_its_own_window_and_on_nothing_before_it(name: str) -> None:
    """No state is kept from one batch to the next, and none is shared within one."""
    net, one, other = built(name), frames(), 1 - frames()
    with torch.no_grad():
        before = net(one[:, :4], 4), net.loss(batch(one, 4), generator())["total"]
        net(other[:, :4], 4), net.loss(batch(other, 4), generator())
        after = net(one[:, :4], 4), net.loss(batch(one, 4), generator())["total"]
        among = net(torch.cat((one[:1], other[1:]))[:, :4], 4)
    assert all(torch.equal(a, b) for a, b in zip(before, after, strict=True))
    torch.testing.assert_close(among[0], before[0][0], atol=1e-6, rtol=1e-5)
    assert (among[1] - before[0][1]).abs().max() > 1e-5


@pytest.mark.parametrize("name", SETTINGS)
def test_a_prediction_depends_on_the_frames_before_it_alone(name: str) -> None:
    net, clip = built(name, sampling_steps=10**9), frames(length=8)
    clip.requires_grad_()
    with torch.random.fork_rng(devices=[]):
        truth = torch.ones(len(clip), 3, dtype=torch.bool)
        raw = net._roll_out(clip, 4, 7, truth)
    for t in range(7):
        (gradient,) = torch.autograd.grad(raw[:, t].square().sum(), clip, retain_graph=True)
        reached = gradient.abs().amax((0, 2, 3, 4)) > 0
        assert reached.tolist() == [k <= t for k in range(8)]


@pytest.mark.parametrize("name", SETTINGS)
def test_a_longer_forecast_begins_with_the_shorter(name: str) -> None:
    net, clip = built(name), frames()
    with torch.no_grad():
        torch.testing.assert_close(net(clip[:, :4], 9)[:, :3], net(clip[:, :4], 3))


@pytest.mark.parametrize("name", SETTINGS)
def test_every_second_training_step_sees_its_clips_backwards_where_the_release_does(name: str) -> None:
    clip, backwards = frames(), frames().flip(1)
    with torch.no_grad():
        plain, reversing = built(name), built(name, reverse_input=True)

        def loss(net: nn.Module, seen: Tensor, step: int) -> Tensor:
            total: Tensor = net.loss(batch(seen, 4, step), generator())["total"]  # type: ignore[operator]
            return total

        assert torch.equal(loss(reversing, clip, 6), loss(plain, clip, 6))
        assert torch.equal(loss(reversing, clip, 7), loss(plain, backwards, 7))
        assert not torch.equal(loss(plain, clip, 7), loss(plain, backwards, 7))
        # Never in a forecast.
        assert torch.equal(reversing(clip[:, :4], 2), plain(clip[:, :4], 2))


@pytest.mark.parametrize("name", SETTINGS)
def test_every_parameter_learns(name: str) -> None:
    net = built(name)
    net.loss(batch(frames(), 4), generator())["total"].backward()
    assert [each for each, p in net.named_parameters() if p.grad is None or not p.grad.abs().max() > 0] == []


def test_true_frames_are_mixed_in_sample_by_sample_and_frame_by_frame() -> None:
    net, clip = built("predrnn", sampling_steps=100), frames(length=10, size=64)
    seen: list[Tensor] = []
    read = net.stack.read
    net.stack.read = lambda inputs: seen.append(inputs) or read(inputs)  # type: ignore[operator,assignment,func-returns-value]
    with torch.no_grad():
        net.loss(batch(clip, 4, step=49), generator())
    cut = nn.functional.pixel_unshuffle(clip, 2)
    true = (torch.cat(seen, 1) == cut[:, :-1]).flatten(2).all(2)
    assert true[:, :4].all()
    assert true[:, 4:].float().mean() == pytest.approx(0.5, abs=0.1)
    assert 0 < true[:, 4:].float().mean(0).min() < 1
    assert true[:, 4:].float().mean(1).std() > 0


def test_conditioning_frames_are_read_in_one_call() -> None:
    net, sizes = built("predrnn"), []
    read = net.stack.read
    net.stack.read = lambda inputs: sizes.append(inputs.shape[1]) or read(inputs)  # type: ignore[operator,assignment,func-returns-value]
    with torch.no_grad():
        net(frames()[:, :4], 3)
    assert sizes == [4, 1, 1]


@pytest.mark.parametrize(
    ("frame_shape", "changes", "sentence"),
    [
        ((100,), {}, "predrnn needs images"),
        ((1, 64, 63), {}, "64 x 63 pixels cannot be cut into patches of 2 x 2"),
        ((1, 64, 64), {"kernel": 4}, "must be odd"),
        ((1, 64, 64), {"norm": "channels"}, "did you mean 'channel'"),
        ((1, 64, 64), {"loss": "mae_mse"}, "there is no loss 'mae_mse'"),
        ((1, 64, 64), {"hidden": [4, 8]}, r"have the widths \[4, 8\]"),
        ((1, 64, 64), {"layers": 3}, "has no setting 'layers'"),
    ],
)
def test_impossible_settings_are_refused_in_a_sentence(
    frame_shape: tuple[int, ...], changes: dict[str, Any], sentence: str
) -> None:
    settings = {**SETTINGS["predrnn"], **changes}
    with pytest.raises(StbenchError, match=sentence):
        registry.model("predrnn").build(settings, Task(TASK.track, frame_shape))


def test_predrnn_is_what_the_entry_point_builds() -> None:
    assert isinstance(built("predrnn"), PredRNN)
