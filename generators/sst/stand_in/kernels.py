"""Numba kernels of the simulated ocean: quasi-geostrophic flow and advection of its surface temperature.

Only +, -, *, / and comparisons on IEEE numbers, in a fixed order, without fastmath, threads or library calls: the flow
is chaotic, so that one differing last bit would grow into another ocean within months. What needs a cosine comes in as
a rounded table.

Flow (on a grid of half the resolution, cell = 1, time in days), 1.5 layers:

    q = laplacian(psi) - psi / Ld**2
    dq/dt = -J(psi, q) - beta dpsi/dx + forcing + nu laplacian(zeta) - r zeta,    zeta = laplacian(psi)

with Arakawa's (1966) Jacobian, which conserves energy and enstrophy, third-order Adams-Bashforth steps and successive
over-relaxation for psi; psi = 0 and zeta = 0 (free slip) on land and walls.
"""

from __future__ import annotations

import numpy as np

from stbench.compiled import njit


@njit(cache=True)
def vorticity_tendency(
    psi: np.ndarray,
    q: np.ndarray,
    forcing: np.ndarray,
    ocean: np.ndarray,
    zeta: np.ndarray,
    tendency: np.ndarray,
    beta: float,
    screening: float,
    viscosity: float,
    drag: float,
) -> None:
    """Right-hand side of the potential vorticity equation into `tendency`; `zeta` is scratch; all (rows, columns)."""
    rows, columns = psi.shape
    for i in range(rows):
        for j in range(columns):
            zeta[i, j] = ocean[i, j] * (q[i, j] + screening * psi[i, j])
    for i in range(1, rows - 1):
        for j in range(1, columns - 1):
            n, s, e, w = psi[i + 1, j], psi[i - 1, j], psi[i, j + 1], psi[i, j - 1]
            ne, nw, se, sw = psi[i + 1, j + 1], psi[i + 1, j - 1], psi[i - 1, j + 1], psi[i - 1, j - 1]
            qn, qs, qe, qw = q[i + 1, j], q[i - 1, j], q[i, j + 1], q[i, j - 1]
            qne, qnw, qse, qsw = q[i + 1, j + 1], q[i + 1, j - 1], q[i - 1, j + 1], q[i - 1, j - 1]
            plus_plus = (e - w) * (qn - qs) - (n - s) * (qe - qw)
            plus_cross = e * (qne - qse) - w * (qnw - qsw) - n * (qne - qnw) + s * (qse - qsw)
            cross_plus = ne * (qn - qe) - sw * (qw - qs) - nw * (qn - qw) + se * (qe - qs)
            jacobian = (plus_plus + plus_cross + cross_plus) / 12.0
            diffusion = zeta[i + 1, j] + zeta[i - 1, j] + zeta[i, j + 1] + zeta[i, j - 1] - 4.0 * zeta[i, j]
            tendency[i, j] = ocean[i, j] * (
                forcing[i, j] - jacobian - beta * 0.5 * (e - w) + viscosity * diffusion - drag * zeta[i, j]
            )


@njit(cache=True)
def adams_bashforth(q: np.ndarray, now: np.ndarray, before: np.ndarray, earlier: np.ndarray, step: float) -> None:
    """q += step (23 f_n - 16 f_(n-1) + 5 f_(n-2)) / 12."""
    rows, columns = q.shape
    for i in range(rows):
        for j in range(columns):
            q[i, j] += step * (23.0 * now[i, j] - 16.0 * before[i, j] + 5.0 * earlier[i, j]) / 12.0


@njit(cache=True)
def solve_stream_function(
    psi: np.ndarray, q: np.ndarray, ocean: np.ndarray, screening: float, relaxation: float, sweeps: int
) -> None:
    """Improve `psi` towards laplacian(psi) - screening psi = q: `sweeps` of red-black successive over-relaxation.

    The screening makes the matrix strongly diagonally dominant (spectral radius per sweep about 0.57 at Ld = 2.5
    cells), so a few sweeps from an extrapolated guess are enough."""
    rows, columns = psi.shape
    factor = relaxation / (4.0 + screening)
    for _ in range(sweeps):
        for colour in range(2):
            for i in range(1, rows - 1):
                for j in range(1 + (i + colour) % 2, columns - 1, 2):
                    neighbours = (psi[i + 1, j] + psi[i - 1, j]) + (psi[i, j + 1] + psi[i, j - 1])
                    change = factor * (neighbours - q[i, j]) - relaxation * psi[i, j]
                    psi[i, j] += ocean[i, j] * change


