"""When things happen in a take of a drawn face: onset, apex, offset, blinks, and how the head sways.

envelope: smooth steps 0 -> 1 (onset), 1 -> 0 (offset);    sway: uniform cubic B-spline through random knots
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

SHORTEST, LONGEST = 50, 160
"""Frames of a take, as published."""
BLINK = (0.35, 0.9, 1.0, 0.7, 0.4, 0.15)
"""How far shut the lids are, frame by frame at 19 per second."""
KNOT = 11.0
"""Frames between two knots of the sway."""


@dataclass(frozen=True)
class Timing:
    """Of a take, in frames: when the expression begins, is whole, begins to go and is gone; when the eyes blink."""

    length: int
    onset: float
    apex: float
    offset: float
    end: float
    blinks: tuple[int, ...]

    def envelope(self, t: float) -> float:
        """0 at rest, 1 at the apex."""
        rise = min(max((t - self.onset) / (self.apex - self.onset), 0.0), 1.0)
        fall = min(max((t - self.offset) / (self.end - self.offset), 0.0), 1.0)
        return rise * rise * (3.0 - 2.0 * rise) * (1.0 - fall * fall * (3.0 - 2.0 * fall))

    def blink(self, t: int) -> float:
        return max((BLINK[t - at] for at in self.blinks if 0 <= t - at < len(BLINK)), default=0.0)


def timing(u: np.ndarray, pace: float) -> Timing:
    """The timing of a take from uniform numbers (16,) and the subject's pace, 0 fast .. 1 slow."""
    length = SHORTEST + int(u[0] * (LONGEST - SHORTEST + 1) * 0.999999)
    onset = 2.0 + 0.05 * length * u[1] + 4.0 * u[2]
    apex = onset + 7.0 + 9.0 * pace + 7.0 * u[3]
    end = length - 1.0 - 0.10 * length * u[4]
    offset = max(end - 9.0 - 12.0 * pace - 8.0 * u[5], apex + 4.0)
    # Some do not relax before the camera stops.
    offset, end = (length + 10.0, length + 30.0) if u[6] < 0.12 else (offset, max(end, offset + 6.0))
    blinks, at = [], 8 + int(50 * u[7])
    for k in range(8, 16):
        blinks.append(at)
        at += 24 + int(70 * u[k])
    return Timing(length, onset, apex, offset, end, tuple(each for each in blinks if each < length))


def sway(knots: np.ndarray, t: float) -> np.ndarray:
    """A smooth path (axis,) through random knots (knot, axis): the uniform cubic B-spline."""
    place = t / KNOT
    k = min(int(place), len(knots) - 4)
    r = place - k
    a, b, c, d = knots[k : k + 4]
    weights = (
        (1.0 - r) * (1.0 - r) * (1.0 - r) / 6.0,
        (3.0 * r * r * r - 6.0 * r * r + 4.0) / 6.0,
        (-3.0 * r * r * r + 3.0 * r * r + 3.0 * r + 1.0) / 6.0,
        r * r * r / 6.0,
    )
    return np.asarray(weights[0] * a + weights[1] * b + weights[2] * c + weights[3] * d)
