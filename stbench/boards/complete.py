"""Whether a table of results is whole: each cell once, every lead time of a metric, values that scores can have."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from pathlib import Path

from stbench import registry
from stbench.contract.datasets import Track
from stbench.errors import StbenchError
from stbench.results.aggregate import ResultRow
from stbench.results.lead_times import mean_of

LARGEST = 1e100
"""Of a finite score: the square of the largest float32 is 1.2e77."""


def check_rows(path: Path, rows: Sequence[ResultRow], track: Track) -> None:
    """`StbenchError`, with the file's name, where the rows of `path` are no whole results of a track.

    A metric has the mean over the horizon and either no other lead time, as a score of whole clips, or each of 1 to h
    and means over shorter horizons. A finite number is at most `LARGEST`; -∞ is none that an error can have.
    """
    if not rows:
        raise StbenchError(f"{path} has no rows: score the run again with `stbench run`")
    cells: dict[str, set[str]] = {}
    every = {str(k) for k in range(1, track.horizon + 1)}
    means = {mean_of(k) for k in range(1, track.horizon)}
    for row in rows:
        known = cells.setdefault(row.metric, set())
        if row.lead_time in known:
            raise _damaged(path, f"it has {row.metric} at lead time {row.lead_time:.40} twice")
        known.add(row.lead_time)
        _check_numbers(path, row)
    for metric, known in cells.items():
        if mean_of(track.horizon) not in known:
            raise _damaged(path, f"it has no mean of {metric:.60} over lead times {mean_of(track.horizon)}")
        single = known - means - {mean_of(track.horizon)}
        if single - every:
            unknown = min(single - every)
            raise _damaged(path, f"it has {metric:.60} at '{unknown:.40}', no lead time of {track.id}")
        if single and single != every:
            missing = min(every - single, key=int)
            raise _damaged(path, f"it has {metric:.60} at some lead times and not at {missing}, so it is cut")


def lacking(rows: Iterable[ResultRow], whole: Iterable[ResultRow]) -> list[tuple[str, str]]:
    """(metric, lead time) of the rows of `whole` that `rows` has not."""
    there = {(row.metric, row.lead_time) for row in rows}
    return [cell for row in whole if (cell := (row.metric, row.lead_time)) not in there]


def _check_numbers(path: Path, row: ResultRow) -> None:
    where = f"{row.metric:.60} at lead time {row.lead_time:.40}"
    for name in ("value", "ci_low", "ci_high", "sd"):
        number = getattr(row, name)
        if number is None or (name == "value" and math.isinf(number)):
            continue
        if not abs(number) <= LARGEST:
            raise _damaged(path, f"the {name} of {where} is {number:g}")
    if row.value == -math.inf and not _gain(row.metric):
        raise _damaged(path, f"the value of {where} is -inf, which no error can be")


def _gain(metric: str) -> bool:
    return metric in registry.names("metrics") and registry.metric(metric).higher_is_better


def _damaged(path: Path, reason: str) -> StbenchError:
    return StbenchError(f"{path} is damaged, {reason}: remove it and score the run again with `stbench run`")
