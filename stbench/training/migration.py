"""Checkpoints of older formats, read as those of today.

Format 1 held every decisive setting in its identity, its moments were all Adam's, and its log had one count for all
terms. Format 2 leaves out what equals a default.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from torch import Tensor

from .settings import without_defaults

FORMATS = (1, 2)
"""Those that can be read; the last one is written."""


def identity_of_today(identity: Mapping[str, Any], form: int) -> dict[str, Any]:
    """An identity that a checkpoint of format `form` holds."""
    if form != 1:
        return dict(identity)
    run = identity.get("run")
    configuration = run.get("configuration") if isinstance(run, Mapping) else None
    changed: dict[str, Any] = {"training": without_defaults(identity.get("training", {}))}
    if isinstance(run, Mapping) and isinstance(configuration, Mapping):
        training = {"training": without_defaults(configuration.get("training", {}))}
        changed["run"] = {**run, "configuration": {**configuration, **training}}
    return {**identity, **changed}


def state_of_today(state: Mapping[str, Tensor], form: int) -> dict[str, Tensor]:
    if form != 1:
        return dict(state)
    old = "adam."
    return {
        f"optimiser.{name.removeprefix(old)}" if name.startswith(old) else name: each for name, each in state.items()
    }


def scalars_of_today(scalars: Mapping[str, Any], form: int) -> dict[str, Any]:
    if form != 1:
        return dict(scalars)
    clock = scalars["clock"]
    return {**scalars, "clock": {**clock, "counts": dict.fromkeys(clock["sums"], clock["count"])}}
