"""`sst` end to end, from raw files of either layout and from the simulated ocean."""

from __future__ import annotations

import pickle
from pathlib import Path

import numpy as np
import pytest
from sst_files import sea, write_grid, write_zone
from stbench.generators.sst import zones as zones_module
from stbench.generators.sst.dataset import SstParameters, denormalise, sst
from stbench.generators.sst.produce import day_parts, split_days
from stbench.generators.sst.stand_in import ocean as ocean_module
from stbench.generators.sst.stand_in.size import OceanSize, simulated_dates

from stbench import registry
from stbench.contract.datasets import Blueprint, Split, parse_parameters
from stbench.errors import StbenchError
from stbench.raw.fetch import fetch
from stbench.splits.files import load_split
from stbench.splits.index import WindowIndex
from stbench.store.build import build, resolve
from stbench.store.reader import Store

pytestmark = pytest.mark.usefixtures("own_data")

N_DAYS = 220
ROWS, COLUMNS = 66, 200
VARIANTS = ("causal", "per_zone", "per_frame")


@pytest.fixture(scope="session")
def values() -> np.ndarray:
    """Temperatures that int16 holds exactly; land in the second of three boxes."""
    sea_values = np.round(sea(N_DAYS, ROWS, COLUMNS), 3)
    sea_values[:, 10, 100] = np.nan
    return sea_values


@pytest.fixture(scope="session")
def grid_raw(values: np.ndarray, tmp_path_factory: pytest.TempPathFactory) -> Path:
    raw = tmp_path_factory.mktemp("raw_grid")
    (raw / "sst").mkdir()
    write_grid(raw / "sst" / "cmems_a.nc", values[:100])
    write_grid(raw / "sst" / "cmems_b.nc", values[100:], "2006-04-11", units="K", offset=293.15)
    return raw


@pytest.fixture(scope="session")
def zone_raw(values: np.ndarray, tmp_path_factory: pytest.TempPathFactory) -> Path:
    raw = tmp_path_factory.mktemp("raw_zones")
    for number, column in ((1, 0), (2, 128)):
        write_zone(raw / f"data_{number}.nc", values[:, :64, column : column + 64])
    return raw


def blueprint(raw: Path | None, source: str = "official", **settings: object) -> Blueprint:
    return sst.blueprint(parse_parameters(SstParameters, settings), source, raw)


def temperatures(store: Store, zone: int) -> np.ndarray:
    offset, scale = (store.read(zone, variable=name) for name in ("offset", "scale"))
    return denormalise(store.read(zone), offset, scale)[:, 0]


# From raw files


@pytest.mark.parametrize("normalisation", VARIANTS)
def test_temperatures_come_back_from_the_store_to_a_microkelvin(
    grid_raw: Path, values: np.ndarray, normalisation: str
) -> None:
    store = build(blueprint(grid_raw, normalisation=normalisation), workers=1)
    assert store.n_sequences == 2
    for zone, column in enumerate((0, 128)):
        assert np.abs(temperatures(store, zone) - values[:, :64, column : column + 64]).max() <= 1e-6


def test_store_is_cf_with_dates_places_and_units(grid_raw: Path) -> None:
    data = build(blueprint(grid_raw), workers=1).to_xarray()
    assert str(data.time.values[0])[:10] == "2006-01-01"
    assert str(data.time.values[-1])[:10] == "2006-08-08"
    np.testing.assert_allclose(data.latitude.values[1], 30 + np.arange(64) / 12, atol=1e-5)
    np.testing.assert_allclose(data.longitude.values[1], -60 + (128 + np.arange(64)) / 12, atol=1e-5)
    assert (data.latitude.attrs["units"], data.longitude.attrs["units"]) == ("degrees_north", "degrees_east")
    assert data.offset.attrs["units"] == data.scale.attrs["units"] == "degree_Celsius"
    assert data.offset.dims == data.scale.dims == ("sequence", "time")
    assert data.zone.values.tolist() == [1, 2]
    assert data.column.values.tolist() == [0, 128]


def test_digest_is_independent_of_workers_and_engine(grid_raw: Path, tmp_path: Path) -> None:
    digests = {
        build(blueprint(grid_raw), tmp_path / f"{scheduler}.zarr", workers=workers, scheduler=scheduler).digest
        for workers, scheduler in ((1, "threads"), (2, "threads"), (2, "processes"))
    }
    assert len(digests) == 1


