"""Chairs below the seat: legs, stretchers, runners, pedestals."""

from __future__ import annotations

import numpy as np

from ..views import turn
from .mesh import Material, Mesh, at, bar, hoop, lathe, rounded, tube
from .traits import Shape, Traits

RUBBER = Material((44.0, 44.0, 46.0), 0.1)
CORNERS = ((-1, 1), (1, 1), (1, -1), (-1, -1))
"""Side and end of the seat: front left, front right, back right, back left."""


def add_legs(mesh: Mesh, traits: Traits, under: float) -> None:
    """Legs from the floor to `under`, the lower side of the seat."""
    makers = {
        "sled": _sled,
        "cantilever": _cantilever,
        "star": _star,
        "tulip": _tulip,
        "rods": _rods,
        "rockers": _rockers,
        "folding": _folding,
    }
    makers.get(traits.legs, _four)(mesh, traits, under)
    if traits.legs in ("straight", "taper", "turned", "splayed", "sabre", "rockers"):
        _stretchers(mesh, traits, traits.shape.stretcher_height * under)


def corner(s: Shape, side: int, end: int, inset: float) -> tuple[float, float]:
    """x and z of a corner of the seat, `inset` from its edges; inside where the seat is round."""
    z = end * (0.5 * s.seat_depth - inset) * (1.0 - 0.24 * s.seat_roundness)
    width = 0.5 * s.seat_width * (1.0 - (1.0 - s.seat_taper) * (0.5 - z / s.seat_depth))
    return side * (width - inset) * (1.0 - 0.24 * s.seat_roundness), z


def foot(s: Shape, side: int, end: int, inset: float, share: float, extra: float = 0.0) -> tuple[float, float]:
    """x and z of a leg at a share of its way down, 0 at the seat."""
    x, z = corner(s, side, end, inset)
    out = (s.leg_splay + extra) * share
    return x + side * out, z + end * out - (s.leg_rake * share if end < 0 else 0.0)


def _four(mesh: Mesh, traits: Traits, under: float) -> None:
    s, m, name = traits.shape, traits.frame, traits.legs
    r = s.leg_radius
    inset = 1.2 * r + (0.02 if name in ("splayed", "turned") else 0.004)
    extra = 0.05 if name == "splayed" else 0.0
    for side, end in CORNERS:
        top, floor = foot(s, side, end, inset, 0.0, extra), foot(s, side, end, inset, 1.0, extra)
        if name == "sabre":
            share = np.linspace(0.0, 1.0, 10)
            path = np.array([[*_at(s, side, end, inset, t * t * 1.3), under * (1.0 - t)] for t in share])[:, [0, 2, 1]]
            tube(mesh, path, (r * (1.0 - (1.0 - 0.6 * s.leg_taper) * share)).tolist(), m, sides=4)
        elif name == "turned":
            _turned(mesh, (top[0], under, top[1]), (floor[0], 0.0, floor[1]), r, s.leg_taper, m)
        else:
            taper = {"straight": 1.0, "taper": 0.35 + 0.4 * s.leg_taper, "splayed": 0.55, "blocks": 0.8}[name]
            sides = 12 if name == "splayed" or (m.gloss > 0.3) else 4
            ends = ((top[0], under, top[1]), (floor[0], 0.0, floor[1]))
            bar(mesh, *ends, (r * (1.25 if taper < 1 else 1.0), r * 1.25 * taper), m, sides=sides)


def _at(s: Shape, side: int, end: int, inset: float, share: float) -> tuple[float, float]:
    return foot(s, side, end, inset, share, 0.03)


def _turned(
    mesh: Mesh, top: tuple[float, float, float], floor: tuple[float, float, float], r: float, taper: float, m: Material
) -> None:
    """A leg from the lathe, with rings and swellings."""
    places = (0.0, 0.08, 0.12, 0.15, 0.19, 0.23, 0.45, 0.62, 0.70, 0.73, 0.78, 0.82, 1.0)
    swell = (1.0, 1.0, 0.7, 1.25, 1.25, 0.75, 1.3, 1.15, 0.8, 1.2, 1.2, 0.8, 0.55 + 0.3 * taper)
    share = np.array(places)[:, None]
    path = np.array(top) * (1.0 - share) + np.array(floor) * share
    tube(mesh, path, [r * each for each in swell], m, sides=12)


