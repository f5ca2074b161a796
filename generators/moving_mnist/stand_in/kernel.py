"""The compiled pen of the MNIST stand-in (imported only when digits are drawn)."""

from __future__ import annotations

from typing import Any

import numpy as np

from stbench.compiled import njit

Array = np.ndarray[Any, Any]

SIDE, BOX = 28, 20.0
STEPS = 7
"""Straight pieces per interval between two control points."""
MOST_POINTS = 256
LATTICE = 5
"""Nodes per side of the elastic field, over the square [-0.3, 1.3]."""
JITTER = 16
"""Index of the first of the random numbers that displace control points; before them, one use each."""
ELASTIC = JITTER + 64
RANDOM_NUMBERS = ELASTIC + 2 * LATTICE * LATTICE


@njit(cache=True, nogil=True, inline="always")
def _spread(u: Array, at: int) -> Any:
    """Symmetric triangular on (-1, 1) from two uniform numbers."""
    return u[at] + u[at + 1] - 1.0


@njit(cache=True, nogil=True)
def _curve(points: Array, n: int, u: Array, jitter: int, amount: float, out: Array) -> int:
    """Catmull-Rom through n jittered control points (end points doubled): pieces' ends (m, 2) into `out`; gives m."""
    control = np.empty((n + 2, 2))
    for i in range(n):
        for axis in range(2):
            control[i + 1, axis] = points[i, axis] + amount * (2.0 * u[jitter + (2 * i + axis) % 64] - 1.0)
    control[0], control[n + 1] = control[1], control[n]
    m = 0
    for i in range(n - 1):
        for step in range(STEPS if i < n - 2 else STEPS + 1):
            t = step / STEPS
            for axis in range(2):
                p0, p1, p2, p3 = control[i, axis], control[i + 1, axis], control[i + 2, axis], control[i + 3, axis]
                cubic = (3.0 * (p1 - p2) + p3 - p0) * t + (2.0 * p0 - 5.0 * p1 + 4.0 * p2 - p3)
                out[m, axis] = p1 + 0.5 * t * ((p2 - p0) + t * cubic)
            m += 1
    return m


@njit(cache=True, nogil=True)
def _elastic(u: Array, x: float, y: float, amount: float) -> tuple[float, float]:
    """Displacement at (x, y): random vectors at the lattice nodes, blended by uniform cubic B-splines."""
    gx = min(max((x + 0.3) / 1.6, 0.0), 0.999) * (LATTICE - 3)
    gy = min(max((y + 0.3) / 1.6, 0.0), 0.999) * (LATTICE - 3)
    ix, iy = int(gx), int(gy)
    tx, ty = gx - ix, gy - iy
    dx, dy = 0.0, 0.0
    for j in range(4):
        wy = _spline(j, ty)
        for i in range(4):
            weight = _spline(i, tx) * wy
            at = ELASTIC + 2 * (min(iy + j, LATTICE - 1) * LATTICE + min(ix + i, LATTICE - 1))
            dx += weight * (2.0 * u[at] - 1.0)
            dy += weight * (2.0 * u[at + 1] - 1.0)
    return amount * dx, amount * dy


@njit(cache=True, nogil=True, inline="always")
def _spline(k: int, t: float) -> float:
    """The k-th of the four uniform cubic B-splines that are not zero at t in [0, 1)."""
    s = 1.0 - t
    if k == 0:
        return s * s * s / 6.0
    if k == 1:
        return (4.0 - 6.0 * t * t + 3.0 * t * t * t) / 6.0
    if k == 2:
        return (4.0 - 6.0 * s * s + 3.0 * s * s * s) / 6.0
    return t * t * t / 6.0


@njit(cache=True, nogil=True)
def _piece(image: Array, ax: float, ay: float, bx: float, by: float, radius: float, soft: float) -> None:
    """Ink of one straight piece: full up to `radius`, falling to nothing over `soft` pixels; the darkest ink stays."""
    reach = radius + soft
    x0, x1 = max(int(min(ax, bx) - reach), 0), min(int(max(ax, bx) + reach) + 1, SIDE - 1)
    y0, y1 = max(int(min(ay, by) - reach), 0), min(int(max(ay, by) + reach) + 1, SIDE - 1)
    dx, dy = bx - ax, by - ay
    squared = dx * dx + dy * dy
    for y in range(y0, y1 + 1):
        for x in range(x0, x1 + 1):
            along = ((x - ax) * dx + (y - ay) * dy) / squared if squared > 0.0 else 0.0
            along = min(max(along, 0.0), 1.0)
            ex, ey = x - ax - along * dx, y - ay - along * dy
            ink = (reach - np.sqrt(ex * ex + ey * ey)) / soft
            value = np.uint8(255.0 * min(max(ink, 0.0), 1.0) + 0.5)
            image[y, x] = max(image[y, x], value)


