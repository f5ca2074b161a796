"""The compiled inner loop of the wave simulator (imported only when a sequence is computed).

    w_tt = c(x, y)^2 (D_xx + D_yy) w + s(x, y, t)

`D_xx`: five-point, fourth-order second difference (-1, 16, -30, 16, -1)/12. Time: Runge-Kutta of order four, 3/8 rule,
on the first-order system (w, w_t). Because the first half of that system is `w' = w_t`, the stages of w_t cancel and
the rule becomes, with `A(w) = c^2 (D_xx + D_yy) w + s` and step h,

    a1 = A(w, t)                                   w2 = w + h/3 v
    a2 = A(w2, t + h/3)                            w3 = w + 2h/3 v + h^2/3 a1
    a3 = A(w3, t + 2h/3)                           w4 = w + h v + h^2 (a2 - 2/3 a1)
    a4 = A(w4, t + h)                              w <- w + h v + h^2/8 (a1 + 2 a2 + a3)
                                                   v <- v + h/8 (a1 + 3 a2 + 3 a3 + a4)

which is the same rule (a test compares it with the textbook form) with half the memory traffic.

Same bits everywhere: no fastmath, so no fused multiply-add and no reassociation; the only reductions are minima and
maxima, which do not depend on the order; no transcendental function is called here.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from stbench.compiled import njit

Array = np.ndarray[Any, Any]

GHOST_ZERO, GHOST_ODD, GHOST_EVEN, GHOST_PERIODIC = range(4)
"""What lies in the two ghost layers around the unknowns: nothing, the mirror image about the wall node with or without
a change of sign, or the opposite side."""


@njit(cache=True, nogil=True)
def _second_differences(w: Array, y: int, x: int) -> Any:
    """dx^2 (D_xx + D_yy) w at the unknown (y, x); `w` carries two ghost layers."""
    near = (w[y + 1, x + 2] + w[y + 3, x + 2]) + (w[y + 2, x + 1] + w[y + 2, x + 3])
    far = (w[y, x + 2] + w[y + 4, x + 2]) + (w[y + 2, x] + w[y + 2, x + 4])
    return ((4.0 / 3.0) * near - (1.0 / 12.0) * far) - 5.0 * w[y + 2, x + 2]


@njit(cache=True, nogil=True)
def _fill_ghosts(w: Array, ghost: int) -> None:
    """Only the four sides: the cross-shaped stencil never reads the corners."""
    if ghost == GHOST_ZERO:
        return
    ny, nx = w.shape[0] - 4, w.shape[1] - 4
    sign = -1.0 if ghost == GHOST_ODD else 1.0
    # Loops, not slice assignments: those carry shape checks that double the time to compile.
    for k in range(1, 3):
        before_y, after_y, before_x, after_x = 2 + k, ny + 1 - k, 2 + k, nx + 1 - k
        if ghost == GHOST_PERIODIC:
            before_y, after_y, before_x, after_x = ny + 2 - k, 1 + k, nx + 2 - k, 1 + k
        for x in range(nx + 4):
            w[2 - k, x] = sign * w[before_y, x]
            w[ny + 1 + k, x] = sign * w[after_y, x]
        for y in range(ny + 4):
            w[y, 2 - k] = sign * w[y, before_x]
            w[y, nx + 1 + k] = sign * w[y, after_x]


@njit(cache=True, nogil=True)
def _observe(w: Array, offset: int, low: Array, high: Array) -> None:
    """Column-wise running extrema of the visible part of `w`."""
    for y in range(low.size):
        for x in range(low.size):
            value = w[y + offset, x + offset]
            low[x] = value if value < low[x] else low[x]
            high[x] = value if value > high[x] else high[x]


@njit(cache=True, nogil=True)
def _record(w: Array, offset: int, frame: Array) -> None:
    for y in range(frame.shape[0]):
        for x in range(frame.shape[1]):
            frame[y, x] = w[y + offset, x + offset]


@njit(cache=True, nogil=True)
def _force(
    forcing: Array,
    step_index: int,
    pixels: Array,
    pixel_start: Array,
    amplitude: Array,
    first_step: Array,
    factor: Array,
) -> None:
    """forcing[k] = s(t + k h/3) for the four stages; a source acts on whole steps, so its onset costs no accuracy."""
    for i in range(pixels.shape[0]):
        for stage in range(4):
            forcing[stage, pixels[i, 0], pixels[i, 1]] = 0.0
    for source in range(amplitude.size):
        age = step_index - first_step[source]
        if age < 0:
            continue
        for stage in range(4):
            value = amplitude[source] * factor[source, 3 * age + stage]
            for i in range(pixel_start[source], pixel_start[source + 1]):
                forcing[stage, pixels[i, 0], pixels[i, 1]] += value


@njit(cache=True, nogil=True)
def simulate(
    w: Array,
    v: Array,
    coefficient: Array,
    gain: Array,
    ghost: int,
    step: float,
    points: int,
    record_every: int,
    offset: int,
    pixels: Array,
    pixel_start: Array,
    amplitude: Array,
    first_step: Array,
    factor: Array,
    recorded: Array,
) -> tuple[float, float]:
    """Advance (w, v) in place over `points` time points and record every `record_every`-th; returns (minimum, maximum).

    `w` (ny + 4, nx + 4) with ghost layers, `v` and `coefficient` = (c/dx)^2 (ny, nx); `gain` (ny, nx) multiplies w and
    v after every step, or is empty; source k acts on `pixels[pixel_start[k]:pixel_start[k + 1]]` (unknown indices y, x)
    with `amplitude[k] * factor[k, 3 j + stage]` in its j-th step, counted from `first_step[k]`. `recorded` (frames,
    size, size) is the part of `w` from (offset, offset); the extrema are over all points, recorded or not.
    """
    ny, nx = v.shape
    h, h2 = step, step * step
    forcing = np.zeros((4, ny, nx))
    a1 = np.empty((ny, nx))
    w2, w3, w4 = np.zeros_like(w), np.zeros_like(w), np.zeros_like(w)
    low, high = np.empty(recorded.shape[1]), np.empty(recorded.shape[1])
    low[:], high[:] = np.inf, -np.inf
    for point in range(points):
        _observe(w, offset, low, high)
        if point % record_every == 0:
            _record(w, offset, recorded[point // record_every])
        if point == points - 1:
            break
        _force(forcing, point, pixels, pixel_start, amplitude, first_step, factor)
        _fill_ghosts(w, ghost)
        for y in range(ny):
            for x in range(nx):
                a = coefficient[y, x] * _second_differences(w, y, x) + forcing[0, y, x]
                a1[y, x] = a
                w2[y + 2, x + 2] = w[y + 2, x + 2] + h / 3 * v[y, x]
                w3[y + 2, x + 2] = (w[y + 2, x + 2] + 2 * h / 3 * v[y, x]) + h2 / 3 * a
        _fill_ghosts(w2, ghost)
        _fill_ghosts(w3, ghost)
        for y in range(ny):
            for x in range(nx):
                a = a1[y, x]
                b = coefficient[y, x] * _second_differences(w2, y, x) + forcing[1, y, x]
                c = coefficient[y, x] * _second_differences(w3, y, x) + forcing[2, y, x]
                drift = w[y + 2, x + 2] + h * v[y, x]
                w4[y + 2, x + 2] = drift + h2 * (b - 2.0 / 3.0 * a)
                w[y + 2, x + 2] = drift + h2 / 8 * ((a + 2 * b) + c)
                a1[y, x] = a + 3 * (b + c)
        _fill_ghosts(w4, ghost)
        for y in range(ny):
            for x in range(nx):
                d = coefficient[y, x] * _second_differences(w4, y, x) + forcing[3, y, x]
                v[y, x] += h / 8 * (a1[y, x] + d)
        if gain.size:
            for y in range(ny):
                for x in range(nx):
                    w[y + 2, x + 2] *= gain[y, x]
                    v[y, x] *= gain[y, x]
    return low.min(), high.max()


@njit(cache=True, nogil=True)
def store_scaled(recorded: Array, low: float, span: float, frames: Array) -> None:
    """frames = (recorded - low)/span, rounded once, to float32; both one-dimensional and contiguous."""
    for i in range(recorded.size):
        frames[i] = (recorded[i] - low) / span
