"""The `training` table of a preset, checked.

`[training]` has what all players share, `[training.players.NAME]` what is different for one of them. A module without
players is one player of all its parameters.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from stbench.errors import StbenchError, nearest

from . import schedules
from .declaration import (
    check_together,
    check_values,
    fields_of,
    number,
    one_of,
    setting,
    steps_in_order,
    two_decays,
    values_of,
    whole,
)

OPTIMISERS = ("adam", "adamw", "rmsprop")
PRECISIONS = ("float32", "bfloat16")
PLAYERS = "players"
"""Name of the table of tables."""

_ADAM = ("optimiser", ("adam", "adamw"))
_RMSPROP = ("optimiser", ("rmsprop",))
_STEPS = ("schedule", ("multistep", "step"))
_MULTISTEP, _STEP, _CYCLE = (("schedule", (name,)) for name in ("multistep", "step", "one-cycle"))
_positive = number(lambda value: value > 0, "be positive")
_not_negative = number(lambda value: value >= 0, "not be negative")
_decay = number(lambda value: 0 <= value < 1, "lie between 0 and 1")
_average = number(lambda value: 0 <= value < 1, "lie between 0 (no averaging) and 1")
_part = number(lambda value: 0 <= value <= 1, "lie between 0 and 1")


@dataclass(frozen=True, kw_only=True)
class OptimiserSettings:
    """How a player learns. Steps are counted in the steps this player takes."""

    learning_rate: float = setting(_positive)
    """The largest one where a schedule changes it."""
    schedule: str = setting(one_of("schedule", schedules.SCHEDULES))
    """Learning rate along the steps: "constant", "cosine" down to zero, "multistep", "step" or "one-cycle"."""
    optimiser: str = setting(one_of("optimiser", OPTIMISERS), "adam")
    """"adam", "adamw" or "rmsprop"."""
    betas: tuple[float, float] = setting(two_decays, None, of=_ADAM, needed=True)
    """Decay rates of Adam's moments."""
    alpha: float = setting(_decay, 0.99, of=_RMSPROP)
    """Decay rate of the mean square of RMSprop."""
    momentum: float = setting(_decay, 0.0, of=_RMSPROP)
    weight_decay: float = setting(_not_negative, 0.0)
    """w: adds w times the parameter to the gradient; "adamw" takes rate times w times the parameter off it instead."""
    clip_norm: float = setting(_not_negative, 0.0)
    """c: a gradient of all parameters of a player that is longer than c is shortened to c; 0: never."""
    warm_up: int = setting(whole(0), 0)
    """Steps over which the rate rises linearly to the first one of the schedule, which begins after them."""
    milestones: tuple[int, ...] = setting(steps_in_order, (), of=_MULTISTEP, needed=True)
    """Of "multistep": after each of these steps the rate is multiplied by `factor`."""
    step_size: int = setting(whole(1), None, of=_STEP, needed=True)
    """Of "step": after each `step_size` steps the rate is multiplied by `factor`."""
    factor: float = setting(_positive, None, of=_STEPS, needed=True)
    pct_start: float = setting(_part, 0.3, of=_CYCLE)
    """Of "one-cycle": part of the steps in which the rate rises."""
    div_factor: float = setting(_positive, 25.0, of=_CYCLE)
    """The first rate is the largest one divided by this."""
    final_div_factor: float = setting(_positive, 1e4, of=_CYCLE)
    """The last rate is the first one divided by this."""
    cycle_momentum: bool = setting(None, False, of=_CYCLE)
    """Whether the first of `betas`, or `momentum`, falls and rises between the next two while the rate rises and
    falls. torch.optim.lr_scheduler.OneCycleLR does unless it is told not to."""
    base_momentum: float = setting(_decay, 0.85, of=_CYCLE)
    max_momentum: float = setting(_decay, 0.95, of=_CYCLE)


@dataclass(frozen=True, kw_only=True)
class PlayerSettings(OptimiserSettings):
    """How a player learns and when: at steps first_step, first_step + every, ... of the run, up to last_step."""

    every: int = setting(whole(1), 1)
    first_step: int = setting(whole(1), 1)
    last_step: int = setting(whole(1), None)
    """The last of the run where it is not given."""

    def acts(self, step: int) -> bool:
        """At step 1, 2, ... of the run?"""
        return self.first_step <= step <= self.last_step and (step - self.first_step) % self.every == 0

    def taken(self, step: int) -> int:
        """Steps of its own up to step 1, 2, ... of the run, this one included."""
        return max(min(step, self.last_step) - self.first_step + self.every, 0) // self.every

    def rate(self, step: int) -> float:
        """Learning rate at step 1, 2, ... of the run; between steps of its own that of the latest, or first, of
        them."""
        return schedules.rate(self, max(self.taken(step), 1), self.taken(self.last_step))

    def momentum_at(self, step: int) -> float | None:
        """`schedules.momentum` at step 1, 2, ... of the run."""
        return schedules.momentum(self, max(self.taken(step), 1), self.taken(self.last_step))


