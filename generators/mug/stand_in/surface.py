"""The head of a drawn face: outline, relief and light.

f(x, y) = 1 - (x/w(y))² - q(y),    z = D √f + sum of bumps h (1 - r²)²,    n = (-z_x, -z_y, 1)/|...|
colour = albedo · (ambient + key · max(0, n·l) + fill · max(0, n·m)) + gloss · (n·h)^16
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from stbench.compiled import njit

from .optics import Array, Camera, noise, soft, window
from .traits import EYE_Y, Face, Shape

WIDEST = -0.15
"""Where a head is widest."""
RELIEF = 0.52


class Light(NamedTuple):
    """The key light's direction (unit vector; z to the camera, y downwards) and the strength of each light."""

    x: float
    y: float
    z: float
    key: float
    fill: float
    ambient: float


@njit(cache=True, nogil=True)
def head(u: Array, v: Array, face: Face, form: Shape, edge: float, cover: Array, slope: Array) -> None:
    """Coverage (n, n) and slope (n, n, 2) of the bare head."""
    length = form.chin - WIDEST
    for row in range(len(u)):
        for column in range(len(u)):
            x, y = u[row, column], v[row, column]
            if y > WIDEST:
                t = (y - WIDEST) / length
                wide = face.width * max(1.0 - face.taper * t * t, 0.1)
                q = (1.0 - face.jaw) * t * t + face.jaw * t * t * t * t
                bend = (2.0 * (1.0 - face.jaw) * t + 4.0 * face.jaw * t * t * t) / length
                fy = -4.0 * x * x / (wide * wide * wide) * face.width * face.taper * t / length - bend
            else:
                t = (WIDEST - y) / (face.top + WIDEST)
                wide, q = face.width, t * t
                fy = 2.0 * t / (face.top + WIDEST)
            fx = -2.0 * x / (wide * wide)
            f = 1.0 - x * x / (wide * wide) - q
            size = np.sqrt(fx * fx + fy * fy) + 1e-9
            cover[row, column] = soft(f / size, edge)
            root = np.sqrt(max(f, 0.06))
            slope[row, column, 0] = RELIEF * fx / (2.0 * root)
            slope[row, column, 1] = RELIEF * fy / (2.0 * root)


@njit(cache=True, nogil=True)
def _bump(
    camera: Camera, u: Array, v: Array, slope: Array, x: float, y: float, rx: float, ry: float, height: float
) -> None:
    top, bottom, left, right = window(camera, (x - rx, y - ry, x + rx, y + ry), len(u))
    for row in range(top, bottom):
        for column in range(left, right):
            dx, dy = (u[row, column] - x) / rx, (v[row, column] - y) / ry
            rest = 1.0 - dx * dx - dy * dy
            if rest > 0.0:
                slope[row, column, 0] -= 4.0 * height * rest * dx / rx
                slope[row, column, 1] -= 4.0 * height * rest * dy / ry


@njit(cache=True, nogil=True)
def relief(camera: Camera, u: Array, v: Array, face: Face, form: Shape, slope: Array) -> None:
    """Nose, sockets, cheeks, lips and chin."""
    tall, tip, wing = face.nose_height, form.nose_tip, form.nose_wing
    _bump(camera, u, v, slope, 0.0, 0.5 * (tip - 0.24), 0.17, 0.40, 0.085 * tall)
    _bump(camera, u, v, slope, 0.0, tip - 0.02, 0.17, 0.15, 0.080 * tall)
    mouth, corner = form.mouth_y, form.corner_x
    for side in (-1.0, 1.0):
        eye = side * face.eye_x
        _bump(camera, u, v, slope, side * wing, tip + 0.01, 0.075, 0.075, 0.035 * tall)
        brow = 0.5 * (form.brow_in_y + form.brow_out_y)
        _bump(camera, u, v, slope, side * 0.24, brow, 0.32, 0.13, 0.030 + 0.02 * form.frown)
        _bump(camera, u, v, slope, eye - side * 0.03, EYE_Y - 0.01, 0.25, 0.15, -0.050)
        _bump(camera, u, v, slope, eye, EYE_Y, 0.17, 0.13, 0.040)
        # Cheeks rise and swell when somebody smiles.
        cheek_y = 0.17 - 0.06 * form.cheek
        _bump(camera, u, v, slope, side * 0.37, cheek_y, 0.26, 0.22, 0.030 + 0.055 * form.cheek)
        _bump(camera, u, v, slope, side * 0.40, 0.48, 0.20, 0.24, -0.022)
        _bump(camera, u, v, slope, side * (corner + 0.03), mouth + form.corner_y, 0.09, 0.09, -0.02 - 0.02 * form.fold)
    upper, lower = mouth - form.open_up - 0.5 * form.lip_up, mouth + form.open_low + 0.5 * form.lip_low
    _bump(camera, u, v, slope, 0.0, upper, corner * 0.9, form.lip_up + 0.03, 0.020)
    _bump(camera, u, v, slope, 0.0, lower, corner * 0.75, form.lip_low + 0.02, 0.030)
    _bump(camera, u, v, slope, 0.0, lower + form.lip_low + 0.05, 0.20, 0.07, -0.028)
    _bump(camera, u, v, slope, 0.0, form.chin - 0.14, 0.24, 0.17, 0.045 + 0.02 * form.chin_raise)
    _bump(camera, u, v, slope, 0.0, 0.5 * (tip + upper) + 0.02, 0.05, 0.10, -0.010)


