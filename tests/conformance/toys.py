"""A learned model and a floor that keep every promise, and one for each way of breaking one."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from stbench.contract.datasets import Track
from stbench.contract.models import ModelPlugin, Task
from stbench.splits.training import TrainingWindows

TRACK = Track("toy", "forecast", conditioning=3, horizon=4, train_horizon=3, metrics=("mse",))
TASK = Task(TRACK, (1, 6, 6))
TRAINING = {
    "split": "train+val",
    "steps": 1000,
    "batch_size": 64,
    "learning_rate": 1e-3,
    "betas": [0.9, 0.99],
    "schedule": "cosine",
    "precision": "float32",
}
CONFIGURATION: Mapping[str, Any] = {"model": {}, "training": TRAINING}


def learned(module: type[nn.Module], **changes: Any) -> ModelPlugin:
    return ModelPlugin("toy", "1", "", "", "", build=lambda settings, task: module(task), **changes)


def floor(model: type, **changes: Any) -> ModelPlugin:
    return ModelPlugin("toy", "1", "", "", "", build=lambda settings, task: model(task), floor=True, **changes)


class Good(nn.Module):
    """The last frame plus a learned change, over and over."""

    def __init__(self, task: Task) -> None:
        super().__init__()
        self.change = nn.Conv2d(1, 1, 3, padding=1)

    def step(self, frame: Tensor) -> Tensor:
        changed: Tensor = frame + self.change(frame)
        return changed

    def forward(self, conditioning: Tensor, horizon: int) -> Tensor:
        found = [conditioning[:, -1]]
        for _ in range(horizon):
            found.append(self.step(found[-1]))
        return torch.stack(found[1:], 1)

    def loss(self, batch: Mapping[str, Tensor], generator: torch.Generator) -> dict[str, Any]:
        noise = 0.01 * torch.randn(batch["conditioning"].shape, generator=generator)
        target = batch["target"]
        error = (self(batch["conditioning"] + noise, target.shape[1]) - target).square().mean()
        return {"error": error, "total": error}


class Players(Good):
    """A critic of frames that learns every second step and in a second stage, and a forecast that also fools it."""

    def __init__(self, task: Task) -> None:
        super().__init__(task)
        self.critic = nn.Conv2d(1, 1, 3)

    def players(self) -> dict[str, Any]:
        return {"forecast": self.change.parameters(), "critic": self.critic.parameters()}

    def loss(self, batch: Mapping[str, Tensor], generator: torch.Generator, player: str = "") -> dict[str, Any]:
        terms = super().loss(batch, generator)
        target = batch["target"]
        made = self(batch["conditioning"], target.shape[1])
        if player == "forecast":
            return {**terms, "total": terms["error"] - 0.01 * self.critic(made.flatten(0, 1)).mean()}
        real, fake = (self.critic(each.flatten(0, 1)).square().mean() for each in (target, made))
        return {"total": fake - real + self.critic.weight.square().sum()}


class IdlePlayer(Players):
    def loss(self, batch: Mapping[str, Tensor], generator: torch.Generator, player: str = "") -> dict[str, Any]:
        return super().loss(batch, generator, "forecast") if player == "forecast" else Good.loss(self, batch, generator)


class TotalMissing(Players):
    def loss(self, batch: Mapping[str, Tensor], generator: torch.Generator, player: str = "") -> dict[str, Any]:
        terms = super().loss(batch, generator, player)
        return terms if player == "forecast" else {"gap": terms["total"]}


class NoPlayer(Players):
    def players(self) -> dict[str, Any]:
        return {"forecast": self.change.parameters()}


class Labelled(Good):
    """Learns from a factor and refuses to do without."""

    labels = ("action",)

    def loss(self, batch: Mapping[str, Tensor], generator: torch.Generator) -> dict[str, Any]:
        assert {*batch["action"].tolist()} <= {0, 1}
        return super().loss(batch, generator)


class Flat(Good):
    def forward(self, conditioning: Tensor, horizon: int) -> Tensor:
        return super().forward(conditioning, horizon).mean(1, keepdim=True)


class NotFinite(Good):
    def forward(self, conditioning: Tensor, horizon: int) -> Tensor:
        found = super().forward(conditioning, horizon)
        return found if self.training else found / (found[:, :, :, :1] * 0)


class Remembers(Good):
    """Starts from the state it ended the last forecast with."""

    memory: Tensor | None = None

    def forward(self, conditioning: Tensor, horizon: int) -> Tensor:
        found = super().forward(conditioning, horizon)
        if self.memory is not None:
            found = found + 0.1 * self.memory
        self.memory = found[:, -1].mean().detach()
        return found


class BatchStatistics(Good):
    def forward(self, conditioning: Tensor, horizon: int) -> Tensor:
        return super().forward(conditioning - conditioning.mean(), horizon)


class Direct(Good):
    """All frames at once, scaled by how many are asked for: longer forecasts begin differently."""

    def forward(self, conditioning: Tensor, horizon: int) -> Tensor:
        return super().forward(conditioning, horizon) / horizon


class NoTotal(Good):
    def loss(self, batch: Mapping[str, Tensor], generator: torch.Generator) -> dict[str, Any]:
        return {"error": super().loss(batch, generator)["total"]}


class LossPerSample(Good):
    def loss(self, batch: Mapping[str, Tensor], generator: torch.Generator) -> dict[str, Any]:
        return {"total": (self(batch["conditioning"], 3) - batch["target"]).square().mean((1, 2, 3, 4))}


class NanLoss(Good):
    def loss(self, batch: Mapping[str, Tensor], generator: torch.Generator) -> dict[str, Any]:
        return {"total": super().loss(batch, generator)["total"] * torch.nan}


class ChangesBatch(Good):
    def loss(self, batch: Mapping[str, Tensor], generator: torch.Generator) -> dict[str, Any]:
        batch["frames"].mul_(2)
        return super().loss(batch, generator)


class Detached(Good):
    def loss(self, batch: Mapping[str, Tensor], generator: torch.Generator) -> dict[str, Any]:
        return {"total": super().loss(batch, generator)["total"].detach()}


class InfiniteGradient(Good):
    def loss(self, batch: Mapping[str, Tensor], generator: torch.Generator) -> dict[str, Any]:
        total = super().loss(batch, generator)["total"]
        return {"total": total + torch.sqrt(0 * self.change.weight.sum())}


class OtherRandomness(Good):
    """Draws from numpy's generator instead of the one it is handed."""

    def loss(self, batch: Mapping[str, Tensor], generator: torch.Generator) -> dict[str, Any]:
        total = super().loss(batch, generator)["total"]
        return {"total": total * float(np.random.random())}  # noqa: NPY002


