"""Normals of a region: day-of-year mean and standard deviation, then standardisation.

    x = (T - offset_t) / scale_t,        T = scale_t x + offset_t

with one offset and one scale per day t of the recording (scalars for the whole region). Three ways to choose them:

- `per_frame`: the mean and standard deviation of the frame itself. Any affine treatment before, such as by normals,
  drops out.
- `per_zone`: with m_d, s_d the mean and standard deviation of calendar day d over all years, y = (T - m_d) / s_d and
  mu, sigma of y over all days and pixels: offset_t = m_d + s_d mu, scale_t = s_d sigma.
- `causal`: the same from training days only; m_d and s_d are pooled over the days around d, since fewer years are left.
  Offset and scale of any day are known before it comes.

Days of the year. Calendars with real dates share a table of 366 slots: 29 February has its own (59, counting from 0)
and 1 March is always slot 60, so seasons do not slip by a day after February. Slot 59 has one year in four: it is
pooled with 28 February and 1 March. A calendar of 360 days has 360 slots. A slot without data is interpolated between
its neighbours, around the turn of the year. Land, fill values and missing days are NaN or simply absent: everything is
weighted by counts.

Sums are in float64 and in an order fixed by halving (`_sum_pixels`), so they depend neither on the machine nor on how
the days are cut into blocks; `daily_moments` takes dask arrays, so that a file may be larger than memory."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

LEAP_SLOT = 59
"""29 February in the table of 366 days."""
SMALLEST_SCALE = 1e-3
"""Degrees: a flatter frame or day of the normals is not divided by its standard deviation but by 1."""

_DAYS_BEFORE_MONTH = np.array([0, 31, 60, 91, 121, 152, 182, 213, 244, 274, 305, 335])


@dataclass(frozen=True)
class DailyMoments:
    """Count, mean and sum of squared deviations over the valid pixels of each day; arrays (days,)."""

    count: np.ndarray
    mean: np.ndarray
    """0 where the count is 0."""
    deviation: np.ndarray
    """Sum over pixels of (T - mean)**2."""

    @property
    def std(self) -> np.ndarray:
        """Population standard deviation of each day."""
        return np.asarray(np.sqrt(self.deviation / np.maximum(self.count, 1)))

    def select(self, days: np.ndarray | slice) -> DailyMoments:
        """The same, for some of the days."""
        return DailyMoments(self.count[days], self.mean[days], self.deviation[days])

    def spread(self, at: np.ndarray, n_days: int) -> DailyMoments:
        """The same among `n_days` days: day i becomes day `at[i]`, the others have no values."""
        spread = DailyMoments(np.zeros(n_days, np.int64), np.zeros(n_days), np.zeros(n_days))
        spread.count[at], spread.mean[at], spread.deviation[at] = self.count, self.mean, self.deviation
        return spread


@dataclass(frozen=True)
class DailyNormals:
    """Mean and standard deviation of each calendar day; arrays (slots,), 366 or 360 of them."""

    count: np.ndarray
    """Values behind each slot; 0 where it was interpolated."""
    mean: np.ndarray
    std: np.ndarray


@dataclass(frozen=True)
class Normaliser:
    """x = (T - offset) / scale with arrays (days,), float64, in the unit of T."""

    offset: np.ndarray
    scale: np.ndarray


def day_slots(dates: Sequence[Any] | np.ndarray, calendar: str = "standard") -> tuple[np.ndarray, int]:
    """Slot of each date in the table of calendar days, and the number of slots.

    `dates` are datetime64 values or objects with `month` and `day` (datetime, cftime). `calendar` is a CF name:
    "360_day" has 360 slots; all others 366, of which "noleap" leaves slot 59 empty."""
    array = np.asarray(dates)
    if array.dtype.kind == "M":
        months = array.astype("datetime64[M]")
        month = months.astype(int) % 12
        day = (array.astype("datetime64[D]") - months.astype("datetime64[D]")).astype(int)
    else:
        month = np.array([date.month - 1 for date in dates], int)
        day = np.array([date.day - 1 for date in dates], int)
    if calendar == "360_day":
        return 30 * month + day, 360
    return _DAYS_BEFORE_MONTH[month] + day, 366


def daily_moments(values: Any) -> DailyMoments:
    """Moments of each day of `values` (time, y, x); NaN are land or missing.

    `values` may be a NumPy array, a dask array or a DataArray of either; a dask array is taken block by block along
    time, so only as many blocks are in memory as the scheduler computes at a time."""
    data = getattr(values, "data", values) if hasattr(values, "dims") else values
    if hasattr(data, "dask"):
        import dask.array

        whole_days = data.rechunk({1: -1, 2: -1})
        chunks = (whole_days.chunks[0], (3,))
        blocks = dask.array.map_blocks(  # type: ignore[no-untyped-call]
            _moments_table, whole_days, dtype=np.float64, drop_axis=2, chunks=chunks, meta=np.empty((0, 0))
        )
        table = np.asarray(blocks.compute())
    else:
        table = _moments_table(np.asarray(data))
    return DailyMoments(table[:, 0].astype(np.int64), table[:, 1].copy(), table[:, 2].copy())


def _moments_table(values: np.ndarray) -> np.ndarray:
    """(days, 3): count, mean, sum of squared deviations."""
    pixels = values.reshape(len(values), -1).astype(np.float64)
    valid = np.isfinite(pixels)
    count = valid.sum(axis=1)
    mean = _sum_pixels(np.where(valid, pixels, 0.0)) / np.maximum(count, 1)
    deviations = np.where(valid, pixels - mean[:, None], 0.0)
    return np.stack([count.astype(np.float64), mean, _sum_pixels(deviations * deviations)], axis=1)


def _sum_pixels(values: np.ndarray) -> np.ndarray:
    """Sum over the last axis by adding its upper half to its lower half until one is left: additions of arrays only.

    A library's own sum may change its order with the processor or the version; element by element there is nothing to
    choose."""
    while (width := values.shape[-1]) > 1:
        half = width // 2
        folded = values[..., :half] + values[..., half : 2 * half]
        if width % 2:
            folded[..., 0] += values[..., -1]
        values = folded
    return values[..., 0] if values.shape[-1] else np.zeros(values.shape[:-1])


def pool(moments: DailyMoments, groups: np.ndarray, n_groups: int) -> DailyMoments:
    """Moments of groups of days, exactly those of all their pixels together; day i goes to group `groups[i]`.

    With weights n_i: mean = sum n_i m_i / n and sum of squares = sum (d_i + n_i (m_i - mean)**2).
    """
    count = np.zeros(n_groups, np.int64)
    total, deviation = np.zeros(n_groups), np.zeros(n_groups)
    np.add.at(count, groups, moments.count)
    np.add.at(total, groups, moments.count * moments.mean)
    mean = total / np.maximum(count, 1)
    np.add.at(deviation, groups, moments.deviation + moments.count * (moments.mean - mean[groups]) ** 2)
    return DailyMoments(count, mean, deviation)


def daily_normals(moments: DailyMoments, slots: np.ndarray, n_slots: int, half_width: int = 0) -> DailyNormals:
    """Mean and standard deviation per calendar day, over the days of all years within `half_width` days of it.

    29 February takes at least its two neighbours; a slot without data is interpolated between the nearest slots that
    have some. Raises `ValueError` when no day has any data."""
    own = pool(moments, slots, n_slots)
    if not own.count.any():
        raise ValueError("no day has any valid value, so there are no normals")
    count, mean, deviation = (np.zeros(n_slots, kind) for kind in (np.int64, np.float64, np.float64))
    for slot in range(n_slots):
        reach = max(half_width, 1) if n_slots == 366 and slot == LEAP_SLOT else half_width
        window = np.arange(slot - reach, slot + reach + 1) % n_slots
        together = pool(own.select(window), np.zeros(len(window), np.int64), 1)
        count[slot], mean[slot], deviation[slot] = together.count[0], together.mean[0], together.deviation[0]
    std = np.sqrt(deviation / np.maximum(count, 1))
    return DailyNormals(count, _fill_gaps(mean, count > 0), _fill_gaps(std, count > 0))


def _fill_gaps(values: np.ndarray, known: np.ndarray) -> np.ndarray:
    """Linear interpolation over unknown slots, around the turn of the year."""
    if known.all():
        return values
    n, at, gaps = len(values), np.flatnonzero(known), np.flatnonzero(~known)
    after = np.searchsorted(at, gaps)
    left, right = at[after - 1], at[after % len(at)]
    filled = values.copy()
    part = ((gaps - left) % n) / ((right - left - 1) % n + 1)
    filled[gaps] = values[left] + part * (values[right] - values[left])
    return filled


def per_frame(moments: DailyMoments) -> Normaliser:
    """Each frame's own mean and standard deviation: the published code. It tells a forecast the statistics of the
    future."""
    return Normaliser(moments.mean, _usable(moments.std))


def per_zone(moments: DailyMoments, slots: np.ndarray, n_slots: int) -> Normaliser:
    """Normals of all years, then standardisation over all days: the paper's text."""
    of_day = daily_normals(moments, slots, n_slots)
    return standardised(moments, of_day.mean[slots], of_day.std[slots], np.ones(len(slots), bool))


