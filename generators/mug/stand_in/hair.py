"""Around a drawn face: backdrop, shoulders, neck, ears, hair and glasses."""

from __future__ import annotations

import numpy as np

from stbench.compiled import njit

from .optics import Array, Camera, noise, soft, window
from .surface import WIDEST, Light
from .traits import EYE_Y, Face, Shape


@njit(cache=True, nogil=True, inline="always")
def _over(picture: Array, row: int, column: int, cover: float, red: float, green: float, blue: float) -> None:
    picture[row, column, 0] += cover * (red - picture[row, column, 0])
    picture[row, column, 1] += cover * (green - picture[row, column, 1])
    picture[row, column, 2] += cover * (blue - picture[row, column, 2])


@njit(cache=True, nogil=True)
def backdrop(camera: Camera, light: Light, picture: Array) -> None:
    """Blue-grey cloth, brighter on the side of the key light and in the middle."""
    n = len(picture)
    for row in range(n):
        for column in range(n):
            x = (camera.left + (column + 0.5) * camera.step) / 448.0 - 1.0
            y = (camera.top + (row + 0.5) * camera.step) / 448.0 - 1.0
            bright = 0.86 + 0.26 * light.key + 0.07 * light.x * x - 0.05 * y - 0.10 * (x * x + 0.6 * y * y)
            bright += 0.012 * noise(5.0, 3.0 * x, 3.0 * y)
            picture[row, column, 0] = 112.0 * bright
            picture[row, column, 1] = 128.0 * bright
            picture[row, column, 2] = 148.0 * bright


@njit(cache=True, nogil=True)
def behind(
    camera: Camera, u: Array, v: Array, face: Face, form: Shape, light: Light, edge: float, picture: Array
) -> None:
    """What the head covers: hair that falls behind, shoulders, neck and ears."""
    bright = light.ambient + 0.62 * light.key + 0.6 * light.fill
    for row in range(len(u)):
        for column in range(len(u)):
            x, y = u[row, column], v[row, column]
            far = abs(x)
            lit = bright * (1.0 + 0.22 * light.x * x)
            if face.hair_back > 0.0 and y > -1.0:
                # Round above, where the head is widest it begins to fall.
                up = max(WIDEST - y, 0.0) / 0.9
                wide = (face.width + face.hair_volume) * np.sqrt(max(1.0 - up * up, 0.0)) + 0.12 * max(y, 0.0)
                strand = 0.62 + 0.20 * noise(face.key + 13.0, 26.0 * x, 2.0 * y)
                cover = soft(min(wide - far, face.hair_back - y + 0.05 * noise(face.key + 14.0, 9.0 * x, 0.0)), 0.03)
                _over(
                    picture,
                    row,
                    column,
                    cover,
                    strand * face.hair_r * lit,
                    strand * face.hair_g * lit,
                    strand * face.hair_b * lit,
                )
            neck = soft(0.62 * face.width + 0.10 * max(y - 0.8, 0.0) - far, edge) * soft(y - 0.3, 0.1)
            shade = (
                lit * (0.86 - 0.40 * soft(form.chin + 0.16 - y, 0.16)) * (1.0 - 0.35 * far * far / (0.4 * face.width))
            )
            _over(
                picture, row, column, neck, face.skin_r * shade, face.skin_g * 0.95 * shade, face.skin_b * 0.92 * shade
            )
            round_ = np.sqrt(max(1.0 - far * far / 0.1444, 0.0))
            cloth = soft(y - 1.09 - 0.30 * far * far - 0.13 * round_, edge)
            fall = lit * (0.98 - 0.16 * far) * (1.0 + 0.05 * noise(face.key + 15.0, 5.0 * x, 4.0 * y))
            _over(picture, row, column, cloth, face.clothes_r * fall, face.clothes_g * fall, face.clothes_b * fall)
            dx, dy = (far - face.width - 0.015) / (0.085 * face.ear), (y - 0.0) / (0.19 * face.ear)
            round_ = np.sqrt(dx * dx + dy * dy)
            ear = soft((1.0 - round_) * 0.085, edge) if face.hair_side < 0.3 else 0.0
            inner = lit * (0.92 - 0.30 * soft(0.62 - round_, 0.25))
            _over(
                picture, row, column, ear, face.skin_r * inner, face.skin_g * 0.88 * inner, face.skin_b * 0.86 * inner
            )


