"""The mouth of a drawn face, and what grows around it.

inner lips:  y(s) = y_m + y_c s² ∓ open (1 - s²)^p,   outer lips: ± thickness,   s = x / x_c
"""

from __future__ import annotations

import numpy as np

from stbench.compiled import njit

from .optics import Array, Camera, noise, soft, window
from .paint import blend, darken
from .surface import WIDEST
from .traits import Face, Shape


@njit(cache=True, nogil=True)
def mouth(
    camera: Camera, u: Array, v: Array, face: Face, form: Shape, edge: float, albedo: Array, gloss: Array, slope: Array
) -> None:
    """Lips, the gap between them, teeth and tongue."""
    red = face.skin_r * (0.84 - 0.06 * face.lip_red)
    green, blue = face.skin_g * (0.66 - 0.18 * face.lip_red), face.skin_b * (0.70 - 0.16 * face.lip_red)
    wide = form.corner_x
    high = form.mouth_y - form.open_up - form.lip_up - abs(form.corner_y) - 0.06
    low = form.mouth_y + form.open_low + form.lip_low + abs(form.corner_y) + 0.08
    top, bottom, left, right = window(camera, (-wide - 0.08, high, wide + 0.08, low), len(u))
    for row in range(top, bottom):
        for column in range(left, right):
            x, y = u[row, column], v[row, column]
            s = x / wide
            if s * s > 1.35:
                continue
            arc = max(1.0 - s * s, 0.0)
            # A square mouth keeps its opening towards the corners.
            full = arc + form.square * (np.sqrt(arc) - arc)
            line = form.mouth_y + form.corner_y * s * s * (0.55 + 0.45 * s * s)
            upper, lower = line - form.open_up * full, line + form.open_low * full
            bow = 1.0 - 0.22 * max(1.0 - 22.0 * s * s, 0.0)
            over = upper - form.lip_up * bow * (0.35 * np.sqrt(arc) + 0.65 * arc)
            below = lower + form.lip_low * (0.30 * np.sqrt(arc) + 0.70 * arc)
            ends = soft(1.0 - abs(s), 0.05)
            lip = soft(min(y - over, below - y), 1.5 * edge) * ends
            if lip > 0.0:
                crease = 1.0 + 0.03 * noise(face.key + 9.0, 40.0 * x, 3.0 * y)
                tone = crease * (0.86 if y < upper else 1.0 + 0.05 * arc)
                blend(albedo, row, column, 0.90 * lip, red * tone, green * tone, blue * tone)
                gloss[row, column] *= 1.0 + 1.2 * lip
            gap = soft(min(y - upper, lower - y), edge) * ends
            if gap > 0.0:
                depth = lower - upper
                slope[row, column, 0] *= 1.0 - gap
                slope[row, column, 1] *= 1.0 - gap
                gloss[row, column] *= 1.0 - gap
                into = min(max((y - upper) / (depth + 1e-6), 0.0), 1.0)
                dark = 0.30 + 0.45 * into * into
                blend(albedo, row, column, gap, 118.0 * dark + 14.0, 52.0 * dark + 8.0, 50.0 * dark + 8.0)
                long = min(0.075, 0.020 + 0.62 * (form.open_up + form.open_low)) * arc
                bite = (
                    soft(min(upper + long - y, y - upper + 0.02), 1.1 * edge) * gap * form.teeth * (1.0 - 0.3 * s * s)
                )
                white = 0.97 - 0.18 * s * s
                blend(
                    albedo,
                    row,
                    column,
                    min(1.25 * bite, 1.0) * soft(depth - 0.02, 0.02),
                    236.0 * white,
                    228.0 * white,
                    214.0 * white,
                )
            # The seam of a closed mouth, and its corners.
            shut = soft(0.045 - form.open_up - form.open_low, 0.04)
            seam = soft(0.009 - abs(y - line), 1.2 * edge) * soft(1.04 - abs(s), 0.05)
            blend(albedo, row, column, 0.70 * shut * seam, 0.36 * red, 0.28 * green, 0.28 * blue)
            dx, dy = (abs(s) - 1.0) * wide, y - form.mouth_y - form.corner_y
            darken(albedo, row, column, 0.45 * soft(0.018 - np.sqrt(dx * dx + dy * dy), 0.024))
            under = below + 0.035
            darken(albedo, row, column, 0.14 * soft(0.016 - abs(y - under), 0.03) * arc)


@njit(cache=True, nogil=True)
def beard(
    camera: Camera, u: Array, v: Array, face: Face, form: Shape, edge: float, albedo: Array, gloss: Array
) -> None:
    """Stubble to full beard on jaw, chin and upper lip; not on the lips."""
    if face.beard <= 0.0 and face.moustache <= 0.0:
        return
    red, green, blue = 0.70 * face.hair_r + 8.0, 0.68 * face.hair_g + 8.0, 0.68 * face.hair_b + 9.0
    lip_top, lip_low = form.mouth_y - form.open_up - form.lip_up, form.mouth_y + form.open_low + form.lip_low
    length = form.chin - WIDEST
    top, bottom, left, right = window(camera, (-face.width, -0.1, face.width, form.chin + 0.05), len(u))
    for row in range(top, bottom):
        for column in range(left, right):
            x, y = u[row, column], v[row, column]
            far = abs(x)
            t = min(max((y - WIDEST) / length, 0.0), 1.0)
            wide = face.width * max(1.0 - face.taper * t * t, 0.1)
            # Line from the ear over the cheek to the corner of the mouth.
            cheek = 0.36 - 0.55 * (far / wide) * (far / wide) * (far / wide)
            jaw = soft(y - form.mouth_y + 0.47 - cheek, 0.09) * soft(
                far - 0.62 * face.mouth_width + 2.0 * (y - form.mouth_y - 0.09), 0.08
            )
            chin = soft(y - lip_low - 0.025, 0.04)
            hairs = 0.72 + 0.28 * noise(face.key + 11.0, 38.0 * x, 20.0 * y)
            cover = face.beard * max(jaw, chin)
            s = far / (1.05 * form.corner_x)
            high = form.nose_tip + 0.085 + 0.5 * (lip_top - form.nose_tip - 0.085) * s * s
            lip = soft(min(y - high, lip_top + 0.018 + 0.14 * s * s - y), 0.035) * soft(1.02 - s, 0.2)
            cover = max(cover, face.moustache * lip) * hairs
            if cover > 0.0:
                blend(albedo, row, column, min(cover, 1.0), red, green, blue)
                gloss[row, column] *= 1.0 - min(cover, 1.0)
