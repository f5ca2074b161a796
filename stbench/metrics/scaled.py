"""Errors and similarity in the unit the frames came in: scale * frames + offset, both vary from frame to frame.

In errors the offset cancels. Of sea surface temperature the unit is the degree Celsius.
"""

from __future__ import annotations

import numpy as np

from stbench.metrics import Metric
from stbench.metrics.pixel import DONA_2021, squared_error
from stbench.metrics.ssim import ssim_gauss11, structural_similarity


def scaled_squared_error(prediction: np.ndarray, target: np.ndarray, scale: np.ndarray) -> np.ndarray:
    """e_k = s_k² mean_i (p_ki - t_ki)². `(n, time, *frame)` twice and `(n, time)` -> `(n, time)` float64."""
    return np.asarray(squared_error(prediction, target) * scale**2)


def broadcast_squared_error(prediction: np.ndarray, target: np.ndarray, scale: np.ndarray) -> np.ndarray:
    """e_k = mean_i (p_ki - t_ki)² mean_l s_l²: every frame times the scale of every day of the window."""
    return np.asarray(squared_error(prediction, target) * (scale**2).mean(axis=1, keepdims=True))


def broadcast_similarity(
    prediction: np.ndarray,
    target: np.ndarray,
    scale: np.ndarray,
    offset: np.ndarray,
    lowest: np.ndarray,
    highest: np.ndarray,
) -> np.ndarray:
    """q_k = mean_l SSIM(a_l p_k + b_l, a_l t_k + b_l),   a_l = s_l / (M - m), b_l = (o_l - m) / (M - m).

    SSIM as `structural_similarity` (data range 1); s_l, o_l scale and offset of day l of the window, m and M the lowest
    and highest value of the sequence as stored, which is normalised. `(n, time, channel, y, x)` twice and `(n, time)`
    four times -> `(n, time)` float64.
    """
    total = np.zeros(prediction.shape[:2])
    a, b = scale / (highest - lowest), (offset - lowest) / (highest - lowest)
    for day in range(scale.shape[1]):
        one, other = (each[:, day, None, None, None, None] for each in (a, b))
        total += structural_similarity(one * prediction + other, one * target + other)
    return np.asarray(total / scale.shape[1])


def range_similarity(prediction: np.ndarray, target: np.ndarray, lowest: np.ndarray, highest: np.ndarray) -> np.ndarray:
    """q_k = SSIM((p_k - m) / (M - m), (t_k - m) / (M - m)): frames on [0, 1] by the extremes of their sequence.

    SSIM as `structural_similarity` (data range 1), m and M the lowest and highest value of the sequence. In the unit of
    origin: day k spans s_k m + o_k to s_k M + o_k, and both cancel. `(n, time, channel, y, x)` twice and `(n, time)`
    twice -> `(n, time)` float64.
    """
    low, high = (each[:, :, None, None, None] for each in (lowest, highest))
    return structural_similarity((prediction - low) / (high - low), (target - low) / (high - low))


mse_celsius = Metric(
    name="mse_celsius",
    version="1",
    formula="s_k² mean_i (p_ki - t_ki)²",
    range="none",
    reference=f"{DONA_2021}, section 5.2",
    higher_is_better=False,
    images_only=True,
    frame_values=scaled_squared_error,
    needs=("scale",),
)

mse_celsius_broadcast = Metric(
    name="mse_celsius_broadcast",
    version="1",
    formula="mean_l s_l² mean_i (p_ki - t_ki)², l over the target frames of the window",
    range="none",
    reference=f"{DONA_2021}: its test code",
    higher_is_better=False,
    images_only=True,
    frame_values=broadcast_squared_error,
    needs=("scale",),
)

ssim_gauss11_celsius_broadcast = Metric(
    name="ssim_gauss11_celsius_broadcast",
    version="1",
    formula=(
        "mean_l SSIM(a_l p_k + b_l, a_l t_k + b_l), a_l = s_l / (M - m), b_l = (o_l - m) / (M - m), l over the target "
        "frames of the window"
    ),
    range="1",
    reference=f"{DONA_2021}: its test code; SSIM: {ssim_gauss11.reference}",
    higher_is_better=True,
    images_only=True,
    frame_values=broadcast_similarity,
    needs=("scale", "offset", "lowest", "highest"),
)

ssim_gauss11_range = Metric(
    name="ssim_gauss11_range",
    version="1",
    formula="SSIM((p_k - m) / (M - m), (t_k - m) / (M - m)), m and M the lowest and highest value of the sequence",
    range="1",
    reference=f"stbench; SSIM: {ssim_gauss11.reference}",
    higher_is_better=True,
    images_only=True,
    frame_values=range_similarity,
    needs=("lowest", "highest"),
)
