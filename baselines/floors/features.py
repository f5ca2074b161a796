"""Frames as floors that search for similar training windows compare them."""

from __future__ import annotations

import numpy as np

from stbench.splits.training import TrainingWindows

from .frames import blocks

GRID = 16
"""Of images every (size // 16)-th pixel of each axis is compared."""


def reduced(frames: np.ndarray, frame_shape: tuple[int, ...]) -> np.ndarray:
    """(..., *frame): images on their grid of pixels, vectors whole in float64."""
    if len(frame_shape) != 3:
        return frames.astype(np.float64)
    step_y, step_x = (max(1, size // GRID) for size in frame_shape[1:])
    return np.ascontiguousarray(frames[..., ::step_y, ::step_x])


def centred(train: TrainingWindows) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """All training frames (frame, k), reduced and less their mean, which makes distances cancel little; the squared
    length of each (frame,) float64; the mean (k,)."""
    features = np.concatenate([reduced(each, train.frame_shape).reshape(len(each), -1) for each in blocks(train)])
    centre = features.mean(axis=0, dtype=np.float64).astype(features.dtype)
    features -= centre
    return features, np.einsum("ij,ij->i", features, features, dtype=np.float64), centre
