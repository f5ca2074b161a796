"""What holds of every feed-forward baseline: how it goes on from its own frames, what it learns from, what must not
leak."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from feed_forward import CONDITIONING, HORIZON, SETTINGS, built, frames
from recurrent import batch, generator
from torch import Tensor, nn

from stbench.errors import StbenchError
from stbench.models.parts.block_by_block import WINDOWS_AT_ONCE, BlockByBlock
from stbench.splits.training import TrainingWindows
from stbench.training.loop import train


@pytest.mark.parametrize("name", SETTINGS)
def test_a_longer_horizon_goes_on_from_the_frames_of_the_model_itself(name: str) -> None:
    """By hand: the last four of what is known go in, the next ones come out, the rest of the last answer is cut off."""
    net = built(name).eval()
    clip = frames(CONDITIONING)
    with torch.no_grad():
        known = clip
        while known.shape[1] < CONDITIONING + 11:
            known = torch.cat((known, net.network(known[:, -CONDITIONING:])), 1)
        torch.testing.assert_close(net(clip, 11), known[:, CONDITIONING:][:, :11])


@pytest.mark.parametrize("name", ["simvp", "simvp:inception", "tau"])
def test_simvp_and_tau_answer_with_as_many_frames_as_they_read(name: str) -> None:
    net, calls = built(name).eval(), []
    net.network.register_forward_hook(lambda module, given, found: calls.append(found.shape[1]))
    with torch.no_grad():
        assert net(frames(CONDITIONING), 11).shape == (3, 11, 2, 8, 12)
    assert calls == [4, 4, 4]


@pytest.mark.parametrize("name", SETTINGS)
def test_a_shorter_horizon_is_the_beginning_of_a_longer_one(name: str) -> None:
    net = built(name).eval()
    with torch.no_grad():
        torch.testing.assert_close(net(frames(CONDITIONING), 9)[:, :3], net(frames(CONDITIONING), 3))


@pytest.mark.parametrize("name", SETTINGS)
def test_a_forecast_depends_on_its_own_window_and_on_nothing_asked_before(name: str) -> None:
    """After training steps in which batch statistics moved, too. In float64: library kernels round by batch size."""
    net, clip = built(name).double(), frames().double()
    net.train()
    net.loss(batch(clip, CONDITIONING), generator())["total"].backward()
    net.eval()
    with torch.no_grad():
        alone = net(clip[:1, :CONDITIONING], HORIZON)
        net(5 * clip[1:, :CONDITIONING], 3)
        changed = torch.cat((clip[:1, :CONDITIONING], -3 * clip[1:, :CONDITIONING]))
        torch.testing.assert_close(net(changed, HORIZON)[:1], alone, rtol=0, atol=1e-10)
        assert torch.equal(net(clip[:1, :CONDITIONING], HORIZON), alone)


def test_many_windows_are_forecast_in_parts_and_a_gradient_needs_them_whole() -> None:
    net, calls = built("fno-2d").eval(), []
    net.network.register_forward_hook(lambda module, given, found: calls.append(len(found)))
    clip = frames(CONDITIONING, WINDOWS_AT_ONCE + 3)
    whole = net(clip, 1)
    with torch.no_grad():
        torch.testing.assert_close(net(clip, 1), whole)
    assert calls == [WINDOWS_AT_ONCE + 3, WINDOWS_AT_ONCE, 3]


@pytest.mark.parametrize("name", SETTINGS)
def test_own_frames_are_what_the_loss_goes_on_from(name: str) -> None:
    """So the true frames after the conditioning ones are targets alone."""
    net, clip = built(name).eval(), frames()
    with torch.no_grad():
        expected = (net(clip[:, :CONDITIONING], HORIZON) - clip[:, CONDITIONING:]).square().mean()
        terms = net.loss(batch(clip, CONDITIONING), generator())
    torch.testing.assert_close(terms.get("frames", terms["total"]), expected)


@pytest.mark.parametrize("writes", [1, 2, 4])
def test_true_frames_as_inputs_are_all_windows_of_a_clip_in_one_call(writes: int) -> None:
    net, clip, calls = built("unet", inputs="true", writes=writes), frames(), []
    expected = torch.cat([net.network(clip[:, k : k + CONDITIONING]) for k in range(0, HORIZON, writes)], 1)[
        :, :HORIZON
    ]
    net.network.register_forward_hook(lambda module, given, found: calls.append(len(found)))
    found = net.loss(batch(clip, CONDITIONING), generator())["total"]
    torch.testing.assert_close(found, (expected - clip[:, CONDITIONING:]).square().mean())
    assert calls == [3 * -(-HORIZON // writes)]


@pytest.mark.parametrize("name", SETTINGS)
def test_every_parameter_gets_a_gradient(name: str) -> None:
    net = built(name)
    net.loss(batch(frames(), CONDITIONING), generator())["total"].backward()
    without = [key for key, each in net.named_parameters() if each.grad is None or not each.grad.abs().max() > 0]
    assert not without


def test_what_is_drawn_while_learning_comes_from_the_generator_it_is_handed() -> None:
    net = built("simvp", drop_path=[0.5, 0.5]).train()
    given = batch(frames(), CONDITIONING)
    state = torch.get_rng_state()
    first, again, other = (net.loss(given, generator(seed))["total"].item() for seed in (1, 1, 2))
    assert first == again != other
    assert torch.equal(torch.get_rng_state(), state)


@pytest.mark.parametrize("name", SETTINGS)
def test_bfloat16_stays_close_to_float32_and_states_between_calls_are_float32(name: str) -> None:
    """They differ by 0.04 to 0.17 %."""
    net, given = built(name), batch(frames(), CONDITIONING)
    exact = net.loss(given, generator())["total"].item()
    with torch.autocast("cpu", torch.bfloat16):
        assert net.predictions(given, generator()).dtype == torch.float32
        rounded = net.loss(given, generator())["total"].item()
    assert rounded == pytest.approx(exact, rel=0.005)


@pytest.mark.parametrize("name", ["simvp", "tau"])
def test_an_interrupted_training_that_drops_paths_ends_in_the_same_weights(
    name: str, tmp_path: Path, train_on: Callable[..., TrainingWindows]
) -> None:
    """Batch statistics and what is drawn go on where they stopped, to the last bit."""
    windows = train_on(np.random.default_rng(0).random((3, 14, 2, 8, 12)), CONDITIONING, HORIZON)
    settings = {
        "split": "train",
        "steps": 6,
        "batch_size": 3,
        "learning_rate": 1e-3,
        "betas": [0.9, 0.99],
        "schedule": "one-cycle",
        "cycle_momentum": True,
        "precision": "float32",
    }

    def run(folder: str, stop: Callable[[], bool] | None = None) -> BlockByBlock:
        net = built(name, drop_path=[0.5, 0.5])
        train(net, windows, settings, tmp_path / folder, seed=3, identity={}, stop=stop)
        return net

    whole, calls = run("whole").state_dict(), iter([False, False, False, True])
    run("parts", stop=lambda: next(calls))
    for key, value in run("parts").state_dict().items():
        assert torch.equal(value, whole[key]), key


class Doubles(nn.Module):
    """Twice the last frame."""

    writes = 1

    def forward(self, frames: Tensor, generator: torch.Generator | None = None) -> Tensor:
        return 2 * frames[:, -1:]


def test_calls_follow_one_another_in_time() -> None:
    found = BlockByBlock(Doubles(), inputs="own", loss="mse")(torch.ones(1, 4, 1, 2, 2), 4)
    assert found[0, :, 0, 0, 0].tolist() == [2, 4, 8, 16]


def test_an_unknown_kind_of_inputs_is_refused_with_the_nearest() -> None:
    with pytest.raises(StbenchError, match="did you mean 'true'"):
        built("unet", inputs="tru")
