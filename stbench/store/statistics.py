"""Statistics of `frames` for each part of the split: moments per sequence in the worker, joined in index order.

For disjoint blocks k of n_k finite values, mean m_k and sum of squared deviations q_k (Chan, Golub and LeVeque 1979)

    n = sum n_k,   m = sum n_k m_k / n,   q = sum q_k + sum n_k (m_k - m)^2,   std = sqrt(q / n),

so no large sum of squares is ever subtracted from another, and the order of the workers does not matter. All float64.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import Any

import numpy as np

Ranges = Mapping[str, Sequence[Sequence[int]]]
"""`Split.ranges`: rows (first sequence, last + 1) or (first sequence, last + 1, first frame, last frame + 1)."""

COLUMNS = ("sequence", "first", "last", "count", "min", "max", "mean", "squares")
"""Columns of a table of moments, float64: frames first..last-1 of a sequence, then their moments."""


def block_moments(values: np.ndarray) -> tuple[float, float, float, float, float]:
    """Count, min, max, mean and sum of squared deviations of the finite values; (0, inf, -inf, 0, 0) of none."""
    if not np.isfinite(values).all():
        values = values[np.isfinite(values)]
    if values.size == 0:
        return 0.0, math.inf, -math.inf, 0.0, 0.0
    deviation = values.astype(np.float64).reshape(-1)
    mean = float(deviation.mean())
    deviation -= mean
    np.square(deviation, out=deviation)
    return float(values.size), float(values.min()), float(values.max()), mean, float(deviation.sum())


def sequence_moments(frames: np.ndarray, sequence: int, ranges: Ranges) -> list[tuple[float, ...]]:
    """Moments of one sequence, `frames` (time, *frame) without padding, in rows of `COLUMNS`.

    One row for each stretch of frames that no boundary of the split cuts: any part of the split is a union of rows.
    """
    n_frames = len(frames)
    cuts: set[int] = set()
    for rows in ranges.values():
        for row in rows:
            if row[0] <= sequence < row[1]:
                cuts |= {min(row[2], n_frames), min(row[3], n_frames)} if len(row) == 4 else {0, n_frames}
    bounds = sorted(cuts)
    return [
        (float(sequence), float(first), float(last), *block_moments(frames[first:last]))
        for first, last in pairwise(bounds)
    ]


def join(table: np.ndarray) -> dict[str, Any]:
    """Count, min, max, mean and std over a table of moments; None for all but the count where it is 0."""
    count, low, high, mean, squares = table[table[:, 3] > 0].T[3:]
    total = count.sum()
    if total == 0:
        return {"count": 0, "min": None, "max": None, "mean": None, "std": None}
    centre = (count * mean).sum() / total
    spread = squares.sum() + (count * (mean - centre) ** 2).sum()
    return {
        "count": int(total),
        "min": float(low.min()),
        "max": float(high.max()),
        "mean": float(centre),
        "std": float(math.sqrt(spread / total)),
    }


def by_part(table: np.ndarray, ranges: Ranges) -> dict[str, dict[str, Any]]:
    """`join` for each part of the split, and for "train+val" where both exist; `table` (row, column) in index order."""
    parts = [*ranges] + (["train+val"] if {"train", "val"} <= set(ranges) else [])
    sequence, first, last = table.T[:3]
    result = {}
    for part in parts:
        inside = np.zeros(len(table), bool)
        for name in part.split("+"):
            for row in ranges[name]:
                begin, end = row[2:] if len(row) == 4 else (0, math.inf)
                inside |= (sequence >= row[0]) & (sequence < row[1]) & (first >= begin) & (last <= end)
        result[part] = join(table[inside])
    return result
