"""Small settings of the feed-forward baselines, for what holds of all of them."""

from __future__ import annotations

from typing import Any

import torch
from recurrent import generator
from torch import Tensor

from stbench import registry
from stbench.contract.datasets import Track
from stbench.contract.models import Task
from stbench.models.parts.block_by_block import BlockByBlock

COMMON: dict[str, Any] = {"inputs": "own", "loss": "mse"}
BLOCKS: dict[str, Any] = {
    **COMMON,
    "width": 4,
    "layers": 2,
    "hidden": 8,
    "blocks": 2,
    "ratio": 2.0,
    "drop_path": [0.0, 0.0],
}
SETTINGS: dict[str, dict[str, Any]] = {
    "simvp": {**BLOCKS, "coder": "shuffle", "translator": "gsta"},
    "simvp:inception": {
        **BLOCKS,
        "coder": "transposed",
        "translator": "inception",
        "hidden": 16,
        "ratio": 0.0,
        "drop_path": [],
    },
    "tau": {**BLOCKS, "divergence_weight": 0.1, "temperature": 0.1},
    "unet": {**COMMON, "widths": [8, 8], "blocks": 1, "writes": 1},
    "fno-2d": {
        **COMMON,
        "width": 4,
        "layers": 2,
        "modes": [3, 3],
        "padding": 2,
        "initial": "symmetric",
        "writes": 1,
    },
}
CONDITIONING, HORIZON = 4, 6
TASK = Task(Track("d", "forecast", CONDITIONING, HORIZON, HORIZON, ("mse",)), (2, 8, 12))


def built(name: str, task: Task = TASK, **changes: Any) -> BlockByBlock:
    torch.manual_seed(0)
    settings = {**SETTINGS[name], **changes}
    net: BlockByBlock = registry.model(name.partition(":")[0]).build(settings, task)
    return net


def frames(length: int = CONDITIONING + HORIZON, size: int = 3) -> Tensor:
    return torch.rand(size, length, 2, 8, 12, generator=generator(5))
