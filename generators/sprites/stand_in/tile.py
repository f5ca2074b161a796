"""The brush of the pixel-art figures: capsules, ellipses and trunks with a dark rim and a lit side, on one tile.

Only sums, products and comparisons: every machine paints the same pixels.
"""

from __future__ import annotations

import numpy as np

from ..sheets import TILE
from .pose import Point, Pose

Colour = tuple[int, int, int]
ys, xs = np.mgrid[0:TILE, 0:TILE].astype(np.float64) + 0.5
"""Row and column of the centre of every pixel."""


class Tile:
    """One RGBA tile that parts are painted on, each with a darker rim and a lighter side."""

    def __init__(self) -> None:
        self.pixels = np.zeros((TILE, TILE, 4), np.uint8)

    def paint(self, inside: np.ndarray, core: np.ndarray, colour: Colour, light: np.ndarray | None = None) -> None:
        """`inside` in the dark tone of `colour`, `core` in its own, `light` (within core) in a brighter one."""
        for mask, tenths in ((inside, 5), (core, 10), (core & light if light is not None else None, 12)):
            if mask is not None:
                self.pixels[mask] = [*(min(255, c * tenths // 10) for c in colour), 255]

    def capsule(self, start: Point, end: Point, radius: float, colour: Colour) -> None:
        distance = to_segment(start, end)
        self.paint(distance < radius**2, distance < (radius - 1) ** 2, colour, xs < (start[0] + end[0]) / 2 - 0.25)

    def ellipse(self, centre: Point, width: float, height: float, colour: Colour) -> None:
        outer, inner = (ellipse_mask(centre, width - rim, height - rim) for rim in (0.0, 1.0))
        self.paint(outer, inner, colour, ellipse_mask((centre[0] - 1.5, centre[1] - 1.5), width - 3, height - 3))

    def trunk(self, body: Pose, shoulders: float, waist: float, below: float, colour: Colour) -> None:
        """From the neck to `below` the hip, with half widths at both ends."""
        top, bottom = body.neck[1], body.hip[1] + below
        share = np.clip((ys - top) / (bottom - top), 0, 1)
        half = shoulders + (waist - shoulders) * share
        across = abs(xs - body.hip[0])
        within = (ys > top) & (ys < bottom)
        self.paint(within & (across < half), within & (across < half - 1), colour, xs < body.hip[0] - 1)

    def clear(self, mask: np.ndarray) -> None:
        self.pixels[mask] = 0

    def stripe(self, mask: np.ndarray, colour: Colour) -> None:
        """Repaint what is there already."""
        mask = mask & (self.pixels[..., 3] > 0)
        self.pixels[mask] = [*colour, 255]


def to_segment(start: Point, end: Point) -> np.ndarray:
    """Squared distance of every pixel centre from a segment."""
    along = (end[0] - start[0], end[1] - start[1])
    length = along[0] ** 2 + along[1] ** 2
    if length == 0:
        return np.asarray((xs - start[0]) ** 2 + (ys - start[1]) ** 2)
    t = np.clip(((xs - start[0]) * along[0] + (ys - start[1]) * along[1]) / length, 0, 1)
    return np.asarray((xs - start[0] - t * along[0]) ** 2 + (ys - start[1] - t * along[1]) ** 2)


def ellipse_mask(centre: Point, width: float, height: float) -> np.ndarray:
    return np.asarray(((xs - centre[0]) / width) ** 2 + ((ys - centre[1]) / height) ** 2 < 1)
