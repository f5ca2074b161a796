"""Parts of a module that learn apart: whose gradients, when, in which order, and continued to the same bits."""

from __future__ import annotations

import json
import os
import signal

import pytest
import torch
from adversary import Adversary
from torch import nn

from stbench.errors import StbenchError
from stbench.training.batches import Batches
from stbench.training.checkpoint import read_tensors
from stbench.training.loop import train
from stbench.training.settings import TrainingSettings


def run(folder, windows, settings, module=None, **keywords):
    module = Adversary() if module is None else module
    return module, train(module, windows, settings, folder, seed=3, identity={}, **keywords)


def with_players(settings, **players):
    return {**settings, "players": players}


def turns_of(module, player):
    return [step for step, name in module.turns if name == player]


def test_each_player_gets_the_gradient_of_its_own_loss_and_none_of_the_other(tmp_path, windows, settings):
    module = Adversary()
    w0, g0 = module.w.item(), module.g.item()
    run(tmp_path, windows, {**settings, "steps": 1}, module)
    frames = Batches(windows, 8, 3, torch.device("cpu")).batch(0)["frames"].mean().item()
    first, second = module.drawn
    # Written by hand. Had the maker's step gone through w as well, w.grad would hold -g z beside this.
    assert module.w.grad.item() == pytest.approx(-(frames - g0 * first) + w0, rel=1e-5)
    # The critic acts first: the maker sees the w that it left.
    assert module.w.item() != w0
    assert module.g.grad.item() == pytest.approx(-module.w.item() * second, rel=1e-6)


def test_the_gradient_of_another_player_is_not_even_computed(tmp_path, windows, settings):
    module, computed = Adversary(), []
    module.w.register_hook(lambda gradient: computed.append("w"))
    module.g.register_hook(lambda gradient: computed.append("g"))
    run(tmp_path, windows, {**settings, "steps": 3}, module)
    assert computed == ["w", "g"] * 3


def test_a_player_that_does_not_act_keeps_its_weights(tmp_path, windows, settings):
    table = with_players(settings, maker={"first_step": 40})
    module, _ = run(tmp_path, windows, {**table, "steps": 40}, budget_seconds=None, stop=stop_after(39))
    assert module.g.item() == 0.5
    assert module.w.item() != 0.25


def stop_after(calls):
    remaining = iter(range(calls))
    return lambda: next(remaining, None) is None


def test_players_act_in_the_order_of_the_module_whatever_the_order_of_the_tables(tmp_path, windows, settings):
    table = with_players(settings, maker={"learning_rate": 0.1}, critic={"learning_rate": 0.2})
    module, _ = run(tmp_path, windows, {**table, "steps": 3})
    assert module.turns == [(step, name) for step in (1, 2, 3) for name in ("critic", "maker")]


def test_every_first_step_and_last_step_say_when_a_player_acts(tmp_path, windows, settings):
    table = with_players(settings, maker={"every": 3, "first_step": 5, "last_step": 12})
    module, _ = run(tmp_path, windows, {**table, "steps": 14})
    assert turns_of(module, "maker") == [5, 8, 11]
    assert turns_of(module, "critic") == list(range(1, 15))


def test_stages_follow_one_another(tmp_path, windows, settings):
    table = with_players(settings, critic={"last_step": 6}, maker={"first_step": 7})
    module, _ = run(tmp_path, windows, {**table, "steps": 10})
    assert module.turns == [*((step, "critic") for step in range(1, 7)), *((step, "maker") for step in range(7, 11))]


@pytest.mark.parametrize(("every", "first", "last"), [(1, 1, 14), (3, 1, 14), (3, 5, 12), (4, 2, 2), (5, 14, 14)])
def test_steps_of_a_player_are_counted_as_they_are_taken(settings, every, first, last):
    table = with_players({**settings, "steps": 14}, maker={"every": every, "first_step": first, "last_step": last})
    player = TrainingSettings.parse(table).player("maker")
    acts = [step for step in range(1, 15) if player.acts(step)]
    assert acts == list(range(first, last + 1, every))
    assert [player.taken(step) for step in range(1, 15)] == [
        sum(each <= step for each in acts) for step in range(1, 15)
    ]


def test_a_schedule_runs_along_the_steps_a_player_takes(settings):
    own = {"every": 2, "first_step": 3, "schedule": "step", "step_size": 2, "factor": 0.5, "learning_rate": 0.8}
    player = TrainingSettings.parse(with_players({**settings, "steps": 12}, maker=own)).player("maker")
    assert [player.rate(step) for step in (3, 5, 7, 9, 11)] == [0.8, 0.8, 0.4, 0.4, 0.2]


def test_a_player_has_the_rate_and_betas_of_its_table_and_else_what_all_share(settings):
    table = with_players(settings, critic={"learning_rate": 0.3, "betas": [0.5, 0.9]})
    parsed = TrainingSettings.parse(table)
    assert (parsed.player("critic").rate(1), parsed.player("critic").betas) == (0.3, (0.5, 0.9))
    assert (parsed.player("maker").rate(1), parsed.player("maker").betas) == (0.01, (0.9, 0.99))


