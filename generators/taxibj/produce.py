"""From the raw files to the normalised frames and factors of a range of days."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np

from .context import find_context, read_holidays, read_meteorology
from .days import Days, kept_days
from .hdf5 import BLOCK_FRAMES, FlowFile, open_flow_file

Stamp = tuple[tuple[Path, int, int], ...]


@dataclass(frozen=True)
class Producer:
    """`producer(start, stop)` gives every variable of those days. Picklable; holds paths only.

    Memory: the days asked for in float64 and float32, 12 bytes per value.
    """

    paths: tuple[Path, ...]
    lead: int
    range_without_days: int
    """So many of the last days do not count for minimum and maximum."""
    reversed_time: bool

    def __call__(self, start: int, stop: int) -> dict[str, np.ndarray]:
        files, days = opened_files(self.paths)
        low, high = value_range(self.paths, self.range_without_days)
        per_day, grid = files[0].per_day, files[0].grid
        chosen = slice(start, stop)
        frames = np.full((stop - start, self.lead + per_day, 2, *grid), np.nan, np.float32)
        for number in np.unique(days.file[chosen]):
            mine = start + np.flatnonzero(days.file[chosen] == number)
            # Days that follow each other lie next to each other in the file: one read, as its chunks may be large.
            before = max(0, int(days.index[mine[0]]) - self.lead)
            counts = files[number].read(before, int(days.index[mine[-1]]) + per_day)
            for sequence in mine:
                lead = 0 if days.after_gap[sequence] else self.lead
                index = int(days.index[sequence]) - before
                frames[sequence - start, self.lead - lead :] = (counts[index - lead : index + per_day] - low) / (
                    high - low
                )
        day = days.day[chosen].astype("datetime64[D]").astype(np.int64)
        variables = {
            "frames": frames,
            "offset": np.full(stop - start, low),
            "scale": np.full(stop - start, high - low),
            "date": day.astype(np.int32),
            "weekday": ((day + 3) % 7).astype(np.uint8),
            "period": days.file[chosen].astype(np.uint8),
            "after_gap": days.after_gap[chosen].astype(np.uint8),
        }
        context = find_context(files[0])
        if context.holidays is not None:
            variables["holiday"] = np.isin(days.day[chosen], read_holidays(context.holidays)).astype(np.uint8)
        if context.meteorology is not None:
            slots = day[:, None] * per_day + np.arange(-self.lead, per_day)
            variables |= read_meteorology(context.meteorology, per_day).at(slots)
        if self.reversed_time:
            for name, values in variables.items():
                if values.ndim > 1:
                    variables[name] = np.ascontiguousarray(values[:, ::-1])
        return variables

    def check(self) -> None:
        """Read every value once, and what lies beside; raises `StbenchError` for the first thing that is wrong."""
        files, _ = opened_files(self.paths)
        value_range(self.paths, self.range_without_days)
        context = find_context(files[0])
        if context.holidays is not None:
            read_holidays(context.holidays)
        if context.meteorology is not None:
            read_meteorology(context.meteorology, files[0].per_day)


def _stamp(paths: Sequence[Path]) -> Stamp:
    """What tells that a file was replaced."""
    stats = [(path, path.stat()) for path in paths if path.exists()]
    return tuple((path, stat.st_size, stat.st_mtime_ns) for path, stat in stats)


_READING = threading.Lock()
"""Two threads that need the same files at once read them once."""


def opened_files(paths: tuple[Path, ...]) -> tuple[tuple[FlowFile, ...], Days]:
    """Headers and dates of the files, and their kept days; read once per process."""
    with _READING:
        return _opened_files(paths, _stamp(paths))


@lru_cache(maxsize=4)
def _opened_files(paths: tuple[Path, ...], stamp: Stamp) -> tuple[tuple[FlowFile, ...], Days]:
    files = tuple(open_flow_file(path) for path in paths)
    return files, kept_days(files)


def value_range(paths: tuple[Path, ...], without_days: int) -> tuple[float, float]:
    """Least and greatest count over both channels and all kept days but the last `without_days`; read once per process.

    Every frame is read, those of other days too, so that a damaged one is found. A constant city has the range
    (low, low + 1).
    """
    files, days = opened_files(paths)
    with _READING:
        return _value_range(files, days, without_days)


@lru_cache(maxsize=4)
def _value_range(files: tuple[FlowFile, ...], days: Days, without_days: int) -> tuple[float, float]:
    low, high = np.inf, -np.inf
    counted = np.arange(len(days)) < len(days) - without_days
    for number, file in enumerate(files):
        mine = (days.file == number) & counted
        kept = np.isin(file.days, days.day[mine])
        for first in range(0, len(file.days), BLOCK_FRAMES):
            last = min(first + BLOCK_FRAMES, len(file.days))
            values = file.read(first, last)[kept[first:last]]
            if values.size:
                low, high = min(low, float(values.min())), max(high, float(values.max()))
    return low, (high if high > low else low + 1.0)