@njit(cache=True)
def refine(coarse: np.ndarray, fine: np.ndarray) -> None:
    """Cubic interpolation of `coarse` on to a grid of twice the resolution (fine[2 i, 2 j] = coarse[i, j])."""
    rows, columns = fine.shape
    last_row, last_column = coarse.shape[0] - 1, coarse.shape[1] - 1
    for i in range(0, rows, 2):
        c = i // 2
        for j in range(columns):
            d = j // 2
            if j % 2 == 0:
                fine[i, j] = coarse[c, d]
            else:
                inner = coarse[c, d] + coarse[c, min(d + 1, last_column)]
                outer = coarse[c, max(d - 1, 0)] + coarse[c, min(d + 2, last_column)]
                fine[i, j] = (9.0 * inner - outer) / 16.0
    even = 2 * min(last_row, (rows - 1) // 2)
    for i in range(1, rows, 2):
        below, above = i - 1, min(i + 1, even)
        lower, upper = max(i - 3, 0), min(i + 3, even)
        for j in range(columns):
            fine[i, j] = (9.0 * (fine[below, j] + fine[above, j]) - (fine[lower, j] + fine[upper, j])) / 16.0


@njit(cache=True)
def velocity(stream: np.ndarray, ocean: np.ndarray, u: np.ndarray, v: np.ndarray, factor: float) -> None:
    """u = -factor dpsi/dy, v = factor dpsi/dx by central differences; zero on land and on the outermost cells."""
    rows, columns = stream.shape
    for i in range(1, rows - 1):
        for j in range(1, columns - 1):
            u[i, j] = -factor * ocean[i, j] * (stream[i + 1, j] - stream[i - 1, j])
            v[i, j] = factor * ocean[i, j] * (stream[i, j + 1] - stream[i, j - 1])


@njit(cache=True, inline="always")
def _clamped(value: np.float32, largest: np.float32) -> np.float32:
    return min(max(value, np.float32(0.0)), largest)


@njit(cache=True)
def advect(temperature: np.ndarray, u: np.ndarray, v: np.ndarray, advected: np.ndarray) -> None:
    """Semi-Lagrangian step: advected(x) = temperature(x - displacement), `u`, `v` in cells per step, all float32.

    The departure point comes from the displacement half-way back (second order); the value from the 4 x 4 cells around
    it by cubic Lagrange weights, limited to the range of the inner four so that fronts stay sharp and no value is
    invented."""
    rows, columns = temperature.shape
    half, one, two, six = np.float32(0.5), np.float32(1.0), np.float32(2.0), np.float32(6.0)
    top, right = np.float32(rows - 1), np.float32(columns - 1)
    for i in range(rows):
        for j in range(columns):
            y = _clamped(np.float32(i) - half * v[i, j], top)
            x = _clamped(np.float32(j) - half * u[i, j], right)
            r, c = min(int(y), rows - 2), min(int(x), columns - 2)
            b, a = y - np.float32(r), x - np.float32(c)
            w00, w01, w10, w11 = (one - b) * (one - a), (one - b) * a, b * (one - a), b * a
            back_u = w00 * u[r, c] + w01 * u[r, c + 1] + w10 * u[r + 1, c] + w11 * u[r + 1, c + 1]
            back_v = w00 * v[r, c] + w01 * v[r, c + 1] + w10 * v[r + 1, c] + w11 * v[r + 1, c + 1]
            y = _clamped(np.float32(i) - back_v, top)
            x = _clamped(np.float32(j) - back_u, right)
            r, c = min(int(y), rows - 2), min(int(x), columns - 2)
            b, a = y - np.float32(r), x - np.float32(c)
            t00, t01, t10, t11 = (
                temperature[r, c],
                temperature[r, c + 1],
                temperature[r + 1, c],
                temperature[r + 1, c + 1],
            )
            if r < 1 or c < 1 or r > rows - 3 or c > columns - 3:
                advected[i, j] = (one - b) * ((one - a) * t00 + a * t01) + b * ((one - a) * t10 + a * t11)
                continue
            a0, a1 = -a * (a - one) * (a - two) / six, (a + one) * (a - one) * (a - two) * half
            a2, a3 = -(a + one) * a * (a - two) * half, (a + one) * a * (a - one) / six
            b0, b1 = -b * (b - one) * (b - two) / six, (b + one) * (b - one) * (b - two) * half
            b2, b3 = -(b + one) * b * (b - two) * half, (b + one) * b * (b - one) / six
            south, north = temperature[r - 1], temperature[r + 2]
            low, high = temperature[r], temperature[r + 1]
            value = (
                b0 * (a0 * south[c - 1] + a1 * south[c] + a2 * south[c + 1] + a3 * south[c + 2])
                + b1 * (a0 * low[c - 1] + a1 * t00 + a2 * t01 + a3 * low[c + 2])
                + b2 * (a0 * high[c - 1] + a1 * t10 + a2 * t11 + a3 * high[c + 2])
                + b3 * (a0 * north[c - 1] + a1 * north[c] + a2 * north[c + 1] + a3 * north[c + 2])
            )
            smallest, largest = min(min(t00, t01), min(t10, t11)), max(max(t00, t01), max(t10, t11))
            advected[i, j] = min(max(value, smallest), largest)


@njit(cache=True)
def exchange_heat(
    temperature: np.ndarray,
    relaxed: np.ndarray,
    ocean: np.ndarray,
    target: np.ndarray,
    rate: np.ndarray,
    weight: np.float32,
) -> None:
    """Relax towards the atmosphere, mix a little with the neighbours, and continue the temperature harmonically over
    land.

    relaxed = T + rate (target - T) + weight (mean of the 4 neighbours - T) on the ocean, the mean of the neighbours on
    land (so that no heat leaks through the coast); float32."""
    rows, columns = temperature.shape
    quarter = np.float32(0.25)
    for i in range(rows):
        up, down = min(i + 1, rows - 1), max(i - 1, 0)
        for j in range(columns):
            right, left = min(j + 1, columns - 1), max(j - 1, 0)
            here = temperature[i, j]
            mean = quarter * (
                (temperature[up, j] + temperature[down, j]) + (temperature[i, right] + temperature[i, left])
            )
            if ocean[i, j] > 0:
                relaxed[i, j] = here + rate[i, j] * (target[i, j] - here) + weight * (mean - here)
            else:
                relaxed[i, j] = mean
