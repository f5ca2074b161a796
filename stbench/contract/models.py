"""What a model plug-in hands to the core, and the small interfaces a model can fulfil.

There is no base class. A model is any object with the capability a protocol asks for:

- `forecast(conditioning, horizon) -> frames`, numpy float32, `(batch, conditioning, *frame)` -> `(batch, horizon,
  *frame)`;
- `draw(conditioning, horizon, samples, seeds) -> frames`, several drawn forecasts of each window: `(batch, samples,
  horizon, *frame)`;
- `swap(content, motion, horizon) -> frames`, two such windows: the content of one goes on with the motion of the other.
- `generate`, `transfer`, `sample`, `resample`: whole clips, from their first frame on, see the classes below; `codes`:
  what it makes of a clip, for probes.

Its plug-in lists them in `capabilities`; on tracks that ask for another one it is not applicable.

It may learn in one of two ways, which its plug-in's `kind` tells. A numpy model has `fit(train)` with `train` a
`stbench.splits.TrainingWindows`: a "floor", which learns (almost) nothing, or a "classical" one, a regression or a
solver of the physics, say. A "learned" model is an `nn.Module` with `loss(batch, generator) -> dict of named terms`
(trained by `stbench.training`) and `forward(conditioning, horizon)` on tensors. Such a module may name whole-number
factors it learns from in an attribute `labels`, ("action",) say: `batch` then holds those the dataset has, (batch,)
int64. What changes along the training, scheduled sampling say, looks at `batch["step"]`: the number of steps taken,
int64 on the CPU. A module whose parts learn against or after each other, an adversary or a second stage say, has
`players() -> {name: parameters}` and `loss(batch, generator, player)`, see `stbench.training.players`. A model is never
handed a test target.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol, runtime_checkable

import numpy as np

from stbench.contract.datasets import Track
from stbench.errors import StbenchError, nearest

if TYPE_CHECKING:
    from jaxtyping import Float, Float32, Int64

    from stbench.contract.capabilities import HasFit
    from stbench.contract.modules import TorchModel, TorchPlayers


@dataclass(frozen=True)
class Task:
    """All a model may know about what is asked of it when it is built."""

    track: Track
    frame_shape: tuple[int, ...]
    """(channel, y, x) for images, (sensor,) for vectors."""

    @property
    def conditioning(self) -> int:
        return self.track.conditioning

    @property
    def train_horizon(self) -> int:
        return self.track.train_horizon

    @property
    def is_image(self) -> bool:
        return len(self.frame_shape) == 3


@runtime_checkable
class Forecaster(Protocol):
    def forecast(
        self, conditioning: Float32[np.ndarray, "batch conditioning *frame"], horizon: int
    ) -> Float32[np.ndarray, "batch horizon *frame"]:
        """Continue `conditioning` (batch, conditioning, *frame) by `horizon` frames: (batch, horizon, *frame),
        float32."""
        ...


@runtime_checkable
class Drawer(Protocol):
    def draw(
        self,
        conditioning: Float32[np.ndarray, "batch conditioning *frame"],
        horizon: int,
        samples: int,
        seeds: Int64[np.ndarray, " batch"],
    ) -> Float32[np.ndarray, "batch samples horizon *frame"]:
        """`samples` independent continuations of each window of `conditioning` (batch, conditioning, *frame): (batch,
        samples, horizon, *frame), float32.

        What is random in those of window i comes from a generator of its own, on the CPU, that `seeds[i]` alone starts
        (batch,) int64, not negative: the other windows of the batch, their number and order change no bit.
        """
        ...


@runtime_checkable
class Swapper(Protocol):
    def swap(
        self,
        content: Float32[np.ndarray, "batch conditioning *frame"],
        motion: Float32[np.ndarray, "batch conditioning *frame"],
        horizon: int,
    ) -> Float32[np.ndarray, "batch horizon *frame"]:
        """What `content` shows, moving on as `motion` does: both (batch, conditioning, *frame) -> (batch, horizon,
        *frame), float32; the first frame follows the last one of `motion`."""
        ...


Factors = Mapping[str, np.ndarray]
"""What a model may know beside frames: name of the action's factor -> (batch,) int64."""


@runtime_checkable
class Sequencer(Protocol):
    def generate(
        self, clip: Float32[np.ndarray, "batch time *frame"], length: int, factors: Factors
    ) -> Float32[np.ndarray, "batch length *frame"]:
        """Frames 0..length-1 of the sequence that `clip` (batch, n, *frame) begins, with the state of its first frame
        alone: (batch, length, *frame), float32. `factors`: the clip's action."""
        ...


