"""A grid of n x n nodes in the published box, and what a camera or sensors see of a field on it.

    y_j = x_j = b + (j - 1) h,    h = (L - 3b)/(n - 3),    j = 0 .. n-1;    w = 0 at the two outermost nodes

b is the distance of the dataset's pixels and L = size · b. Published are n = 64 nodes with h = b = 1 m, whose two
outermost ones never move: walls at 1 m and 62 m. Other n keep the walls and change h.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import Any

import numpy as np

from .setting import Setting

LARGEST_COURANT = 0.4
"""Largest c · (time step)/h, as on the published grid at c = 400 m/s. The rule is stable up to sqrt(3)/2."""
MARGIN = 1e-9


@dataclass(frozen=True)
class Grid:
    """`solve(speed, ...)` gives the field as it is seen, not yet scaled; hashable."""

    setting: Setting
    nodes: int

    @property
    def spacing(self) -> float:
        s = self.setting
        return (s.size - 3) * s.spacing / (self.nodes - 3)

    @property
    def places(self) -> np.ndarray:
        """(nodes,) coordinate of the nodes along each side."""
        return self.setting.spacing + (np.arange(self.nodes) - 1) * self.spacing

    @property
    def is_published(self) -> bool:
        """Are its nodes the dataset's pixels?"""
        return self.nodes == self.setting.size

    @property
    def per_frame(self) -> int:
        """Time steps from frame to frame: the dataset's on its own grid, else as few as `LARGEST_COURANT` allows."""
        s = self.setting
        if self.is_published:
            return s.every
        return max(1, int(np.ceil(s.speeds[1] * s.every * s.step / (LARGEST_COURANT * self.spacing) - MARGIN)))

    @property
    def step(self) -> float:
        return self.setting.every * self.setting.step / self.per_frame

    @property
    def points(self) -> int:
        """Time points of the whole simulation."""
        s = self.setting
        return s.points if self.is_published else (s.n_frames - 1) * self.per_frame + 1

    @cached_property
    def mask(self) -> np.ndarray:
        """(nodes - 4, nodes - 4): 1 inside the disc |(y, x) - source| < radius, on the published grid.

        On others each of those pixels goes to the nodes by the weights with which a spline would read it there, so that
        the source injects the same.
        """
        s = self.setting
        pixel = np.arange(s.size) * s.spacing
        squared = (pixel[:, None] - s.source[0]) ** 2 + (pixel[None, :] - s.source[1]) ** 2
        disc = (squared < s.radius**2).astype(np.float64)
        if self.is_published:
            return np.ascontiguousarray(disc[2:-2, 2:-2])
        weights = self.spline(tuple(pixel.tolist()))
        spread = weights.T @ disc @ weights * (s.spacing / self.spacing) ** 2
        return np.ascontiguousarray(spread[2:-2, 2:-2])

    @cached_property
    def force(self) -> np.ndarray:
        """exp(-t/T0) at every third of a time step."""
        return np.asarray(np.exp(-self.setting.decay * np.arange(3 * self.points - 2) * (self.step / 3)))

    def solve(self, speed: float, first: int, last: int, end: int) -> tuple[np.ndarray, float, float]:
        """Frames `first` .. `last` - 1 at wave speed `speed` and f0 = 1, (last - first, nodes, nodes), and the least
        and largest value at any node over the first `end` time points."""
        from .kernel import integrate

        rate = (speed / self.spacing) ** 2
        return integrate(rate, self.mask, self.force, self.step, self.per_frame, first, last, end)

    def seen(self, frames: np.ndarray) -> np.ndarray:
        """(n, nodes, nodes) -> (n, place): at the pixels or sensors of the dataset."""
        s = self.setting
        if not self.is_published:
            y, x = self.spline(s.rows), self.spline(s.columns)
            if s.scattered:
                return np.asarray(((y @ frames) * x).sum(axis=2))
            return np.asarray((y @ frames @ x.T).reshape(len(frames), -1))
        rows, columns = (np.rint(np.asarray(each) / s.spacing).astype(int) for each in (s.rows, s.columns))
        if s.scattered:
            return np.asarray(frames[:, rows, columns])
        return np.asarray(frames[:, rows[:, None], columns].reshape(len(frames), -1))

    def spline(self, places: tuple[float, ...]) -> np.ndarray:
        """(place, nodes): weights of the cubic spline through values at the nodes; 0 on the walls and beyond."""
        return _spline(self, places)


@lru_cache(maxsize=32)
def _spline(grid: Grid, places: tuple[float, ...]) -> np.ndarray:
    from scipy.interpolate import make_interp_spline  # type: ignore[import-untyped]

    spline: Any = make_interp_spline(grid.places, np.eye(grid.nodes), k=3)
    at = np.asarray(places)
    weights = np.asarray(spline(at))
    weights[(at <= grid.places[1]) | (at >= grid.places[-2])] = 0.0
    return weights


@lru_cache(maxsize=8)
def grid_of(setting: Setting, nodes: int) -> Grid:
    """One for each process: its masks and splines are computed once."""
    return Grid(setting, nodes)
