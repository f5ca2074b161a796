"""Pointwise errors: `mse`, `rmse`, `mae`, `psnr`.

Sums run in float64 and in one fixed order, so a value is the same on every CPU: with j the place in memory,

    sum_j e_j = S_0 + S_1 + ... + S_31,    S_k = e_k + e_(k+32) + e_(k+64) + ...

Partial sums do not wait for one another, so they become vector instructions without leave to reorder anything.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from stbench.compiled import njit
from stbench.metrics import Metric

WANG_2009 = (
    "Z. Wang and A. C. Bovik, Mean squared error: love it or leave it?, "
    "IEEE Signal Processing Magazine 26(1), 2009, eq. 1-2"
)
WILLMOTT_2005 = (
    "C. J. Willmott and K. Matsuura, Advantages of the mean absolute error (MAE) over the root mean square error "
    "(RMSE), Climate Research 30, 2005, eq. 1-2"
)
DONA_2021 = (
    "J. Donà, J.-Y. Franceschi, S. Lamprier and P. Gallinari, PDE-Driven Spatiotemporal Disentanglement, ICLR 2021"
)

DATA_RANGE = 1.0
LANES = 32
"""Partial sums of a frame, whatever the width of a CPU's registers: another number would give other last bits."""


@njit(cache=True, nogil=True)
def _mean_squares(prediction: np.ndarray, target: np.ndarray, out: np.ndarray) -> None:
    frames, elements = prediction.shape
    whole = elements - elements % LANES
    lanes = np.empty(LANES)
    for i in range(frames):
        lanes[:] = 0.0
        for j in range(0, whole, LANES):
            for k in range(LANES):
                difference = np.float64(prediction[i, j + k]) - np.float64(target[i, j + k])
                lanes[k] += difference * difference
        for k in range(elements - whole):
            difference = np.float64(prediction[i, whole + k]) - np.float64(target[i, whole + k])
            lanes[k] += difference * difference
        out[i] = total_of_lanes(lanes) / elements


@njit(cache=True, nogil=True)
def _mean_magnitudes(prediction: np.ndarray, target: np.ndarray, out: np.ndarray) -> None:
    frames, elements = prediction.shape
    whole = elements - elements % LANES
    lanes = np.empty(LANES)
    for i in range(frames):
        lanes[:] = 0.0
        for j in range(0, whole, LANES):
            for k in range(LANES):
                lanes[k] += abs(np.float64(prediction[i, j + k]) - np.float64(target[i, j + k]))
        for k in range(elements - whole):
            lanes[k] += abs(np.float64(prediction[i, whole + k]) - np.float64(target[i, whole + k]))
        out[i] = total_of_lanes(lanes) / elements


@njit(cache=True, nogil=True, inline="always")
def total_of_lanes(lanes: np.ndarray) -> float:
    total = 0.0
    for k in range(LANES):
        total += lanes[k]
    return total


def _as_rows(frames: np.ndarray) -> np.ndarray:
    """(n, time, *frame) -> (n*time, elements of a frame), C-contiguous."""
    return np.ascontiguousarray(frames).reshape(frames.shape[0] * frames.shape[1], -1)


def squared_error(prediction: np.ndarray, target: np.ndarray) -> np.ndarray:
    """e = mean_i (p_i - t_i)², i over all elements of a frame. `(n, time, *frame)` twice -> `(n, time)` float64."""
    out = np.empty(prediction.shape[:2])
    _mean_squares(_as_rows(prediction), _as_rows(target), out.reshape(-1))
    return out


def absolute_error(prediction: np.ndarray, target: np.ndarray) -> np.ndarray:
    """e = mean_i |p_i - t_i|, i over all elements of a frame. `(n, time, *frame)` twice -> `(n, time)` float64."""
    out = np.empty(prediction.shape[:2])
    _mean_magnitudes(_as_rows(prediction), _as_rows(target), out.reshape(-1))
    return out


def squared_error_sum(prediction: np.ndarray, target: np.ndarray) -> np.ndarray:
    """e = sum_i (p_i - t_i)², i over all elements of a frame. `(n, time, *frame)` twice -> `(n, time)` float64."""
    return squared_error(prediction, target) * np.prod(prediction.shape[2:])


def absolute_error_sum(prediction: np.ndarray, target: np.ndarray) -> np.ndarray:
    """e = sum_i |p_i - t_i|, i over all elements of a frame. `(n, time, *frame)` twice -> `(n, time)` float64."""
    return absolute_error(prediction, target) * np.prod(prediction.shape[2:])


