"""Who the 52 drawn subjects are: every trait is drawn from the subject's own stream."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache

import numpy as np

from .traits import Face

SKINS = ((243, 206, 184), (232, 188, 160), (221, 172, 142), (205, 152, 118), (176, 124, 92), (132, 88, 64))
HAIRS = (
    (34, 28, 27),
    (52, 38, 32),
    (78, 54, 40),
    (112, 78, 52),
    (150, 108, 68),
    (196, 160, 104),
    (136, 66, 38),
    (132, 128, 126),
)
IRISES = ((72, 44, 28), (96, 62, 36), (104, 96, 56), (82, 112, 92), (84, 118, 148), (110, 132, 150))
CLOTHES = ((44, 48, 58), (120, 40, 44), (208, 208, 204), (52, 84, 60), (60, 76, 128), (150, 122, 84), (96, 60, 100))
# hairline, side, volume, part, fringe, back
STYLES = (
    ("cropped", -0.64, -0.10, 0.035, 0.00, 0.3, 0.0),
    ("short", -0.60, -0.04, 0.085, 0.06, 0.5, 0.0),
    ("parted", -0.60, 0.02, 0.115, 0.30, 0.4, 0.0),
    ("receding", -0.76, -0.06, 0.030, 0.00, 0.4, 0.0),
    ("fringe", -0.40, 0.06, 0.120, -0.05, 1.1, 0.0),
    ("bob", -0.60, 0.62, 0.140, 0.22, 0.4, 0.72),
    ("long", -0.62, 1.20, 0.110, -0.16, 0.4, 1.55),
    ("long fringe", -0.42, 1.15, 0.120, 0.04, 0.8, 1.45),
    ("tied back", -0.66, 0.00, 0.045, 0.10, 0.2, 0.0),
)


def _pick(palette: Sequence[tuple[int, int, int]], u: float) -> tuple[float, float, float]:
    """A colour between two neighbours of a palette."""
    place = u * (len(palette) - 1)
    first = min(int(place), len(palette) - 2)
    rest = place - first
    a, b = palette[first], palette[first + 1]
    return tuple(p + rest * (q - p) for p, q in zip(a, b, strict=True))  # type: ignore[return-value]


@lru_cache(maxsize=128)
def face_of(seed: int, subject: int) -> Face:
    """The face of a subject, by its number."""
    u = np.random.default_rng(np.random.SeedSequence(seed, spawn_key=(subject,))).random(48).tolist()
    male = u[0] < 0.52
    styles = (0, 1, 2, 3, 1, 2, 4) if male else (5, 6, 7, 8, 6, 5, 4)
    _, hairline, side, volume, part, fringe, back = STYLES[styles[int(u[1] * len(styles))]]
    skin = _pick(SKINS, u[2] ** 1.0 * u[3] if u[4] < 0.7 else u[2])
    hair = HAIRS[int(u[5] * u[5] * 5.99)] if u[6] < 0.72 else HAIRS[int(u[5] * len(HAIRS))]
    iris, clothes = IRISES[int(u[7] * len(IRISES))], CLOTHES[int(u[8] * len(CLOTHES))]
    growth = (0.0, 0.0, 0.22, 0.42, 0.86)[int(u[9] * 5)] if male else 0.0
    lip = growth if growth > 0 else (0.8 if male and u[10] > 0.86 else 0.0)
    return Face(
        width=0.60 + 0.09 * u[11] + 0.02 * male,
        top=0.98 + 0.06 * u[12],
        chin=0.80 + 0.10 * u[13] + 0.04 * male,
        jaw=0.15 + 0.45 * u[14] + 0.25 * male,
        taper=0.40 - 0.18 * u[15] - 0.10 * male,
        skin_r=skin[0],
        skin_g=skin[1],
        skin_b=skin[2],
        blush=0.4 + 1.0 * u[16],
        hair_r=float(hair[0]),
        hair_g=float(hair[1]),
        hair_b=float(hair[2]),
        hairline=hairline + 0.07 * (u[17] - 0.5),
        hair_side=side,
        hair_volume=volume * (0.75 + 0.5 * u[18]),
        hair_part=part if u[19] < 0.5 else -part,
        hair_fringe=fringe,
        hair_back=back,
        brow_y=-0.335 + 0.045 * (u[20] - 0.5),
        brow_thick=0.020 + 0.012 * u[21] + 0.012 * male,
        brow_arch=0.012 + 0.040 * u[22] * (0.6 if male else 1.0),
        brow_length=0.32 + 0.07 * u[23],
        eye_x=0.275 + 0.04 * u[24],
        eye_width=0.125 + 0.030 * u[25],
        eye_height=0.058 + 0.024 * u[26] + 0.006 * (not male),
        eye_tilt=0.012 * (2.0 * u[27] - 0.8),
        iris_r=float(iris[0]),
        iris_g=float(iris[1]),
        iris_b=float(iris[2]),
        nose_width=0.105 + 0.050 * u[28] + 0.012 * male,
        nose_tip=0.185 + 0.075 * u[29],
        nose_height=0.75 + 0.6 * u[30],
        mouth_y=0.465 + 0.05 * u[31] + 0.02 * male,
        mouth_width=0.205 + 0.055 * u[32],
        lip_upper=0.030 + 0.030 * u[33] + 0.008 * (not male),
        lip_lower=0.044 + 0.036 * u[34] + 0.008 * (not male),
        lip_red=(0.1 + 0.4 * u[35]) if male else (0.35 + 0.65 * u[35]),
        ear=0.9 + 0.35 * u[36],
        beard=growth,
        moustache=lip,
        glasses=float(u[37] < 0.16),
        age=0.25 * u[38] * u[38],
        clothes_r=float(clothes[0]),
        clothes_g=float(clothes[1]),
        clothes_b=float(clothes[2]),
        key=float(int(u[39] * 1e6)),
    )


def clothed(face: Face, u: np.ndarray, session: int) -> Face:
    """The face in the clothes of a session, from uniform numbers (4,)."""
    if session <= 0:
        return face
    red, green, blue = CLOTHES[int(u[0] * len(CLOTHES))]
    return face._replace(clothes_r=float(red), clothes_g=float(green), clothes_b=float(blue))
