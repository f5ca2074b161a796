"""What the tests of the disentangling baselines share."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

from stbench import registry
from stbench.contract import presets
from stbench.contract.models import Task

FRAME = (3, 64, 64)


def select(name: str, dataset: str, preset: str, variant: str | None = None) -> Any:
    return presets.select(registry.model(name), dataset, preset, variant)


def built(
    name: str, dataset: str = "sprites", preset: str = "quick", variant: str | None = None, **changes: Any
) -> nn.Module:
    """With the initial weights of seed 0; `changes` to the preset's model."""
    torch.manual_seed(0)
    settings = {**select(name, dataset, preset, variant)["model"], **changes}
    module: nn.Module = registry.model(name).build(settings, Task(registry.dataset(dataset).tracks[0], FRAME))
    return module


def counts(name: str, dataset: str, variant: str | None = None, **changes: Any) -> dict[str, int]:
    """Parameters of the parts of `paper`, and of the whole."""
    with torch.device("meta"):
        module = built(name, dataset, "paper", variant, **changes)
    found = {part: number(each) for part, each in module.named_children()}
    return {**found, "whole": number(module)}


def number(module: nn.Module) -> int:
    return sum(each.numel() for each in module.parameters())


def clips(batch: int = 3, frames: int = 8, seed: int = 0) -> Tensor:
    return torch.rand(batch, frames, *FRAME, generator=generator(seed))


def batch(frames: Tensor, step: int = 0) -> dict[str, Tensor]:
    action = torch.arange(len(frames)) % 3
    return {"frames": frames, "action": action, "expression": action, "step": torch.tensor(step)}


def generator(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)
