"""The compiled camera of the KTH stand-in: shaded capsules over a background, shadow and noise.

    coverage = clip(r(t) - |p - c(t)| + 1/2, 0, 1),    grey = tone · (1 + shade · n·l),    n = (p - c) / r

c(t) is the point of a capsule's axis that is nearest to pixel p, r(t) its radius there, l points to the light. Only
+ - · / and the square root, which are the same on every machine.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from stbench.compiled import njit

Array = np.ndarray[Any, Any]

COLUMNS = 7
"""A capsule: x0, y0, r0, x1, y1, r1, tone, in pixels and grey values."""
SHADE = 0.22
MIX_1, MIX_2, STEP = np.uint64(0xBF58476D1CE4E5B9), np.uint64(0x94D049BB133111EB), np.uint64(0x9E3779B97F4A7C15)


@njit(cache=True, nogil=True, inline="always")
def _mix(state: Any) -> Any:
    """SplitMix64: 64 well-mixed bits of a counter."""
    state = (state ^ (state >> np.uint64(30))) * MIX_1
    state = (state ^ (state >> np.uint64(27))) * MIX_2
    return state ^ (state >> np.uint64(31))


@njit(cache=True, nogil=True, inline="always")
def _uniform(key: Any, place: Any) -> float:
    """A number in 0..1 that belongs to a place."""
    return float(_mix(key + STEP * np.uint64(place)) >> np.uint64(11)) / 9007199254740992.0


@njit(cache=True, nogil=True)
def texture(key: int, spacing: float, height: int, width: int) -> Array:
    """Value noise in -1..1: random numbers on a lattice, blended by the smooth step 3t² - 2t³."""
    out = np.empty((height, width))
    start = np.uint64(key)
    for y in range(height):
        for x in range(width):
            gy, gx = y / spacing, x / spacing
            iy, ix = int(gy), int(gx)
            ty, tx = gy - iy, gx - ix
            ty, tx = ty * ty * (3.0 - 2.0 * ty), tx * tx * (3.0 - 2.0 * tx)
            corner = iy * 4096 + ix
            top = _uniform(start, corner) * (1.0 - tx) + _uniform(start, corner + 1) * tx
            bottom = _uniform(start, corner + 4096) * (1.0 - tx) + _uniform(start, corner + 4097) * tx
            out[y, x] = 2.0 * (top * (1.0 - ty) + bottom * ty) - 1.0
    return out


@njit(cache=True, nogil=True)
def _capsule(picture: Array, c: Array, light_x: float, light_y: float, shade: float) -> None:
    """Blend one capsule into the picture."""
    height, width = picture.shape
    most = max(c[2], c[5]) + 1.0
    top, bottom = max(0, int(min(c[1], c[4]) - most)), min(height, int(max(c[1], c[4]) + most) + 2)
    left, right = max(0, int(min(c[0], c[3]) - most)), min(width, int(max(c[0], c[3]) + most) + 2)
    ax, ay = c[3] - c[0], c[4] - c[1]
    length = ax * ax + ay * ay + 1e-9
    for y in range(top, bottom):
        for x in range(left, right):
            t = min(max(((x - c[0]) * ax + (y - c[1]) * ay) / length, 0.0), 1.0)
            dx, dy = x - c[0] - t * ax, y - c[1] - t * ay
            radius = c[2] + t * (c[5] - c[2])
            cover = min(max(radius - np.sqrt(dx * dx + dy * dy) + 0.5, 0.0), 1.0)
            if cover > 0.0:
                grey = c[6] * (1.0 + shade * (dx * light_x + dy * light_y) / radius)
                picture[y, x] += cover * (grey - picture[y, x])


@njit(cache=True, nogil=True)
def _shadow(
    mask: Array, capsules: Array, count: int, shift_x: float, shift_y: float, ground: float, flat: float
) -> None:
    """Coverage of the capsules' shadow: displaced (flat = 1, on a wall) or laid on the ground (flat < 1)."""
    one = np.empty(COLUMNS)
    for k in range(count):
        one[:] = capsules[k]
        for end in (0, 3):
            above = ground - one[end + 1]
            one[end] += shift_x * (1.0 if flat == 1.0 else above / 40.0)
            one[end + 1] = one[end + 1] + shift_y if flat == 1.0 else ground - flat * above
            one[end + 2] *= 1.0 if flat == 1.0 else 0.7
        one[6] = 1.0
        _capsule(mask, one, 0.0, 0.0, 0.0)


@njit(cache=True, nogil=True)
def photograph(
    background: Array,
    capsules: Array,
    count: int,
    ground: float,
    light: Array,
    shadow: Array,
    noise: float,
    key: int,
    out: Array,
) -> None:
    """One frame (y, x) uint8 into `out`.

    `capsules` (most, 7), the first `count` from far to near; `light` (2,) unit vector to the light; `shadow` (4,):
    darkness, shift in x, shift in y, flatness; `noise`: standard deviation in grey values; `key` of the noise.
    """
    height, width = out.shape
    picture = background.copy()
    if shadow[0] > 0.0 and count > 0:
        mask = np.zeros((height, width))
        _shadow(mask, capsules, count, shadow[1], shadow[2], ground, shadow[3])
        for y in range(height):
            for x in range(width):
                picture[y, x] *= 1.0 - shadow[0] * mask[y, x]
    for k in range(count):
        _capsule(picture, capsules[k], light[0], light[1], SHADE)
    start = np.uint64(key)
    for y in range(height):
        for x in range(width):
            bits = _mix(start + STEP * np.uint64(y * width + x))
            # Four uniform bytes, nearly normal: mean 510, standard deviation 147.8.
            total = float(
                (bits & np.uint64(255))
                + ((bits >> np.uint64(8)) & np.uint64(255))
                + ((bits >> np.uint64(16)) & np.uint64(255))
                + ((bits >> np.uint64(24)) & np.uint64(255))
            )
            value = picture[y, x] + noise * (total - 510.0) / 147.8
            out[y, x] = int(min(max(value, 0.0), 255.0) + 0.5)
