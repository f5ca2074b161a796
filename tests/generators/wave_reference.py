"""An independent wave solver in plain NumPy: textbook Runge-Kutta on (w, w_t), walls written as one thinks of them."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

Acceleration = Callable[[np.ndarray, float, int], np.ndarray]
STENCIL = np.array([-1 / 12, 4 / 3, -5 / 2, 4 / 3, -1 / 12])


def published_second_difference(w: np.ndarray, axis: int) -> np.ndarray:
    """Five points, evaluated for indices 2 .. n - 3 of its own axis and left at zero elsewhere."""
    w = np.moveaxis(w, axis, 0)
    n = w.shape[0]
    out = np.zeros_like(w)
    out[2 : n - 2] = sum(STENCIL[k] * w[k : n - 4 + k] for k in range(5))
    return np.moveaxis(out, 0, axis)


def laplacian(w: np.ndarray, boundary: str) -> np.ndarray:
    """dx^2 times the Laplacian on the visible grid."""
    if boundary == "frozen_frame":
        return published_second_difference(w, 0) + published_second_difference(w, 1)
    if boundary == "periodic":
        padded = np.pad(w, 2, mode="wrap")
    else:
        padded = np.pad(w, 2, mode="reflect", reflect_type="odd" if boundary == "dirichlet" else "even")
    n, m = w.shape
    return sum(STENCIL[k] * (padded[k : k + n, 2 : 2 + m] + padded[2 : 2 + n, k : k + m]) for k in range(5))


def runge_kutta_38(size: int, acceleration: Acceleration, step: float, points: int) -> np.ndarray:
    """All (points, size, size) displacements from rest; Kutta's 3/8 rule on the first-order system.

    `acceleration(w, t, n)`: n is the number of the step being made, because a source's onset lies between two steps.
    """
    state = np.zeros((2, size, size))
    frames = [state[0]]
    for n in range(points - 1):

        def rate(state: np.ndarray, t: float, n: int = n) -> np.ndarray:
            return np.stack([state[1], acceleration(state[0], t, n)])

        t = n * step
        k1 = rate(state, t)
        k2 = rate(state + step * k1 / 3, t + step / 3)
        k3 = rate(state + step * (k2 - k1 / 3), t + 2 * step / 3)
        k4 = rate(state + step * (k1 - k2 + k3), t + step)
        state = state + step * (k1 + 3 * k2 + 3 * k3 + k4) / 8
        frames.append(state[0])
    return np.stack(frames)


def disc(size: int, x: float, y: float, radius: float) -> np.ndarray:
    rows, columns = np.mgrid[:size, :size]
    return ((columns - x) ** 2 + (rows - y) ** 2 < radius**2).astype(float)
