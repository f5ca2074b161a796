"""Structural similarity with the Gaussian window of its authors: `ssim_gauss11`."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from stbench.compiled import njit
from stbench.errors import StbenchError
from stbench.metrics import Metric
from stbench.metrics.pixel import DONA_2021

TAPS = 11
SIGMA = 1.5
DATA_RANGE = 1.0
C1 = (0.01 * DATA_RANGE) ** 2
C2 = (0.03 * DATA_RANGE) ** 2


def gaussian_window() -> np.ndarray:
    """g_k ∝ exp(-k²/(2σ²)), k = -5..5, σ = 1.5, sum 1. The two-dimensional window is its outer product."""
    offsets = np.arange(TAPS) - TAPS // 2
    window = np.exp(-(offsets**2) / (2 * SIGMA**2))
    return np.asarray(window / window.sum())


@njit(cache=True, nogil=True, error_model="numpy")
def _ssim_planes(p: np.ndarray, t: np.ndarray, g: np.ndarray, c1: float, c2: float, out: np.ndarray) -> None:
    """Mean SSIM of every plane of `p`, `t` (planes, y, x) into `out` (planes,), valid windows only.

    Four filtered maps suffice: p, t, p² + t² and p·t. Filtering goes over rows, then columns; the loops over x have
    independent iterations, so they vectorise without reordering a sum: the value is the same on every CPU, symmetric in
    p and t to the last bit, and exactly 1 for p = t. float64 because the variances are small differences of large
    numbers. The error model without a check for zero lets the loop with the division vectorise; no denominator is zero.
    """
    planes, height, width = p.shape
    rows, columns = height - 10, width - 10
    filtered = np.empty((4, columns))
    row_filtered = np.empty((4, height, columns))
    line = np.empty((4, width))
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
                target = row_filtered[m, y]
                for x in range(columns):
                    target[x] = (
                        g[5] * source[x + 5]
                        + g[4] * (source[x + 4] + source[x + 6])
                        + g[3] * (source[x + 3] + source[x + 7])
                        + g[2] * (source[x + 2] + source[x + 8])
                        + g[1] * (source[x + 1] + source[x + 9])
                        + g[0] * (source[x] + source[x + 10])
                    )
        totals[:] = 0.0
        for y in range(rows):
            for m in range(4):
                s = row_filtered[m]
                target = filtered[m]
                for x in range(columns):
                    target[x] = (
                        g[5] * s[y + 5, x]
                        + g[4] * (s[y + 4, x] + s[y + 6, x])
                        + g[3] * (s[y + 3, x] + s[y + 7, x])
                        + g[2] * (s[y + 2, x] + s[y + 8, x])
                        + g[1] * (s[y + 1, x] + s[y + 9, x])
                        + g[0] * (s[y, x] + s[y + 10, x])
                    )
            for x in range(columns):
                mean_p = filtered[0, x]
                mean_t = filtered[1, x]
                cross = mean_p * mean_t
                squared = mean_p * mean_p + mean_t * mean_t
                covariance = 2.0 * (filtered[3, x] - cross)
                variances = filtered[2, x] - squared
                totals[x] += ((2.0 * cross + c1) * (covariance + c2)) / ((squared + c1) * (variances + c2))
        total = 0.0
        for x in range(columns):
            total += totals[x]
        out[plane] = total / (rows * columns)


def structural_similarity(prediction: np.ndarray, target: np.ndarray) -> np.ndarray:
    """mean over positions of (2 μp μt + C1)(2 σpt + C2) / ((μp² + μt² + C1)(σp² + σt² + C2)).

    `(n, time, channel, y, x)` twice -> `(n, time)` float64. Moments under an 11x11 Gaussian window (σ = 1.5), biased,
    C1 = 0.01², C2 = 0.03² (data range 1); only positions where the window lies inside the frame: 54x54 of 64x64. Mean
    over positions per channel, then over channels. Raises `StbenchError` for frames smaller than the window.
    """
    n, time, channels, height, width = prediction.shape
    if min(height, width) < TAPS:
        raise StbenchError(
            f"ssim_gauss11 needs frames of at least {TAPS}x{TAPS} pixels, these have {height}x{width}: "
            "leave it out of the track"
        )
    planes = (n * time * channels, height, width)
    out = np.empty(planes[0])
    _ssim_planes(
        np.ascontiguousarray(prediction).reshape(planes),
        np.ascontiguousarray(target).reshape(planes),
        gaussian_window(),
        C1,
        C2,
        out,
    )
    return np.asarray(out.reshape(n, time, channels).mean(axis=2))


ssim_gauss11 = Metric(
    name="ssim_gauss11",
    version="1",
    formula=(
        "mean (2 μp μt + C1)(2 σpt + C2) / ((μp² + μt² + C1)(σp² + σt² + C2)), C1 = (0.01 L)², C2 = (0.03 L)², L = 1"
    ),
    range="1",
    reference=(
        "Z. Wang, A. C. Bovik, H. R. Sheikh and E. P. Simoncelli, Image quality assessment: from error visibility to "
        "structural similarity, IEEE Transactions on Image Processing 13(4), 2004, eq. 13-16"
    ),
    higher_is_better=True,
    images_only=True,
    frame_values=structural_similarity,
)

ssim_gauss11_best_truth = replace(
    ssim_gauss11,
    name="ssim_gauss11_best_truth",
    own_truth=True,
    reference=f"{ssim_gauss11.reference}; best truth: {DONA_2021}",
)
