"""Raw files of `sst`: what is read equals what a netCDF library reads, and whatever is wrong is one sentence naming the
file."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import netCDF4
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sst_files import FILL, OFFSET, SCALE, sea, write_grid, write_zone
from stbench.generators.sst.grid import open_grid
from stbench.generators.sst.importer import find_official, open_surface
from stbench.generators.sst.netcdf import open_netcdf
from stbench.generators.sst.zones import ZoneTable

from stbench.errors import StbenchError
from stbench.paths import raw_dir

TABLE = ZoneTable("two", 16, ((2, 3), (2, 19)), (2,))
DAY = np.datetime64("2006-01-01")
FORMATS = ("NETCDF4", "NETCDF3_CLASSIC", "NETCDF3_64BIT_OFFSET", "NETCDF3_64BIT_DATA")


def opened(*paths: Path, table: ZoneTable | None = TABLE):
    surface = open_surface(paths, table, 29, 0, DAY)
    surface.check()
    return surface


# What is read


@pytest.mark.parametrize("format", FORMATS)
def test_a_zone_is_what_the_netcdf_library_reads(tmp_path: Path, format: str) -> None:
    path = write_grid(tmp_path / "thetao.nc", sea(40, 20, 40), format=format)
    with netCDF4.Dataset(path) as file:
        expected = file["thetao"][:, 0, 2:18, 19:35].filled(np.nan)
        latitude = file["latitude"][2:18]
    surface = opened(path)
    np.testing.assert_allclose(surface.read(1, 0, 40), expected, atol=1e-12)
    np.testing.assert_array_equal(surface.latitude[1], latitude)
    assert surface.dates.tolist() == (DAY + np.arange(40)).tolist()


@pytest.mark.parametrize("format", FORMATS)
def test_reader_agrees_with_the_netcdf_library_on_every_variable(tmp_path: Path, format: str) -> None:
    path = write_grid(tmp_path / "thetao.nc", sea(7, 5, 9), format=format)
    with open_netcdf(path) as file, netCDF4.Dataset(path) as library:
        library.set_auto_maskandscale(False)
        assert set(file.variables) == set(library.variables)
        for name, variable in file.variables.items():
            np.testing.assert_array_equal(variable.read(), library[name][:])
            assert variable.dims == library[name].dimensions


def test_reader_agrees_with_the_netcdf_library_on_real_files() -> None:
    folder = raw_dir()
    paths = sorted((folder / "sst").glob("*.nc")) if folder else []
    if not paths:
        pytest.skip("STBENCH_RAW has no sst/*.nc")
    for path in paths:
        with open_netcdf(path) as file, netCDF4.Dataset(path) as library:
            library.set_auto_maskandscale(False)
            for name, variable in file.variables.items():
                np.testing.assert_array_equal(variable.read(), library[name][:])


def test_real_files_of_other_products_are_not_taken_for_official() -> None:
    if raw_dir() is None or not (raw_dir() / "sst").is_dir():
        pytest.skip("STBENCH_RAW has no sst folder")
    assert find_official(None) is None


@pytest.mark.parametrize("format", FORMATS)
@pytest.mark.parametrize("missing", [np.int16(-999), np.array([-999, 1500], np.int16)], ids=["one", "two"])
def test_values_that_the_file_calls_missing_are_holes_beside_its_fill_value(
    tmp_path: Path, format: str, missing: Any
) -> None:
    """Unpacked, -999 is 19.001 and 1500 is 21.5 degrees: nothing but the attribute says that they are no
    temperatures."""
    values = sea(7, 20, 40)
    values[2, 3, 4] = values[5, 6, 7] = np.nan
    values[3, 4, 5] = OFFSET + SCALE * -999
    values[4, 5, 6] = OFFSET + SCALE * 1500
    path = write_grid(tmp_path / "thetao.nc", values, format=format, missing=missing)
    with netCDF4.Dataset(path) as file:
        expected = file["thetao"][:, 0].filled(np.nan)
    assert np.isnan(expected).sum() == 2 + np.size(missing)
    np.testing.assert_allclose(open_grid([path]).read(0, 0, 20, 40, 0, 7), expected, atol=1e-12)


def test_kelvin_and_celsius_give_the_same_temperatures(tmp_path: Path) -> None:
    values = sea(30, 20, 40)
    celsius = opened(write_grid(tmp_path / "thetao_c.nc", values))
    kelvin = opened(write_grid(tmp_path / "thetao_k.nc", values, units="kelvin", offset=20.0 + 273.15))
    np.testing.assert_allclose(kelvin.read(0, 0, 30), celsius.read(0, 0, 30), atol=1e-10)


def _southwards(path: Path, values: np.ndarray, **settings: object) -> Path:
    latitude = np.arange(values.shape[1]) / 12 + 30
    return write_grid(path, values[:, ::-1], latitude=latitude[::-1], **settings)


def test_rows_from_north_to_south_are_turned_file_by_file(tmp_path: Path) -> None:
    values = sea(50, 20, 40)
    values[:, 19, 5] = np.nan
    whole = opened(write_grid(tmp_path / "thetao.nc", values))
    first = _southwards(tmp_path / "thetao_1.nc", values[:30])
    surface = opened(first, write_grid(tmp_path / "thetao_2.nc", values[30:], "2006-01-31"))
    for zone in (0, 1):
        np.testing.assert_array_equal(surface.read(zone, 20, 40), whole.read(zone, 20, 40))
    np.testing.assert_array_equal(surface.latitude, whole.latitude)
    assert (np.diff(surface.latitude) > 0).all()
    np.testing.assert_array_equal(surface.grid.water(), whole.grid.water())


@pytest.mark.parametrize(
    "units",
    [
        *("degrees Celsius", "Degrees_C", "degree_Celsius", "deg C", "°C", "° C", "degC", "celsius", "C", "CELSIUS"),
        *("degrees-celsius", "deg. C", "degree centigrade", "degsC", ""),
    ],
)
def test_degrees_celsius_are_known_in_all_their_words(tmp_path: Path, units: str) -> None:
    values = sea(12, 20, 40)
    found = opened(write_grid(tmp_path / "thetao.nc", values, units=units)).read(0, 0, 12)
    np.testing.assert_allclose(found, values[:, 2:18, 3:19], atol=6e-4)  # half a step of the packing


@pytest.mark.parametrize("units", ["F", "degrees_F", "m", "1", "celsius per day", "kelvin m", "degrees", "mK"])
def test_other_units_are_refused_by_name(tmp_path: Path, units: str) -> None:
    with pytest.raises(StbenchError, match="neither degrees Celsius nor Kelvin"):
        opened(write_grid(tmp_path / "thetao.nc", sea(12, 20, 40), units=units))


def test_files_are_put_in_the_order_of_their_days(tmp_path: Path) -> None:
    values = sea(50, 20, 40)
    late = write_grid(tmp_path / "thetao_a.nc", values[30:], "2006-01-31")
    early = write_grid(tmp_path / "thetao_b.nc", values[:30])
    surface = opened(late, early)
    whole = opened(write_grid(tmp_path / "thetao.nc", values))
    np.testing.assert_array_equal(surface.dates, whole.dates)
    np.testing.assert_array_equal(surface.read(0, 25, 35), whole.read(0, 25, 35))


def test_a_level_axis_is_not_needed(tmp_path: Path) -> None:
    values = sea(10, 20, 40)
    flat = write_grid(tmp_path / "thetao.nc", values, dims=("time", "latitude", "longitude"))
    deep = write_grid(tmp_path / "thetao_4.nc", values)
    np.testing.assert_array_equal(opened(flat).read(0, 0, 10), opened(deep).read(0, 0, 10))


def test_prepared_zones_are_ordered_by_number_and_give_their_normals(tmp_path: Path) -> None:
    values = sea(20, 16, 16 * 12).reshape(20, 16, 12, 16).transpose(2, 0, 1, 3)
    for zone in range(12):
        write_zone(tmp_path / f"data_{zone + 1}.nc", values[zone])
    paths = find_official(tmp_path)
    assert paths is not None
    surface = opened(*paths)
    for zone in (0, 1, 9, 11):
        np.testing.assert_allclose(surface.read(zone, 3, 5), values[zone, 3:5], atol=1e-5)
    mean, std = surface.given_normals(11)
    np.testing.assert_allclose(mean, values[11].mean(axis=(1, 2)))
    np.testing.assert_allclose(std, values[11].std(axis=(1, 2)))


# What is refused

Spoil = Callable[[Path], object]


def _truncate(path: Path) -> None:
    write_grid(path, sea(12, 20, 40))
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


def _truncate_classic(path: Path) -> None:
    write_grid(path, sea(12, 20, 40), format="NETCDF3_64BIT_OFFSET")
    path.write_bytes(path.read_bytes()[:-600])


def _patch(**changes: object) -> Spoil:
    def spoil(path: Path) -> None:
        write_grid(path, sea(12, 20, 40))
        with netCDF4.Dataset(path, "a") as file:
            file.set_auto_maskandscale(False)
            for name, value in changes.items():
                file[name][:] = value

    return spoil


def _with(**settings: object) -> Spoil:
    return lambda path: write_grid(path, sea(12, 20, 40), **settings)


def _one_day_empty(path: Path) -> None:
    values = sea(12, 20, 40)
    values[5] = np.nan
    write_grid(path, values)


def _land(path: Path) -> None:
    values = sea(12, 20, 40)
    values[:, 10, 25] = np.nan
    write_grid(path, values)


def _chunks_of_gigabytes(path: Path) -> None:
    with netCDF4.Dataset(path, "w") as file:
        for dim, size in (("time", 2), ("latitude", 20_000), ("longitude", 20_000)):
            file.createDimension(dim, size)
        file.createVariable("thetao", "f4", ("time", "latitude", "longitude"), chunksizes=(1, 20_000, 20_000))


def _absurd_classic(path: Path) -> None:
    write_grid(path, sea(12, 20, 40), format="NETCDF3_CLASSIC")
    content = bytearray(path.read_bytes())
    at = content.index(b"latitude") + 8
    content[at : at + 4] = (2**31 - 1).to_bytes(4, "big")
    path.write_bytes(content)


def _outside_link(path: Path) -> None:
    import h5py

    write_grid(path, sea(12, 20, 40), name="other")
    with h5py.File(path, "a") as file:
        file["thetao"] = h5py.ExternalLink("/etc/passwd", "/thetao")


days = DAY + np.arange(12)
uneven = np.arange(20) / 12 + 30.0
uneven[10:] += 1 / 24
BROKEN: dict[str, tuple[Spoil, str]] = {
    "absent": (lambda path: None, "cannot be read: No such file"),
    "folder": (Path.mkdir, "cannot be read"),
    "empty": (lambda path: path.write_bytes(b""), "not a netCDF file"),
    "text": (lambda path: path.write_text("<html>not found</html>"), "not a netCDF file"),
    "truncated": (_truncate, "damaged or cut short"),
    "truncated classic": (_truncate_classic, "damaged or cut short .*needs"),
    "another variable": (_with(name="temperature"), "no variable 'thetao': it has depth"),
    "link out of the file": (_outside_link, "no variable 'thetao'"),
    "wrong order of axes": (_with(dims=("latitude", "depth", "longitude", "time")), "dimensions"),
    "wrong units": (_with(units="metres"), "in 'metres', neither"),
    "fahrenheit by mistake": (_with(offset=80.0), "no sea surface has"),
    "kelvin called celsius": (_with(offset=293.15), "no sea surface has"),
    "calendar without dates": (_with(calendar="360_day"), "calendar '360_day'"),
    "times without units": (_with(time_units="since long"), "times that cannot be read"),
    "days out of order": (
        _with(dates=days[[0, 1, 3, 2, *range(4, 12)]]),
        "2006-01-03 comes after 2006-01-04",
    ),
    "a day twice": (_with(dates=days[[0, 1, 2, 2, 4, 5, 6, 7, 8, 9, 10, 11]]), "the day 2006-01-03 twice"),
    "time not a number": (_patch(time=np.nan), "times that cannot be read"),
    "time beyond all calendars": (_patch(time=1e300), "times that cannot be read"),
    "latitude to and fro": (_with(latitude=np.abs(np.arange(20) - 10) / 12), r"neither in ascending nor .* sortby"),
    "longitude westwards": (_with(longitude=np.arange(40)[::-1] / 12), "from east to west: .*ncpdq"),
    "latitude in mixed steps": (_with(latitude=uneven), "resolutions are mixed"),
    "latitude not a number": (_patch(latitude=np.nan), "are no degrees"),
    "no surface level": (_with(depth=540.0), "no level near the surface"),
    "nothing but fill": (_patch(thetao=FILL), "land|no value"),
    "one day empty": (_one_day_empty, "no value at all .*2006-01-06"),
    "zone over land": (_land, "zone 2 of the table 'two'.* land"),
    "chunks of gigabytes": (_chunks_of_gigabytes, "more than 256 MB"),
    "absurd axis in a classic file": (_absurd_classic, "damaged or cut short"),
}


@pytest.mark.parametrize("case", BROKEN)
def test_a_bad_file_is_refused_in_one_sentence_that_names_it(tmp_path: Path, case: str) -> None:
    spoil, reason = BROKEN[case]
    path = tmp_path / "thetao_2006.nc"
    spoil(path)
    with pytest.raises(StbenchError, match=reason) as caught:
        opened(path)
    assert "thetao_2006.nc" in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("second", "reason"),
    [
        ({"first_day": "2006-01-12"}, "begins on 2006-01-12, which thetao_1.nc has too"),
        ({"first_day": "2007-01-01", "latitude": np.arange(20) / 4 + 30}, "on another grid .*0.25 degrees"),
        ({"first_day": "2007-01-01", "longitude": np.arange(40) / 12}, "on another grid"),
    ],
)
def test_files_that_do_not_belong_together_are_refused(tmp_path: Path, second: dict[str, object], reason: str) -> None:
    first = write_grid(tmp_path / "thetao_1.nc", sea(12, 20, 40))
    other = write_grid(tmp_path / "thetao_2.nc", sea(12, 20, 40), **second)
    with pytest.raises(StbenchError, match=reason) as caught:
        opened(first, other)
    assert "thetao_2.nc" in str(caught.value)


def test_a_zone_outside_the_grid_is_refused(tmp_path: Path) -> None:
    path = write_grid(tmp_path / "thetao.nc", sea(12, 20, 40))
    with pytest.raises(StbenchError, match=r"zone 1 of the table 'far' .* outside the 20 x 40 grid of .*thetao\.nc"):
        opened(path, table=ZoneTable("far", 16, ((0, 30),), (1,)))


def test_a_region_without_a_whole_box_of_water_is_refused(tmp_path: Path) -> None:
    path = write_grid(tmp_path / "thetao.nc", sea(12, 20, 40))
    with pytest.raises(StbenchError, match=r"thetao\.nc has no complete box of 64 x 64"):
        opened(path, table=None)


def _empty_zone(folder: Path) -> None:
    write_zone(folder / "data_2.nc", np.full((12, 16, 16), np.nan), np.ones(12), np.ones(12))


FROM_1 = r"data_0\.nc would be zone 0, and zone files are numbered from data_1\.nc on: take it out, or rename all"


def _only_zone_0(folder: Path) -> None:
    (folder / "data_1.nc").rename(folder / "data_0.nc")
    for zone in (2, 3):
        (folder / f"data_{zone}.nc").unlink()


@pytest.mark.parametrize(
    ("spoil", "reason"),
    [
        (lambda folder: (folder / "data_2.nc").unlink(), r"up to data_3\.nc but no data_2\.nc"),
        (lambda folder: write_zone(folder / "data_2.nc", sea(11, 16, 16)), r"data_2\.nc has 11 days"),
        (lambda folder: write_zone(folder / "data_2.nc", sea(12, 16, 20)), r"data_2\.nc has thetao of shape"),
        (lambda folder: write_zone(folder / "data_2.nc", sea(12, 16, 16) + 900), r"data_2\.nc .* no sea surface has"),
        (lambda folder: write_zone(folder / "data_2.nc", sea(12, 16, 16), mean=np.full(12, 300.0)), "daily_mean"),
        (lambda folder: write_zone(folder / "data_2.nc", sea(12, 16, 16), std=np.zeros(12)), "daily_std .* positive"),
        (_empty_zone, "missing values on day 0"),
        (
            lambda folder: write_zone(folder / "data_02.nc", sea(12, 16, 16)),
            r"data_02\.nc and data_2\.nc are both zone 2",
        ),
        (lambda folder: write_grid(folder / "data_2.nc", sea(12, 16, 16)), r"data_2\.nc has thetao of shape"),
        (lambda folder: write_zone(folder / "data_0.nc", sea(12, 16, 16)), FROM_1),
        (_only_zone_0, FROM_1),
    ],
)
def test_bad_prepared_zones_are_refused(tmp_path: Path, spoil: Spoil, reason: str) -> None:
    for zone in (1, 2, 3):
        write_zone(tmp_path / f"data_{zone}.nc", sea(12, 16, 16, zone))
    spoil(tmp_path)
    paths = find_official(tmp_path)
    assert paths is not None
    with pytest.raises(StbenchError, match=reason):
        opened(*paths)


# Mutated files


def test_damaged_references_between_axes_do_not_send_the_reader_round_in_circles(tmp_path: Path) -> None:
    """Following the dimension scales of this file never ends in the HDF5 library; they are not followed."""
    path = write_grid(tmp_path / "thetao.nc", sea(4, 20, 40))
    content = bytearray(path.read_bytes())
    heap = content.index(b"GCOL")
    sizes = slice(heap + 16 + 8, heap + 16 + 16)  # of the first object after the header of the collection
    assert int.from_bytes(content[sizes], "little") > 0
    content[sizes] = (2**64 - 24).to_bytes(8, "little")
    path.write_bytes(content)
    assert opened(path).read(0, 0, 4).shape == (4, 16, 16)


@pytest.fixture(scope="module", params=FORMATS[:2])
def healthy(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> bytes:
    path = tmp_path_factory.mktemp("mutants") / "thetao.nc"
    return write_grid(path, sea(4, 20, 40), format=request.param).read_bytes()


@given(data=st.data())
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_a_mutated_file_is_read_or_refused_and_never_anything_else(
    healthy: bytes, tmp_path: Path, data: st.DataObject
) -> None:
    content = bytearray(healthy)
    # Two in three of the changes hit the first kilobyte, where the headers are.
    for _ in range(data.draw(st.integers(1, 4))):
        end = data.draw(st.sampled_from([1024, 1024, len(content)]))
        at = data.draw(st.integers(0, min(end, len(content)) - 1))
        content[at] = data.draw(st.sampled_from([0, 1, 0x7F, 0x80, 0xFF]))
    cut = data.draw(st.sampled_from([len(content)] * 4 + [data.draw(st.integers(0, len(content)))]))
    path = tmp_path / "thetao.nc"
    path.write_bytes(content[:cut])
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        refusal = None
        try:
            surface = opened(path)
        except StbenchError as error:
            refusal = str(error)
    if refusal is None:
        assert np.isfinite(surface.read(0, 0, len(surface.dates))).all()
    else:
        assert "thetao.nc" in refusal
        assert "\n" not in refusal
