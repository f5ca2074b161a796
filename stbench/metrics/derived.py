"""Metrics that boards compute from what was scored: no run has to be scored again for them.

`psnr_of_mean_mse` follows from the mean of the squared errors; `useful_horizon` compares a run with the climatology and
the mean frame of its board (`stbench.boards.derived`).
"""

from __future__ import annotations

import numpy as np

from stbench.metrics import Metric, of_whole_clips
from stbench.metrics.pixel import DATA_RANGE, WANG_2009, squared_error

CLIMATOLOGY, MEAN = "climatology", "mean"
"""Floors whose error is no skill: the lower of the two, because a climatology may be a noisy mean."""


def decibel(mean: np.ndarray) -> np.ndarray:
    """10 log10(L² / e) of a mean squared error; infinite where there is none."""
    with np.errstate(divide="ignore"):
        return np.asarray(10.0 * np.log10(DATA_RANGE**2 / np.asarray(mean, np.float64)))


psnr_of_mean_mse = Metric(
    name="psnr_of_mean_mse",
    version="1",
    formula="10 log10(L² / mean_n mean_i (p_ni - t_ni)²), n over all frames, L = 1",
    range="1",
    reference=WANG_2009,
    higher_is_better=True,
    images_only=True,
    frame_values=squared_error,
    finish=decibel,
)

useful_horizon = Metric(
    name="useful_horizon",
    version="2",
    formula=(
        "k + S_k / (S_k - S_(k+1)), k the last lead time before S = 1 - E / min(E_climatology, E_mean) is first 0 or "
        "less"
    ),
    range="none",
    reference=(
        "stbench; skill over climatology: A. H. Murphy, Skill scores based on the mean square error and their "
        "relationships to the correlation coefficient, Monthly Weather Review 116, 1988, eq. 4"
    ),
    higher_is_better=True,
    images_only=False,
    frame_values=of_whole_clips,
)


def crossing(skill: np.ndarray) -> np.ndarray:
    """Skill at lead times 1..h, (..., h) -> the lead time (...) at which it first falls to 0, between two lead times on
    the line through them; 0 where there is none at lead time 1, and h where it never falls to 0."""
    skill = np.asarray(skill, np.float64)
    lost = ~(skill > 0)
    at = np.where(lost.any(axis=-1), lost.argmax(axis=-1), skill.shape[-1])
    before = np.take_along_axis(skill, np.maximum(at - 1, 0)[..., None], -1)[..., 0]
    after = np.take_along_axis(skill, np.minimum(at, skill.shape[-1] - 1)[..., None], -1)[..., 0]
    with np.errstate(invalid="ignore", divide="ignore"):
        share = np.where(np.isfinite(after), before / (before - after), 0.0)
    return np.asarray(np.where((at == 0) | (at == skill.shape[-1]), at.astype(np.float64), at + share))
