"""The calendar of the simulated city: periods, days off, outages. Known without simulating anything."""

from __future__ import annotations

from functools import cache

import numpy as np

from .chance import unit

PER_DAY = 48
PERIODS = (
    ("13", "2013-07-01", "2013-10-31", 4888),
    ("14", "2014-03-01", "2014-06-30", 4780),
    ("15", "2015-03-01", "2015-06-30", 5596),
    ("16", "2015-11-01", "2016-04-10", 7220),
)
"""Year in the file name, first and last day, frames: those of the official files, outages of the recorder included."""
_DAYS_OFF = {
    "2013-09-19": 3,
    "2013-10-01": 7,
    "2014-04-05": 3,
    "2014-05-01": 3,
    "2014-05-31": 3,
    "2015-04-04": 3,
    "2015-05-01": 3,
    "2015-06-20": 3,
    "2016-01-01": 3,
    "2016-02-07": 7,
    "2016-04-02": 3,
}
"""First day -> number of days, Chinese public holidays of those years."""
_LONG = 7
RECORDED_TAIL_DAYS = 62
"""The last days of the last period, which have no outage: test and validation are whole."""


@cache
def days_off() -> tuple[int, ...]:
    """Public holidays, days since 1970-01-01."""
    first = {day: int(np.datetime64(day, "D").astype(np.int64)) for day in _DAYS_OFF}
    return tuple(sorted(first[day] + k for day, length in _DAYS_OFF.items() for k in range(length)))


@cache
def day_kind(number: int) -> tuple[int, float]:
    """(0 working day or 1 day off, how much people travel) of a day since 1970-01-01; long holidays empty the city."""
    if number in days_off():
        run = 1
        for step in (-1, 1):
            k = number + step
            while k in days_off():
                run, k = run + 1, k + step
        return 1, 0.66 if run >= _LONG else 0.86
    return (1, 1.0) if (number + 3) % 7 >= 5 else (0, 1.0)


def recorded_slots(seed: int, period: int, days: int = 0) -> np.ndarray:
    """Slots since 1970-01-01 that the recorder of a period has, ascending; `days`: of its last so many days only.

    Outages of hours and of days, drawn until the period has as many frames as the official file.
    """
    _, first, last, frames = PERIODS[period]
    begin, end = (int(np.datetime64(day, "D").astype(np.int64)) for day in (first, last))
    recorded = np.ones((end - begin + 1) * PER_DAY, bool)
    spared = RECORDED_TAIL_DAYS * PER_DAY if period == len(PERIODS) - 1 else 0
    reach, missing, draw = len(recorded) - spared, len(recorded) - frames, 0
    while missing:
        where, long, length = unit(seed, 7, period, draw, np.arange(3)).tolist()
        size = int((1 + 5 * length) * PER_DAY) if long < 0.5 else 1 + int(12 * length * length)
        start = int(where * reach)
        gap = start + np.flatnonzero(recorded[start : min(start + size, reach)])[:missing]
        recorded[gap] = False
        missing, draw = missing - len(gap), draw + 1
    if days:
        recorded[: max(0, len(recorded) - days * PER_DAY)] = False
    return begin * PER_DAY + np.flatnonzero(recorded)
