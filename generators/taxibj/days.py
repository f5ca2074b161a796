"""Which days are kept, what lies before each, and the split: from dates alone, no frame is read.

A sequence is one kept day with the last `lead` slots of the day before it, so that windows of `lead` + 1 frames may
cross midnight and every window belongs to exactly one sequence: that of the day in which it ends. Where the day before
is missing (or lies in another file), the sequence begins at midnight. So no window crosses a gap."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from stbench.contract.datasets import Split
from stbench.errors import StbenchError

from .hdf5 import FlowFile

Span = tuple[int, int, int]
"""(sequence, first frame, last frame + 1)."""


@dataclass(frozen=True, eq=False)
class Days:
    """The kept days of all files, in order of time; one entry is one sequence."""

    day: np.ndarray
    """(sequence,) datetime64[D]."""
    file: np.ndarray
    """(sequence,) number of the file."""
    index: np.ndarray
    """(sequence,) frame of the file that is the day's first slot."""
    after_gap: np.ndarray
    """(sequence,) bool: the day before is not kept, or in another file."""
    before_gap: np.ndarray
    """(sequence,) bool: the same of the day after."""

    def __len__(self) -> int:
        return len(self.day)


def kept_days(files: Sequence[FlowFile]) -> Days:
    """The days of which every slot is there. Raises `StbenchError` where files overlap or differ in grid or interval.

    The published code keeps a day when 47 entries after its first slot there is a last slot. That is the same, but for
    a day without its end before a day without its beginning, which together have 48 slots.
    """
    _check_same(files)
    parts = []
    for position, file in enumerate(files):
        first = np.flatnonzero(file.slots == 0)
        last = first + file.per_day - 1
        inside = last < len(file.days)
        first, last = first[inside], last[inside]
        complete = first[(file.days[last] == file.days[first]) & (file.slots[last] == file.per_day - 1)]
        parts.append((file.days[complete], np.full(len(complete), position), complete))
    day, number, index = (np.concatenate(each) for each in zip(*parts, strict=True))
    if not len(day):
        raise StbenchError(f"{files[0].path} and its companions have no day of which every slot is there")
    gap = (np.diff(day).astype(np.int64) != 1) | (np.diff(number) != 0)
    return Days(day, number, index, np.append(True, gap), np.append(gap, True))


def _check_same(files: Sequence[FlowFile]) -> None:
    for before, file in pairwise(files):
        if (file.grid, file.per_day) != (before.grid, before.per_day):
            raise StbenchError(
                f"{file.path} has {file.grid[0]} x {file.grid[1]} cells and {file.per_day} slots a day, but "
                f"{before.path.name} has {before.grid[0]} x {before.grid[1]} and {before.per_day}: they do not belong "
                "together"
            )
        if file.days[0] <= before.days[-1]:
            raise StbenchError(
                f"{file.path} begins on {file.days[0]}, not after the end of {before.path.name} on {before.days[-1]}"
            )


def last_windows_split(
    split_id: str, days: Days, per_day: int, lead: int, test_days: int, val_days: int, reversed_time: bool
) -> Split:
    """The last `test_days` days' worth of windows are test, as many as `val_days` before them val, the rest train.

    No frame is in two parts: whatever lies after the first frame of a test window is neither train nor val. With
    `reversed_time` the last frame of each stretch without gaps is left out, as the published code does, and the ranges
    count from the end of the day. Raises `StbenchError` where nothing is left to train on.
    """
    length = lead + 1
    rows: list[Span] = [
        (i, lead if days.after_gap[i] else 0, lead + per_day - bool(reversed_time and days.before_gap[i]))
        for i in range(len(days))
    ]
    midnight = days.day.astype("datetime64[D]").astype(np.int64) * per_day - lead
    rest, parts = rows, dict[str, list[Span]]()
    for part, count in (("test", test_days * per_day), ("val", val_days * per_day)):
        rest, parts[part] = _cut(rest, midnight, length, count)
    parts["train"] = rest
    if not rest:
        raise StbenchError(
            f"{len(days)} complete days cannot give {test_days} for test and {val_days} for validation and leave some "
            "to train on: ask for fewer with `--set test_days=... --set val_days=...`"
        )
    frames = lead + per_day
    ranges = {
        part: tuple(
            _join([(i, frames - b, frames - a) if reversed_time else (i, a, b) for i, a, b in parts[part]]),
        )
        for part in ("train", "val", "test")
    }
    return Split(split_id, len(days), ranges)


def _cut(rows: list[Span], midnight: np.ndarray, length: int, count: int) -> tuple[list[Span], list[Span]]:
    """(what is left, the last `count` windows): frames of the one are not in the other; nothing is left where there
    are not enough windows."""
    if count == 0:
        return rows, []
    tail: list[Span] = []
    for sequence, first, last in reversed(rows):
        take = min(max(0, last - first - length + 1), count)
        if take:
            tail.insert(0, (sequence, last - length + 1 - take, last))
            count -= take
        if count == 0:
            break
    else:
        return [], tail
    border = midnight[tail[0][0]] + tail[0][1]
    clipped = [(sequence, first, min(last, int(border - midnight[sequence]))) for sequence, first, last in rows]
    return [(sequence, first, last) for sequence, first, last in clipped if last - first >= length], tail


def _join(rows: list[Span]) -> list[tuple[int, int, int, int]]:
    """Ranges (first sequence, last + 1, first frame, last + 1) of consecutive sequences with the same frames."""
    joined: list[tuple[int, int, int, int]] = []
    for sequence, first, last in rows:
        if joined and joined[-1][1:] == (sequence, first, last):
            joined[-1] = (joined[-1][0], sequence + 1, first, last)
        else:
            joined.append((sequence, sequence + 1, first, last))
    return joined