def test_training_frames_are_standardised_and_do_not_see_the_future(values: np.ndarray, tmp_path: Path) -> None:
    train, _ = day_parts(N_DAYS)["val"]
    (tmp_path / "sst").mkdir()
    write_grid(tmp_path / "sst" / "thetao.nc", values)
    one = build(blueprint(tmp_path), tmp_path / "one.zarr", workers=1)
    for zone in range(2):
        frames = one.read(zone)[:train].astype(np.float64)
        assert frames.mean() == pytest.approx(0, abs=1e-6)
        assert frames.std() == pytest.approx(1, abs=1e-6)
    other_future = values.copy()
    other_future[train:] = np.round(other_future[train:] * 0.5 + 3, 3)
    write_grid(tmp_path / "sst" / "thetao.nc", other_future)
    other = build(blueprint(tmp_path), tmp_path / "other.zarr", workers=1)
    for name in ("offset", "scale"):
        np.testing.assert_array_equal(one.read(0, variable=name), other.read(0, variable=name))
    np.testing.assert_array_equal(one.read(1)[:train], other.read(1)[:train])


def test_prepared_zones_give_the_frames_of_the_published_code(zone_raw: Path, values: np.ndarray) -> None:
    """(thetao - daily_mean) / daily_std, then each frame's own spatial mean and population standard deviation."""
    store = build(blueprint(zone_raw, normalisation="per_frame"), workers=1)
    zone = values[:, :64, 128:192].astype(np.float32).astype(np.float64)
    first = (zone - zone.mean(axis=(1, 2), keepdims=True)) / zone.std(axis=(1, 2), keepdims=True)
    second = (first - first.mean(axis=(1, 2), keepdims=True)) / first.std(axis=(1, 2), keepdims=True)
    np.testing.assert_allclose(store.read(1)[:, 0], second, atol=1e-5)


def test_prepared_zones_are_standardised_per_zone_after_their_own_normals(zone_raw: Path, values: np.ndarray) -> None:
    store = build(blueprint(zone_raw, normalisation="per_zone"), workers=1)
    zone = values[:, :64, :64].astype(np.float32).astype(np.float64)
    first = (zone - values[:, :64, :64].mean(axis=(1, 2))[:, None, None]) / values[:, :64, :64].std(axis=(1, 2))[
        :, None, None
    ]
    np.testing.assert_allclose(store.read(0)[:, 0], (first - first.mean()) / first.std(), atol=1e-5)


def test_the_shipped_table_is_refused_on_another_grid_and_zone_files_have_no_grid(
    grid_raw: Path, zone_raw: Path
) -> None:
    with pytest.raises(StbenchError, match=r"'atlantic-29' is for a grid of 481 x 781, and .* has 66 x 200"):
        blueprint(grid_raw, zones="table")
    with pytest.raises(StbenchError, match="no grid for zones=tiling"):
        blueprint(zone_raw, zones="tiling")


def test_dates_of_prepared_zones_start_where_the_user_says(zone_raw: Path) -> None:
    data = build(blueprint(zone_raw, first_day="2007-02-03"), workers=1).to_xarray()
    assert str(data.time.values[0])[:10] == "2007-02-03"
    assert "latitude" not in data


def test_a_bad_day_leaves_nothing_under_the_final_name(grid_raw: Path, tmp_path: Path, values: np.ndarray) -> None:
    (tmp_path / "sst").mkdir()
    holed = values.copy()
    holed[150, 20, 20] = np.nan
    write_grid(tmp_path / "sst" / "thetao.nc", holed)
    out = tmp_path / "out.zarr"
    with pytest.raises(StbenchError, match=r"thetao\.nc has land or missing values in 0% of zone 1 .* on 2006-05-31"):
        build(blueprint(tmp_path), out, workers=1)
    assert not out.exists()


def test_absent_official_files_are_told_with_the_three_ways_on(tmp_path: Path) -> None:
    assert sst.sources(tmp_path) == ("simulated",)
    with pytest.raises(StbenchError, match=r"stbench fetch sst.*--raw DIR.*--source simulated"):
        blueprint(tmp_path)


def test_present_official_files_come_first(grid_raw: Path, zone_raw: Path) -> None:
    assert sst.sources(grid_raw) == sst.sources(zone_raw) == ("official", "simulated")


def test_fetch_says_what_to_get_from_whom_and_where_to_put_it(tmp_path: Path) -> None:
    with pytest.raises(StbenchError, match=r"get them as described and put them into .*sst"):
        fetch(sst, tmp_path)
    for part in ("thetao", "https://marine.copernicus.eu", "licence", "RAW/sst/", "data_29.nc"):
        assert part in sst.instructions


# Parameters, splits, identity


def test_split_file_is_the_rule_for_ten_years() -> None:
    published = load_split("stbench.generators.sst", "sst-1.json")
    ruled = split_days("sst/1", simulated_dates(10), 29, (17, 18, 19, 20))
    assert published == ruled
    canonical = resolve("sst", {}, source="simulated")
    assert canonical.split == published
    assert canonical.n_sequences == 29
    assert canonical.variables["frames"].shape == (29, 3652, 1, 64, 64)


