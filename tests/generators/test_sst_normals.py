"""Normals of the sea surface: against pandas and NumPy on whole arrays, on real files, and for what it must not
know."""

from __future__ import annotations

import tracemalloc
from pathlib import Path

import cftime
import dask
import dask.array
import numpy as np
import pandas as pd
import pytest
import xarray
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from stbench.generators.sst import normals as c
from stbench.generators.sst.netcdf import frame_dates, open_netcdf, to_celsius

from stbench.paths import raw_dir

DATES = np.arange("2003-01-01", "2008-01-01", dtype="datetime64[D]")
TRAINING = np.datetime64("2006-06-01") > DATES


def real_file(name: str) -> Path:
    folder = raw_dir()
    path = None if folder is None else folder / "sst" / name
    if path is None or not path.is_file():
        pytest.skip(f"STBENCH_RAW has no sst/{name}")
    return path


@pytest.fixture(scope="module")
def temperature() -> np.ndarray:
    """(days, 6, 7) degrees Celsius with seasons, fronts and noise."""
    random = np.random.default_rng(5)
    season = 6 * np.cos(2 * np.pi * (np.arange(len(DATES)) - 230) / 365.25)
    place = np.linspace(-3, 3, 42).reshape(6, 7)
    noise = random.normal(size=(len(DATES), 6, 7))
    return 15 + season[:, None, None] + place * (1 + 0.2 * season[:, None, None]) + noise


# Days of the year


def test_march_keeps_its_place_in_leap_years_and_29_february_has_its_own() -> None:
    dates = np.array(["2003-02-28", "2003-03-01", "2004-02-28", "2004-02-29", "2004-03-01", "2004-12-31"], "M8[D]")
    slots, n_slots = c.day_slots(dates)
    assert slots.tolist() == [58, 60, 58, 59, 60, 365]
    assert n_slots == 366


def test_slots_agree_with_the_day_of_year_of_leap_years() -> None:
    dates = np.arange("2004-01-01", "2005-01-01", dtype="datetime64[D]")
    np.testing.assert_array_equal(c.day_slots(dates)[0], pd.DatetimeIndex(dates).day_of_year - 1)


def test_model_calendars_are_understood() -> None:
    days_360 = cftime.num2date(np.arange(720), "days since 2001-01-01", "360_day")
    slots, n_slots = c.day_slots(days_360, "360_day")
    assert n_slots == 360
    np.testing.assert_array_equal(slots, np.tile(np.arange(360), 2))
    noleap = cftime.num2date(np.arange(365), "days since 2004-01-01", "noleap")
    slots, n_slots = c.day_slots(noleap, "noleap")
    assert (n_slots, len(set(slots.tolist())), c.LEAP_SLOT in slots) == (366, 365, False)


# Moments


@given(
    hnp.arrays(
        np.float64,
        hnp.array_shapes(min_dims=3, max_dims=3, min_side=1, max_side=9),
        elements=st.one_of(st.floats(-5, 40), st.just(np.nan)),
    )
)
@settings(max_examples=60, deadline=None)
def test_daily_moments_are_those_of_the_valid_pixels(values: np.ndarray) -> None:
    moments = c.daily_moments(values)
    for day, frame in enumerate(values):
        valid = frame[np.isfinite(frame)]
        assert moments.count[day] == valid.size
        if valid.size:
            assert moments.mean[day] == pytest.approx(valid.mean(), abs=1e-12)
            assert moments.std[day] == pytest.approx(valid.std(), abs=1e-6)


@pytest.mark.parametrize(("days", "rows", "columns"), [(1, 6, 7), (7, 4, 3), (40, 1, 7), (13, 6, 5), (39, 6, 7)])
def test_blocks_of_a_dask_array_do_not_change_a_bit(days: int, rows: int, columns: int) -> None:
    values = np.random.default_rng(0).normal(15, 5, (40, 6, 7))
    values[3, 2, 1], values[8] = np.nan, np.nan
    whole = c.daily_moments(values)
    with dask.config.set(scheduler="synchronous"):
        blocks = c.daily_moments(dask.array.from_array(values, chunks=(days, rows, columns)))
    for name in ("count", "mean", "deviation"):
        np.testing.assert_array_equal(getattr(blocks, name), getattr(whole, name))


def test_a_data_array_is_taken_for_its_values(temperature: np.ndarray) -> None:
    array = xarray.DataArray(temperature, dims=("time", "y", "x")).chunk({"time": 100})
    np.testing.assert_array_equal(c.daily_moments(array).mean, c.daily_moments(temperature).mean)


