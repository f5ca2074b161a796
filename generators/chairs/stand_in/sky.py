"""How much of the sky each facet of a chair sees: what makes the space below a seat dark.

    a = sum over directions d of b(d) visible(d) max(0, n·d) / sum of max(0, n·d)

b: brightness, 1 above the horizon, 0.45 below it, where a bright floor gives back some light. One depth map for each
direction.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from stbench.compiled import njit

from ..views import turn

Array = np.ndarray[Any, Any]

RESOLUTION = 72
"""Side of a depth map."""
FLOOR = 0.45
"""Brightness of the floor over that of the sky."""


def directions() -> Array:
    """(n, 3) unit vectors: three rings over the horizon, the zenith, and a ring below the horizon."""
    rings = ((0.06, 7), (0.35, 7), (0.72, 5), (1.0, 1), (-0.45, 4))
    out = []
    for height, count in rings:
        flat = np.sqrt(1.0 - height * height)
        for k in range(count):
            cos, sin = turn((k + 0.37 * count) / count)
            out.append((flat * sin, height, flat * cos))
    return np.array(out)


@njit(cache=True, nogil=True)
def _depth_map(flat: Array, faces: Array, size: int, out: Array) -> None:
    """Largest third coordinate of any facet over each cell of a `size` x `size` map; x and y in cells."""
    out[:] = -1e9
    for k in range(len(faces)):
        a, b, c = faces[k, 0], faces[k, 1], faces[k, 2]
        x0, y0, z0 = flat[a]
        x1, y1, z1 = flat[b]
        x2, y2, z2 = flat[c]
        area = (x1 - x0) * (y2 - y0) - (x2 - x0) * (y1 - y0)
        if abs(area) < 1e-9:
            continue
        left, right = max(int(min(x0, x1, x2) + 0.5), 0), min(int(max(x0, x1, x2) + 0.5), size)
        top, bottom = max(int(min(y0, y1, y2) + 0.5), 0), min(int(max(y0, y1, y2) + 0.5), size)
        for y in range(top, bottom):
            for x in range(left, right):
                px, py = x + 0.5, y + 0.5
                u = ((px - x0) * (y2 - y0) - (x2 - x0) * (py - y0)) / area
                w = ((x1 - x0) * (py - y0) - (px - x0) * (y1 - y0)) / area
                if u >= 0.0 and w >= 0.0 and u + w <= 1.0:
                    out[y, x] = max(out[y, x], z0 + u * (z1 - z0) + w * (z2 - z0))


@njit(cache=True, nogil=True)
def sky_seen(vertices: Array, faces: Array, normal: Array, dirs: Array, radius: float) -> Array:
    """(m, 2): share of the sky seen from the front and from the back of each facet. `radius` bounds all vertices."""
    size = RESOLUTION
    scale = size / (2.0 * radius)
    got, most = np.zeros((len(faces), 2)), np.full((len(faces), 2), 1e-9)
    flat, depth = np.empty((len(vertices), 3)), np.empty((size, size))
    lift = 0.030 * radius
    for d in range(len(dirs)):
        dx, dy, dz = dirs[d]
        level = np.sqrt(dx * dx + dz * dz)
        ux, uz = (dz / level, -dx / level) if level > 1e-9 else (1.0, 0.0)
        wx, wy, wz = dy * uz, dz * ux - dx * uz, -dy * ux
        for i in range(len(vertices)):
            x, y, z = vertices[i]
            flat[i, 0] = (x * ux + z * uz + radius) * scale
            flat[i, 1] = (x * wx + y * wy + z * wz + radius) * scale
            flat[i, 2] = x * dx + y * dy + z * dz
        _depth_map(flat, faces, size, depth)
        strength = 1.0 if dy > 0.0 else FLOOR
        for k in range(len(faces)):
            a, b, c = faces[k, 0], faces[k, 1], faces[k, 2]
            slant = normal[k, 0] * dx + normal[k, 1] * dy + normal[k, 2] * dz
            way = 0 if slant > 0.0 else 1
            sign = 1.0 if slant > 0.0 else -1.0
            x = (vertices[a, 0] + vertices[b, 0] + vertices[c, 0]) / 3.0 + sign * lift * normal[k, 0]
            y = (vertices[a, 1] + vertices[b, 1] + vertices[c, 1]) / 3.0 + sign * lift * normal[k, 1]
            z = (vertices[a, 2] + vertices[b, 2] + vertices[c, 2]) / 3.0 + sign * lift * normal[k, 2]
            column = min(max(int((x * ux + z * uz + radius) * scale), 0), size - 1)
            row = min(max(int((x * wx + y * wy + z * wz + radius) * scale), 0), size - 1)
            weight = abs(slant)
            most[k, way] += weight
            if x * dx + y * dy + z * dz + 0.5 * lift >= depth[row, column]:
                got[k, way] += weight * strength
    got /= most
    return got


@njit(cache=True, nogil=True)
def smoothed(values: Array, faces: Array, n_vertices: int) -> Array:
    """Values of facets (m, 2), averaged over each corner and back: neighbours come nearer to each other."""
    total, count = np.zeros((n_vertices, 2)), np.zeros(n_vertices)
    for k in range(len(faces)):
        for q in range(3):
            total[faces[k, q]] += values[k]
            count[faces[k, q]] += 1.0
    out = np.zeros((len(faces), 2))
    for k in range(len(faces)):
        for q in range(3):
            out[k] += total[faces[k, q]] / (3.0 * count[faces[k, q]])
    return out