@njit(cache=True, nogil=True)
def skin(u: Array, v: Array, cover: Array, face: Face, form: Shape, albedo: Array) -> None:
    """Colour of bare skin, (n, n, 3): redder cheeks and nose, darker sockets, a little uneven."""
    for row in range(len(u)):
        for column in range(len(u)):
            if cover[row, column] <= 0.0:
                continue
            x, y = u[row, column], v[row, column]
            far = abs(x)
            dx, dy = (far - 0.36) / 0.27, (y - 0.20) / 0.24
            blush = max(1.0 - dx * dx - dy * dy, 0.0)
            dx, dy = x / 0.16, (y - form.nose_tip) / 0.16
            blush += 0.6 * max(1.0 - dx * dx - dy * dy, 0.0)
            dx, dy = (far - face.eye_x + 0.03) / 0.22, (y - EYE_Y - 0.01) / 0.14
            socket = max(1.0 - dx * dx - dy * dy, 0.0)
            uneven = 1.0 + 0.022 * noise(face.key, 9.0 * x, 9.0 * y) + 0.015 * noise(face.key + 7.0, 26.0 * x, 26.0 * y)
            shade = uneven * (1.0 - 0.16 * socket)
            albedo[row, column, 0] = face.skin_r * shade * (1.0 + 0.02 * face.blush * blush)
            albedo[row, column, 1] = face.skin_g * shade * (1.0 - 0.065 * face.blush * blush - 0.03 * socket)
            albedo[row, column, 2] = face.skin_b * shade * (1.0 - 0.06 * face.blush * blush)


@njit(cache=True, nogil=True)
def shine(cover: Array, slope: Array, albedo: Array, gloss: Array, light: Light, picture: Array) -> None:
    """Light the head and lay it over the picture (n, n, 3). Shadows of skin are a little redder than their skin."""
    half = np.sqrt(light.x * light.x + light.y * light.y + (light.z + 1.0) * (light.z + 1.0))
    for row in range(len(cover)):
        for column in range(len(cover)):
            inside = cover[row, column]
            if inside <= 0.0:
                continue
            zx, zy = slope[row, column, 0], slope[row, column, 1]
            size = np.sqrt(zx * zx + zy * zy + 1.0)
            key = max((light.z - zx * light.x - zy * light.y) / size, 0.0)
            fill = max((0.8 + 0.6 * zx * (1.0 if light.x > 0.0 else -1.0)) / size, 0.0)
            bright = light.ambient + light.key * key + light.fill * fill
            glint = max((light.z + 1.0 - zx * light.x - zy * light.y) / (size * half), 0.0)
            glint *= glint
            glint *= glint
            glint *= glint
            glint = gloss[row, column] * glint * glint
            warm = min(bright, 1.0)
            red = albedo[row, column, 0] * bright + glint
            green = albedo[row, column, 1] * bright * (0.90 + 0.10 * warm) + glint
            blue = albedo[row, column, 2] * bright * (0.84 + 0.16 * warm) + glint
            picture[row, column, 0] += inside * (red - picture[row, column, 0])
            picture[row, column, 1] += inside * (green - picture[row, column, 1])
            picture[row, column, 2] += inside * (blue - picture[row, column, 2])
