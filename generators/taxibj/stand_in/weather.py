"""Weather of the simulated city, any slot on its own: seasons, days and slow chance. No transcendental function."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from .chance import unit

PER_DAY = 48
KINDS = (
    "sunny",
    "cloudy",
    "overcast",
    "rainy",
    "sprinkle",
    "moderate rain",
    "heavy rain",
    "rainstorm",
    "thunderstorm",
    "freezing rain",
    "snowy",
    "light snow",
    "moderate snow",
    "heavy snow",
    "foggy",
    "sandstorm",
    "dusty",
)
"""Seventeen, as in the official file."""
_MONTH_TEMPERATURE = (-3.0, 0.0, 7.0, 15.0, 21.0, 25.5, 27.0, 26.0, 21.0, 14.0, 5.0, -1.0)
_MONTH_DRYNESS = (0.60, 0.58, 0.54, 0.48, 0.42, 0.30, 0.22, 0.26, 0.38, 0.48, 0.54, 0.60)
_HOUR_TEMPERATURE = (
    *(-3.5, -3.9, -4.2, -4.5, -4.7, -4.8, -4.3, -3.2, -1.6, 0.2, 1.8, 3.1),
    *(4.0, 4.6, 4.9, 4.8, 4.2, 3.1, 1.8, 0.6, -0.5, -1.4, -2.2, -2.9),
)


@dataclass(frozen=True, eq=False)
class Weather:
    """One value per slot."""

    temperature: np.ndarray
    """Degrees Celsius."""
    wind_speed: np.ndarray
    """Miles per hour."""
    rain: np.ndarray
    """0 .. 1: how much rain or snow hinders."""
    kind: np.ndarray
    """Index into `KINDS`."""


def smooth_noise(seed: int, stream: int, slots: np.ndarray, period: int) -> np.ndarray:
    """A curve between -1 and 1 through uniform numbers at every multiple of `period`, smooth between them."""
    knot = slots // period
    part = (slots % period) / period
    part = part * part * (3 - 2 * part)
    before, after = (2 * unit(seed, 6, stream, period, knot + k) - 1 for k in (0, 1))
    return np.asarray(before + part * (after - before))


def weather(seed: int, slots: np.ndarray) -> Weather:
    """Weather in slots counted from 1970-01-01."""
    days = slots // PER_DAY
    dates = days.astype("datetime64[D]")
    month = dates.astype("datetime64[M]").astype(np.int64) % 12
    length = (dates.astype("datetime64[M]") + 1).astype("datetime64[D]") - dates.astype("datetime64[M]")
    within = (dates - dates.astype("datetime64[M]")).astype(np.int64) / length.astype(np.int64) - 0.5
    other = np.where(within < 0, month - 1, month + 1) % 12

    def seasonal(table: tuple[float, ...]) -> np.ndarray:
        values = np.array(table)
        return np.asarray(values[month] + abs(within) * (values[other] - values[month]))

    wet = 0.55 * smooth_noise(seed, 10, slots, 110) + 0.45 * smooth_noise(seed, 11, slots, 17)
    dryness = seasonal(_MONTH_DRYNESS)
    rain = np.clip((wet - dryness) / 0.45, 0, 1)
    cloud = np.clip(wet - dryness + 0.6, 0, 1)
    hour = slots % PER_DAY // 2
    temperature = seasonal(_MONTH_TEMPERATURE) + 4.5 * smooth_noise(seed, 12, slots, 190)
    temperature += np.array(_HOUR_TEMPERATURE)[hour] * (1 - 0.6 * cloud) - 3 * rain
    gusts = 1 + 0.8 * smooth_noise(seed, 13, slots, 70) + 0.4 * smooth_noise(seed, 14, slots, 9)
    wind_speed = np.maximum(0.0, 7 * gusts)
    haze = smooth_noise(seed, 15, slots, 130)
    return Weather(
        np.rint(temperature * 10) / 10, np.rint(wind_speed * 10) / 10, rain, _kinds(rain, cloud, temperature, haze)
    )


def _kinds(rain: np.ndarray, cloud: np.ndarray, temperature: np.ndarray, haze: np.ndarray) -> np.ndarray:
    choices = (
        (rain > 0, temperature < 1, ((0.3, "light snow"), (0.6, "moderate snow"), (2, "heavy snow"))),
        (
            rain > 0,
            temperature >= 1,
            ((0.25, "sprinkle"), (0.45, "rainy"), (0.65, "moderate rain"), (0.85, "heavy rain"), (2, "rainstorm")),
        ),
    )
    kind = np.where(cloud > 0.45, KINDS.index("overcast"), np.where(cloud > 0.2, KINDS.index("cloudy"), 0))
    kind = np.where((haze > 0.75) & (cloud > 0.2), KINDS.index("foggy"), kind)
    for falls, where, steps in choices:
        for limit, name in reversed(steps):
            kind = np.where(falls & where & (rain <= limit), KINDS.index(name), kind)
    return np.asarray(kind)
