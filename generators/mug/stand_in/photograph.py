"""A drawn face before the camera: all layers from the backdrop to the glasses, rounded to bytes."""

from __future__ import annotations

import numpy as np

from stbench.compiled import njit

from . import hair, mouth, paint, surface
from .optics import Array, Camera, coordinates
from .surface import Light
from .traits import Face, Shape

SOFTNESS = 0.013
"""Half width of an edge in face units: a lens that does not draw pixels."""


@njit(cache=True, nogil=True)
def _rounded(picture: Array, out: Array) -> None:
    for row in range(len(picture)):
        for column in range(len(picture)):
            for channel in range(3):
                out[row, column, channel] = int(min(max(picture[row, column, channel], 0.0), 255.0) + 0.5)


def photograph(camera: Camera, face: Face, form: Shape, light: Light, side: int) -> np.ndarray:
    """(side, side, 3) uint8, of the part of the photograph that begins at `camera.left`, `camera.top`."""
    edge = max(SOFTNESS, 1.0 * camera.step / camera.scale)
    u, v = np.empty((side, side)), np.empty((side, side))
    cover, slope, gloss = np.empty((side, side)), np.empty((side, side, 2)), np.full((side, side), 26.0)
    albedo, picture = np.zeros((side, side, 3)), np.empty((side, side, 3))
    coordinates(camera, u, v)
    hair.backdrop(camera, light, picture)
    hair.behind(camera, u, v, face, form, light, edge, picture)
    surface.head(u, v, face, form, edge, cover, slope)
    surface.relief(camera, u, v, face, form, slope)
    surface.skin(u, v, cover, face, form, albedo)
    for layer in (paint.wrinkles, paint.folds, paint.nose):
        layer(camera, u, v, face, form, edge, albedo)
    mouth.beard(camera, u, v, face, form, edge, albedo, gloss)
    mouth.mouth(camera, u, v, face, form, edge, albedo, gloss, slope)
    paint.eyes(camera, u, v, face, form, edge, albedo, gloss)
    paint.brows(camera, u, v, face, form, edge, albedo)
    surface.shine(cover, slope, albedo, gloss, light, picture)
    hair.hair(camera, u, v, face, light, edge, picture)
    hair.glasses(camera, u, v, face, edge, picture)
    out = np.empty((side, side, 3), np.uint8)
    _rounded(picture, out)
    return out