def test_no_test_day_is_trained_or_validated_on() -> None:
    parts = day_parts(3652)
    assert parts["train"][1] == parts["val"][0]
    assert parts["val"][1] == parts["test"][0] == int(0.8 * 3652)
    assert parts["val"][1] - parts["val"][0] == 365


def test_a_missing_day_keeps_its_place_as_nan_and_no_window_touches_it(tmp_path: Path, values: np.ndarray) -> None:
    (tmp_path / "sst").mkdir()
    dates = np.datetime64("2006-01-01") + np.delete(np.arange(N_DAYS + 2), [60, 190])
    write_grid(tmp_path / "sst" / "thetao.nc", values, dates=dates)
    for normalisation in VARIANTS:
        made = blueprint(tmp_path, normalisation=normalisation)
        store = build(made, tmp_path / f"{normalisation}.zarr", workers=1)
        found = temperatures(store, 0)
        assert np.isnan(found[[60, 190]]).all()
        assert np.abs(np.delete(found, [60, 190], axis=0) - values[:, :64, :64]).max() <= 1e-6
        assert np.isfinite(store.read(0, variable="offset")).all()
    assert made.split.ranges["train"] == ((0, 2, 0, 60), (0, 2, 61, 155))
    np.testing.assert_array_equal(np.diff(made.coordinates["time"].values), 1)
    frames = store.read(0)
    for part in ("train", "val", "test", "train+val"):
        windows = WindowIndex.of_split(made.split, part, N_DAYS + 2, 4, 6)
        assert len(windows) > 0
        for _, start in zip(*windows.arrays(), strict=True):
            assert np.isfinite(frames[start : start + 10]).all()


def test_files_with_years_between_them_are_refused(tmp_path: Path, values: np.ndarray) -> None:
    (tmp_path / "sst").mkdir()
    write_grid(tmp_path / "sst" / "thetao_2006.nc", values[:110])
    write_grid(tmp_path / "sst" / "thetao_2016.nc", values[110:], "2016-01-01")
    with pytest.raises(StbenchError, match=r"days are missing .* between 2006-04-20 and 2016-01-01"):
        blueprint(tmp_path)


@pytest.mark.parametrize(
    ("settings", "reason"),
    [
        ({"normalisation": "causall"}, "did you mean 'causal'"),
        ({"grid": "10,781"}, "two numbers between 64 and 4096"),
        ({"years": "-1"}, "'years' must lie between"),
        ({"n_zones": "0"}, "'n_zones' must lie between"),
        *(
            ({"first_day": day}, "must be a date")
            for day in ("yesterday", "now", "today", "NaT", "", "2006", "2006-01")
        ),
        *(({"first_day": day}, "must be a date") for day in ("2006-02-30", "2006-01-01T12", "+2006-01-01")),
        ({"zones": "nowhere.toml"}, "zone table nowhere.toml cannot be read"),
        ({"zones": "table", "grid": "200,300"}, "is for a grid of 481 x 781"),
        ({"zones": "tiling", "grid": "64,64"}, "no complete box of 64 x 64"),
        ({"year": "1"}, "there is no parameter 'year'"),
    ],
)
def test_a_parameter_that_cannot_work_is_refused_before_any_work(settings: dict[str, str], reason: str) -> None:
    with pytest.raises(StbenchError, match=reason):
        resolve("sst", settings, source="simulated")


def test_a_zone_on_simulated_land_is_refused(tmp_path: Path) -> None:
    table = tmp_path / "zones.toml"
    table.write_text("id = 'mine'\nsize = 64\ncorners = [[400, 0]]\ntest = [1]\n")
    with pytest.raises(StbenchError, match=r"zone 1 of the table 'mine' .* is 100.0% land"):
        resolve("sst", {"zones": str(table)}, source="simulated")


def test_a_table_of_ones_own_is_used(tmp_path: Path) -> None:
    table = tmp_path / "zones.toml"
    table.write_text("id = 'mine'\nsize = 32\ncorners = [[200, 300], [232, 300]]\ntest = [2]\n")
    made = resolve("sst", {"zones": str(table)}, source="simulated")
    assert made.variables["frames"].shape[-2:] == (32, 32)
    assert made.split.ranges["test"] == ((1, 2, 2921, 3652),)


def test_tables_that_differ_in_their_test_zones_are_two_datasets(tmp_path: Path) -> None:
    """The same id and corners, and another split: one store must not be taken for the other."""
    made = {}
    for test in ([1], [2], [1, 2]):
        table = tmp_path / "zones.toml"
        table.write_text(f"id = 'mine'\nsize = 32\ncorners = [[200, 300], [232, 300]]\ntest = {test}\n")
        made[str(test)] = resolve("sst", {"zones": str(table)}, source="simulated")
    assert len({each.split.digest for each in made.values()}) == 3
    assert len({each.store_name for each in made.values()}) == 3
    assert made["[1]"].parameters["zones"]["test"] == [1]


