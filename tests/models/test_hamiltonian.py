"""Sizes, losses, prior and refusals of the Hamiltonian model."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hamiltonian_model import ACTION, RELEASED, SMALL, clip, generator, model
from torch.distributions import Normal, kl_divergence

from stbench.contract.datasets import Track
from stbench.contract.models import Task
from stbench.errors import StbenchError
from stbench.models.hamiltonian.model import TERMS, Hamiltonian, build
from stbench.models.hamiltonian.motion_prior import DECAY, FittedPrior
from stbench.models.hamiltonian.networks import CausalConvolutions
from stbench.models.parts.gaussian import Gaussian
from stbench.running.plan import choose
from stbench.training.cost import count_parameters


def test_parameters_of_the_released_sprites_configuration_are_counted_exactly() -> None:
    with torch.device("meta"):
        whole = Hamiltonian((3, 64, 64), **RELEASED)
    heads = 2_664 * 2 + 131_584
    assert count_parameters(whole.encoder) == 82_092_544
    assert count_parameters(whole.decoder) == 73_303_049
    assert count_parameters(whole.motion.history) == 10_512
    assert count_parameters(whole.dynamics) == 1_728
    assert count_parameters(whole.content) + count_parameters(whole.motion) == 2_775_908 + heads + 10_512
    assert count_parameters(whole) == 158_320_653


def test_every_parameter_is_trained() -> None:
    # The released code gives its optimisers the encoder, the decoder and H only.
    module = model()
    module.loss({"frames": clip(), "action": ACTION}, generator())["total"].backward()
    assert [name for name, each in module.named_parameters() if each.grad is None or not each.grad.any()] == []


def test_momentum_sees_seven_frames_and_nothing_later() -> None:
    torch.manual_seed(0)
    history = CausalConvolutions(5).double()
    motion = torch.randn(1, 20, 5, dtype=torch.float64, requires_grad=True)
    history(motion)[0, 12].sum().backward()
    seen = motion.grad[0].abs().sum(1).nonzero().flatten().tolist()
    assert seen == list(range(6, 13))
    assert history.window == 7


def test_divergence_is_the_closed_form_of_two_gaussians() -> None:
    mean, log_variance = torch.randn(2, 50, generator=generator()).double()
    expected = kl_divergence(Normal(mean, (0.5 * log_variance).exp()), Normal(torch.zeros(50).double(), 1.0))
    torch.testing.assert_close(Gaussian(mean, log_variance).divergence(), expected)


def test_samples_of_a_posterior_have_its_mean_and_variance() -> None:
    posterior = Gaussian(torch.tensor([1.0, -2.0]).repeat(40_000, 1), torch.tensor([0.4, -1.0]).repeat(40_000, 1))
    drawn = posterior.sample(generator())
    torch.testing.assert_close(drawn.mean(0), posterior.mean[0], atol=0.03, rtol=0)
    torch.testing.assert_close(drawn.var(0), posterior.log_variance[0].exp(), atol=0.04, rtol=0)


def test_inactive_blocks_are_zero_at_all_times() -> None:
    module = model().double().eval()
    _, position, momentum = module.infer(clip().double(), ACTION)
    rolled = module.dynamics.flow(module.states(position.mean, momentum.mean, ACTION)[:, 0], torch.arange(6))
    for row, action in enumerate(ACTION):
        others = [k for k in range(3) if k != action]
        assert not rolled[row, :, others].any()
        assert rolled[row, :, action].abs().min() > 0


def test_unconditioned_variant_moves_in_every_block_and_wants_no_label() -> None:
    module = model(conditioned=False).eval()
    _, position, momentum = module.infer(clip(), None)
    assert module.states(position.mean, momentum.mean, None).abs().amin(-1).min() > 0
    terms = module.loss({"frames": clip()}, generator())
    assert torch.isfinite(terms["total"])


def test_sampled_blocks_have_unit_norm_where_asked() -> None:
    for wanted in (True, False):
        module = model(unit_norm=wanted, conditioned=False)
        states = module.states(torch.randn(2, 4, 9), torch.randn(2, 4, 9), None)
        norms = torch.stack((states[..., :3].norm(dim=-1), states[..., 3:].norm(dim=-1)))
        assert torch.allclose(norms, torch.ones_like(norms), atol=1e-5) is wanted


def test_loss_terms_equal_a_numpy_evaluation() -> None:
    module = model().double().eval()
    frames = clip().double()
    terms = {
        name: term.item() for name, term in module.loss({"frames": frames, "action": ACTION}, generator(3)).items()
    }
    # The same draws in the same order, then the equations, frame by frame and block by block.
    stream = generator(3)
    content, position, momentum = module.infer(frames, ACTION)
    z, q, p = (each.sample(stream).detach().numpy() for each in (content, position, momentum))
    reference = int(torch.randint(7, (), generator=stream))
    matrices = module.dynamics.matrix().detach().numpy()
    import scipy.linalg

    expected = dict.fromkeys(terms, 0.0)
    x = 2 * frames.numpy() - 1
    for b in range(3):
        k = int(ACTION[b])
        states = []
        for t in range(8):
            halves = [half[b, t, 3 * k : 3 * k + 3] for half in (q, p)]
            states.append(np.concatenate([half / (np.linalg.norm(half) + 1e-8) for half in halves]))
        rolled = [scipy.linalg.expm((t - reference) * matrices[k]) @ states[reference] for t in range(8)]

        def shown(sequence: list[np.ndarray], b: int = b, k: int = k) -> np.ndarray:
            code = np.zeros((8, 8 + 9))
            code[:, :8] = z[b]
            code[:, 8 + 3 * k : 8 + 3 * k + 3] = np.stack(sequence)[:, :3]
            return module.decoder(torch.from_numpy(code)).detach().numpy()

        generated, direct = shown(rolled), shown(states)
        expected["reconstruction"] += ((generated - x[b]) ** 2).sum() / 3
        expected["direct"] += ((direct - x[b]) ** 2).sum() / 3
        expected["consistency"] += ((np.stack(rolled) - np.stack(states)) ** 2).sum() / 3
        expected["differences"] += ((np.diff(generated, axis=0) - np.diff(x[b], axis=0)) ** 2).sum() / 3
        for name, posterior in (("position", position), ("momentum", momentum)):
            m, v = (each[b, :, 3 * k : 3 * k + 3].detach().numpy() for each in posterior)
            expected[f"divergence_{name}"] += 0.5 * (m**2 + np.exp(v) - v - 1).sum() / 3
        m, v = (each[b].detach().numpy() for each in content)
        expected["divergence_content"] += 0.5 * (m**2 + np.exp(v) - v - 1).sum() / 3
    expected["total"] = sum(expected[name] for name in TERMS)
    assert terms == pytest.approx(expected, rel=1e-6)


def test_divergence_at_the_reference_frame_counts_one_frame() -> None:
    batch = {"frames": clip(), "action": ACTION}
    weights = dict.fromkeys(TERMS, 0.0) | {"divergence_position": 1.0}
    whole = model(loss_weights=weights).eval().loss(batch, generator())["total"]
    one = model(loss_weights=weights, divergence_frames="reference").eval().loss(batch, generator())["total"]
    assert 0 < one < whole


def test_a_content_without_a_unit_a_direction_is_refused() -> None:
    with pytest.raises(StbenchError, match="has the size 1: make it 2 or more"):
        model(content_size=1)
    assert model(content_size=9).infer(clip(), ACTION)[0].mean.shape == (3, 9)


@pytest.mark.parametrize("action", [torch.tensor([0, 1, 3]), torch.tensor([-1, 0, 0])])
def test_action_the_model_does_not_know_is_refused(action: torch.Tensor) -> None:
    with pytest.raises(StbenchError, match=r"3 actions, 0\.\.2"):
        model().infer(clip(), action)


def test_missing_action_is_refused_in_training() -> None:
    with pytest.raises(StbenchError, match="was given none"):
        model().loss({"frames": clip()}, generator())


@pytest.mark.parametrize("shape", [(100,), (1, 64, 32), (1, 30, 30)])
def test_frames_that_do_not_fit_the_networks_are_refused(shape: tuple[int, ...]) -> None:
    with pytest.raises(StbenchError, match="multiple of 8"):
        Hamiltonian(shape, **SMALL)


def test_unknown_loss_term_is_refused() -> None:
    with pytest.raises(StbenchError, match="reconstruction"):
        model(loss_weights={"reconstructon": 1.0})


def test_training_clips_shorter_than_the_momentum_window_are_refused() -> None:
    track = Track("toy", "forecast", 2, 4, train_horizon=4, metrics=("mse",))
    with pytest.raises(StbenchError, match=r"looks at 7 frames and the track toy/forecast-4 trains on clips of 6"):
        build(SMALL, Task(track, (1, 16, 16)))


def test_clip_shorter_than_the_momentum_window_is_padded_as_published() -> None:
    # Zero padding before the clip: the first frames of a long clip and a short clip have the same momenta.
    module = model().double().eval()
    whole, short = (module.infer(clip().double()[:, :n], ACTION)[2].mean for n in (8, 3))
    torch.testing.assert_close(whole[:, :3], short)


@pytest.mark.parametrize(
    ("name", "parameters"), [("sprites", 158_320_869), ("sprites:unconditioned", 158_320_653), ("mug", 163_789_617)]
)
def test_paper_presets_have_the_sizes_that_the_docs_state(name: str, parameters: int) -> None:
    """The released Sprites form has 158,320,653; labels of three actions add 72 x 3 input weights."""
    dataset, _, variant = name.partition(":")
    settings = choose(f"hamiltonian:{variant}" if variant else "hamiltonian", dataset, preset="paper").configuration
    with torch.device("meta"):
        module = Hamiltonian((3, 64, 64), **settings["model"])
    assert count_parameters(module) == parameters
    assert f"{parameters:,}" in (Path(__file__).parents[2] / "docs" / "readings.md").read_text("utf-8")


def test_fitted_prior_has_the_moments_of_each_action_and_late_batches_count_more() -> None:
    rng = np.random.default_rng(0)
    states = rng.normal(size=(2, 40, 2, 4)) + 3 * np.arange(2)[:, None]
    action = rng.integers(0, 2, (2, 40))
    prior = FittedPrior(3, 4).double()
    for batch, each in zip(states, action, strict=True):
        hot = torch.from_numpy(np.eye(3)[each])
        prior.see(torch.from_numpy(np.concatenate([batch, batch[:, :1]], 1)), hot)

    drawn = prior(torch.randn(200_000, 3, 4, dtype=torch.float64, generator=generator()))
    for k in range(2):
        weights = (np.array([DECAY, 1])[:, None] * (action == k)).ravel()
        seen = states[:, :, k].reshape(-1, 4)
        np.testing.assert_allclose(drawn[:, k].mean(0), np.average(seen, axis=0, weights=weights), atol=0.02)
        np.testing.assert_allclose(np.cov(drawn[:, k].T), np.cov(seen.T, aweights=weights, ddof=0), atol=0.03)
    noise = torch.randn(5, 3, 4, dtype=torch.float64, generator=generator(1))
    torch.testing.assert_close(prior(noise)[:, 2], noise[:, 2], rtol=0, atol=0)


def test_fitted_prior_keeps_its_precision_under_autocast() -> None:
    """States close together: products in bfloat16 would be a hundred times their covariance off."""
    states = 1 + 0.003 * torch.randn(64, 1, 4, generator=generator())
    prior = FittedPrior(1, 4)
    with torch.autocast("cpu", torch.bfloat16):
        for _ in range(20):
            prior.see(states, torch.ones(64, 1))
    drawn = prior(torch.randn(20_000, 1, 4, generator=generator(1)))[:, 0]
    torch.testing.assert_close(drawn.std(0), states[:, 0].std(0), rtol=0.1, atol=0)


def test_fitted_prior_changes_what_is_drawn_and_nothing_that_is_learnt() -> None:
    batch = {"frames": clip(), "action": ACTION}
    plain, fitted = model(), model(motion_prior="fitted-means")
    losses = [each.loss(batch, generator())["total"] for each in (plain, fitted)]
    torch.testing.assert_close(*losses, rtol=0, atol=0)
    assert count_parameters(plain) == count_parameters(fitted)

    _, position, momentum = fitted.infer(clip(), ACTION)
    first = fitted.states(position.mean, momentum.mean, ACTION)[:, 0]
    plain.eval(), fitted.eval()
    assert fitted.motion_prior is not None
    # One clip an action: no spread, so a draw is the state that was inferred, its halves brought to norm 1 once more.
    drawn = fitted._drawn(torch.randn(2, 3, 9, generator=generator()), ACTION)
    torch.testing.assert_close(drawn, first, rtol=0, atol=1e-3)
    made = [each.sample(clip(), 4, ACTION, generator()) for each in (plain, fitted)]
    assert (made[0] - made[1]).abs().max() > 1e-3
    again = fitted.motion_prior.weight.clone()
    fitted.loss(batch, generator())
    assert torch.equal(again, fitted.motion_prior.weight), "nothing is fitted outside training"


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"motion_prior": "fited-means"}, "motion_prior cannot be 'fited-means': did you mean 'fitted-means'"),
        ({"motion_prior": "fitted-means", "conditioned": False}, "is one of an action"),
    ],
)
def test_prior_that_cannot_be_is_refused(changes: dict[str, Any], told: str) -> None:
    with pytest.raises(StbenchError, match=told):
        model(**changes)


def test_memory_layout_changes_no_result() -> None:
    """Channels lie beside one another for speed only."""
    fast, plain = model().eval(), model().eval()
    plain.to(memory_format=torch.contiguous_format)  # type: ignore[call-overload]
    with torch.no_grad():
        one, other = fast.generate(clip(), 8, ACTION), plain.generate(clip(), 8, ACTION)
    torch.testing.assert_close(one, other, atol=1e-5, rtol=1e-4)
    fast.train(), plain.train()
    losses = [each.loss({"frames": clip(), "action": ACTION}, generator()) for each in (fast, plain)]
    for name, value in losses[0].items():
        torch.testing.assert_close(value, losses[1][name], rtol=1e-4, atol=1e-4)
