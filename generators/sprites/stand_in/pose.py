"""Where the joints of a pixel-art figure are, for each action, view and column of a sheet.

Positions are rounded to a quarter of a pixel, so that no last bit of a sine decides a pixel.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

Point = tuple[float, float]
"""(x, y) in a tile of 64 x 64, y downwards."""

WALK_PHASES = 8
SPELL_LIFT = (0.0, 0.35, 0.7, 1.0, 1.0, 0.85, 0.5)
"""How high the hands are, column by column."""
SLASH_ANGLE = (-150.0, -120.0, -70.0, -15.0, 35.0, 65.0)
"""Direction of the striking arm in degrees from the horizontal, downwards positive."""


@dataclass(frozen=True)
class Limb:
    root: Point
    joint: Point
    end: Point
    near: bool
    """Drawn before the trunk (far side) or after it."""


@dataclass(frozen=True)
class Pose:
    head: Point
    neck: Point
    hip: Point
    arms: tuple[Limb, Limb]
    legs: tuple[Limb, Limb]
    side: bool
    """Seen from the side, looking left."""


def pose(action: str, view: str, column: int) -> Pose:
    """The figure in a tile; the right view is the mirrored left one, which who draws has to do."""
    return _side(action, column) if view in ("left", "right") else _front(action, column)


def _quarter(x: float, y: float) -> Point:
    return round(4 * x) / 4, round(4 * y) / 4


def _towards(start: Point, degrees: float, length: float) -> Point:
    angle = math.radians(degrees)
    return _quarter(start[0] + length * math.cos(angle), start[1] + length * math.sin(angle))


def _front(action: str, column: int) -> Pose:
    swing, bob = _walk(column) if action == "walk" else (0.0, 0.0)
    top = 13.0 + bob
    neck, hip = (32.0, top + 14.5), (32.0, top + 30.0)
    legs = []
    for sign in (-1, 1):
        # Seen from the front a step shows as a foot that is lifted and a knee that comes forward.
        lift = 4.5 * max(0.0, sign * swing)
        root, foot = (32.0 + 3.5 * sign, hip[1]), _quarter(32.0 + 4.0 * sign, 58.0 - lift)
        legs.append(Limb(root, _quarter(32.0 + 4.5 * sign, hip[1] + 7.5 - 0.4 * lift), foot, near=lift > 0))
    arms = []
    for sign in (-1, 1):
        root = (32.0 + 8.0 * sign, neck[1] + 3.0)
        if action == "walk":
            reach = 3.0 * max(0.0, -sign * swing)
            elbow, hand = (
                _quarter(root[0] + 1.5 * sign, root[1] + 7.0 - reach),
                _quarter(root[0] + sign, root[1] + 14 - 2 * reach),
            )
        elif action == "spellcast":
            lift = SPELL_LIFT[min(column, 6)]
            elbow = _towards(root, 90 - sign * (20 + 75 * lift), 7.5)
            hand = _towards(elbow, 90 - sign * (10 + 155 * lift), 8.0)
        else:
            angle = SLASH_ANGLE[min(column, 5)] if sign < 0 else 62.0
            direction = 180 - angle if sign < 0 and angle > 0 else angle
            elbow = _towards(root, direction, 8.0)
            hand = _towards(elbow, direction + (12 if sign < 0 else 20), 8.0)
        arms.append(Limb(root, elbow, hand, near=sign < 0 and action == "slash"))
    return Pose((32.0, top + 4.5), neck, hip, (arms[0], arms[1]), (legs[0], legs[1]), side=False)


def _side(action: str, column: int) -> Pose:
    swing, bob = _walk(column) if action == "walk" else (0.0, 0.0)
    top = 13.0 + bob
    neck, hip = (32.5, top + 14.5), (32.5, top + 30.0)
    legs = []
    for sign in (-1, 1):
        stride = sign * swing if action == "walk" else 0.35 * sign
        foot = _quarter(32.5 - 9.0 * stride, 58.0 - 3.5 * max(0.0, -0.3 - stride))
        knee = _quarter(32.5 - 4.5 * stride - 2.0, hip[1] + 7.5)
        legs.append(Limb(hip, knee, foot, near=sign > 0))
    arms = []
    for sign in (-1, 1):
        root = (32.5 + 1.0, neck[1] + 3.0)
        if action == "walk":
            angle = 90 - 38 * sign * swing
            elbow, hand = _towards(root, angle, 7.0), _towards(_towards(root, angle, 7.0), angle + 18, 7.0)
        elif action == "spellcast":
            lift = SPELL_LIFT[min(column, 6)]
            elbow = _towards(root, 90 + (40 + 60 * lift) + 8 * sign, 7.5)
            hand = _towards(elbow, 90 + (40 + 110 * lift) + 8 * sign, 8.0)
        elif sign > 0:
            angle = 180 - SLASH_ANGLE[min(column, 5)] * 0.95
            elbow = _towards(root, angle, 8.0)
            hand = _towards(elbow, angle - 10, 8.0)
        else:
            elbow, hand = _towards(root, 75, 7.0), _towards(_towards(root, 75, 7.0), 100, 7.0)
        arms.append(Limb(root, elbow, hand, near=sign > 0))
    return Pose((31.5, top + 4.5), neck, hip, (arms[0], arms[1]), (legs[0], legs[1]), side=True)


def _walk(column: int) -> tuple[float, float]:
    """Swing of the legs in -1..1 and height of the trunk; column 0 stands."""
    if column == 0:
        return 0.0, 0.0
    phase = 2 * math.pi * (column - 1) / WALK_PHASES
    swing = math.sin(phase)
    return swing, -1.0 if abs(swing) < 0.5 else 0.0