@runtime_checkable
class Transferrer(Protocol):
    def transfer(
        self,
        content: Float32[np.ndarray, "batch time *frame"],
        motion: Float32[np.ndarray, "batch time *frame"],
        length: int,
        factors: Factors,
    ) -> Float32[np.ndarray, "batch length *frame"]:
        """What `content` shows, moving as `motion` does, both (batch, n, *frame), from the first frame of `motion` on:
        (batch, length, *frame), float32. `factors`: the action of `motion`, where it is told; no track tells it."""
        ...


@runtime_checkable
class Sampler(Protocol):
    def sample(
        self, content: Float32[np.ndarray, "batch time *frame"], length: int, factors: Factors, seed: int
    ) -> Float32[np.ndarray, "batch length *frame"]:
        """What `content` (batch, n, *frame) shows, in a motion drawn for the action asked in `factors`: (batch, length,
        *frame), float32. The same `seed` and arguments give the same frames."""
        ...


@runtime_checkable
class Resampler(Protocol):
    def resample(
        self, motion: Float32[np.ndarray, "batch time *frame"], length: int, factors: Factors, seed: int
    ) -> Float32[np.ndarray, "batch length *frame"]:
        """Drawn content that moves as `motion` (batch, n, *frame) does, from its first frame on: (batch, length,
        *frame), float32. `factors`: the action of `motion`, where it is told; no track tells it."""
        ...


@runtime_checkable
class Coder(Protocol):
    def codes(
        self, clip: Float32[np.ndarray, "batch time *frame"], factors: Factors
    ) -> Mapping[str, Float[np.ndarray, "batch _"]]:
        """{"content": (batch, k), "motion": (batch, m)}: what the model makes of a clip (batch, n, *frame)."""
        ...


@runtime_checkable
class Conserving(Protocol):
    def conservation(
        self, clip: Float32[np.ndarray, "batch time *frame"], steps: int, factors: Factors
    ) -> Mapping[str, Float[np.ndarray, " batch"]]:
        """{"energy_drift": (batch,), "reversibility_error": (batch,)} of the dynamics over `steps` frames, from the
        state of a clip's first frame, in float64. What a model may have beside `codes`."""
        ...


KINDS = ("floor", "classical", "learned")


@dataclass(frozen=True)
class ModelPlugin:
    """What an entry point of the group `stbench.models` names."""

    name: str
    version: str
    """Bumped when the same configuration and data would give other results."""
    summary: str
    reference: str
    bibtex: str
    build: Callable[[Mapping[str, Any], Task], HasFit | TorchModel | TorchPlayers]
    """`build(configuration["model"], task)`; random initial weights come from torch's global generator, seeded by the
    run."""
    presets: Callable[[str], Mapping[str, Any]] = field(default=lambda dataset: {})
    """Dataset name -> {"paper": {"model": {...}, "training": {...}}, "quick": ..., "variants": {name: overrides}}."""
    floor: bool = False
    """Of the kind "floor"; `floor=True` is another way of writing that."""
    capabilities: tuple[str, ...] = ("forecast",)
    """What its model can be asked: names of the methods above."""
    kind: str = "learned"
    """ "floor": numpy, `fit`, no presets, runs in every preset on that preset's data; boards draw it grey. "classical":
    numpy, `fit`; on a dataset that it has no presets for it runs in every preset, as a floor does. "learned": torch,
    trained by `stbench.training`, runs in its presets."""
    datasets: tuple[str, ...] = ()
    """The only datasets it applies to; empty: every one."""

    def __post_init__(self) -> None:
        if self.kind not in KINDS:
            raise StbenchError(f"the model '{self.name}' has the kind '{self.kind}': {nearest(self.kind, KINDS)}")
        if self.floor and self.kind == "classical":
            raise StbenchError(f"the model '{self.name}' says floor=True and kind='{self.kind}': leave out one of them")
        object.__setattr__(self, "kind", "floor" if self.floor else self.kind)
        object.__setattr__(self, "floor", self.kind == "floor")
        if isinstance(self.datasets, str):  # a tuple of one, its comma forgotten
            object.__setattr__(self, "datasets", (self.datasets,))

    @property
    def fitted(self) -> bool:
        """Is its model fitted in every run, by `fit`, instead of trained to a checkpoint?"""
        return self.kind != "learned"

    @property
    def noun(self) -> str:
        """What it is, in a sentence: "floor", "classical model" or "learned model"."""
        return self.kind if self.floor else f"{self.kind} model"

    def in_every_preset(self, dataset: str) -> bool:
        """Does it run on this dataset in every preset, without having any?"""
        return self.kind == "floor" or (self.kind == "classical" and not self.presets(dataset))