@njit(cache=True, nogil=True)
def write_digits(
    uniform: Array, points: Array, lengths: Array, first_form: Array, images: Array, labels: Array
) -> None:
    """Digits from `uniform` (n, RANDOM_NUMBERS) in [0, 1): `images` (n, 28, 28), zero before, `labels` (n,), uint8."""
    path = np.empty((MOST_POINTS, 2))
    ends = np.empty(8, np.int64)
    for d in range(len(uniform)):
        u = uniform[d]
        label = int(u[0] * 10.0)
        labels[d] = label
        glyph = first_form[label] + int(u[1] * (first_form[label + 1] - first_form[label]))
        aspect = 0.8 + 0.32 * _spread(u, 2)
        slant = 0.16 + 0.42 * _spread(u, 4)
        half = 0.14 * _spread(u, 6)  # tangent of half the angle of rotation
        cosine, sine = (1.0 - half * half) / (1.0 + half * half), 2.0 * half / (1.0 + half * half)
        total, strokes = 0, 0
        for s in range(points.shape[1]):
            if lengths[glyph, s] > 0:
                jitter = JITTER + 22 * s
                total += _curve(points[glyph, s], lengths[glyph, s], u, jitter, 0.04, path[total:])
                ends[s], strokes = total, strokes + 1
        for i in range(total):
            x, y = aspect * (path[i, 0] - 0.5), path[i, 1] - 0.5
            x -= slant * y
            x, y = cosine * x - sine * y, sine * x + cosine * y
            dx, dy = _elastic(u, x + 0.5, y + 0.5, 0.42)
            path[i, 0], path[i, 1] = x + dx, y + dy
        radius = 1.05 + 0.45 * _spread(u, 8) + 0.25 * u[10]
        _place(path[:total], ends[:strokes], radius)
        soft, taper = 0.9 + 0.4 * u[11], 0.25 * (2.0 * u[12] - 1.0)
        first = 0
        for s in range(strokes):
            for i in range(first, ends[s] - 1):
                pen = radius * (1.0 + taper * (2.0 * i / total - 1.0))
                _piece(images[d], path[i, 0], path[i, 1], path[i + 1, 0], path[i + 1, 1], pen - 0.5 * soft, soft)
            first = ends[s]


@njit(cache=True, nogil=True)
def _place(path: Array, ends: Array, radius: float) -> None:
    """Scale to the box of 20 pixels, pen included, and put the centre of mass on the centre, as MNIST does."""
    low_x, high_x, low_y, high_y = path[:, 0].min(), path[:, 0].max(), path[:, 1].min(), path[:, 1].max()
    scale = (BOX - 2.0 * radius) / max(high_x - low_x, high_y - low_y)
    mass, mean_x, mean_y, first = 0.0, 0.0, 0.0, 0
    for end in ends:
        for i in range(first, end - 1):
            dx, dy = path[i + 1, 0] - path[i, 0], path[i + 1, 1] - path[i, 1]
            length = np.sqrt(dx * dx + dy * dy)
            mass += length
            mean_x += 0.5 * length * (path[i, 0] + path[i + 1, 0])
            mean_y += 0.5 * length * (path[i, 1] + path[i + 1, 1])
        first = end
    mean_x, mean_y = mean_x / mass, mean_y / mass
    # As far as the ink stays inside: the pen and its soft edge end at least half a pixel from the border.
    margin, centre = radius + 1.0, 0.5 * (SIDE - 1)
    left = min(max(centre - scale * (mean_x - low_x), margin), SIDE - 1 - margin - scale * (high_x - low_x))
    top = min(max(centre - scale * (mean_y - low_y), margin), SIDE - 1 - margin - scale * (high_y - low_y))
    for i in range(len(path)):
        path[i, 0] = left + scale * (path[i, 0] - low_x)
        path[i, 1] = top + scale * (path[i, 1] - low_y)
