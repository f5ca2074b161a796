"""Backs: bars between posts, plates, padded and woven ones.

    p(u, v) = (u w(v), h0 + v H, z0 - tilt (v H + gap) + curve u²),   u across in [-1, 1], v up in [0, 1]

is the middle of the back; v below 0 reaches down to the seat.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import Any

import numpy as np

from ..views import turn
from .mesh import Material, Mesh, Place, bar, hoop, slab, tube
from .traits import Shape, Traits


class Surface:
    """The middle of the back of a chair."""

    def __init__(self, shape: Shape) -> None:
        self.shape = shape
        self.seat = -shape.back_gap / shape.back_height
        """v at the upper side of the seat."""

    def at(self, u: np.ndarray | float, v: np.ndarray | float, forward: float | np.ndarray = 0.0) -> np.ndarray:
        """Points (..., 3); `forward`: metres in front of the surface."""
        s = self.shape
        u, v = np.broadcast_arrays(np.asarray(u, float), np.asarray(v, float))
        half = 0.5 * s.seat_width * s.seat_taper * s.back_width
        # A round seat is narrow where the back stands on it.
        half *= 1.0 - 0.18 * s.seat_roundness
        wide = half * (s.back_taper + (1.0 - s.back_taper) * v)
        rise = s.back_gap + v * s.back_height
        z = -0.5 * s.seat_depth * (1.0 - 0.1 * s.seat_roundness) + 0.5 * s.back_thickness
        z = z - s.back_tilt * rise - 0.25 * s.back_tilt * rise * rise / s.back_height + s.back_curve * u * u
        return np.stack([u * wide, s.seat_height + rise, z + forward], -1)

    def across(self, v: float, first: float = -1.0, last: float = 1.0, pieces: int = 8) -> np.ndarray:
        """A path at one height."""
        return self.at(np.linspace(first, last, pieces + 1), v)

    def up(self, u: float, first: float, last: float = 1.0, pieces: int = 8) -> np.ndarray:
        """A path at one side."""
        return self.at(u, np.linspace(first, last, pieces + 1))

    def plate(self, low: float, high: float, first: float = -1.0, last: float = 1.0, forward: float = 0.0) -> Place:
        """For a slab of half extent 1 x 1 (x across, z down): onto the surface between heights and sides."""

        def place(points: np.ndarray) -> np.ndarray:
            x, y, z = points.T
            u = 0.5 * (first + last) + 0.5 * (last - first) * x
            v = 0.5 * (low + high) - 0.5 * (high - low) * z
            return self.at(u, v, y + forward)

        return place


def add_back(mesh: Mesh, traits: Traits) -> None:
    """The back of a chair that is made of bars and plates; `_chair_shell` has the others."""
    surface, s = Surface(traits.shape), traits.shape
    wood = traits.frame
    r = max(0.011, 0.5 * s.back_thickness)
    flat = min(r, 0.012)
    count = max(2, int(s.back_bars))
    if traits.back in ("slats", "ladder", "splat", "cross", "low"):
        _posts(mesh, surface, wood, r)
    if traits.back == "slats":
        _rails(mesh, surface, wood, (0.0, 1.0), r)
        for u in _between(count):
            tube(mesh, surface.up(u, 0.0), flat, wood, sides=4, wide=1.6)
    elif traits.back == "ladder":
        for v in np.linspace(0.12, 0.95, max(2, count - 1)).tolist():
            slab(mesh, (1.0, 1.0), 2.0 * flat, traits.cover, surface.plate(v - 0.06, v + 0.06), edge=0.12, cells=8)
    elif traits.back == "spindles":
        _spindles(mesh, surface, traits, count)
    elif traits.back == "splat":
        _rails(mesh, surface, wood, (0.04, 1.0), r)
        _vase(mesh, surface, traits.cover, flat)
    elif traits.back == "cross":
        _rails(mesh, surface, wood, (0.0, 1.0), r)
        share = np.linspace(0.0, 1.0, 9)
        for sign in (-1.0, 1.0):
            tube(mesh, surface.at(sign * (2.0 * share - 1.0) * 0.97, share), flat, wood, sides=4, wide=1.3)
    elif traits.back == "low":
        plate = surface.plate(0.45, 1.0)
        slab(mesh, (1.0, 1.0), max(0.03, s.back_thickness), traits.cover, plate, edge=0.2, roundness=0.25)
    elif traits.back == "panel":
        _panel(mesh, surface, traits)
    elif traits.back == "mesh":
        _woven(mesh, surface, traits)
    elif traits.back == "channels":
        _holders(mesh, surface, traits)
        edges = np.linspace(-1.0, 1.0, count + 1).tolist()
        for first, last in pairwise(edges):
            plate = surface.plate(0.0, 1.0, first, last)
            slab(mesh, (1.0, 1.0), s.back_thickness, traits.cover, plate, edge=0.5, cells=6)
    elif traits.back == "oval":
        _medallion(mesh, surface, traits)


def _between(count: int) -> list[float]:
    """`count` places between the posts."""
    return [float(u) for u in np.linspace(-1.0, 1.0, count + 2)[1:-1]]


def _posts(mesh: Mesh, surface: Surface, material: Material, r: float, top: float = 1.03) -> None:
    for u in (-1.0, 1.0):
        tube(mesh, surface.up(u, surface.seat - 0.05, top), r, material, sides=8)


def _rails(mesh: Mesh, surface: Surface, material: Material, heights: Sequence[float], r: float) -> None:
    for v in heights:
        high = 0.075 if v > 0.5 else 0.045
        plate = surface.plate(v - high, v + 0.4 * high)
        slab(mesh, (1.0, 1.0), 1.7 * r, material, plate, edge=0.1, cells=8)


def _spindles(mesh: Mesh, surface: Surface, traits: Traits, count: int) -> None:
    """Thin rods under a bow."""
    s, wood = traits.shape, traits.frame
    share = np.linspace(-1.0, 1.0, 25)
    # A bow: steep at the sides, flat above.
    bow = 1.0 - (1.0 - surface.seat) * _sixth(share)
    tube(mesh, surface.at(share * (1.0 - 0.08 * (1.0 - np.abs(share))), bow), 0.013, wood, sides=8)
    for u in _between(count):
        top = 1.0 - (1.0 - surface.seat) * _sixth(u)
        low, high = surface.at(0.86 * u, surface.seat - 0.03), surface.at(u, top)
        bar(mesh, low.tolist(), high.tolist(), (0.009 + 0.1 * s.leg_radius, 0.007), wood, sides=6)


def _sixth(x: Any) -> Any:
    # Products, as powers may differ in the last bit from one machine to another.
    return (x * x) * (x * x) * (x * x)


def _vase(mesh: Mesh, surface: Surface, material: Material, flat: float) -> None:
    """A board in the shape of a vase."""
    profile = np.array([0.30, 0.26, 0.16, 0.13, 0.18, 0.27, 0.34, 0.36, 0.31, 0.22, 0.19, 0.27, 0.34])

    def place(points: np.ndarray) -> np.ndarray:
        x, y, z = points.T
        v = 0.5 * (1.0 - z)
        step = np.minimum((12.0 * v).astype(np.int64), 11)
        wide = profile[step] + (profile[step + 1] - profile[step]) * (12.0 * v - step)
        return surface.at(x * wide, v, y)

    slab(mesh, (1.0, 1.0), 2.0 * flat, material, place, edge=0.1, cells=16)


def _holders(mesh: Mesh, surface: Surface, traits: Traits) -> None:
    """What carries a plate that does not reach down to the seat."""
    if traits.shape.back_gap <= 0.0:
        return
    r = max(0.011, 0.3 * traits.shape.back_thickness)
    if traits.kind == "office":
        path = surface.up(0.0, surface.seat - 0.06, 0.4)
        tube(mesh, path - np.array([0.0, 0.0, 0.6 * traits.shape.back_thickness]), r, traits.frame, sides=4, wide=2.6)
    elif traits.kind != "cantilever":
        for u in (-0.86, 0.86):
            tube(mesh, surface.up(u, surface.seat - 0.05, 0.5), r, traits.frame, sides=8)


def _panel(mesh: Mesh, surface: Surface, traits: Traits) -> None:
    s = traits.shape
    _holders(mesh, surface, traits)
    soft = traits.seat in ("cushion", "box")
    edge, roundness = (0.3, 0.15) if soft else (0.1, 0.12)
    crown = 0.15 * s.back_thickness if soft else 0.0
    plate = surface.plate(0.0, 1.0)
    slab(mesh, (1.0, 1.0), s.back_thickness, traits.cover, plate, edge=edge, roundness=roundness, crown=crown)
    if traits.kind == "office" and s.wings > 1.15:
        rest = surface.plate(1.08, 1.08 + 0.22 * s.wings, -0.55, 0.55)
        slab(mesh, (1.0, 1.0), 0.9 * s.back_thickness, traits.cover, rest, edge=0.3, roundness=0.2)
        tube(mesh, surface.up(0.0, 0.8, 1.2), 0.012, traits.frame, sides=6)


def _woven(mesh: Mesh, surface: Surface, traits: Traits) -> None:
    """A thin web in a frame of tube."""
    _holders(mesh, surface, traits)
    corners = [turn(k / 32) for k in range(32)]
    ring = [surface.at(0.98 * sin, 0.5 + 0.5 * cos * (1.0 + 0.25 * sin * sin)) for cos, sin in corners]
    hoop(mesh, np.stack(ring), 0.013, traits.frame, sides=6)
    slab(mesh, (1.0, 1.0), 0.012, traits.cover, surface.plate(0.03, 0.97, -0.95, 0.95), edge=0.1, roundness=0.55)


def _medallion(mesh: Mesh, surface: Surface, traits: Traits) -> None:
    """An upholstered oval in a carved ring on two stubs."""
    s = traits.shape
    ring = [surface.at(0.95 * sin, 0.5 + 0.5 * cos) for cos, sin in (turn(k / 36) for k in range(36))]
    hoop(mesh, np.stack(ring), 0.4 * s.back_thickness + 0.008, traits.frame)
    plate = surface.plate(0.02, 0.98, -0.92, 0.92)
    slab(mesh, (1.0, 1.0), s.back_thickness, traits.cover, plate, edge=0.4, roundness=1.0)
    for u in (-0.6, 0.6):
        tube(mesh, surface.up(u, surface.seat - 0.05, 0.12), 0.016, traits.frame, sides=8)