def _stretchers(mesh: Mesh, traits: Traits, height: float) -> None:
    s, m, name = traits.shape, traits.frame, traits.stretchers
    if name == "none":
        return
    inset, r = 1.2 * s.leg_radius + 0.012, 0.62 * s.leg_radius
    places = [foot(s, side, end, inset, 1.0 - s.stretcher_height) for side, end in CORNERS]
    points = [(x, height, z) for x, z in places]
    if name == "h":
        middles = []
        for a, b in ((0, 3), (1, 2)):
            bar(mesh, points[a], points[b], r, m, sides=8)
            middles.append(tuple((0.5 * (p + q) for p, q in zip(points[a], points[b], strict=True))))
        bar(mesh, middles[0], middles[1], r, m, sides=8)
    elif name == "box":
        for k, (a, b) in enumerate(((0, 1), (1, 2), (2, 3), (3, 0))):
            lift = 0.03 if k % 2 else 0.0
            start, end = ((x, y + lift, z) for x, y, z in (points[a], points[b]))
            bar(mesh, start, end, r, m, sides=8)
    else:
        reach = max(abs(points[0][0]), abs(points[0][2]))
        ring = np.array([(reach * sin, height, reach * cos) for cos, sin in (turn(k / 28) for k in range(28))])
        hoop(mesh, ring, 0.8 * r + 0.003, m)


def _sled(mesh: Mesh, traits: Traits, under: float) -> None:
    s, m, r = traits.shape, traits.frame, min(0.013, traits.shape.leg_radius)
    (front_x, front), (back_x, back) = corner(s, 1, 1, 0.03), corner(s, 1, -1, 0.03)
    wide = max(front_x, back_x)
    for x in (-wide, wide):
        path = [(x * 0.9, under, front), (x, r, front + 0.02), (x, r, back - 0.06), (x * 0.9, under, back)]
        tube(mesh, rounded(path, 0.06), r, m, sides=8)
    for z in (front, back):
        bar(mesh, (-wide * 0.9, under - r, z), (wide * 0.9, under - r, z), r, m, sides=8)


def _cantilever(mesh: Mesh, traits: Traits, under: float) -> None:
    s, m, r = traits.shape, traits.frame, traits.shape.leg_radius
    x, front, back = 0.5 * s.seat_width - r, 0.5 * s.seat_depth, -0.5 * s.seat_depth
    top = s.seat_height + s.back_gap + 0.9 * s.back_height
    lean = s.back_tilt * (top - s.seat_height)
    left = [(-x, top, back - lean), (-x, under, back), (-x, under, front + 0.05), (-x, r, front + 0.02)]
    corners = [*left, (-x, r, back - 0.03), (x, r, back - 0.03), *((-a, b, c) for a, b, c in reversed(left))]
    tube(mesh, rounded(corners, 0.09, 8, 5), r, m, sides=10)


def _star(mesh: Mesh, traits: Traits, under: float) -> None:
    s, m, r = traits.shape, traits.frame, traits.shape.leg_radius
    column = [(0.9 * r, under), (0.9 * r, 0.62 * under), (1.5 * r, 0.60 * under), (1.5 * r, 0.13), (1.9 * r, 0.12)]
    lathe(mesh, [(0.0, under), *column, (1.9 * r, 0.07), (0.0, 0.07)], m, at(0, 0, 0), 14)
    lathe(mesh, [(0.0, under), (0.11, under), (0.09, under - 0.03), (0.0, under - 0.035)], RUBBER, at(0, 0, 0), 12)
    reach, count = 0.27 + 0.05 * s.leg_taper, 5 if s.leg_splay > 0.012 else 4
    for k in range(count):
        cos, sin = turn((k + 0.5 * (count == 4)) / count + 0.05)
        hub, tip = (1.5 * r * sin, 0.11, 1.5 * r * cos), (reach * sin, 0.065, reach * cos)
        bar(mesh, hub, tip, (0.022, 0.013), m, sides=4, wide=1.2, facing=(0.0, 1.0, 0.0))
        x, z = reach * sin, reach * cos
        bar(mesh, (x, 0.07, z), (x, 0.045, z), 0.008, RUBBER, sides=6, pieces=1)
        for off in (-0.012, 0.012):
            a, b = (x + off * cos * 0.5, 0.026, z - off * sin * 0.5), (x + off * cos * 1.6, 0.026, z - off * sin * 1.6)
            bar(mesh, a, b, 0.026, RUBBER, sides=12, pieces=1)


