"""Parts of a chair as meshes of triangles: tubes along a path, slabs with round edges, turned bodies, sheets.

    tube      points p(s) + r(s) (cos n + sin b), n, b carried along the path without twist
    slab      a rectangle to ellipse, x = u sqrt(1 - r v²/2), z = v sqrt(1 - r u²/2); thickness falls to 0 at the edge
              like a quarter of an ellipse
    lathe     a profile (radius, height) turned about the vertical

y is up, z is to the front, x to the right of who sits; metres. Only + - · / and the square root, and angles by `turn`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import numpy as np

from ..views import turn

Place = Callable[[np.ndarray], np.ndarray]
"""Points (n, 3) -> points (n, 3)."""
Colour = tuple[float, float, float]
Points = Sequence[Sequence[float]] | np.ndarray
CIRCLE = ((0.0, 1.0), (0.3826834, 0.9238795), (0.7071068, 0.7071068), (0.9238795, 0.3826834), (1.0, 0.0))
"""Places over a round edge, and the thickness there."""


@dataclass(frozen=True)
class Material:
    """What a part is made of."""

    colour: Colour
    """Red, green and blue, 0 to 255."""
    gloss: float


@dataclass
class Mesh:
    """A chair that grows part by part."""

    vertices: list[np.ndarray] = field(default_factory=list)
    faces: list[np.ndarray] = field(default_factory=list)
    colours: list[np.ndarray] = field(default_factory=list)
    glosses: list[np.ndarray] = field(default_factory=list)
    closed: list[np.ndarray] = field(default_factory=list)
    count: int = 0

    def add(self, points: np.ndarray, triangles: np.ndarray, material: Material) -> None:
        """A closed part: turned the right side out, only its outside is ever drawn."""
        a, b, c = (points[triangles[:, k]] - points.mean(axis=0) for k in range(3))
        volume = float((a * np.cross(b, c)).sum())
        self._append(points, triangles[:, ::-1] if volume < 0.0 else triangles, material, closed=True)

    def add_open(self, points: np.ndarray, triangles: np.ndarray, material: Material) -> None:
        """A part that is seen from both sides."""
        self._append(points, triangles, material, closed=False)

    def _append(self, points: np.ndarray, triangles: np.ndarray, material: Material, closed: bool) -> None:
        self.vertices.append(points)
        self.faces.append(triangles + self.count)
        self.count += len(points)
        self.colours.append(np.tile(np.array(material.colour), (len(triangles), 1)))
        self.glosses.append(np.full(len(triangles), material.gloss))
        self.closed.append(np.full(len(triangles), closed))


def quads(rows: int, columns: int) -> np.ndarray:
    """Triangles (m, 3) over a grid of points, row by row."""
    return _triangles(rows, columns, columns - 1)


def rings(rows: int, columns: int) -> np.ndarray:
    """As `quads`, but the last column meets the first."""
    return _triangles(rows, columns, columns)


def _triangles(rows: int, columns: int, across: int) -> np.ndarray:
    i, j = np.meshgrid(np.arange(rows - 1), np.arange(across), indexing="ij")
    a, b = i * columns + j, i * columns + (j + 1) % columns
    c, d = a + columns, b + columns
    return np.concatenate([np.stack([a, b, d], -1).reshape(-1, 3), np.stack([a, d, c], -1).reshape(-1, 3)])


def _unit(vector: np.ndarray) -> np.ndarray:
    return np.asarray(vector / np.sqrt((vector * vector).sum(axis=-1, keepdims=True)))


def tube(
    mesh: Mesh,
    path: Points,
    radius: float | Sequence[float],
    material: Material,
    *,
    sides: int = 10,
    wide: float = 1.0,
    facing: Sequence[float] = (0.0, 0.0, 1.0),
) -> None:
    """A tube along points (n, 3) with one radius or one a point; 4 sides make a bar whose faces look along `facing`.

    `wide`: factor on the side across `facing`.
    """
    points = np.asarray(path, float)
    step = np.empty_like(points)
    step[1:-1], step[0], step[-1] = points[2:] - points[:-2], points[1] - points[0], points[-1] - points[-2]
    body = _around(points, step, radius, sides, wide, facing)
    n, around = len(body), np.arange(sides)
    caps = [
        np.stack([np.full(sides, n), (around + 1) % sides, around], -1),
        np.stack([np.full(sides, n + 1), n - sides + around, n - sides + (around + 1) % sides], -1),
    ]
    triangles = np.concatenate([rings(len(points), sides), *caps])
    mesh.add(np.concatenate([body, points[:1], points[-1:]]), triangles, material)


def hoop(mesh: Mesh, path: Points, radius: float, material: Material, *, sides: int = 8) -> None:
    """A tube along points (n, 3) whose last one comes before the first."""
    points = np.asarray(path, float)
    step = np.roll(points, -1, axis=0) - np.roll(points, 1, axis=0)
    body = _around(points, step, radius, sides, 1.0, (0.0, 0.0, 1.0))
    mesh.add(np.concatenate([body, body[:sides]]), rings(len(points) + 1, sides), material)


def _around(
    points: np.ndarray,
    step: np.ndarray,
    radius: float | Sequence[float],
    sides: int,
    wide: float,
    facing: Sequence[float],
) -> np.ndarray:
    """Corners (n · sides, 3) around points of a path with directions `step`, carried along it without twist."""
    square = sides == 4
    radii = np.broadcast_to(np.asarray(radius, float), len(points)) * (1.4142136 if square else 1.0)
    tangent = _unit(step)
    # Along `facing` where it is not the direction of the path itself.
    first = np.asarray(facing, float)
    if abs(float((first * tangent[0]).sum())) > 0.9:
        first = np.array([1.0, 0.0, 0.0]) if abs(tangent[0, 0]) < 0.9 else np.array([0.0, 1.0, 0.0])
    normal = np.empty_like(points)
    for k in range(len(points)):
        first = _unit(first - tangent[k] * (first * tangent[k]).sum())
        normal[k] = first
    across = np.cross(tangent, normal)
    corners = np.array([turn((q + (0.5 if square else 0.0)) / sides) for q in range(sides)])
    ring = corners[:, 0, None] * normal[:, None] + wide * corners[:, 1, None] * across[:, None]
    return np.asarray(points[:, None] + radii[:, None, None] * ring).reshape(-1, 3)


def bar(
    mesh: Mesh,
    start: Sequence[float],
    end: Sequence[float],
    radius: float | tuple[float, float],
    material: Material,
    *,
    sides: int = 10,
    wide: float = 1.0,
    pieces: int = 6,
    facing: Sequence[float] = (0.0, 0.0, 1.0),
) -> None:
    """A straight tube; two radii for one that tapers."""
    share = np.linspace(0.0, 1.0, pieces + 1)[:, None]
    path = np.asarray(start, float) * (1.0 - share) + np.asarray(end, float) * share
    radii = np.linspace(radius[0], radius[1], pieces + 1) if isinstance(radius, tuple) else np.full(pieces + 1, radius)
    tube(mesh, path, radii.tolist(), material, sides=sides, wide=wide, facing=facing)


def slab(
    mesh: Mesh,
    half: tuple[float, float],
    thickness: float,
    material: Material,
    place: Place,
    *,
    edge: float = 0.25,
    roundness: float = 0.0,
    crown: float = 0.0,
    cells: int = 8,
) -> None:
    """A plate in the plane of x and z, `half` its extent, then moved by `place`.

    `edge`: share of the half extent over which the edge is round; `roundness` 0 rectangle to 1 ellipse; `crown`: how
    much higher the middle of the upper side is.
    """
    inner, outer = np.linspace(0.0, 1.0 - edge, cells // 2 + 1), [1.0 - edge + edge * s for s, _ in CIRCLE[1:]]
    nodes = np.concatenate([inner, outer])
    height = np.concatenate([np.ones(len(inner)), [h for _, h in CIRCLE[1:]]])
    line, thick = np.concatenate([-nodes[:0:-1], nodes]), np.concatenate([height[:0:-1], height])
    u, v = np.meshgrid(line, line, indexing="ij")
    x, z = u * np.sqrt(1.0 - 0.5 * roundness * v * v), v * np.sqrt(1.0 - 0.5 * roundness * u * u)
    rise = 0.5 * thickness * thick[:, None] * thick[None, :]
    middle = crown * (1.0 - u * u) * (1.0 - v * v)
    upper = np.stack([half[0] * x, rise + middle, half[1] * z], -1).reshape(-1, 3)
    lower = np.stack([half[0] * x, -rise, half[1] * z], -1).reshape(-1, 3)
    n, triangles = len(upper), quads(len(line), len(line))
    mesh.add(place(np.concatenate([upper, lower])), np.concatenate([triangles, triangles[:, ::-1] + n]), material)


def lathe(
    mesh: Mesh, profile: Sequence[tuple[float, float]], material: Material, place: Place, sides: int = 20
) -> None:
    """A body turned about the vertical: (radius, height) from one end to the other."""
    corners = np.array([turn(q / sides) for q in range(sides)])
    shape = np.asarray(profile, float)
    x, z = shape[:, :1] * corners[:, 1], shape[:, :1] * corners[:, 0]
    points = np.stack([x, np.broadcast_to(shape[:, 1:], x.shape), z], -1).reshape(-1, 3)
    mesh.add(place(points), rings(len(shape), sides), material)


def sheet(mesh: Mesh, points: np.ndarray, material: Material, rim: float) -> None:
    """A curved surface through a grid of points (rows, columns, 3), seen from both sides, with a round rim."""
    rows, columns = points.shape[:2]
    mesh.add_open(points.reshape(-1, 3), quads(rows, columns), material)
    border = np.concatenate([points[0], points[1:, -1], points[-1, -2::-1], points[-2:0:-1, 0]])
    hoop(mesh, border, rim, material, sides=6)


def rounded(corners: Sequence[Sequence[float]], radius: float, pieces: int = 6, straight: int = 4) -> np.ndarray:
    """A path through corners that are rounded by parabolas of about `radius`, with points in between."""
    points = np.asarray(corners, float)
    path: list[np.ndarray] = [points[0]]

    def go(end: np.ndarray) -> None:
        start = path[-1]
        path.extend(start + (end - start) * (k / straight) for k in range(1, straight + 1))

    for before, corner, after in zip(points, points[1:], points[2:], strict=False):
        back, on = before - corner, after - corner
        far_back, far_on = (float(np.sqrt((each * each).sum())) for each in (back, on))
        start = corner + back * min(0.45, radius / far_back)
        end = corner + on * min(0.45, radius / far_on)
        go(start)
        for k in range(1, pieces + 1):
            t = k / pieces
            path.append((1 - t) * (1 - t) * start + 2 * t * (1 - t) * corner + t * t * end)
    go(points[-1])
    return np.stack(path)


def at(x: float, y: float, z: float) -> Place:
    """Move by (x, y, z)."""
    return lambda points: np.asarray(points + np.array([x, y, z]))
