"""`taxibj` from raw files: the published windows, forward ones without leaks, and the real BikeNYC file."""

from __future__ import annotations

import pickle
from pathlib import Path

import h5py
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from stbench.generators.taxibj.dataset import TaxiBjParameters, taxibj
from stbench.generators.taxibj.days import kept_days, last_windows_split
from stbench.generators.taxibj.hdf5 import FlowFile
from taxibj_files import GRID, counts, published_windows, slot_list, write_flows

from stbench.contract.datasets import Blueprint, parse_parameters
from stbench.errors import StbenchError
from stbench.paths import raw_dir
from stbench.raw.fetch import fetch
from stbench.splits.index import WindowIndex
from stbench.splits.training import TrainingWindows
from stbench.store.build import build, resolve
from stbench.store.reader import Store

pytestmark = pytest.mark.usefixtures("own_data")

NAMES = ("BJ13_M3x4_T30_InOut.h5", "BJ14_M3x4_T30_InOut.h5")
# Whole days, parts of days, the end of one file: gaps of every kind, one of them in the test days.
MISSING = (((60, 62), (5 * 48 + 3, 7 * 48)), ((48 * 4 + 20, 48 * 4 + 21), (48 * 9 - 5, 48 * 9)))
REAL = raw_dir()


@pytest.fixture(scope="module")
def files() -> list[tuple[list[str], np.ndarray]]:
    made = []
    for k, (first, missing) in enumerate(zip(("2013-09-28", "2014-03-01"), MISSING, strict=True)):
        dates = slot_list(first, 10, missing=missing)
        made.append((dates, counts(len(dates), k, channels=3)))
    made[1][1][-1, 0, 0, 0] = 400.0  # in a test frame: must not be the maximum
    return made


