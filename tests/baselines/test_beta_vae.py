"""The β-VAE of single frames: its loss, and the rule that tells content from motion."""

from __future__ import annotations

import pytest
import torch
from disentangling import batch, built, clips, generator
from torch.distributions import Normal, kl_divergence

from stbench.errors import StbenchError


def test_loss_is_the_one_of_a_beta_vae_a_frame():
    module, frames = built("beta-vae").eval(), clips()
    terms = module.loss(batch(frames), generator(1))
    posterior = module.posterior(frames)
    made = module.decode_all(posterior.sample(generator(1)))
    assert terms["reconstruction"].item() == pytest.approx((made - frames).square().sum().item() / 24, rel=1e-4)
    own = Normal(posterior.mean, (0.5 * posterior.log_variance).exp())
    assert terms["divergence"].item() == pytest.approx(kl_divergence(own, Normal(0.0, 1.0)).sum().item() / 24, rel=1e-4)
    assert terms["total"].item() == pytest.approx(terms["reconstruction"].item() + 4 * terms["divergence"].item())


def test_content_are_the_numbers_that_change_least_within_a_clip_beside_how_much_clips_differ():
    module = built("beta-vae", content_size=2, motion_size=2).train()
    drawn = generator()
    spread_within, spread_between = torch.tensor([1.0, 0.1, 0.3, 2.0]), torch.tensor([1.0, 1.0, 10.0, 0.1])
    for _ in range(20):
        means = torch.randn(16, 1, 4, generator=drawn) * spread_between
        module._track(means + torch.randn(16, 8, 4, generator=drawn) * spread_within)
    assert module.order.tolist() == [2, 1, 0, 3]


def test_it_learns_which_numbers_are_content_in_training_only():
    module = built("beta-vae")
    module.eval().loss(batch(clips()), generator())
    assert not module.between.any()
    module.train().loss(batch(clips()), generator())
    assert module.between.all()
    assert "between" in module.state_dict()


def test_a_clip_without_another_one_beside_it_is_refused():
    with pytest.raises(StbenchError, match="make batch_size at least 2"):
        built("beta-vae").loss(batch(clips(1)), generator())


def test_content_and_motion_are_the_whole_code_and_decode_to_the_frame_again():
    module = built("beta-vae").train()
    module.loss(batch(clips()), generator())
    module.eval()
    frame = clips(frames=1)
    inferred = module.infer(frame)
    torch.testing.assert_close(module.decode(inferred.f, inferred.z), module.decode_all(module.posterior(frame).mean))


def test_exchange_takes_the_block_of_content_from_one_clip_and_the_rest_from_the_other():
    module = built("beta-vae").eval()
    one, other = clips(seed=1), clips(seed=2)
    made = module.transfer(one, other, 8)
    code = module.posterior(other).mean.clone()
    still = module.order[: module.content_size]
    code[..., still] = module.posterior(one).mean[..., still].mean(1, keepdim=True)
    torch.testing.assert_close(made, module.decode_all(code))


def test_without_time_the_motion_stays_as_it_was():
    module = built("beta-vae").eval()
    made = module(clips(frames=4), 3)
    torch.testing.assert_close(made[:, 1:], made[:, :-1])
