"""Arms of chairs."""

from __future__ import annotations

import numpy as np

from .back import Surface
from .mesh import Mesh, bar, rounded, slab, tube
from .seat import under
from .traits import Traits

UP = (0.0, 1.0, 0.0)


def add_arms(mesh: Mesh, traits: Traits) -> None:
    """Both arms, or nothing."""
    makers = {"posts": _posts, "loops": _loops, "blocks": _blocks, "tee": _tee, "flowing": _flowing}
    if traits.arms in makers:
        for side in (-1.0, 1.0):
            makers[traits.arms](mesh, traits, side)


def _edge(traits: Traits) -> float:
    """x of the arm from the middle."""
    s = traits.shape
    return 0.5 * s.seat_width - 0.01 * s.seat_roundness


def _at_back(traits: Traits, side: float) -> np.ndarray:
    s = traits.shape
    return Surface(s).at(side, (s.arm_height - s.back_gap) / s.back_height)


def _posts(mesh: Mesh, traits: Traits, side: float) -> None:
    s, m, r = traits.shape, traits.frame, traits.shape.arm_radius
    z = s.seat_depth * (s.arm_length - 0.62)
    x, top = side * _edge(traits), s.seat_height + s.arm_height
    bar(mesh, (0.96 * x, s.seat_height - 0.02, z), (x, top, z), r, m, sides=8)
    bar(mesh, (x, top, z + 0.04), _at_back(traits, side).tolist(), 1.05 * r, m, sides=4, wide=1.5, facing=UP)


def _loops(mesh: Mesh, traits: Traits, side: float) -> None:
    s, m, r = traits.shape, traits.frame, max(0.010, 0.7 * traits.shape.arm_radius)
    # The sheet of a shell has nothing below it to hold an arm.
    low = s.seat_height - 0.004 if traits.seat == "shell" else under(traits)
    x, top = side * (0.5 * s.seat_width + r), s.seat_height + s.arm_height
    front = s.seat_depth * (s.arm_length - 0.6)
    corners = [(x, low, front), (x, top, front), (x, top, -0.36 * s.seat_depth), (x, low, -0.36 * s.seat_depth)]
    tube(mesh, rounded(corners, 0.07), r, m, sides=8)
    slab_half = (0.024, 0.3 * s.seat_depth)
    middle = 0.5 * (front - 0.36 * s.seat_depth)

    def place(points: np.ndarray) -> np.ndarray:
        return np.asarray(points + np.array([x, top + r, middle]))

    slab(mesh, slab_half, 0.022, traits.cover, place, edge=0.3, cells=6)


def _blocks(mesh: Mesh, traits: Traits, side: float) -> None:
    """Padded walls; wide ones are rolled."""
    s, r = traits.shape, traits.shape.arm_radius
    low, top = under(traits) + 0.01, s.seat_height + s.arm_height
    x, half = side * (0.5 * s.seat_width - r), 0.5 * s.seat_depth

    def place(points: np.ndarray) -> np.ndarray:
        along, out, down = points.T
        return np.stack([x + out, 0.5 * (low + top) - 0.5 * (top - low) * down, half * along], -1)

    slab(mesh, (1.0, 1.0), 2.0 * r, traits.cover, place, edge=0.12, roundness=0.08, cells=8)
    if r > 0.05 or traits.kind == "wing":
        roll = np.array([[x + side * 0.1 * r, top - 0.4 * r, z] for z in np.linspace(-0.96 * half, 1.01 * half, 9)])
        tube(mesh, roll, 1.2 * r, traits.cover, sides=16)


def _tee(mesh: Mesh, traits: Traits, side: float) -> None:
    s, r = traits.shape, traits.shape.arm_radius
    x, top = side * (0.5 * s.seat_width + 0.02), s.seat_height + s.arm_height
    foot = (side * 0.36 * s.seat_width, s.seat_height - s.seat_thickness - 0.01, -0.04)
    path = rounded([foot, (x, foot[1], -0.04), (x, top, -0.02)], 0.05)
    tube(mesh, path, 0.8 * r, traits.frame, sides=4, wide=1.4)

    def place(points: np.ndarray) -> np.ndarray:
        return np.asarray(points + np.array([x, top, 0.0]))

    slab(mesh, (1.5 * r + 0.012, 0.26 * s.seat_depth * s.arm_length), 0.035, traits.frame, place, edge=0.3, cells=6)


def _flowing(mesh: Mesh, traits: Traits, side: float) -> None:
    s, r = traits.shape, traits.shape.arm_radius
    top, x = s.seat_height + s.arm_height, side * _edge(traits)
    z = s.seat_depth * (s.arm_length - 0.6)
    bend, foot = (1.04 * x, top + 0.01, z + 0.05), (0.97 * x, s.seat_height - 0.02, z - 0.05)
    tube(mesh, rounded([_at_back(traits, side).tolist(), bend, foot], 0.09), r, traits.frame, sides=8)
