"""A small Hamiltonian model, and clips for it."""

from __future__ import annotations

from typing import Any

import torch

from stbench.models.hamiltonian.model import TERMS, Hamiltonian

RELEASED: dict[str, Any] = {
    "content_size": 256,
    "blocks": 3,
    "block_size": 12,
    "conditioned": False,
    "label": "action",
    "operator": "free",
    "operator_gain": 2**0.5,
    "unit_norm": True,
    "frame_range": "symmetric",
    "divergence_frames": "all",
    "encoder": {"width": 256, "dense": 4096, "features": 2048},
    "decoder": {"width": 256, "dense": 4096, "output": "normalised"},
    "loss_weights": dict.fromkeys(TERMS, 1.0),
}
SMALL: dict[str, Any] = RELEASED | {
    "content_size": 8,
    "block_size": 3,
    "conditioned": True,
    "encoder": {"width": 4, "dense": 24, "features": 16},
    "decoder": {"width": 4, "dense": 24, "output": "normalised"},
}
ACTION = torch.tensor([2, 0, 1])


def model(**changes: Any) -> Hamiltonian:
    torch.manual_seed(0)
    return Hamiltonian((3, 16, 16), **SMALL | changes)


def clip(seed: int = 0, frames: int = 8) -> torch.Tensor:
    return torch.rand(3, frames, 3, 16, 16, generator=torch.Generator().manual_seed(seed))


def generator(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)