class Counts(Good):
    """Learns by a number of calls that no checkpoint keeps."""

    calls = 0

    def loss(self, batch: Mapping[str, Tensor], generator: torch.Generator) -> dict[str, Any]:
        self.calls += 1
        return {"total": super().loss(batch, generator)["total"] * self.calls}


class Unused(Good):
    def __init__(self, task: Task) -> None:
        super().__init__(task)
        self.idle = nn.Linear(10, 3)


class NoForward(nn.Module):
    """Has a forward, as every module, but it is torch's own; and no loss."""

    def __init__(self, task: Task) -> None:
        super().__init__()


class GoodFloor:
    def __init__(self, task: Task) -> None:
        self.frame = np.zeros(task.frame_shape, np.float32)

    def fit(self, train: TrainingWindows) -> None:
        self.frame = train.frames.mean(axis=(0, 1))
        self.store = train.store

    def forecast(self, conditioning: np.ndarray, horizon: int) -> np.ndarray:
        return np.repeat((conditioning[:, -1:] + self.frame) / 2, horizon, axis=1)


class Float64Floor(GoodFloor):
    def forecast(self, conditioning: np.ndarray, horizon: int) -> np.ndarray:
        return super().forecast(conditioning, horizon).astype(np.float64)


class WritingFloor(GoodFloor):
    def forecast(self, conditioning: np.ndarray, horizon: int) -> np.ndarray:
        conditioning *= 2
        return super().forecast(conditioning, horizon)


class RandomFloor(GoodFloor):
    def fit(self, train: TrainingWindows) -> None:
        super().fit(train)
        self.frame = self.frame * np.random.default_rng().random(dtype=np.float32)


class PlacedFloor(GoodFloor):
    """Its last bits depend on where in memory the frames begin, as those of some matrix products do."""

    def forecast(self, conditioning: np.ndarray, horizon: int) -> np.ndarray:
        return super().forecast(conditioning, horizon) + np.float32(conditioning.ctypes.data % 64)


class PeekingFloor(GoodFloor):
    """Opens the store it was fitted on."""

    def forecast(self, conditioning: np.ndarray, horizon: int) -> np.ndarray:
        answer = super().forecast(conditioning, horizon)
        return answer + self.store.read(6)[3].mean()


class CountingFloor(GoodFloor):
    """Counts what it is asked, and looks at no store."""

    def __init__(self, task: Task) -> None:
        super().__init__(task)
        self.asked = 0

    def forecast(self, conditioning: np.ndarray, horizon: int) -> np.ndarray:
        self.asked += 1
        return super().forecast(conditioning, horizon) + np.float32(self.asked)

    def swap(self, content: np.ndarray, motion: np.ndarray, horizon: int) -> np.ndarray:
        return self.forecast(motion, horizon)


