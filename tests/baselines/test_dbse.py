"""DBSE: content from the first frame, motion from differences; each defect of the released code decided."""

from __future__ import annotations

import math

import pytest
import torch
from disentangling import batch, built, clips, generator
from torch.distributions import Normal, kl_divergence

from stbench.models.parts.normalisation import ONE


def test_content_sees_the_first_frame_alone():
    module = built("dbse").eval()
    frames = clips(1).requires_grad_()
    module.infer(frames).f.sum().backward()
    assert frames.grad[0].abs().sum((1, 2, 3)).nonzero().flatten().tolist() == [0]


def test_motion_sees_differences_from_the_first_frame_and_zero_for_its_own():
    module = built("dbse").eval()
    seen = []
    module.motion.register_forward_hook(lambda part, differences, found: seen.append(differences[0]))
    frames = clips()
    module.infer(frames)
    codes = module.encoder(frames.flatten(0, 1).unsqueeze(1)).unflatten(0, (3, 8))
    assert not seen[0][:, 0].any()
    torch.testing.assert_close(seen[0][:, 1:], codes[:, 1:] - codes[:, :1])


def test_a_clip_of_one_frame_says_nothing_of_its_motion():
    module = built("dbse").eval()
    assert torch.equal(module.infer(clips(seed=1)[:, :1]).z, module.infer(clips(seed=2)[:, :1]).z)


def test_codes_are_the_same_every_time_a_clip_is_looked_at():
    # The release draws d_1 afresh, at test too.
    for variant in (None, "noise"):
        module, frames = built("dbse", variant=variant).eval(), clips()
        torch.manual_seed(1)
        first = module.codes(frames)
        torch.manual_seed(2)
        again = module.codes(frames)
        assert all(torch.equal(first[name], again[name]) for name in first)


def test_the_variant_with_noise_draws_the_first_difference_while_it_learns():
    seen = []
    module = built("dbse", variant="noise").train()
    module.motion.register_forward_hook(lambda part, differences, found: seen.append(differences[0]))
    module.loss(batch(clips(64, 2)), generator())
    first = seen[0][:, 0]
    assert first.mean().abs() < 0.05
    assert first.std().item() == pytest.approx(1.0, abs=0.05)


@pytest.mark.parametrize("dataset", ["sprites", "mug"])
def test_loss_is_the_released_one(dataset):
    module, frames = built("dbse", dataset, cycle=0, initial_std=0.3).eval(), clips()
    terms = module.loss(batch(frames), generator(1))
    inferred = module.infer(frames, generator(1))
    squares = (module.decode(inferred.f, inferred.z) - frames).square()
    # On MUG the first frame is left to the term of its own; on sprites it counts in both.
    counted = squares if dataset == "sprites" else squares[:, 1:]
    assert terms["sequence"].item() == pytest.approx(counted.sum().item() / 3, rel=1e-4)
    assert terms["first"].item() == pytest.approx(squares[:, 0].sum().item() / 3, rel=1e-4)
    prior = module.prior(inferred.z)
    pairs = {"divergence_content": (inferred.content, None), "divergence_motion": (inferred.motion, prior)}
    for name, (own, other) in pairs.items():
        known = Normal(other.mean, (0.5 * other.log_variance).exp()) if other else Normal(0.0, 1.0)
        expected = kl_divergence(Normal(own.mean, (0.5 * own.log_variance).exp()), known).sum().item() / 3
        assert terms[name].item() == pytest.approx(expected, rel=1e-4)
    weights = {"sprites": (5, 1, 1, 1), "mug": (87, 30, 15, 1)}[dataset]
    total = sum(w * terms[name].item() for w, name in zip(weights, list(terms)[:4], strict=True))
    assert terms["total"].item() == pytest.approx(total, rel=1e-5)


def test_on_mug_both_divergences_rise_and_stay_in_every_cycle():
    """The released script keeps the product of its weight and the factor, which begins at 0: 0 in all epochs."""
    module = built("dbse", "mug", cycle=100)
    for start in (0, 100, 700):
        found = [module.weights(start + step) for step in (0, 25, 50, 99)]
        assert [each["divergence_motion"] for each in found] == pytest.approx([0, 0.5, 1, 1])
        assert [each["divergence_content"] for each in found] == pytest.approx([0, 7.5, 15, 15])
        assert {(each["sequence"], each["first"]) for each in found} == {(87.0, 30.0)}
    expected = 15 * 0.5 * (1 - math.cos(math.pi * 2 * 0.1))
    assert module.weights(10)["divergence_content"] == pytest.approx(expected)
    terms = [module.loss(batch(clips(), step), generator()) for step in (0, 60)]
    gap = 15 * terms[0]["divergence_content"] + terms[0]["divergence_motion"]
    assert (terms[1]["total"] - terms[0]["total"]).item() == pytest.approx(gap.item(), rel=0.05)


def test_the_released_weights_are_a_variant():
    module = built("dbse", "mug", variant="released-weights")
    assert {module.weights(step)["divergence_content"] for step in range(10)} == {0.0}


def test_convolutions_and_linear_maps_start_small_and_the_rest_as_the_library_has_it():
    module = built("dbse", "sprites", "cpu", initial_std=0.01)
    assert module.encoder.stages[2].convolution.weight.std().item() == pytest.approx(0.01, rel=0.1)
    assert module.content.head.mean.weight.std().item() == pytest.approx(0.01, rel=0.1)
    assert not module.content.head.mean.bias.any()
    assert module.decoder.stages[0].convolution.weight.std().item() > 0.01


def test_the_decoder_takes_motion_before_content():
    module = built("dbse").eval()
    f, z = torch.randn(2, 32), torch.randn(2, 3, 16)
    expected = module.decoder.decode(torch.cat((z, f.unsqueeze(1).expand(-1, 3, -1)), -1), (), ONE)
    assert torch.equal(module.decode(f, z), expected)
