"""Structural similarity with a uniform window: `ssim_uniform7`, `ssim_uniform7_range2`, `ssim_uniform7_uint8`.

Three metrics that papers all print as "SSIM". They differ from `ssim_gauss11` in the window and in the covariances, and
from each other in the data range L that enters C1 and C2, so they must not stand in one table: range 2 is what
scikit-image up to 0.19 assumed of floating-point frames in [0, 1], and bytes are what the PredRNN line compares.
"""

from __future__ import annotations

from functools import partial
from typing import Any

import numpy as np

from stbench.compiled import njit
from stbench.errors import StbenchError
from stbench.metrics import Metric

SIDE = 7
AREA = float(SIDE**2)
TRUNCATED = 16
"""Frames whose bytes are held at a time: few enough to stay in the cache."""
SAMPLE = SIDE**2 / (SIDE**2 - 1)
"""Biased moments times this are sample (co)variances."""


@njit(cache=True, nogil=True, error_model="numpy")
def _ssim_planes(
    p: np.ndarray, t: np.ndarray, c1: float, c2: float, rows: np.ndarray, line: np.ndarray, out: np.ndarray
) -> None:
    """Mean SSIM of every plane of `p`, `t` (planes, y, x) into `out` (planes,), valid windows only.

    Works on sums over a window, s = 49 μ: both factors of the formula are taken 49² times, which cancels in the
    fraction and saves the divisions. Sums go along y, then along x, always in the same order; the loops over x are
    independent, so they vectorise without reordering a sum, and the error model without a check for zero lets them
    (no denominator is zero). `rows` (4, y, x) and `line` (4, x) are scratch; their type is that of the sums.
    """
    planes, height, width = p.shape
    last_row, columns = height - 6, width - 6
    k1, k2 = c1 * AREA * AREA, c2 * AREA * AREA
    totals = np.empty(columns)
    for plane in range(planes):
        for y in range(height):
            a, b, squares, product = rows[0, y], rows[1, y], rows[2, y], rows[3, y]
            for x in range(width):
                a[x] = p[plane, y, x]
                b[x] = t[plane, y, x]
            for x in range(width):
                squares[x] = a[x] * a[x] + b[x] * b[x]
            for x in range(width):
                product[x] = a[x] * b[x]
        totals[:] = 0.0
        for y in range(last_row):
            for m in range(4):
                r, s = rows[m], line[m]
                for x in range(width):
                    s[x] = r[y + 3, x] + (
                        (r[y, x] + r[y + 6, x]) + (r[y + 1, x] + r[y + 5, x]) + (r[y + 2, x] + r[y + 4, x])
                    )
            sums_p, sums_t, sums_squares, sums_product = line[0], line[1], line[2], line[3]
            for x in range(columns):
                s_p, s_t = np.float64(_seven(sums_p, x)), np.float64(_seven(sums_t, x))
                cross = s_p * s_t
                squared = s_p * s_p + s_t * s_t
                covariance = 2.0 * SAMPLE * (AREA * np.float64(_seven(sums_product, x)) - cross)
                variances = SAMPLE * (AREA * np.float64(_seven(sums_squares, x)) - squared)
                totals[x] += ((2.0 * cross + k1) * (covariance + k2)) / ((squared + k1) * (variances + k2))
        total = 0.0
        for x in range(columns):
            total += totals[x]
        out[plane] = total / (last_row * columns)


@njit(cache=True, nogil=True, inline="always")
def _seven(s: np.ndarray, x: int) -> float:
    return s[x + 3] + ((s[x] + s[x + 6]) + (s[x + 1] + s[x + 5]) + (s[x + 2] + s[x + 4]))  # type: ignore[no-any-return]


@njit(cache=True, nogil=True)
def _truncate(frames: np.ndarray, out: np.ndarray) -> None:
    """floor(255 clip(x, 0, 1)) of every element, in float64 on the way."""
    for i in range(frames.size):
        out[i] = np.floor(255.0 * min(max(np.float64(frames[i]), 0.0), 1.0))