class CountingPeekingFloor(CountingFloor):
    """Counts, and opens the store it was fitted on."""

    def forecast(self, conditioning: np.ndarray, horizon: int) -> np.ndarray:
        return super().forecast(conditioning, horizon) + self.store.read(6)[3].mean()


class MemorisingFloor(GoodFloor):
    """Keeps what the store shows while it is fitted, the test part too."""

    def fit(self, train: TrainingWindows) -> None:
        super().fit(train)
        self.kept = train.store.read(slice(None)).mean()

    def forecast(self, conditioning: np.ndarray, horizon: int) -> np.ndarray:
        return super().forecast(conditioning, horizon) + np.float32(self.kept)


class MemorisingSwapFloor(MemorisingFloor):
    def swap(self, content: np.ndarray, motion: np.ndarray, horizon: int) -> np.ndarray:
        return self.forecast(motion, horizon)


class PeekingSwapFloor(GoodFloor):
    """Looks up what follows its motion window."""

    def swap(self, content: np.ndarray, motion: np.ndarray, horizon: int) -> np.ndarray:
        return self.forecast(motion, horizon) + self.store.read(7)[-1].mean()


class RaisingFloor(GoodFloor):
    def forecast(self, conditioning: np.ndarray, horizon: int) -> np.ndarray:
        raise ValueError("operands could not be broadcast")


class QuittingFloor(GoodFloor):
    def forecast(self, conditioning: np.ndarray, horizon: int) -> np.ndarray:
        raise SystemExit(7)


class ForgetfulSwapFloor(GoodFloor):
    def swap(self, content: np.ndarray, motion: np.ndarray, horizon: int) -> np.ndarray:
        self.frame = self.frame + np.float32(1)
        return self.forecast(content, horizon)


CLIP_CAPABILITIES = ("forecast", "generate", "transfer", "sample", "resample", "codes")


class ClipFloor(GoodFloor):
    """Keeps every promise about whole clips."""

    def generate(self, clip: np.ndarray, length: int, factors: Mapping[str, np.ndarray]) -> np.ndarray:
        return self.forecast(clip[:, :1], length)

    def transfer(
        self, content: np.ndarray, motion: np.ndarray, length: int, factors: Mapping[str, np.ndarray]
    ) -> np.ndarray:
        return (self.generate(content, length, factors) + self.generate(motion, length, factors)) / 2

    def sample(self, content: np.ndarray, length: int, factors: Mapping[str, np.ndarray], seed: int) -> np.ndarray:
        noise = np.random.default_rng(seed).random((len(content), length, *content.shape[2:]), np.float32)
        return self.generate(content, length, factors) + noise

    def resample(self, motion: np.ndarray, length: int, factors: Mapping[str, np.ndarray], seed: int) -> np.ndarray:
        return self.sample(motion, length, factors, seed)

    def codes(self, clip: np.ndarray, factors: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
        return {"content": clip.mean(axis=1).reshape(len(clip), -1), "motion": clip[:, 0].reshape(len(clip), -1)}


class ShortFloor(ClipFloor):
    def generate(self, clip: np.ndarray, length: int, factors: Mapping[str, np.ndarray]) -> np.ndarray:
        return super().generate(clip, length - 1, factors)


class WritingClipFloor(ClipFloor):
    def resample(self, motion: np.ndarray, length: int, factors: Mapping[str, np.ndarray], seed: int) -> np.ndarray:
        motion *= 2
        return super().resample(motion, length, factors, seed)


class SeedlessFloor(ClipFloor):
    def __init__(self, task: Task) -> None:
        super().__init__(task)
        self.drawn = 0

    def sample(self, content: np.ndarray, length: int, factors: Mapping[str, np.ndarray], seed: int) -> np.ndarray:
        self.drawn += 1
        return super().sample(content, length, factors, self.drawn)


class NotFiniteTransferFloor(ClipFloor):
    def transfer(
        self, content: np.ndarray, motion: np.ndarray, length: int, factors: Mapping[str, np.ndarray]
    ) -> np.ndarray:
        return super().transfer(content, motion, length, factors) * np.float32(np.nan)


class ContentOnlyFloor(ClipFloor):
    def codes(self, clip: np.ndarray, factors: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
        return {"content": super().codes(clip, factors)["content"]}


class PeekingClipFloor(ClipFloor):
    """Looks at the last test sequence."""

    def codes(self, clip: np.ndarray, factors: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
        seen = float(self.store.read(self.store.n_sequences - 1).sum())
        return {name: values + seen for name, values in super().codes(clip, factors).items()}


class MemorisingClipFloor(MemorisingFloor, ClipFloor):
    """Shows in every clip what it kept."""
