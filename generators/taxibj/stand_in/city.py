"""A simulated city: who goes where by taxi, on which roads, in which half hour; weather, holidays and incidents.

    crossings of a street in slot t = sum over purposes, quarters and lags of  trips(t - lag) * share of them that cross
    the street that many slots after they left,       then whole vehicles by chance

People of twelve quarters go to work, return, go out, come back and travel on business (`_city_plan`); how many do is
told by the hour, the kind of day, the weather and slow chance. The wetter and the fuller the roads, the more of the
trips take the ways and times of jammed roads. An incident closes part of a place for one to four hours; what cannot
pass there takes the next street. Inflow of a cell is what crosses into it, outflow what leaves it: the city is closed,
so both have the same sum over all cells.

Every slot is a pure function of (seed, grid, its date): no state is carried, so any stretch can be simulated alone. The
same numbers on every machine: trips and shares are whole numbers whose products sum to less than 2**53, so their matrix
product is exact in any order; the rest is IEEE arithmetic, and random numbers are raw 64-bit words."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from .chance import unit
from .days import day_kind
from .plan import LAGS, PURPOSES, SCALE_BITS, SPEEDS, ZONES, Plan, city_plan
from .weather import Weather, smooth_noise, weather

PER_DAY = 48
DAILY_TRIPS = 215_000
TRIP_UNIT = 16
"""Trips are counted in sixteenths."""
INCIDENTS_PER_DAY = 5

_HOURS = {
    # relative departures in the hours 0 .. 23 of a working day, then of a day off
    "to work": (
        (2, 1, 1, 1, 2, 9, 38, 96, 92, 48, 22, 14, 10, 14, 11, 8, 6, 5, 4, 4, 3, 3, 3, 2),
        (2, 1, 1, 1, 2, 4, 8, 14, 19, 21, 17, 12, 9, 10, 8, 6, 5, 4, 4, 3, 3, 3, 2, 2),
    ),
    "from work": (
        (6, 3, 2, 1, 1, 1, 2, 3, 4, 6, 9, 16, 18, 12, 12, 17, 35, 78, 92, 60, 34, 26, 20, 12),
        (6, 4, 2, 1, 1, 1, 1, 2, 2, 4, 6, 9, 10, 9, 11, 13, 17, 20, 18, 13, 10, 9, 8, 7),
    ),
    "out": (
        (5, 3, 2, 1, 1, 2, 4, 8, 14, 26, 32, 34, 30, 30, 31, 30, 30, 36, 46, 48, 34, 20, 12, 8),
        (8, 5, 3, 2, 1, 2, 3, 7, 17, 36, 52, 58, 52, 53, 56, 54, 50, 50, 54, 50, 36, 24, 16, 11),
    ),
    "back": (
        (18, 11, 7, 4, 3, 2, 2, 3, 6, 11, 18, 26, 29, 29, 30, 33, 35, 35, 33, 38, 47, 54, 46, 30),
        (25, 16, 10, 6, 3, 2, 2, 3, 5, 11, 22, 36, 44, 45, 49, 54, 58, 56, 48, 46, 52, 58, 52, 38),
    ),
    "business": (
        (5, 3, 2, 2, 2, 3, 6, 16, 44, 72, 80, 66, 46, 60, 74, 76, 66, 44, 28, 22, 18, 15, 12, 8),
        (6, 4, 3, 2, 2, 2, 4, 8, 16, 26, 32, 30, 26, 28, 32, 32, 28, 24, 20, 18, 16, 14, 11, 8),
    ),
}
_WEEKDAY = (0.98, 1.0, 1.0, 1.01, 1.08, 1.0, 0.93)
"""Monday .. Sunday."""
_GROWTH = {2013: 0.94, 2014: 0.99, 2015: 1.0, 2016: 0.95}


@dataclass(frozen=True)
class City:
    """One simulated city; `flows` and `weather_of` are pure functions of the dates asked for."""

    seed: int = 0
    rows: int = 32
    columns: int = 32

    @property
    def plan(self) -> Plan:
        return city_plan(self.seed, self.rows, self.columns)

    def flows(self, day: np.datetime64) -> np.ndarray:
        """(slot, 2, y, x) float64 whole numbers: vehicles that enter and leave each cell in each half hour of a day."""
        number = int(day.astype("datetime64[D]").astype(np.int64))
        slots = number * PER_DAY + np.arange(-(LAGS - 1), PER_DAY)
        departures = self._departures(slots)
        # trips(t - lag) for each slot t of the day, in the order of the rows of `crossings`
        lagged = np.stack([departures[LAGS - 1 - lag : len(slots) - lag] for lag in range(LAGS)], axis=-1)
        expected = (lagged.reshape(PER_DAY, -1) @ self.plan.crossings) * (2.0**-SCALE_BITS / TRIP_UNIT)
        expected = expected.reshape(PER_DAY, self.rows, self.columns, 4)
        self._incidents(number, expected)
        return self._in_and_out(_by_chance(self.seed, number, expected))

    def weather_of(self, slots: np.ndarray) -> Weather:
        """Weather in slots counted from 1970-01-01, 48 a day."""
        return weather(self.seed, slots)

    def _departures(self, slots: np.ndarray) -> np.ndarray:
        """(slot, speed * purpose * zone) whole numbers of sixteenths of trips."""
        plan, sky = self.plan, weather(self.seed, slots)
        numbers, hours = slots // PER_DAY, (slots % PER_DAY) / 2 + 0.25
        kind, level = (np.array(each) for each in zip(*map(day_kind, numbers.tolist()), strict=True))
        years = numbers.astype("datetime64[D]").astype("datetime64[Y]").astype(int) + 1970
        level = level * np.array([_GROWTH.get(int(year), 1.0) for year in years])
        level = level * np.array(_WEEKDAY)[(numbers + 3) % 7] * (1 + 0.04 * smooth_noise(self.seed, 20, slots, 192))
        trips = np.empty((len(slots), len(PURPOSES), ZONES))
        for p, purpose in enumerate(PURPOSES):
            wet = 1 + (0.12 if purpose in ("to work", "from work", "business") else -0.35) * sky.rain
            for zone in range(ZONES):
                # Those who live far from their work leave earlier and come home as late as the others.
                early = 0.8 * (plan.farness[zone] - 1) if purpose == "to work" else 0.0
                when = _at_hour(purpose, kind, hours + early)
                key = 30 + p * ZONES + zone
                mood = 1 + 0.14 * smooth_noise(self.seed, key, slots, PER_DAY)
                mood *= 1 + 0.07 * smooth_noise(self.seed, 200 + key, slots, 5)
                # of the whole city: the share of the quarter is in `crossings`
                trips[:, p, zone] = when * level * wet * mood
        trips /= 2 * sum(sum(_HOURS[name][0]) for name in PURPOSES)  # now shares of a working day's trips
        fullness = trips.sum(axis=1).mean(axis=1) * PER_DAY / 2.5
        jammed = np.clip(0.05 + 0.45 * fullness * fullness + 0.5 * sky.rain, 0, 1)
        whole = np.rint(trips * (DAILY_TRIPS * TRIP_UNIT))
        slow = np.rint(whole * jammed[:, None, None])
        return np.asarray(
            np.stack([whole - slow, slow], axis=1).reshape(len(slots), len(SPEEDS) * len(PURPOSES) * ZONES)
        )

    def _incidents(self, number: int, expected: np.ndarray) -> None:
        """Close part of some places for a while: what cannot pass takes the parallel streets beside."""
        u = unit(self.seed, 5, number, np.arange(4 * INCIDENTS_PER_DAY)).reshape(INCIDENTS_PER_DAY, 4)
        roads = np.flatnonzero(self.plan.arterial.reshape(-1))
        for where, begin, length, severity in u.tolist():
            if length < 0.3:  # some days have fewer
                continue
            y, x = divmod(int(roads[int(where * len(roads))]), self.columns)
            first = int(begin * PER_DAY)
            during = slice(first, first + 2 + int(8 * (length - 0.3)))
            share = 0.35 + 0.5 * severity
            for dy, dx, d in ((0, 0, 0), (0, 0, 1), (0, 0, 2), (0, 0, 3), (1, 0, 0), (-1, 0, 1), (0, 1, 2), (0, -1, 3)):
                at = (y + dy, x + dx)
                if not (0 <= at[0] < self.rows and 0 <= at[1] < self.columns):
                    continue
                diverted = share * expected[during, at[0], at[1], d]
                sides = [(at[0], at[1] + s) if d < 2 else (at[0] + s, at[1]) for s in (-1, 1)]
                sides = [side for side in sides if 0 <= side[0] < self.rows and 0 <= side[1] < self.columns]
                expected[during, at[0], at[1], d] -= diverted
                for side in sides:
                    expected[during, side[0], side[1], d] += diverted / len(sides)

    def _in_and_out(self, crossed: np.ndarray) -> np.ndarray:
        flows = np.zeros((PER_DAY, 2, self.rows, self.columns))
        flows[:, 1] = crossed.sum(axis=-1)
        flows[:, 0, :-1] += crossed[:, 1:, :, 0]
        flows[:, 0, 1:] += crossed[:, :-1, :, 1]
        flows[:, 0, :, :-1] += crossed[:, :, 1:, 2]
        flows[:, 0, :, 1:] += crossed[:, :, :-1, 3]
        return flows


def _at_hour(purpose: str, kind: np.ndarray, hours: np.ndarray) -> np.ndarray:
    """Departures by purpose at an hour of the day; `kind` 0: working day, 1: day off."""
    first = np.floor(hours - 0.5).astype(np.int64)
    part = hours - 0.5 - first
    tables = np.array(_HOURS[purpose], np.float64)
    return np.asarray(tables[kind, first % 24] * (1 - part) + tables[kind, (first + 1) % 24] * part)


def _by_chance(seed: int, number: int, expected: np.ndarray) -> np.ndarray:
    """Whole numbers with these means and about their variance, as counts have it.

    floor(m + sqrt(m) z + u) with z the sum of three uniform numbers, scaled to variance 1, and u uniform.
    """
    words = np.random.Philox(key=(seed << 64) | number).random_raw(expected.size).reshape(expected.shape)
    z = np.zeros(expected.shape)
    for shift in (0, 16, 32):
        z += ((words >> np.uint64(shift)) & np.uint64(0xFFFF)).astype(np.float64)
    z = (z - 1.5 * 65535) / 32768
    u = (words >> np.uint64(48)).astype(np.float64) / 65536
    return np.asarray(np.maximum(0.0, np.floor(expected + np.sqrt(expected) * z + u)))
