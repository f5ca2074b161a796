"""The `training` table of a preset, checked."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, get_type_hints

from stbench.contract.settings import check_type
from stbench.errors import StbenchError, nearest

SCHEDULES = ("constant", "cosine", "multistep")
PRECISIONS = ("float32", "bfloat16")


@dataclass(frozen=True)
class TrainingSettings:
    """What decides the result of a training run, and how it is watched. Values come from preset files."""

    split: str
    """Which windows: "train" or "train+val"."""
    steps: int
    batch_size: int
    learning_rate: float
    """Of Adam."""
    betas: tuple[float, float]
    """Decay rates of Adam's moments."""
    schedule: str
    """Learning rate along the steps: "constant", "cosine" down to zero at the last step, or "multistep"."""
    precision: str
    """"float32", or "bfloat16" autocast: weights, Adam and losses stay float32."""
    milestones: tuple[int, ...] = ()
    """Of "multistep": after each of these steps the rate is multiplied by `factor`."""
    factor: float = 1.0
    average_decay: float = 0.0
    """Decay of the exponential moving average of the weights that becomes the model; 0: no averaging."""
    snapshots: tuple[int, ...] = ()
    """Steps whose weights are kept in `snapshots/`, to report the spread over the last of them."""
    checkpoint_seconds: float = 120.0
    log_every: int = 50
    """Steps between two lines of the log."""

    @classmethod
    def parse(cls, table: Mapping[str, Any]) -> TrainingSettings:
        """From a preset's `training` table; `StbenchError` naming the unknown, missing or impossible setting."""
        fields = {field.name: field for field in dataclasses.fields(cls)}
        for name in table:
            if name not in fields:
                raise StbenchError(f"there is no training setting '{name}': {nearest(name, fields)}")
        for name, field in fields.items():
            if field.default is dataclasses.MISSING and name not in table:
                raise StbenchError(f"the training settings lack '{name}'; add it to the preset's training table")
        values: dict[str, Any] = {k: tuple(value) if isinstance(value, list) else value for k, value in table.items()}
        kinds = get_type_hints(cls)
        for name, value in values.items():
            _check(name, value)
            check_type(f"the training setting '{name}'", table[name], kinds[name])
        settings = cls(**values)
        if (settings.schedule == "multistep") != bool(settings.milestones):
            raise StbenchError(
                f"the schedule is '{settings.schedule}' and milestones are {list(settings.milestones)}: "
                "'multistep' needs milestones and factor, the other schedules take none"
            )
        return settings

    def rate(self, step: int) -> float:
        """Learning rate of step 1..steps: constant, or l (1 + cos(pi (step - 1) / steps)) / 2, or l times `factor` to
        the number of milestones before this step."""
        if self.schedule == "constant":
            return self.learning_rate
        if self.schedule == "multistep":
            return self.learning_rate * self.factor ** sum(step > milestone for milestone in self.milestones)
        return self.learning_rate * 0.5 * (1.0 + math.cos(math.pi * (step - 1) / self.steps))

    def decay(self, step: int) -> float:
        """Decay of the average at step 1..steps: min(d, step / (step + 9)), so that a short run, too, averages over its
        last tenth and not over its initial weights."""
        return min(self.average_decay, step / (step + 9))

    @property
    def decisive(self) -> dict[str, Any]:
        """The settings that decide the result, JSON-able: without those that only say how the run is watched."""
        watched = ["snapshots", "checkpoint_seconds", "log_every"]
        if self.schedule != "multistep":
            # So that the checkpoints of the other schedules stay what they were.
            watched += ["milestones", "factor"]
        return {k: list(v) if isinstance(v, tuple) else v for k, v in vars(self).items() if k not in watched}


def _is_decay(value: Any) -> bool:
    return isinstance(value, (int, float)) and 0 <= value < 1


def _check(name: str, value: Any) -> None:
    """`StbenchError` where a setting has a value that no run could use."""
    if name in ("schedule", "precision"):
        known = SCHEDULES if name == "schedule" else PRECISIONS
        if value not in known:
            raise StbenchError(f"there is no {name} '{value}': {nearest(str(value), known)}")
    elif name in ("steps", "batch_size", "log_every"):
        if not isinstance(value, int):
            raise StbenchError(f"the training setting '{name}' must be a whole number, not {value!r}")
        if value < 1:
            raise StbenchError(f"the training setting '{name}' is {value}; it must be at least 1")
    elif name == "milestones":
        whole = isinstance(value, tuple) and all(isinstance(each, int) and each > 0 for each in value)
        if not whole or list(value) != sorted({*value}):
            raise StbenchError(f"the training setting 'milestones' must be a list of increasing steps, not {value!r}")
    elif name == "betas":
        if not (isinstance(value, tuple) and len(value) == 2 and all(_is_decay(each) for each in value)):
            raise StbenchError(f"the training setting 'betas' must be two numbers from 0 to below 1, not {value!r}")
    elif name in ("learning_rate", "average_decay", "checkpoint_seconds", "factor"):
        if not isinstance(value, (int, float)):
            raise StbenchError(f"the training setting '{name}' must be a number, not {value!r}")
        if name in ("learning_rate", "factor") and value <= 0:
            raise StbenchError(f"the training setting '{name}' is {value}; it must be positive")
        if name == "average_decay" and not 0 <= value < 1:
            raise StbenchError(f"the training setting '{name}' is {value}; it must lie between 0 (no averaging) and 1")
