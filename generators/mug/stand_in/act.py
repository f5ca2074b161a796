"""What a drawn face does during a take: an expression that comes, stays and goes, blinks, and a head that sways.

act(t) = strength · expression · envelope(t) + blink(t),    envelope: smooth steps 0 -> 1 (onset), 1 -> 0 (offset)
"""

from __future__ import annotations

import numpy as np

from .optics import Camera
from .surface import Light
from .traits import Act

EXPRESSIONS = {
    "anger": Act(brow_lower=1.0, lid_raise=0.35, lid_tighten=0.75, nose_wrinkle=0.12, chin_raise=0.35, lip_press=1.0),
    "disgust": Act(
        brow_lower=0.55,
        cheek_raise=0.5,
        lid_tighten=0.8,
        nose_wrinkle=1.0,
        lip_raise=1.0,
        corner_depress=0.35,
        chin_raise=0.2,
        lips_part=0.55,
    ),
    "fear": Act(
        inner_brow=1.0,
        outer_brow=0.45,
        brow_lower=0.35,
        lid_raise=1.0,
        corner_depress=0.25,
        lip_stretch=1.0,
        lips_part=0.9,
        jaw_drop=0.22,
    ),
    "happiness": Act(cheek_raise=0.75, corner_pull=1.0, lips_part=1.0, jaw_drop=0.06),
    "neutral": Act(),
    "sadness": Act(inner_brow=0.95, brow_lower=0.25, corner_depress=1.1, chin_raise=0.8, lid_droop=0.7, gaze_y=0.018),
    "surprise": Act(inner_brow=1.1, outer_brow=1.0, lid_raise=0.9, jaw_drop=0.95),
}


def acted(expression: str, manner: np.ndarray, strength: float, level: float, shut: float) -> Act:
    """An expression at a level 0..1 of its apex. `manner` (19,): the subject's own weight of each action unit."""
    whole = [float(w) * strength * level * value for w, value in zip(manner, EXPRESSIONS[expression], strict=True)]
    act = Act(*whole)
    return act._replace(blink=shut)


def camera_at(path: np.ndarray, level: float, expression: str, rest: np.ndarray) -> Camera:
    """The camera's view of the head. `path` (6,) in -1..1: x, y, roll, yaw, pitch, nearness; `rest` (6,): also."""
    x, y, roll, yaw, pitch, near = (0.65 * path + rest).tolist()
    # Some expressions come with the head: back in surprise and fear, down in anger and sadness.
    nod = {"anger": 0.012, "disgust": -0.008, "fear": -0.012, "sadness": 0.016, "surprise": -0.016}.get(expression, 0.0)
    half = 0.030 * roll
    # The rational parametrisation of a rotation: no sine.
    cosine, sine = (1.0 - half * half) / (1.0 + half * half), 2.0 * half / (1.0 + half * half)
    return Camera(
        left=0.0,
        top=0.0,
        step=1.0,
        x=448.0 + 13.0 * x,
        y=440.0 + 10.0 * y + 260.0 * nod * level,
        scale=286.0 * (1.0 + 0.025 * near),
        cosine=cosine,
        sine=sine,
        yaw=0.055 * yaw,
        pitch=0.030 * pitch + 1.2 * nod * level,
    )


def light_of(u: np.ndarray) -> Light:
    """Light of a session from uniform numbers (4,): from above, more or less from one side."""
    x, y = 1.3 * float(u[0]) - 0.65, -0.22 - 0.38 * float(u[1])
    size = float(np.sqrt(x * x + y * y + 0.62))
    level = 0.86 + 0.26 * float(u[2])
    return Light(
        x=x / size,
        y=y / size,
        z=float(np.sqrt(0.62)) / size,
        key=0.60 * level,
        fill=(0.10 + 0.10 * float(u[3])) * level,
        ambient=0.37 * level,
    )
