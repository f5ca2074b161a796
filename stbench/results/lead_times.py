"""The lead times that boards show, of which records keep means per cluster."""

from __future__ import annotations

from collections.abc import Iterable


def mean_of(horizon: int) -> str:
    """ "1..40": the mean over lead times 1 to 40."""
    return f"1..{horizon}"


def main_lead_times(horizon: int, reported: Iterable[int], by_lead_time: bool) -> tuple[str, ...]:
    """The means over the horizon and over the shorter ones that are reported, the first lead time, the last one of each
    mean; the mean over the horizon alone where whole clips are scored."""
    shorter = tuple(reported)
    ends = (mean_of(horizon), *map(mean_of, shorter), "1", *map(str, sorted((*shorter, horizon))))
    return tuple(dict.fromkeys(ends)) if by_lead_time else ends[:1]


def columns(lead_time: str) -> slice:
    """The columns of (n, horizon) values whose mean is the value at a lead time: "1..10" -> 0:10, "10" -> 9:10."""
    if lead_time.startswith("1.."):
        return slice(0, int(lead_time.removeprefix("1..")))
    return slice(int(lead_time) - 1, int(lead_time))
