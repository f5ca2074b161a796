"""What the attributes of a netCDF variable say is what is read: netCDF4's automatic mask and scale is the reference,
xarray where it agrees with that.

Where they differ, CF decides:

1. An attribute of a wider floating point type than a floating point variable (`missing_value = 1e20` as a double on
   floats) is meant as rounded; netCDF4 ignores it, xarray uses it.
2. An attribute of an `_Unsigned` variable that is itself written unsigned is meant as it stands; netCDF4 ignores it.
3. `_Unsigned = "false"` on an unsigned variable makes it signed, as xarray does; netCDF4 ignores it.
4. Bytes have no default fill value (NetCDF Users' Guide, Appendix A); netCDF4 takes -127 and 255 for one.
5. The valid range and the default fill value count; xarray knows neither.
"""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import Any

import h5py
import netCDF4
import numpy as np
import pytest
import xarray
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st
from sst_files import sea, write_grid, write_zone
from stbench.generators.sst.importer import open_surface
from stbench.generators.sst.netcdf import open_netcdf
from stbench.generators.sst.zones import ZoneTable

from stbench.errors import StbenchError

TABLE = ZoneTable("two", 16, ((2, 3), (2, 19)), (2,))
DAY = np.datetime64("2006-01-01")
FORMATS = ("NETCDF4", "NETCDF3_CLASSIC", "NETCDF3_64BIT_OFFSET", "NETCDF3_64BIT_DATA")
CLASSIC_KINDS = ("i1", "i2", "i4", "f4", "f8")
KINDS = (*CLASSIC_KINDS, "u1", "u2", "u4", "i8")


def write(path: Path, stored: np.ndarray, attributes: dict[str, Any], format: str) -> Path:
    fill = attributes.get("_FillValue")
    with netCDF4.Dataset(path, "w", format=format) as file:
        file.createDimension("x", len(stored))
        variable = file.createVariable("v", stored.dtype, ("x",), fill_value=fill)
        variable.set_auto_maskandscale(False)
        variable.setncatts({key: value for key, value in attributes.items() if key != "_FillValue"})
        variable[:] = stored
    return path


def ours(path: Path) -> np.ndarray:
    with open_netcdf(path) as file:
        return file.variable("v").values()


def netcdf4s(path: Path) -> np.ndarray:
    with warnings.catch_warnings(), netCDF4.Dataset(path) as file:
        warnings.simplefilter("ignore")
        try:
            values = np.ma.asarray(file["v"][:])
        except TypeError:  # it cannot write its default fill value into unsigned bytes
            values = None
        assume(values is not None)
        return np.ma.masked_invalid(values.astype(np.float64)).filled(np.nan)


def xarrays(path: Path) -> np.ndarray:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        with xarray.open_dataset(path, engine="netcdf4", decode_times=False) as data:
            values = data["v"].values.astype(np.float64)
    return np.where(np.isfinite(values), values, np.nan)


@st.composite
def variables(draw: st.DrawFn) -> tuple[np.ndarray, dict[str, Any], str]:
    """Stored numbers and attributes, of which many meet: fills and bounds are drawn from the same few numbers."""
    format = draw(st.sampled_from(FORMATS))
    kind = np.dtype(draw(st.sampled_from(KINDS if format in ("NETCDF4", "NETCDF3_64BIT_DATA") else CLASSIC_KINDS)))
    few = [0, 1, 2, 5, 100, 127]
    few += [] if kind.kind == "u" else [-1, -2, -100]
    few += [] if kind.itemsize == 1 else [-32767 if kind.kind != "u" else 65535, 9999]
    few += [float("nan"), 0.5, -2.5] if kind.kind == "f" else []
    number = st.sampled_from(few)
    stored = np.array(draw(st.lists(number, min_size=1, max_size=12)), kind)
    attributes: dict[str, Any] = {}
    if draw(st.booleans()):
        attributes["_FillValue"] = kind.type(draw(number))
    if draw(st.booleans()):
        attributes["missing_value"] = draw(
            number.map(kind.type)
            | st.lists(number, min_size=1, max_size=3).map(lambda many: np.array(many, kind))
            | st.sampled_from(["", "none", "NaN", "1"])
            | st.sampled_from([0.25, 1e10, 2.0]).map(np.float64)
        )
    for name in draw(st.sets(st.sampled_from(["valid_min", "valid_max"]))):
        attributes[name] = draw(number.map(kind.type) | st.sampled_from(["low", ""]))
    if draw(st.integers(0, 3)) == 0:
        attributes["valid_range"] = np.sort(np.array(draw(st.lists(number, min_size=2, max_size=2)), kind))
    if kind.kind == "i" and draw(st.booleans()):
        attributes["_Unsigned"] = draw(st.sampled_from(["true", "True", "false"]))
    if draw(st.booleans()):
        attributes["scale_factor"] = draw(st.sampled_from([np.float64(0.5), np.float32(0.25), np.float64(3)]))
    if draw(st.booleans()):
        attributes["add_offset"] = draw(st.sampled_from([np.float64(-7.5), np.float32(20.0)]))
    return stored, attributes, format


