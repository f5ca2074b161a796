"""What the Hamiltonian model answers: roll-outs, transfers, draws, codes, and the action it infers."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hamiltonian_model import ACTION, clip, generator, model


def test_unequal_times_lie_on_the_dense_roll_out() -> None:
    module = model(operator="definite").double().eval()
    frames = clip().double()
    dense = module.sample(frames, 9, ACTION, generator(1))
    sparse = module.sample(frames, 3, ACTION, generator(1), times=torch.tensor([0.0, 2.0, 7.0]))
    torch.testing.assert_close(sparse, dense[:, [0, 2, 7]])


def test_half_times_are_those_of_a_roll_out_with_half_the_operator() -> None:
    module = model(operator="definite").double().eval()
    frames = clip().double()
    sparse = module.sample(frames, 3, ACTION, generator(1), times=[0.5, 2.5, 3.0])
    with torch.no_grad():
        # exp(t H(raw)) = exp(2t H(raw) / 2); M is quadratic in the raw weights of a positive definite operator.
        halved = module.dynamics.propagator(torch.tensor([0.5]))[0]
        code = module.infer(frames, ACTION)[0].mean
        noise = torch.randn(2, len(frames), module.blocks * module.block_size, generator=generator(1)).double()
        state, states = module.states(noise[0], noise[1], ACTION), []
        for _ in range(7):
            states.append(state)
            state = torch.einsum("kij,bkj->bki", halved, state)
        dense = module.decode(code, torch.stack(states, 1))
    torch.testing.assert_close(sparse, dense[:, [1, 5, 6]])


def test_roll_outs_keep_their_precision_under_autocast() -> None:
    module = model(operator="definite").eval()
    states, times = torch.randn(2, 3, 6, generator=generator()), torch.arange(8)
    plain, energy = module.dynamics.flow(states, times), module.dynamics.energy(states)
    with torch.autocast("cpu", torch.bfloat16):
        assert torch.equal(module.dynamics.flow(states, times), plain)
        assert torch.equal(module.dynamics.energy(states), energy)


def test_a_roll_out_is_the_same_from_each_of_its_states() -> None:
    module = model(operator="definite", unit_norm=False).double().eval()
    start = torch.randn(3, 3, 6, generator=generator()).double()
    rolled = module.dynamics.flow(start, torch.arange(8))
    for reference in (0, 3, 7):
        again = module.dynamics.flow(rolled[:, reference], torch.arange(8) - reference)
        torch.testing.assert_close(again, rolled, atol=1e-9, rtol=1e-9)


def test_content_and_motion_come_from_their_own_clips() -> None:
    module = model().eval()
    one, other = clip(1), clip(2)
    with torch.no_grad():
        moved = module.transfer(one, other, 8, ACTION)
        assert torch.equal(module.transfer(one, one, 8, ACTION), module.generate(one, 8, ACTION))
        assert not torch.equal(moved, module.generate(one, 8, ACTION))
        assert not torch.equal(moved, module.generate(other, 8, ACTION))
        shuffled = one[:, torch.randperm(8, generator=generator())]
        assert not torch.equal(module.generate(shuffled, 8, ACTION), module.generate(one, 8, ACTION))


@pytest.mark.parametrize("reference", [0, 3, 7])
def test_a_clip_is_rolled_out_both_ways_from_the_state_of_its_reference_frame(reference: int) -> None:
    module, one, other = model().eval(), clip(1), clip(2)
    with torch.no_grad():
        found = module.transfer(one, other, 9, ACTION, reference)
        content = module.infer(one, ACTION)[0].mean
        _, position, momentum = module.infer(other, ACTION)
        state = module.states(position.mean, momentum.mean, ACTION)[:, reference]
        times = torch.tensor([time - reference for time in range(9)])
        assert torch.equal(found, module.decode(content, module.dynamics.flow(state, times)))


def test_forecast_begins_after_the_conditioning_frames() -> None:
    module = model(conditioned=False).eval()
    with torch.no_grad():
        forecast = module(clip(), 5)
        whole = module.transfer(clip(), clip(), 13, reference=7)
    assert forecast.shape == (3, 5, 3, 16, 16)
    assert torch.equal(forecast, whole[:, 8:])


def test_action_is_inferred_where_none_is_given() -> None:
    module = model().eval()
    with torch.no_grad():
        found = module.infer_action(clip())
        assert torch.equal(module.generate(clip(), 8), module.generate(clip(), 8, found))


def test_whoever_infers_an_action_looks_at_each_clip_once() -> None:
    module, one, other = model().eval(), clip(1), clip(2)
    looked: list[int] = []
    module.encoder.register_forward_hook(lambda *_: looked.append(1))
    asked = {
        "transfer": (2, lambda: module.transfer(one, other, 8)),
        "generate": (1, lambda: module.generate(one, 8)),
        "resample": (1, lambda: module.resample(one, 8, None, generator())),
        "codes": (1, lambda: module.codes(one, None)),
        "reconstruct": (1, lambda: module.reconstruct(one)),
        "conservation": (1, lambda: module.conservation(one, 3, None)),
    }
    with torch.no_grad():
        for name, (clips, ask) in asked.items():
            looked.clear()
            ask()
            assert len(looked) == clips, name


def test_resampled_content_is_that_of_the_prior_and_moves_as_the_clip_does() -> None:
    module = model().eval()
    with torch.no_grad():
        made = module.resample(clip(1), 5, ACTION, generator(3))
        assert torch.equal(made, module.resample(clip(1), 5, ACTION, generator(3)))
        assert not torch.equal(made, module.resample(clip(1), 5, ACTION, generator(4)))
        _, position, momentum = module.infer(clip(1), ACTION)
        start = module.states(position.mean[:, 0], momentum.mean[:, 0], ACTION)
        content = torch.randn(3, 8, generator=generator(3))
        expected = module.decode(content, module.dynamics.flow(start, torch.arange(5)))
    torch.testing.assert_close(made, expected)


def test_sampled_motion_knows_nothing_of_the_motion_of_the_clip_but_its_content() -> None:
    """Two clips whose content network says the same give the same sample, whatever moves in them."""
    module = model().eval()
    with torch.no_grad():
        made = module.sample(clip(1), 5, ACTION, generator(3))
        code = module.infer(clip(1), ACTION)[0].mean
        noise = torch.randn(2, 3, 9, generator=generator(3))
        expected = module.decode(code, module.dynamics.flow(module.states(*noise, ACTION), torch.arange(5)))
    torch.testing.assert_close(made, expected)


def test_reconstruction_rolls_nothing_out() -> None:
    """Frame t is decoded from the state inferred at frame t: another operator gives the same frames."""
    one, other = model().eval(), model().eval()
    with torch.no_grad():
        other.dynamics.raw.mul_(3)
        frames = one.reconstruct(clip(), ACTION)
        assert torch.equal(frames, other.reconstruct(clip(), ACTION))
        first = one.generate(clip(), 1, ACTION)
    assert frames.shape == (3, 8, 3, 16, 16)
    torch.testing.assert_close(frames[:, :1], first)


def test_imagined_sequences_come_from_the_prior_alone() -> None:
    module = model().eval()
    with torch.no_grad():
        made = module.imagine(4, ACTION, generator(5))
        assert made.shape == (3, 4, 3, 16, 16)
        assert torch.equal(made, module.imagine(4, ACTION, generator(5)))
        assert not torch.equal(made, module.imagine(4, ACTION.flip(0), generator(5)))


def test_codes_are_posterior_means_and_the_motion_has_seen_a_whole_window() -> None:
    module = model().eval()
    with torch.no_grad():
        found = module.codes(clip(), ACTION)
        content, position, momentum = module.infer(clip(), ACTION)
        later = clip()
        later[:, 7] = 0
        changed = module.codes(later, ACTION)
    assert torch.equal(found["content"], content.mean)
    assert torch.equal(found["motion"], torch.cat((position.mean[:, 6], momentum.mean[:, 6]), 1))
    # Frame 7 is after the window of frame 6: the motion code does not know it, the content of the clip does.
    torch.testing.assert_close(changed["motion"], found["motion"])
    assert not torch.equal(changed["content"], found["content"])


@pytest.mark.parametrize("operator", ["free", "skew", "unitary", "definite"])
def test_conservation_says_that_a_hamiltonian_flow_keeps_its_energy_and_runs_backwards(operator: str) -> None:
    module = model(operator=operator, operator_gain=0.5).eval()
    with torch.no_grad():
        found = module.conservation(clip(), 8, ACTION)
    for name in ("energy_drift", "reversibility_error"):
        assert found[name].shape == (3,)
        assert found[name].dtype == torch.float64
        assert found[name].max() < 1e-6


def test_conservation_finds_an_operator_that_does_not_conserve(monkeypatch: pytest.MonkeyPatch) -> None:
    module = model(operator="definite").eval()
    true = module.dynamics.propagator
    monkeypatch.setattr(module.dynamics, "propagator", lambda times: 1.01 * true(times))
    with torch.no_grad():
        found = module.conservation(clip(), 8, ACTION)
    np.testing.assert_allclose(found["energy_drift"], 1.01**2 - 1, rtol=1e-6)
    np.testing.assert_allclose(found["reversibility_error"], 1.01**2 - 1, rtol=1e-6)
