"""MoCoGAN: players that touch their own parameters only, motion that is recurrent, an encoder that is a variant."""

from __future__ import annotations

import re

import pytest
import torch
from disentangling import FRAME, batch, built, clips, generator
from stbench.baselines.mocogan.networks import RecurrentMotion
from torch.nn import functional as F

from stbench import registry
from stbench.contract.datasets import Track
from stbench.contract.models import Task
from stbench.errors import StbenchError
from stbench.training.players import players_of
from stbench.training.settings import TrainingSettings

TRAINING = {
    **{"split": "train", "steps": 4, "batch_size": 3, "learning_rate": 1e-3, "betas": [0.5, 0.999]},
    **{"schedule": "constant", "precision": "float32"},
}


def learned(module, steps=2):
    """Player -> the parameters that have moved in its turn."""
    settings, drawn, moved = TrainingSettings.parse(TRAINING), generator(), {}
    for step in range(1, steps + 1):
        for player in players_of(module, settings):
            before = {name: each.detach().clone() for name, each in module.named_parameters()}
            player.learn(player.loss(module, batch(clips()), drawn)["total"], step)
            names = {name for name, each in module.named_parameters() if not torch.equal(each, before[name])}
            moved.setdefault(player.name, set()).update(names)
    return moved


def test_each_player_moves_all_of_its_own_parameters_and_no_others():
    moved = learned(built("mocogan", variant="encoder"))
    assert list(moved) == ["image_critic", "video_critic", "generator", "encoder"]
    for player, names in moved.items():
        assert {name.split(".")[0] for name in names} == {player}
    names = {name for name, _ in built("mocogan", variant="encoder").named_parameters()}
    # A bias that batch normalisation takes away again has no gradient.
    idle = {name for name in names if re.fullmatch(r"encoder\.frames\.stages\.[123]\.convolution\.bias", name)}
    assert set.union(*moved.values()) == names - idle


def test_gradients_of_a_player_reach_no_one_elses_parameters():
    module = built("mocogan", variant="encoder")
    for player in players_of(module, TrainingSettings.parse(TRAINING)):
        module.zero_grad(set_to_none=True)
        player.learn(player.loss(module, batch(clips()), generator())["total"], 1)
        found = {name.split(".")[0] for name, each in module.named_parameters() if each.grad is not None}
        assert found == {player.name}


def test_an_encoder_changes_no_weight_of_the_others():
    plain, more = built("mocogan"), built("mocogan", variant="encoder")
    for module in (plain, more):
        settings, drawn = TrainingSettings.parse(TRAINING), generator(1)
        for step in (1, 2):
            for player in players_of(module, settings):
                player.learn(player.loss(module, batch(clips()), drawn)["total"], step)
    others = {name: each for name, each in more.state_dict().items() if not name.startswith("encoder.")}
    assert others.keys() == plain.state_dict().keys()
    for name, each in plain.state_dict().items():  # statistics of normalisations, too
        assert torch.equal(each, others[name]), name
    assert more.generator.training


def test_the_video_critic_refuses_clips_of_another_length_in_one_sentence():
    module = built("mocogan")
    for player in ("video_critic", "generator"):
        with pytest.raises(StbenchError, match=r"was built for clips of 8 frames and was handed one of 9") as told:
            module.loss(batch(clips(frames=9)), generator(), player)
        assert "\n" not in str(told.value)


def test_the_video_critic_is_built_for_the_clips_of_the_track():
    settings = {**registry.model("mocogan").presets("sprites")["quick"]["model"], "adversarial": "hinge"}
    track = Track("sprites", "forecast", 5, 10, 10, ("mse",))
    assert registry.model("mocogan").build(settings, Task(track, FRAME)).video_critic.frames == 15


def test_losses_are_cross_entropies_of_what_is_real_made_and_labelled():
    module, frames = built("mocogan").eval(), clips()
    terms = module.loss(batch(frames), generator(5), "video_critic")
    # The same draws in the same order, then the definitions.
    drawn = generator(5)
    codes = module.draw(3, 8, None, drawn)
    real, made = module.video_critic(2 * frames - 1), module.video_critic(module.generator(codes))
    bce = F.binary_cross_entropy_with_logits
    one, zero = torch.ones(3), torch.zeros(3)
    assert terms["clips"].item() == pytest.approx((bce(real[:, 0], one) + bce(made[:, 0], zero)).item())
    assert terms["categories"].item() == pytest.approx(F.cross_entropy(real[:, 1:], torch.arange(3)).item())
    terms = module.loss(batch(frames), generator(5), "generator")
    drawn = generator(5)
    images = module.image_critic(module._frames(3, 8, drawn))
    codes = module.draw(3, 8, None, drawn)
    made = module.video_critic(module.generator(codes))
    assert terms["frames"].item() == pytest.approx(bce(images, torch.ones_like(images)).item())
    assert terms["clips"].item() == pytest.approx(bce(made[:, 0], one).item())
    assert terms["categories"].item() == pytest.approx(F.cross_entropy(made[:, 1:], codes.category.argmax(1)).item())


