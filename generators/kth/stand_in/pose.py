"""The compiled body of the KTH stand-in: joints of a person at a moment, as capsules from far to near.

Lengths are in units of the body's height, y grows downwards, `facing` is +1 to the right and -1 to the left; phases are
in turns. Walking: hip angle a·cos, knee bent by max(0, sin) while the leg swings, arms against the legs, and the lower
foot on the ground. In place: feet and hands are given, knees and elbows follow from the lengths of the bones.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from stbench.compiled import njit

from .kernel import COLUMNS

Array = np.ndarray[Any, Any]

MOST = 32
"""Most capsules of one person."""
THIGH, SHANK, FOOT = 0.245, 0.24, 0.085
TRUNK, UPPER_ARM, FOREARM = 0.30, 0.165, 0.155
HEAD = 0.068
LOWEST_HIP = 0.45

# Indices into a body (`people.Body.values`).
BUILD, SKIN, HAIR, SHIRT, TROUSERS, SHOES, LONG_HAIR, COAT, HAT, BAG, AMPLITUDE, ELBOW, LEAN = range(13)
# Indices into a gait (`people.GAITS`).
HIP_SWING, HIP_OFFSET, KNEE_SWING, KNEE_BASE, ARM_SWING, ARM_BEND, TRUNK_LEAN, FLIGHT = range(8)


@njit(cache=True, nogil=True)
def sine(turns: float) -> float:
    """sin(2π·turns) by its Taylor polynomial on a quarter of a turn, error below 1e-8."""
    t = turns - np.floor(turns + 0.5)
    if t > 0.25:
        t = 0.5 - t
    elif t < -0.25:
        t = -0.5 - t
    x = 6.283185307179586 * t
    y = x * x
    series = 1.0 - y / 110.0 * (1.0 - y / 156.0)
    for divisor in (72.0, 42.0, 20.0, 6.0):
        series = 1.0 - y / divisor * series
    return float(x * series)


@njit(cache=True, nogil=True)
def cosine(turns: float) -> float:
    return sine(turns + 0.25)


@njit(cache=True, nogil=True)
def _put(out: Array, n: int, x0: float, y0: float, r0: float, x1: float, y1: float, r1: float, tone: float) -> int:
    out[n, 0], out[n, 1], out[n, 2] = x0, y0, r0
    out[n, 3], out[n, 4], out[n, 5], out[n, 6] = x1, y1, r1, tone
    return n + 1


@njit(cache=True, nogil=True)
def _bend(ax: float, ay: float, bx: float, by: float, first: float, second: float, side: float) -> Any:
    """Middle joint and reached end of two bones from a towards b; `side` chooses the direction of the bend."""
    dx, dy = bx - ax, by - ay
    distance = np.sqrt(dx * dx + dy * dy) + 1e-9
    reach = min(max(distance, abs(first - second) + 1e-3), first + second - 1e-3)
    ux, uy = dx / distance, dy / distance
    along = (first * first - second * second + reach * reach) / (2.0 * reach)
    across = side * np.sqrt(max(first * first - along * along, 0.0))
    return ax + ux * along - uy * across, ay + uy * along + ux * across, ax + ux * reach, ay + uy * reach


@njit(cache=True, nogil=True)
def _head(out: Array, n: int, x: float, y: float, facing: float, body: Array) -> int:
    """Neck at (x, y); facing 0 looks at the camera."""
    cx, cy = x + 0.02 * facing, y - 0.085
    if body[LONG_HAIR] > 0.5:
        back = x - 0.03 * facing
        n = _put(out, n, back, cy, HEAD * 0.95, back - 0.01 * facing, y + 0.01, 0.04, body[HAIR])
    n = _put(out, n, x, y + 0.02, 0.03, cx, cy + 0.03, 0.028, body[SKIN] * 0.9)
    n = _put(out, n, cx - 0.012 * facing, cy - 0.02, HEAD, cx - 0.02 * facing, cy - 0.012, HEAD * 0.95, body[HAIR])
    n = _put(out, n, cx + 0.014 * facing, cy + 0.004, 0.052, cx + 0.018 * facing, cy + 0.03, 0.04, body[SKIN])
    if body[HAT] > 0.5:
        n = _put(out, n, cx - 0.03, cy - 0.05, 0.045, cx + 0.03, cy - 0.05, 0.045, body[HAIR] * 0.5)
        n = _put(out, n, cx, cy - 0.03, 0.016, cx + 0.085 * facing, cy - 0.025, 0.012, body[HAIR] * 0.5)
    return n


@njit(cache=True, nogil=True)
def _leg(out: Array, n: int, joints: Array, facing: float, body: Array, dim: float) -> int:
    """Hip, knee, ankle, toe: rows of `joints`."""
    b = body[BUILD]
    tone = body[TROUSERS] * dim
    n = _put(out, n, joints[3, 0], joints[3, 1], 0.018, joints[2, 0], joints[2, 1], 0.026, body[SHOES] * dim)
    n = _put(out, n, joints[2, 0], joints[2, 1], 0.026 * b, joints[1, 0], joints[1, 1], 0.042 * b, tone)
    return _put(out, n, joints[1, 0], joints[1, 1], 0.042 * b, joints[0, 0], joints[0, 1], 0.06 * b, tone)


@njit(cache=True, nogil=True)
def _arm(
    out: Array, n: int, sx: float, sy: float, ex: float, ey: float, hx: float, hy: float, body: Array, dim: float
) -> int:
    """Shoulder, elbow, hand."""
    b = body[BUILD]
    n = _put(out, n, sx, sy, 0.042 * b, ex, ey, 0.032 * b, body[SHIRT] * 0.94 * dim)
    n = _put(out, n, ex, ey, 0.031 * b, hx, hy, 0.022 * b, (body[SHIRT] if body[COAT] > 0.5 else body[SKIN]) * dim)
    return _put(out, n, hx, hy, 0.026, hx, hy + 0.004, 0.026, body[SKIN] * dim)


@njit(cache=True, nogil=True)
def _gait_leg(phase: float, gait: Array, amplitude: float, facing: float, joints: Array) -> float:
    """Joints of a leg whose hip is at (0, 0); gives its lowest y."""
    hip = gait[HIP_OFFSET] + amplitude * gait[HIP_SWING] * cosine(phase)
    knee = gait[KNEE_BASE] + gait[KNEE_SWING] * max(0.0, sine(phase - 0.46))
    shank = hip - knee
    joints[0, 0], joints[0, 1] = 0.0, 0.0
    joints[1, 0], joints[1, 1] = THIGH * sine(hip) * facing, THIGH * cosine(hip)
    joints[2, 0] = joints[1, 0] + SHANK * sine(shank) * facing
    joints[2, 1] = joints[1, 1] + SHANK * cosine(shank)
    # The foot is flat while the leg is ahead and points down as the shank tilts back.
    pitch = -0.8 * min(shank, 0.0) - 0.35 * max(shank, 0.0)
    joints[3, 0] = joints[2, 0] + FOOT * cosine(pitch) * facing
    joints[3, 1] = joints[2, 1] + FOOT * sine(pitch) + 0.012
    return float(max(joints[2, 1] + 0.026, joints[3, 1] + 0.018))


@njit(cache=True, nogil=True)
def _gait_arm(
    out: Array, n: int, sx: float, sy: float, phase: float, gait: Array, facing: float, body: Array, dim: float
) -> int:
    swing = -gait[ARM_SWING] * body[AMPLITUDE] * cosine(phase) - 0.02
    bend = swing + gait[ARM_BEND] * body[ELBOW] * (1.0 - 0.25 * cosine(phase))
    ex, ey = sx + UPPER_ARM * sine(swing) * facing, sy + UPPER_ARM * cosine(swing)
    return _arm(out, n, sx, sy, ex, ey, ex + FOREARM * sine(bend) * facing, ey + FOREARM * cosine(bend), body, dim)


@njit(cache=True, nogil=True)
def _side_trunk(out: Array, n: int, hx: float, hy: float, nx: float, ny: float, facing: float, body: Array) -> int:
    b = body[BUILD]
    n = _put(out, n, hx, hy - 0.01, 0.068 * b, hx, hy + 0.02, 0.06 * b, body[TROUSERS])
    n = _put(out, n, hx, hy - 0.02, 0.066 * b, nx, ny + 0.07, 0.078 * b, body[SHIRT])
    if body[BAG] > 0.5:
        n = _put(out, n, nx - 0.10 * facing, ny + 0.07, 0.05, hx - 0.10 * facing, hy - 0.08, 0.055, body[SHOES] * 0.8)
    if body[COAT] > 0.5:
        n = _put(out, n, hx, hy - 0.03, 0.07 * b, hx - 0.02 * facing, hy + 0.15, 0.085 * b, body[SHIRT])
    return n


@njit(cache=True, nogil=True)
def stride(phase: float, gait: Array, facing: float, body: Array, out: Array) -> int:
    """A person who walks, jogs or runs, from the side: hip at x = 0, ground at y = 0; gives the number of capsules."""
    near, far = np.empty((4, 2)), np.empty((4, 2))
    low = _gait_leg(phase, gait, body[AMPLITUDE], facing, near)
    low = max(low, _gait_leg(phase + 0.5, gait, body[AMPLITUDE], facing, far))
    # Nobody sinks below this in a long stride: both feet leave the ground instead.
    hip = -max(low, LOWEST_HIP) - gait[FLIGHT] * max(0.0, sine(2.0 * phase - 0.12))
    near[:, 1] += hip
    far[:, 1] += hip
    lean = gait[TRUNK_LEAN] + body[LEAN]
    nx, ny = TRUNK * sine(lean) * facing, hip - TRUNK * cosine(lean)
    sx, sy = 0.88 * nx, hip + 0.88 * (ny - hip)
    n = _gait_arm(out, 0, sx, sy, phase + 0.5, gait, facing, body, 0.82)
    n = _leg(out, n, far, facing, body, 0.82)
    n = _leg(out, n, near, facing, body, 1.0)
    n = _side_trunk(out, n, 0.0, hip, nx, ny, facing, body)
    n = _head(out, n, nx, ny, facing, body)
    return _gait_arm(out, n, sx, sy, phase, gait, facing, body, 1.0)


@njit(cache=True, nogil=True)
def _standing_leg(out: Array, n: int, hx: float, hy: float, fx: float, facing: float, body: Array, dim: float) -> int:
    """A leg from the hip to a foot on the ground; facing 0: towards the camera."""
    joints = np.empty((4, 2))
    side = -facing if facing != 0.0 else 0.0
    kx, ky, ax, ay = _bend(hx, hy, fx, -0.03, THIGH, SHANK, side)
    joints[0, 0], joints[0, 1], joints[1, 0], joints[1, 1] = hx, hy, kx, ky
    joints[2, 0], joints[2, 1] = ax, ay
    joints[3, 0], joints[3, 1] = ax + (FOOT * facing if facing != 0.0 else 0.3 * (fx - hx)), ay + 0.012
    return _leg(out, n, joints, facing, body, dim)


@njit(cache=True, nogil=True)
def box(phase: float, facing: float, body: Array, out: Array) -> int:
    """A boxer from the side: fists up, left and right punch in turn."""
    sway = 0.012 * sine(2.0 * phase)
    hip = -0.485 + 0.008 * cosine(4.0 * phase)
    lead, rear = max(0.0, sine(phase)), max(0.0, sine(phase + 0.5))
    lean = 0.012 + body[LEAN] + 0.012 * lead + 0.02 * rear
    hx = sway * facing
    nx, ny = hx + TRUNK * sine(lean) * facing, hip - TRUNK * cosine(lean)
    sx, sy = hx + 0.88 * (nx - hx), hip + 0.88 * (ny - hip)
    n = 0
    for punch, dim, forward in ((rear, 0.82, -0.02), (lead, 1.0, 0.03)):
        punch = punch * punch * (3.0 - 2.0 * punch)
        reach = 0.13 + (0.16 + 0.03 * (body[AMPLITUDE] - 1.0)) * punch
        tx, ty = sx + (forward + reach) * facing, sy - 0.015 + 0.02 * (1.0 - punch)
        ax = sx + forward * facing
        ex, ey, wx, wy = _bend(ax, sy, tx, ty, UPPER_ARM, FOREARM, facing)
        if dim < 1.0:
            n = _arm(out, n, ax, sy, ex, ey, wx, wy, body, dim)
            n = _standing_leg(out, n, hx, hip, hx + 0.11 * facing, facing, body, 0.82)
            n = _standing_leg(out, n, hx, hip, hx - 0.12 * facing, facing, body, 1.0)
            n = _side_trunk(out, n, hx, hip, nx, ny, facing, body)
            n = _head(out, n, nx, ny, facing, body)
        else:
            n = _arm(out, n, ax, sy, ex, ey, wx, wy, body, dim)
    return n


@njit(cache=True, nogil=True)
def _front(phase: float, body: Array, out: Array) -> int:
    """Legs, trunk and head of a person who looks at the camera."""
    b = body[BUILD]
    hip, sway = -0.475, 0.006 * sine(phase)
    n = 0
    for side in (-1.0, 1.0):
        n = _standing_leg(out, n, sway + 0.05 * side, hip, 0.075 * side, 0.0, body, 1.0)
    top = hip - TRUNK
    n = _put(out, n, sway - 0.045, hip - 0.01, 0.058 * b, sway + 0.045, hip - 0.01, 0.058 * b, body[TROUSERS])
    for side in (-1.0, 1.0):
        n = _put(
            out, n, sway + 0.04 * side, hip - 0.03, 0.06 * b, sway + 0.075 * side, top + 0.075, 0.055 * b, body[SHIRT]
        )
    n = _put(out, n, sway, hip - 0.03, 0.075 * b, sway, top + 0.08, 0.085 * b, body[SHIRT])
    if body[COAT] > 0.5:
        n = _put(out, n, sway, hip - 0.03, 0.10 * b, sway, hip + 0.15, 0.12 * b, body[SHIRT])
    return _head(out, n, sway, top, 0.0, body)


@njit(cache=True, nogil=True)
def wave(phase: float, body: Array, out: Array) -> int:
    """Both arms swing up and down at the sides, from the hips to over the head."""
    n = _front(phase, body, out)
    level = 0.5 - 0.5 * cosine(phase)
    for side in (-1.0, 1.0):
        sx, sy = 0.115 * side * body[BUILD], -0.475 - TRUNK + 0.07
        lift = -0.16 + (0.36 + 0.03 * (body[AMPLITUDE] - 1.0)) * level
        bend = lift + 0.02 + 0.05 * level + 0.03 * sine(phase)
        ex, ey = sx + UPPER_ARM * cosine(lift) * side, sy - UPPER_ARM * sine(lift)
        hx, hy = ex + FOREARM * cosine(bend) * side, ey - FOREARM * sine(bend)
        n = _arm(out, n, sx, sy, ex, ey, hx, hy, body, 1.0)
    return n


@njit(cache=True, nogil=True)
def clap(phase: float, body: Array, out: Array) -> int:
    """Hands that meet in front of the chest and part again."""
    n = _front(phase, body, out)
    apart = 0.5 - 0.5 * cosine(phase)
    for side in (-1.0, 1.0):
        sx, sy = 0.115 * side * body[BUILD], -0.475 - TRUNK + 0.07
        # The upper arms hang; the forearms point to the camera, so that they look shorter when the hands meet.
        hx, hy = side * (0.016 + (0.26 + 0.05 * (body[AMPLITUDE] - 1.0)) * apart), sy + 0.085 - 0.02 * apart
        swing = 0.035 + 0.045 * apart
        ex, ey = sx + UPPER_ARM * sine(swing) * side, sy + UPPER_ARM * cosine(swing)
        n = _arm(out, n, sx, sy, ex, ey, hx, hy, body, 1.0)
    return n


@njit(cache=True, nogil=True)
def place(capsules: Array, count: int, x: float, ground: float, height: float) -> None:
    """From units of the body's height to pixels, in place."""
    for k in range(count):
        for end in (0, 3):
            capsules[k, end] = x + height * capsules[k, end]
            capsules[k, end + 1] = ground + height * capsules[k, end + 1]
            capsules[k, end + 2] = height * capsules[k, end + 2]


def empty() -> Array:
    """Room for one person."""
    return np.zeros((MOST, COLUMNS))
