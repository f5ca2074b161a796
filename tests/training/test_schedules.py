"""Every schedule against the scheduler of the same name in torch.optim.lr_scheduler."""

from __future__ import annotations

import pytest
import torch
from torch.optim import lr_scheduler as torchs

from stbench.errors import StbenchError
from stbench.training.settings import TrainingSettings

STEPS, RATE = 40, 0.8
CYCLE = {"max_lr": RATE, "cycle_momentum": False}

CASES = {
    "constant": ({"schedule": "constant"}, lambda o, n: torchs.ConstantLR(o, factor=1.0)),
    "cosine": ({"schedule": "cosine"}, lambda o, n: torchs.CosineAnnealingLR(o, T_max=n)),
    "multistep": (
        {"schedule": "multistep", "milestones": [5, 6, 30], "factor": 0.3},
        lambda o, n: torchs.MultiStepLR(o, [5, 6, 30], gamma=0.3),
    ),
    "step": ({"schedule": "step", "step_size": 7, "factor": 0.3}, lambda o, n: torchs.StepLR(o, 7, gamma=0.3)),
    "one-cycle": ({"schedule": "one-cycle"}, lambda o, n: torchs.OneCycleLR(o, total_steps=n, **CYCLE)),
    "one-cycle, all settings": (
        {"schedule": "one-cycle", "pct_start": 0.55, "div_factor": 10.0, "final_div_factor": 50.0},
        lambda o, n: torchs.OneCycleLR(
            o, total_steps=n, pct_start=0.55, div_factor=10.0, final_div_factor=50.0, **CYCLE
        ),
    ),
}


def stepped(make, steps):
    """What the group of torch's Adam has at each step: learning rates and first betas."""
    optimiser = torch.optim.Adam([torch.zeros(1, requires_grad=True)], lr=RATE, betas=(0.9, 0.99))
    scheduler, rates, betas = make(optimiser), [], []
    for _ in range(steps):
        rates.append(optimiser.param_groups[0]["lr"])
        betas.append(optimiser.param_groups[0]["betas"][0])
        optimiser.step()
        # OneCycleLR refuses to be asked for a step beyond its last one.
        if len(rates) < steps:
            scheduler.step()
    return rates, betas


def parsed(settings, changes, steps=STEPS):
    return TrainingSettings.parse({**settings, "steps": steps, "learning_rate": RATE, **changes})


@pytest.mark.parametrize("name", CASES)
def test_a_schedule_has_the_rates_of_torch(settings, name):
    changes, make = CASES[name]
    expected, _ = stepped(lambda optimiser: make(optimiser, STEPS), STEPS)
    ours = parsed(settings, changes)
    # torch's schedulers go from step to step and gather rounding; the last rates of cosine are small differences.
    assert [ours.rate(step) for step in range(1, STEPS + 1)] == pytest.approx(expected, rel=1e-12, abs=1e-14)


# SequentialLR of torch warns of itself.
@pytest.mark.filterwarnings("ignore:.*epoch parameter.*")
@pytest.mark.parametrize("warm_up", [1, 8])
@pytest.mark.parametrize("name", CASES)
def test_a_schedule_begins_after_the_linear_warm_up(settings, name, warm_up):
    changes, make = CASES[name]

    def composed(optimiser):
        rest = make(optimiser, STEPS - warm_up)
        linear = torchs.LinearLR(optimiser, start_factor=1 / warm_up, total_iters=warm_up - 1)
        return torchs.SequentialLR(optimiser, [linear, rest], milestones=[warm_up])

    if warm_up == 1:
        # torch's linear schedule cannot be one step long: that step has the first rate of the other one.
        whole, _ = stepped(lambda optimiser: make(optimiser, STEPS - 1), STEPS - 1)
        expected = [whole[0], *whole]
    elif name.startswith("one-cycle"):
        # OneCycleLR sets the rate it starts from itself: the ramp to it is written by hand.
        whole, _ = stepped(lambda optimiser: make(optimiser, STEPS - warm_up), STEPS - warm_up)
        expected = [whole[0] * k / warm_up for k in range(1, warm_up + 1)] + whole
    else:
        expected, _ = stepped(composed, STEPS)
    ours = parsed(settings, {**changes, "warm_up": warm_up})
    assert [ours.rate(step) for step in range(1, STEPS + 1)] == pytest.approx(expected, rel=1e-12, abs=1e-14)


def test_one_cycle_moves_the_first_beta_against_the_rate_as_torch_does(settings):
    def make(optimiser):
        return torchs.OneCycleLR(optimiser, RATE, total_steps=STEPS, base_momentum=0.8, max_momentum=0.9)

    _, expected = stepped(make, STEPS)
    changes = {"schedule": "one-cycle", "cycle_momentum": True, "base_momentum": 0.8, "max_momentum": 0.9}
    player = parsed(settings, changes).player()
    assert [player.momentum_at(step) for step in range(1, STEPS + 1)] == pytest.approx(expected, rel=1e-12)
    assert parsed(settings, {"schedule": "one-cycle"}).player().momentum_at(3) is None


def test_one_cycle_whose_rise_is_a_single_step_begins_at_its_largest_rate(settings):
    """torch divides by zero there."""
    ours = parsed(settings, {"schedule": "one-cycle", "pct_start": 0.25}, steps=4)
    assert ours.rate(1) == RATE
    assert ours.rate(4) == pytest.approx(RATE / 25 / 1e4, rel=1e-9)


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"schedule": "onecycle"}, "no schedule 'onecycle': did you mean 'one-cycle'"),
        ({"schedule": "step", "factor": 0.5}, "lack 'step_size', which schedule 'step' needs"),
        ({"schedule": "step", "step_size": 3}, "lack 'factor', which schedule 'step' needs"),
        ({"pct_start": 0.5}, "the schedule is 'constant', and 'pct_start' is a setting of 'one-cycle': leave it out"),
        ({"schedule": "one-cycle", "pct_start": 1.5}, "'pct_start' is 1.5; it must lie between 0 and 1"),
        ({"schedule": "one-cycle", "cycle_momentum": 1}, "'cycle_momentum' is 1: expected `bool`"),
        ({"warm_up": 40}, "'warm_up' is 40; it must be less than 40"),
        ({"warm_up": True}, "'warm_up' must be a whole number, not True"),
        ({"optimiser": "adm"}, "no optimiser 'adm': did you mean 'adam'"),
        ({"betas": [0.9]}, "'betas' must be two numbers from 0 to below 1"),
        ({"clip_norm": -1.0}, "'clip_norm' is -1.0; it must not be negative"),
        ({"snapshots": 3}, "'snapshots' is 3: expected `array`"),
    ],
)
def test_impossible_schedules_and_optimisers_are_told_in_a_sentence(settings, changes, sentence):
    with pytest.raises(StbenchError, match=sentence):
        TrainingSettings.parse({**settings, **changes})


def test_adam_needs_betas_and_rmsprop_takes_none(settings):
    without = {name: value for name, value in settings.items() if name != "betas"}
    with pytest.raises(StbenchError, match="lack 'betas', which optimiser 'adam' needs"):
        TrainingSettings.parse(without)
    with pytest.raises(StbenchError, match="'betas' is a setting of 'adam' and 'adamw': leave it out"):
        TrainingSettings.parse({**settings, "optimiser": "rmsprop"})
    assert TrainingSettings.parse({**without, "optimiser": "rmsprop"}).player().alpha == 0.99
