"""Seats and loose cushions."""

from __future__ import annotations

import numpy as np

from .mesh import Material, Mesh, Place, slab
from .traits import Shape, Traits


def under(traits: Traits) -> float:
    """Height of the lower side of the seat, where legs begin."""
    s = traits.shape
    return s.seat_height - (0.03 if traits.seat == "shell" else s.seat_thickness)


def add_seat(mesh: Mesh, traits: Traits) -> None:
    """The seat, its upper side at `seat_height`; the seat of a shell is part of its back."""
    s, soft = traits.shape, traits.seat in ("cushion", "box")
    if traits.seat == "shell":
        return
    material = traits.cover if soft else _wooden(traits)
    edge = {"board": 0.1, "saddle": 0.2, "cushion": 0.3, "box": 0.14}[traits.seat]
    thickness = s.seat_thickness - (0.35 * s.cushion if traits.seat == "box" else 0.0)
    middle = s.seat_height - s.seat_thickness + 0.5 * thickness
    crown = -0.35 * s.seat_thickness if traits.seat == "saddle" else s.seat_crown
    half = (0.5 * s.seat_width, 0.5 * s.seat_depth)
    place = _tapered(s, middle)
    slab(mesh, half, thickness, material, place, edge=edge, roundness=s.seat_roundness, crown=crown)
    if traits.seat == "cushion" and traits.kind in ("dining", "upholstered", "medallion"):
        _rail(mesh, traits)
    if s.cushion > 0.0 and traits.seat == "box":
        _loose(mesh, traits, 0.5 * s.cushion + s.seat_height - 0.35 * s.cushion)


def _wooden(traits: Traits) -> Material:
    return traits.cover if traits.kind in ("stacking", "folding", "cantilever") else traits.frame


def _tapered(s: Shape, height: float) -> Place:
    """Narrower behind, and lifted to `height`."""

    def place(points: np.ndarray) -> np.ndarray:
        x, y, z = points.T
        return np.stack([x * (1.0 - (1.0 - s.seat_taper) * (0.5 - z / s.seat_depth)), y + height, z], -1)

    return place


def _rail(mesh: Mesh, traits: Traits) -> None:
    """The frame below a cushion."""
    s = traits.shape
    half = (0.485 * s.seat_width, 0.485 * s.seat_depth)
    low = s.seat_height - s.seat_thickness
    slab(mesh, half, 0.05, traits.frame, _tapered(s, low), edge=0.06, roundness=s.seat_roundness, cells=6)


def _loose(mesh: Mesh, traits: Traits, height: float) -> None:
    s = traits.shape
    inner = 0.5 * s.seat_width - (2.0 * s.arm_radius if traits.arms == "blocks" else 0.02)
    red, green, blue = (min(255.0, 1.06 * each) for each in traits.cover.colour)
    lighter = Material((red, green, blue), traits.cover.gloss)
    half = (inner, 0.5 * s.seat_depth - 0.01)
    place = _tapered(s, height)
    slab(mesh, half, s.cushion, lighter, place, edge=0.35, roundness=0.12 + 0.8 * s.seat_roundness, crown=0.015)