@njit(cache=True, nogil=True)
def hair(camera: Camera, u: Array, v: Array, face: Face, light: Light, edge: float, picture: Array) -> None:
    """From the hairline up and outwards, and down the sides; strands and a sheen."""
    wide, tall = face.width + face.hair_volume, face.top + 1.15 * face.hair_volume + WIDEST
    for row in range(len(u)):
        for column in range(len(u)):
            x, y = u[row, column], v[row, column]
            far = abs(x)
            if far > wide + 0.2 or y > face.hair_side + 0.2:
                continue
            if y < WIDEST:
                dy = (WIDEST - y) / tall
                rest = 1.0 - (x / wide) * (x / wide) - dy * dy
                gradient = 2.0 * np.sqrt(x * x / (wide * wide * wide * wide) + dy * dy / (tall * tall)) + 1e-9
                outside = rest / gradient
            else:
                outside = wide + 0.06 * max(y, 0.0) - far
            ragged = noise(face.key + 17.0, 13.0 * x, 0.0)
            line = face.hairline + face.hair_part * x + face.hair_fringe * ragged * 0.10
            bend = (far / (0.95 * face.width)) * (far / (0.95 * face.width))
            line += (face.hair_side - face.hairline) * bend * bend * bend
            inner = soft(min(line, face.hair_side) - y, 0.022 + 0.5 * edge)
            cover = soft(outside + 0.012 * ragged, 0.016 + 0.5 * edge) * inner
            if cover <= 0.0:
                continue
            strand = noise(face.key + 19.0, 24.0 * (x + 0.45 * face.hair_part * y), 3.5 * y)
            fine = noise(face.key + 21.0, 60.0 * x, 9.0 * y)
            dx, dy = (x - 0.35 * light.x) / 0.55, (y + 0.72 * face.top) / 0.20
            sheen = max(1.0 - dx * dx - dy * dy, 0.0)
            rim = 0.72 + 0.28 * soft(outside - 0.08, 0.10)
            lit = light.ambient + 0.62 * light.key * (1.0 + 0.35 * light.x * x - 0.25 * y) + 0.5 * light.fill
            tone = lit * rim * (0.94 + 0.16 * strand + 0.08 * fine)
            shine = sheen * (0.7 + 0.3 * strand) * 26.0
            # The hair throws a little shadow on the forehead.
            _over(
                picture,
                row,
                column,
                cover,
                face.hair_r * tone + shine,
                face.hair_g * tone + shine,
                face.hair_b * tone + shine,
            )


@njit(cache=True, nogil=True)
def glasses(camera: Camera, u: Array, v: Array, face: Face, edge: float, picture: Array) -> None:
    """Two rounded rims, bridge and temples."""
    if face.glasses <= 0.0:
        return
    x0, y0, rx, ry = face.eye_x + 0.01, EYE_Y + 0.025, 0.205, 0.145
    top, bottom, left, right = window(camera, (-0.9, y0 - ry - 0.05, 0.9, y0 + ry + 0.05), len(u))
    for row in range(top, bottom):
        for column in range(left, right):
            x, y = abs(u[row, column]), v[row, column]
            dx, dy = (x - x0) / rx, (y - y0) / ry
            dx, dy = dx * dx, dy * dy
            size = np.sqrt(np.sqrt(dx * dx + dy * dy)) + 1e-9
            away = (size - 1.0) * ry
            rim = soft(0.013 - abs(away), edge)
            bridge = soft(0.011 - abs(y - y0 + 0.06 - 0.9 * x * x), edge) * soft(x0 - rx - x, 0.02)
            temple = (
                soft(0.014 - abs(y - y0 + 0.05), edge) * soft(x - x0 - rx, 0.02) * soft(face.width + 0.02 - x, 0.02)
            )
            lens = soft(-away, edge)
            _over(picture, row, column, 0.07 * lens, 235.0, 240.0, 245.0)
            _over(picture, row, column, 0.9 * max(rim, max(bridge, temple)), 34.0, 30.0, 32.0)
