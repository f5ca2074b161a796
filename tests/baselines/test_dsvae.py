"""DSVAE: its bound, its two posteriors and two readings of its prior."""

from __future__ import annotations

import pytest
import torch
from disentangling import batch, built, clips, generator
from torch.distributions import Normal, kl_divergence


def gaussian(moments):
    return Normal(moments.mean, (0.5 * moments.log_variance).exp())


@pytest.mark.parametrize("posterior", ["factorised", "full"])
def test_loss_is_the_bound_written_with_torch_distributions(posterior):
    module, frames = built("dsvae", posterior=posterior).double().eval(), clips().double()
    terms = module.loss(batch(frames), generator(1))
    inferred = module.infer(frames, generator(1))
    decoded = module.decode(inferred.f, inferred.z)
    # Frames meet the tanh as 2x - 1, and squares carry no 1/2.
    assert terms["reconstruction"].item() == pytest.approx(((2 * decoded - 2 * frames) ** 2).sum().item() / 3)
    zero, one = torch.zeros(()).double(), torch.ones(()).double()
    content = kl_divergence(gaussian(inferred.content), Normal(zero, one)).sum() / 3
    assert terms["divergence_content"].item() == pytest.approx(content.item())
    # The prior of step t is fed the posterior's draws of the steps before it, by hand with the cells of the library.
    (cell,) = module.prior.stack.cells
    h = c = torch.zeros(3, cell.hidden_size).double()
    motion, before = 0.0, torch.zeros_like(inferred.z[:, 0])
    for t in range(frames.shape[1]):
        h, c = cell(before, (h, c))
        prior = Normal(module.prior.head.mean(h), (0.5 * module.prior.head.spread(h)).exp())
        here = type(inferred.motion)(inferred.motion.mean[:, t], inferred.motion.log_variance[:, t])
        motion += kl_divergence(gaussian(here), prior).sum().item() / 3
        before = inferred.z[:, t]
    assert terms["divergence_motion"].item() == pytest.approx(motion)
    assert terms["total"].item() == pytest.approx(sum(terms[name].item() for name in terms if name != "total"))


def test_a_free_prior_does_not_look_at_the_posterior():
    for prior, depends in (("teacher", True), ("free", False)):
        module = built("dsvae", prior=prior).double().eval()
        for each in module.motion.head.parameters():
            each.requires_grad_(False)
        module.motion.head.mean.bias.data.fill_(0.3)
        frames, found = clips().double(), []
        module.divergences = lambda inferred, prior, found=found: found.append(prior.mean) or {}
        for shift in (0.0, 1.0):
            module.motion.head.mean.bias.data.add_(shift)
            module.loss(batch(frames), generator(1))
        assert torch.equal(*found) is not depends


def seen_by(module, frames, t):
    """Which frames the motion of frame t depends on."""
    frames = frames.clone().requires_grad_()
    module.infer(frames).z[0, t].sum().backward()
    return frames.grad[0].abs().sum((1, 2, 3)).nonzero().flatten().tolist()


def test_a_factorised_posterior_sees_its_frame_and_a_full_one_all_frames():
    for posterior, seen in (("factorised", [3]), ("full", list(range(8)))):
        module = built("dsvae", posterior=posterior).double().eval()
        assert seen_by(module, clips(1).double(), 3) == seen


def test_a_full_posterior_knows_the_content_and_a_factorised_one_does_not():
    for posterior, knows in (("factorised", False), ("full", True)):
        module = built("dsvae", posterior=posterior).eval()
        features = torch.rand(2, 8, 64)
        f = torch.randn(2, 2, 32)
        assert torch.equal(*(module.motion(features, each).mean for each in f)) is not knows


def test_content_has_seen_the_clip_from_both_ends():
    module = built("dsvae").double().eval()
    frames = clips(1).double().requires_grad_()
    module.infer(frames).f.sum().backward()
    assert (frames.grad[0].abs().amax((1, 2, 3)) > 0).all()
