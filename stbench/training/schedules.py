"""Learning rate and momentum as functions of the step: nothing about them has to be kept in a checkpoint.

The step k counts from 1 to n, the steps of the player that are left after warming up. l is the `learning_rate`. The
values are those that the scheduler of the same name in `torch.optim.lr_scheduler` has at its step k - 1.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .settings import OptimiserSettings


def _constant(settings: OptimiserSettings, k: int, n: int) -> float:
    """l."""
    return settings.learning_rate


def _cosine(settings: OptimiserSettings, k: int, n: int) -> float:
    """l (1 + cos(pi (k - 1) / n)) / 2, down to zero after the last step."""
    return settings.learning_rate * 0.5 * (1.0 + math.cos(math.pi * (k - 1) / n))


def _multistep(settings: OptimiserSettings, k: int, n: int) -> float:
    """l times `factor` to the number of `milestones` before k."""
    return settings.learning_rate * settings.factor ** sum(k > milestone for milestone in settings.milestones)


def _step(settings: OptimiserSettings, k: int, n: int) -> float:
    """l times `factor` after every `step_size` steps."""
    return settings.learning_rate * settings.factor ** ((k - 1) // settings.step_size)


def _one_cycle(settings: OptimiserSettings, k: int, n: int) -> float:
    """From l / `div_factor` up to l in the first `pct_start` of the steps, then down to l / `div_factor` /
    `final_div_factor`, both along half a cosine. Smith and Topin, 2018."""
    first = settings.learning_rate / settings.div_factor
    return _cycle(settings, k, n, first, settings.learning_rate, first / settings.final_div_factor)


SCHEDULES: dict[str, Callable[[OptimiserSettings, int, int], float]] = {
    "constant": _constant,
    "cosine": _cosine,
    "multistep": _multistep,
    "step": _step,
    "one-cycle": _one_cycle,
}


def rate(settings: OptimiserSettings, k: int, n: int) -> float:
    """Learning rate of step k of n: over the first `warm_up` steps k / `warm_up` times the first rate of the schedule,
    which then has the other n - `warm_up` steps."""
    schedule, warm_up = SCHEDULES[settings.schedule], settings.warm_up
    if k <= warm_up:
        return schedule(settings, 1, n - warm_up) * (k / warm_up)
    return schedule(settings, k - warm_up, n - warm_up)


def momentum(settings: OptimiserSettings, k: int, n: int) -> float | None:
    """What takes the place of the first of `betas`, or of `momentum` with rmsprop, at step k of n; None: nothing does.

    With one-cycle and `cycle_momentum`: from `max_momentum` down to `base_momentum` and up again, while the rate rises
    and falls.
    """
    if settings.schedule != "one-cycle" or not settings.cycle_momentum:
        return None
    k, n = max(k - settings.warm_up, 1), n - settings.warm_up
    return _cycle(settings, k, n, settings.max_momentum, settings.base_momentum, settings.max_momentum)


def _cycle(settings: OptimiserSettings, k: int, n: int, first: float, middle: float, last: float) -> float:
    turn = settings.pct_start * n - 1
    if k - 1 <= turn:
        return _between(first, middle, (k - 1) / turn if turn > 0 else 1.0)
    return _between(middle, last, (k - 1 - turn) / (n - 1 - turn))


def _between(start: float, end: float, part: float) -> float:
    """Half a cosine from `start` at 0 to `end` at 1."""
    return end + (start - end) / 2.0 * (1.0 + math.cos(math.pi * part))
