"""The numerics certificate: what the scheme achieves, measured on a small sample and written into the store."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

import numpy as np

from .draws import draw
from .parameters import COURANT_LIMIT, WaveParameters
from .solver import solve

MODE = (2, 3)


def certificate(p: WaveParameters) -> dict[str, Any]:
    """Measure the scheme; JSON-able. Takes well under a second once compiled, for the canonical parameters.

    - `order_time`: observed order of the time step between 40 and 80 steps, against cos(omega_h t), where omega_h is
      the exact frequency of the semi-discrete mode (2, 3) in a box with walls on its outermost points, so only time is
      measured;
    - `order_space`: observed order of the spacing between 32 and 64 cells, against the mode of the continuous equation,
      with a step so short that time does not matter;
    - `order_space_frozen_frame`: the same with the published walls: their two zero pixels are not the odd continuation
      of the field, which moves the wall by a fraction of a cell and leaves first order;
    - `energy_drift`: relative change of the discrete energy of a smooth bump without source, in the published walls, at
      the highest wave speed and the dataset's step, over its number of points (at most 300, on at most 64 x 64);
    - `cfl_number` = c dt/dx at the highest wave speed, `cfl_limit` = sqrt(3)/2, `step` and `largest_step` in s;
    - `float32_error`: largest difference between a stored value and the float64 one, in units of the range of sequence
      0.
    """
    return {
        "order_time": _order([_mode_error(16, steps, semi_discrete=True) for steps in (40, 80)]),
        "order_space": _order([_mode_error(cells, 512) for cells in (32, 64)]),
        "order_space_frozen_frame": _order([_mode_error(cells, 512, "frozen_frame") for cells in (32, 64)]),
        "energy_drift": energy_drift(_sample(p)),
        "cfl_number": p.wave_speed[1] * p.step / p.spacing,
        "cfl_limit": COURANT_LIMIT,
        "step": p.step,
        "largest_step": p.largest_step,
        "float32_error": float32_error(p),
    }


def _order(errors: list[float]) -> float:
    return math.log2(errors[0] / errors[1])


def box(cells: int, step: float, points: int, boundary: str) -> WaveParameters:
    """The unit square with wave speed 1 between walls `cells` cells apart."""
    # The wall is the outermost pixel, or the inner one of the two frozen pixels.
    size = cells + (3 if boundary == "frozen_frame" else 1)
    spacing = 1 / cells
    return WaveParameters(
        size=size,
        spacing=spacing,
        step=step,
        points=points,
        record_every=1,
        boundary=boundary,
        normalisation="none",
        wave_speed=(1.0, 1.0),
        source_radius=(spacing, spacing),
        source_decay=(0.0, 0.0),
    )


def second_difference_symbol(theta: float) -> float:
    """-dx^2 D_xx of a wave advancing by the angle theta from point to point: theta^2 - theta^6/90 + ..."""
    return 5 / 2 - 8 / 3 * math.cos(theta) + 1 / 6 * math.cos(2 * theta)


def _mode_error(cells: int, steps: int, boundary: str = "dirichlet", semi_discrete: bool = False) -> float:
    """Root mean square error at t = 1 of w = sin(2 pi x) sin(3 pi y) cos(omega t), omega = pi sqrt(13)."""
    p = box(cells, 1 / steps, steps + 1, boundary)
    along = (np.arange(p.size) - (1 if boundary == "frozen_frame" else 0)) / cells
    mode = np.outer(np.sin(math.pi * MODE[1] * along), np.sin(math.pi * MODE[0] * along))
    if boundary == "frozen_frame":
        mode[[0, 1, -2, -1]] = mode[:, [0, 1, -2, -1]] = 0.0
    omega = math.pi * math.hypot(*MODE)
    if semi_discrete:
        omega = cells * math.sqrt(sum(second_difference_symbol(math.pi * k / cells) for k in MODE))
    final = solve(p, 1.0, displacement=mode).recorded[-1]
    return float(np.sqrt(np.mean((final - mode * math.cos(omega)) ** 2)))


def _sample(p: WaveParameters) -> WaveParameters:
    """A small sample with the spacing, step and highest wave speed of `p` and the published walls."""
    return replace(
        WaveParameters(),
        size=min(p.size, 64),
        spacing=p.spacing,
        step=p.step,
        points=min(p.points, 300),
        record_every=1,
        boundary="frozen_frame",
        wave_speed=(p.wave_speed[1], p.wave_speed[1]),
        source_radius=(p.spacing, p.spacing),
        source_decay=(0.0, 0.0),
    )


def discrete_energy(displacement: np.ndarray, velocity: np.ndarray, coefficient: float) -> float:
    """1/2 sum v^2 - 1/2 (c/dx)^2 sum w (dx^2 Laplacian) w: constant in time for the semi-discrete frozen-frame
    equation."""
    weights = np.array([-1, 16, -30, 16, -1]) / 12
    w = np.pad(displacement, 2)
    n, m = displacement.shape
    laplacian = sum(weights[k] * (w[k : k + n, 2 : 2 + m] + w[2 : 2 + n, k : k + m]) for k in range(5))
    return float(0.5 * np.sum(velocity**2) - 0.5 * coefficient * np.sum(displacement * laplacian))


def energy_drift(p: WaveParameters) -> float:
    """|E(end)/E(0) - 1| of a smooth bump of a third of the box, without source."""
    along = np.arange(p.size) - (p.size - 1) / 2
    squared = (along[:, None] ** 2 + along[None, :] ** 2) / (p.size / 3) ** 2
    bump = np.clip(1 - squared, 0, None) ** 4
    speed = p.wave_speed[1]
    coefficient = (speed / p.spacing) ** 2
    end = solve(p, speed, displacement=bump)
    before = discrete_energy(bump, np.zeros_like(bump), coefficient)
    return abs(discrete_energy(end.displacement, end.velocity, coefficient) / before - 1)


def float32_error(p: WaveParameters) -> float:
    """Largest |float32(x) - x| of the stored frames of sequence 0, relative to their range."""
    drawn = draw(p, 0)
    solution = solve(p, drawn.speed, drawn.sources)
    low, span = solution.low, (solution.high - solution.low) or 1.0
    frames = (solution.recorded - low) / span if p.normalisation == "minmax" else solution.recorded
    error = float(np.abs(frames.astype(np.float32) - frames).max())
    return error if p.normalisation == "minmax" else error / span