@given(case=variables())
@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_values_and_holes_are_those_of_the_netcdf_library(
    tmp_path: Path, case: tuple[np.ndarray, dict[str, Any], str]
) -> None:
    stored, attributes, format = case
    path = write(tmp_path / "v.nc", stored, attributes, format)
    expected = netcdf4s(path)
    # Single precision where scale and offset are: 2^-23 of the largest value here, 127 * 3 or 2^32.
    np.testing.assert_allclose(ours(path), expected, rtol=2.5e-7, atol=1e-4)


@given(case=variables())
@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_values_are_those_of_xarray_where_it_agrees_with_the_netcdf_library(
    tmp_path: Path, case: tuple[np.ndarray, dict[str, Any], str]
) -> None:
    stored, attributes, format = case
    path = write(tmp_path / "v.nc", stored, attributes, format)
    try:
        theirs = xarrays(path)
    except (ValueError, TypeError, OverflowError):
        return  # a missing_value that is a text, say
    reference = netcdf4s(path)
    both = (np.isnan(theirs) == np.isnan(reference)) & ~(np.abs(theirs - reference) > 1e-4 + 2.5e-7 * np.abs(reference))
    np.testing.assert_allclose(ours(path)[both], theirs[both], rtol=2.5e-7, atol=1e-4)


# Each attribute by itself, by hand

HAND: dict[str, tuple[Any, dict[str, Any], list[float]]] = {
    "unsigned": (np.array([-1, 1], "i2"), {"_Unsigned": "true"}, [65535, 1]),
    "unsigned with a fill in the stored type": (
        np.array([-1, -2], "i2"),
        {"_Unsigned": "true", "_FillValue": np.int16(-1)},
        [np.nan, 65534],
    ),
    "two missing values": (np.array([1, 2, 3], "i2"), {"missing_value": np.array([1, 3], "i2")}, [np.nan, 2, np.nan]),
    "missing value of another type that fits": (np.array([1, 2], "i2"), {"missing_value": np.float64(2)}, [1, np.nan]),
    "missing value of another type that does not fit": (np.array([1, 2], "i2"), {"missing_value": 1.5}, [1, 2]),
    "missing value as text": (np.array([1, 2], "i2"), {"missing_value": "1"}, [1, 2]),
    "valid range in packed units": (
        np.array([1, 2, 9], "i2"),
        {"valid_range": np.array([2, 5], "i2"), "scale_factor": 10.0},
        [np.nan, 20, np.nan],
    ),
    "valid minimum alone": (np.array([1, 2], "i2"), {"valid_min": np.int16(2)}, [np.nan, 2]),
    "valid maximum alone": (np.array([1, 2], "i2"), {"valid_max": np.int16(1)}, [1, np.nan]),
    "the library's own fill value": (np.array([-32767, 2], "i2"), {}, [np.nan, 2]),
    "no fill value of bytes": (np.array([-127, 2], "i1"), {}, [-127, 2]),
    "scale and offset last": (
        np.array([4, 7], "i2"),
        {"missing_value": np.int16(7), "scale_factor": 0.5, "add_offset": 5.0},
        [7, np.nan],
    ),
    "infinity": (np.array([np.inf, 1], "f4"), {}, [np.nan, 1]),
    # Where the libraries differ, numbered as above.
    "1 double on floats": (np.array([1e20, 1], "f4"), {"missing_value": np.float64(1e20)}, [np.nan, 1]),
    "2 written unsigned": (
        np.array([-1, 1], "i2"),
        {"_Unsigned": "true", "missing_value": np.int32(65535)},
        [np.nan, 1],
    ),
    "3 not unsigned": (np.array([255, 1], "u1"), {"_Unsigned": "false"}, [-1, 1]),
}


@pytest.mark.parametrize("name", HAND)
def test_each_attribute_means_what_the_conventions_say(tmp_path: Path, name: str) -> None:
    stored, attributes, expected = HAND[name]
    np.testing.assert_array_equal(ours(write(tmp_path / "v.nc", stored, attributes, "NETCDF4")), expected)


