"""Critics and what they and their opponents minimise."""

from __future__ import annotations

import math

import pytest
import torch
from torch.nn import functional as F

from stbench.errors import StbenchError
from stbench.models.parts.adversarial import (
    ADVERSARIAL,
    choose_adversarial,
    cross_entropy_critic,
    cross_entropy_generator,
    hinge_critic,
    hinge_generator,
    undecided,
)
from stbench.models.parts.critics import ImageCritic, SceneCritic, VideoCritic
from stbench.training.cost import count_parameters

FRAME = (3, 64, 64)


@pytest.mark.parametrize(
    ("critic", "number"),
    [
        (lambda: ImageCritic(FRAME, width=64, patch=True), 663_296),
        (lambda: ImageCritic(FRAME, width=64, patch=False), 2_765_568),
        (lambda: VideoCritic(FRAME, width=64, patch=False, classes=6), 11_253_504),
        (lambda: VideoCritic(FRAME, width=64, patch=True), 2_650_880),
        (lambda: SceneCritic(10), 12_301),
        (lambda: SceneCritic(5), 11_301),
    ],
)
def test_critics_have_the_parameters_of_the_released_ones(critic, number):
    assert count_parameters(critic()) == number


def test_logits_stand_for_frames_clips_and_patches():
    frames, clips = torch.rand(2, *FRAME), torch.rand(2, 16, *FRAME)
    assert ImageCritic(FRAME, width=2, patch=True)(frames).shape == (2, 4, 4)
    assert ImageCritic(FRAME, width=2, patch=False)(frames).shape == (2,)
    assert VideoCritic(FRAME, width=2, patch=True)(clips).shape == (2, 4, 4, 4)
    assert VideoCritic(FRAME, width=2, patch=False, classes=6)(clips).shape == (2, 7)
    assert SceneCritic(4)(torch.rand(5, 4), torch.rand(5, 4)).shape == (5,)


@pytest.mark.parametrize("frames", [2, 8, 15, 16])
def test_a_video_critic_sees_every_frame_of_its_clips_and_refuses_others(frames):
    torch.manual_seed(0)
    critic = VideoCritic(FRAME, width=2, patch=False, frames=frames).eval()
    clip = torch.rand(1, frames, *FRAME, requires_grad=True)
    logits = critic(clip)
    assert logits.shape == (1, 1)
    (gradient,) = torch.autograd.grad(logits.sum(), clip)
    assert (gradient[0].abs().amax((1, 2, 3)) > 0).all()
    with pytest.raises(StbenchError, match=f"clips of {frames} frames and was handed one of {frames + 1}"):
        critic(torch.rand(1, frames + 1, *FRAME))


def test_a_critic_refuses_what_it_cannot_be_built_for():
    for build in (ImageCritic, VideoCritic):
        with pytest.raises(StbenchError, match=r"64 x 64 pixels, not of shape \(3, 32, 32\)"):
            build((3, 32, 32), width=2, patch=True)
    with pytest.raises(StbenchError, match="patch = false"):
        VideoCritic(FRAME, width=2, patch=True, classes=6)


def test_cross_entropies_are_those_of_the_library():
    real, fake = torch.randn(2, 7, dtype=torch.float64)
    one, zero = torch.ones_like(real), torch.zeros_like(real)
    bce = F.binary_cross_entropy_with_logits
    torch.testing.assert_close(cross_entropy_critic(real, fake), bce(real, one) + bce(fake, zero))
    torch.testing.assert_close(cross_entropy_generator(fake), bce(fake, one))


def test_hinges_by_hand():
    real, fake = torch.tensor([-0.5, 0.5, 2.0]), torch.tensor([-3.0, 0.25])
    assert hinge_critic(real, fake).item() == pytest.approx((1.5 + 0.5 + 0) / 3 + (0 + 1.25) / 2)
    assert hinge_generator(fake).item() == pytest.approx(2.75 / 2)


def test_who_wants_a_critic_undecided_pays_least_where_its_logit_is_zero():
    logits = torch.linspace(-4, 4, 81, dtype=torch.float64)
    costs = torch.stack([undecided(each[None]) for each in logits])
    assert costs.argmin().item() == 40
    assert costs.min().item() == pytest.approx(math.log(2))
    torch.testing.assert_close(costs, costs.flip(0))


@pytest.mark.parametrize("name", sorted(ADVERSARIAL))
def test_a_step_down_each_loss_moves_logits_to_the_side_of_its_player(name):
    losses = choose_adversarial(name)
    real, fake = torch.zeros(3, requires_grad=True), torch.zeros(3, requires_grad=True)
    to_real, to_fake = torch.autograd.grad(losses.critic(real, fake), (real, fake))
    (deceiving,) = torch.autograd.grad(losses.generator(fake), fake)
    assert (to_real < 0).all()
    assert (to_fake > 0).all()
    assert (deceiving < 0).all()
    with pytest.raises(StbenchError, match=f"did you mean '{name}'"):
        choose_adversarial(name + "s")
