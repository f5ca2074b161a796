"""One sequence from its draw: sets the unknowns, the walls and the sources up and calls the compiled kernel."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from .draws import Source, source_factor
from .parameters import WaveParameters

LAYER = 32
"""Width of the absorbing layer in cells, outside the visible grid."""
LAYER_STRENGTH = 8.0


@dataclass
class Solution:
    """`recorded` (frames, size, size) float64; extrema over all time points; the final state (displacement,
    velocity)."""

    recorded: np.ndarray
    low: float
    high: float
    displacement: np.ndarray
    velocity: np.ndarray


def _layer_gain(p: WaveParameters, unknowns: int) -> np.ndarray:
    """Factor per step of the absorbing layer (a sponge: Cerjan et al., Geophysics 50, 1985).

    w and w_t shrink by 1/(1 + sigma dt) a step, sigma growing with the cube of the depth: the change is so gradual
    that little is reflected, and what reaches the outer wall crosses the layer twice.
    """
    depth = np.maximum(LAYER - np.arange(unknowns), np.arange(unknowns) - (unknowns - 1 - LAYER)).clip(0) / LAYER
    ramp = depth * depth * depth
    rate = LAYER_STRENGTH * p.wave_speed[1] / (LAYER * p.spacing) * p.step
    return np.asarray(1.0 / (1.0 + rate * np.maximum(ramp[:, None], ramp[None, :])))


def solve(
    p: WaveParameters,
    speed: float | np.ndarray,
    sources: Sequence[Source] = (),
    displacement: np.ndarray | None = None,
    velocity: np.ndarray | None = None,
) -> Solution:
    """Integrate the wave equation (Eq. 31) on the visible grid (size, size) from the given state, zero by default.

    Walls: `frozen_frame` keeps the two outermost pixels at exactly zero, as in the published data; `dirichlet` (w = 0)
    and `neumann` (zero normal derivative) have their wall on the outermost pixels; `periodic` repeats after `size`
    pixels; `absorbing` surrounds the grid with a layer that lets waves out.
    """
    from . import kernel

    ghost = {"dirichlet": kernel.GHOST_ODD, "neumann": kernel.GHOST_EVEN, "periodic": kernel.GHOST_PERIODIC}
    # `shift` maps a visible pixel to an unknown; two ghost layers follow outside the unknowns.
    shift = {"frozen_frame": -2, "absorbing": LAYER}.get(p.boundary, 0)
    unknowns = p.size + 2 * shift
    visible = slice(max(shift, 0), max(shift, 0) + min(p.size, unknowns))
    inner = slice(max(-shift, 0), p.size - max(-shift, 0))

    rate = np.broadcast_to(np.asarray(speed, float), (p.size, p.size))[inner, inner] / p.spacing
    coefficient = np.pad(rate * rate, max(shift, 0), mode="edge")
    w, v = np.zeros((unknowns + 4, unknowns + 4)), np.zeros((unknowns, unknowns))
    if displacement is not None:
        w[2:-2, 2:-2][visible, visible] = displacement[inner, inner]
    if velocity is not None:
        v[visible, visible] = velocity[inner, inner]
    live = np.ones((unknowns, unknowns), bool)
    if p.boundary == "dirichlet":
        live[[0, -1]] = live[:, [0, -1]] = False
        coefficient = coefficient * live

    pixels = [source.pixels(p.size, p.spacing) + shift for source in sources]
    pixels = [q[((q >= 0) & (q < unknowns)).all(axis=1)] for q in pixels]
    pixels = [q[live[q[:, 0], q[:, 1]]] for q in pixels]
    recorded = np.empty((p.n_frames, p.size, p.size))
    low, high = kernel.simulate(
        w,
        v,
        np.ascontiguousarray(coefficient),
        _layer_gain(p, unknowns) if p.boundary == "absorbing" else np.empty((0, 0)),
        ghost.get(p.boundary, kernel.GHOST_ZERO),
        p.step,
        p.points,
        p.record_every,
        2 + shift,
        np.concatenate([np.empty((0, 2), np.int64), *pixels]),
        np.cumsum([0, *map(len, pixels)]),
        np.array([source.amplitude for source in sources], float),
        np.array([source.first_step for source in sources], np.int64),
        np.array([source_factor(source.decay, p.step, p.points) for source in sources]).reshape(
            len(sources), 3 * p.points - 2
        ),
        recorded,
    )
    state = np.zeros((2, p.size, p.size))
    state[0, inner, inner] = w[2:-2, 2:-2][visible, visible]
    state[1, inner, inner] = v[visible, visible]
    return Solution(recorded, float(low), float(high), state[0], state[1])
