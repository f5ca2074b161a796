"""Scores of several drawn forecasts of one window, its members: best of N, mean of N, fair CRPS, spread.

x_m is member m of N, y the target, i runs over all elements of a frame. Functions take `(n, member, time, *frame)` and
`(n, time, *frame)`, float32, and give `(n, time)` float64. Sums run in float64 in one fixed order (`pixel.py`), so a
value is the same on every CPU. With one member the CRPS is `mae`, best and mean are the metric itself, and there is no
spread.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np

from stbench.compiled import njit
from stbench.metrics import Metric, of_whole_clips
from stbench.metrics.pixel import LANES, absolute_error, mse, psnr, rmse, squared_error, total_of_lanes
from stbench.metrics.ssim import ssim_gauss11
from stbench.metrics.ssim_uniform import ssim_uniform7_range2

DENTON_2018 = "best of N: E. Denton and R. Fergus, Stochastic Video Generation with a Learned Prior, ICML 2018"
FERRO_2014 = (
    "C. A. T. Ferro, Fair scores for ensemble forecasts, Quarterly Journal of the Royal Meteorological Society 140, "
    "2014, eq. 7-8"
)
FORTIN_2014 = (
    "V. Fortin, M. Abaza, F. Anctil and R. Turcotte, Why Should Ensemble Spread Match the RMSE of the Ensemble Mean?, "
    "Journal of Hydrometeorology 15, 2014"
)
FrameValues = Callable[..., np.ndarray]


@njit(cache=True, nogil=True)
def _mean_crps(ordered: np.ndarray, target: np.ndarray) -> float:
    """Mean over pixels; `ordered` (pixel, member) ascending, `target` (pixel,)."""
    pixels, count = ordered.shape
    lanes = np.zeros(LANES)
    for j in range(pixels):
        truth = np.float64(target[j])
        distance, pairs = 0.0, 0.0
        for m in range(count):
            value = np.float64(ordered[j, m])
            distance += abs(value - truth)
            pairs += (2 * m - count + 1) * value
        lanes[j % LANES] += distance / count - pairs / (count * (count - 1.0))
    return float(total_of_lanes(lanes) / pixels)


@njit(cache=True, nogil=True)
def _mean_variance(members: np.ndarray) -> float:
    """Mean over pixels of the unbiased variance of `members` (member, pixel)."""
    count, pixels = members.shape
    lanes, mean, squares = np.zeros(LANES), np.empty(LANES), np.empty(LANES)
    for first in range(0, pixels, LANES):
        width = min(LANES, pixels - first)
        mean[:] = 0.0
        squares[:] = 0.0
        for m in range(count):
            for k in range(width):
                mean[k] += np.float64(members[m, first + k])
        for k in range(width):
            mean[k] /= count
        for m in range(count):
            for k in range(width):
                difference = np.float64(members[m, first + k]) - mean[k]
                squares[k] += difference * difference
        for k in range(width):
            lanes[k] += squares[k] / (count - 1.0)
    return float(total_of_lanes(lanes) / pixels)


def fair_crps(members: np.ndarray, target: np.ndarray) -> np.ndarray:
    """e = mean_i ( mean_m |x_mi - y_i| - sum_{m,l} |x_mi - x_li| / (2 N (N - 1)) ).

    The second sum is taken over sorted members: sum_{m,l} |x_m - x_l| = 2 sum_m (2 m - N - 1) x_(m), m from 1. Fair:
    its expectation does not depend on N. It may be below 0. One member: `absolute_error`, to the last bit.
    """
    n, count, time = members.shape[:3]
    if count == 1:
        return absolute_error(members[:, 0], target)
    out = np.empty((n, time))
    for i in range(n):
        for k in range(time):
            pixels = np.ascontiguousarray(members[i, :, k].reshape(count, -1).T)
            pixels.sort(axis=1)
            out[i, k] = _mean_crps(pixels, np.ascontiguousarray(target[i, k]).reshape(-1))
    return out


def fair_variance(members: np.ndarray, target: np.ndarray) -> np.ndarray:
    """v = (N + 1)/N mean_i s_i², s_i² = sum_m (x_mi - mean_l x_li)² / (N - 1), for N > 1.

    Where members and truth are draws of one distribution, its expectation is that of the squared error of the mean of
    the members, for every N.
    """
    n, count, time = members.shape[:3]
    out = np.empty((n, time))
    for i in range(n):
        for k in range(time):
            out[i, k] = _mean_variance(np.ascontiguousarray(members[i, :, k]).reshape(count, -1))
    return np.asarray(out * ((count + 1) / count))


def mean_of_members(members: np.ndarray) -> np.ndarray:
    """(n, member, time, *frame) -> (n, time, *frame): the mean, taken in float64, in float32 as every forecast is."""
    return np.asarray(members.mean(axis=1, dtype=np.float64).astype(np.float32))


def _of_mean(values_of: FrameValues) -> FrameValues:
    """The values of the mean of the members."""

    def frame_values(members: np.ndarray, target: np.ndarray) -> np.ndarray:
        return np.asarray(values_of(mean_of_members(members), target))

    return frame_values


def _of_best(values_of: FrameValues, *, higher_is_better: bool) -> FrameValues:
    """The values of the member with the best mean over the time of its window, the first one of several."""

    def frame_values(members: np.ndarray, target: np.ndarray) -> np.ndarray:
        each = np.stack([values_of(members[:, m], target) for m in range(members.shape[1])])
        mean = each.mean(axis=2)
        chosen = mean.argmax(axis=0) if higher_is_better else mean.argmin(axis=0)
        return np.asarray(each[chosen, np.arange(len(chosen))])

    return frame_values


squared_error_of_mean = _of_mean(squared_error)
squared_error_of_best = _of_best(squared_error, higher_is_better=False)


def _best(metric: Metric, values_of: FrameValues | None = None) -> Metric:
    return replace(
        metric,
        name=f"{metric.name}_best_member",
        formula=f"of the member whose mean over the window is best: {metric.formula}",
        reference=f"{metric.reference}; {DENTON_2018}",
        frame_values=values_of or _of_best(metric.frame_values, higher_is_better=metric.higher_is_better),
        of_members=True,
        counts_members=True,
    )


def _mean(metric: Metric, values_of: FrameValues | None = None) -> Metric:
    return replace(
        metric,
        name=f"{metric.name}_of_mean",
        formula=f"of p = mean_m x_m: {metric.formula}",
        frame_values=values_of or _of_mean(metric.frame_values),
        of_members=True,
        counts_members=True,
    )


crps = Metric(
    name="crps",
    version="1",
    formula="mean_i (mean_m |x_mi - t_i| - sum_{m,l} |x_mi - x_li| / (2 N (N - 1))); N = 1: mean_i |x_i - t_i|",
    range="none",
    reference=FERRO_2014,
    higher_is_better=False,
    images_only=False,
    frame_values=fair_crps,
    of_members=True,
)

spread = Metric(
    name="spread",
    version="1",
    formula="sqrt((N + 1)/N mean_i sum_m (x_mi - mean_l x_li)² / (N - 1))",
    range="none",
    reference=FORTIN_2014,
    higher_is_better=False,
    images_only=False,
    frame_values=fair_variance,
    finish=np.sqrt,
    ideal="rmse_of_mean",
    of_members=True,
)

spread_skill = Metric(
    name="spread_skill",
    version="1",
    formula="spread / rmse_of_mean, each over all windows and lead times",
    range="none",
    reference=FORTIN_2014,
    higher_is_better=False,
    images_only=False,
    frame_values=of_whole_clips,
    ideal="1",
    of_members=True,
)

mse_of_mean = _mean(mse, squared_error_of_mean)
rmse_of_mean = _mean(rmse, squared_error_of_mean)
psnr_of_mean = _mean(psnr)
ssim_gauss11_of_mean = _mean(ssim_gauss11)
mse_best_member = _best(mse, squared_error_of_best)
psnr_best_member = _best(psnr)
ssim_gauss11_best_member = _best(ssim_gauss11)
ssim_uniform7_range2_best_member = _best(ssim_uniform7_range2)
