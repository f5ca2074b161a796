"""What is painted on the skin of a drawn face: brows, eyes, nostrils, folds and wrinkles.

albedo += coverage · (colour - albedo),    coverage = smooth step of the distance to a curve
"""

from __future__ import annotations

import numpy as np

from stbench.compiled import njit

from .optics import Array, Camera, noise, soft, window
from .traits import EYE_Y, Face, Shape


@njit(cache=True, nogil=True, inline="always")
def blend(albedo: Array, row: int, column: int, cover: float, red: float, green: float, blue: float) -> None:
    """Lay a colour over a pixel."""
    albedo[row, column, 0] += cover * (red - albedo[row, column, 0])
    albedo[row, column, 1] += cover * (green - albedo[row, column, 1])
    albedo[row, column, 2] += cover * (blue - albedo[row, column, 2])


@njit(cache=True, nogil=True, inline="always")
def darken(albedo: Array, row: int, column: int, amount: float) -> None:
    """A shadow on skin, which keeps more of its red."""
    albedo[row, column, 0] *= 1.0 - 0.80 * amount
    albedo[row, column, 1] *= 1.0 - 0.95 * amount
    albedo[row, column, 2] *= 1.0 - amount


@njit(cache=True, nogil=True)
def brows(camera: Camera, u: Array, v: Array, face: Face, form: Shape, edge: float, albedo: Array) -> None:
    """Two tapering arcs of hair, from the inner end to the outer one."""
    red, green, blue = 0.62 * face.hair_r + 6.0, 0.60 * face.hair_g + 4.0, 0.58 * face.hair_b + 4.0
    inner, outer = form.brow_in_x, form.brow_in_x + face.brow_length
    high = min(form.brow_in_y, form.brow_out_y) - form.brow_arch - 0.1
    low = max(form.brow_in_y, form.brow_out_y) + 0.1
    for side in (-1.0, 1.0):
        box = (min(side * inner, side * outer), high, max(side * inner, side * outer), low)
        top, bottom, left, right = window(camera, box, len(u))
        for row in range(top, bottom):
            for column in range(left, right):
                x, y = side * u[row, column], v[row, column]
                s = (x - inner) / (outer - inner)
                if s < -0.15 or s > 1.15:
                    continue
                at = min(max(s, 0.0), 1.0)
                middle = (
                    form.brow_in_y
                    + at * (form.brow_out_y - form.brow_in_y)
                    - 4.0 * form.brow_arch * at * (1.0 - at) * (0.65 + 0.7 * at)
                )
                thick = face.brow_thick * (1.0 - 0.60 * at * at)
                hairs = 0.82 + 0.18 * noise(face.key + 3.0, 30.0 * x + 22.0 * y, 12.0 * y)
                cover = soft(thick - abs(y - middle), 1.3 * edge)
                cover *= soft(min(x - inner, outer - x) + 0.01, 2.0 * edge) * hairs
                if cover > 0.0:
                    blend(albedo, row, column, 0.92 * cover, red, green, blue)


