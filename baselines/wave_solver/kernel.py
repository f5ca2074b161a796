"""The compiled time loop of the solver. Imported only when something is solved.

    w_tt = (c/h)² (δ_yy + δ_xx) w + m(x, y) exp(-a t)                                                   (Eq. 31, 33)

δ: the second difference on five points, (-1, 16, -30, 16, -1)/12; h the distance of nodes. Time: Runge-Kutta of order
four by the 3/8 rule, on (w, v = w_t). With g_i the accelerations of its four stages and τ the time step,

    g1 = A(w, t)                                           g2 = A(w + τ/3 v, t + τ/3)
    g3 = A(w + 2τ/3 v + τ²/3 g1, t + 2τ/3)                 g4 = A(w + τ v + τ² (g2 - 2/3 g1), t + τ)
    w <- w + τ v + τ²/8 (g1 + 2 g2 + g3)                   v <- v + τ/8 (g1 + 3 g2 + 3 g3 + g4)
"""

from __future__ import annotations

from typing import Any

import numpy as np

from stbench.compiled import njit

Array = np.ndarray[Any, Any]


@njit(cache=True, nogil=True)
def _accelerate(w: Array, rate: float, mask: Array, force: float, out: Array) -> None:
    """out (m, m) = A(w); `w` (m + 4, m + 4) has a frame of two nodes that are 0."""
    m = out.shape[0]
    for y in range(m):
        for x in range(m):
            centre = w[y + 2, x + 2]
            next_to = w[y + 1, x + 2] + w[y + 3, x + 2] + w[y + 2, x + 1] + w[y + 2, x + 3]
            beyond = w[y, x + 2] + w[y + 4, x + 2] + w[y + 2, x] + w[y + 2, x + 4]
            out[y, x] = rate * ((16.0 * next_to - beyond - 60.0 * centre) / 12.0) + force * mask[y, x]


@njit(cache=True, nogil=True)
def _step(w: Array, v: Array, rate: float, mask: Array, force: Array, tau: float, g: Array, u: Array) -> None:
    """One time step in place; `force` (4,) exp(-a t) of the four stages, `g` (4, m, m) and `u` (m + 4, m + 4) room."""
    m = v.shape[0]
    _accelerate(w, rate, mask, force[0], g[0])
    for y in range(m):
        for x in range(m):
            u[y + 2, x + 2] = w[y + 2, x + 2] + tau / 3.0 * v[y, x]
    _accelerate(u, rate, mask, force[1], g[1])
    for y in range(m):
        for x in range(m):
            u[y + 2, x + 2] = w[y + 2, x + 2] + tau * (2.0 / 3.0 * v[y, x] + tau / 3.0 * g[0, y, x])
    _accelerate(u, rate, mask, force[2], g[2])
    for y in range(m):
        for x in range(m):
            drift = w[y + 2, x + 2] + tau * v[y, x]
            u[y + 2, x + 2] = drift + tau * tau * (g[1, y, x] - 2.0 / 3.0 * g[0, y, x])
            w[y + 2, x + 2] = drift + tau * tau / 8.0 * (g[0, y, x] + 2.0 * g[1, y, x] + g[2, y, x])
    _accelerate(u, rate, mask, force[3], g[3])
    for y in range(m):
        for x in range(m):
            v[y, x] += tau / 8.0 * (g[0, y, x] + 3.0 * (g[1, y, x] + g[2, y, x]) + g[3, y, x])


@njit(cache=True, nogil=True)
def integrate(
    rate: float, mask: Array, force: Array, tau: float, per_frame: int, first: int, last: int, end: int
) -> tuple[Array, float, float]:
    """Frames `first` .. `last` - 1 of the field that starts at rest, (last - first, n, n), and its extrema.

    `rate` (c/h)² in 1/s², `mask` (n - 4, n - 4), `force` (3 · steps + 1,) exp(-a t) at every third of a step; a frame
    is every `per_frame` steps. The extrema are over the time points 0 .. `end` - 1; no step goes beyond what is asked
    for.
    """
    m = mask.shape[0]
    w, u = np.zeros((m + 4, m + 4)), np.zeros((m + 4, m + 4))
    v, g = np.zeros((m, m)), np.empty((4, m, m))
    frames = np.empty((last - first, m + 4, m + 4))
    low, high = 0.0, 0.0
    for point in range(max(end, (last - 1) * per_frame + 1)):
        if point > 0:
            _step(w, v, rate, mask, force[3 * point - 3 : 3 * point + 1], tau, g, u)
        frame = point // per_frame
        if point % per_frame == 0 and first <= frame < last:
            frames[frame - first] = w
        if point < end:
            for y in range(m):
                for x in range(m):
                    low = min(low, w[y + 2, x + 2])
                    high = max(high, w[y + 2, x + 2])
    return frames, low, high
