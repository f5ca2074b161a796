"""Reading untrusted HDF5 files in the layout of TaxiBJ: `date` (slot names) and `data` (frame, channel, y, x).

A date is YYYYMMDDSS: the day, and the slot of the day from 01 on. Grid and interval are what the file says. Whatever is
wrong in a file becomes one sentence that names it."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from stbench.errors import StbenchError
from stbench.raw.hdf5 import check_dataset, check_written, is_inside, one_sentence, open_hdf5

CHANNELS = 2
"""Inflow and outflow; further channels of a file are not read."""
SLOTS_PER_DAY = (24, 48, 72, 96)
MOST_FRAMES = 200_000
LARGEST_SIDE = 512
LARGEST_COUNT = 1e7
BLOCK_FRAMES = 512
"""Frames looked at together when all values are checked."""
_NAME = re.compile(r"^(?P<city>[A-Za-z]+)\d*_")
_SHAPE = re.compile(r"_M(?P<rows>\d+)x(?P<columns>\d+)(_|\.|$)", re.IGNORECASE)
_INTERVAL = re.compile(r"_T(?P<minutes>\d+)(_|\.|$)", re.IGNORECASE)


@dataclass(frozen=True, eq=False)
class FlowFile:
    """One file whose header and dates are checked; its values are when they are read. Holds no open file."""

    path: Path
    days: np.ndarray
    """(frame,) datetime64[D]; with `slots` strictly ascending."""
    slots: np.ndarray
    """(frame,) int64, 0 is the first slot of the day."""
    per_day: int
    grid: tuple[int, int]

    @property
    def city(self) -> str:
        """Letters at the beginning of the name, "BJ": how the files that belong to this one are called."""
        match = _NAME.match(self.path.name)
        return match["city"] if match else ""

    def read(self, first: int, last: int) -> np.ndarray:
        """Counts of frames first .. last - 1, (frame, 2, y, x) float64, negative ones set to 0 as published.

        Raises `StbenchError` where the file is damaged or a value is not finite or absurdly large.
        """
        with open_hdf5(self.path) as file, one_sentence(self.path):
            values = np.asarray(file["data"][first:last, :CHANNELS], np.float64)
        wrong = ~(np.abs(values) <= LARGEST_COUNT)
        if wrong.any():
            at = np.unravel_index(int(np.argmax(wrong)), values.shape)
            raise StbenchError(
                f"{self.path} has the value {values[at]:g} at {_slot_name(self, first + int(at[0]))}, which is no "
                "number of vehicles: the file is damaged, get it again"
            )
        return np.maximum(values, 0.0)

    def frame_bytes(self) -> int:
        return 8 * CHANNELS * math.prod(self.grid)


def _slot_name(file: FlowFile, frame: int) -> str:
    return f"{str(file.days[frame]).replace('-', '')}{file.slots[frame] + 1:02d}"


def open_flow_file(path: Path) -> FlowFile:
    """Read the header and the dates of a file. Raises `StbenchError` naming what is wrong with it."""
    with open_hdf5(path) as file, one_sentence(path):
        data, date = dataset(path, file, "data"), dataset(path, file, "date")
        shape, kind = data.shape, data.dtype.kind
        if len(shape) != 4 or shape[1] < CHANNELS:
            raise StbenchError(f"{path} has 'data' of shape {shape}, not (frames, at least 2 channels, rows, columns)")
        if kind not in "iuf":
            raise StbenchError(f"{path} stores 'data' as {data.dtype}, not as numbers")
        if not (1 <= shape[0] <= MOST_FRAMES and all(1 <= side <= LARGEST_SIDE for side in shape[2:])):
            raise StbenchError(
                f"{path} says it has {shape[0]:,} frames of {shape[2]} x {shape[3]} cells, not 1 to {MOST_FRAMES:,} "
                f"of at most {LARGEST_SIDE} x {LARGEST_SIDE}"
            )
        check_written(path, "data", data)
        days, slots = read_dates(path, date)
    if len(days) != shape[0]:
        raise StbenchError(f"{path} has {shape[0]:,} frames and {len(days):,} dates")
    grid = _grid(path, shape)
    match = _INTERVAL.search(path.name)
    # A name that tells the interval also tells it where no day has its last slot.
    per_day = 1440 // max(1, int(match["minutes"])) if match else int(slots.max()) + 1
    if per_day not in SLOTS_PER_DAY:
        raise StbenchError(
            f"{path} has {per_day} slots a day, not {', '.join(map(str, SLOTS_PER_DAY))}: it has another interval, or "
            "no day with its last slot"
        )
    if slots.max() >= per_day:
        raise StbenchError(
            f"{path} has slots up to {slots.max() + 1}, but its name says {per_day} a day: it is another file"
        )
    return FlowFile(path, days, slots, per_day, grid)


def _grid(path: Path, shape: tuple[int, ...]) -> tuple[int, int]:
    """Rows and columns of the cells; `StbenchError` where the axes may be others than (frame, channel, row, column).

    Further channels are skipped where the name of the file says the grid, so that the axes are certain.
    """
    match = _SHAPE.search(path.name)
    said = (int(match["rows"]), int(match["columns"])) if match else None
    grid = (int(shape[2]), int(shape[3]))
    if said is None and shape[1] != CHANNELS:
        raise StbenchError(
            f"{path} has 'data' of shape {shape}, of which the second axis is not {CHANNELS} (inflow and outflow): the "
            "order wanted is (frame, channel, row, column), so move the channels there, or give the file a name with "
            "its grid in it, like CITY_M32x32_T30_InOut.h5, if they are and there are more"
        )
    if said is not None and grid != said:
        axes = [k for k in range(1, 4) if tuple(shape[i] for i in range(1, 4) if i != k) == said]
        where = f", and its channels seem to lie in axis {axes[0] + 1} of 4" if axes and axes[0] != 1 else ""
        raise StbenchError(
            f"{path} has 'data' of shape {shape}, that is {grid[0]} x {grid[1]} cells, which is not the {said[0]} x "
            f"{said[1]} of its name{where}: the order wanted is (frame, channel, row, column)"
        )
    return grid


def read_dates(path: Path, data: Any) -> tuple[np.ndarray, np.ndarray]:
    """Day (datetime64[D]) and slot from 0 of each entry of a `date` dataset, strictly ascending."""
    if data.ndim != 1 or not 1 <= data.shape[0] <= MOST_FRAMES or data.dtype.itemsize > 64:
        raise StbenchError(f"{path} has 'date' of shape {data.shape} and type {data.dtype}, not a list of YYYYMMDDSS")
    values = data[()]
    try:
        # Fixed-length byte strings; or variable-length ones, which arrive as objects; or whole numbers.
        text = values if values.dtype.kind == "S" else np.array([_bytes(each) for each in values.tolist()])
        if text.dtype.kind != "S" or text.dtype.itemsize < 10 or (np.char.str_len(text) != 10).any():
            raise ValueError
        digits = np.ascontiguousarray(text.astype("S10")).view(np.uint8).reshape(-1, 10).astype(np.int64) - ord("0")
        if digits.min() < 0 or digits.max() > 9:
            raise ValueError
        days = _days(digits[:, :8])
    except (ValueError, TypeError, UnicodeEncodeError):
        raise StbenchError(
            f"{path} has dates that are not of the form YYYYMMDDSS, such as 2013070101, as byte strings or whole "
            f"numbers (they are of the type {values.dtype})"
        ) from None
    slots = digits[:, 8] * 10 + digits[:, 9] - 1
    if slots.min() < 0:
        raise StbenchError(f"{path} has the slot 00 on {days[int(np.argmin(slots))]}: slots count from 01")
    order = days.astype(np.int64) * 100 + slots
    wrong = np.diff(order) <= 0
    if wrong.any():
        at = int(np.argmax(wrong))
        how = "twice" if order[at] == order[at + 1] else "after a later one"
        raise StbenchError(f"{path} has the slot {slots[at + 1] + 1:02d} of {days[at + 1]} {how}")
    return days, slots


def _bytes(value: object) -> bytes:
    if isinstance(value, bytes):
        return value
    if isinstance(value, str | int):
        return str(value).encode("ascii")
    raise TypeError


def _days(digits: np.ndarray) -> np.ndarray:
    """datetime64[D] of rows of 8 digits; `ValueError` for a day that no calendar has."""
    texts = ["{}{}{}{}-{}{}-{}{}".format(*row) for row in digits.tolist()]
    return np.array(texts, "datetime64[D]")


def parse_days(text: str) -> np.ndarray:
    """datetime64[D] of lines YYYYMMDD, sorted, each once; `ValueError` for another line."""
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    if any(not re.fullmatch("[0-9]{8}", line) for line in lines):
        raise ValueError("not YYYYMMDD")
    return np.unique(np.array([f"{line[:4]}-{line[4:6]}-{line[6:]}" for line in lines], "datetime64[D]"))


def dataset(path: Path, file: Any, name: str) -> Any:
    """A dataset of an open file that is safe to read: really in it, and of chunks that fit into memory."""
    import h5py  # type: ignore[import-untyped]

    if not is_inside(file, name):
        raise StbenchError(f"{path} has no '{name}': it has {', '.join(sorted(file)[:12]) or 'nothing'}")
    data = file[name]
    if not isinstance(data, h5py.Dataset):
        raise StbenchError(f"{path} has a group '{name}', not an array")
    check_dataset(path, name, data)
    return data
