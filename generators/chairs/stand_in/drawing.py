"""The chairs stand-in: parametric chairs before the 62 cameras of the rendered chairs, on white, 600 x 600.

    chair(seed, number) -> traits -> triangles -> 62 pictures, each a function of seed, number and view alone

Simulated: nobody built or sold these chairs.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from ..views import ALL, turn
from . import kernel
from .arms import add_arms
from .back import add_back
from .legs import add_legs
from .mesh import Mesh
from .seat import add_seat, under
from .shell import add_shell, add_tub, add_wing
from .sky import directions, sky_seen, smoothed
from .traits import Traits, traits

DISTANCE = 2.6
"""From the camera to the middle of a chair, in radii of the ball around it."""
REACH = 190.0
"""Pixels from the middle of a picture to the outermost point of a chair in any view."""


@dataclass(frozen=True)
class Body:
    """Triangles of a chair, its middle at the origin."""

    vertices: np.ndarray
    """(n, 3)."""
    faces: np.ndarray
    """(m, 3)."""
    closed: np.ndarray
    """(m,): of parts that are never seen from behind."""
    normal: np.ndarray
    albedo: np.ndarray
    """(m, 3) in 0..255."""
    gloss: np.ndarray
    sky: np.ndarray
    """(m, 2): share of the sky that the front and the back of a facet see."""
    zoom: float
    cameras: np.ndarray


def build(chair: Traits) -> Mesh:
    """All parts of a chair, standing on y = 0."""
    mesh = Mesh()
    add_seat(mesh, chair)
    add_legs(mesh, chair, under(chair))
    {"shell": add_shell, "tub": add_tub, "wing": add_wing}.get(chair.back, add_back)(mesh, chair)
    add_arms(mesh, chair)
    return mesh


@lru_cache(maxsize=4)
def body(seed: int, number: int) -> Body:
    """The triangles of a chair with all that does not depend on the view."""
    mesh = build(traits(seed, number))
    vertices, faces = np.concatenate(mesh.vertices), np.concatenate(mesh.faces).astype(np.int64)
    low, high = vertices.min(axis=0), vertices.max(axis=0)
    middle = 0.5 * (low + high)
    vertices = np.ascontiguousarray(vertices - middle)
    radius = float(np.sqrt((vertices * vertices).sum(axis=1).max()))
    cameras = _cameras(DISTANCE * radius)
    normal = kernel.normals(vertices, faces)
    seen = sky_seen(vertices, faces, normal, directions(), radius)
    return Body(
        vertices,
        faces,
        np.concatenate(mesh.closed),
        normal,
        np.concatenate(mesh.colours),
        np.concatenate(mesh.glosses),
        smoothed(seen, faces, len(vertices)),
        REACH / kernel.widest(vertices, cameras),
        cameras,
    )


def _cameras(distance: float) -> np.ndarray:
    """(62, 10): right, up, towards the camera, distance."""
    rows = []
    for number, view in enumerate(ALL):
        # Exact shares of a turn, of which the names hold the degrees cut off.
        cos, sin = turn((number % 31) / 31)
        level, up = turn(view.elevation / 360)
        right, towards = np.array([cos, 0.0, -sin]), np.array([level * sin, up, level * cos])
        rows.append([*right, *np.cross(towards, right), *towards, distance])
    return np.array(rows)


def draw(seed: int, number: int, box: tuple[int, int, int, int], side: int) -> np.ndarray:
    """(62, height, width, 3) uint8: the box (left, top, right, bottom) of every picture of `side` x `side` pixels."""
    left, top, right, bottom = box
    it = body(seed, number)
    out = np.empty((len(ALL), bottom - top, right - left, 3), np.uint8)
    where = np.array([left, top], np.int64)
    kernel.render(
        it.vertices, it.faces, it.closed, it.normal, it.albedo, it.gloss, it.sky, it.cameras, it.zoom, side, where, out
    )
    return out
