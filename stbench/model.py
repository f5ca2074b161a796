"""What a model plug-in hands to the core, and the small interfaces a model can fulfil.

There is no base class. A model is any object with the capability a protocol asks for:

- `forecast(conditioning, horizon) -> frames`, numpy float32, `(batch, conditioning, *frame)` -> `(batch, horizon,
  *frame)`;
- `swap(content, motion, horizon) -> frames`, two such windows: the content of one goes on with the motion of the other.

Its plug-in lists them in `capabilities`; on tracks that ask for another one it is not applicable.

It may learn in one of two ways: a floor has `fit(train)` with `train` a `stbench.splits.TrainingWindows`; a torch model
is an `nn.Module` with `loss(batch, generator) -> dict of named terms` (trained by `stbench.training`) and
`forward(conditioning, horizon)` on tensors. Such a module may name whole-number factors it learns from in an attribute
`labels`, ("action",) say: `batch` then holds those the dataset has, (batch,) int64. What changes along the training,
scheduled sampling say, looks at `batch["step"]`: the number of steps taken, int64 on the CPU. A model is never handed a
test target.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol, runtime_checkable

import numpy as np

from stbench.generator import Track


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
    def forecast(self, conditioning: np.ndarray, horizon: int) -> np.ndarray:
        """Continue `conditioning` (batch, conditioning, *frame) by `horizon` frames: (batch, horizon, *frame),
        float32."""
        ...


@runtime_checkable
class Swapper(Protocol):
    def swap(self, content: np.ndarray, motion: np.ndarray, horizon: int) -> np.ndarray:
        """What `content` shows, moving on as `motion` does: both (batch, conditioning, *frame) -> (batch, horizon,
        *frame), float32; the first frame follows the last one of `motion`."""
        ...


@dataclass(frozen=True)
class ModelPlugin:
    """What an entry point of the group `stbench.models` names."""

    name: str
    version: str
    """Bumped when the same configuration and data would give other results."""
    summary: str
    reference: str
    bibtex: str
    build: Callable[[Mapping[str, Any], Task], Any]
    """`build(configuration["model"], task)`; random initial weights come from torch's global generator, seeded by the
    run."""
    presets: Callable[[str], Mapping[str, Any]] = field(default=lambda dataset: {})
    """Dataset name -> {"paper": {"model": {...}, "training": {...}}, "quick": ..., "variants": {name: overrides}}."""
    floor: bool = False
    """A floor has no presets and runs in every preset, on that preset's data."""
    capabilities: tuple[str, ...] = ("forecast",)
    """What its model can be asked: names of the methods above."""