@pytest.mark.parametrize(
    ("attributes", "said"),
    [
        ({"scale_factor": "0.01"}, "scale_factor '0.01', not one number"),
        ({"scale_factor": np.array([1.0, 2.0])}, "scale_factor '.*', not one number"),
        ({"scale_factor": np.nan}, "scale_factor 'nan', not one number"),
        ({"scale_factor": 0.0}, "scale_factor 0,"),
        ({"add_offset": "warm"}, "add_offset 'warm', not one number"),
        ({"add_offset": np.inf}, "add_offset 'inf', not one number"),
        ({"_Unsigned": "perhaps"}, "_Unsigned = 'perhaps'"),
        ({"_Unsigned": np.int32(1)}, "_Unsigned = '1'"),
    ],
)
@pytest.mark.parametrize("format", FORMATS[:2])
def test_attributes_without_which_no_value_is_known_are_refused_by_name(
    tmp_path: Path, format: str, attributes: dict[str, Any], said: str
) -> None:
    path = write(tmp_path / "v.nc", np.array([1, 2], "i2"), attributes, format)
    with pytest.raises(StbenchError, match=said) as caught:
        ours(path)
    assert str(path) in str(caught.value)
    assert "'v'" in str(caught.value)


@pytest.mark.parametrize("name", ["_FillValue", "missing_value", "valid_range", "valid_min", "scale_factor", "units"])
def test_an_attribute_without_a_value_is_none_or_is_named(tmp_path: Path, name: str) -> None:
    path = write(tmp_path / "v.nc", np.array([1, 2], "i2"), {}, "NETCDF4")
    with h5py.File(path, "a") as file:
        file["v"].attrs[name] = h5py.Empty("f4")
    if name == "scale_factor":
        with pytest.raises(StbenchError, match="scale_factor"):
            ours(path)
    else:
        np.testing.assert_array_equal(ours(path), [1, 2])