def _tulip(mesh: Mesh, traits: Traits, under: float) -> None:
    s, r, reach = traits.shape, traits.shape.leg_radius, 0.20 + 0.1 * traits.shape.leg_taper
    waist, swing = 0.7 * r + 0.014, 0.5 * under
    curve = [(reach, 0.0), (reach, 0.008), (0.8 * reach, 0.016), (0.5 * reach, 0.03), (0.3 * reach, 0.055)]
    stem = [(0.18 * reach + 0.3 * waist, 0.1), (waist, 0.3 * under), (0.9 * waist, swing), (1.1 * waist, 0.78 * under)]
    bowl = [(2.0 * waist, 0.92 * under), (4.2 * waist, under), (0.0, under)]
    lathe(mesh, [(0.0, 0.0), *curve, *stem, *bowl], traits.frame, at(0, 0, 0), 24)
    if s.seat_height > 0.6:
        ring = [(0.15 * sin, 0.36 * under, 0.15 * cos) for cos, sin in (turn(k / 24) for k in range(24))]
        hoop(mesh, ring, 0.009, traits.frame)
        bar(mesh, (0.0, 0.36 * under, -0.15), (0.0, 0.36 * under, 0.15), 0.008, traits.frame, sides=6)


def _rods(mesh: Mesh, traits: Traits, under: float) -> None:
    """The wire base of a shell chair: four slanted pairs that cross."""
    s, m, r = traits.shape, traits.frame, 0.0065
    feet = [foot(s, side, end, 0.05, 1.0, 0.02) for side, end in CORNERS]
    tops = [(0.55 * x, under, 0.55 * z) for x, z in feet]
    for k, (x, z) in enumerate(feet):
        ground = (x, 0.0, z)
        bar(mesh, tops[k], ground, r, m, sides=6)
        for other in ((k + 1) % 4, (k + 3) % 4):
            bar(mesh, tops[other], (0.94 * x, 0.10 * under, 0.94 * z), 0.75 * r, m, sides=6)
    for k in range(4):
        bar(mesh, tops[k], tops[(k + 1) % 4], r, m, sides=6)


def _rockers(mesh: Mesh, traits: Traits, under: float) -> None:
    s, m, r = traits.shape, traits.frame, traits.shape.leg_radius
    reach = 0.5 * s.seat_depth + 0.16
    for side in (-1, 1):
        x = (abs(corner(s, side, 1, 0.03)[0]) + s.leg_splay) * side
        line = np.linspace(-1.25, 1.0, 22)
        path = np.stack([np.full(22, x), r + 0.075 * line * line, reach * line], -1)
        tube(mesh, path, 0.8 * r + 0.004, m, sides=4)
        for end in (1, -1):
            top = corner(s, side, end, 0.03)
            z = top[1] + end * 0.03
            bar(mesh, (top[0], under, top[1]), (x, r + 0.075 * (z / reach) * (z / reach), z), r, m, sides=10)


def _folding(mesh: Mesh, traits: Traits, under: float) -> None:
    s, m, r = traits.shape, traits.frame, traits.shape.leg_radius
    front, back = 0.5 * s.seat_depth, -0.5 * s.seat_depth
    top = s.seat_height + s.back_gap + 0.95 * s.back_height
    x = 0.5 * s.seat_width - r
    inner = x - 2.4 * r
    for side in (-1, 1):
        high = (side * x, top, back - s.back_tilt * (top - under))
        bar(mesh, high, (side * x, under, back + 0.03), 1.1 * r, m, sides=8)
        bar(mesh, (side * x, under, back + 0.03), (side * x, 0.0, front + 0.06), 1.1 * r, m, sides=8)
        bar(mesh, (side * inner, under, front - 0.04), (side * inner, 0.0, back - 0.10), 1.1 * r, m, sides=8)
    bar(mesh, (-x, 0.12, front + 0.005), (x, 0.12, front + 0.005), 0.8 * r, m, sides=8)
    bar(mesh, (-inner, 0.12, back - 0.06), (inner, 0.12, back - 0.06), 0.8 * r, m, sides=8)
