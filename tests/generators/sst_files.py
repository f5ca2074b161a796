"""Small raw files of `sst` in both layouts, for tests."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import netCDF4
import numpy as np

FILL = -32767
SCALE, OFFSET = 0.001, 20.0


def sea(days: int, rows: int, columns: int, seed: int = 0) -> np.ndarray:
    """(days, rows, columns) degrees Celsius: seasons, a front that moves, noise."""
    random = np.random.default_rng(seed)
    season = 4 * np.cos(2 * np.pi * (np.arange(days)[:, None, None] - 230) / 365.25)
    y, x = np.linspace(0, 4, rows)[:, None], np.linspace(0, 6, columns)
    front = np.sin(x + 2 * y + 0.05 * np.arange(days)[:, None, None])
    return 15 - 2 * y + season + 2 * front + 0.1 * random.normal(size=(days, rows, columns))


def packed(values: np.ndarray) -> np.ndarray:
    """int16 with fill values where NaN."""
    filled = np.nan_to_num((values - OFFSET) / SCALE)
    return np.where(np.isnan(values), FILL, np.rint(filled)).astype(np.int16)


def write_grid(
    path: Path,
    values: np.ndarray,
    first_day: str = "2006-01-01",
    *,
    format: str = "NETCDF4",
    units: str = "degrees_C",
    offset: float = OFFSET,
    dates: np.ndarray | None = None,
    latitude: np.ndarray | None = None,
    longitude: np.ndarray | None = None,
    dims: tuple[str, ...] = ("time", "depth", "latitude", "longitude"),
    name: str = "thetao",
    time_units: str = "hours since 1950-01-01 00:00:00",
    calendar: str = "gregorian",
    depth: float = 0.494,
    missing: Any = None,
    storage: Mapping[str, Any] | None = None,
) -> Path:
    """A file as the Copernicus service sends it; `values` (days, rows, columns), NaN on land. `missing`: its attribute
    missing_value, in packed numbers. `storage`: how the library is to store every variable (zlib, fletcher32, ...)."""
    storage = storage or {}
    n_days, rows, columns = values.shape
    dates = np.datetime64(first_day, "D") + np.arange(n_days) if dates is None else dates
    with netCDF4.Dataset(path, "w", format=format) as file:
        sizes = {"time": n_days, "depth": 1, "latitude": rows, "longitude": columns}
        for dim, size in sizes.items():
            file.createDimension(dim, None if dim == "time" and format != "NETCDF4" else size)
        axes: dict[str, tuple[Any, str, dict[str, str]]] = {
            "time": (
                (dates - np.datetime64("1950-01-01")).astype(int) * 24.0 + 12,
                "f8",
                {"units": time_units, "calendar": calendar},
            ),
            "depth": (np.array([depth]), "f4", {"units": "m"}),
            "latitude": (np.arange(rows) / 12 + 30 if latitude is None else latitude, "f4", {"units": "degrees_north"}),
            "longitude": (
                np.arange(columns) / 12 - 60 if longitude is None else longitude,
                "f4",
                {"units": "degrees_east"},
            ),
        }
        for axis, (data, kind, attributes) in axes.items():
            variable = file.createVariable(axis, kind, (axis,), **storage)
            variable.setncatts(attributes)
            variable[:] = data
        thetao = file.createVariable(name, "i2", dims, fill_value=np.int16(FILL), **storage)
        thetao.setncatts({"units": units, "scale_factor": SCALE, "add_offset": offset})
        if missing is not None:
            thetao.setncattr("missing_value", missing)
        thetao.set_auto_maskandscale(False)
        stored = packed(values)
        order = [("time", "latitude", "longitude").index(dim) for dim in dims if dim != "depth"]
        thetao[:] = stored.transpose(order) if "depth" not in dims else stored.transpose(order)[:, None]
    return path


def write_zone(path: Path, values: np.ndarray, mean: np.ndarray | None = None, std: np.ndarray | None = None) -> Path:
    """A prepared zone file; `values` (days, side, side) degrees Celsius."""
    with netCDF4.Dataset(path, "w") as file:
        for dim, size in zip(("time", "y", "x"), values.shape, strict=True):
            file.createDimension(dim, size)
        file.createVariable("thetao", "f4", ("time", "y", "x"))[:] = values
        file.createVariable("daily_mean", "f8", ("time",))[:] = values.mean(axis=(1, 2)) if mean is None else mean
        file.createVariable("daily_std", "f8", ("time",))[:] = values.std(axis=(1, 2)) if std is None else std
    return path
