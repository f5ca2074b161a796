"""How S is held constant: Eq. 11 of the paper, and its finer form of Appendix B."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor
from torch.nn import functional as F

from stbench.errors import StbenchError

from ..parts.convolutions import Code


def window_starts(last: int, intervals: int | str) -> list[int]:
    """First frames t_0 = 0 < t_1 < ... < t_p = `last` of the windows whose S is compared, as evenly spaced as whole
    numbers are.

    `intervals` is p, or "all" for p = `last`: every window. p = 1 compares the two ends (Eq. 11). `StbenchError` for a
    p that is not a whole number from 1 to `last`.
    """
    p = last if intervals == "all" else intervals
    if not isinstance(p, int) or not 1 <= p <= last:
        raise StbenchError(
            f"the setting 'constraint_intervals' is {intervals!r}; with {last + 1} windows in a training sequence it "
            f'must be a whole number from 1 to {last}, or "all"'
        )
    return [round(last * k / p) for k in range(p + 1)]


def change_of_static(codes: Sequence[Code], starts: Sequence[int]) -> Tensor:
    """sum_k (t_p - t_0) / (t_k - t_{k-1}) mean (S(t_k) - S(t_{k-1}))^2 (Eq. 28, times t_p - t_0 so that p = 1 is Eq.
    11).

    The mean runs over batch and components. Feature maps belong to S: code and maps are averaged jointly, every
    component alike, as in the published code (the paper's d counts the code alone).
    """
    span = starts[-1] - starts[0]
    terms = [span / (starts[k] - starts[k - 1]) * _mean_square(codes[k], codes[k - 1]) for k in range(1, len(starts))]
    return torch.stack(terms).sum()


def _mean_square(later: Code, earlier: Code) -> Tensor:
    if not later.skips:
        return F.mse_loss(later.code, earlier.code)
    pairs = list(zip((later.code, *later.skips), (earlier.code, *earlier.skips), strict=True))
    total = torch.stack([F.mse_loss(one.float(), other.float(), reduction="sum") for one, other in pairs]).sum()
    return total / sum(one.numel() for one, _ in pairs)
