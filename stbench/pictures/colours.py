"""Colour scales chosen from the data, and the colours of curves."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from matplotlib.colors import Colormap

MODELS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9")
"""Okabe and Ito's colours, told apart by people with any colour vision."""
FLOORS = ("#767676", "#A0A0A0", "#5C5C5C", "#8B8B8B", "#6A6A6A", "#979797")
DASHES: tuple[tuple[float, ...], ...] = ((6, 2.5), (1.5, 2), (6, 2, 1.5, 2), (3, 2), (12, 3), (6, 2, 1.5, 2, 1.5, 2))
"""Of floors: every one is told apart by its dashes alone."""
SIMULATED = "simulated"
AMBER = "#B45309"

BINS = 64
BACKGROUND_SHARE = 0.2


def style_numbers(lines: Sequence[tuple[str, bool]]) -> list[int]:
    """Which style each of the lines (name, is it a floor) has, models and floors counted apart.

    By name and not by rank, so that a model keeps its colour from one board to the next where the same models are.
    """
    numbers = [0] * len(lines)
    for floor, styles in ((False, len(MODELS)), (True, len(DASHES))):
        alike = sorted((name, k) for k, (name, is_floor) in enumerate(lines) if is_floor == floor)
        for number, (_, k) in enumerate(alike):
            numbers[k] = number % styles
    return numbers


@dataclass(frozen=True)
class ColourScale:
    """A colour map and the values at its two ends."""

    name: str
    low: float
    high: float

    @property
    def map(self) -> Colormap:
        import matplotlib

        return matplotlib.colormaps[self.name]

    def rgb(self, values: np.ndarray) -> np.ndarray:
        """Values (...) -> (..., 3) uint8."""
        unit = (np.asarray(values, np.float64) - self.low) / (self.high - self.low)
        return np.asarray(self.map(np.clip(unit, 0, 1), bytes=True))[..., :3]


def colour_scale(values: np.ndarray) -> ColourScale:
    """A scale for single-channel frames, told by where their background lies.

    A resting value that fills much of the picture and is left in both directions, as in waves, is the middle of a
    diverging map; a resting value at the bottom, as in drawings on black, is the black of a sequential one; anything
    else gets a sequential map over its range. All maps are perceptually ordered.
    """
    finite = np.asarray(values, np.float64).ravel()
    finite = finite[np.isfinite(finite)]
    if not len(finite):
        return ColourScale("viridis", 0.0, 1.0)
    low, high = (float(end) for end in np.percentile(finite, [0.05, 99.95]))
    if high <= low:
        low, high = float(finite.min()), float(finite.max())
    if high <= low:
        return ColourScale("viridis", low - 0.5, low + 0.5)
    counts, edges = np.histogram(finite, BINS, (low, high))
    mode = int(counts.argmax())
    if counts[mode] >= BACKGROUND_SHARE * counts.sum():
        if mode <= 1:
            return ColourScale("magma", low, high)
        if 0.1 * BINS < mode < 0.9 * BINS:
            middle = float(edges[mode] + edges[mode + 1]) / 2
            reach = max(high - middle, middle - low)
            return ColourScale("RdBu_r", middle - reach, middle + reach)
    return ColourScale("viridis", low, high)
