"""Which boxes of the ocean grid are the zones of `sst`: a table file, or the tiling rule."""

from __future__ import annotations

import importlib.resources
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Annotated

import msgspec
import numpy as np

from stbench.documents import converted, parse_toml, read_toml
from stbench.errors import StbenchError

DEFAULT_TABLE = "zones.toml"
ZONE_SIZE = 64
N_ZONES, FIRST_TEST_ZONE, N_TEST_ZONES = 29, 17, 4
"""The published protocol: 29 zones, 17 to 20 are tested."""
LARGEST_TABLE = 4096
Number = Annotated[int, msgspec.Meta(ge=0)]


@dataclass(frozen=True)
class ZoneTable:
    """Boxes of `size` x `size` cells by their south-western corners; zone k of the text is `corners[k - 1]`."""

    id: str
    size: int
    corners: tuple[tuple[int, int], ...]
    """(row, column), 0-based."""
    test: tuple[int, ...]
    """Numbers of the test zones, 1-based."""
    grid: tuple[int, int] | None = None
    """(rows, columns) of the grid the table is for; None fits any."""

    def first(self, n_zones: int) -> ZoneTable:
        """The first `n_zones` zones; with fewer than there were, the test zones are those of `proportional_test`."""
        if n_zones >= len(self.corners):
            return self
        corners = self.corners[:n_zones]
        return replace(self, id=f"{self.id}, first {n_zones}", corners=corners, test=proportional_test(n_zones))

    def check(self, rows: int, columns: int, where: str) -> None:
        """Every zone lies on a grid of that size; `where` names the file in the sentence."""
        if self.grid is not None and self.grid != (rows, columns):
            raise StbenchError(
                f"the zone table '{self.id}' is for a grid of {self.grid[0]} x {self.grid[1]}, and {where} has {rows} "
                f"x {columns}: use `--set zones=tiling` or a table of your own"
            )
        for number, (row, column) in enumerate(self.corners, 1):
            if row + self.size > rows or column + self.size > columns:
                raise StbenchError(
                    f"zone {number} of the table '{self.id}' (rows {row}..{row + self.size - 1}, columns "
                    f"{column}..{column + self.size - 1}) lies outside the {rows} x {columns} grid of {where}"
                )

    def check_water(self, water: np.ndarray, where: str) -> None:
        """There are zones, and none has land; `water` (rows, columns) bool."""
        if not self.corners:
            raise StbenchError(
                f"{where} has no complete box of {self.size} x {self.size} points without land to make a zone of: take "
                "a larger region"
            )
        for number, (row, column) in enumerate(self.corners, 1):
            share = 1 - water[row : row + self.size, column : column + self.size].mean()
            if share:
                raise StbenchError(
                    f"zone {number} of the table '{self.id}' (rows from {row}, columns from {column}) is {share:.1%} "
                    f"land in {where}: use `--set zones=tiling` or a table of your own"
                )


def proportional_test(n_zones: int) -> tuple[int, ...]:
    """Numbers of the test zones: 17 to 20 of 29, the like share at the like place of any other number."""
    first = (FIRST_TEST_ZONE - 1) * n_zones // N_ZONES
    count = max(1, N_TEST_ZONES * n_zones // N_ZONES)
    return tuple(range(first + 1, first + count + 1))


def tiling(water: np.ndarray, size: int = ZONE_SIZE, first_row: int = 0, at_most: int = N_ZONES) -> ZoneTable:
    """Complete boxes without land, cut from the south-western corner, row by row from `first_row`; `water` (rows,
    columns) bool."""
    rows, columns = water.shape
    corners = [
        (row, column)
        for row in range(0, rows - size + 1, size)
        for column in range(0, columns - size + 1, size)
        if row >= first_row and water[row : row + size, column : column + size].all()
    ][:at_most]
    return ZoneTable("tiling", size, tuple(corners), proportional_test(len(corners)) if corners else ())


def load_table(path: Path | None = None) -> ZoneTable:
    """Read a table file; the one in the package by default. Raises `StbenchError` naming the file and the fault."""
    where = str(path) if path is not None else DEFAULT_TABLE
    try:
        if path is None:
            content = parse_toml(importlib.resources.files(__package__).joinpath(DEFAULT_TABLE).read_bytes())
        else:
            content = read_toml(path)
        return _table(converted(content, _File))
    except OSError as error:
        raise StbenchError(f"the zone table {where} cannot be read: {error.strerror or error}") from None
    except ValueError as error:  # `Unreadable` among them
        raise StbenchError(f"the zone table {where} is not of the form of {DEFAULT_TABLE}: {error}") from None


@dataclass(frozen=True)
class _File:
    size: Number
    corners: list[tuple[Number, Number]]
    test: list[Number]
    id: str
    grid: tuple[Number, Number] | None = None


def _table(file: _File) -> ZoneTable:
    size, corners, test, grid = file.size, tuple(file.corners), file.test, file.grid
    if not 8 <= size <= 1024:
        raise ValueError(f"size must lie between 8 and 1024, not {size}")
    if not 1 <= len(corners) <= LARGEST_TABLE or len(set(corners)) < len(corners):
        raise ValueError(f"corners must be 1 to {LARGEST_TABLE} different ones")
    if not test or any(not 1 <= number <= len(corners) for number in test):
        raise ValueError(f"test must name zones between 1 and {len(corners)}")
    return ZoneTable(file.id, size, corners, tuple(sorted(set(test))), grid)