def test_the_video_critic_sees_so_many_clips_of_a_batch():
    seen = []
    module = built("mocogan", videos=2)
    module.video_critic.register_forward_hook(lambda part, clip, logits: seen.append(len(clip[0])))
    for player in ("video_critic", "generator"):
        module.loss(batch(clips(3)), generator(), player)
    assert seen == [2, 2, 2]


def test_motion_is_a_gru_from_noise_and_goes_on_without_noise():
    torch.manual_seed(0)
    motion = RecurrentMotion(4)
    drawn = motion.draw(2, 3, generator(1))
    noise = torch.randn(4, 2, 4, generator=generator(1))
    h = noise[0]
    for t in range(3):
        h = motion.cell(noise[t + 1], h)
        torch.testing.assert_close(drawn[:, t], h)
    torch.testing.assert_close(motion.follow(drawn, 1)[:, 0], motion.cell(torch.zeros(2, 4), h))


def test_content_and_category_of_a_drawn_clip_do_not_change_in_it_and_its_motion_does():
    module = built("mocogan").eval()
    codes = module.draw(2, 8, torch.tensor([2, 0]), generator())
    assert codes.category.tolist() == [[0, 0, 1], [1, 0, 0]]
    assert codes.content.shape == (2, 16)
    assert codes.motion.diff(dim=1).abs().amin() > 0


def test_without_an_encoder_it_looks_at_no_frame():
    module = built("mocogan").eval()
    assert torch.equal(module(clips(seed=1), 4), module(clips(seed=2), 4))
    action = torch.tensor([0, 1, 2])
    drawn = [module.sample(clips(seed=seed), 8, action, generator(7)) for seed in (1, 2)]
    assert torch.equal(*drawn)
    for ask in (
        lambda: module.transfer(clips(), clips(), 8),
        lambda: module.resample(clips(), 8, None, generator()),
        lambda: module.generate(clips(), 8),
        lambda: module.codes(clips()),
    ):
        with pytest.raises(StbenchError, match=r"no encoder.*use the variant mocogan:encoder"):
            ask()


def test_with_an_encoder_content_comes_from_one_clip_and_motion_from_the_other():
    module = built("mocogan", variant="encoder").eval()
    one, other, third = (clips(seed=seed) for seed in (1, 2, 3))
    made = module.transfer(one, other, 10)
    found = module._encoded(one, None)._replace(
        category=module._encoded(other, None).category, motion=module._encoded(other, None).motion
    )
    torch.testing.assert_close(made[:, :8], module._shown(found))
    assert not torch.equal(made, module.transfer(third, other, 10))
    assert not torch.equal(made, module.transfer(one, third, 10))
    first_frame = torch.cat((other[:, :1], third[:, 1:]), 1)
    motions = [module._followed(module._encoded(each, None), 1).motion for each in (other, first_frame)]
    torch.testing.assert_close(*motions)


def test_an_action_is_shown_as_it_is_asked_and_one_there_is_not_is_refused():
    module = built("mocogan").eval()
    shown = [module.sample(clips(), 8, torch.full((3,), action), generator(7)) for action in (0, 1)]
    assert not torch.equal(*shown)
    with pytest.raises(StbenchError, match=r"no action 3..3 in a MoCoGAN of 3 actions, 0..2"):
        module.sample(clips(), 8, torch.full((3,), 3), generator())


def test_a_dataset_without_actions_is_refused_in_one_sentence_and_learnt_from_without_categories():
    frames = {"frames": clips()}
    with pytest.raises(StbenchError, match="no factor 'action'"):
        built("mocogan").loss(frames, generator(), "video_critic")
    module = built("mocogan", variant="unconditional")
    assert module.labels == ()
    for player in module.players():
        assert "categories" not in module.loss(frames, generator(), player)
    assert module.resample(clips(), 8, None, generator()).shape == clips().shape


def test_an_encoder_without_a_unit_a_direction_is_refused():
    with pytest.raises(StbenchError, match="has 1 features, half for each direction: give two or more"):
        built("mocogan", variant="encoder", encoder={"width": 8, "features": 1})


@pytest.mark.parametrize("player", ["video_critic", "encoder"])
def test_clips_of_an_action_there_is_not_are_refused(player):
    labelled = {"frames": clips(), "action": torch.tensor([0, 3, 1])}
    with pytest.raises(StbenchError, match=r"no action 0..3 in a MoCoGAN of 3 actions, 0..2"):
        built("mocogan", variant="encoder").loss(labelled, generator(), player)
