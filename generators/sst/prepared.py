"""Prepared zone files `data_<k>.nc`, as the authors of the papers hand them round."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from stbench.errors import StbenchError

from .netcdf import BLOCK_DAYS, MOST_DAYS, NetcdfFile, frame_dates, open_netcdf, to_celsius
from .units import KELVIN, PLAUSIBLE, is_kelvin
from .zones import ZoneTable, proportional_test

ZONE_FILE = re.compile(r"data_(\d{1,4})\.nc", re.IGNORECASE)


@dataclass(frozen=True)
class ZoneFiles:
    """Prepared files `data_<k>.nc` with thetao (time, y, x), daily_mean (time), daily_std (time)."""

    paths: tuple[Path, ...]
    table: ZoneTable
    dates: np.ndarray
    latitude: None = None
    longitude: None = None

    def read(self, zone: int, start: int, stop: int) -> np.ndarray:
        path = self.paths[zone]
        with open_netcdf(path) as file:
            variable = file.variable("thetao")
            values = to_celsius(variable, slice(start, stop))
        if (holes := np.isnan(values)).any():
            day = start + int(np.argmax(holes.any(axis=(1, 2))))
            raise StbenchError(f"{path} has missing values on day {day} ({self.dates[day]}): get the file again")
        return values

    def given_normals(self, zone: int) -> tuple[np.ndarray, np.ndarray]:
        path = self.paths[zone]
        with open_netcdf(path) as file:
            kelvin = is_kelvin(str(path), "thetao", file.variable("thetao").text("units"))
            mean, std = (file.variable(name).values(slice(0, len(self.dates))) for name in ("daily_mean", "daily_std"))
        mean = mean - KELVIN if kelvin else mean
        if not (np.isfinite(mean).all() and PLAUSIBLE[0] <= mean.min() and mean.max() <= PLAUSIBLE[1]):
            raise StbenchError(f"{path} has a daily_mean that no sea surface has, or that is not a number")
        if not (np.isfinite(std).all() and std.min() > 0):
            raise StbenchError(f"{path} has a daily_std that is not positive, or not a number")
        return mean, std

    def check(self) -> None:
        for zone in range(len(self.paths)):
            self.given_normals(zone)
            for start in range(0, len(self.dates), BLOCK_DAYS):
                self.read(zone, start, min(start + BLOCK_DAYS, len(self.dates)))


def open_zones(paths: Sequence[Path], n_zones: int, first_day: np.datetime64) -> ZoneFiles:
    """Read and check the headers of prepared zone files, numbered 1, 2, ... without a gap.

    Dates are those of a variable `time` where there is one, else days from `first_day` on.
    """
    numbered: dict[int, Path] = {}
    for path in paths:
        match = ZONE_FILE.fullmatch(path.name)
        if match and (other := numbered.setdefault(int(match[1]), path)) != path:
            raise StbenchError(f"{other} and {path.name} are both zone {int(match[1])}: take one of them out")
    folder = paths[0].parent
    if 0 in numbered:
        raise StbenchError(
            f"{numbered[0]} would be zone 0, and zone files are numbered from data_1.nc on: take it out, or rename all "
            "where they were numbered from 0"
        )
    if missing := sorted(set(range(1, max(numbered) + 1)) - set(numbered)):
        raise StbenchError(f"{folder} has zone files up to data_{max(numbered)}.nc but no data_{missing[0]}.nc")
    ordered = tuple(numbered[number] for number in sorted(numbered))[:n_zones]
    shapes, dates = [], []
    for path in ordered:
        with open_netcdf(path) as file:
            shapes.append(_zone_shape(file))
            days = first_day + np.arange(shapes[-1][0])
            dates.append(frame_dates(path, file.variables["time"], shapes[-1][0]) if "time" in file.variables else days)
        if shapes[-1] != shapes[0] or not np.array_equal(dates[-1], dates[0]):
            raise StbenchError(
                f"{path} has {shapes[-1][0]:,} days of {shapes[-1][1]} x {shapes[-1][1]} from {dates[-1][0]} on, "
                f"unlike {ordered[0].name} with {shapes[0][0]:,} days of {shapes[0][1]} x {shapes[0][1]} from "
                f"{dates[0][0]} on"
            )
    table = ZoneTable("prepared", shapes[0][1], tuple((0, 0) for _ in ordered), proportional_test(len(ordered)))
    return ZoneFiles(ordered, table, dates[0])


def _zone_shape(file: NetcdfFile) -> tuple[int, int]:
    """Days and points along a side."""
    shape = file.variable("thetao").shape
    if len(shape) != 3 or shape[1] != shape[2] or not 8 <= shape[1] <= 1024 or not 1 <= shape[0] <= MOST_DAYS:
        raise StbenchError(f"{file.path} has thetao of shape {shape}, not (days, y, x) of square frames")
    for name in ("daily_mean", "daily_std"):
        if file.variable(name).shape != shape[:1]:
            raise StbenchError(f"{file.path} has '{name}' of shape {file.variable(name).shape} for {shape[0]:,} days")
    return shape[0], shape[1]