def test_memory_is_bounded_by_a_block_and_not_by_the_array() -> None:
    def block(block_info: dict | None = None) -> np.ndarray:
        first = block_info[None]["array-location"][0][0]
        return np.full((10, 100, 100), 10.0) + first

    chunks = ((10,) * 40, (100,), (100,))
    array = dask.array.map_blocks(block, chunks=chunks, dtype=np.float64, meta=np.empty((0, 0, 0)))
    tracemalloc.start()
    with dask.config.set(scheduler="synchronous"):
        moments = c.daily_moments(array)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert array.nbytes == 32e6
    assert peak < 8e6
    np.testing.assert_array_equal(moments.mean, 10.0 + 10 * (np.arange(400) // 10))


def test_sums_are_accurate_where_float32_would_not_be() -> None:
    values = np.full((1, 512, 512), 20.0) + np.random.default_rng(1).normal(0, 1e-4, (1, 512, 512))
    moments = c.daily_moments(values)
    assert moments.mean[0] == pytest.approx(values.mean(), abs=1e-13)
    assert moments.std[0] == pytest.approx(values.std(), rel=1e-8)


@given(st.lists(st.integers(0, 4), min_size=1, max_size=30))
@settings(max_examples=30, deadline=None)
def test_pooling_gives_the_moments_of_all_pixels_together(groups: list[int]) -> None:
    values = np.random.default_rng(len(groups)).normal(10, 3, (len(groups), 3, 4))
    values[0, 0, 0] = np.nan
    pooled = c.pool(c.daily_moments(values), np.array(groups), 5)
    for group in range(5):
        together = values[np.array(groups) == group]
        together = together[np.isfinite(together)]
        assert pooled.count[group] == together.size
        if together.size:
            assert pooled.mean[group] == pytest.approx(together.mean(), abs=1e-12)
            assert pooled.std[group] == pytest.approx(together.std(), abs=1e-12)


# Normals


def test_normals_are_the_grouping_by_month_and_day_of_pandas(temperature: np.ndarray) -> None:
    slots, n = c.day_slots(DATES)
    found = c.daily_normals(c.daily_moments(temperature), slots, n)
    table = pd.DataFrame(temperature.reshape(len(DATES), -1), index=pd.DatetimeIndex(DATES))
    by_day = table.stack().groupby([lambda at: at[0].month, lambda at: at[0].day])
    ordinary = np.delete(np.arange(366), c.LEAP_SLOT)
    mean, std = by_day.mean().to_numpy(), by_day.std(ddof=0).to_numpy()
    np.testing.assert_allclose(found.mean[ordinary], mean[ordinary], atol=1e-12)
    np.testing.assert_allclose(found.std[ordinary], std[ordinary], atol=1e-12)


def test_29_february_is_pooled_with_its_neighbours(temperature: np.ndarray) -> None:
    slots, n = c.day_slots(DATES)
    found = c.daily_normals(c.daily_moments(temperature), slots, n)
    three_days = temperature[np.isin(slots, (58, 59, 60))]
    assert found.count[c.LEAP_SLOT] == three_days.size
    assert found.mean[c.LEAP_SLOT] == pytest.approx(three_days.mean(), abs=1e-12)
    assert found.std[c.LEAP_SLOT] == pytest.approx(three_days.std(), abs=1e-12)


def test_a_window_goes_around_the_turn_of_the_year(temperature: np.ndarray) -> None:
    slots, n = c.day_slots(DATES)
    found = c.daily_normals(c.daily_moments(temperature), slots, n, half_width=2)
    days = np.isin(slots, (364, 365, 0, 1, 2))
    assert found.mean[0] == pytest.approx(temperature[days].mean(), abs=1e-12)
    assert found.std[0] == pytest.approx(temperature[days].std(), abs=1e-12)


def test_days_that_no_year_has_are_interpolated_across_new_year() -> None:
    slots = np.array([2, 362])
    values = np.array([[[3.0, 5.0]], [[9.0, 13.0]]])
    found = c.daily_normals(c.daily_moments(values), slots, 366)
    # 362, 363, 364, 365, 0, 1, 2: six steps from mean 11 to mean 4, from std 2 to std 1
    np.testing.assert_allclose(found.mean[[363, 365, 0, 1]], [11 - 7 / 6, 11 - 21 / 6, 11 - 28 / 6, 11 - 35 / 6])
    np.testing.assert_allclose(found.std[[362, 0, 2]], [2, 2 - 4 / 6, 1])
    np.testing.assert_allclose(found.mean[182], 7.5)


def test_missing_days_and_land_change_nothing_else(temperature: np.ndarray) -> None:
    with_holes = temperature.copy()
    with_holes[:, 0, 0] = np.nan
    with_holes[100] = np.nan
    keep = np.arange(len(DATES)) != 100
    slots, n = c.day_slots(DATES)
    from_holes = c.per_zone(c.daily_moments(with_holes), slots, n)
    cut = temperature[keep].reshape(keep.sum(), -1)[:, 1:, None]
    from_cut = c.per_zone(c.daily_moments(cut), slots[keep], n)
    np.testing.assert_allclose(from_holes.offset[keep], from_cut.offset, atol=1e-12)
    np.testing.assert_allclose(from_holes.scale[keep], from_cut.scale, atol=1e-12)


def test_nothing_valid_is_refused() -> None:
    with pytest.raises(ValueError, match="no day has any valid value"):
        c.daily_normals(c.daily_moments(np.full((3, 2, 2), np.nan)), np.arange(3), 366)


# The three variants


def test_per_frame_gives_every_frame_mean_0_and_std_1(temperature: np.ndarray) -> None:
    chosen = c.per_frame(c.daily_moments(temperature))
    frames = c.normalise(temperature, chosen.offset, chosen.scale).astype(np.float64)
    np.testing.assert_allclose(frames.mean(axis=(1, 2)), 0, atol=1e-6)
    np.testing.assert_allclose(frames.std(axis=(1, 2)), 1, atol=1e-6)


def test_per_frame_does_not_depend_on_the_normals_before_it(temperature: np.ndarray) -> None:
    """The published two steps, normals then frame, equal the second alone."""
    slots, n = c.day_slots(DATES)
    of_day = c.daily_normals(c.daily_moments(temperature), slots, n)
    first_step = (temperature - of_day.mean[slots][:, None, None]) / of_day.std[slots][:, None, None]
    frames = [(frame - frame.mean()) / frame.std() for frame in first_step]
    chosen = c.per_frame(c.daily_moments(temperature))
    np.testing.assert_allclose(c.normalise(temperature, chosen.offset, chosen.scale), frames, atol=1e-5)


def test_per_zone_is_the_two_steps_of_the_paper(temperature: np.ndarray) -> None:
    slots, n = c.day_slots(DATES)
    moments = c.daily_moments(temperature)
    of_day, chosen = c.daily_normals(moments, slots, n), c.per_zone(moments, slots, n)
    first_step = (temperature - of_day.mean[slots][:, None, None]) / of_day.std[slots][:, None, None]
    expected = (first_step - first_step.mean()) / first_step.std()
    np.testing.assert_allclose(c.normalise(temperature, chosen.offset, chosen.scale), expected, atol=1e-6)


def test_causal_standardises_the_training_days(temperature: np.ndarray) -> None:
    slots, n = c.day_slots(DATES)
    chosen = c.causal(c.daily_moments(temperature), slots, n, TRAINING)
    frames = c.normalise(temperature, chosen.offset, chosen.scale)[TRAINING].astype(np.float64)
    assert frames.mean() == pytest.approx(0, abs=1e-7)
    assert frames.std() == pytest.approx(1, abs=1e-6)


@given(st.integers(0, 2**32 - 1))
@settings(max_examples=10, deadline=None)
def test_causal_knows_nothing_of_days_after_training(seed: int) -> None:
    random = np.random.default_rng(seed)
    one = random.normal(15, 4, (len(DATES), 2, 3))
    other = one.copy()
    other[~TRAINING] = random.normal(20, 9, other[~TRAINING].shape)
    slots, n = c.day_slots(DATES)
    first, second = (c.causal(c.daily_moments(values), slots, n, TRAINING) for values in (one, other))
    np.testing.assert_array_equal(first.offset, second.offset)
    np.testing.assert_array_equal(first.scale, second.scale)
    assert not np.array_equal(
        c.per_zone(c.daily_moments(one), slots, n).offset, c.per_zone(c.daily_moments(other), slots, n).offset
    )


def test_a_flat_frame_is_not_divided_by_zero() -> None:
    flat = np.full((3, 4, 4), 18.5)
    chosen = c.per_frame(c.daily_moments(flat))
    assert np.all(c.normalise(flat, chosen.offset, chosen.scale) == 0)


# There and back


@given(
    hnp.arrays(np.float64, (3, 4, 5), elements=st.floats(-4, 40)),
    hnp.arrays(np.float64, 3, elements=st.floats(8, 24)),
    hnp.arrays(np.float64, 3, elements=st.floats(0.01, 8)),
)
@settings(max_examples=100, deadline=None)
def test_normalise_then_denormalise_is_the_identity_to_a_microkelvin(
    values: np.ndarray, offset: np.ndarray, scale: np.ndarray
) -> None:
    values = np.clip(values, offset[:, None, None] - 16, offset[:, None, None] + 16)
    back = c.denormalise(c.normalise(values, offset, scale), offset, scale)
    assert np.abs(back - values).max() <= 1e-6


def test_denormalise_takes_frames_with_and_without_channel_and_sequence_axes() -> None:
    random = np.random.default_rng(2)
    frames = random.normal(size=(2, 3, 1, 4, 4)).astype(np.float32)
    offset, scale = random.normal(size=(2, 3)), random.uniform(1, 2, (2, 3))
    together = c.denormalise(frames, offset, scale)
    np.testing.assert_array_equal(together[1, 2, 0], frames[1, 2, 0].astype(np.float64) * scale[1, 2] + offset[1, 2])
    np.testing.assert_array_equal(c.denormalise(frames[:, :, 0], offset, scale), together[:, :, 0])


# Real files


def test_real_two_years_around_tasmania_leap_day_and_round_trip() -> None:
    with open_netcdf(real_file("oisst_2003_2004.nc")) as file:
        variable = file.variable("sst")
        values = to_celsius(variable)
        dates = frame_dates(file.path, file.variable("time"), len(values))
    assert (str(dates[0]), str(dates[-1])) == ("2003-01-01", "2004-12-31")
    slots, n = c.day_slots(dates)
    assert (slots == c.LEAP_SLOT).sum() == 1
    moments = c.daily_moments(values)
    found = c.daily_normals(moments, slots, n)
    series = pd.Series(np.nanmean(values, axis=(1, 2)), pd.DatetimeIndex(dates))
    by_day = series.groupby([series.index.month, series.index.day]).mean().to_numpy()
    ordinary = np.delete(np.arange(366), c.LEAP_SLOT)
    np.testing.assert_allclose(found.mean[ordinary], by_day[ordinary], atol=1e-6)
    assert found.mean[:60].mean() > found.mean[200:260].mean() + 2, "southern summer is warmer"
    causal = c.causal(moments, slots, n, dates < dates[400])
    for chosen in (c.per_frame(moments), c.per_zone(moments, slots, n), causal):
        back = c.denormalise(c.normalise(values, chosen.offset, chosen.scale), chosen.offset, chosen.scale)
        assert np.nanmax(np.abs(back - values)) <= 1e-6
        np.testing.assert_array_equal(np.isnan(back), np.isnan(values))


def test_real_packed_day_keeps_its_land_and_comes_back() -> None:
    with open_netcdf(real_file("oisst-avhrr-v02r01.20211025.nc")) as file:
        variable = file.variable("sst")
        packed = variable.read((0,))
        values = to_celsius(variable, (0,))
    np.testing.assert_array_equal(np.isnan(values), packed == -999)
    np.testing.assert_array_equal(values[packed != -999], packed[packed != -999] * np.float64(np.float32(0.01)))
    moments = c.daily_moments(values)
    assert moments.count[0] == (packed != -999).sum() == 691_150
    assert moments.mean[0] == pytest.approx(np.nanmean(values), abs=1e-10)


def test_real_model_months_in_kelvin_and_a_calendar_of_360_days() -> None:
    with open_netcdf(real_file("tos_O1_2001-2002.nc")) as file:
        variable, time = file.variable("tos"), file.variable("time")
        values = to_celsius(variable)
        dates = cftime.num2date(time.read(), time.attributes["units"], time.attributes["calendar"])
    assert -3 < np.nanmin(values) < 0
    assert 28 < np.nanmax(values) < 34
    slots, n = c.day_slots(dates, "360_day")
    assert n == 360
    np.testing.assert_array_equal(slots[:12], slots[12:])
    found = c.daily_normals(c.daily_moments(values), slots, n)
    both_januaries = values[[0, 12]]
    assert found.mean[slots[0]] == pytest.approx(np.nanmean(both_januaries), abs=1e-10)
    assert found.mean[slots[0] + 15] == pytest.approx((found.mean[slots[0]] + found.mean[slots[1]]) / 2, abs=1e-9)


@pytest.mark.parametrize(
    ("name", "variable", "land"),
    [
        ("coads_sst_climatology.nc", "sst", 0.46),
        ("arctic20_surface_1to5Feb_2016.nc", "temperature", None),
        ("coraltemp_20240313_crop128.nc", "analysed_sst", 0.0),
        ("oi_sst_climatology_1971-2000.nc", "sst_climatology", None),
    ],
)
def test_real_files_of_other_origins_pass_with_their_masks(name: str, variable: str, land: float | None) -> None:
    with open_netcdf(real_file(name)) as file:
        found = file.variable(variable)
        values = to_celsius(found)
    if land is not None:
        assert np.isnan(values).mean() == pytest.approx(land, abs=0.01)
    chosen = c.per_frame(c.daily_moments(values))
    back = c.denormalise(c.normalise(values, chosen.offset, chosen.scale), chosen.offset, chosen.scale)
    assert np.nanmax(np.abs(back - values)) <= 2e-6  # whole-globe frames reach 25 K from their mean
