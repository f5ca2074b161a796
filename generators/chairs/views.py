"""The 62 views of a chair, names, angles and order, as in the rendered chairs of Aubry et al. 2014.

    elevation 20 degrees for views 0 .. 30, 30 degrees for views 31 .. 61;   azimuth(k) = floor(360 (k mod 31) / 31)

A walk is the order in which views become the frames of a sequence: circular, so that its first frames come again at its
end and a window may begin at every view.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np

STEPS = 31
"""Views of a ring: all directions at one elevation."""
ELEVATIONS = (20, 30)
AZIMUTHS = tuple(k * 360 // STEPS for k in range(STEPS))
"""Degrees: 0, 11, 23, ..., 348."""
VIEWS = STEPS * len(ELEVATIONS)
ORDERS = ("rings", "official")
"""rings: a sequence is one elevation; official: a sequence is all 62 files by name, as published."""


class View(NamedTuple):
    """One picture of a chair."""

    name: str
    elevation: int
    azimuth: int


def _views() -> tuple[View, ...]:
    # Number 031 does not exist: the second ring begins at 032.
    return tuple(
        View(f"image_{ring * (STEPS + 1) + k:03d}_p{elevation:03d}_t{azimuth:03d}_r096.png", elevation, azimuth)
        for ring, elevation in enumerate(ELEVATIONS)
        for k, azimuth in enumerate(AZIMUTHS)
    )


ALL = _views()
"""In the order of their names."""


def walks(order: str, wrap: int) -> tuple[np.ndarray, ...]:
    """The sequences of a chair, each the numbers of its views (frames,), the first `wrap` of them again at the end."""
    length = STEPS if order == "rings" else VIEWS
    frames = np.arange(length + wrap) % length
    return tuple(first + frames for first in range(0, VIEWS, length))


def turn(share: float) -> tuple[float, float]:
    """Cosine and sine of a share of a full turn, to nine digits, so that no machine's last bit is seen."""
    angle = 2.0 * math.pi * share
    return round(math.cos(angle), 9), round(math.sin(angle), 9)
