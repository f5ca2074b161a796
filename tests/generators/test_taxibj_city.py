"""The simulated city: flows that balance, rush hours, days off, weather; and `taxibj` made from its files."""

from __future__ import annotations

import hashlib
from pathlib import Path

import h5py
import numpy as np
import pytest
from stbench.generators.taxibj.cards import SIMULATED
from stbench.generators.taxibj.dataset import OFFICIAL, TaxiBjParameters, taxibj
from stbench.generators.taxibj.days import last_windows_split
from stbench.generators.taxibj.produce import opened_files
from stbench.generators.taxibj.stand_in import files as city_files
from stbench.generators.taxibj.stand_in.city import City
from stbench.generators.taxibj.stand_in.days import PERIODS, day_kind, recorded_slots
from stbench.generators.taxibj.stand_in.plan import unit
from stbench.generators.taxibj.stand_in.weather import KINDS

from stbench import registry
from stbench.contract.datasets import parse_parameters
from stbench.splits.files import load_split
from stbench.splits.index import WindowIndex
from stbench.store.build import build, resolve

pytestmark = pytest.mark.usefixtures("own_data")

SMALL = City(seed=0, rows=12, columns=12)
SETTINGS = {"grid": "12,12", "days": 4, "test_days": 2, "val_days": 1}


def flows(date: str, city: City = SMALL) -> np.ndarray:
    return city.flows(np.datetime64(date, "D"))


def test_what_leaves_a_cell_enters_another() -> None:
    day = flows("2015-06-09")
    assert day.shape == (48, 2, 12, 12)
    np.testing.assert_array_equal(day[:, 0].sum(axis=(1, 2)), day[:, 1].sum(axis=(1, 2)))
    assert day.min() >= 0
    np.testing.assert_array_equal(day, np.rint(day))


def test_working_days_have_two_rush_hours_and_nights_are_quiet() -> None:
    total = sum(flows(f"2015-06-{day:02d}")[:, 0].sum(axis=(1, 2)) for day in (8, 9, 10, 11))
    morning, noon, evening, night = (total[a:b].mean() for a, b in ((16, 20), (25, 28), (34, 39), (6, 10)))
    assert morning > 1.05 * noon
    assert evening > 1.05 * noon
    assert night < 0.2 * noon


def test_mornings_flow_towards_the_jobs_and_evenings_back() -> None:
    plan, day = SMALL.plan, sum(flows(f"2015-06-{day:02d}") for day in (8, 9, 10, 11))
    net = day[:, 0] - day[:, 1]
    work = (plan.jobs > np.quantile(plan.jobs, 0.85)) & (plan.jobs > plan.homes)
    assert net[14:19, work].sum() > 0 > net[35:40, work].sum()


def test_weekends_and_long_holidays_have_no_morning_rush() -> None:
    working, weekend, festival = (
        flows(day)[:, 0].sum(axis=(1, 2)) for day in ("2016-02-03", "2016-01-16", "2016-02-09")
    )
    assert weekend[15:18].mean() < 0.5 * working[15:18].mean()
    assert festival.sum() < 0.8 * weekend.sum()
    assert day_kind(int(np.datetime64("2016-02-09").astype(int)))[0] == 1


def test_a_day_is_the_same_alone_and_another_seed_is_another_city() -> None:
    np.testing.assert_array_equal(flows("2014-03-05"), City(0, 12, 12).flows(np.datetime64("2014-03-05", "D")))
    assert not np.array_equal(flows("2014-03-05"), flows("2014-03-05", City(1, 12, 12)))


def test_a_day_is_the_same_on_every_machine() -> None:
    found = hashlib.sha256(flows("2014-03-05").astype("<i4").tobytes()).hexdigest()
    assert found == "82391c1da3bf49731038c65e3f4bc31103c243bbffb5ce698192695c1afc6c6a"


def test_trips_and_shares_multiply_exactly() -> None:
    """Whole numbers whose products sum to less than 2**53: any order of summation gives the same."""
    slots = 16_000 * 48 + np.arange(48 * 3)
    trips, shares = SMALL._departures(slots), SMALL.plan.crossings
    np.testing.assert_array_equal(trips, np.rint(trips))
    np.testing.assert_array_equal(shares, np.rint(shares))
    assert 4 * trips.sum(axis=1).max() * shares.max() < 2**53


