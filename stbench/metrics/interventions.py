"""Interventions and consistency: one part of a clip is kept, everything else is another clip's.

    score = 1 - (mean |A_on - 1| + mean |A_off - c|) / 2

A_on: share of clips that show the value the kept part has, of each factor that belongs to it; A_off: share of clips
that show, of each other factor, the value of the clip the kept part is from; c: how often both clips agree in that
factor anyhow, measured and not assumed. The two-factor intervention of the MSD benchmark (azencot-group,
MSD-Benchmark, 2025) with two blocks, content and motion, so every exchange of two clips is two interventions.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Answers:
    """What exchanged clips show of one factor, and what the two clips they are made of do; class numbers (n,)."""

    said: np.ndarray
    kept: np.ndarray
    """Of the clip that gives the part the factor belongs to."""
    other: np.ndarray
    """Of the other one."""


def intervention(answers: Sequence[Answers], weights: np.ndarray) -> np.ndarray:
    """The scores (draws,) of the clips weighted by `weights` (draws, n), each row of sum 1; between 0 and 1."""
    on, off = [], []
    for each in answers:
        right, leaked, agree = each.said == each.kept, each.said == each.other, each.kept == each.other
        on.append(1 - weights @ right.astype(np.float64))
        off.append(np.abs(weights @ (leaked.astype(np.float64) - agree.astype(np.float64))))
    return np.asarray(1 - (np.mean(on, axis=0) + np.mean(off, axis=0)) / 2)


def blind(answers: Sequence[Answers]) -> list[Answers]:
    """The answers of who names the most frequent class of every factor, whatever the clip."""
    found = []
    for each in answers:
        classes, counts = np.unique(each.kept, return_counts=True)
        found.append(Answers(np.full_like(each.kept, classes[counts.argmax()]), each.kept, each.other))
    return found


def swap_consistency(frames: np.ndarray, wanted: np.ndarray) -> np.ndarray:
    """(n,): share of the frames (n, time) that show the class `wanted` (n,)."""
    return np.asarray((frames == wanted[:, None]).mean(axis=1))


def global_consistency(frames: np.ndarray) -> np.ndarray:
    """(n,): share of the frames (n, time) that show the class most frequent in the clip."""
    classes = np.unique(frames)
    return np.asarray((frames[..., None] == classes).sum(axis=1).max(axis=1) / frames.shape[1])


def local_consistency(frames: np.ndarray) -> np.ndarray:
    """(n,): share of the pairs of consecutive frames (n, time) that show the same class; 1 for a single frame."""
    if frames.shape[1] == 1:
        return np.ones(len(frames))
    return np.asarray((frames[:, 1:] == frames[:, :-1]).mean(axis=1))


def shuffled(frames: np.ndarray, seed: int) -> np.ndarray:
    """Frames (n, time) each drawn from another clip, by a permutation of its own for each time: what is left of
    consistency is chance."""
    rng = np.random.default_rng(seed)
    return np.stack([each[rng.permutation(len(each))] for each in frames.T], axis=1)


__all__ = [
    "Answers",
    "blind",
    "global_consistency",
    "intervention",
    "local_consistency",
    "shuffled",
    "swap_consistency",
]