@dataclass(frozen=True, kw_only=True)
class TrainingSettings(OptimiserSettings):
    """What decides the result of a training run, and how it is watched. Values come from preset files."""

    split: str = setting()
    """Which windows: "train" or "train+val"."""
    steps: int = setting(whole(1))
    batch_size: int = setting(whole(1))
    precision: str = setting(one_of("precision", PRECISIONS))
    """"float32", or "bfloat16" autocast: weights, optimisers and losses stay float32."""
    average_decay: float = setting(_average, 0.0)
    """Decay of the exponential moving average of the weights that becomes the model; 0: no averaging."""
    snapshots: tuple[int, ...] = setting(None, (), watched=True)
    """Steps whose weights are kept in `snapshots/`, to report the spread over the last of them."""
    checkpoint_seconds: float = setting(None, 120.0, watched=True)
    log_every: int = setting(whole(1), 50, watched=True)
    """Steps between two lines of the log."""
    players: Mapping[str, Mapping[str, Any]] = dataclasses.field(default_factory=dict)
    """Player -> what its table says."""

    @classmethod
    def parse(cls, table: Mapping[str, Any]) -> TrainingSettings:
        """From a preset's `training` table; `StbenchError` naming the unknown, missing or impossible setting."""
        values, players = values_of(table), _player_tables(table)
        values.pop(PLAYERS, None)
        when = [name for name in fields_of(PlayerSettings).keys() - fields_of(cls).keys() if name in values]
        if when:
            raise StbenchError(
                f"the training setting '{when[0]}' is of a single player: write it in [training.players.NAME]"
            )
        check_values(cls, values)
        for name, field in fields_of(cls).items():
            if field.default is dataclasses.MISSING and name not in values:
                raise StbenchError(f"the training settings lack '{name}'; add it to the preset's training table")
        for name, own in players.items():
            check_values(PlayerSettings, own, _of(name))
        settings = cls(**values, players=players)
        check_together(settings, values)
        for name in ("", *players):
            own = players.get(name, {})
            check_together(settings.player(name), own, _of(name))
            _check_steps(settings.player(name), settings.steps, _of(name))
        return settings

    def player(self, name: str = "") -> PlayerSettings:
        """Settings of a player; of one without a table, those all share."""
        shared = {each: getattr(self, each) for each in fields_of(OptimiserSettings)}
        return PlayerSettings(**{**shared, "last_step": self.steps, **self.players.get(name, {})})

    def check_players(self, names: Collection[str]) -> None:
        """`StbenchError` for the table of a player that is not among `names`, and a step at which none of them acts;
        no names: of a module without players."""
        for name in self.players:
            if not names:
                raise StbenchError(f"the model has no players, so there is no player '{name}': leave its table out")
            if name not in names:
                raise StbenchError(f"the model has no player '{name}': {nearest(name, names)}")
        busy = np.zeros(self.steps, bool)
        for name in names or ("",):
            each = self.player(name)
            busy[each.first_step - 1 : each.last_step : each.every] = True
        if not busy.all():
            raise StbenchError(
                f"no player acts at step {int(busy.argmin()) + 1} of {self.steps}: "
                "change every, first_step or last_step of one of them"
            )

    def rate(self, step: int) -> float:
        """Learning rate at step 1..steps of a player without a table."""
        return self.player().rate(step)

    def decay(self, step: int) -> float:
        """Decay of the average at step 1..steps: min(d, step / (step + 9)), so that a short run, too, averages over its
        last tenth and not over its initial weights."""
        return min(self.average_decay, step / (step + 9))

    @property
    def decisive(self) -> dict[str, Any]:
        """The settings that decide the result, JSON-able: without those that only say how the run is watched, and
        without what equals its default, so that a setting that is new one day changes no identity of today."""
        fields = fields_of(type(self))
        table = {**{name: getattr(self, name) for name in fields if not fields[name].metadata["watched"]}}
        return without_defaults({**table, PLAYERS: self.players})


def without_defaults(table: Mapping[str, Any]) -> dict[str, Any]:
    """A `training` table less what it says anyway, JSON-able: settings that equal their default, and settings of a
    player that equal what all share. What is no setting stays."""
    fields, values = fields_of(TrainingSettings), values_of(table)
    kept = {name: value for name, value in values.items() if name not in fields or value != fields[name].default}
    players: Any = kept.pop(PLAYERS, {})
    if isinstance(players, Mapping):
        defaults = {name: field.default for name, field in fields_of(PlayerSettings).items()}
        shared = {**defaults, "last_step": values.get("steps"), **values}
        own = {
            player: {name: value for name, value in values_of(table).items() if value != shared.get(name)}
            for player, table in players.items()
            if isinstance(table, Mapping)
        }
        players = {player: _listed(table) for player, table in own.items() if table}
    return _listed(kept) | ({PLAYERS: players} if players else {})


def _listed(table: Mapping[str, Any]) -> dict[str, Any]:
    return {name: list(value) if isinstance(value, tuple) else value for name, value in table.items()}


def _player_tables(table: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    found = table.get(PLAYERS, {})
    if not isinstance(found, Mapping) or not all(isinstance(each, Mapping) for each in found.values()):
        raise StbenchError(f"the training setting '{PLAYERS}' must be tables [training.players.NAME], not {found!r}")
    return {str(name): values_of(each) for name, each in found.items()}


def _of(player: str) -> str:
    return f" of the player '{player}'" if player else ""


def _check_steps(player: PlayerSettings, steps: int, where: str) -> None:
    if not player.first_step <= player.last_step <= steps:
        raise StbenchError(
            f"the steps{where} are {player.first_step} to {player.last_step}; they must lie in order between 1 and "
            f"{steps}, the steps of the run"
        )
    if player.warm_up >= (taken := player.taken(player.last_step)):
        raise StbenchError(f"the training setting 'warm_up'{where} is {player.warm_up}; it must be less than {taken}")
