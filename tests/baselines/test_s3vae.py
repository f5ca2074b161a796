"""S3VAE: supervision that clips give themselves, and the bound it is added to."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from disentangling import batch, built, clips, generator
from stbench.baselines.s3vae.flow import STILL, FlowLabels
from stbench.baselines.s3vae.information import mutual_information
from torch.distributions import Normal, kl_divergence
from torch.nn import functional as F

from stbench.errors import StbenchError
from stbench.models.parts.gaussian import Gaussian


@pytest.mark.parametrize("correlation", [0.0, 0.5, 0.8, -0.9])
def test_information_of_gaussians_is_what_it_is_known_to_be(correlation):
    """f and z of posteriors N(a, s²), N(b, s²) with corr(a, b) = r have I = -log(1 - (r / (1 + s²))²) / 2."""
    number, variance = 1500, 0.1
    a, other = torch.randn(2, number, 1, generator=generator(1)).double()
    b = correlation * a + math.sqrt(1 - correlation**2) * other
    still = torch.randn(number, 1, generator=generator(2)).double()
    level = torch.full((number, 1), math.log(variance)).double()
    content = Gaussian(a, level)
    # Two frames: one that knows the content and one that does not.
    motion = Gaussian(torch.stack((b, still), 1), level.unsqueeze(1).expand(-1, 2, -1))
    found = mutual_information(content, content.sample(generator(3)), motion, motion.sample(generator(4)))
    expected = -0.5 * math.log(1 - (correlation / (1 + variance)) ** 2)
    # Three standard errors of a mean of 1,500, and the batch's own codes in the margins.
    assert found.item() == pytest.approx(expected, abs=0.09)


def test_information_is_at_most_that_of_telling_the_clips_of_a_batch_apart():
    mean = 100 * torch.arange(8.0).unsqueeze(1)
    content, motion = Gaussian(mean, torch.zeros(8, 1)), Gaussian(mean.unsqueeze(1), torch.zeros(8, 1, 1))
    assert mutual_information(content, content.mean, motion, motion.mean).item() == pytest.approx(math.log(8))


def test_positives_are_the_same_clips_with_their_frames_in_another_order():
    module = built("s3vae").eval()
    features = module._features(clips(4))
    shuffled = module.positives(features, generator(2))
    orders = []
    for own, other in zip(features, shuffled, strict=True):
        distance = (own.unsqueeze(0) - other.unsqueeze(1)).abs().amax(-1)
        order = distance.argmin(1).tolist()
        assert distance.amin(1).max() == 0  # every frame is one of this clip, to the last bit
        assert sorted(order) == list(range(8))
        orders.append(order)
    assert list(range(8)) not in orders
    assert len({tuple(order) for order in orders}) == 4


def test_the_encoder_sees_single_frames_so_shuffled_features_are_those_of_shuffled_frames():
    module, frames = built("s3vae").eval(), clips(2)
    order = torch.randperm(8, generator=generator())
    torch.testing.assert_close(module._features(frames)[:, order], module._features(frames[:, order]))


def test_triplets_hold_content_against_the_shuffled_clip_and_another_one():
    module, frames = built("s3vae").eval(), clips(4)
    found = module.loss(batch(frames), generator(6))["shuffle"]
    drawn = generator(6)
    features = module._features(frames)
    content = module.content(features)
    f = content.sample(drawn)
    module.motion(features).sample(drawn)
    positive = module.content(module.positives(features, drawn)).sample(drawn)
    gaps = (f - positive + 1e-6).norm(dim=1) - (f - f[[3, 0, 1, 2]] + 1e-6).norm(dim=1) + 1.0
    assert found.item() == pytest.approx(gaps.clamp(min=0).mean().item(), rel=1e-4)


def test_a_batch_of_one_clip_has_no_other_clip_and_is_refused():
    with pytest.raises(StbenchError, match="make batch_size at least 2"):
        built("s3vae").loss(batch(clips(1)), generator())


def test_the_bound_is_that_of_torch_distributions_with_a_standard_first_prior():
    module, frames = built("s3vae").eval(), clips()
    terms = module.loss(batch(frames), generator(1))
    inferred = module.infer(frames, generator(1))
    error = module.decode(inferred.f, inferred.z) - frames
    assert terms["reconstruction"].item() == pytest.approx(0.5 * error.square().sum().item() / 3, rel=1e-4)
    own = Normal(inferred.content.mean, (0.5 * inferred.content.log_variance).exp())
    content = kl_divergence(own, Normal(0.0, 1.0)).sum().item() / 3
    assert terms["divergence_content"].item() == pytest.approx(content, rel=1e-4)
    prior = module.prior(inferred.z)
    expected = 0.0
    for t in range(8):
        own = Normal(inferred.motion.mean[:, t], (0.5 * inferred.motion.log_variance[:, t]).exp())
        known = Normal(prior.mean[:, t], (0.5 * prior.log_variance[:, t]).exp()) if t else Normal(0.0, 1.0)
        expected += kl_divergence(own, known).sum().item() / 3
    assert terms["divergence_motion"].item() == pytest.approx(expected, rel=1e-4)
    weights = {"shuffle": 1000.0, "flow": 100.0}
    total = sum(weights.get(name, 1.0) * terms[name].item() for name in terms if name != "total")
    assert terms["total"].item() == pytest.approx(total, rel=1e-5)


def test_spreads_are_softplus_and_content_is_read_off_both_states_of_the_lstm():
    module = built("s3vae").eval()
    features = torch.rand(2, 8, 32)
    _, (h, c) = module.content.recurrent(features)
    both, found = torch.cat((h[0], c[0]), 1), module.content(features)
    torch.testing.assert_close(found.mean, module.content.head.mean(both))
    deviation = F.softplus(module.content.head.spread(both))
    torch.testing.assert_close((0.5 * found.log_variance).exp(), deviation)


def test_a_variant_leaves_out_its_term_and_nothing_else():
    whole = built("s3vae").loss(batch(clips()), generator())
    for variant, term in (
        ("without-flow", "flow"),
        ("without-shuffle", "shuffle"),
        ("without-information", "information"),
    ):
        found = built("s3vae", variant=variant).loss(batch(clips()), generator())
        assert whole.keys() - found.keys() == {term}


def moving(dx, dy, size=10, frames=3):
    """A textured square that moves (dx, dy) pixels a frame on black."""
    texture = np.random.default_rng(0).random((size, size)).astype(np.float32)
    clip = np.zeros((frames, 3, 64, 64), np.float32)
    for t in range(frames):
        y, x = 5 + dy * t, 44 + dx * t
        clip[t, :, y : y + size, x : x + size] = texture
    return torch.from_numpy(clip)


LABELS = FlowLabels(side=64, radius=5, warps=10, top=3)


def test_the_cell_that_moves_most_is_where_something_moves_and_a_still_clip_has_none():
    lengths = LABELS.magnitudes(moving(1, 0))
    assert lengths.shape == (2, 3, 3)
    assert (lengths.reshape(2, 9).argmax(1) == 2).all()  # above, on the right
    labels = LABELS(moving(1, 0).unsqueeze(0))[0]
    assert labels.shape == (3, 9)
    assert labels[:, 2].all()
    assert (labels.sum(1) <= 3).all()
    assert torch.equal(labels[-1], labels[-2])
    assert not LABELS(moving(0, 0).unsqueeze(0)).any()


def test_lengths_are_pixels_a_frame():
    """A texture that fills the frame and moves by (1, 1) has flow of length sqrt 2 everywhere but at its edges."""
    from scipy.ndimage import gaussian_filter

    texture = gaussian_filter(np.random.default_rng(0).random((80, 80)), 3).astype(np.float32)
    texture = (texture - texture.min()) / np.ptp(texture)
    clip = torch.from_numpy(np.stack([np.stack([texture[8 - t : 72 - t, 8 - t : 72 - t]] * 3) for t in range(2)]))
    assert LABELS.magnitudes(clip)[0, 1, 1] == pytest.approx(math.sqrt(2), rel=0.05)


def test_labels_are_the_largest_cells_above_rest(monkeypatch):
    lengths = np.array(
        [[[9, 8, 7], [6, 5, 4], [3, 2, 1]], [[0, 0, 0], [0, 2 * STILL, 0], [0, 0, STILL / 2]]], np.float32
    )
    flow = FlowLabels(side=64, radius=5, warps=1, top=3)
    monkeypatch.setattr(flow, "magnitudes", lambda clip: lengths)
    found = flow(torch.rand(1, 3, 3, 64, 64))[0]
    assert found[0].nonzero().flatten().tolist() == [0, 1, 2]
    assert found[1].nonzero().flatten().tolist() == [4]


def test_labels_of_a_clip_that_comes_again_are_kept_and_those_of_another_are_not(monkeypatch):
    flow, asked = FlowLabels(side=32, radius=3, warps=1, top=3), []
    real = flow.magnitudes
    monkeypatch.setattr(flow, "magnitudes", lambda clip: asked.append(1) or real(clip))
    both = torch.stack((moving(1, 0), moving(1, 0).flip(3)))
    first = flow(both)
    assert torch.equal(flow(both.flip(0)), first.flip(0))
    assert len(asked) == 2
    assert not torch.equal(*first)