def test_weather_has_seasons_and_rain_only_where_the_sky_says_so() -> None:
    slots = np.arange(
        int(np.datetime64("2015-01-01").astype(int)) * 48, int(np.datetime64("2016-01-01").astype(int)) * 48
    )
    sky = SMALL.weather_of(slots)
    month = (slots // 48).astype("datetime64[D]").astype("datetime64[M]").astype(int) % 12
    assert sky.temperature[month == 6].mean() > 20 > 5 > sky.temperature[month == 0].mean()
    wet = {"sprinkle", "rainy", "moderate rain", "heavy rain", "rainstorm", "light snow", "moderate snow", "heavy snow"}
    falls = np.isin(sky.kind, [KINDS.index(name) for name in wet])
    np.testing.assert_array_equal(falls, sky.rain > 0)
    assert 0.02 < falls.mean() < 0.3
    later = SMALL.weather_of(slots[5000:5100])
    np.testing.assert_array_equal(later.temperature, sky.temperature[5000:5100])


def test_seeds_of_one_eight_share_streams_others_do_not_and_parameter_and_card_say_so() -> None:
    def streams(seed: int) -> set[bytes]:
        return {unit(seed, purpose, np.arange(4)).tobytes() for purpose in range(1, 8)}

    for one in (0, 5, 8):
        for other in set(range(24)) - {one}:
            assert bool(streams(one) & streams(other)) == (one // 8 == other // 8)
    help_text = TaxiBjParameters.__dataclass_fields__["seed"].metadata["help"]
    for text in (help_text, " ".join(SIMULATED.quirks)):
        assert "seeds of one eight (0 to 7, 8 to 15, ...)" in text


def test_random_numbers_are_uniform_and_depend_on_every_counter() -> None:
    numbers = unit(3, 1, np.arange(20_000))
    assert abs(numbers.mean() - 0.5) < 0.01
    assert abs(np.histogram(numbers, 10, (0, 1))[0] / 2_000 - 1).max() < 0.1
    drawn = {float(unit(*counters)) for counters in ((3, 1, 5), (3, 2, 5), (4, 1, 5), (3, 1, 6))}
    assert len(drawn) == 4


@pytest.mark.parametrize("period", range(4))
def test_the_recorder_has_the_frames_and_the_period_of_the_official_file(period: int) -> None:
    _, first, last, frames = PERIODS[period]
    slots = recorded_slots(0, period)
    assert len(slots) == frames
    assert (np.diff(slots) > 0).all()
    assert np.datetime64(first) <= slots[0] // 48 * np.timedelta64(1, "D") + np.datetime64("1970-01-01")
    assert (slots // 48)[-1] <= int(np.datetime64(last).astype(int))
    np.testing.assert_array_equal(
        recorded_slots(0, period, 20), slots[slots // 48 > np.datetime64(last).astype(int) - 20]
    )


def test_the_shipped_split_is_that_of_the_canonical_city() -> None:
    shipped = load_split("stbench.generators.taxibj", "taxibj-1.json")
    made = taxibj.blueprint(TaxiBjParameters(), "simulated", None)
    assert made.split == shipped
    assert made.split.id == "taxibj/1"
    for part, count in (("test", 1344), ("val", 1344)):
        assert len(WindowIndex.of_split(shipped, part, 55, 4, 4)) == count
    reversed_time = taxibj.blueprint(TaxiBjParameters(order="official_reversed"), "simulated", None)
    assert reversed_time.split.id == "taxibj/last-four-weeks-1"
    assert len(WindowIndex.of_split(reversed_time.split, "test", 55, 4, 4)) == 1344


def test_official_and_simulated_files_have_the_same_names() -> None:
    assert city_files.flow_names(32, 32) == OFFICIAL


def test_simulated_files_pass_through_the_importer_and_its_split(tmp_path: Path) -> None:
    made = resolve("taxibj", SETTINGS, "simulated")
    stores = [
        build(made, tmp_path / f"{n}.zarr", workers=n, scheduler=s) for n, s in ((1, "threads"), (2, "processes"))
    ]
    assert stores[0].digest == stores[1].digest
    store = stores[0]
    assert (store.source, store.card.title) == ("simulated", "TaxiBJ (simulated)")
    (folder,) = (tmp_path / "data" / "raw").iterdir()
    paths = tuple(sorted(folder.glob("BJ1*.h5")))
    files, days = opened_files(paths)
    # The blueprint foretold the days that the files turn out to have.
    assert last_windows_split(made.split.id, days, 48, 7, 2, 1, False) == made.split
    np.testing.assert_array_equal(store.factor("date"), days.day.astype(np.int64))
    at = int(days.index[3])
    expected = flows(str(days.day[3])) / store.factor("scale")[3]
    np.testing.assert_allclose(store.read(3)[7:], expected, atol=1e-6)
    np.testing.assert_array_equal(files[days.file[3]].read(at, at + 48), flows(str(days.day[3])))
    with h5py.File(folder / "BJ_Meteorology.h5") as file:
        assert file["Weather"].shape[1] == 17
    assert len((folder / "BJ_Holiday.txt").read_text().split()) == 41


def test_an_interrupted_stand_in_keeps_its_finished_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    written: list[str] = []
    write = city_files._write_flows

    def until_third(city: City, slots: np.ndarray, path: Path) -> None:
        if len(written) == 2:
            raise KeyboardInterrupt
        write(city, slots, path)
        written.append(path.name)

    monkeypatch.setattr(city_files, "_write_flows", until_third)
    with pytest.raises(KeyboardInterrupt):
        city_files.write_city(SMALL, 6, tmp_path / "city")
    assert not (tmp_path / "city").exists()
    monkeypatch.setattr(city_files, "_write_flows", lambda *a: (written.append(a[2].name), write(*a)))
    city_files.write_city(SMALL, 6, tmp_path / "city")
    names = list(city_files.flow_names(12, 12))
    assert len(written) == len(set(written))
    assert set(written) <= set(names)
    assert {path.name for path in (tmp_path / "city").iterdir()} == {*written, "BJ_Holiday.txt", "BJ_Meteorology.h5"}
    city_files.write_city(SMALL, 6, tmp_path / "city")
    assert len(written) == len(set(written))


def test_the_preset_asks_for_a_small_dataset_with_all_parts() -> None:
    generator = registry.dataset("taxibj")
    made = generator.blueprint(parse_parameters(generator.parameters, generator.presets["quick"]), "simulated", None)
    assert made.n_sequences < 90
    assert len(WindowIndex.of_split(made.split, "test", 55, 4, 4)) == 7 * 48
    assert len(WindowIndex.of_split(made.split, "train", 55, 4, 4)) > 1500