def test_an_attribute_that_is_not_used_is_noted(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    path = write(tmp_path / "v.nc", np.array([1, 2], "i2"), {"missing_value": "none"}, "NETCDF4")
    ours(path)
    assert "missing_value of 'v'" in caplog.text
    assert str(path) in caplog.text


# Through the importer


def test_temperatures_axes_and_climatologies_are_unpacked_by_the_same_rules(tmp_path: Path) -> None:
    """Packed axes, times and daily means: the numbers stored are not the numbers meant."""
    path = write_grid(tmp_path / "thetao.nc", sea(12, 20, 40))
    plain = open_surface((path,), TABLE, 29, 0, DAY)
    packed = tmp_path / "thetao_packed.nc"
    packed.write_bytes(path.read_bytes())
    with netCDF4.Dataset(packed, "a") as file:
        for axis, scale, offset in (("time", 0.5, 100.0), ("latitude", 2.0, 10.0), ("depth", 0.1, 0.0)):
            values = file[axis][:]
            file[axis].setncatts({"scale_factor": scale, "add_offset": offset})
            file[axis].set_auto_maskandscale(False)
            file[axis][:] = (values - offset) / scale
    surface = open_surface((packed,), TABLE, 29, 0, DAY)
    np.testing.assert_array_equal(surface.dates, plain.dates)
    np.testing.assert_allclose(surface.latitude, plain.latitude, atol=1e-5)
    values = sea(12, 16, 16)
    write_zone(tmp_path / "data_1.nc", values)
    with netCDF4.Dataset(tmp_path / "data_1.nc", "a") as file:
        file["daily_mean"].setncatts({"scale_factor": 2.0, "add_offset": 1.0})
        file["daily_mean"].set_auto_maskandscale(False)
        file["daily_mean"][:] = (values.mean(axis=(1, 2)) - 1) / 2
    mean, _ = open_surface((tmp_path / "data_1.nc",), None, 29, 0, DAY).given_normals(0)
    np.testing.assert_allclose(mean, values.mean(axis=(1, 2)))


@pytest.mark.parametrize("units", ["K", "kelvin", "Kelvin", "degree_Kelvin", "degrees kelvin", "deg_K"])
def test_a_climatology_in_kelvin_is_converted_as_the_temperatures_are(tmp_path: Path, units: str) -> None:
    values = sea(12, 16, 16) + 273.15
    write_zone(tmp_path / "data_1.nc", values)
    with netCDF4.Dataset(tmp_path / "data_1.nc", "a") as file:
        file["thetao"].units = units
    surface = open_surface((tmp_path / "data_1.nc",), None, 29, 0, DAY)
    np.testing.assert_allclose(surface.given_normals(0)[0], values.mean(axis=(1, 2)) - 273.15)
    np.testing.assert_allclose(surface.read(0, 0, 12), values - 273.15, atol=1e-4)


def test_values_that_overflow_are_no_temperatures(tmp_path: Path) -> None:
    path = tmp_path / "data_1.nc"
    write_zone(path, sea(12, 16, 16))
    with netCDF4.Dataset(path, "a") as file:
        file["thetao"].scale_factor = 1e308
        file["thetao"].set_auto_maskandscale(False)
        file["thetao"][3, 4, 5] = 1e30
        file["thetao"][3, 4, 6:] = 1e-308
    surface = open_surface((path,), None, 29, 0, DAY)
    with pytest.raises(StbenchError, match="no sea surface has"):
        surface.read(0, 3, 4)


@given(
    noise=st.lists(st.floats(-0.49, 0.49), min_size=12, max_size=12),
    units=st.sampled_from(["days", "hours", "minutes", "seconds"]),
    noon=st.booleans(),
)
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_times_less_than_half_a_second_beside_a_day_are_that_day(
    tmp_path: Path, noise: list[float], units: str, noon: bool
) -> None:
    length = {"days": 1.0, "hours": 24.0, "minutes": 1440.0, "seconds": 86400.0}[units]
    path = tmp_path / "data_1.nc"
    write_zone(path, np.full((12, 8, 8), 15.0), np.full(12, 15.0), np.ones(12))
    with netCDF4.Dataset(path, "a") as file:
        time = file.createVariable("time", "f8", ("time",))
        time.units = f"{units} since 1950-01-01"
        time[:] = (np.arange(21915, 21927) + noon * 0.5 + np.array(noise) / 86400) * length
    dates = open_surface((path,), None, 29, 0, DAY).dates
    np.testing.assert_array_equal(dates, np.datetime64("1950-01-01") + np.arange(21915, 21927))


def test_a_time_is_rounded_to_the_second_and_no_further(tmp_path: Path) -> None:
    path = tmp_path / "data_1.nc"
    write_zone(path, np.full((3, 8, 8), 15.0), np.full(3, 15.0), np.ones(3))
    with netCDF4.Dataset(path, "a") as file:
        time = file.createVariable("time", "f8", ("time",))
        time.units = "seconds since 2006-01-01"
        time[:] = [0, 2 * 86400 - 1.0, 2 * 86400 - 0.25]
    dates = open_surface((path,), None, 29, 0, DAY).dates
    assert dates.astype(str).tolist() == ["2006-01-01", "2006-01-02", "2006-01-03"]


@pytest.mark.parametrize("kind", ["S1", str])
def test_times_that_are_texts_are_one_sentence(tmp_path: Path, kind: Any) -> None:
    path = tmp_path / "data_1.nc"
    write_zone(path, sea(12, 16, 16))
    with netCDF4.Dataset(path, "a") as file:
        time = file.createVariable("time", kind, ("time",))
        time.units = "days since 2000-01-01"
        time[:] = np.array(["x"] * 12, dtype="S1" if kind == "S1" else object)
    with pytest.raises(StbenchError, match=r"'time' as .*, not as numbers") as caught:
        open_surface((path,), None, 29, 0, DAY)
    assert "data_1.nc" in str(caught.value)


@pytest.mark.parametrize("format", FORMATS[1:])
def test_a_classic_file_of_each_kind_is_read_and_bytes_beyond_its_header_are_refused(
    tmp_path: Path, format: str
) -> None:
    path = tmp_path / "v.nc"
    stored = np.arange(7, dtype="i2")
    for unlimited in (False, True):
        with netCDF4.Dataset(path, "w", format=format) as file:
            file.createDimension("t", None if unlimited else 7)
            for name in ("v", "w") if unlimited else ("v",):
                file.createVariable(name, "i2", ("t",))[:] = stored
        np.testing.assert_array_equal(ours(path), stored)
        whole = path.read_bytes()
        path.write_bytes(whole + bytes(4))
        with pytest.raises(StbenchError, match=r"header tells of .* bytes and the file has"):
            ours(path)


def test_a_classic_header_that_tells_of_fewer_records_than_there_are_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "v.nc"
    with netCDF4.Dataset(path, "w", format="NETCDF3_CLASSIC") as file:
        file.createDimension("t", None)
        file.createVariable("v", "f4", ("t",))[:] = np.arange(7)
    content = bytearray(path.read_bytes())
    assert content[7] == 7
    content[7] = 5
    path.write_bytes(content)
    with pytest.raises(StbenchError, match="header tells of"):
        ours(path)


def test_variables_of_a_classic_file_that_overlap_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "v.nc"
    with netCDF4.Dataset(path, "w", format="NETCDF3_CLASSIC") as file:
        file.createDimension("t", 8)
        for name in ("v", "w"):
            file.createVariable(name, "f4", ("t",))[:] = np.arange(8)
    content = bytearray(path.read_bytes())
    at = len(content) - 64  # the header ends where the values of v begin
    begin = at.to_bytes(4, "big")
    places = [k for k in range(at) if content[k : k + 4] == begin]
    content[places[0] + 3] += 8
    path.write_bytes(content)
    with pytest.raises(StbenchError, match="'w' begins within 'v'"):
        ours(path)
