"""The coarse table over both unknowns: what is seen at every moment, at wave speeds one after the other."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from .grid import Grid

SPEEDS = 101
"""Wave speeds, evenly over the dataset's range; both ends are among them."""
FEATURES = 8
"""Images are compared on every (size // 8)-th pixel of each axis, sensors on all."""
NEIGHBOURS = 4
"""Speeds of the table that a value between them is interpolated from, by the polynomial through them."""


@dataclass(frozen=True)
class Table:
    """Fields between 0 and 1, as the dataset scales them."""

    speeds: np.ndarray
    """(k,) in m/s."""
    low: np.ndarray
    """(k,) least value of a whole simulation with f0 = 1."""
    high: np.ndarray
    frames: np.ndarray
    """(k, frame, feature) float64."""
    squares: np.ndarray
    """(k, frame) sum of their squares."""
    pixels: np.ndarray
    """(feature,) which of what is seen."""

    def weights(self, speed: float) -> tuple[slice, np.ndarray]:
        """The neighbours of a speed and their Lagrange weights."""
        width = self.speeds[1] - self.speeds[0]
        if width == 0:  # data of one wave speed
            return slice(0, 1), np.ones(1)
        first = int((speed - self.speeds[0]) / width) - NEIGHBOURS // 2 + 1
        first = min(max(first, 0), len(self.speeds) - NEIGHBOURS)
        nodes = self.speeds[first : first + NEIGHBOURS].tolist()
        weights = [math.prod((speed - o) / (node - o) for o in nodes if o != node) for node in nodes]
        return slice(first, first + NEIGHBOURS), np.array(weights)

    def scale(self, speed: float) -> tuple[float, float]:
        """Least and largest value at a speed between those of the table."""
        near, weights = self.weights(speed)
        return float(weights @ self.low[near]), float(weights @ self.high[near])


@lru_cache(maxsize=8)
def table_of(grid: Grid) -> Table:
    """Solve at every speed of the table; once for each process and grid, about a second on 64 x 64 nodes."""
    s = grid.setting
    speeds = np.linspace(*s.speeds, SPEEDS)
    stride = 1 if s.scattered else max(1, s.size // FEATURES)
    places = np.arange(len(s.rows)) if s.scattered else _lattice(len(s.rows), len(s.columns), stride)
    frames = np.empty((SPEEDS, s.n_frames, len(places)))
    low, high = np.empty(SPEEDS), np.empty(SPEEDS)
    for k, speed in enumerate(speeds):
        solved, low[k], high[k] = grid.solve(float(speed), 0, s.n_frames, grid.points if grid.is_published else 0)
        if not grid.is_published:
            low[k], high[k] = _extrema(grid, solved)
        frames[k] = (grid.seen(solved)[:, places] - low[k]) / (high[k] - low[k])
    return Table(speeds, low, high, frames, np.square(frames).sum(axis=2), places)


def _extrema(grid: Grid, solved: np.ndarray) -> tuple[float, float]:
    """Over the pixels of whole frames, as the dataset scales, also where 100 of them are seen; of the frames alone, not
    of all time points."""
    pixel = grid.spline(tuple((np.arange(grid.setting.size) * grid.setting.spacing).tolist()))
    whole = pixel @ solved @ pixel.T
    return float(whole.min()), float(whole.max())


def _lattice(rows: int, columns: int, stride: int) -> np.ndarray:
    """Numbers of every `stride`-th pixel of both axes, from the middle of the first stride on."""
    number = np.arange(rows * columns).reshape(rows, columns)
    return number[stride // 2 :: stride, stride // 2 :: stride].reshape(-1)
