"""The numerical solver: it knows the equation and the source, and fits the wave speed and the moment of a window.

    (c, s) = argmin Σ_{j=0}^{n-1} |v_j - ŵ_{s+j}(c)|²,     v̂_{n-1+k} = ŵ_{s+n-1+k}(c)

ŵ_i(c): frame i of the wave equation (Eq. 31-33) at wave speed c, scaled to [0, 1] by its own extrema as the dataset is;
the amplitude f0 cancels. Nothing is learnt: `fit` reads the constants in the store's attributes.

It begins like this. A table of 101 speeds and all moments gives the eight best moments; on each the table is
interpolated between speeds and the best speed found. The moments that stay near the best are solved for again, by
one-dimensional minimisation (Brent, bounded) over true solutions. One start alone now and then ends at a wrong moment,
at an error of 1e-5. The extrema that scale a sequence jump from one crest to another as c grows, so the misfit has
kinks: on the dataset's own grid a search that ends above rounding goes on piece by piece.

Variants integrate on 16 x 16, 24 x 24, 32 x 32 or 48 x 48 nodes, and are seen on the dataset's pixels by cubic splines.
Good values: 64, the grid of the datasets as published, where the error is that of float32 frames, about 1e-16; of data
made with another `size`, that size.

Source: J. Dona et al., "PDE-Driven Spatiotemporal Disentanglement", ICLR 2021, appendix (Eq. 31-33). Written from the
paper, apart from the simulator that made the data.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np

from stbench.contract.models import ModelPlugin, Task
from stbench.contract.presets import beside
from stbench.contract.settings import construct
from stbench.errors import StbenchError
from stbench.splits.training import TrainingWindows

from .grid import Grid, grid_of
from .setting import read_setting
from .table import Table, table_of

SMALLEST = 8
"""Nodes along a side: even these are further apart than the disc of the source is wide."""
STARTS = 8
"""Moments of the table that are looked at closely."""
FITTED = 4
"""Most moments that are solved for."""
NEAR = 10.0
"""A moment is solved for if its misfit in the table is at most so many times the least one."""
FLOOR = 1e-11
"""Mean squared misfit that interpolation in the table leaves: moments below it are told apart by solutions alone."""
BRACKET = 0.05
"""Half the width of the first search around a speed of the table, in steps of the table."""
TOLERANCE = 1e-8
"""Of the wave speed, in m/s."""
EXACT = 1e-14
"""On the dataset's own grid a solution leaves the rounding of float32 frames, about 1e-16."""
AROUND, PIECES = 1.0, 10
"""Where it does not, so many pieces of (speed - AROUND, speed + AROUND) are searched one by one, in m/s."""


@dataclass(frozen=True)
class Found:
    """The two unknowns of a window, and how well they explain it."""

    speed: float
    start: int
    misfit: float
    """Mean squared difference of the conditioning frames."""


class WaveSolver:
    """Each window by itself, so that a forecast does not depend on its batch; float64 inside."""

    def __init__(self, task: Task, *, nodes: int) -> None:
        if not SMALLEST <= nodes <= 1024:
            raise StbenchError(f"the setting 'nodes' of wave-solver is {nodes}: choose {SMALLEST} to 1024")
        self._nodes = nodes
        self._grid: Grid | None = None

    def fit(self, train: TrainingWindows) -> None:
        """Read the constants, make the table. No frame is looked at."""
        self._grid = grid_of(read_setting(train.store), self._nodes)
        table_of(self._grid)

    def forecast(self, conditioning: np.ndarray, horizon: int) -> np.ndarray:
        """(b, conditioning, *frame) -> (b, horizon, *frame) float32. `StbenchError` where a simulation is shorter than
        a window."""
        assert self._grid is not None, "fit comes before forecast"
        grid, n = self._grid, conditioning.shape[1]
        if grid.setting.n_frames < n + horizon:
            raise StbenchError(
                f"the simulation has {grid.setting.n_frames} frames, fewer than the {n} + {horizon} of a forecast"
            )
        out = np.empty((len(conditioning), horizon, int(np.prod(conditioning.shape[2:]))), np.float32)
        for row, window in enumerate(conditioning):
            seen = window.reshape(n, -1).astype(np.float64)
            found = find(grid, seen, horizon)
            out[row] = scaled(grid, found.speed, found.start + n, found.start + n + horizon)
        return out.reshape(len(conditioning), horizon, *conditioning.shape[2:])


def scaled(grid: Grid, speed: float, first: int, last: int) -> np.ndarray:
    """Frames `first` .. `last` - 1 as the dataset would store them: (last - first, place) in [0, 1]."""
    if grid.is_published:
        frames, low, high = grid.solve(speed, first, last, grid.points)
    else:
        # A whole simulation would cost more than the forecast: its extrema are those of the table.
        frames = grid.solve(speed, first, last, 0)[0]
        low, high = table_of(grid).scale(speed)
    return (grid.seen(frames) - low) / (high - low)