@pytest.fixture(scope="module")
def raw(files: list[tuple[list[str], np.ndarray]], tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("raw") / "TaxiBJ"
    folder.mkdir()
    for name, (dates, data) in zip(NAMES, files, strict=True):
        write_flows(folder / name, dates, data)
    (folder / "BJ_Holiday.txt").write_text("20131001\r\n20131002\r\n20140405\r\n", newline="")
    dates = slot_list("2014-03-01", 5)
    with h5py.File(folder / "BJ_Meteorology.h5", "w") as file:
        file["date"] = np.array(dates, "S")
        file["Temperature"], file["WindSpeed"] = np.arange(240.0), np.full(240, 7.5)
        file["Weather"] = np.eye(17)[np.arange(240) % 17]
    return folder.parent


def blueprint(raw: Path | None, **settings: object) -> Blueprint:
    small = {"files": NAMES, "test_days": 2, "val_days": 2, **settings}
    return taxibj.blueprint(parse_parameters(TaxiBjParameters, small), "official", raw)


def windows(store: Store, part: str) -> np.ndarray:
    index = WindowIndex.of_split(store.split, part, store.n_frames, 4, 4)
    places = zip(*index.arrays(), strict=True)
    return np.stack([store.read(sequence, slice(start, start + 8)) for sequence, start in places])


# From raw files


def test_reversed_windows_are_the_published_ones(raw: Path, files: list[tuple[list[str], np.ndarray]]) -> None:
    store = build(blueprint(raw, order="official_reversed"), workers=1)
    expected, (low, high) = published_windows(files, 48, 2)
    assert (store.factor("offset")[0], store.factor("scale")[0]) == (low, high - low)
    # Within a day our windows are ordered by their own first frame, which is the latest one.
    found, test = windows(store, "test"), expected[-96:]
    assert found.shape == test.shape
    assert sorted(map(bytes, found)) == sorted(map(bytes, test.astype(np.float32)))
    train = {each.tobytes() for each in windows(store, "train+val")}
    published = {each.tobytes() for each in expected[:-96].astype(np.float32)}
    assert train < published
    # Left out of training: those that share frames with test windows, and with validation at its border.
    assert len(published - train) == 7


def test_the_range_is_of_all_days_but_those_of_the_test_and_so_of_validation_and_the_first_test_frames_too(
    tmp_path: Path,
) -> None:
    flows = np.full((5 * 48, 2, *GRID), 7.0)
    flows[2 * 48 + 20] = 2.0  # of validation
    flows[3 * 48 - 1] = 91.0  # the last slot before the test days, in the first test window
    flows[3 * 48] = 400.0
    (tmp_path / "TaxiBJ").mkdir()
    write_flows(tmp_path / "TaxiBJ" / NAMES[0], slot_list("2014-03-01", 5), flows)
    store = build(blueprint(tmp_path, files=NAMES[:1], val_days=1), workers=1)
    assert (store.factor("offset")[0], store.factor("scale")[0]) == (2.0, 91.0 - 2.0)
    # Day 3 begins with the seven last slots of day 2.
    assert store.split.ranges["test"][0][:3] == (3, 5, 0)
    assert any("validation days count" in each for each in taxibj.card.quirks)


def test_forward_is_reversed_turned_round(raw: Path) -> None:
    forward, backward = (build(blueprint(raw, order=each), workers=1) for each in ("forward", "official_reversed"))
    np.testing.assert_array_equal(forward.read(slice(None))[:, ::-1], backward.read(slice(None)))
    np.testing.assert_array_equal(forward.to_xarray().time.values[::-1], backward.to_xarray().time.values)
    assert forward.fingerprint != backward.fingerprint


def test_counts_come_back_with_negative_ones_at_zero(raw: Path, files: list[tuple[list[str], np.ndarray]]) -> None:
    store = build(blueprint(raw), workers=1)
    data = store.to_xarray()
    dates, values = files[0]
    for sequence in range(3):
        day = str(data.date.values[sequence])[:10].replace("-", "")
        at = dates.index(f"{day}01")
        back = store.read(sequence)[7:].astype(np.float64) * data.scale.values[sequence] + data.offset.values[sequence]
        np.testing.assert_allclose(back, np.maximum(values[at : at + 48, :2], 0), atol=1e-4)
    assert store.read(slice(None), slice(7, None)).min() == 0
    assert np.nanmax(store.read(slice(None))) > 1  # a test frame, of which the range knows nothing
    assert store.attributes["statistics"]["train+val"]["max"] == 1


def test_factors_are_days_hours_holidays_and_weather(raw: Path) -> None:
    data = build(blueprint(raw), workers=1).to_xarray()
    days = data.date.values.astype("datetime64[D]")
    assert days[:2].tolist() == [np.datetime64("2013-09-28").item(), np.datetime64("2013-09-30").item()]
    assert data.weekday.values.tolist() == [day.item().weekday() for day in days]
    assert [str(day) for day in days[data.holiday.values == 1]] == ["2013-10-01", "2013-10-02"]
    assert data.time.values.tolist() == [k / 2 for k in range(-7, 48)]
    first = int(np.argmax(days == np.datetime64("2014-03-02")))
    assert data.temperature.values[first].tolist() == [48 + k for k in range(-7, 48)]
    assert data.weather.values[first].tolist() == [(48 + k) % 17 for k in range(-7, 48)]
    assert np.isnan(data.temperature.values[0]).all()
    assert (data.weather.values[0] == -1).all()
    gap = data.after_gap.values == 1
    np.testing.assert_array_equal(np.isnan(data.frames.values[:, :7]).all(axis=(1, 2, 3, 4)), gap)


def test_without_files_beside_them_flows_have_no_holidays_and_no_weather(
    files: list[tuple[list[str], np.ndarray]], tmp_path: Path
) -> None:
    for name, (dates, values) in zip(NAMES, files, strict=True):
        write_flows(tmp_path / name, dates, values)
    assert {"holiday", "temperature", "weather"}.isdisjoint(blueprint(tmp_path).variables)


@pytest.mark.parametrize("order", ["forward", "official_reversed"])
def test_training_reads_the_frames_of_its_windows_only(raw: Path, order: str) -> None:
    store = build(blueprint(raw, order=order), workers=1)
    train = TrainingWindows.open(store, "train+val", 4, 4)
    assert np.isfinite(train.frames).all()
    conditioning, target = train.gather(np.arange(len(train)))
    np.testing.assert_array_equal(np.concatenate([conditioning, target], axis=1), windows(store, "train+val"))


def test_digest_is_independent_of_workers_and_engine(raw: Path, tmp_path: Path) -> None:
    digests = {
        build(blueprint(raw), tmp_path / f"{scheduler}{workers}.zarr", workers=workers, scheduler=scheduler).digest
        for workers, scheduler in ((1, "threads"), (2, "threads"), (2, "processes"))
    }
    produce = pickle.loads(pickle.dumps(blueprint(raw).produce))
    whole, parts = produce(0, 12), [produce(0, 5), produce(5, 6), produce(6, 12)]
    for name, values in whole.items():
        np.testing.assert_array_equal(np.concatenate([part[name] for part in parts]), values)
    assert len(digests) == 1


def test_the_real_bikenyc_file_passes_through_the_same_builder() -> None:
    name = "NYC14_M16x8_T60_NewEnd_tail.h5"
    if REAL is None or not (REAL / "taxibj" / name).is_file():
        pytest.skip(f"STBENCH_RAW has no taxibj/{name}")
    assert taxibj.sources(REAL) == ("simulated", "official")
    made = resolve("taxibj", {"files": name, "test_days": 10, "val_days": 7}, "official", REAL)
    assert "Not TaxiBJ" in made.card.summary
    store = build(made, workers=1)
    data = store.to_xarray()
    # The first day has one slot only and is dropped; the holidays beside are Beijing's and not used.
    assert store.read(slice(None)).shape == (57, 7 + 24, 2, 16, 8)
    assert str(data.date.values[0])[:10] == "2014-08-05"
    assert "holiday" not in data
    assert data.after_gap.values.tolist() == [1] + [0] * 56
    with h5py.File(REAL / "taxibj" / name) as file:
        expected = file["data"][1 + 24 * 30 - 7 : 1 + 24 * 31]
        rest = file["data"][1 : -24 * 10]
    np.testing.assert_allclose(store.read(30) * data.scale.values[30], expected, atol=1e-4)
    assert (data.offset.values[0], data.scale.values[0]) == (rest.min(), rest.max())
    assert len(WindowIndex.of_split(store.split, "test", store.n_frames, 4, 4)) == 240
    # Commuting: on working days 8 h and 17-18 h stand out.
    hourly = np.nanmean(data.frames.values[data.weekday.values < 5, 7:, 0], axis=(0, 2, 3))
    assert set(np.argsort(hourly)[-3:]) == {8, 17, 18}


# Days and split


@settings(max_examples=40, deadline=None)
@given(data=st.data(), per_day=st.sampled_from([24, 48]), lead=st.integers(1, 9), reverse=st.booleans())
def test_no_frame_is_in_two_parts_and_no_window_crosses_a_gap(
    data: st.DataObject, per_day: int, lead: int, reverse: bool
) -> None:
    files = []
    for k, first in enumerate(("2013-07-01", "2014-03-01")):
        n = 14 * per_day
        begin = data.draw(st.lists(st.integers(0, n - 1), max_size=4))
        there = np.setdiff1d(np.arange(n), [b + j for b in begin for j in range(data.draw(st.integers(1, 70)))])
        if not len(there):
            return
        day = np.datetime64(first, "D") + there // per_day
        files.append(FlowFile(Path(f"{k}.h5"), day, there % per_day, per_day, GRID))
    try:
        days = kept_days(files)
        split = last_windows_split("s", days, per_day, lead, 2, 1, reverse)
    except StbenchError:
        return
    frames = lead + per_day
    stamp = days.day.astype(np.int64)[:, None] * per_day + np.arange(-lead, per_day)
    recorded = [set((f.days.astype(np.int64) * per_day + f.slots).tolist()) for f in files]
    if reverse:
        stamp = stamp[:, ::-1]
    seen: dict[str, set[int]] = {}
    for part, count in (("train", None), ("val", per_day), ("test", 2 * per_day)):
        sequence, start = WindowIndex.of_split(split, part, frames, lead, 1).arrays()
        assert count is None or len(sequence) == count
        times = stamp[sequence[:, None], start[:, None] + np.arange(lead + 1)]
        assert (np.diff(times, axis=1) == (-1 if reverse else 1)).all()
        for row, number in zip(times.tolist(), days.file[sequence], strict=True):
            assert set(row) <= recorded[number]
        assert len({tuple(row) for row in times.tolist()}) == len(times)
        seen[part] = set(times.reshape(-1).tolist())
    assert max(seen["train"]) < min(seen["val"]) <= max(seen["val"]) < min(seen["test"])


def test_too_few_days_are_refused_before_anything_is_written(raw: Path) -> None:
    with pytest.raises(StbenchError, match="complete days cannot give 8 for test"):
        blueprint(raw, test_days=8, val_days=8)


# Where the files are


def test_sources_are_official_only_where_all_four_files_are(tmp_path: Path) -> None:
    assert taxibj.sources(tmp_path) == ("simulated",)
    (tmp_path / "taxibj").mkdir()
    for year in (13, 14, 15):
        (tmp_path / "taxibj" / f"BJ{year}_M32x32_T30_InOut.h5").touch()
    assert taxibj.sources(tmp_path) == ("simulated", "official")
    (tmp_path / "taxibj" / "BJ16_M32x32_T30_InOut.h5").touch()
    assert taxibj.sources(tmp_path) == ("official", "simulated")


def test_missing_files_are_named_and_fetch_says_how_to_get_them(tmp_path: Path) -> None:
    with pytest.raises(StbenchError, match=r"BJ16_M32x32_T30_InOut\.h5 is in"):
        resolve("taxibj", {}, "official", tmp_path)
    with pytest.raises(StbenchError, match="cannot be fetched by a program"):
        fetch(taxibj, tmp_path)
    assert "BJ_Holiday.txt" in taxibj.instructions


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("order", "backwards"),
        ("test_days", 0),
        ("lead_in", 25),
        ("grid", "4,32"),
        ("files", "../BJ13.h5"),
        ("days", -1),
    ],
)
def test_wrong_parameters_are_refused(key: str, value: object) -> None:
    with pytest.raises(StbenchError, match=f"the parameter '{key}'"):
        parse_parameters(TaxiBjParameters, {key: value})
