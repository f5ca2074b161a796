"""The feed-forward baselines learn, and what they are named for takes part: traffic of the simulated city."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Any

import pytest
import torch
from recurrent import batch, generator
from test_recurrent_learning import CONDITIONING, HORIZON, WINDOWS, clips, error
from torch import Tensor, nn

from stbench import registry
from stbench.contract.datasets import Track
from stbench.contract.models import Task
from stbench.models.parts.block_by_block import BlockByBlock

STEPS = 700
BLOCKS: dict[str, Any] = {
    "width": 8,
    "layers": 2,
    "hidden": 48,
    "blocks": 2,
    "ratio": 2.0,
    "drop_path": [0.0, 0.0],
    "inputs": "own",
    "loss": "mse",
}
SETTINGS: dict[str, dict[str, Any]] = {
    "simvp": {**BLOCKS, "coder": "shuffle", "translator": "gsta"},
    "tau": {**BLOCKS, "divergence_weight": 0.1, "temperature": 0.1},
    "unet": {"widths": [8, 16, 32], "blocks": 1, "writes": 4, "inputs": "own", "loss": "mse"},
    "fno-2d": {
        "width": 12,
        "layers": 2,
        "modes": [8, 8],
        "padding": 2,
        "initial": "positive",
        "writes": 4,
        "inputs": "own",
        "loss": "mse",
    },
}


class Nothing(nn.Module):
    """Zeros of the shape of what it is handed."""

    def forward(self, x: Tensor, generator: torch.Generator | None = None) -> Tensor:
        return torch.zeros_like(x)


class Itself(nn.Module):
    """What it is handed: no frame helps another one."""

    def forward(self, x: Tensor, generator: torch.Generator | None = None) -> Tensor:
        return x


def without_translator(network: Any) -> None:
    network.translator = Itself()


def without_lower_levels(network: Any) -> None:
    """What comes up from below the first level is 0."""
    network.grow[0] = Grown()


class Grown(nn.Module):
    def forward(self, x: Tensor) -> Tensor:
        return x.new_zeros(*x.shape[:2], 2 * x.shape[2], 2 * x.shape[3])


def without_fourier_layers(network: Any) -> None:
    for k in range(len(network.spectral)):
        network.spectral[k] = Nothing()


TAKEN: dict[str, Callable[[Any], None]] = {
    "simvp": without_translator,
    "tau": without_translator,
    "unet": without_lower_levels,
    "fno-2d": without_fourier_layers,
}


@cache
def learnt(name: str, whole: bool = True) -> float:
    """Error of the forecasts of the training windows after `STEPS` steps."""
    torch.manual_seed(0)
    task = Task(Track("taxibj", "forecast", CONDITIONING, HORIZON, HORIZON, ("mse",)), (2, 32, 32))
    net: BlockByBlock = registry.model(name).build(SETTINGS[name], task)
    if not whole:
        TAKEN[name](net.network)
    optimiser = torch.optim.Adam(net.parameters(), 4e-3, betas=(0.9, 0.99))
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimiser, STEPS)
    drawn = generator()
    net.train()
    for k in range(STEPS):
        rows = torch.randperm(WINDOWS, generator=drawn)[:8]
        optimiser.zero_grad()
        net.loss(batch(clips()[rows], CONDITIONING, k), drawn)["total"].backward()
        optimiser.step()
        schedule.step()
    net.eval()
    return error(net)  # type: ignore[arg-type]


@pytest.mark.slow
@pytest.mark.parametrize("name", SETTINGS)
def test_training_windows_are_forecast_twice_as_well_as_by_persistence(name: str) -> None:
    target, last = clips()[:, CONDITIONING:], clips()[:, CONDITIONING - 1 : CONDITIONING]
    assert learnt(name) < float((last - target).square().mean()) / 2


@pytest.mark.slow
@pytest.mark.parametrize("name", SETTINGS)
def test_a_model_without_what_it_is_named_for_is_worse(name: str) -> None:
    """simvp and tau without their translator, unet without its lower levels, fno-2d without its Fourier layers."""
    assert learnt(name) < learnt(name, whole=False)
