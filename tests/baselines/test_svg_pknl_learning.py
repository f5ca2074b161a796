"""SVG-LP and PKnl learn, and what they are made of takes part: a simulated city's traffic, a simulated ocean."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Any

import numpy as np
import pytest
import torch
from recurrent import batch, generator
from stbench.baselines.pknl.model import PKnl
from stbench.baselines.svg.model import SVG
from stbench.generators.sst.stand_in.ocean import Ocean
from stbench.generators.sst.stand_in.size import OceanSize
from test_recurrent_learning import WINDOWS
from test_recurrent_learning import clips as traffic
from torch import Tensor, nn

from stbench import registry
from stbench.contract.datasets import Track
from stbench.contract.models import Task

CONDITIONING, SIDE, STEPS = 4, 32, {"svg": 700, "bilinear pknl": 500, "pknl": 500}
SETTINGS: dict[str, dict[str, Any]] = {
    "svg": {
        "backbone": {"name": "dcgan", "width": 16},
        "output": "sigmoid",
        "code": 32,
        "latent": 4,
        "hidden": 64,
        "layers": 2,
        "prior_layers": 1,
        "beta": 1e-3,
        "skips": "last",
        "statistics": "running",
    },
    "bilinear pknl": {
        "width": 8,
        "levels": 3,
        "warp": "bilinear",
        "window": 0,
        "diffusion": 0.0,
        "border": "border",
        "smoothness": 0.4,
        "divergence": 1.0,
        "magnitude": -0.003,
    },
}
SETTINGS["pknl"] = {**SETTINGS["bilinear pknl"], "warp": "gaussian", "window": 3, "diffusion": 0.45}


@cache
def temperatures() -> Tensor:
    """32 windows of ten days in a row, each day with mean 0 and deviation 1."""
    days = Ocean(OceanSize(65, 97, 3)).days()
    field = np.stack([next(days)[16 : 16 + SIDE, 32 : 32 + SIDE].copy() for _ in range(WINDOWS + 9)])
    field = (field - field.mean((1, 2), keepdims=True)) / field.std((1, 2), keepdims=True)
    return torch.from_numpy(np.stack([field[k : k + 10] for k in range(WINDOWS)])[:, :, None].astype(np.float32))


CLIPS: dict[str, Callable[[], Tensor]] = {"svg": traffic, "bilinear pknl": temperatures, "pknl": temperatures}


def forget(net: SVG) -> None:
    """Every step of predictor, posterior and prior begins with states of 0."""
    for each in (net.predictor, net.posterior, net.prior):
        stack = each.stack
        step = stack.step
        stack.step = lambda x, states, step=step, stack=stack: step(x, stack.start(x))  # type: ignore[method-assign]


class Still(nn.Module):
    """No flow; a parameter, so that there is something to train."""

    def __init__(self) -> None:
        super().__init__()
        self.flow = nn.Parameter(torch.zeros(()))

    def forward(self, frames: Tensor) -> Tensor:
        return 0 * self.flow + frames.new_zeros(len(frames), 2, *frames.shape[2:])


def stand_still(net: PKnl) -> None:
    net.flow = Still()  # type: ignore[assignment]


TAKEN: dict[str, Callable[[Any], None]] = {"svg": forget, "bilinear pknl": stand_still, "pknl": stand_still}


def error(forecast: Tensor, clips: Tensor) -> float:
    return float((forecast - clips[:, CONDITIONING:]).square().mean())


@cache
def learnt(name: str, whole: bool = True) -> float:
    """Error of the forecasts of the training windows."""
    clips = CLIPS[name]()
    horizon = clips.shape[1] - CONDITIONING
    torch.manual_seed(0)
    task = Task(Track("d", "forecast", CONDITIONING, horizon, horizon, ("mse",)), tuple(clips.shape[2:]))
    net: Any = registry.model(name.split()[-1]).build(SETTINGS[name], task)
    if not whole:
        TAKEN[name](net)
    optimiser = torch.optim.Adam(net.parameters(), 4e-3, betas=(0.9, 0.99))
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimiser, STEPS[name])
    drawn = generator()
    net.train()
    for k in range(STEPS[name]):
        rows = torch.randperm(WINDOWS, generator=drawn)[:8]
        optimiser.zero_grad()
        net.loss(batch(clips[rows], CONDITIONING, k), drawn)["total"].backward()
        optimiser.step()
        schedule.step()
    net.eval()
    with torch.no_grad():
        return error(net(clips[:, :CONDITIONING], horizon), clips)


@pytest.mark.slow
@pytest.mark.parametrize("name", SETTINGS)
def test_training_windows_are_forecast_twice_as_well_as_by_persistence(name: str) -> None:
    clips = CLIPS[name]()
    assert learnt(name) < error(clips[:, CONDITIONING - 1 : CONDITIONING], clips) / 2


@pytest.mark.slow
@pytest.mark.parametrize("name", SETTINGS)
def test_a_model_without_what_it_is_named_for_is_worse(name: str) -> None:
    """svg without its recurrent states, pknl without its flow."""
    assert learnt(name) < learnt(name, whole=False)
