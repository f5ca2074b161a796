"""Colour scales chosen from the data, and the colours of curves."""

from __future__ import annotations

import hashlib
import tomllib
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from matplotlib.colors import Colormap

MODELS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#8C564B")
"""Okabe and Ito's colours, told apart by people with any colour vision, and a brown."""
FLOORS = ("#767676", "#A0A0A0", "#5C5C5C", "#8B8B8B", "#6A6A6A", "#979797", "#828282")
DASHES: tuple[tuple[float, ...], ...] = (
    (6, 2.5),
    (1.5, 2),
    (6, 2, 1.5, 2),
    (3, 2),
    (12, 3),
    (6, 2, 1.5, 2, 1.5, 2),
    (2, 5),
)
"""Of floors: every one is told apart by its dashes alone."""
STROKES: tuple[tuple[float, ...], ...] = (
    (),
    (8, 3),
    (2, 2),
    (8, 2, 2, 2),
    (14, 4),
    (4, 4),
    (8, 2, 2, 2, 2, 2),
    (1, 3),
    (20, 3),
    (5, 1.5),
    (12, 2, 2, 2),
    (3, 2, 1, 2),
    (16, 2, 4, 2),
    (1, 1.5),
    (10, 6),
    (4, 2, 4, 6),
    (2, 2, 8, 6),
)
"""Of models: solid, then dashed ones."""
UNLISTED = 6, 9
"""How many of `MODELS` and `STROKES` names that are not listed are spread over: fixed, so that more of them change no
line that is drawn already."""
SIMULATED = "simulated"
AMBER = "#B45309"

BINS = 64
BACKGROUND_SHARE = 0.2


@dataclass(frozen=True)
class LineStyle:
    """How the line of a model is drawn, on every board, page and picture."""

    floor: bool
    colour: int
    """Of `MODELS`, of a floor of `FLOORS`."""
    dash: int
    """Of `STROKES`, of a floor of `DASHES`."""

    @property
    def hex(self) -> str:
        return (FLOORS if self.floor else MODELS)[self.colour]

    @property
    def dashes(self) -> tuple[float, ...]:
        """Lengths on and off; empty: a solid line."""
        return (DASHES if self.floor else STROKES)[self.dash]


def line_style(name: str, floor: bool) -> LineStyle:
    """A function of the name alone, so that a model looks the same wherever it is drawn.

    Names of `styles.toml` have the style that stands there. A variant that does not stand there has the colour of its
    model and a dash by the SHA-256 of its name; any other name has both by it.
    """
    listed = _listed()["floors" if floor else "models"]
    if floor:
        dash = listed[name] if name in listed else _number(name, len(DASHES))
        return LineStyle(True, dash, dash)
    if name in listed:
        return LineStyle(False, *listed[name])
    colours, strokes = UNLISTED
    model = name.partition(":")[0]
    if model != name:
        return LineStyle(False, line_style(model, False).colour, 1 + _number(name, strokes - 1))
    number = _number(name, colours * strokes)
    return LineStyle(False, number % colours, number // colours)


def _number(name: str, count: int) -> int:
    return int.from_bytes(hashlib.sha256(name.encode()).digest()[:8], "big") % count


@cache
def _listed() -> dict[str, dict[str, Any]]:
    return tomllib.loads((Path(__file__).parent / "styles.toml").read_text(encoding="utf-8"))


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

    A resting value that fills much of the picture and lies at the bottom, as in drawings on black, is the black of a
    sequential map; of other frames those in bytes are what a camera gave, and grey. A resting value that is left in
    both directions, as in waves, is the middle of a diverging map; anything else gets a sequential map over its range.
    All maps are perceptually ordered.
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
    rests = counts[mode] >= BACKGROUND_SHARE * counts.sum()
    if rests and mode <= 1:
        return ColourScale("magma", low, high)
    if _bytes(finite):
        return ColourScale("gray", 0.0, 1.0)
    if rests and 0.1 * BINS < mode < 0.9 * BINS:
        middle = float(edges[mode] + edges[mode + 1]) / 2
        reach = max(high - middle, middle - low)
        return ColourScale("RdBu_r", middle - reach, middle + reach)
    return ColourScale("viridis", low, high)


def _bytes(values: np.ndarray) -> bool:
    """Are these whole 255ths from 0 to 1?"""
    steps = 255 * values
    return bool(values.min() >= 0 and values.max() <= 1 and np.abs(steps - np.rint(steps)).max() < 1e-3)
