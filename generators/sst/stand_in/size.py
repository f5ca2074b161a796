"""What is known of a simulated ocean before it is simulated: grid, coast, days, file names. No numba."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from .coast import ocean_mask

FIRST_YEAR = 2006


@dataclass(frozen=True)
class OceanSize:
    """Grid and seed of one simulated ocean; rows run north, columns east."""

    rows: int
    columns: int
    seed: int

    @property
    def latitude(self) -> np.ndarray:
        """(rows,) degrees_north, steps of 1/12, centred on 40 N."""
        return 40.0 + (np.arange(self.rows) - (self.rows - 1) / 2) / 12

    @property
    def longitude(self) -> np.ndarray:
        """(columns,) degrees_east, steps of 1/12 from 75 W."""
        return -75.0 + np.arange(self.columns) / 12

    def mask(self) -> np.ndarray:
        """(rows, columns) bool, True on water."""
        return ocean_mask(self.rows, self.columns)


def simulated_dates(years: int) -> np.ndarray:
    """Every day from 1 January 2006 for so many years, datetime64[D]."""
    return np.arange(f"{FIRST_YEAR}-01-01", f"{FIRST_YEAR + years}-01-01", dtype="datetime64[D]")


def simulated_files(folder: Path, years: int) -> tuple[Path, ...]:
    """The files a complete `folder` has, one a year."""
    return tuple(folder / f"thetao_{FIRST_YEAR + k}.nc" for k in range(years))