def uniform_similarity(prediction: np.ndarray, target: np.ndarray, data_range: float = 1.0) -> np.ndarray:
    """mean over positions of (2 μp μt + C1)(2 σpt + C2) / ((μp² + μt² + C1)(σp² + σt² + C2)).

    `(n, time, channel, y, x)` twice -> `(n, time)` float64. Moments under a uniform 7x7 window, sample (co)variances
    (times 49/48), C1 = (0.01 L)², C2 = (0.03 L)², L = `data_range`; only positions where the window lies inside the
    frame. Mean over positions per channel, then over channels. Raises `StbenchError` for frames smaller than 7x7.
    """
    return _similarity(prediction, target, data_range, np.float64)


def byte_similarity(prediction: np.ndarray, target: np.ndarray) -> np.ndarray:
    """`uniform_similarity` with L = 255 of floor(255 clip(x, 0, 1)): frames as the PredRNN line writes them."""
    n, time, *frame = prediction.shape
    rows = [np.ascontiguousarray(each).reshape(n * time, *frame) for each in (prediction, target)]
    levels = np.empty((2, min(TRUNCATED, n * time), *frame), np.float32)
    values = np.empty(n * time)
    for first in range(0, n * time, TRUNCATED):
        some = slice(first, min(first + TRUNCATED, n * time))
        whole = levels[:, : some.stop - first]
        for frames, into in zip(rows, whole, strict=True):
            _truncate(frames[some].reshape(-1), into.reshape(-1))
        # Sums of 49 squares of two bytes are whole numbers below 2^23: float32 holds them exactly.
        values[some] = _similarity(whole[0][None], whole[1][None], 255.0, np.float32)
    return values.reshape(n, time)


def _similarity(
    prediction: np.ndarray, target: np.ndarray, data_range: float, sums: type[np.floating[Any]]
) -> np.ndarray:
    """`sums`: type in which moments are added up."""
    n, time, channels, height, width = prediction.shape
    if min(height, width) < SIDE:
        raise StbenchError(
            f"ssim_uniform7 needs frames of at least {SIDE}x{SIDE} pixels, these have {height}x{width}: "
            "leave it out of the track"
        )
    planes = (n * time * channels, height, width)
    out = np.empty(planes[0])
    _ssim_planes(
        np.ascontiguousarray(prediction).reshape(planes),
        np.ascontiguousarray(target).reshape(planes),
        (0.01 * data_range) ** 2,
        (0.03 * data_range) ** 2,
        np.empty((4, height, width), sums),
        np.empty((4, width), sums),
        out,
    )
    return np.asarray(out.reshape(n, time, channels).mean(axis=2))


_FORMULA = (
    "mean (2 μp μt + C1)(2 σpt + C2) / ((μp² + μt² + C1)(σp² + σt² + C2)), C1 = (0.01 L)², C2 = (0.03 L)², L = {}"
)
_WANG_2004 = (
    "Z. Wang, A. C. Bovik, H. R. Sheikh and E. P. Simoncelli, Image quality assessment: from error visibility to "
    "structural similarity, IEEE Transactions on Image Processing 13(4), 2004, eq. 13; window and covariances as "
    "scikit-image's defaults"
)

ssim_uniform7 = Metric(
    name="ssim_uniform7",
    version="1",
    formula=_FORMULA.format("1"),
    range="1",
    reference=_WANG_2004,
    higher_is_better=True,
    images_only=True,
    frame_values=uniform_similarity,
)

ssim_uniform7_range2 = Metric(
    name="ssim_uniform7_range2",
    version="1",
    formula=_FORMULA.format("2"),
    range="2",
    reference=_WANG_2004,
    higher_is_better=True,
    images_only=True,
    frame_values=partial(uniform_similarity, data_range=2.0),
)

ssim_uniform7_uint8 = Metric(
    name="ssim_uniform7_uint8",
    version="1",
    formula=_FORMULA.format("255, of floor(255 clip(x, 0, 1))"),
    range="255",
    reference=_WANG_2004,
    higher_is_better=True,
    images_only=True,
    frame_values=byte_similarity,
)
