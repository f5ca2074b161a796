"""A short training: the model a check looks at, after a few steps of its preset."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from torch import nn

from stbench.contract.models import ModelPlugin, Task
from stbench.training.adapter import TorchForecaster
from stbench.training.loop import train
from stbench.training.modules import torch_module
from stbench.training.players import Player, players_of
from stbench.training.settings import TrainingSettings

if TYPE_CHECKING:
    from stbench.splits.training import TrainingWindows

STEPS = 4
BATCH = 3
SEED = 0
TIMES = ("every", "first_step", "last_step", "warm_up")
"""Settings that say when in a run something happens, which four steps are too few for."""


def module_of(plugin: ModelPlugin, configuration: Mapping[str, Any], task: Task) -> nn.Module:
    """The model with the initial weights of `SEED`."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(SEED)
        return torch_module(plugin.build(configuration["model"], task))


def trained(
    plugin: ModelPlugin, configuration: Mapping[str, Any], task: Task, windows: TrainingWindows, folder: Path
) -> TorchForecaster:
    """The model after `STEPS` steps of its preset."""
    module = module_of(plugin, configuration, task)
    train(module, windows, short(configuration), folder, seed=SEED, identity={})
    return TorchForecaster(module)


def short(configuration: Mapping[str, Any]) -> dict[str, Any]:
    """The preset's training cut to `STEPS` steps, in which every player acts: stages are not waited for."""
    training = configuration["training"]
    tables = {name: _without_times(table) for name, table in training.get("players", {}).items()}
    cut = {"split": "train", "steps": STEPS, "batch_size": BATCH, "snapshots": []}
    return {**_without_times(training), **({"players": tables} if tables else {}), **cut}


def _without_times(table: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in table.items() if name not in TIMES}


def players(module: nn.Module, configuration: Mapping[str, Any]) -> tuple[Player, ...]:
    """The players of a module as they learn in a short training."""
    return players_of(module, TrainingSettings.parse(short(configuration)))
