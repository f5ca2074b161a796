"""The compiled camera of the chairs stand-in: a z-buffer rasteriser with shading by facet.

    sample (i, j):   the facet with the largest 1/depth among those whose three edge functions are positive there
    colour:          albedo · (a (0.36 + 0.24 (1 + n_y)) + (0.4 + 0.6 a) (0.46 n·l + 0.10 n·v)) + gloss (n·h)^24

n: normal, l: to the light, which goes with the camera, v: to the camera, h: half way between; a: share of the sky that
a facet sees. A pixel is the mean of 2 x 2 samples. Edge functions are integers, in 1/256 of a sample, so no facet
overlaps its neighbour and no gap opens; the rest is + - · / and the square root, which are the same on every machine.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from stbench.compiled import njit

Array = np.ndarray[Any, Any]

SAMPLES = 2
"""Samples of a pixel on a side."""
SUB = 256
"""Places between two samples that a corner may take."""


@njit(cache=True, nogil=True)
def project(vertices: Array, camera: Array, zoom: float, centre: float, out: Array) -> None:
    """`out` (n, 3): x, y in pixels and 1/depth. `camera` (10,): right, up, towards the camera, its distance."""
    for i in range(len(vertices)):
        x, y, z = vertices[i]
        across = x * camera[0] + y * camera[1] + z * camera[2]
        above = x * camera[3] + y * camera[4] + z * camera[5]
        near = 1.0 / (camera[9] - (x * camera[6] + y * camera[7] + z * camera[8]))
        out[i, 0], out[i, 1], out[i, 2] = centre + zoom * across * near, centre - zoom * above * near, near


@njit(cache=True, nogil=True)
def widest(vertices: Array, cameras: Array) -> float:
    """Largest distance from the middle of the picture, in x or y, of any vertex before any camera, at zoom 1."""
    most, seen = 0.0, np.empty((len(vertices), 3))
    for k in range(len(cameras)):
        project(vertices, cameras[k], 1.0, 0.0, seen)
        for i in range(len(vertices)):
            most = max(most, abs(seen[i, 0]), abs(seen[i, 1]))
    return most


@njit(cache=True, nogil=True)
def normals(vertices: Array, faces: Array) -> Array:
    """Unit normals (m, 3) of facets, right-handed; 0 for a facet without area."""
    out = np.zeros((len(faces), 3))
    for k in range(len(faces)):
        a, b, c = vertices[faces[k, 0]], vertices[faces[k, 1]], vertices[faces[k, 2]]
        ux, uy, uz = b[0] - a[0], b[1] - a[1], b[2] - a[2]
        wx, wy, wz = c[0] - a[0], c[1] - a[1], c[2] - a[2]
        nx, ny, nz = uy * wz - uz * wy, uz * wx - ux * wz, ux * wy - uy * wx
        length = np.sqrt(nx * nx + ny * ny + nz * nz)
        if length > 1e-14:
            out[k, 0], out[k, 1], out[k, 2] = nx / length, ny / length, nz / length
    return out


@njit(cache=True, nogil=True)
def _fill(screen: Array, faces: Array, hidden: Array, origin: Array, depth: Array, owner: Array) -> None:
    """Rasterise facets that are not `hidden` into `depth`, the largest 1/depth, and `owner`, the facet it is of.

    `origin`: column and row of the picture at which these arrays begin, in samples. What a sample gets does not depend
    on it.
    """
    high, wide = depth.shape
    half = SUB // 2
    xs = np.empty(len(screen), np.int64)
    ys = np.empty(len(screen), np.int64)
    for i in range(len(screen)):
        xs[i] = np.int64(np.floor(screen[i, 0] * (SAMPLES * SUB) + 0.5)) - origin[0] * SUB
        ys[i] = np.int64(np.floor(screen[i, 1] * (SAMPLES * SUB) + 0.5)) - origin[1] * SUB
    for k in range(len(faces)):
        if hidden[k]:
            continue
        a, b, c = faces[k, 0], faces[k, 1], faces[k, 2]
        area = (xs[b] - xs[a]) * (ys[c] - ys[a]) - (xs[c] - xs[a]) * (ys[b] - ys[a])
        if area == 0:
            continue
        if area < 0:
            b, c, area = c, b, -area
        x0, y0, x1, y1, x2, y2 = xs[a], ys[a], xs[b], ys[b], xs[c], ys[c]
        left = max((min(x0, x1, x2) - half + SUB - 1) // SUB, 0)
        right = min((max(x0, x1, x2) - half) // SUB, wide - 1)
        top = max((min(y0, y1, y2) - half + SUB - 1) // SUB, 0)
        bottom = min((max(y0, y1, y2) - half) // SUB, high - 1)
        if left > right or top > bottom:
            continue
        # Of two facets that share an edge, one owns the samples on it: the top-left rule.
        own0 = 0 if (y2 - y1 < 0 or (y2 == y1 and x2 > x1)) else -1
        own1 = 0 if (y0 - y2 < 0 or (y0 == y2 and x0 > x2)) else -1
        own2 = 0 if (y1 - y0 < 0 or (y1 == y0 and x1 > x0)) else -1
        px, py = left * SUB + half, top * SUB + half
        row0 = (x2 - x1) * (py - y1) - (y2 - y1) * (px - x1)
        row1 = (x0 - x2) * (py - y2) - (y0 - y2) * (px - x2)
        row2 = (x1 - x0) * (py - y0) - (y1 - y0) * (px - x0)
        across0, across1, across2 = -(y2 - y1) * SUB, -(y0 - y2) * SUB, -(y1 - y0) * SUB
        down0, down1, down2 = (x2 - x1) * SUB, (x0 - x2) * SUB, (x1 - x0) * SUB
        wa, wb, wc = screen[a, 2] / area, screen[b, 2] / area, screen[c, 2] / area
        for y in range(top, bottom + 1):
            e0, e1, e2 = row0, row1, row2
            inside = False
            for x in range(left, right + 1):
                if (e0 + own0) >= 0 and (e1 + own1) >= 0 and (e2 + own2) >= 0:
                    inside = True
                    near = wa * e0 + wb * e1 + wc * e2
                    if near > depth[y, x]:
                        depth[y, x], owner[y, x] = near, k
                elif inside:
                    break
                e0, e1, e2 = e0 + across0, e1 + across1, e2 + across2
            row0, row1, row2 = row0 + down0, row1 + down1, row2 + down2


@njit(cache=True, nogil=True)
def _shade(
    vertices: Array,
    faces: Array,
    closed: Array,
    normal: Array,
    albedo: Array,
    gloss: Array,
    sky: Array,
    camera: Array,
    hidden: Array,
    colour: Array,
) -> None:
    """Colour of every facet before a camera, (m, 3) in 0..255; `hidden` where a closed surface shows its back."""
    light = np.empty(3)
    for c in range(3):
        light[c] = -0.42 * camera[c] + 0.62 * camera[3 + c] + 0.66 * camera[6 + c]
    light /= np.sqrt(light[0] * light[0] + light[1] * light[1] + light[2] * light[2])
    for k in range(len(faces)):
        a, b, c = faces[k, 0], faces[k, 1], faces[k, 2]
        vx = camera[9] * camera[6] - (vertices[a, 0] + vertices[b, 0] + vertices[c, 0]) / 3.0
        vy = camera[9] * camera[7] - (vertices[a, 1] + vertices[b, 1] + vertices[c, 1]) / 3.0
        vz = camera[9] * camera[8] - (vertices[a, 2] + vertices[b, 2] + vertices[c, 2]) / 3.0
        length = np.sqrt(vx * vx + vy * vy + vz * vz)
        vx, vy, vz = vx / length, vy / length, vz / length
        nx, ny, nz = normal[k, 0], normal[k, 1], normal[k, 2]
        facing = nx * vx + ny * vy + nz * vz
        front = facing > 0.0
        hidden[k] = closed[k] and not front
        if hidden[k]:
            continue
        seen = sky[k, 0] if front else sky[k, 1]
        if not front:
            nx, ny, nz, facing = -nx, -ny, -nz, -facing
        lambert = max(0.0, nx * light[0] + ny * light[1] + nz * light[2])
        hx, hy, hz = vx + light[0], vy + light[1], vz + light[2]
        half = (nx * hx + ny * hy + nz * hz) / np.sqrt(hx * hx + hy * hy + hz * hz)
        eighth = half * half * half * half * half * half * half * half if half > 0.0 else 0.0
        shine = gloss[k] * eighth * eighth * eighth * 255.0 * (0.3 + 0.7 * seen)
        amount = seen * (0.36 + 0.24 * (1.0 + ny)) + (0.4 + 0.6 * seen) * (0.46 * lambert + 0.10 * facing)
        for q in range(3):
            colour[k, q] = min(255.0, albedo[k, q] * amount + shine)


@njit(cache=True, nogil=True)
def _box(screen: Array, corner: Array, shape: tuple[int, int]) -> tuple[int, int, int, int]:
    """First and last + 1 row, first and last + 1 column that a chair may touch of the part of a picture drawn."""
    left = right = screen[0, 0]
    top = bottom = screen[0, 1]
    for i in range(len(screen)):
        left, right = min(left, screen[i, 0]), max(right, screen[i, 0])
        top, bottom = min(top, screen[i, 1]), max(bottom, screen[i, 1])
    return (
        min(max(int(top) - 1 - corner[1], 0), shape[0]),
        min(max(int(bottom) + 2 - corner[1], 0), shape[0]),
        min(max(int(left) - 1 - corner[0], 0), shape[1]),
        min(max(int(right) + 2 - corner[0], 0), shape[1]),
    )


@njit(cache=True, nogil=True)
def _resolve(owner: Array, colour: Array, out: Array) -> None:
    """The mean colour of the samples of each pixel, white where there is no facet."""
    weight = 1.0 / (SAMPLES * SAMPLES)
    high, wide = out.shape[:2]
    for y in range(high):
        for x in range(wide):
            red = green = blue = 0.0
            empty = 0
            for j in range(SAMPLES):
                for i in range(SAMPLES):
                    k = owner[y * SAMPLES + j, x * SAMPLES + i]
                    if k < 0:
                        empty += 1
                    else:
                        red, green, blue = red + colour[k, 0], green + colour[k, 1], blue + colour[k, 2]
            white = 255.0 * empty
            out[y, x, 0] = int((red + white) * weight + 0.5)
            out[y, x, 1] = int((green + white) * weight + 0.5)
            out[y, x, 2] = int((blue + white) * weight + 0.5)


@njit(cache=True, nogil=True)
def render(
    vertices: Array,
    faces: Array,
    closed: Array,
    normal: Array,
    albedo: Array,
    gloss: Array,
    sky: Array,
    cameras: Array,
    zoom: float,
    side: int,
    corner: Array,
    out: Array,
) -> None:
    """Parts of pictures, (view, height, width, 3) uint8 on white, into `out`.

    The optical axis goes through the middle of the whole picture of `side` x `side` pixels, of which `out` begins at
    column and row `corner`.
    """
    depth = np.empty((out.shape[1] * SAMPLES, out.shape[2] * SAMPLES), np.float32)
    owner = np.empty(depth.shape, np.int32)
    screen = np.empty((len(vertices), 3))
    hidden = np.empty(len(faces), np.bool_)
    colour = np.empty((len(faces), 3))
    out[:] = 255
    for view in range(len(cameras)):
        project(vertices, cameras[view], zoom, side / 2.0, screen)
        top, bottom, left, right = _box(screen, corner, (out.shape[1], out.shape[2]))
        rows, columns = slice(top * SAMPLES, bottom * SAMPLES), slice(left * SAMPLES, right * SAMPLES)
        depth[rows, columns] = 0.0
        owner[rows, columns] = -1
        _shade(vertices, faces, closed, normal, albedo, gloss, sky, cameras[view], hidden, colour)
        _fill(screen, faces, hidden, corner * SAMPLES, depth, owner)
        _resolve(owner[rows, columns], colour, out[view, top:bottom, left:right])
