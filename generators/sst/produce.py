"""From raw files to the normalised frames of a range of zones; the days of each part of the split."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from stbench.contract.datasets import Split

from .importer import SeaSurface
from .normals import (
    DailyMoments,
    Normaliser,
    causal,
    daily_moments,
    day_slots,
    normalise,
    per_frame,
    per_zone,
    standardised,
)

NORMALISATIONS = ("causal", "per_zone", "per_frame")
TRAIN_AND_VAL, VAL = 0.8, 0.1
"""Shares of the days; the val days are the last of the training days."""
BLOCK_DAYS = 256


@dataclass(frozen=True)
class Producer:
    """`producer(start, stop)` gives every variable of those zones. Picklable; holds no open file."""

    open: Callable[[], SeaSurface]
    normalisation: str

    def __call__(self, start: int, stop: int) -> dict[str, np.ndarray]:
        """Memory: one zone in float64 and its normalised frames in float32, 12 bytes per value."""
        surface = self.open()
        dates, at = every_day(surface.dates)
        n_days, size = len(dates), surface.table.size
        frames = np.full((stop - start, n_days, 1, size, size), np.nan, np.float32)
        offset, scale = np.empty((stop - start, n_days)), np.empty((stop - start, n_days))
        for index, zone in enumerate(range(start, stop)):
            values = surface.read(zone, 0, len(at))
            chosen = normaliser(self.normalisation, surface, zone, _moments(values))
            offset[index], scale[index] = chosen.offset, chosen.scale
            for first in range(0, len(at), BLOCK_DAYS):
                days = at[first : first + BLOCK_DAYS]
                block = values[first : first + BLOCK_DAYS]
                frames[index, days, 0] = normalise(block, chosen.offset[days], chosen.scale[days])
        corners = np.array(surface.table.corners[start:stop], np.int64)
        return {
            "frames": frames,
            "offset": offset,
            "scale": scale,
            "zone": np.arange(start + 1, stop + 1),
            "row": corners[:, 0],
            "column": corners[:, 1],
        }


def every_day(dates: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """All dates from the first to the last, and where among them the given ones are: a missing day keeps its place in
    time."""
    return np.arange(dates[0], dates[-1] + 1), (dates - dates[0]).astype(int)


def _moments(values: np.ndarray) -> DailyMoments:
    """`daily_moments` a few days at a time: its scratch arrays are as large as its argument."""
    parts = [daily_moments(values[first : first + BLOCK_DAYS]) for first in range(0, len(values), BLOCK_DAYS)]
    return DailyMoments(
        *(np.concatenate([getattr(part, name) for part in parts]) for name in ("count", "mean", "deviation"))
    )


def normaliser(normalisation: str, surface: SeaSurface, zone: int, moments: DailyMoments) -> Normaliser:
    """Offset and scale of every day from the moments of those that are there.

    Where the files give normals (prepared zones), `per_zone` uses it.
    """
    dates, at = every_day(surface.dates)
    moments = moments.spread(at, len(dates))
    if normalisation == "per_frame":
        return per_frame(moments)
    slots, n_slots = day_slots(dates)
    if normalisation == "causal":
        training = np.arange(len(dates)) < day_parts(len(dates))["train"][1]
        return causal(moments, slots, n_slots, training)
    if (given := surface.given_normals(zone)) is not None:
        mean, std = np.zeros(len(dates)), np.ones(len(dates))
        mean[at], std[at] = given
        return standardised(moments, mean, std, np.ones(len(dates), bool))
    return per_zone(moments, slots, n_slots)


def day_parts(n_days: int) -> dict[str, tuple[int, int]]:
    """First and last + 1 day of train, val and test: the first 80 %, whose last eighth is val, and the rest."""
    stop, val = int(TRAIN_AND_VAL * n_days), int(VAL * n_days)
    return {"train": (0, stop - val), "val": (stop - val, stop), "test": (stop, n_days)}


def split_days(split_id: str, dates: np.ndarray, n_zones: int, test_zones: tuple[int, ...]) -> Split:
    """All zones train and validate, `test_zones` (1-based) are tested; `dates` are those that are there.

    A missing day is in no range, so that no window crosses it.
    """
    every, at = every_day(dates)
    breaks = np.flatnonzero(np.diff(at) != 1) + 1
    runs = [(int(run[0]), int(run[-1]) + 1) for run in np.split(at, breaks)]
    everywhere, tested = [(0, n_zones)], [(first, last + 1) for first, last in _blocks(test_zones)]
    ranges = {
        part: tuple(
            (*zones, max(first, begin), min(last, end))
            for zones in (tested if part == "test" else everywhere)
            for begin, end in runs
            if max(first, begin) < min(last, end)
        )
        for part, (first, last) in day_parts(len(every)).items()
    }
    return Split(split_id, n_zones, ranges)


def _blocks(numbers: tuple[int, ...]) -> list[tuple[int, int]]:
    """Runs of consecutive numbers as (first, last), 0-based."""
    blocks: list[tuple[int, int]] = []
    for number in (each - 1 for each in numbers):
        if blocks and blocks[-1][1] == number - 1:
            blocks[-1] = (blocks[-1][0], number)
        else:
            blocks.append((number, number))
    return blocks
