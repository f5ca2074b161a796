"""Reading untrusted netCDF files, NetCDF-4 (HDF5) and NetCDF-3, without the netCDF library.

h5py holds a lock around HDF5, so blocks may be read from several threads; nothing but shape, type, dimension names,
attributes and hyperslabs is needed. Whatever goes wrong inside a file becomes one sentence that names it."""

from __future__ import annotations

import contextlib
import logging
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import timedelta
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

from stbench.errors import StbenchError
from stbench.raw.hdf5 import MAGIC, check_dataset, first_bytes, is_inside, one_sentence, open_hdf5

from .classic import read_classic
from .packing import ATTRIBUTES, Packing, packing_of
from .units import in_celsius

NO_VARIABLE = "This is a netCDF dimension but not a netCDF variable"
DIMENSION, DIMENSIONS = "_Netcdf4Dimid", "_Netcdf4Coordinates"
MOST_DAYS = 100_000
BLOCK_DAYS = 32
"""Days looked at together when all values are checked."""
HALF_A_SECOND = timedelta(milliseconds=500)

log = logging.getLogger("stbench.sst")


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
    packing: Packing | None
    """None where the variable holds no numbers."""

    def text(self, attribute: str) -> str:
        """An attribute as text, "" where it is absent or empty."""
        return str(self.attributes.get(attribute, "")).strip()

    def values(self, selection: Any = ..., *, ranged: bool = True) -> np.ndarray:
        """Unpacked values, float64, NaN where there is none (`packing`). `ranged=False` for axes: their ends are often
        those of the file they were cut from or joined to, and what an axis holds is checked otherwise."""
        if self.packing is None:
            raise StbenchError(f"{self.path} stores '{self.name}' as {self.dtype}, not as numbers")
        for attribute in self.packing.ignored:
            _note_ignored(self.path, self.name, attribute)
        return self.packing.unpack(self.read(selection), ranged=ranged)

    def read(self, selection: Any = ...) -> np.ndarray:
        """Stored values, still packed, in native byte order. Raises `StbenchError` where the file is damaged."""
        with one_sentence(self.path):
            values = np.asarray(self.data[selection])
        return values.astype(values.dtype.newbyteorder("="), copy=False)


@cache
def _note_ignored(path: Path, name: str, attribute: str) -> None:
    """Once per process."""
    log.warning("note: %s of '%s' in %s is not used, it is no value of the variable's type", attribute, name, path)


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
def open_netcdf(path: Path) -> Iterator[NetcdfFile]:
    """Open a file for reading. Raises `StbenchError` where it is absent, damaged or of another format."""
    magic = first_bytes(path)
    if magic == MAGIC:
        with open_hdf5(path) as file:
            with one_sentence(path):
                variables = _hdf5_variables(path, file)
            yield NetcdfFile(path, variables)
    elif magic[:4] in (b"CDF\x01", b"CDF\x02", b"CDF\x05"):
        with one_sentence(path):
            variables = _classic_variables(path)
        yield NetcdfFile(path, variables)
    else:
        raise StbenchError(f"{path} is not a netCDF file: it begins with {magic!r}")


def _classic_variables(path: Path) -> dict[str, NetcdfVariable]:
    return {each.name: _variable(path, each.name, each.dims, each.data, each.attributes) for each in read_classic(path)}


def _hdf5_variables(path: Path, file: Any) -> dict[str, NetcdfVariable]:
    import h5py  # type: ignore[import-untyped]

    datasets = {}
    for name in file:
        if not is_inside(file, name):
            continue
        data = file[name]
        # A dimension without a variable of its name is kept in the file as a nameless one.
        if not isinstance(data, h5py.Dataset) or str(_scalar(data.attrs.get("NAME", b""))).startswith(NO_VARIABLE):
            continue
        check_dataset(path, name, data)
        datasets[name] = data
    names = {int(data.attrs[DIMENSION]): name for name, data in datasets.items() if DIMENSION in data.attrs}
    return {
        name: _variable(path, name, _hdf5_dims(data, names), data, _hdf5_attributes(data))
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
    return {name: data.attrs[name] for name in ("units", "calendar", *ATTRIBUTES) if name in data.attrs}


def _scalar(value: Any) -> Any:
    import h5py

    if isinstance(value, h5py.Empty):  # an attribute without a value
        return "" if value.dtype.kind in "SO" else np.empty(0, value.dtype)
    if isinstance(value, bytes):
        return value.decode("utf-8", "replace")
    if isinstance(value, np.ndarray) and value.size == 1:
        value = value.reshape(-1)[0]
        return value.decode("utf-8", "replace") if isinstance(value, bytes) else value
    return value


def _variable(path: Path, name: str, dims: tuple[str, ...], data: Any, attributes: Mapping[str, Any]) -> NetcdfVariable:
    plain = {key: _scalar(value) for key, value in attributes.items()}
    dtype = data.dtype.newbyteorder("=")
    packing = packing_of(str(path), name, dtype, plain) if dtype.kind in "iuf" else None
    return NetcdfVariable(path, name, dims, data.shape, dtype, plain, data, packing)


def to_celsius(variable: NetcdfVariable, selection: Any = ...) -> np.ndarray:
    """Values of a part of a variable, float64 degrees Celsius; NaN where the file says there is none.

    Raises `StbenchError` for units that are no temperature and for values no sea surface has.
    """
    values = variable.values(selection)
    return in_celsius(str(variable.path), variable.name, variable.text("units"), values)


def _dates_of(path: Path, variable: NetcdfVariable) -> np.ndarray:
    """Dates of a CF time variable, datetime64[D], in any calendar with real dates; raises `StbenchError` for others.

    Times are rounded to the second before the day is taken: days that were computed are off by a part of one.
    """
    import cftime  # type: ignore[import-untyped]

    units, calendar = variable.text("units"), variable.text("calendar")
    if (calendar or "standard").lower() not in ("standard", "gregorian", "proleptic_gregorian"):
        raise StbenchError(f"{path} counts its days in the calendar '{calendar}', which has no real dates")
    values = variable.values(ranged=False).reshape(-1)
    try:
        if not np.isfinite(values).all():
            raise ValueError("some are not numbers")
        dates = cftime.num2date(values, units, calendar or "standard") + HALF_A_SECOND
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
