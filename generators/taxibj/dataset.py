"""`taxibj`: taxi flows into and out of 32 x 32 cells of Beijing, every half hour.

    frames = (counts - offset) / scale,        counts = scale * frames + offset    in taxis per half hour, one offset
    (the least count) and scale (the range) for all

Forecast: 2 hours in, 2 hours out (4 + 4 frames). One sequence is one complete day with the last slots of the day before
it (`_taxibj_days`); the last four weeks are test. `order` says which way time runs: `forward` (default) or
`official_reversed`, as in the published windows.

Source: J. Zhang, Y. Zheng, D. Qi, AAAI 2017; preparation of Y. Wang et al., CVPR 2019 (MIM), used by J. Donà et al.,
ICLR 2021."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from fnmatch import fnmatch
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from stbench.contract.datasets import Blueprint, Card, Coordinate, Split, Track, Variable, fingerprint
from stbench.errors import StbenchError, nearest
from stbench.paths import data_dir
from stbench.raw.files import RawFile, entries, folders, named, require
from stbench.raw.sources import of_source, sources_at_hand

from .cards import INSTRUCTIONS, SIMULATED, TAXIBJ, other_files
from .context import Context, find_context
from .days import Days, kept_days, last_windows_split
from .hdf5 import FlowFile
from .produce import Producer, opened_files
from .stand_in.days import PER_DAY, PERIODS, recorded_slots

__all__ = ["TaxiBj", "TaxiBjParameters", "taxibj"]

ORDERS = ("forward", "official_reversed")
OFFICIAL = tuple(f"BJ{year}_M32x32_T30_InOut.h5" for year in ("13", "14", "15", "16"))
ALIASES = ("TaxiBJ",)
LAYOUT = "*_M*x*_T*_*.h5"
SHARD_BYTES = 16_000_000
METRICS = ("mse", "mse_sum_x100", "mae", "rmse")
FURTHER = ("mae_sum", "ssim_uniform7", "ssim_uniform7_range2", "ssim_uniform7_uint8")
"""What the PredRNN line and its descendants print as MAE and SSIM."""


@dataclass(frozen=True)
class TaxiBjParameters:
    """Parameters of `taxibj`; the defaults are the canonical dataset."""

    order: str = field(
        default="forward",
        metadata={"help": "forward; or official_reversed: time runs backwards in every window, as published"},
    )
    test_days: int = field(default=28, metadata={"help": "so many days' worth of windows at the end are test"})
    val_days: int = field(default=28, metadata={"help": "as many days' worth of windows before them are validation"})
    lead_in: int = field(
        default=7,
        metadata={
            "help": "slots of the day before at the beginning of a sequence: conditioning + horizon - 1, so that "
            "windows may cross midnight"
        },
    )
    files: tuple[str, ...] = field(
        default=OFFICIAL, metadata={"help": "official: the flow files, in order of time; others in the layout are read"}
    )
    days: int = field(default=0, metadata={"help": "simulated: so many days of each period, the last ones; 0: all"})
    grid: tuple[int, int] = field(default=(32, 32), metadata={"help": "simulated: rows and columns of cells"})
    seed: int = field(
        default=0,
        metadata={
            "help": "simulated: seed of the city and everything that happens in it; seeds of one eight (0 to 7, 8 to "
            "15, ...) share random numbers, so take 0, 8, 16, ... for independent cities"
        },
    )

    def __post_init__(self) -> None:
        if self.order not in ORDERS:
            raise StbenchError(f"the parameter 'order' cannot be '{self.order}': {nearest(self.order, ORDERS)}")
        limits = {"test_days": (1, 400), "val_days": (0, 400), "lead_in": (0, 24), "days": (0, 200)}
        for name, (low, high) in {**limits, "seed": (0, 2**63 - 1)}.items():
            if not low <= getattr(self, name) <= high:
                raise StbenchError(
                    f"the parameter '{name}' must lie between {low} and {high}, not {getattr(self, name)}"
                )
        if not all(8 <= cells <= 64 for cells in self.grid):
            raise StbenchError(
                f"the parameter 'grid' must be two numbers between 8 and 64, not {','.join(map(str, self.grid))}"
            )
        if not self.files or any(Path(name).name != name or name in ("", ".", "..") for name in self.files):
            raise StbenchError("the parameter 'files' wants names of files, without folders, separated by commas")


@dataclass(frozen=True)
class TaxiBj:
    """The dataset; fulfils `stbench.contract.datasets.Generator` and `stbench.raw.fetch.HasRawFiles`."""

    name: str
    version: str
    card: Card
    parameters: type[TaxiBjParameters]
    tracks: tuple[Track, ...]
    presets: Mapping[str, Mapping[str, Any]]
    raw_files: tuple[RawFile, ...] = tuple(RawFile(name) for name in OFFICIAL)
    raw_aliases: tuple[str, ...] = ALIASES
    instructions: str = INSTRUCTIONS

    def sources(self, raw: Path | None) -> tuple[str, ...]:
        """Where only other files of the layout are, they are used when asked for, not by default."""
        searched = folders(self.name, raw, ALIASES)
        found = any(all(named(folder, name) for name in OFFICIAL) for folder in searched)
        others = any(fnmatch(each.name.lower(), LAYOUT.lower()) for folder in searched for each in entries(folder))
        return ("simulated", "official") if others and not found else sources_at_hand(found)

    def blueprint(self, parameters: TaxiBjParameters, source: str, raw: Path | None = None) -> Blueprint:
        """Resolve days and split; reads the dates of official files. Raises `StbenchError`."""
        official, simulated = partial(self._official, parameters, raw), partial(self._simulated, parameters)
        return of_source(self.name, source, official, simulated)

    def _official(self, p: TaxiBjParameters, raw: Path | None) -> Blueprint:
        if windows := [name for name in p.files if Path(name).suffix.lower() in (".npz", ".npy")]:
            raise StbenchError(
                f"{windows[0]} cannot be imported: such files hold windows without dates, so that days, gaps and the "
                f"split by time are lost; get the flow files {', '.join(OFFICIAL)} (`stbench fetch taxibj` says who "
                "has them)"
            )
        found = require([RawFile(name) for name in p.files], self.name, raw, ALIASES)
        paths = tuple(found[name] for name in p.files)
        files, days = opened_files(paths)
        dates = [[len(file.days), str(file.days[0]), str(file.days[-1])] for file in files]
        described = {"files": list(p.files), "bytes": [path.stat().st_size for path in paths], "dates": dates}
        card = self.card if p.files == OFFICIAL else other_files(p.files)
        producer = self._producer(p, paths)
        return self._assemble(p, "official", card, files[0], days, described, find_context(files[0]), producer, None)

    def _simulated(self, p: TaxiBjParameters) -> Blueprint:
        made_from = {"seed": p.seed, "grid": list(p.grid), "days": p.days}
        folder = data_dir() / "raw" / f"taxibj-simulated-{fingerprint({'version': self.version, **made_from})[:8]}"
        names = [f"BJ{year}_M{p.grid[0]}x{p.grid[1]}_T30_InOut.h5" for year, *_ in PERIODS]
        paths = tuple(folder / name for name in names)
        files = []
        for period, path in enumerate(paths):
            slots = recorded_slots(p.seed, period, p.days)
            if len(slots):
                day = (slots // PER_DAY).astype("datetime64[D]")
                files.append(FlowFile(path, day, slots % PER_DAY, PER_DAY, p.grid))
        context = Context(folder / "BJ_Holiday.txt", folder / "BJ_Meteorology.h5")
        producer = self._producer(p, tuple(file.path for file in files))
        described = {"grid": list(p.grid), "days": p.days}
        write = partial(_write_city, p.seed, p.grid, p.days, folder)
        return self._assemble(
            p, "simulated", SIMULATED, files[0], kept_days(files), described, context, producer, write
        )

    def _producer(self, p: TaxiBjParameters, paths: tuple[Path, ...]) -> Producer:
        return Producer(paths, p.lead_in, p.test_days, p.order == "official_reversed")

    def _assemble(
        self,
        p: TaxiBjParameters,
        source: str,
        card: Card,
        file: FlowFile,
        days: Days,
        described: Mapping[str, Any],
        context: Context,
        producer: Producer,
        write: partial[None] | None,
    ) -> Blueprint:
        reversed_time = p.order == "official_reversed"
        split = last_windows_split(
            "taxibj/last-four-weeks-1" if p.test_days == 28 else "taxibj/last-days-1",
            days,
            file.per_day,
            p.lead_in,
            p.test_days,
            p.val_days,
            reversed_time,
        )
        frames, sequence_bytes = p.lead_in + file.per_day, 4 * 2 * file.grid[0] * file.grid[1]
        per_shard = max(1, SHARD_BYTES // (sequence_bytes * frames))
        resolved = {"order": p.order, "test_days": p.test_days, "val_days": p.val_days, "lead_in": p.lead_in}
        known = {"holidays": context.holidays is not None, "meteorology": context.meteorology is not None}
        return Blueprint(
            dataset=self.name,
            version=self.version,
            source=source,
            seed=p.seed if source == "simulated" else 0,
            parameters={**resolved, **described, **known},
            card=card,
            split=_published(split),
            n_sequences=len(days),
            sequences_per_shard=per_shard,
            variables=_variables(len(days), frames, file.grid, per_shard, context),
            coordinates=_coordinates(p.lead_in, file.per_day, file.grid, reversed_time),
            produce=producer,
            prepare=partial(_prepare, write, producer),
            raw_files=partial(_raw_files, producer, context),
        )


def _published(split: Split) -> Split:
    """The split file's, where it has the same ranges."""
    from stbench.splits.files import load_split

    published = load_split(__package__, "taxibj-1.json")
    return published if (published.n_sequences, published.ranges) == (split.n_sequences, split.ranges) else split


