"""Chairs whose back is no plate between posts: shells, tubs, wing chairs."""

from __future__ import annotations

import numpy as np

from ..views import turn
from .back import Surface
from .mesh import Mesh, rounded, sheet, slab
from .traits import Traits

HALF_TURN = 0.34
"""Share of a full turn that a tub reaches round from the middle of its back to either side."""


def add_shell(mesh: Mesh, traits: Traits) -> None:
    """Seat and back in one sheet: a profile from the front edge to the top, bent up at its sides."""
    s = traits.shape
    front, back = 0.5 * s.seat_depth, -0.5 * s.seat_depth
    top = s.seat_height + s.back_gap + s.back_height
    lean = s.back_tilt * (top - s.seat_height)
    corners = [
        (0.0, s.seat_height - 0.03, front),
        (0.0, s.seat_height + 0.012, front - 0.05),
        (0.0, s.seat_height - 0.012, back + 0.02),
        (0.0, top, back - lean),
    ]
    path = rounded(corners, 0.13, pieces=7, straight=5)
    step = np.empty_like(path)
    step[1:-1], step[0], step[-1] = path[2:] - path[:-2], path[1] - path[0], path[-1] - path[-2]
    tangent = step / np.sqrt((step * step).sum(axis=1, keepdims=True))
    inward = np.stack([np.zeros(len(path)), -tangent[:, 2], tangent[:, 1]], -1)
    v = np.linspace(0.0, 1.0, len(path))[:, None]
    u = np.linspace(-1.0, 1.0, 17)[None, :]
    end = (2.0 * v - 1.0) * (2.0 * v - 1.0)
    wide = 0.5 * s.seat_width * (1.0 + (1.0 / s.back_taper - 1.0) * v) * (1.0 - 0.28 * end * end * end * end)
    bend = (0.6 * s.back_curve + 0.02) * u * u * (1.0 - end * end) + 0.3 * s.back_curve * u * u
    points = path[:, None, :] + bend[:, :, None] * inward[:, None, :]
    points[:, :, 0] += u * wide
    sheet(mesh, points, traits.cover, 0.007)


def add_tub(mesh: Mesh, traits: Traits) -> None:
    """A wall round the seat, highest behind."""
    s = traits.shape
    low = s.seat_height - 0.8 * s.seat_thickness if traits.seat == "box" else s.seat_height - 0.01
    high, arm = s.seat_height + s.back_height, s.seat_height + max(0.08, s.arm_height - 0.06)
    squeeze = 1.0 - 0.1 * s.seat_roundness

    def place(points: np.ndarray) -> np.ndarray:
        x, y, z = points.T
        cos, sin = np.array([turn(HALF_TURN * float(each)) for each in x]).T
        share = 0.5 * (1.0 - z)
        falls = x * x * (3.0 - 2.0 * np.abs(x))
        height = low + share * (high + (arm - high) * falls - low)
        out = y - 0.5 * s.back_thickness + s.back_tilt * 0.35 * (height - s.seat_height)
        across, along = 0.5 * s.seat_width * squeeze + out, 0.5 * s.seat_depth * squeeze + out
        return np.stack([across * sin, height, -along * cos], -1)

    slab(mesh, (1.0, 1.0), s.back_thickness, traits.cover, place, edge=0.12, roundness=0.06, cells=22)


def add_wing(mesh: Mesh, traits: Traits) -> None:
    """A high padded plate with ears."""
    s = traits.shape
    surface = Surface(s)
    plate = surface.plate(0.0, 1.0)
    slab(mesh, (1.0, 1.0), s.back_thickness, traits.cover, plate, edge=0.2, roundness=0.12, crown=0.02)
    low = max(0.2, (s.arm_height - s.back_gap) / s.back_height - 0.06)
    for side in (-1.0, 1.0):

        def place(points: np.ndarray, side: float = side) -> np.ndarray:
            x, y, z = points.T
            v = low + (0.99 - low) * 0.5 * (1.0 - z)
            reach = 0.16 * s.wings * (1.0 - 0.45 * (v - low) * (v - low))
            forward = 0.5 * (x + 1.0) * reach
            onto = surface.at(side * 0.96, v, forward)
            onto[:, 0] += side * (y + 0.22 * forward)
            return onto

        slab(mesh, (1.0, 1.0), 0.05, traits.cover, place, edge=0.3, roundness=0.25, cells=8)