@njit(cache=True, nogil=True)
def eyes(camera: Camera, u: Array, v: Array, face: Face, form: Shape, edge: float, albedo: Array, gloss: Array) -> None:
    """Ball, iris and pupil between two lids; lashes, the crease of the upper lid and the shadow it casts."""
    wide, iris = face.eye_width, 0.072
    reach = 0.16
    for side in (-1.0, 1.0):
        box = (side * face.eye_x - wide - 0.05, EYE_Y - reach, side * face.eye_x + wide + 0.05, EYE_Y + reach)
        top, bottom, left, right = window(camera, box, len(u))
        for row in range(top, bottom):
            for column in range(left, right):
                x, y = side * u[row, column] - face.eye_x, v[row, column] - EYE_Y
                s = x / wide
                if s * s > 1.6:
                    continue
                arc = max(1.0 - s * s, 0.0)
                line = -face.eye_tilt * s
                upper = line - form.lid_up * np.sqrt(arc) * (0.55 + 0.45 * arc)
                lower = line + form.lid_low * arc
                inside = soft(min(y - upper, lower - y), edge)
                fade = soft(1.02 - abs(s), 0.12)
                # Lid crease and the lower rim first: they belong to the skin.
                crease = upper - 0.040 - 0.008 * arc
                darken(albedo, row, column, 0.26 * soft(0.008 - abs(y - crease), 1.2 * edge) * soft(1.1 - abs(s), 0.2))
                darken(albedo, row, column, 0.16 * soft(0.006 - abs(y - lower - 0.012), edge) * fade)
                if inside > 0.0:
                    dx, dy = x - side * form.gaze_x, y - form.gaze_y
                    radius = np.sqrt(dx * dx + dy * dy)
                    under = 1.0 - 0.42 * soft(0.030 - (y - upper), 0.03)
                    white = under * (0.94 - 0.16 * s * s)
                    red, green, blue = 233.0 * white, 226.0 * white, 222.0 * white
                    ring = soft(iris - radius, 1.1 * edge)
                    rim = (0.55 + 0.45 * soft(iris - 0.016 - radius, 0.018)) * under
                    red += ring * (face.iris_r * rim - red)
                    green += ring * (face.iris_g * rim - green)
                    blue += ring * (face.iris_b * rim - blue)
                    pupil = soft(0.030 - radius, edge)
                    red, green, blue = red * (1.0 - pupil), green * (1.0 - pupil), blue * (1.0 - pupil)
                    dx, dy = x - side * form.gaze_x - side * 0.022, y - form.gaze_y + 0.024
                    spark = 0.85 * soft(0.014 - np.sqrt(dx * dx + dy * dy), edge)
                    red, green, blue = (
                        red + spark * (255 - red),
                        green + spark * (255 - green),
                        blue + spark * (255 - blue),
                    )
                    blend(albedo, row, column, inside, red, green, blue)
                    gloss[row, column] *= 1.0 - inside
                lash = soft(0.013 - abs(y - upper + 0.004), edge) * fade
                blend(albedo, row, column, 0.86 * lash, 38.0, 28.0, 26.0)


@njit(cache=True, nogil=True)
def nose(camera: Camera, u: Array, v: Array, face: Face, form: Shape, edge: float, albedo: Array) -> None:
    """Nostrils, the wings' outline and the shadow below."""
    tip, wing = form.nose_tip, form.nose_wing
    top, bottom, left, right = window(camera, (-wing - 0.1, tip - 0.1, wing + 0.1, tip + 0.16), len(u))
    for row in range(top, bottom):
        for column in range(left, right):
            x, y = abs(u[row, column]), v[row, column]
            dx, dy = (x - 0.52 * wing) / (0.34 * wing), (y - tip - 0.062 + 0.10 * x) / 0.024
            hole = soft((1.0 - np.sqrt(dx * dx + dy * dy)) * 0.024, edge)
            darken(albedo, row, column, 0.72 * hole)
            dx, dy = x / (1.25 * wing), (y - tip - 0.085) / 0.05
            darken(albedo, row, column, 0.20 * max(1.0 - dx * dx - dy * dy, 0.0))
            # The wing: an arc around the nostril.
            dx, dy = (x - 0.55 * wing) / (0.62 * wing), (y - tip + 0.002) / 0.078
            ring = (1.0 - np.sqrt(dx * dx + dy * dy)) * 0.07
            if x > 0.62 * wing:
                darken(albedo, row, column, 0.34 * soft(0.010 - abs(ring), 1.6 * edge) * soft(y - tip + 0.06, 0.06))


