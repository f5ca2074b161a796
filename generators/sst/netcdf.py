"""Reading untrusted netCDF files, NetCDF-4 (HDF5) and NetCDF-3, without the netCDF library.

h5py holds a lock around HDF5, so blocks may be read from several threads; nothing but shape, type, dimension names,
attributes and hyperslabs is needed. Whatever goes wrong inside a file becomes one sentence that names it."""

from __future__ import annotations

import contextlib
import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from stbench.errors import StbenchError

from .classic import read_classic

NO_VARIABLE = "This is a netCDF dimension but not a netCDF variable"
DIMENSION, DIMENSIONS = "_Netcdf4Dimid", "_Netcdf4Coordinates"
HDF5_MAGIC = b"\x89HDF\r\n\x1a\n"
LARGEST_CHUNK_BYTES = 1 << 28
"""A file may not make us unpack more than this at once."""
MOST_DAYS = 100_000
BLOCK_DAYS = 32
"""Days looked at together when all values are checked."""
KELVIN = 273.15
KELVIN_UNITS = ("k", "kelvin", "degk", "deg_k", "degree_kelvin", "degrees_kelvin")
CELSIUS_UNITS = (
    "",
    "c",
    "°c",
    "celsius",
    "degc",
    "deg_c",
    "deg c",
    "degree_c",
    "degrees_c",
    "degree_celsius",
    "degrees_celsius",
)
"""Lower case; a file that does not say is taken to mean degrees Celsius, and its range is checked like any other's."""
PLAUSIBLE = (-5.0, 45.0)
"""Degrees Celsius: what a sea surface may have."""


@dataclass(frozen=True)
class NetcdfVariable:
    """One variable of an open file."""

    path: Path
    name: str
    dims: tuple[str, ...]
    shape: tuple[int, ...]
    dtype: np.dtype[Any]
    attributes: Mapping[str, Any]
    data: Any
    """Anything that is sliced like an array."""

    def read(self, selection: Any = ...) -> np.ndarray:
        """Stored values, still packed, in native byte order. Raises `StbenchError` where the file is damaged."""
        with _damage(self.path):
            values = np.asarray(self.data[selection])
        return values.astype(values.dtype.newbyteorder("="), copy=False)


@dataclass(frozen=True)
class NetcdfFile:
    """An open file."""

    path: Path
    variables: Mapping[str, NetcdfVariable]

    def variable(self, *names: str) -> NetcdfVariable:
        """The first of `names` that is there."""
        for name in names:
            if name in self.variables:
                return self.variables[name]
        found = ", ".join(sorted(self.variables)[:12]) or "none at all"
        raise StbenchError(f"{self.path} has no variable '{names[0]}': it has {found}")


@contextlib.contextmanager
def _damage(path: Path) -> Iterator[None]:
    """What the reading libraries raise on a damaged file, as one sentence."""
    try:
        yield
    except (OSError, RuntimeError, ValueError, KeyError, IndexError, TypeError, AttributeError, OverflowError) as error:
        reason = " ".join(str(error).split()).strip("'")[:120] or type(error).__name__
        raise StbenchError(f"{path} is damaged or cut short ({reason}): get it again") from None
    except MemoryError:
        raise StbenchError(f"{path} asks for more memory than there is: its header is damaged, get it again") from None


@contextlib.contextmanager
def open_netcdf(path: Path) -> Iterator[NetcdfFile]:
    """Open a file for reading. Raises `StbenchError` where it is absent, damaged or of another format."""
    try:
        with path.open("rb") as file:
            magic = file.read(8)
    except OSError as error:
        raise StbenchError(f"{path} cannot be read: {error.strerror or error}") from None
    if magic == HDF5_MAGIC:
        import h5py  # type: ignore[import-untyped]

        with contextlib.ExitStack() as stack:
            with _damage(path):
                variables = _hdf5_variables(path, stack.enter_context(h5py.File(path, "r")))
            yield NetcdfFile(path, variables)
    elif magic[:4] in (b"CDF\x01", b"CDF\x02"):
        with _damage(path):
            variables = _classic_variables(path)
        yield NetcdfFile(path, variables)
    else:
        raise StbenchError(f"{path} is not a netCDF file: it begins with {magic!r}")


def _classic_variables(path: Path) -> dict[str, NetcdfVariable]:
    variables = {}
    for each in read_classic(path):
        attributes = {key: _scalar(value) for key, value in each.attributes.items()}
        variables[each.name] = NetcdfVariable(
            path, each.name, each.dims, each.data.shape, each.data.dtype, attributes, each.data
        )
    return variables


def _hdf5_variables(path: Path, file: Any) -> dict[str, NetcdfVariable]:
    import h5py

    datasets = {}
    for name in file:
        # Links are looked at before they are followed: one may point out of the file.
        if not isinstance(file.get(name, getlink=True), h5py.HardLink):
            continue
        data = file[name]
        # A dimension without a variable of its name is kept in the file as a nameless one.
        if not isinstance(data, h5py.Dataset) or _scalar(data.attrs.get("NAME", b"")).startswith(NO_VARIABLE):
            continue
        if data.external or data.is_virtual:
            raise StbenchError(f"{path} keeps the data of '{name}' in other files, which is not followed")
        if math.prod(data.chunks or (1,)) * data.dtype.itemsize > LARGEST_CHUNK_BYTES:
            raise StbenchError(f"{path} stores '{name}' in chunks of {data.chunks}, more than 256 MB each")
        datasets[name] = data
    names = {int(data.attrs[DIMENSION]): name for name, data in datasets.items() if DIMENSION in data.attrs}
    return {
        name: NetcdfVariable(path, name, _hdf5_dims(data, names), data.shape, data.dtype, _hdf5_attributes(data), data)
        for name, data in datasets.items()
    }


