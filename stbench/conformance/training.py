"""A short training: the model a check looks at, after a few steps of its preset."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from torch import nn

from stbench.contract.models import ModelPlugin, Task
from stbench.errors import StbenchError
from stbench.training.adapter import TorchForecaster
from stbench.training.loop import train

if TYPE_CHECKING:
    from stbench.splits.training import TrainingWindows

STEPS = 4
BATCH = 3
SEED = 0


def module_of(plugin: ModelPlugin, configuration: Mapping[str, Any], task: Task) -> nn.Module:
    """The model with the initial weights of `SEED`."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(SEED)
        module: nn.Module = plugin.build(configuration["model"], task)
    if not isinstance(module, nn.Module):
        raise StbenchError(
            f"{type(module).__name__} is no torch.nn.Module, which a learned model must be (stbench.contract.models)"
        )
    return module


def trained(
    plugin: ModelPlugin, configuration: Mapping[str, Any], task: Task, windows: TrainingWindows, folder: Path
) -> TorchForecaster:
    """The model after `STEPS` steps of its preset."""
    module = module_of(plugin, configuration, task)
    train(module, windows, short(configuration), folder, seed=SEED, identity={})
    return TorchForecaster(module)


def short(configuration: Mapping[str, Any]) -> dict[str, Any]:
    return {**configuration["training"], "split": "train", "steps": STEPS, "batch_size": BATCH, "snapshots": []}
