"""What every autoencoder of content and motions can be asked, and how its motion goes on."""

from __future__ import annotations

import pytest
import torch
from stbench.baselines.s3vae.networks import StandardStart

from stbench.models.parts.gaussian import Gaussian
from stbench.models.parts.lstm import SequencePrior
from stbench.models.parts.sequential import Inferred, SequentialAutoencoder


class Ramp:
    """Motion that grows by 1 a frame."""

    def follow(self, codes, steps):
        return codes[:, -1:] + torch.arange(1, steps + 1).reshape(1, -1, 1)

    def draw(self, batch, steps, generator):
        drawn = torch.randn(batch, steps, 1, generator=generator)
        return drawn, Gaussian(drawn, drawn)


class Ledger(SequentialAutoencoder):
    """Frames [f, z]: content is the mean of the first number of a clip, motion the second number of a frame."""

    content_size = 1

    def __init__(self):
        super().__init__()
        self.prior = Ramp()

    def infer(self, frames, generator=None):
        f, z = frames[..., :1].mean(1), frames[..., 1:]
        return Inferred(Gaussian(f, f), f, Gaussian(z, z), z)

    def decode(self, f, z):
        return torch.cat((f.unsqueeze(1).expand(-1, z.shape[1], -1), z), -1)


def clip(content, motion):
    return torch.tensor([[[content, each] for each in motion]], dtype=torch.float32)


MODEL = Ledger()


def numbers(frames):
    return frames[0, 0, 0].item(), frames[0, :, 1].tolist()


def test_transfer_takes_the_content_of_one_and_the_motions_of_the_other_and_goes_on_from_them():
    one, other = clip(5.0, [0.0, 0.0]), clip(7.0, [3.0, 8.0])
    assert numbers(MODEL.transfer(one, other, 4)) == (5.0, [3.0, 8.0, 9.0, 10.0])
    assert numbers(MODEL.transfer(one, other, 1)) == (5.0, [3.0])
    assert numbers(MODEL.reconstruct(other)) == (7.0, [3.0, 8.0])


def test_generate_knows_the_motion_of_the_first_frame_alone():
    assert numbers(MODEL.generate(clip(5.0, [2.0, 8.0, 1.0]), 4)) == (5.0, [2.0, 3.0, 4.0, 5.0])


def test_a_forecast_and_a_swap_go_on_after_the_last_frame_of_the_motion():
    one, other = clip(5.0, [0.0, 0.0]), clip(7.0, [3.0, 8.0])
    assert numbers(MODEL(other, 2)) == (7.0, [9.0, 10.0])
    assert numbers(MODEL.swap(one, other, 2)) == (5.0, [9.0, 10.0])


def test_resample_draws_the_content_and_keeps_the_motions():
    drawn = torch.randn(1, 1, generator=torch.Generator().manual_seed(4)).item()
    found = MODEL.resample(clip(5.0, [3.0, 8.0]), 3, None, torch.Generator().manual_seed(4))
    assert numbers(found) == (drawn, [3.0, 8.0, 9.0])


def test_codes_are_the_content_and_the_motions_of_all_frames_in_order():
    found = MODEL.codes(clip(5.0, [3.0, 8.0]))
    assert (found["content"].tolist(), found["motion"].tolist()) == ([[5.0]], [[3.0, 8.0]])


@pytest.mark.parametrize("kind", [SequencePrior, StandardStart])
def test_what_follows_are_the_means_of_the_prior_given_the_codes_and_the_means_before(kind):
    torch.manual_seed(0)
    prior = kind(3, 5).double()
    codes = torch.randn(2, 4, 3).double()
    followed = prior.follow(codes, 3)
    # The teacher-forced prior of the same sequence says the same of each of its steps.
    whole = torch.cat((codes, followed), 1)
    torch.testing.assert_close(prior(whole).mean[:, 4:], followed)
    assert prior.follow(codes, 0).shape == (2, 0, 3)


def test_draws_come_from_the_prior_given_the_draws_before_them():
    torch.manual_seed(0)
    prior = SequencePrior(3, 5).double()
    drawn, moments = prior.draw(2, 4, torch.Generator().manual_seed(1))
    for found, forced in zip(moments, prior(drawn), strict=True):
        torch.testing.assert_close(found, forced)


def test_a_standard_start_is_standard_and_the_rest_is_not():
    torch.manual_seed(0)
    prior = StandardStart(3, 5)
    found = prior(torch.randn(2, 4, 3))
    assert not found.mean[:, 0].any()
    assert not found.log_variance[:, 0].any()
    assert found.mean[:, 1:].all()
    assert prior(torch.randn(2, 1, 3)).mean.shape == (2, 1, 3)
