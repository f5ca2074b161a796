"""The chairs stand-in: its rasteriser against plain NumPy, its meshes, its cameras, and what a chair is drawn from."""

from __future__ import annotations

import hashlib
from collections import Counter

import numpy as np
import pytest
from hypothesis import assume, example, given, settings
from hypothesis import strategies as st
from stbench.generators.chairs.dataset import chairs
from stbench.generators.chairs.stand_in import kernel
from stbench.generators.chairs.stand_in.drawing import _cameras, body, draw
from stbench.generators.chairs.stand_in.factors import described, factors
from stbench.generators.chairs.stand_in.mesh import Material, Mesh, at, bar, hoop, lathe, rounded, slab, tube
from stbench.generators.chairs.stand_in.sky import directions, sky_seen
from stbench.generators.chairs.stand_in.traits import MEASURES, STYLES, kinds, meanings, traits
from stbench.generators.chairs.views import ALL, turn

WOOD = Material((200.0, 100.0, 50.0), 0.0)
SIDE = 20
BOX = (100, 100, 500, 500)


# ---- the rasteriser


def filled(points: np.ndarray, faces: np.ndarray, side: int = SIDE, origin: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Depth and owner of each sample; `points` (n, 3): x, y in pixels, 1/depth."""
    fine = side * kernel.SAMPLES
    depth, owner = np.zeros((fine, fine), np.float32), np.full((fine, fine), -1, np.int32)
    corner = np.full(2, origin * kernel.SAMPLES, np.int64)
    kernel._fill(points, faces, np.zeros(len(faces), np.bool_), corner, depth, owner)
    return depth, owner


def inside(points: np.ndarray, triangle: np.ndarray) -> np.ndarray:
    """Samples strictly inside a triangle, with its corners rounded to 1/256 of a sample."""
    fine = SIDE * kernel.SAMPLES
    corners = np.floor(points[triangle, :2] * kernel.SAMPLES * kernel.SUB + 0.5) / kernel.SUB
    y, x = np.mgrid[:fine, :fine] + 0.5
    sides = []
    for k in range(3):
        (x0, y0), (x1, y1) = corners[k], corners[(k + 1) % 3]
        sides.append((x1 - x0) * (y - y0) - (y1 - y0) * (x - x0))
    return (np.min(sides, axis=0) > 0) | (np.max(sides, axis=0) < 0)


pixel = st.floats(-4.0, SIDE + 4.0, allow_nan=False).map(lambda v: round(v, 3))
corner = st.tuples(pixel, pixel, st.floats(0.1, 1.0))


@settings(deadline=None, max_examples=100)
@example(points=[(0.0, 0.0, 1.0), (1.0, 0.0, 1.0), (1.258, 1.258, 1.0)])  # a tip beside a sample
@given(points=st.lists(corner, min_size=3, max_size=3))
def test_a_triangle_covers_the_samples_inside_it(points: list[tuple[float, float, float]]) -> None:
    array, faces = np.array(points), np.array([[0, 1, 2]])
    assume(_area(array) > 0.01)  # three corners in a line have no inside
    _, owner = filled(array, faces)
    covered, reference = owner == 0, inside(array, faces[0])
    assert covered[reference].all()
    # More only on its very edge.
    assert (covered & ~reference).sum() <= 3 * SIDE * kernel.SAMPLES
    assert not (covered & ~reference)[~_near_edge(array)].any()


def _area(points: np.ndarray) -> float:
    (x0, y0), (x1, y1), (x2, y2) = points[:, :2]
    return abs(float((x1 - x0) * (y2 - y0) - (y1 - y0) * (x2 - x0))) / 2


def _near_edge(points: np.ndarray) -> np.ndarray:
    """Samples at most 0.01 pixels from a side."""
    sample = np.moveaxis((np.mgrid[: SIDE * kernel.SAMPLES, : SIDE * kernel.SAMPLES] + 0.5) / kernel.SAMPLES, 0, -1)
    found = np.zeros(sample.shape[:2], bool)
    for k in range(3):
        start, side = points[k, 1::-1], points[(k + 1) % 3, 1::-1] - points[k, 1::-1]
        along = np.clip((sample - start) @ side / (side @ side), 0, 1)
        found |= np.linalg.norm(sample - start - along[..., None] * side, axis=-1) <= 0.01
    return found


@settings(deadline=None, max_examples=60)
@given(middle=st.tuples(st.floats(7, 13), st.floats(7, 13)), count=st.integers(3, 9), first=st.floats(0, 1))
def test_triangles_that_share_edges_leave_no_gap_and_never_overlap(
    middle: tuple[float, float], count: int, first: float
) -> None:
    around = np.array([turn((k + first) / count) for k in range(count)]) * 12.0 + 10.0
    points = np.concatenate([[middle], around])
    points = np.column_stack([points, np.full(len(points), 0.5)])
    faces = np.array([[0, 1 + k, 1 + (k + 1) % count] for k in range(count)])
    counts = sum((filled(points, faces[k : k + 1])[1] >= 0).astype(int) for k in range(count))
    assert counts.max() == 1
    assert np.array_equal(filled(points, faces)[1] >= 0, counts == 1)
    # A polygon without holes: every row is one run.
    for row in counts:
        assert np.abs(np.diff(np.concatenate([[0], row, [0]]))).sum() <= 2
    assert counts[int(2 * middle[1]), int(2 * middle[0])] == 1


def test_the_nearest_facet_is_seen_whatever_the_order() -> None:
    far = np.array([[1.0, 1.0, 0.2], [19.0, 1.0, 0.2], [1.0, 19.0, 0.2]])
    near = far * [0.5, 0.5, 1.0] + [2.0, 2.0, 0.3]
    points = np.concatenate([far, near])
    one, two = (filled(points, np.array(order)) for order in ([[0, 1, 2], [3, 4, 5]], [[3, 4, 5], [0, 1, 2]]))
    assert np.array_equal(one[0], two[0])
    assert np.array_equal(one[1][one[1] >= 0], 1 - two[1][two[1] >= 0])
    assert one[1][12, 12] == 1


def test_inverse_depth_is_interpolated_linearly_over_the_picture() -> None:
    points = np.array([[0.0, 0.0, 0.2], [20.0, 0.0, 0.6], [0.0, 20.0, 1.0]])
    depth, owner = filled(points, np.array([[0, 1, 2]]))
    y, x = (np.mgrid[:40, :40] + 0.5) / 2.0
    expected = 0.2 + 0.4 * x / 20 + 0.8 * y / 20
    assert np.allclose(depth[owner == 0], expected[owner == 0], atol=1e-6)


def test_a_part_of_a_picture_is_that_part_of_the_whole() -> None:
    whole, part = draw(0, 13, (0, 0, 600, 600), 600), draw(0, 13, BOX, 600)
    assert np.array_equal(whole[:, 100:500, 100:500], part)
    # Nothing of a chair is cut off.
    whole[:, 105:495, 105:495] = 255
    assert whole.min() == 255


def test_version_one_of_the_stand_in_has_the_same_pixels_on_every_machine() -> None:
    """Fails too when a chair changes without a new version of the dataset, which is part of the identity of a store."""
    digest = hashlib.sha256()
    for number in (3, 13, 36, 96, 185):
        digest.update(draw(0, number, BOX, 600).tobytes())
    assert chairs.version == "1"
    assert digest.hexdigest() == "21fa00b38e86263e358338b0e115c4daec99d956a284d1a906e503ab08e9a7ed"


# ---- meshes


PARTS = {
    "bar": lambda mesh: bar(mesh, (0, 0, 0), (0.1, 1.0, 0.2), (0.05, 0.02), WOOD),
    "square bar": lambda mesh: bar(mesh, (0, 0, 0), (0.0, 1.0, 0.0), 0.05, WOOD, sides=4),
    "bend": lambda mesh: tube(mesh, rounded([(0, 0, 0), (0, 1, 0), (1, 1, 0)], 0.3), 0.05, WOOD),
    "hoop": lambda mesh: hoop(mesh, [[c, 0, s] for c, s in (turn(k / 12) for k in range(12))], 0.1, WOOD),
    "slab": lambda mesh: slab(mesh, (0.4, 0.3), 0.1, WOOD, at(0, 1, 0), roundness=0.4, crown=0.02),
    "lathe": lambda mesh: lathe(mesh, [(0.0, 0.0), (0.3, 0.1), (0.2, 0.5), (0.0, 0.6)], WOOD, at(0, 0, 0)),
}


@pytest.mark.parametrize("name", PARTS)
def test_a_closed_part_has_no_hole_and_its_outside_outside(name: str) -> None:
    mesh = Mesh()
    PARTS[name](mesh)
    points, faces = mesh.vertices[0], mesh.faces[0]
    # Corners at one place are one corner; facets without area have no sides.
    _, same = np.unique(np.round(points, 9), axis=0, return_inverse=True)
    faces = same.reshape(-1)[faces]
    faces = faces[(faces[:, 0] != faces[:, 1]) & (faces[:, 1] != faces[:, 2]) & (faces[:, 2] != faces[:, 0])]
    sides = Counter((int(f[k]), int(f[(k + 1) % 3])) for f in faces for k in range(3))
    assert all(sides[(b, a)] == count for (a, b), count in sides.items())
    a, b, c = (mesh.vertices[0][mesh.faces[0][:, k]] for k in range(3))
    assert float((a * np.cross(b, c)).sum()) > 0.0


def test_normals_are_those_of_numpy() -> None:
    it = body(0, 5)
    a, b, c = (it.vertices[it.faces[:, k]] for k in range(3))
    cross = np.cross(b - a, c - a)
    length = np.linalg.norm(cross, axis=1, keepdims=True)
    expected = np.divide(cross, length, out=np.zeros_like(cross), where=length > 1e-14)
    assert np.allclose(it.normal, expected, atol=1e-9)


def test_the_underside_of_a_plate_sees_less_sky_than_its_top() -> None:
    mesh = Mesh()
    slab(mesh, (0.5, 0.5), 0.05, WOOD, at(0, 0, 0))
    points, faces = mesh.vertices[0], mesh.faces[0].astype(np.int64)
    normal = kernel.normals(points, faces)
    seen = sky_seen(points, faces, normal, directions(), 0.8)[:, 0]
    assert seen[normal[:, 1] > 0.9].mean() > 2.0 * seen[normal[:, 1] < -0.9].mean()


# ---- cameras


def test_cameras_look_from_the_angles_of_the_names() -> None:
    for view, row in zip(ALL, _cameras(3.0), strict=True):
        axes = row[:9].reshape(3, 3)
        assert np.allclose(axes @ axes.T, np.eye(3), atol=1e-8)
        assert np.linalg.det(axes) > 0
        towards = axes[2]
        assert np.degrees(np.arcsin(towards[1])) == pytest.approx(view.elevation, abs=1e-6)
        azimuth = np.degrees(np.arctan2(towards[0], towards[2])) % 360
        assert view.azimuth <= azimuth + 1e-6 < view.azimuth + 1


def test_a_camera_projects_as_a_matrix_does() -> None:
    points = np.random.default_rng(0).normal(size=(20, 3)) * 0.3
    row = _cameras(2.5)[17]
    seen = np.empty((20, 3))
    kernel.project(points, row, 500.0, 300.0, seen)
    x, y, z = (points @ row[:9].reshape(3, 3).T).T
    assert np.allclose(seen, np.column_stack([300 + 500 * x / (2.5 - z), 300 - 500 * y / (2.5 - z), 1 / (2.5 - z)]))


def test_a_chair_with_two_equal_sides_looks_mirrored_from_mirrored_directions() -> None:
    number = next(k for k in range(100) if traits(0, k).kind == "dining")
    shadow = (draw(0, number, BOX, 600) < 255).any(axis=-1)
    for k in (1, 8, 13):
        for first in (0, 31):
            left, right = shadow[first + k], shadow[first + 31 - k][:, ::-1]
            assert (left ^ right).sum() < 0.02 * left.sum()


# ---- what a chair is


def test_a_chair_has_more_than_twenty_measures_within_the_bounds_of_its_kind() -> None:
    assert len(MEASURES) > 20
    for number in range(150):
        chair = traits(0, number)
        kind = kinds()["kinds"][chair.kind]
        bounds = {**kinds()["usual"], **kind["bounds"]}
        for measure in set(MEASURES) - {"back_bars", "cushion", "seat_crown"}:
            low, high = bounds[measure]
            assert low <= getattr(chair.shape, measure) <= high, measure
        for style in set(STYLES) - {"stretchers"}:
            assert getattr(chair, style) in kind[style]


def test_every_kind_and_style_occurs_and_no_two_chairs_are_alike() -> None:
    known = factors(0, range(400))
    for style, values in meanings().items():
        assert set(known[style].tolist()) == set(range(len(values))), style
    assert len(np.unique(known["shape"], axis=0)) == 400
    assert {name: (rows.shape[1:], str(rows.dtype)) for name, rows in known.items()} == {
        name: (shape, dtype) for name, (_, shape, dtype, _) in described().items()
    }


def test_chairs_differ_with_the_seed() -> None:
    assert not np.array_equal(factors(0, range(5))["shape"], factors(1, range(5))["shape"])
