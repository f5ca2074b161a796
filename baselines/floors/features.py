"""Frames as floors that search for similar training windows compare them."""

from __future__ import annotations

import numpy as np

from stbench.compiled import njit

GRID = 16
"""Of images every (size // 16)-th pixel of each axis is compared."""
LANES = 8
"""Partial sums of a distance, whatever the width of a CPU's registers."""


def reduced(frames: np.ndarray, frame_shape: tuple[int, ...]) -> np.ndarray:
    """(..., *frame): images on their grid of pixels, vectors whole in float64."""
    if len(frame_shape) != 3:
        return frames.astype(np.float64)
    step_y, step_x = (max(1, size // GRID) for size in frame_shape[1:])
    return np.ascontiguousarray(frames[..., ::step_y, ::step_x])


@njit(cache=True, nogil=True)
def squared_distances(features: np.ndarray, query: np.ndarray) -> np.ndarray:
    """|f_i - q_j|² of all rows of two tables, (i, k) and (j, k) -> (i, j) float64.

    Sums run in one fixed order: those of a matrix product have other last bits where an array lies elsewhere.
    """
    out = np.empty((len(features), len(query)))
    size = features.shape[1]
    whole = size - size % LANES
    lanes = np.empty(LANES)
    for i in range(len(features)):
        for j in range(len(query)):
            lanes[:] = 0.0
            for first in range(0, whole, LANES):
                for k in range(LANES):
                    difference = np.float64(features[i, first + k]) - np.float64(query[j, first + k])
                    lanes[k] += difference * difference
            for k in range(size - whole):
                difference = np.float64(features[i, whole + k]) - np.float64(query[j, whole + k])
                lanes[k] += difference * difference
            total = 0.0
            for k in range(LANES):
                total += lanes[k]
            out[i, j] = total
    return out
