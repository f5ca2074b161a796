"""The scheme against closed forms, a plain NumPy solver and an independent integrator."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from scipy.integrate import solve_ivp
from stbench.generators.waveeq.certificate import box, discrete_energy
from stbench.generators.waveeq.draws import Source, draw, smooth_field, source_factor, uniforms
from stbench.generators.waveeq.parameters import COURANT_LIMIT, WaveParameters
from stbench.generators.waveeq.solver import LAYER, LAYER_STRENGTH, _layer_gain, solve
from wave_reference import disc, laplacian, published_second_difference, runge_kutta_38

WALLS = ("frozen_frame", "dirichlet", "neumann", "periodic")
CENTRE = Source(amplitude=10.0, x=32, y=32, radius=5, decay=20.0, first_step=0)


def every_point(**settings: object) -> WaveParameters:
    return replace(WaveParameters(), record_every=1, normalisation="none", **settings)


def one_dimensional_modes(boundary: str, size: int) -> list[tuple[np.ndarray, float]]:
    """Two modes of each box with their -dx^2 D_xx eigenvalue: closed forms, or those of the 60 x 60 matrix."""
    if boundary == "frozen_frame":
        matrix = -published_second_difference(np.eye(size), 0)[2:-2, 2:-2]
        values, vectors = np.linalg.eigh(matrix)
        return [(np.pad(vectors[:, k], 2), float(values[k])) for k in (1, 4)]
    n = np.arange(size)
    if boundary == "periodic":
        angles = [2 * np.pi * k / size for k in (2, 3)]
        modes = [np.sin(angle * n + 0.3) for angle in angles]
    else:
        angles = [np.pi * k / (size - 1) for k in (2, 5)]
        modes = [np.sin(angle * n) if boundary == "dirichlet" else np.cos(angle * n) for angle in angles]
    symbols = [(4 / 3) * 4 * np.sin(a / 2) ** 2 - (1 / 12) * 4 * np.sin(a) ** 2 for a in angles]
    return list(zip(modes, symbols, strict=True))


@pytest.mark.parametrize("boundary", WALLS)
def test_standing_mode_follows_the_runge_kutta_polynomial_in_every_box(boundary: str) -> None:
    p = every_point(boundary=boundary)
    (along_y, symbol_y), (along_x, symbol_x) = one_dimensional_modes(boundary, p.size)
    mode, speed = np.outer(along_y, along_x), 350.0
    solution = solve(p, speed, displacement=mode)
    # w - i w_t/omega turns by R(i omega h) a step, R the polynomial every four-stage rule of order four has.
    z = 1j * speed * np.sqrt(symbol_x + symbol_y) * p.step
    growth = 1 + z + z**2 / 2 + z**3 / 6 + z**4 / 24
    for point in (1, 17, 299):
        np.testing.assert_allclose(solution.recorded[point], mode * (growth**point).real, atol=1e-12)
    np.testing.assert_allclose(solution.velocity, -mode * (growth**299).imag * z.imag / p.step, atol=1e-9)


@pytest.mark.parametrize("boundary", WALLS)
def test_kernel_equals_textbook_rule_with_two_sources_in_an_uneven_medium(boundary: str) -> None:
    size, points = 32, 80
    p = every_point(boundary=boundary, size=size, points=points)
    speed = 200 + 200 * smooth_field(uniforms(1, 2, 36).reshape(6, 6), size)
    sources = (Source(7.0, 10.2, 20.7, 4.5, 30.0, 0), Source(-11.0, 21.0, 11.5, 3.0, 55.0, 17))

    def acceleration(w: np.ndarray, t: float, n: int) -> np.ndarray:
        total = speed**2 * laplacian(w, boundary)
        for s in sources:
            if n >= s.first_step:
                age = t - s.first_step * p.step
                total += s.amplitude * np.exp(-s.decay * age) * disc(size, s.x, s.y, s.radius)
        return total

    expected = runge_kutta_38(size, acceleration, p.step, points)
    recorded = solve(p, speed, sources).recorded
    assert np.abs(recorded - expected).max() < 1e-13 * np.abs(expected).max()


def canonical_acceleration(index: int):
    drawn = draw(WaveParameters(), index)
    speed, amplitude, mask = drawn.speed, drawn.sources[0].amplitude, disc(64, 32, 32, 5)

    def acceleration(w: np.ndarray, t: float, n: int = 0) -> np.ndarray:
        return speed**2 * laplacian(w, "frozen_frame") + amplitude * np.exp(-20 * t) * mask

    return drawn, acceleration


def test_canonical_sequence_equals_the_published_recipe_in_plain_numpy() -> None:
    drawn, acceleration = canonical_acceleration(1)
    expected = runge_kutta_38(64, acceleration, 0.001, 300)
    recorded = solve(every_point(), drawn.speed, drawn.sources).recorded
    assert np.abs(recorded - expected).max() < 1e-13 * np.abs(expected).max()


def test_canonical_sequence_converges_with_order_four_to_an_independent_integrator() -> None:
    drawn, acceleration = canonical_acceleration(0)

    def rhs(t: float, y: np.ndarray) -> np.ndarray:
        w, v = y.reshape(2, 64, 64)
        return np.concatenate([v.ravel(), acceleration(w, t).ravel()])

    times = np.array([0.05, 0.15, 0.298])
    exact = solve_ivp(rhs, (0, 0.298), np.zeros(2 * 64 * 64), "DOP853", times, rtol=1e-11, atol=1e-14)
    expected = exact.y[: 64 * 64].T.reshape(3, 64, 64)
    errors = []
    for refinement in (1, 2, 4):
        p = every_point(step=0.001 / refinement, points=298 * refinement + 1)
        recorded = solve(p, drawn.speed, drawn.sources).recorded
        frames = recorded[np.rint(times / p.step).astype(int)]
        errors.append(np.sqrt(np.mean((frames - expected) ** 2)) / np.abs(expected).max())
    assert errors[0] < 1e-3  # what the published step costs
    assert errors[2] < 5e-6
    assert np.log2(errors[1] / errors[2]) > 3.8


def test_rk4_38_converges_with_order_four_in_time() -> None:
    """Against the exact solution of the semi-discrete equation, one mode of a periodic box."""
    errors = []
    for steps in (40, 80, 160):
        p = box(16, 1 / steps, steps + 1, "periodic")
        angle = 2 * np.pi * 2 / p.size
        mode = np.outer(np.ones(p.size), np.cos(angle * np.arange(p.size)))
        omega = 16 * np.sqrt((16 * np.sin(angle / 2) ** 2 - np.sin(angle) ** 2) / 3)
        errors.append(np.abs(solve(p, 1.0, displacement=mode).recorded[-1] - mode * np.cos(omega)).max())
    assert np.log2(errors[0] / errors[1]) > 3.9
    assert np.log2(errors[1] / errors[2]) > 3.9


@pytest.mark.parametrize("boundary", ["dirichlet", "neumann"])
def test_stencil_converges_with_order_four_in_space_up_to_the_walls(boundary: str) -> None:
    errors = []
    for cells in (24, 48):
        p = box(cells, 1 / 512, 513, boundary)
        wave = np.sin if boundary == "dirichlet" else np.cos
        x = np.arange(p.size) / cells
        mode = np.outer(wave(np.pi * 3 * x), wave(np.pi * 2 * x))
        exact = mode * np.cos(np.pi * np.sqrt(13))
        errors.append(np.abs(solve(p, 1.0, displacement=mode).recorded[-1] - exact).max())
    assert np.log2(errors[0] / errors[1]) > 3.9


def test_published_walls_leave_first_order_only() -> None:
    """A known defect of the published scheme, pinned: its two zero pixels are not the odd continuation of the field."""
    errors = []
    for cells in (48, 96):
        p = box(cells, 1 / 512, 513, "frozen_frame")
        x = (np.arange(p.size) - 1) / cells
        mode = np.outer(np.sin(np.pi * 3 * x), np.sin(np.pi * 2 * x))
        mode[[0, 1, -2, -1]] = mode[:, [0, 1, -2, -1]] = 0
        errors.append(np.abs(solve(p, 1.0, displacement=mode).recorded[-1] - mode * np.cos(np.pi * 13**0.5)).max())
    assert 0.5 < np.log2(errors[0] / errors[1]) < 1.5


def test_energy_is_conserved_without_source() -> None:
    p = every_point()
    along = np.arange(64) - 31.5
    bump = np.clip(1 - (along[:, None] ** 2 + along[None, :] ** 2) / 400, 0, None) ** 4
    end = solve(p, 400.0, displacement=bump)
    coefficient = 400.0**2
    before = discrete_energy(bump, np.zeros_like(bump), coefficient)
    after = discrete_energy(end.displacement, end.velocity, coefficient)
    assert abs(after / before - 1) < 1e-5
    assert np.abs(end.displacement - bump).max() > 0.5


def test_absorbing_boundary_lets_more_than_99_percent_of_the_energy_out() -> None:
    along = np.arange(64) - 31.5
    bump = np.clip(1 - (along[:, None] ** 2 + along[None, :] ** 2) / 100, 0, None) ** 4

    def energy(w: np.ndarray, v: np.ndarray) -> float:
        return float(np.sum(v**2) + 350.0**2 * sum(np.sum(slope**2) for slope in np.gradient(w)))

    end = solve(every_point(boundary="absorbing"), 350.0, displacement=bump)
    assert energy(end.displacement, end.velocity) < 0.01 * energy(bump, np.zeros_like(bump))


def test_absorbing_boundary_changes_nothing_before_a_wave_reaches_it() -> None:
    free, walled = (
        solve(every_point(boundary=boundary, points=40), 350.0, [CENTRE]).recorded
        for boundary in ("absorbing", "periodic")
    )
    assert np.abs(free - walled).max() < 1e-6 * np.abs(free).max()


def test_the_absorbing_layer_damps_with_the_cube_of_the_depth() -> None:
    p = every_point(boundary="absorbing")
    gain = _layer_gain(p, p.size + 2 * LAYER)
    middle = len(gain) // 2
    for k in (0, LAYER // 2, LAYER):
        depth = (LAYER - k) / LAYER
        rate = LAYER_STRENGTH * p.wave_speed[1] / (LAYER * p.spacing) * depth**3
        assert gain[middle, k] == gain[k, middle] == pytest.approx(1 / (1 + rate * p.step), rel=1e-14)


def test_sources_superpose() -> None:
    p = every_point(points=120)
    other = Source(-4.0, 20, 40, 3.5, 45.0, 30)
    both, first, second = (solve(p, 333.0, s).recorded for s in ([CENTRE, other], [CENTRE], [other]))
    assert np.abs(both - first - second).max() < 1e-13 * np.abs(both).max()


def test_source_that_starts_later_gives_the_same_frames_later() -> None:
    p = every_point(points=120)
    now, later = (solve(p, 333.0, [replace(CENTRE, first_step=k)]).recorded for k in (0, 25))
    assert np.array_equal(later[25:], now[:-25])
    assert not later[:26].any()


def test_centred_source_gives_frames_symmetric_under_transposition() -> None:
    recorded = solve(every_point(), 350.0, [CENTRE]).recorded
    assert np.abs(recorded - recorded.transpose(0, 2, 1)).max() < 1e-13 * np.abs(recorded).max()
    assert np.abs(recorded - recorded[:, :, ::-1]).max() > 0.1 * np.abs(recorded).max()


def test_frozen_frame_stays_exactly_zero() -> None:
    recorded = solve(every_point(), 400.0, [CENTRE]).recorded
    frame = np.ones((64, 64), bool)
    frame[2:-2, 2:-2] = False
    assert not recorded[:, frame].any()
    assert recorded[-1, 2:-2, 2:-2].all()


def test_extrema_cover_the_time_points_that_are_not_recorded() -> None:
    fine, coarse = (solve(replace(every_point(), record_every=k), 350.0, [CENTRE]) for k in (1, 50))
    assert (coarse.low, coarse.high) == (fine.recorded.min(), fine.recorded.max())
    assert coarse.recorded.max() < fine.recorded.max()
    assert np.array_equal(coarse.recorded, fine.recorded[::50])


def test_stability_limit_is_sharp() -> None:
    """Just below sqrt(3)/2 the shortest wave of a periodic grid stays bounded; just above it grows."""
    checkerboard = (-1.0) ** np.add.outer(np.arange(16), np.arange(16))
    largest = {}
    for factor in (0.999, 1.001):
        p = every_point(
            size=16,
            boundary="periodic",
            points=2000,
            wave_speed=(1.0, 1.0),
            source_decay=(0.0, 0.0),
            step=0.999 * COURANT_LIMIT,
        )
        # The parameters refuse the unstable step, so the medium is made faster instead.
        largest[factor] = np.abs(solve(p, factor / 0.999, displacement=checkerboard).recorded[-1]).max()
    assert largest[0.999] <= 1
    assert largest[1.001] > 10


def test_source_factor_is_the_correctly_rounded_exponential() -> None:
    from decimal import Decimal, localcontext

    factor = source_factor(20.0, 0.001, 300)
    with localcontext() as context:
        context.prec = 60
        exact = [float((-20 * Decimal.from_float(0.001) * j / 3).exp()) for j in range(898)]
    assert factor.tolist() == exact
