"""A drawn face before the camera: all layers from the backdrop to the glasses, rounded to bytes."""

from __future__ import annotations

import numpy as np
from numba import njit

from . import _face_hair, _face_mouth, _face_paint, _face_surface
from ._face_optics import Array, Camera, coordinates
from ._face_surface import Light
from ._face_traits import Face, Shape

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
    _face_hair.backdrop(camera, light, picture)
    _face_hair.behind(camera, u, v, face, form, light, edge, picture)
    _face_surface.head(u, v, face, form, edge, cover, slope)
    _face_surface.relief(camera, u, v, face, form, slope)
    _face_surface.skin(u, v, cover, face, form, albedo)
    for layer in (_face_paint.wrinkles, _face_paint.folds, _face_paint.nose):
        layer(camera, u, v, face, form, edge, albedo)
    _face_mouth.beard(camera, u, v, face, form, edge, albedo, gloss)
    _face_mouth.mouth(camera, u, v, face, form, edge, albedo, gloss, slope)
    _face_paint.eyes(camera, u, v, face, form, edge, albedo, gloss)
    _face_paint.brows(camera, u, v, face, form, edge, albedo)
    _face_surface.shine(cover, slope, albedo, gloss, light, picture)
    _face_hair.hair(camera, u, v, face, light, edge, picture)
    _face_hair.glasses(camera, u, v, face, edge, picture)
    out = np.empty((side, side, 3), np.uint8)
    _rounded(picture, out)
    return out