def test_rates_of_players_reach_their_weights(tmp_path, windows, settings):
    """The first step of Adam is as long as the rate, whatever the gradient."""
    table = with_players(settings, critic={"learning_rate": 0.25})
    module, _ = run(tmp_path, windows, {**table, "steps": 1})
    assert abs(module.w.item() - 0.25) == pytest.approx(0.25, rel=1e-5)
    assert abs(module.g.item() - 0.5) == pytest.approx(0.01, rel=1e-5)


SEVERAL = {
    "critic": {"optimiser": "rmsprop", "momentum": 0.5, "last_step": 9, "clip_norm": 0.3},
    "maker": {"every": 2, "first_step": 4, "optimiser": "adamw", "weight_decay": 0.1, "schedule": "cosine"},
}


class Third(Adversary):
    """With a third player that learns in the second stage alone."""

    def __init__(self):
        super().__init__()
        self.s = nn.Linear(6, 6)

    def players(self):
        return {**super().players(), "second": self.s.parameters()}

    def loss(self, batch, generator, player):
        if player != "second":
            return super().loss(batch, generator, player)
        noise = torch.rand(6, generator=generator)
        return {"total": (self.s(batch["frames"] + noise) - batch["frames"]).square().mean()}


@pytest.mark.parametrize("average", [0.0, 0.9])
def test_resuming_several_optimisers_gives_the_same_bits_at_every_kind_of_step(tmp_path, windows, settings, average):
    own = {**SEVERAL, "second": {"first_step": 8, "warm_up": 2, "learning_rate": 0.1}}
    table = {**with_players(settings, **own), "steps": 14, "average_decay": average}

    def make():
        torch.manual_seed(0)
        return Third()

    whole, _ = run(tmp_path / "whole", windows, table, make())
    # Before the maker's first step, on and off its steps, around the critic's last and the second stage's first one.
    for steps in range(14):
        folder = tmp_path / str(steps)
        run(folder, windows, table, make(), stop=stop_after(steps))
        torch.manual_seed(steps)
        parts, summary = run(folder, windows, table, make())
        assert (summary.resumed_from, summary.finished) == (steps, True)
        for name in ("weights", "state"):
            one, other = (
                read_tensors(each / f"checkpoint/{name}.safetensors") for each in (tmp_path / "whole", folder)
            )
            assert one.keys() == other.keys()
            assert all(torch.equal(value, other[key]) for key, value in one.items()), steps
        assert all(torch.equal(value, parts.state_dict()[key]) for key, value in whole.state_dict().items())


def test_the_optimisers_of_all_players_are_in_the_checkpoint(tmp_path, windows, settings):
    run(tmp_path, windows, {**with_players(settings, **SEVERAL), "steps": 10})
    state = read_tensors(tmp_path / "checkpoint/state.safetensors")
    moments = {name for name in state if name.startswith("optimiser.")}
    adam = {f"optimiser.g.{key}" for key in ("step", "exp_avg", "exp_avg_sq")}
    assert moments == adam | {f"optimiser.w.{key}" for key in ("step", "square_avg", "momentum_buffer")}
    assert (state["optimiser.w.step"].item(), state["optimiser.g.step"].item()) == (9, 4)


def test_a_signal_between_two_players_waits_for_the_end_of_the_step(tmp_path, windows, settings):
    class Interrupted(Adversary):
        def loss(self, batch, generator, player):
            if player == "critic" and int(batch["step"]) == 5:
                os.kill(os.getpid(), signal.SIGTERM)
            return super().loss(batch, generator, player)

    module, summary = run(tmp_path, windows, settings, Interrupted())
    assert (summary.stopped_by, summary.steps) == ("signal", 6)
    assert module.turns[-2:] == [(6, "critic"), (6, "maker")]
    state = read_tensors(tmp_path / "checkpoint/state.safetensors")
    assert state["optimiser.w.step"].item() == state["optimiser.g.step"].item() == 6


def test_an_error_between_two_players_leaves_the_checkpoint_of_a_whole_step(tmp_path, windows, settings):
    class Broken(Adversary):
        def loss(self, batch, generator, player):
            terms = super().loss(batch, generator, player)
            bad = player == "maker" and int(batch["step"]) == 5
            return {**terms, "total": terms["total"] * float("nan")} if bad else terms

    table = {**settings, "steps": 8}
    run(tmp_path, windows, table, stop=stop_after(4))
    with pytest.raises(StbenchError, match="the loss of the player 'maker' is nan at step 6"):
        run(tmp_path, windows, table, Broken())
    assert json.loads((tmp_path / "checkpoint/state.json").read_text())["step"] == 4
    resumed, _ = run(tmp_path, windows, table)
    whole, _ = run(tmp_path / "whole", windows, table)
    assert torch.equal(resumed.w, whole.w)
    assert torch.equal(resumed.g, whole.g)