def causal(
    moments: DailyMoments, slots: np.ndarray, n_slots: int, training: np.ndarray, half_width: int = 5
) -> Normaliser:
    """Normals and standardisation from the days where `training` (days,) bool is true; nothing of any other day
    enters."""
    of_day = daily_normals(moments.select(training), slots[training], n_slots, half_width)
    return standardised(moments, of_day.mean[slots], of_day.std[slots], training)


def standardised(moments: DailyMoments, mean: np.ndarray, std: np.ndarray, days: np.ndarray) -> Normaliser:
    """offset = mean + std mu, scale = std sigma, where mu, sigma are of y = (T - mean) / std over the chosen `days`
    (bool).

    `mean`, `std`: normals, one value per day. From the daily moments alone, no second look at the pixels.
    """
    std = _usable(std)
    chosen = moments.select(days)
    of_y = DailyMoments(
        chosen.count, (chosen.mean - mean[days]) / std[days], chosen.deviation / (std[days] * std[days])
    )
    together = pool(of_y, np.zeros(len(of_y.count), np.int64), 1)
    sigma = _usable(together.std)[0]
    return Normaliser(mean + std * together.mean[0], std * sigma)


def _usable(std: np.ndarray) -> np.ndarray:
    return np.where(std > SMALLEST_SCALE, std, 1.0)


def normalise(values: np.ndarray, offset: np.ndarray, scale: np.ndarray) -> np.ndarray:
    """x = (T - offset) / scale, float32; `values` (..., time, y, x), `offset` and `scale` (..., time).

    Computed in float64 and rounded once, so that `denormalise` gives T back to 6e-8 of |T - offset|: 1e-6 K up to 16 K
    away."""
    result: np.ndarray = (np.asarray(values, np.float64) - offset[..., None, None]) / scale[..., None, None]
    return result.astype(np.float32)


def denormalise(frames: np.ndarray, offset: np.ndarray, scale: np.ndarray) -> np.ndarray:
    """T = scale x + offset, float64; `frames` (..., time, y, x) or (..., time, channel, y, x), `offset` and `scale`
    (..., time)."""
    offset, scale = np.asarray(offset, np.float64), np.asarray(scale, np.float64)
    trailing = (1,) * (np.ndim(frames) - offset.ndim)
    temperature: np.ndarray = np.asarray(frames, np.float64) * scale.reshape(*scale.shape, *trailing)
    temperature += offset.reshape(*offset.shape, *trailing)
    return temperature