def squared_error_sum_x100(prediction: np.ndarray, target: np.ndarray) -> np.ndarray:
    """e = 100 sum_i (p_i - t_i)²; of TaxiBJ, 100·2·32·32 = 204,800 times the mean. As `squared_error_sum`."""
    return 100 * squared_error_sum(prediction, target)


def peak_signal_to_noise(prediction: np.ndarray, target: np.ndarray) -> np.ndarray:
    """10 log10(1/e) in decibel with e the squared error of a frame; infinite where a frame is matched exactly.

    `(n, time, *frame)` twice -> `(n, time)` float64.
    """
    with np.errstate(divide="ignore"):
        return np.asarray(10.0 * np.log10(DATA_RANGE**2 / squared_error(prediction, target)))


def peak_signal_to_noise_of_channels(prediction: np.ndarray, target: np.ndarray) -> np.ndarray:
    """mean_c 10 log10(1/e_c) in decibel with e_c the squared error of channel c; infinite where a channel is matched
    exactly.

    `(n, time, channel, y, x)` twice -> `(n, time)` float64. With one channel `peak_signal_to_noise`.
    """
    n, time, channels, *pixels = prediction.shape
    planes = (n, time * channels, *pixels)
    values = peak_signal_to_noise(prediction.reshape(planes), target.reshape(planes))
    return np.asarray(values.reshape(n, time, channels).mean(axis=2))


mse = Metric(
    name="mse",
    version="1",
    formula="mean_i (p_i - t_i)²",
    range="none",
    reference=WANG_2009,
    higher_is_better=False,
    images_only=False,
    frame_values=squared_error,
)

rmse = Metric(
    name="rmse",
    version="1",
    formula="sqrt(mean_i (p_i - t_i)²)",
    range="none",
    reference=WILLMOTT_2005,
    higher_is_better=False,
    images_only=False,
    frame_values=squared_error,
    finish=np.sqrt,
)

mae = Metric(
    name="mae",
    version="1",
    formula="mean_i |p_i - t_i|",
    range="none",
    reference=WILLMOTT_2005,
    higher_is_better=False,
    images_only=False,
    frame_values=absolute_error,
)

psnr = Metric(
    name="psnr",
    version="1",
    formula="10 log10(L² / mean_i (p_i - t_i)²), L = 1",
    range="1",
    reference=WANG_2009,
    higher_is_better=True,
    images_only=True,
    frame_values=peak_signal_to_noise,
)

psnr_channels = Metric(
    name="psnr_channels",
    version="1",
    formula="mean_c 10 log10(L² / mean_j (p_cj - t_cj)²), j over the pixels of channel c, L = 1",
    range="1",
    reference=f"{WANG_2009}; of each channel: {DONA_2021}, its test code",
    higher_is_better=True,
    images_only=True,
    frame_values=peak_signal_to_noise_of_channels,
)

psnr_best_truth = replace(
    psnr, name="psnr_best_truth", own_truth=True, reference=f"{WANG_2009}; best truth: {DONA_2021}"
)

PREDRNN_2017 = (
    "Y. Wang, M. Long, J. Wang, Z. Gao and P. S. Yu, PredRNN: Recurrent Neural Networks for Predictive Learning using "
    "Spatiotemporal LSTMs, NeurIPS 2017, and the code of that line"
)

mse_sum = Metric(
    name="mse_sum",
    version="1",
    formula="sum_i (p_i - t_i)²",
    range="none",
    reference=PREDRNN_2017,
    higher_is_better=False,
    images_only=False,
    frame_values=squared_error_sum,
)

mae_sum = Metric(
    name="mae_sum",
    version="1",
    formula="sum_i |p_i - t_i|",
    range="none",
    reference=PREDRNN_2017,
    higher_is_better=False,
    images_only=False,
    frame_values=absolute_error_sum,
)

mse_sum_x100 = Metric(
    name="mse_sum_x100",
    version="1",
    formula="100 sum_i (p_i - t_i)²",
    range="none",
    reference=(
        "J. Donà, J.-Y. Franceschi, S. Lamprier and P. Gallinari, PDE-Driven Spatiotemporal Disentanglement, "
        "ICLR 2021, Table 3 (MSE x 100 x 32 x 32 x 2)"
    ),
    higher_is_better=False,
    images_only=False,
    frame_values=squared_error_sum_x100,
)
