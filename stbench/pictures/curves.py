"""Curves of a metric against lead time: what the pictures of a run draw."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from stbench import registry
from stbench.results.aggregate import ResultRow

LOG_FROM_RATIO = 10.0
"""Errors that span more than this are drawn on a logarithmic axis: else the small ones are all zero to the eye."""


@dataclass(frozen=True)
class Curve:
    """One model's metric at lead times 1..h; NaN in `low` and `high` where there is no interval."""

    label: str
    value: np.ndarray
    """(h,)."""
    low: np.ndarray
    high: np.ndarray
    floor: bool

    @property
    def lead_times(self) -> np.ndarray:
        return np.arange(1, len(self.value) + 1)


def curve_of_rows(rows: Iterable[ResultRow], metric: str, *, floor: bool = False) -> Curve | None:
    """The curve of one run; None when it has no such metric."""
    found = {int(row.lead_time): row for row in rows if row.metric == metric and ".." not in row.lead_time}
    if not found:
        return None
    ordered = [found[k] for k in sorted(found)]
    ends = [
        np.array([math.nan if end is None else end for end in column])
        for column in ([row.ci_low for row in ordered], [row.ci_high for row in ordered])
    ]
    return Curve(ordered[0].model, np.array([row.value for row in ordered]), ends[0], ends[1], floor)


def logarithmic(curves: Sequence[Curve], metric: str) -> bool:
    """Whether these belong on a logarithmic axis: an error, positive, over more than a factor of ten."""
    if metric in registry.names("metrics") and registry.metric(metric).higher_is_better:
        return False
    values = np.concatenate([curve.value for curve in curves]) if curves else np.empty(0)
    positive = values[np.isfinite(values) & (values > 0)]
    return len(positive) > 0 and bool(positive.max() > LOG_FROM_RATIO * positive.min())