def test_the_log_averages_the_terms_of_a_player_over_the_steps_it_took(tmp_path, windows, settings):
    each = []
    table = {**with_players(settings, maker={"every": 3, "learning_rate": 0.5}), "steps": 14}
    run(tmp_path, windows, table, on_progress=lambda step, steps, losses: each.append(losses))
    lines = [json.loads(line) for line in (tmp_path / "log.jsonl").read_text().splitlines()]
    assert [line["step"] for line in lines] == [7, 14]
    assert [set(losses) for losses in each[:2]] == [
        {"critic/gap", "critic/total", "maker/total"},
        {"critic/gap", "critic/total"},
    ]
    for line, steps in zip(lines, (each[:7], each[7:]), strict=True):
        for name in ("critic/total", "maker/total"):
            found = [losses[name] for losses in steps if name in losses]
            assert line["losses"][name] == pytest.approx(sum(found) / len(found), rel=1e-12)
    assert lines[0]["learning_rate"] == {"critic": 0.01, "maker": 0.5}


def test_a_module_of_one_player_is_handed_no_name(tmp_path, windows, walker, settings):
    one = walker()
    train(one, windows, settings, tmp_path / "one", seed=3, identity={})

    class Named(type(one)):
        def players(self):
            return {"all": self.parameters()}

        def loss(self, batch, generator, player):
            assert player == "all"
            return super().loss(batch, generator)

    named = Named()
    named.load_state_dict(walker().state_dict())
    train(named, windows, settings, tmp_path / "named", seed=3, identity={})
    assert all(torch.equal(value, named.state_dict()[name]) for name, value in one.state_dict().items())


@pytest.mark.parametrize(
    ("players", "sentence"),
    [
        ({"critik": {}}, "the model has no player 'critik': did you mean 'critic'"),
        ({"maker": {"learning_rat": 1.0}}, "'learning_rat' of the player 'maker': did you mean 'learning_rate'"),
        ({"maker": {"steps": 3}}, "no training setting 'steps' of the player 'maker'"),
        ({"maker": {"every": 0}}, "'every' of the player 'maker' is 0; it must be at least 1"),
        ({"maker": {"first_step": 9, "last_step": 8}}, "steps of the player 'maker' are 9 to 8"),
        ({"maker": {"last_step": 41}}, "steps of the player 'maker' are 1 to 41"),
        ({"maker": {"warm_up": 20, "every": 2}}, "'warm_up' of the player 'maker' is 20; it must be less than 20"),
        (
            {"maker": {"schedule": "step"}},
            "settings of the player 'maker' lack 'step_size', which schedule 'step' needs",
        ),
        ({"maker": {"alpha": 0.9}}, "optimiser of the player 'maker' is 'adam', and 'alpha' is a setting of 'rmsprop'"),
        ({"critic": {"last_step": 3}, "maker": {"first_step": 6}}, "no player acts at step 4 of 40"),
        ({"maker": 3}, r"must be tables \[training.players.NAME\]"),
    ],
)
def test_impossible_settings_of_players_are_told_in_a_sentence(tmp_path, windows, settings, players, sentence):
    with pytest.raises(StbenchError, match=sentence):
        run(tmp_path, windows, with_players(settings, **players))


def test_settings_of_a_single_player_are_told_where_they_belong(settings):
    with pytest.raises(StbenchError, match=r"'every' is of a single player: write it in \[training.players.NAME\]"):
        TrainingSettings.parse({**settings, "every": 2})


def test_a_table_for_a_player_of_a_module_without_players_is_refused(tmp_path, windows, walker, settings):
    with pytest.raises(StbenchError, match="the model has no players, so there is no player 'critic'"):
        train(walker(), windows, with_players(settings, critic={}), tmp_path, seed=3, identity={})


@pytest.mark.parametrize(
    ("divide", "sentence"),
    [
        (lambda module: {"critic": [module.w]}, "'g' of Other belongs to no player"),
        (lambda module: {"critic": [module.w], "maker": [module.g, module.w]}, "'w' of Other belongs to the players"),
        (
            lambda module: {"all": module.parameters(), "idle": []},
            "the player 'idle' of Other has no parameter to train",
        ),
        (lambda module: {"all": [torch.zeros(1)]}, "'all' of Other has something that is no parameter"),
        (lambda module: {"all": module.w}, "'all' of Other has no list of parameters"),
        (lambda module: [module.w, module.g], r"players\(\) of Other gives list, not the parameters of each named"),
    ],
)
def test_parameters_without_a_player_of_their_own_are_refused(tmp_path, windows, settings, divide, sentence):
    class Other(Adversary):
        def players(self):
            return divide(self)

    with pytest.raises(StbenchError, match=sentence):
        run(tmp_path, windows, settings, Other())


def test_frozen_parameters_need_no_player(tmp_path, windows, settings):
    class Frozen(Adversary):
        def players(self):
            return {"critic": [self.w]}

    module = Frozen()
    module.g.requires_grad_(False)
    run(tmp_path, windows, {**settings, "steps": 2}, module)
    assert module.turns == [(1, "critic"), (2, "critic")]
