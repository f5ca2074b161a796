"""The simulated city as files in the layout of TaxiBJ: four HDF5 files of flows, one of weather, a list of holidays."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from stbench.files import atomic_file, grow_folder, write_text

from .city import City
from .days import PERIODS, days_off, recorded_slots
from .weather import KINDS, PER_DAY

HOLIDAYS, METEOROLOGY = "BJ_Holiday.txt", "BJ_Meteorology.h5"


def flow_names(rows: int, columns: int) -> tuple[str, ...]:
    """Names of the flow files, as the official ones are called."""
    return tuple(f"BJ{year}_M{rows}x{columns}_T30_InOut.h5" for year, *_ in PERIODS)


def slot_names(slots: np.ndarray) -> np.ndarray:
    """YYYYMMDDSS, byte strings, of slots since 1970-01-01."""
    days = (slots // PER_DAY).astype("datetime64[D]").astype(str).tolist()
    return np.array(
        [f"{day.replace('-', '')}{slot % PER_DAY + 1:02d}" for day, slot in zip(days, slots.tolist(), strict=True)],
        "S10",
    )


def write_city(city: City, days: int, folder: Path) -> None:
    """Simulate and write `folder`, which appears by one rename when it is complete; nothing is done where it is there.

    `days`: only the last so many days of each period; 0: all. Files that an interrupted writing finished are kept.
    Memory: one day besides the plan of the city. Another process that writes it is waited for. Raises `StbenchError`
    where there is no space.
    """

    def write(part: Path) -> None:
        for period, name in enumerate(flow_names(city.rows, city.columns)):
            slots = recorded_slots(city.seed, period, days)
            if len(slots) and not (part / name).exists():
                _write_flows(city, slots, part / name)
        _write_meteorology(city, part / METEOROLOGY)
        off = np.array(days_off()).astype("datetime64[D]").astype(str)
        write_text(part / HOLIDAYS, "".join(f"{day.replace('-', '')}\r\n" for day in off))

    grow_folder(folder, write)


def _write_flows(city: City, slots: np.ndarray, path: Path) -> None:
    import h5py  # type: ignore[import-untyped]

    with atomic_file(path) as temporary, h5py.File(temporary, "w") as file:
        file.attrs["source"] = "simulated by stbench, not an observation"
        file.create_dataset("date", data=slot_names(slots))
        data = file.create_dataset(
            "data",
            (len(slots), 2, city.rows, city.columns),
            "f8",
            chunks=(min(PER_DAY, len(slots)), 2, city.rows, city.columns),
            compression="gzip",
            compression_opts=1,
            shuffle=True,
        )
        days = slots // PER_DAY
        for day in np.unique(days):
            first, last = np.searchsorted(days, (day, day + 1))
            flows = city.flows(day.astype("datetime64[D]"))
            data[first:last] = flows[slots[first:last] % PER_DAY]


def _write_meteorology(city: City, path: Path) -> None:
    import h5py

    days = [np.arange(np.datetime64(first, "D"), np.datetime64(last, "D") + 1) for _, first, last, _ in PERIODS]
    slots = (np.concatenate(days).astype(np.int64)[:, None] * PER_DAY + np.arange(PER_DAY)).reshape(-1)
    sky = city.weather_of(slots)
    with atomic_file(path) as temporary, h5py.File(temporary, "w") as file:
        file.attrs["source"] = "simulated by stbench, not an observation"
        columns = {
            "date": slot_names(slots),
            "Temperature": sky.temperature,
            "WindSpeed": sky.wind_speed,
            "Weather": (sky.kind[:, None] == np.arange(len(KINDS))).astype(np.float64),
        }
        for name, values in columns.items():
            file.create_dataset(name, data=values, compression="gzip", compression_opts=1)
