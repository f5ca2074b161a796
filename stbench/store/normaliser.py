"""From stored values to the units models see, and back."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from torch import Tensor


@dataclass(frozen=True)
class Normaliser:
    """x = (v - mean) / std in float32, for every value of a store alike; mean 0 and std 1 leave values as they are."""

    mean: float = 0.0
    std: float = 1.0

    def __call__(self, stored: np.ndarray) -> np.ndarray:
        """x, float32; `stored` itself where it is that already."""
        stored = np.asarray(stored, np.float32)
        return stored if self._identity else (stored - np.float32(self.mean)) / np.float32(self.std)

    def inverse(self, frames: np.ndarray) -> np.ndarray:
        """v = x · std + mean, float32."""
        frames = np.asarray(frames, np.float32)
        return frames if self._identity else frames * np.float32(self.std) + np.float32(self.mean)

    def in_place(self, stored: Tensor) -> Tensor:
        """x in the place of v, a float32 tensor, on any device to the same bits."""
        # By a number, a card multiplies with its inverse instead, which rounds twice.
        return stored if self._identity else stored.sub_(self.mean).div_(stored.new_full((), self.std))

    @property
    def _identity(self) -> bool:
        return (self.mean, self.std) == (0.0, 1.0)
