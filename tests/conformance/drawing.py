"""Models that draw: one that keeps every promise, and one for each way of breaking one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import torch
import toys
from torch import Tensor

from stbench.contract.models import ModelPlugin, Task


def plugin(kind: type, **changes: Any) -> ModelPlugin:
    made = toys.learned if issubclass(kind, torch.nn.Module) else toys.floor
    return made(kind, **{"capabilities": ("forecast", "draw"), **changes})


class Draws(toys.Good):
    """The forecast and noise from the generator of each window."""

    def noise(self, shape: tuple[int, ...], generators: Sequence[torch.Generator]) -> Tensor:
        return torch.stack([torch.randn(shape, generator=each) for each in generators])

    def draw(self, conditioning: Tensor, horizon: int, samples: int, generators: Sequence[torch.Generator]) -> Tensor:
        made = self(conditioning, horizon)
        return made[:, None] + self.noise((samples, *made.shape[1:]), generators)


class Together(Draws):
    """Published like this: statistics of the batch, in forecasts and in draws."""

    draws_together = True

    def forward(self, conditioning: Tensor, horizon: int) -> Tensor:
        return super().forward(conditioning - conditioning.mean(), horizon)


class TogetherAndForgetful(Together):
    """Breaks another promise, too."""

    def noise(self, shape: tuple[int, ...], generators: Sequence[torch.Generator]) -> Tensor:
        return torch.randn((len(generators), *shape))


class AskedTogether(Draws):
    """Is handed whole batches and uses no statistics of them."""

    draws_together = True

    def forward(self, conditioning: Tensor, horizon: int) -> Tensor:
        return torch.cat([super(AskedTogether, self).forward(each[None], horizon) for each in conditioning])


class DrawFloor(toys.GoodFloor):
    def draw(self, conditioning: np.ndarray, horizon: int, samples: int, seeds: np.ndarray) -> np.ndarray:
        shape = (samples, horizon, *conditioning.shape[2:])
        noise = np.stack([np.random.default_rng(each).random(shape, np.float32) for each in seeds])
        return self.forecast(conditioning, horizon)[:, None] + noise


class Flat(DrawFloor):
    def draw(self, conditioning: np.ndarray, horizon: int, samples: int, seeds: np.ndarray) -> np.ndarray:
        return super().draw(conditioning, horizon, samples, seeds)[:, 0]


class NotFinite(DrawFloor):
    def draw(self, conditioning: np.ndarray, horizon: int, samples: int, seeds: np.ndarray) -> np.ndarray:
        return super().draw(conditioning, horizon, samples, seeds) * np.float32(np.nan)


class WritesSeeds(DrawFloor):
    def draw(self, conditioning: np.ndarray, horizon: int, samples: int, seeds: np.ndarray) -> np.ndarray:
        answer = super().draw(conditioning, horizon, samples, seeds)
        seeds += 1
        return answer


class Seedless(DrawFloor):
    def draw(self, conditioning: np.ndarray, horizon: int, samples: int, seeds: np.ndarray) -> np.ndarray:
        return super().draw(conditioning, horizon, samples, np.random.default_rng().integers(9, size=len(seeds)))


class Deaf(DrawFloor):
    """The same draws, whatever the seeds."""

    def draw(self, conditioning: np.ndarray, horizon: int, samples: int, seeds: np.ndarray) -> np.ndarray:
        return super().draw(conditioning, horizon, samples, 0 * seeds)


class Copies(DrawFloor):
    """One draw, as often as asked."""

    def draw(self, conditioning: np.ndarray, horizon: int, samples: int, seeds: np.ndarray) -> np.ndarray:
        return np.repeat(super().draw(conditioning, horizon, 1, seeds), samples, axis=1)


class OneGenerator(DrawFloor):
    """A generator for the whole batch, from its first seed."""

    def draw(self, conditioning: np.ndarray, horizon: int, samples: int, seeds: np.ndarray) -> np.ndarray:
        made = self.forecast(conditioning, horizon)[:, None]
        shape = (len(seeds), samples, *made.shape[2:])
        return made + np.random.default_rng(seeds[0]).random(shape, np.float32)


class ByPlace(DrawFloor):
    """Right for every number of windows, and wrong for another order."""

    def draw(self, conditioning: np.ndarray, horizon: int, samples: int, seeds: np.ndarray) -> np.ndarray:
        answer = super().draw(conditioning, horizon, samples, seeds)
        if len(seeds) > 1 and seeds[0] > seeds[-1]:
            answer[0] += np.float32(1e-6)
        return answer


class Peeks(DrawFloor):
    def draw(self, conditioning: np.ndarray, horizon: int, samples: int, seeds: np.ndarray) -> np.ndarray:
        return super().draw(conditioning, horizon, samples, seeds) + np.float32(self.store.read(7)[-1].mean())


class OnlyDraws(DrawFloor):
    forecast = None  # type: ignore[assignment]

    def draw(self, conditioning: np.ndarray, horizon: int, samples: int, seeds: np.ndarray) -> np.ndarray:
        shape = (samples, horizon, *conditioning.shape[2:])
        return np.stack([np.random.default_rng(each).random(shape, np.float32) for each in seeds])


def configuration() -> Mapping[str, Any]:
    return toys.CONFIGURATION


def build(settings: Mapping[str, Any], task: Task) -> Together:
    return Together(task)


def presets(dataset: str) -> Mapping[str, Any]:
    """A variant that says which promise it breaks, and one that breaks it in silence."""
    if dataset != "moving-mnist":
        return {}
    tables = {"quick": {"model": {}, "training": {**toys.TRAINING, "steps": 2, "batch_size": 4, "split": "train"}}}
    return {**tables, "variants": {"published": {"breaks": {"batch": "SVG was published so"}}, "silent": {}}}


published = ModelPlugin(
    "together", "1", "a toy", "an example", "", build=build, presets=presets, capabilities=("forecast", "draw")
)
