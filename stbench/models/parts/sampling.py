"""True frames as inputs of a forecast during training: drawn frame by frame, or one coin for the whole batch."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor


@dataclass(frozen=True)
class ScheduledSampling:
    """Input b v + (1 - b) v̂, b = 1 with probability eta = max(0, 1 - (s + 1) / `steps`) at training step s = 0, 1, ...

    Source: S. Bengio et al., NIPS 2015; the linear decay to 0 at step `steps` is that of the releases since PredRNN,
    which lower eta before they use it. `steps` 0: no true frame ever.
    """

    steps: int

    def rate(self, step: int) -> float:
        """eta at training step `step`."""
        return max(0.0, 1.0 - (step + 1) / self.steps) if self.steps else 0.0

    def draw(self, batch: int, frames: int, step: int, generator: torch.Generator) -> Tensor:
        """b of each sample and frame, (batch, frames) bool on the processor."""
        return torch.rand(batch, frames, generator=generator) < self.rate(step)


@dataclass(frozen=True)
class TeacherForcing:
    """One coin for a batch: all inputs are true frames with probability max(0, 1 - s / `steps`) at training step s.

    `steps` 0: never.
    """

    steps: int

    def flip(self, step: int, generator: torch.Generator) -> bool:
        probability = max(0.0, 1.0 - step / self.steps) if self.steps else 0.0
        return float(torch.rand((), generator=generator)) < probability
