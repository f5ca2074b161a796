"""The simulated ocean as raw files: `thetao_<year>.nc`, in the layout of the Copernicus global ocean analysis.

    thetao(time, depth, latitude, longitude)   int16, scale_factor, add_offset, _FillValue on land, degrees_C
    time   hours since 1950-01-01, noon of each day;   depth   one level at 0.494 m;   latitude, longitude   float32

One file a year, compressed, in chunks of 32 days x 64 x 64 cells, so that reading one zone unpacks little more than the
zone. After each year the state of the simulation is saved: a run that was killed goes on with the year it was in, to
the same values."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from pathlib import Path

import numpy as np

from stbench.files import atomic_file, grow_folder

from .ocean import Ocean
from .size import OceanSize, simulated_dates, simulated_files

SCALE_FACTOR, ADD_OFFSET, FILL_VALUE = 0.0007324442, 21.0, -32767
DEPTH = 0.494025
CHUNK_DAYS, CHUNK_CELLS = 32, 64
_STATE = "state.npz"


def write_ocean(size: OceanSize, years: int, folder: Path) -> None:
    """Simulate and write `folder`, which appears by one rename when it is complete; nothing is done where it is there
    already.

    Memory: one block of 32 days besides the simulation, whatever the number of years. Another process that writes
    it is waited for. Raises `StbenchError` where there is no space."""
    grow_folder(folder, partial(_write_years, size, years))


def _write_years(size: OceanSize, years: int, part: Path) -> None:
    ocean = Ocean(size)
    _restore(ocean, part / _STATE)
    days_done, days = max(ocean.day, 0), ocean.days()
    dates = simulated_dates(years)
    for file in simulated_files(part, years):
        of_year = dates[dates.astype("datetime64[Y]") == np.datetime64(file.stem[-4:], "Y")]
        if of_year[-1] < dates[0] + days_done:
            continue
        with atomic_file(file) as temporary:
            _write_year(size, of_year, days, temporary)
        _save(ocean, part / _STATE)
    (part / _STATE).unlink()


def _save(ocean: Ocean, path: Path) -> None:
    with atomic_file(path) as temporary:
        np.savez(temporary, day=ocean.day, **ocean.arrays)  # type: ignore[arg-type]


def _restore(ocean: Ocean, path: Path) -> None:
    if path.is_file():
        with np.load(path) as saved:
            ocean.day = int(saved["day"])
            ocean.arrays = {name: saved[name] for name in saved.files if name != "day"}


def _write_year(size: OceanSize, dates: np.ndarray, days: Iterator[np.ndarray], path: Path) -> None:
    import netCDF4

    with netCDF4.Dataset(path, "w") as file:
        file.Conventions = "CF-1.8"
        file.title = "Simulated sea surface temperature (stbench stand-in, not an observation)"
        file.source = "stbench simulated ocean"
        shape = {"time": len(dates), "depth": 1, "latitude": size.rows, "longitude": size.columns}
        for name, length in shape.items():
            file.createDimension(name, length)
        hours = (dates - np.datetime64("1950-01-01")).astype(np.int64) * 24.0 + 12
        _axis(file, "time", hours, "f8", units="hours since 1950-01-01 00:00:00", calendar="gregorian", axis="T")
        _axis(file, "depth", np.array([DEPTH]), "f4", units="m", positive="down", axis="Z")
        _axis(file, "latitude", size.latitude, "f4", units="degrees_north", axis="Y")
        _axis(file, "longitude", size.longitude, "f4", units="degrees_east", axis="X")
        chunks = (CHUNK_DAYS, 1, CHUNK_CELLS, CHUNK_CELLS)
        thetao = file.createVariable(
            "thetao",
            "i2",
            tuple(shape),
            zlib=True,
            complevel=1,
            shuffle=True,
            chunksizes=tuple(min(chunk, length) for chunk, length in zip(chunks, shape.values(), strict=True)),
            fill_value=np.int16(FILL_VALUE),
        )
        thetao.setncatts(
            {
                "long_name": "Temperature",
                "standard_name": "sea_water_potential_temperature",
                "units": "degrees_C",
                "scale_factor": SCALE_FACTOR,
                "add_offset": ADD_OFFSET,
                "cell_methods": "time: mean",
            }
        )
        thetao.set_auto_maskandscale(False)
        land = ~size.mask()
        for start in range(0, len(dates), CHUNK_DAYS):
            block = np.stack([pack(next(days), land) for _ in dates[start : start + CHUNK_DAYS]])
            thetao[start : start + len(block), 0] = block


def _axis(file: object, name: str, values: np.ndarray, kind: str, **attributes: str) -> None:
    variable = file.createVariable(name, kind, (name,))  # type: ignore[attr-defined]
    variable.setncatts({"standard_name": name} | attributes)
    variable[:] = values


def pack(temperature: np.ndarray, land: np.ndarray) -> np.ndarray:
    """int16 so that T = packed * scale_factor + add_offset to half a step (0.0004 K); fill value on land."""
    packed = np.rint((temperature.astype(np.float64) - ADD_OFFSET) / SCALE_FACTOR)
    return np.where(land, FILL_VALUE, np.clip(packed, -32766, 32767)).astype(np.int16)