def _hdf5_dims(data: Any, names: Mapping[int, str]) -> tuple[str, ...]:
    """Names of the dimensions by the numbers netCDF gave them; "" where the file does not say.

    Not by the attached scales: those are references in a heap, and a single wrong byte there can send the HDF5 library
    round in circles for ever.
    """
    if data.ndim == 1 and DIMENSION in data.attrs:
        return (data.name.rsplit("/", 1)[-1],)
    numbers = np.atleast_1d(data.attrs.get(DIMENSIONS, ()))
    return tuple(names.get(int(k), "") for k in numbers) if len(numbers) == data.ndim else ("",) * data.ndim


def _hdf5_attributes(data: Any) -> dict[str, Any]:
    wanted = ("units", "calendar", "scale_factor", "add_offset", "_FillValue", "missing_value")
    return {name: _scalar(data.attrs[name]) for name in wanted if name in data.attrs}


def _scalar(value: Any) -> Any:
    if isinstance(value, bytes):
        return value.decode("utf-8", "replace")
    if isinstance(value, np.ndarray) and value.size == 1:
        value = value.reshape(-1)[0]
        return value.decode("utf-8", "replace") if isinstance(value, bytes) else value
    return value


def to_celsius(path: Path, variable: NetcdfVariable, packed: np.ndarray) -> np.ndarray:
    """Unpack: T = packed * scale_factor + add_offset, float64 degrees Celsius; NaN where the file says fill or missing.

    Raises `StbenchError` for units that are no temperature and for values no sea surface has.
    """
    if variable.dtype.kind not in "iuf":
        raise StbenchError(f"{path} stores '{variable.name}' as {variable.dtype}, not as numbers")
    missing = ~np.isfinite(packed) if packed.dtype.kind == "f" else np.zeros(packed.shape, bool)
    for value in _missing_values(path, variable):
        missing |= packed == value
    scale, shift = (
        float(variable.attributes.get(name, default)) for name, default in (("scale_factor", 1), ("add_offset", 0))
    )
    values = np.where(missing, np.nan, packed.astype(np.float64) * scale + shift)
    return _checked_celsius(path, variable, values)


def _missing_values(path: Path, variable: NetcdfVariable) -> np.ndarray:
    """What stands for no value, packed: `_FillValue` is one number, `missing_value` may be several."""
    found = [np.empty(0, variable.dtype.newbyteorder("="))]
    for name in ("_FillValue", "missing_value"):
        value = variable.attributes.get(name, found[0])
        try:
            found.append(np.atleast_1d(np.asarray(value, found[0].dtype)))
        except (ValueError, TypeError, OverflowError):
            raise StbenchError(
                f"{path} gives '{variable.name}' the {name} '{value}', which is no number: get the file again"
            ) from None
    return np.concatenate(found)


def _checked_celsius(path: Path, variable: NetcdfVariable, values: np.ndarray) -> np.ndarray:
    units = str(variable.attributes.get("units", "")).strip()
    valid = values[np.isfinite(values)]
    if units.lower() in KELVIN_UNITS:
        values, valid = values - KELVIN, valid - KELVIN
    elif units.lower() not in CELSIUS_UNITS:
        raise StbenchError(f"{path} gives '{variable.name}' in '{units}', neither degrees Celsius nor Kelvin")
    if valid.size and not (PLAUSIBLE[0] <= valid.min() and valid.max() <= PLAUSIBLE[1]):
        raise StbenchError(
            f"{path} has '{variable.name}' between {valid.min():g} and {valid.max():g} after unpacking to degrees "
            f"Celsius (units '{units}'), which no sea surface has: it is damaged, or its units are wrong"
        )
    return values


def _dates_of(path: Path, variable: NetcdfVariable) -> np.ndarray:
    """Dates of a CF time variable, datetime64[D], in any calendar with real dates; raises `StbenchError` for others."""
    import cftime  # type: ignore[import-untyped]

    units, calendar = (str(variable.attributes.get(name, "")) for name in ("units", "calendar"))
    if (calendar or "standard").lower() not in ("standard", "gregorian", "proleptic_gregorian"):
        raise StbenchError(f"{path} counts its days in the calendar '{calendar}', which has no real dates")
    values = variable.read().astype(np.float64).reshape(-1)
    try:
        if not np.isfinite(values).all():
            raise ValueError("some are not numbers")
        dates = cftime.num2date(values, units, calendar or "standard")
        return np.array([f"{date.year:04d}-{date.month:02d}-{date.day:02d}" for date in dates], "datetime64[D]")
    except (ValueError, OverflowError, TypeError) as error:
        reason = " ".join(str(error).split())[:100]
        raise StbenchError(f"{path} has times that cannot be read (units '{units}'): {reason}") from None


def frame_dates(path: Path, variable: NetcdfVariable, n_days: int) -> np.ndarray:
    """Date of each frame, datetime64[D], strictly ascending; raises `StbenchError` where that is not so."""
    if variable.shape != (n_days,):
        raise StbenchError(f"{path} has {n_days:,} frames and times of shape {variable.shape}")
    if not 1 <= n_days <= MOST_DAYS:
        raise StbenchError(f"{path} has {n_days:,} days, not 1 to {MOST_DAYS:,}")
    dates = _dates_of(path, variable)
    gaps = np.diff(dates).astype(int)
    if (gaps == 0).any():
        raise StbenchError(f"{path} has the day {dates[int(np.argmin(gaps != 0))]} twice: daily means are wanted")
    if (gaps < 0).any():
        at = int(np.argmax(gaps < 0))
        raise StbenchError(f"{path} has its days out of order: {dates[at + 1]} comes after {dates[at]}")
    return dates
