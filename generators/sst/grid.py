"""Ocean grids thetao(time, depth, latitude, longitude), one file or several that follow each other, and zones cut from
them."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from stbench.errors import StbenchError

from .netcdf import BLOCK_DAYS, NetcdfFile, NetcdfVariable, frame_dates, open_netcdf, to_celsius
from .zones import ZoneTable, tiling

LARGEST_AXIS = 20_000
DEEPEST_SURFACE = 10.0
"""Metres: the level taken as the surface may not be deeper."""


@dataclass(frozen=True)
class OceanGrid:
    """Header of one or more files `thetao(time, depth, latitude, longitude)` that follow each other in time."""

    paths: tuple[Path, ...]
    starts: tuple[int, ...]
    """Number of the first day of each file."""
    from_north: tuple[bool, ...]
    """Whether the rows of each file run from north to south; they are turned when they are read."""
    level: int
    dates: np.ndarray
    latitude: np.ndarray
    longitude: np.ndarray

    def read(self, row: int, column: int, rows: int, columns: int, start: int, stop: int) -> np.ndarray:
        """(days, rows, columns) float64 degrees Celsius; NaN on land."""
        parts = []
        ends = (*self.starts[1:], len(self.dates))
        for path, first, last, turned in zip(self.paths, self.starts, ends, self.from_north, strict=True):
            begin, end = max(start, first), min(stop, last)
            if begin >= end:
                continue
            with open_netcdf(path) as file:
                variable = file.variable("thetao")
                days = slice(begin - first, end - first)
                south = len(self.latitude) - row - rows if turned else row
                box = (slice(south, south + rows), slice(column, column + columns))
                part = (days, self.level, *box) if len(variable.shape) == 4 else (days, *box)
                values = to_celsius(variable, part)
                parts.append(values[:, ::-1] if turned else values)
        return np.concatenate(parts)

    def file_of(self, day: int) -> Path:
        """The file a day is in."""
        return self.paths[int(np.searchsorted(self.starts, day, side="right")) - 1]

    def water(self) -> np.ndarray:
        """(rows, columns) bool, from the first day."""
        return np.asarray(np.isfinite(self.read(0, 0, len(self.latitude), len(self.longitude), 0, 1)[0]))


def open_grid(paths: Sequence[Path]) -> OceanGrid:
    """Read and check the headers of grid files; puts them in the order of their days. Raises `StbenchError`."""
    headers = []
    for path in paths:
        with open_netcdf(path) as file:
            headers.append((path, *_grid_header(file)))
    headers.sort(key=lambda header: header[1][0])
    first = headers[0]
    for path, _, latitude, longitude, level, _ in headers[1:]:
        if not (np.array_equal(latitude, first[2]) and np.array_equal(longitude, first[3])) or level != first[4]:
            raise StbenchError(
                f"{path} is on another grid than {first[0].name} ({_grid_words(latitude, longitude)}, not "
                f"{_grid_words(first[2], first[3])}): keep files of one region and resolution together"
            )
    for (path, dates, *_), (later, later_dates, *_) in itertools.pairwise(headers):
        if later_dates[0] <= dates[-1]:
            raise StbenchError(
                f"{later} begins on {later_dates[0]}, which {path.name} has too (it ends on {dates[-1]}): days must "
                "not come twice, remove one of the files"
            )
    lengths = [len(header[1]) for header in headers]
    return OceanGrid(
        tuple(header[0] for header in headers),
        tuple(int(each) for each in np.cumsum([0, *lengths[:-1]])),
        tuple(header[5] for header in headers),
        first[4],
        np.concatenate([header[1] for header in headers]),
        first[2],
        first[3],
    )


def _grid_header(file: NetcdfFile) -> tuple[np.ndarray, np.ndarray, np.ndarray, int, bool]:
    """Dates, latitude (northwards), longitude, the number of the surface level, and whether rows run southwards."""
    path, variable = file.path, file.variable("thetao")
    dims = ("time", "depth", "latitude", "longitude") if len(variable.shape) == 4 else ("time", "latitude", "longitude")
    short = tuple({"lat": "latitude", "lon": "longitude"}.get(name, name) for name in variable.dims)
    if len(variable.shape) not in (3, 4) or any(found not in ("", wanted) for found, wanted in zip(short, dims)):  # noqa: B905
        raise StbenchError(
            f"{path} has thetao with the dimensions ({', '.join(variable.dims)}), not (time, depth, latitude, "
            "longitude)"
        )
    latitude = _axis(file.variable("latitude", "lat"), 90.0)
    longitude = _axis(file.variable("longitude", "lon"), 540.0)
    from_north = bool(latitude[0] > latitude[-1])
    latitude = latitude[::-1] if from_north else latitude
    if longitude[0] > longitude[-1]:
        raise StbenchError(f"{path} has its longitudes from east to west: turn it with `ncpdq -a -longitude IN OUT`")
    if variable.shape[-2:] != (len(latitude), len(longitude)):
        raise StbenchError(
            f"{path} has thetao of {variable.shape[-2]} x {variable.shape[-1]} points and coordinates for "
            f"{len(latitude)} x {len(longitude)}"
        )
    dates = frame_dates(path, file.variable("time"), variable.shape[0])
    level = 0
    if len(variable.shape) == 4:
        if "depth" in file.variables and file.variables["depth"].shape == variable.shape[1:2]:
            depth = np.abs(file.variables["depth"].values(ranged=False))
            level = int(np.argmin(depth)) if depth.size else 0
            if depth.size and not depth[level] <= DEEPEST_SURFACE:
                raise StbenchError(f"{path} has no level near the surface: its highest is at {depth[level]:g} m")
        if variable.shape[1] < 1:
            raise StbenchError(f"{path} has no depth level")
    return dates, latitude, longitude, level, from_north


def _axis(variable: NetcdfVariable, largest: float) -> np.ndarray:
    """Latitudes or longitudes: one-dimensional, in order, evenly spaced to a hundredth of a step."""
    path = variable.path
    if len(variable.shape) != 1 or not 2 <= variable.shape[0] <= LARGEST_AXIS or variable.dtype.kind not in "iuf":
        raise StbenchError(
            f"{path} has '{variable.name}' of shape {variable.shape}, not one axis of 2 to {LARGEST_AXIS:,} points"
        )
    values = variable.values(ranged=False)
    if not (np.isfinite(values).all() and np.abs(values).max() <= largest):
        raise StbenchError(f"{path} has values in '{variable.name}' that are no degrees")
    steps = np.diff(values)
    if steps.min() <= 0 <= steps.max():
        raise StbenchError(
            f"{path} has '{variable.name}' neither in ascending nor in descending order: sort it, as with sortby("
            f"'{variable.name}') in xarray"
        )
    if steps.max() - steps.min() > 0.01 * abs(steps.mean()):
        raise StbenchError(
            f"{path} has '{variable.name}' in steps from {steps.min():g} to {steps.max():g} degrees: resolutions are "
            "mixed"
        )
    return values


def _grid_words(latitude: np.ndarray, longitude: np.ndarray) -> str:
    step = (latitude[-1] - latitude[0]) / (len(latitude) - 1)
    return f"{len(latitude)} x {len(longitude)} points of {step:.4g} degrees from {latitude[0]:g} N, {longitude[0]:g} E"


@dataclass(frozen=True)
class GridZones:
    """Zones cut out of ocean grids."""

    grid: OceanGrid
    table: ZoneTable
    dates: np.ndarray
    """The first days of the grid's."""

    @property
    def latitude(self) -> np.ndarray:
        return np.stack([self.grid.latitude[row : row + self.table.size] for row, _ in self.table.corners])

    @property
    def longitude(self) -> np.ndarray:
        return np.stack([self.grid.longitude[column : column + self.table.size] for _, column in self.table.corners])

    def read(self, zone: int, start: int, stop: int) -> np.ndarray:
        row, column = self.table.corners[zone]
        values = self.grid.read(row, column, self.table.size, self.table.size, start, stop)
        self._refuse_holes(values, zone, start)
        return values

    def _refuse_holes(self, values: np.ndarray, zone: int, start: int) -> None:
        if (holes := np.isnan(values)).any():
            row, column = self.table.corners[zone]
            day = start + int(np.argmax(holes.any(axis=(1, 2))))
            share = holes[day - start].mean()
            what = (
                "has no value at all" if share == 1 else f"has land or missing values in {share:.0%} of zone {zone + 1}"
            )
            raise StbenchError(
                f"{self.grid.file_of(day)} {what} (rows from {row}, columns from {column}) on {self.dates[day]}: "
                "choose zones over water (`--set zones=tiling`) or get the file again"
            )

    def given_normals(self, zone: int) -> None:
        return None

    def check(self) -> None:
        # All zones from one read: a file may be stored in chunks of whole days, each of which would be unpacked per
        # zone.
        size, n_days = self.table.size, len(self.dates)
        south, west = (min(corner[k] for corner in self.table.corners) for k in (0, 1))
        rows, columns = (max(corner[k] for corner in self.table.corners) + size for k in (0, 1))
        for start in range(0, n_days, BLOCK_DAYS):
            stop = min(start + BLOCK_DAYS, n_days)
            values = self.grid.read(south, west, rows - south, columns - west, start, stop)
            for zone, (row, column) in enumerate(self.table.corners):
                box = values[:, row - south : row - south + size, column - west : column - west + size]
                self._refuse_holes(box, zone, start)


def grid_zones(grid: OceanGrid, table: ZoneTable | None, n_zones: int, dates: np.ndarray) -> GridZones:
    """The first zones of a table (None: the tiling rule on the grid's own land); `dates`: the first days of the
    grid's."""
    where, shape = str(grid.paths[0]), (len(grid.latitude), len(grid.longitude))
    water = grid.water()
    table = tiling(water) if table is None else table
    table.check(*shape, where)
    table.check_water(water, where)
    return GridZones(grid, table.first(n_zones), dates)