@njit(cache=True, nogil=True)
def folds(camera: Camera, u: Array, v: Array, face: Face, form: Shape, edge: float, albedo: Array) -> None:
    """From the nose to beyond the corners of the mouth; the bags below the eyes; the dent of a raised chin."""
    y0, y1 = form.nose_tip - 0.02, form.mouth_y + min(form.corner_y, 0.0) + 0.06 + 0.03 * form.fold
    x0, x1 = form.nose_wing + 0.035, form.corner_x + 0.055 + 0.02 * form.fold
    top, bottom, left, right = window(camera, (-x1 - 0.1, -0.1, x1 + 0.1, form.chin), len(u))
    for row in range(top, bottom):
        for column in range(left, right):
            x, y = abs(u[row, column]), v[row, column]
            s = (y - y0) / (y1 - y0)
            if -0.1 < s < 1.15:
                at = min(max(s, 0.0), 1.0)
                curve = x0 + (x1 - x0) * at * (1.55 - 0.55 * at)
                # Sharp towards the mouth, soft towards the cheek.
                d = x - curve
                depth = soft(0.020 - abs(d), 0.03) if d > 0.0 else soft(0.030 - abs(d), 0.045)
                ends = soft(s + 0.05, 0.1) * soft(1.08 - s, 0.12)
                darken(albedo, row, column, 0.30 * form.fold * depth * ends)
            bag = EYE_Y + form.lid_low + 0.045 - 0.02 * form.cheek
            dx = (x - face.eye_x + 0.02) / (1.05 * face.eye_width)
            if dx * dx < 1.0:
                line = bag + 0.05 * (1.0 - dx * dx) - 0.03
                strength = (0.07 + 0.25 * face.age + 0.16 * form.cheek) * (1.0 - dx * dx)
                darken(albedo, row, column, strength * soft(0.012 - abs(y - line), 0.02))
            if form.chin_raise > 0.05 and x < 0.25:
                low = form.mouth_y + form.open_low + form.lip_low + 0.055
                line = low + 0.9 * x * x
                darken(albedo, row, column, 0.30 * form.chin_raise * soft(0.016 - abs(y - line), 0.03) * (1 - 4 * x))
                rough = noise(face.key + 5.0, 34.0 * u[row, column], 34.0 * y)
                dx, dy = x / 0.2, (y - form.chin + 0.14) / 0.12
                patch = max(1.0 - dx * dx - dy * dy, 0.0)
                darken(albedo, row, column, 0.10 * form.chin_raise * patch * max(rough + 0.3, 0.0))


@njit(cache=True, nogil=True)
def wrinkles(camera: Camera, u: Array, v: Array, face: Face, form: Shape, edge: float, albedo: Array) -> None:
    """Of the forehead, between the brows, on the bridge of the nose and beside the eyes."""
    brow = 0.5 * (form.brow_in_y + form.brow_out_y)
    top, bottom, left, right = window(camera, (-0.6, brow - 0.4, 0.6, 0.15), len(u))
    for row in range(top, bottom):
        for column in range(left, right):
            x, y = abs(u[row, column]), v[row, column]
            if x < 0.46 and form.forehead > 0.05:
                for k in range(3):
                    line = brow - 0.13 - 0.075 * k + 0.10 * x * x - 0.02 * x
                    fade = 1.0 - (x / 0.46) * (x / 0.46)
                    darken(albedo, row, column, 0.24 * form.forehead * fade * soft(0.009 - abs(y - line), 1.4 * edge))
            if x < 0.14 and form.frown > 0.05:
                at = (y - form.brow_in_y + 0.03) / 0.11
                fade = max(1.0 - at * at, 0.0)
                line = soft(0.010 - abs(x - 0.048 - 0.012 * at), 1.4 * edge)
                darken(albedo, row, column, 0.42 * form.frown * fade * line)
                darken(albedo, row, column, 0.12 * form.frown * fade * soft(0.09 - x, 0.05))
            if x < 0.2 and form.nose_wrinkle > 0.05:
                at = (y + 0.06) / 0.13
                fade = max(1.0 - at * at, 0.0) * max(1.0 - (x / 0.2) * (x / 0.2), 0.0)
                phase = (y + 0.8 * x + 4.0) / 0.058
                phase -= int(phase)
                darken(albedo, row, column, 0.26 * form.nose_wrinkle * fade * soft(0.2 - abs(phase - 0.5), 0.3))
            far = x - face.eye_x - face.eye_width
            if 0.0 < far < 0.13 and form.cheek > 0.05:
                for k in range(3):
                    line = EYE_Y + 0.01 + (k - 1) * (0.02 + 0.30 * far)
                    fade = soft(far - 0.02, 0.02) * (1.0 - far / 0.13)
                    darken(albedo, row, column, 0.26 * form.cheek * fade * soft(0.006 - abs(y - line), edge))
