"""The ratio of two root means over all windows, with its interval over what windows share."""

from __future__ import annotations

import numpy as np

from stbench.protocols.scoring import Whole

RESAMPLES = 2000
SEED = 20_140_828
"""Any fixed number; the same everywhere, so that intervals are reproducible."""


def root_ratio(above: np.ndarray, below: np.ndarray, group: np.ndarray) -> Whole | None:
    """r = sqrt(sum_w a_w / sum_w b_w) of windows w, with the 95 % percentile bootstrap interval over groups.

    `above`, `below` (n,) are not negative; windows of one `group` (n,) are drawn together. No interval where there is
    one group only; None where all of `below` are 0.
    """
    from scipy.stats import bootstrap  # type: ignore[import-untyped]

    ids, row = np.unique(group, return_inverse=True)
    sums = np.stack([np.bincount(row, each, minlength=len(ids)) for each in (above, below)])
    if not sums[1].sum() > 0:
        return None

    def of_drawn(drawn: np.ndarray, axis: int = -1) -> np.ndarray:
        top, bottom = (each[drawn].sum(axis=axis) for each in sums)
        with np.errstate(divide="ignore", invalid="ignore"):
            return np.asarray(np.sqrt(top / bottom))

    value = float(np.sqrt(sums[0].sum() / sums[1].sum()))
    if len(ids) < 2:
        return Whole(value)
    ends = bootstrap(
        (np.arange(len(ids)),),
        of_drawn,
        n_resamples=RESAMPLES,
        batch=max(1, 2**20 // len(ids)),
        vectorized=True,
        confidence_level=0.95,
        method="percentile",
        random_state=np.random.default_rng(SEED),
    ).confidence_interval
    return Whole(value, float(ends.low), float(ends.high))
