"""What is known besides the flows: holidays and weather, from the files that lie beside them, where they do.

`BJ_Holiday.txt` is a list of lines YYYYMMDD. `BJ_Meteorology.h5` has `date`, `Temperature` (degrees Celsius),
`WindSpeed` (miles per hour) and `Weather`, one column per kind, 1 in the column of the kind. Files of another city
begin with its letters instead of BJ."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from stbench.errors import StbenchError
from stbench.raw.files import named, read_gzip_or_plain
from stbench.raw.hdf5 import check_written, one_sentence, open_hdf5

from .hdf5 import FlowFile, dataset, parse_days, read_dates

LARGEST_HOLIDAY_BYTES = 1 << 20
MOST_KINDS = 100
NO_KIND = -1


@dataclass(frozen=True)
class Context:
    """The two files beside the flows; None where one is not there. Nothing is open."""

    holidays: Path | None
    meteorology: Path | None


def find_context(file: FlowFile) -> Context:
    """The files beside a flow file that are of the same city."""
    holidays, meteorology = (
        named(file.path.parent, file.city + ending) if file.city else None
        for ending in ("_Holiday.txt", "_Meteorology.h5")
    )
    return Context(holidays, meteorology)


def read_holidays(path: Path) -> np.ndarray:
    """Days off, datetime64[D], sorted. Raises `StbenchError` where a line is no date."""
    try:
        return parse_days(read_gzip_or_plain(path, LARGEST_HOLIDAY_BYTES).decode("ascii"))
    except ValueError:
        raise StbenchError(f"{path} has lines that are not of the form YYYYMMDD, such as 20130701") from None


@dataclass(frozen=True, eq=False)
class Meteorology:
    """Weather at its slots, ascending in time."""

    slot: np.ndarray
    """(entry,) int64: days since 1970-01-01 times slots per day, plus slot of the day."""
    temperature: np.ndarray
    wind_speed: np.ndarray
    kind: np.ndarray
    """(entry,) int8: column of the 1, or -1 where there is none."""

    def at(self, slots: np.ndarray) -> dict[str, np.ndarray]:
        """`temperature`, `wind_speed` (NaN where unknown) and `weather` (-1 where unknown) at any slots."""
        place = np.minimum(np.searchsorted(self.slot, slots), len(self.slot) - 1)
        known = self.slot[place] == slots
        return {
            "temperature": np.where(known, self.temperature[place], np.nan).astype(np.float32),
            "wind_speed": np.where(known, self.wind_speed[place], np.nan).astype(np.float32),
            "weather": np.where(known, self.kind[place], NO_KIND).astype(np.int8),
        }


def read_meteorology(path: Path, per_day: int) -> Meteorology:
    """Raises `StbenchError` where the file is damaged or not of that form."""
    with open_hdf5(path) as file, one_sentence(path):
        days, slots = read_dates(path, dataset(path, file, "date"))
        columns = {name: dataset(path, file, name) for name in ("Temperature", "WindSpeed", "Weather")}
        for name, data in columns.items():
            wanted = 2 if name == "Weather" else 1
            if data.ndim != wanted or data.shape[0] != len(days) or data.dtype.kind not in "iufb":
                raise StbenchError(
                    f"{path} has '{name}' of shape {data.shape} and type {data.dtype} beside {len(days):,} dates"
                )
        if not 1 <= columns["Weather"].shape[1] <= MOST_KINDS:
            raise StbenchError(f"{path} has {columns['Weather'].shape[1]:,} kinds of weather, not 1 to {MOST_KINDS}")
        for name, data in columns.items():
            check_written(path, name, data)
        weather = np.asarray(columns["Weather"][()], np.float64)
        temperature, wind_speed = (np.asarray(columns[name][()], np.float64) for name in ("Temperature", "WindSpeed"))
    if slots.max() >= per_day:
        raise StbenchError(f"{path} has the slot {slots.max() + 1} of a day, but the flows have {per_day} slots a day")
    for name, values in (("Temperature", temperature), ("WindSpeed", wind_speed), ("Weather", weather)):
        if not (np.abs(values) < 1e4).all():
            raise StbenchError(f"{path} has values of '{name}' that are not finite or absurdly large: get it again")
    kind = np.where(weather.max(axis=1) > 0, weather.argmax(axis=1), NO_KIND).astype(np.int8)
    return Meteorology(days.astype(np.int64) * per_day + slots, temperature, wind_speed, kind)
