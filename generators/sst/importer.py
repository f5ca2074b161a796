"""The raw files of `sst`, read zone by zone: ocean grids as the Copernicus service sends them, or prepared zone files.

Both give the same face (`SeaSurface`): dates, zones, and the temperature of a zone in degrees Celsius, float64. Files
are opened for each read, so an object is small, picklable, and safe in any thread or process."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Protocol

import numpy as np

from stbench.raw.files import files_in, folders

from .grid import grid_zones, open_grid
from .prepared import ZONE_FILE, open_zones
from .zones import ZoneTable

GRID_FILE = re.compile(r"(thetao|cmems|glorys|(^|[-_])phy[-_]).*\.nc$", re.IGNORECASE)


class SeaSurface(Protocol):
    """Daily sea surface temperature of some zones."""

    @property
    def table(self) -> ZoneTable: ...
    @property
    def dates(self) -> np.ndarray:
        """(days,) datetime64[D], ascending; a missing day is absent."""
        ...

    @property
    def latitude(self) -> np.ndarray | None:
        """(zones, size) degrees_north, or None where the files do not say."""
        ...

    @property
    def longitude(self) -> np.ndarray | None: ...

    def read(self, zone: int, start: int, stop: int) -> np.ndarray:
        """Days start .. stop-1 of zone (0-based), (days, size, size) float64 degrees Celsius, without a hole."""
        ...

    def given_normals(self, zone: int) -> tuple[np.ndarray, np.ndarray] | None:
        """(mean, std) of each day as the files give them, degrees Celsius."""
        ...

    def check(self) -> None:
        """Look at every value once, a few days at a time. Raises `StbenchError` at the first that cannot be."""
        ...


def find_official(raw: Path | None) -> tuple[Path, ...] | None:
    """Paths of the raw files in the first folder that has some: zone files before ocean grids; None when there are
    none.

    Goes by names only: `data_<k>.nc`, or names of the Copernicus service (with "thetao", "cmems", "glorys" or "phy" in
    them), in capitals or not; hidden files and folders are none.
    """
    for folder in folders("sst", raw):
        names = files_in(folder)
        for pattern in (ZONE_FILE.fullmatch, GRID_FILE.search):
            if found := tuple(path for path in names if pattern(path.name)):
                return found
    return None


def is_zone_layout(paths: Sequence[Path]) -> bool:
    """Whether these are prepared zone files."""
    return bool(ZONE_FILE.fullmatch(paths[0].name))


def grid_shape(paths: Sequence[Path]) -> tuple[int, int]:
    """Rows and columns of ocean grid files."""
    grid = open_grid(paths)
    return len(grid.latitude), len(grid.longitude)


def open_surface(
    paths: Sequence[Path], table: ZoneTable | None, n_zones: int, years: int, first_day: np.datetime64
) -> SeaSurface:
    """Raw files of either layout, headers checked: the first `n_zones` zones (of `table`; None: the tiling rule), the
    first `years` years (0: all). `first_day` dates zone files that have no time. Raises `StbenchError`."""
    if is_zone_layout(paths):
        whole = open_zones(paths, n_zones, first_day)
        return replace(whole, dates=_first_years(whole.dates, years))
    grid = open_grid(paths)
    return grid_zones(grid, table, n_zones, _first_years(grid.dates, years))


def _first_years(dates: np.ndarray, years: int) -> np.ndarray:
    if not years:
        return dates
    into_the_year = dates[0] - dates[0].astype("datetime64[Y]").astype("datetime64[D]")
    end = (dates[0].astype("datetime64[Y]") + years).astype("datetime64[D]") + into_the_year
    kept: np.ndarray = dates[dates < end]
    return kept