def test_test_zones_that_follow_from_their_table_are_in_no_identity(tmp_path: Path) -> None:
    """So that published stores keep their names, and a copy of the shipped table is that table."""
    copy = tmp_path / "copy.toml"
    copy.write_bytes(Path(zones_module.__file__).with_name(zones_module.DEFAULT_TABLE).read_bytes())
    published = resolve("sst", {}, source="simulated")
    assert resolve("sst", {"zones": str(copy)}, source="simulated").fingerprint == published.fingerprint
    assert published.fingerprint.startswith("e31fa785469b")
    for settings in ({}, {"zones": str(copy), "n_zones": 7}, {"grid": "193,257"}, {"n_zones": 1}):
        assert "test" not in resolve("sst", settings, source="simulated").parameters["zones"]


def test_a_zone_that_does_not_fit_into_memory_is_refused(tmp_path: Path) -> None:
    table = tmp_path / "zones.toml"
    table.write_text("id = 'mine'\nsize = 72\ncorners = [[200, 300]]\ntest = [1]\n")
    with pytest.raises(StbenchError, match=r"73,048 days of 72 x 72 points in .* needs 4,544 MB .* more than 4,000 MB"):
        resolve("sst", {"zones": str(table), "years": 200}, source="simulated")
    assert resolve("sst", {"zones": str(table), "years": 170}, source="simulated").n_sequences == 1


def test_foreign_sources_are_refused() -> None:
    with pytest.raises(StbenchError, match="official and simulated, not 'procedural'"):
        blueprint(None, "procedural")


def test_identities_differ_where_the_data_do(grid_raw: Path, zone_raw: Path) -> None:
    made = [
        blueprint(grid_raw),
        blueprint(zone_raw),
        blueprint(grid_raw, normalisation="per_zone"),
        blueprint(grid_raw, n_zones=1),
        *(
            resolve("sst", settings, source="simulated")
            for settings in ({}, {"seed": 1}, {"years": 3}, {"n_zones": 28})
        ),
    ]
    assert len({each.store_name for each in made}) == len(made)
    # what the source does not use does not matter
    assert blueprint(grid_raw, seed=5, grid="300,300").fingerprint == made[0].fingerprint


# The stand-in


def test_the_stand_in_says_that_it_is_simulated() -> None:
    made = resolve("sst", {}, source="simulated")
    assert "simulated" in made.store_name
    assert "simulated" in made.card.title
    assert "simulated" in made.card.summary
    assert "simulated" not in sst.card.title


def test_a_small_simulated_ocean_goes_through_the_same_importer(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    table = tmp_path / "zones.toml"
    table.write_text("id = 'small'\nsize = 32\ncorners = [[2, 10], [32, 44]]\ntest = [1]\n")
    monkeypatch.setattr(ocean_module, "SPIN_UP_DAYS", 60)
    monkeypatch.setattr(ocean_module, "TEMPERATURE_SPIN_UP_DAYS", 20)
    made = resolve("sst", {"grid": "65,97", "years": "1", "zones": str(table)}, source="simulated")
    pickle.loads(pickle.dumps(made.produce))
    store = build(made, workers=1)
    assert (store.n_sequences, store.n_frames, store.frame_shape) == (2, 365, (1, 32, 32))
    found = temperatures(store, 0)
    simulated, days = ocean_module.Ocean(OceanSize(65, 97, 0)), []
    for day in simulated.days():
        days.append(day)
        if len(days) == 3:
            break
    row, column = (int(store.read(0, variable=name)) for name in ("row", "column"))
    expected = np.stack(days)[:, row : row + 32, column : column + 32]
    assert np.abs(found[:3] - expected).max() < 0.0004  # half a step of the packed files
    day_to_day, spread = np.abs(np.diff(found, axis=0)).mean(), found.std(axis=(1, 2)).mean()
    assert 0.005 < day_to_day < 0.5 * spread, "it moves, and not like noise"


def test_every_preset_and_track_is_that_of_the_protocol() -> None:
    generator = registry.dataset("sst")
    assert [track.id for track in generator.tracks] == ["sst/forecast-6", "sst/forecast-10"]
    assert {(track.conditioning, track.metrics[0]) for track in generator.tracks} == {(4, "mse")}
    assert [track.reported for track in generator.tracks] == [(), (6,)], "the published t+6 is the start of ten days"
    wanted = {"mse_celsius", "mse_celsius_broadcast", "ssim_gauss11", "ssim_gauss11_celsius_broadcast"}
    assert all(wanted <= {*track.metrics} for track in generator.tracks)
    made = {name: resolve("sst", settings, source="simulated") for name, settings in generator.presets.items()}
    assert made["quick"].n_sequences == 4
    assert all(isinstance(each.split, Split) for each in made.values())
