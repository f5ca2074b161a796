"""Structural similarity with a uniform window: `ssim_uniform7`, `ssim_uniform7_range2`, `ssim_uniform7_uint8`.

Three metrics that papers all print as "SSIM". They differ from `ssim_gauss11` in the window and in the covariances, and
from each other in the data range L that enters C1 and C2, so they must not stand in one table: range 2 is what
scikit-image up to 0.19 assumed of floating-point frames in [0, 1], and bytes are what the PredRNN line compares.
"""

from __future__ import annotations

from functools import partial

import numpy as np
from numba import njit

from stbench.errors import StbenchError
from stbench.metrics import Metric

SIDE = 7
SAMPLE = SIDE**2 / (SIDE**2 - 1)
"""Biased moments times this are sample (co)variances."""


@njit(cache=True, nogil=True)
def _ssim_planes(p: np.ndarray, t: np.ndarray, c1: float, c2: float, sample: float, out: np.ndarray) -> None:
    """Mean SSIM of every plane of `p`, `t` (planes, y, x) into `out` (planes,), valid windows only.

    Sums over a window go along x, then along y, always in the same order; the loops over x are independent.
    """
    planes, height, width = p.shape
    rows, columns = height - 6, width - 6
    along_x = np.empty((4, height, columns))
    line = np.empty((4, width))
    moment = np.empty((4, columns))
    totals = np.empty(columns)
    for plane in range(planes):
        for y in range(height):
            for x in range(width):
                a = np.float64(p[plane, y, x])
                b = np.float64(t[plane, y, x])
                line[0, x] = a
                line[1, x] = b
                line[2, x] = a * a + b * b
                line[3, x] = a * b
            for m in range(4):
                source = line[m]
                target = along_x[m, y]
                for x in range(columns):
                    target[x] = source[x + 3] + (
                        (source[x] + source[x + 6]) + (source[x + 1] + source[x + 5]) + (source[x + 2] + source[x + 4])
                    )
        totals[:] = 0.0
        for y in range(rows):
            for m in range(4):
                s = along_x[m]
                target = moment[m]
                for x in range(columns):
                    target[x] = (
                        s[y + 3, x]
                        + ((s[y, x] + s[y + 6, x]) + (s[y + 1, x] + s[y + 5, x]) + (s[y + 2, x] + s[y + 4, x]))
                    ) / 49.0
            for x in range(columns):
                cross = moment[0, x] * moment[1, x]
                squared = moment[0, x] * moment[0, x] + moment[1, x] * moment[1, x]
                covariance = 2.0 * sample * (moment[3, x] - cross)
                variances = sample * (moment[2, x] - squared)
                totals[x] += ((2.0 * cross + c1) * (covariance + c2)) / ((squared + c1) * (variances + c2))
        total = 0.0
        for x in range(columns):
            total += totals[x]
        out[plane] = total / (rows * columns)


def uniform_similarity(prediction: np.ndarray, target: np.ndarray, data_range: float = 1.0) -> np.ndarray:
    """mean over positions of (2 μp μt + C1)(2 σpt + C2) / ((μp² + μt² + C1)(σp² + σt² + C2)).

    `(n, time, channel, y, x)` twice -> `(n, time)` float64. Moments under a uniform 7x7 window, sample (co)variances
    (times 49/48), C1 = (0.01 L)², C2 = (0.03 L)², L = `data_range`; only positions where the window lies inside the
    frame. Mean over positions per channel, then over channels. Raises `StbenchError` for frames smaller than 7x7.
    """
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
        SAMPLE,
        out,
    )
    return np.asarray(out.reshape(n, time, channels).mean(axis=2))


def byte_similarity(prediction: np.ndarray, target: np.ndarray) -> np.ndarray:
    """`uniform_similarity` with L = 255 of floor(255 clip(x, 0, 1)): frames as the PredRNN line writes them."""
    levels = [np.floor(255 * np.clip(each.astype(np.float64), 0, 1)) for each in (prediction, target)]
    return uniform_similarity(levels[0], levels[1], 255.0)


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
