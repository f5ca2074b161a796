"""Shared by the layers of a drawn face: soft edges, noise, and the camera.

    pixel = centre + scale · R(roll) · (x, y) + ...,    x, y in face units from the bridge of the nose, y downwards

Only + - · / and the square root, the same on every machine. The kernels of the other `_face` files are compiled
with what is here, and numba keeps them by the date of their own file: after a change here, touch those.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from stbench.compiled import njit

Array = np.ndarray[Any, Any]

MIX_1, MIX_2, STEP = np.uint64(0xBF58476D1CE4E5B9), np.uint64(0x94D049BB133111EB), np.uint64(0x9E3779B97F4A7C15)
PARALLAX = 0.1
"""Most shift of a point of the face by a turn of the head, in face units: margin of `window`."""


class Camera(NamedTuple):
    """Which part of the photograph is drawn, and where the head is in it; lengths in pixels of the photograph."""

    left: float
    top: float
    step: float
    """Side of a drawn pixel."""
    x: float
    y: float
    """Where the bridge of the nose is."""
    scale: float
    """Length of a face unit."""
    cosine: float
    sine: float
    """Of the roll."""
    yaw: float
    pitch: float
    """Shift of the foremost point of the face, in face units."""


@njit(cache=True, nogil=True, inline="always")
def soft(distance: float, edge: float) -> float:
    """0 outside, 1 inside, by the smooth step over a signed distance of ± edge."""
    t = min(max(0.5 + 0.5 * distance / edge, 0.0), 1.0)
    return t * t * (3.0 - 2.0 * t)


@njit(cache=True, nogil=True, inline="always")
def _uniform(key: Any, place: Any) -> float:
    """A number in 0..1 that belongs to a place (SplitMix64)."""
    state = key + STEP * np.uint64(place)
    state = (state ^ (state >> np.uint64(30))) * MIX_1
    state = (state ^ (state >> np.uint64(27))) * MIX_2
    return float((state ^ (state >> np.uint64(31))) >> np.uint64(11)) / 9007199254740992.0


@njit(cache=True, nogil=True)
def noise(key: float, x: float, y: float) -> float:
    """Value noise in -1..1 with a lattice of 1: random numbers blended by the smooth step."""
    x, y = x + 512.0, y + 512.0
    ix, iy = int(x), int(y)
    tx, ty = x - ix, y - iy
    tx, ty = tx * tx * (3.0 - 2.0 * tx), ty * ty * (3.0 - 2.0 * ty)
    start, corner = np.uint64(key), iy * 4096 + ix
    above = _uniform(start, corner) * (1.0 - tx) + _uniform(start, corner + 1) * tx
    below = _uniform(start, corner + 4096) * (1.0 - tx) + _uniform(start, corner + 4097) * tx
    return 2.0 * (above * (1.0 - ty) + below * ty) - 1.0


@njit(cache=True, nogil=True)
def window(camera: Camera, box: tuple[float, float, float, float], n: int) -> tuple[int, int, int, int]:
    """First and last + 1 row and column of the pixels that may show the box (x0, y0, x1, y1) of the face."""
    x, y = 0.5 * (box[0] + box[2]), 0.5 * (box[1] + box[3])
    half_x, half_y = 0.5 * (box[2] - box[0]) + PARALLAX, 0.5 * (box[3] - box[1]) + PARALLAX
    c, s = camera.cosine, camera.sine
    px = (camera.x + camera.scale * (c * x - s * y) - camera.left) / camera.step
    py = (camera.y + camera.scale * (s * x + c * y) - camera.top) / camera.step
    rx = camera.scale * (c * half_x + abs(s) * half_y) / camera.step
    ry = camera.scale * (c * half_y + abs(s) * half_x) / camera.step
    top, bottom = int(min(max(py - ry, 0.0), n)), int(min(max(py + ry + 2.0, 0.0), n))
    left, right = int(min(max(px - rx, 0.0), n)), int(min(max(px + rx + 2.0, 0.0), n))
    return top, bottom, left, right


@njit(cache=True, nogil=True)
def coordinates(camera: Camera, u: Array, v: Array) -> None:
    """Face coordinates of every pixel, (n, n) each; what is nearer to the camera moves more when the head turns."""
    n = len(u)
    for row in range(n):
        for column in range(n):
            dx = (camera.left + (column + 0.5) * camera.step - camera.x) / camera.scale
            dy = (camera.top + (row + 0.5) * camera.step - camera.y) / camera.scale
            x, y = camera.cosine * dx + camera.sine * dy, camera.cosine * dy - camera.sine * dx
            squared = 1.0 - x * x / 0.6 - (y + 0.05) * (y + 0.05) / 1.1
            depth = np.sqrt(squared) if squared > 0.0 else 0.0
            u[row, column] = x - camera.yaw * depth
            v[row, column] = y - camera.pitch * depth