def find(grid: Grid, seen: np.ndarray, horizon: int) -> Found:
    """The wave speed and first frame of conditioning frames (n, place), so that `horizon` frames follow them."""
    table = table_of(grid)
    starts = _starts(table, seen[:, table.pixels], grid.setting.n_frames - len(seen) - horizon + 1)
    least = max(starts[0].misfit, FLOOR)
    worth = [each for each in starts if each.misfit <= NEAR * least][:FITTED]
    best = min((_solved(grid, seen, each) for each in worth), key=lambda each: each.misfit)
    return _by_pieces(grid, seen, best) if grid.is_published and best.misfit > EXACT else best


def _starts(table: Table, features: np.ndarray, moments: int) -> list[Found]:
    """The best moments by the table, each with its best speed; best first."""
    # |v|² is the same for all and left out: it changes no order.
    apart = table.squares[..., None] - 2.0 * (table.frames @ features.T)
    misfit = sum(apart[:, j : j + moments, j] for j in range(len(features)))
    speed = np.argmin(misfit, axis=0)
    best = np.argsort(misfit[speed, np.arange(moments)], kind="stable")[:STARTS]
    found = [_between(table, features, int(start), int(speed[start])) for start in best]
    return sorted(found, key=lambda each: each.misfit)


def _between(table: Table, features: np.ndarray, start: int, nearest: int) -> Found:
    """The best speed of a moment, with frames interpolated between speeds of the table."""
    from scipy.optimize import minimize_scalar  # type: ignore[import-untyped]

    window = table.frames[:, start : start + len(features)]

    def misfit(speed: float) -> float:
        near, weights = table.weights(speed)
        return float(np.square(np.tensordot(weights, window[near], 1) - features).mean())

    ends = table.speeds[max(nearest - 1, 0)], table.speeds[min(nearest + 1, len(table.speeds) - 1)]
    best = minimize_scalar(misfit, bounds=ends, method="bounded", options={"xatol": 1e-5})
    return Found(float(best.x), start, float(best.fun))


def _solved(grid: Grid, seen: np.ndarray, start: Found) -> Found:
    """The best speed of a moment by true solutions, near the one found in the table; the bracket widens until it lies
    inside."""
    lowest, highest = grid.setting.speeds
    width = BRACKET * (highest - lowest) / (len(table_of(grid).speeds) - 1)
    speed = start.speed
    while True:
        low, high = max(speed - width, lowest), min(speed + width, highest)
        best = _within(grid, seen, start.start, low, high)
        speed, edge = best.speed, 0.02 * (high - low)
        if (speed - low > edge or low == lowest) and (high - speed > edge or high == highest):
            return best
        width *= 10.0


def _by_pieces(grid: Grid, seen: np.ndarray, best: Found) -> Found:
    """The best of one search in each piece around a speed, and of what was found already."""
    lowest, highest = grid.setting.speeds
    ends = np.linspace(max(best.speed - AROUND, lowest), min(best.speed + AROUND, highest), PIECES + 1).tolist()
    pieces = [_within(grid, seen, best.start, low, high) for low, high in pairwise(ends)]
    return min((best, *pieces), key=lambda each: each.misfit)


def _within(grid: Grid, seen: np.ndarray, moment: int, low: float, high: float) -> Found:
    """The best speed between two, by true solutions."""
    from scipy.optimize import minimize_scalar

    def misfit(speed: float) -> float:
        return float(np.square(scaled(grid, speed, moment, moment + len(seen)) - seen).mean())

    found = minimize_scalar(misfit, bounds=(low, high), method="bounded", options={"xatol": TOLERANCE})
    return Found(float(found.x), moment, float(found.fun))


def build(configuration: Mapping[str, Any], task: Task) -> WaveSolver:
    return construct("wave-solver", WaveSolver, configuration, task)


plugin = ModelPlugin(
    name="wave-solver",
    version="1",
    summary="classical: the wave equation itself, its speed and moment fitted to the conditioning frames",
    reference="J. Dona et al., PDE-Driven Spatiotemporal Disentanglement, ICLR 2021 (the equation); stbench",
    bibtex="""@inproceedings{dona2021pde,
  title = {{PDE}-Driven Spatiotemporal Disentanglement},
  author = {Don{\\`a}, J{\\'e}r{\\'e}mie and Franceschi, Jean-Yves and Lamprier, Sylvain and Gallinari, Patrick},
  booktitle = {International Conference on Learning Representations},
  year = {2021},
}""",
    build=build,
    presets=beside(__name__),
    kind="classical",
    datasets=("waveeq", "waveeq-100"),
)
