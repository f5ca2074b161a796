"""Small files in the layout of TaxiBJ, and the published preparation written once more, entry by entry."""

from __future__ import annotations

from pathlib import Path

import h5py
import numpy as np

GRID = (3, 4)


def slot_list(first: str, days: int, per_day: int = 48, missing: tuple[tuple[int, int], ...] = ()) -> list[str]:
    """YYYYMMDDSS of every slot from a day on, but those in `missing`, (first, last + 1) counted from the beginning."""
    gone = {k for a, b in missing for k in range(a, b)}
    start = np.datetime64(first, "D")
    return [
        f"{str(start + k // per_day).replace('-', '')}{k % per_day + 1:02d}"
        for k in range(days * per_day)
        if k not in gone
    ]


def counts(n: int, seed: int, channels: int = 2, grid: tuple[int, int] = GRID) -> np.ndarray:
    return np.random.default_rng(seed).integers(-3, 200, (n, channels, *grid)).astype(np.float64)


def write_flows(path: Path, dates: list[str], data: np.ndarray) -> Path:
    with h5py.File(path, "w") as file:
        file["date"] = np.array(dates, "S")
        file.create_dataset("data", data=data, chunks=(min(16, len(data)), *data.shape[1:]), compression="gzip")
    return path


def published_windows(
    files: list[tuple[list[str], np.ndarray]], per_day: int, test_days: int, length: int = 8
) -> tuple[np.ndarray, np.ndarray]:
    """(windows, minimum and maximum) as MIM's loader has them: complete days by walking the list, two channels,
    negative values to 0, range of all frames but the last `test_days` days', windows (t-1, t-2, ..., t-length) for
    every t that is there and has all of them before it. The last test_days * per_day windows are its test set."""
    kept = []
    for dates, data in files:
        days = set()
        for i, date in enumerate(dates):
            end = i + per_day - 1
            if int(date[8:]) == 1 and end < len(dates) and int(dates[end][8:]) == per_day:
                days.add(date[:8])
        chosen = [i for i, date in enumerate(dates) if date[:8] in days]
        kept.append(([dates[i] for i in chosen], np.maximum(data[chosen, :2], 0)))
    every = np.concatenate([data for _, data in kept])[: -test_days * per_day]
    low, high = every.min(), every.max()
    windows = []
    for dates, data in kept:
        when = [int(np.datetime64(f"{d[:4]}-{d[4:6]}-{d[6:8]}").astype(int)) * per_day + int(d[8:]) for d in dates]
        place = {slot: i for i, slot in enumerate(when)}
        for i in range(length, len(when)):
            before = [when[i] - k for k in range(1, length + 1)]
            if all(slot in place for slot in before):
                windows.append(np.stack([(data[place[slot]] - low) / (high - low) for slot in before]))
    return np.stack(windows), np.array([low, high])
