"""A learned toy that draws, with a variant that says which promise it breaks."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import Tensor, nn

from stbench.contract.models import ModelPlugin, Task


class Noisy(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.scale = nn.Parameter(torch.ones(()))

    def forward(self, conditioning: Tensor, horizon: int) -> Tensor:
        return self.scale * conditioning[:, -1:].expand(-1, horizon, *conditioning.shape[2:])

    def loss(self, batch: Mapping[str, Tensor], generator: torch.Generator) -> dict[str, Tensor]:
        target = batch["target"]
        return {"total": (self(batch["conditioning"], target.shape[1]) - target).square().mean()}

    def draw(self, conditioning: Tensor, horizon: int, samples: int, generators: Sequence[torch.Generator]) -> Tensor:
        made = self(conditioning, horizon)
        shape = (samples, *made.shape[1:])
        return made[:, None] + 0.1 * torch.stack([torch.randn(shape, generator=each) for each in generators])


def presets(dataset: str) -> Mapping[str, Any]:
    training = {
        "split": "train",
        "steps": 2,
        "batch_size": 2,
        "learning_rate": 1e-3,
        "betas": [0.9, 0.99],
        "schedule": "constant",
        "precision": "float32",
    }
    variants = {"published": {"breaks": {"batch": "published with <statistics> of the batch"}}}
    return {"quick": {"model": {}, "training": training}, "variants": variants} if dataset == "moving-mnist" else {}


def build(settings: Mapping[str, Any], task: Task) -> Noisy:
    return Noisy()


plugin = ModelPlugin(
    "noisy", "1", "a toy", "an example", "", build=build, presets=presets, capabilities=("forecast", "draw")
)
