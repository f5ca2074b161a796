"""Errors in the unit the frames came in: scale * frames + offset is that unit, scale varies from frame to frame.

The offset cancels. Of sea surface temperature the unit is the degree Celsius.
"""

from __future__ import annotations

import numpy as np

from stbench.metrics import Metric
from stbench.metrics.pixel import DONA_2021, squared_error


def scaled_squared_error(prediction: np.ndarray, target: np.ndarray, scale: np.ndarray) -> np.ndarray:
    """e_k = s_k² mean_i (p_ki - t_ki)². `(n, time, *frame)` twice and `(n, time)` -> `(n, time)` float64."""
    return np.asarray(squared_error(prediction, target) * scale**2)


def broadcast_squared_error(prediction: np.ndarray, target: np.ndarray, scale: np.ndarray) -> np.ndarray:
    """e_k = mean_i (p_ki - t_ki)² mean_l s_l²: every frame times the scale of every day of the window."""
    return np.asarray(squared_error(prediction, target) * (scale**2).mean(axis=1, keepdims=True))


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