def _raw_files(producer: Producer, context: Context) -> list[Path]:
    return [*producer.paths, *(path for path in (context.holidays, context.meteorology) if path is not None)]


def _prepare(write: partial[None] | None, producer: Producer) -> None:
    if write is not None:
        write()
    producer.check()


def _write_city(seed: int, grid: tuple[int, int], days: int, folder: Path) -> None:
    from .stand_in.city import City
    from .stand_in.files import write_city

    write_city(City(seed, *grid), days, folder)


def _variables(n: int, frames: int, grid: tuple[int, int], per_shard: int, context: Context) -> dict[str, Variable]:
    def factor(dtype: str, name: str, units: str, *, timed: bool = False) -> Variable:
        dims, shape = (("sequence", "time"), (n, frames)) if timed else (("sequence",), (n,))
        return Variable(dims, shape, dtype, (per_shard, *shape[1:]), {"long_name": name, "units": units})

    flows = "inflow and outflow of each cell: scale * frames + offset is a count"
    days_since = "days since 1970-01-01"
    variables = {
        "frames": Variable(
            ("sequence", "time", "channel", "y", "x"),
            (n, frames, 2, *grid),
            "float32",
            (1, frames, 2, *grid),
            {"long_name": flows, "units": "1"},
        ),
        "offset": factor("float64", "count at frames = 0", "1"),
        "scale": factor("float64", "counts per unit of frames", "1"),
        "date": factor("int32", "day the sequence ends in", days_since),
        "weekday": factor("uint8", "0 Monday to 6 Sunday", "1"),
        "period": factor("uint8", "number of the file", "1"),
        "after_gap": factor("uint8", "1 where the day before is missing", "1"),
    }
    if context.holidays is not None:
        variables["holiday"] = factor("uint8", "1 on public holidays", "1")
    if context.meteorology is not None:
        variables["temperature"] = factor("float32", "air temperature", "degree_Celsius", timed=True)
        variables["wind_speed"] = factor("float32", "wind speed", "mile/hour", timed=True)
        variables["weather"] = factor("int8", "kind of weather, -1 unknown", "1", timed=True)
    return variables


def _coordinates(lead: int, per_day: int, grid: tuple[int, int], reversed_time: bool) -> dict[str, Coordinate]:
    hours = np.arange(-lead, per_day) * (24 / per_day)
    long_name = "time of day at the beginning of the slot"
    time = {"standard_name": "time", "long_name": long_name, "units": "h", "axis": "T"}
    coordinates = {"time": Coordinate(("time",), hours[::-1].copy() if reversed_time else hours, time)}
    for name, axis, cells in zip(("y", "x"), ("Y", "X"), grid, strict=True):
        where = {"long_name": f"{'row' if name == 'y' else 'column'} of the grid", "units": "1", "axis": axis}
        coordinates[name] = Coordinate((name,), np.arange(cells), where)
    return coordinates


taxibj = TaxiBj(
    name="taxibj",
    version="1",
    card=TAXIBJ,
    parameters=TaxiBjParameters,
    tracks=(Track("taxibj", "forecast", 4, 4, train_horizon=4, metrics=METRICS, further=FURTHER),),
    presets={"quick": {"days": 21, "test_days": 7, "val_days": 7}},
)
