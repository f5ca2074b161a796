"""`sst`: daily sea surface temperature of the North Atlantic, 29 zones of 64 x 64 points.

    frames = (T - offset) / scale,        T = scale * frames + offset    in degrees Celsius, one offset and scale per
    zone and day

Forecast: 4 days in, 6 or 10 out. All zones train on the first 80 % of the days (the last eighth of them validates),
zones 17 to 20 are tested on the rest. `normalisation` chooses where offset and scale come from (`normals`):
`causal` (default) knows the training days only; `per_zone` is the paper's text; `per_frame` is the published code,
which takes them from each frame, future ones too.

Source: E. de Bezenac, A. Pajot, P. Gallinari, "Deep Learning for Physical Processes", ICLR 2018; protocol of J. Dona et
al., ICLR 2021."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from stbench.contract.datasets import Blueprint, Card, Coordinate, Split, Track, Variable, fingerprint
from stbench.errors import StbenchError, nearest
from stbench.paths import data_dir
from stbench.raw.files import RawFile, folders, what_lies
from stbench.raw.sources import of_source, sources_at_hand

from .cards import INSTRUCTIONS, SIMULATED, SST
from .importer import SeaSurface, find_official, grid_shape, is_zone_layout, open_surface
from .normals import denormalise
from .produce import NORMALISATIONS, Producer, every_day, split_days
from .stand_in.size import OceanSize, simulated_dates, simulated_files
from .zones import N_ZONES, ZoneTable, load_table, proportional_test, tiling

__all__ = ["Sst", "SstParameters", "denormalise", "sst"]

FULL_GRID = (481, 781)
SIMULATED_YEARS = 10
FEWEST_DAYS = 150
"""So that each part holds windows of 4 + 10 days."""
MOST_MISSING = 0.1
"""Share of days that may be missing, as frames of NaN outside the split."""
METRICS = (
    *("mse", "mse_celsius", "ssim_gauss11", "rmse", "mae"),
    *("mse_celsius_broadcast", "ssim_gauss11_celsius_broadcast"),
)
FURTHER = ("ssim_gauss11_range",)
CHUNK_DAYS = 30
BYTES_PER_VALUE, MOST_MEGABYTES = 12, 4_000
"""Of one zone while it is computed (`Producer`)."""


@dataclass(frozen=True)
class SstParameters:
    """Parameters of `sst`; the defaults are the canonical dataset."""

    normalisation: str = field(
        default="causal",
        metadata={
            "help": "causal: day-of-year normals and statistics of the training days; per_zone: of all days (the "
            "paper's text); per_frame: each frame's own mean and standard deviation (the published code)"
        },
    )
    zones: str = field(
        default="auto",
        metadata={
            "help": "table: the shipped table of 29 zones on 481 x 781 points; tiling: complete boxes without land, "
            "from the south-west; auto: table where the grid is that large, else tiling; or a table file (TOML)"
        },
    )
    n_zones: int = field(default=N_ZONES, metadata={"help": "use so many zones, the first ones"})
    years: int = field(
        default=0, metadata={"help": "use so many years, the first ones; 0: all there are (simulated: 10)"}
    )
    grid: tuple[int, int] = field(
        default=FULL_GRID, metadata={"help": "simulated: points north and east, 1/12 degree apart"}
    )
    seed: int = field(default=0, metadata={"help": "simulated: seed of the ocean's eddies and weather"})
    first_day: str = field(
        default="2006-01-01", metadata={"help": "official: date of the first frame, for zone files without dates"}
    )

    def __post_init__(self) -> None:
        if self.normalisation not in NORMALISATIONS:
            raise StbenchError(
                f"the parameter 'normalisation' cannot be '{self.normalisation}': "
                f"{nearest(self.normalisation, NORMALISATIONS)}"
            )
        limits = {"n_zones": (1, 4096), "years": (0, 200), "seed": (0, 2**63 - 1)}
        for name, (low, high) in limits.items():
            if not low <= getattr(self, name) <= high:
                raise StbenchError(
                    f"the parameter '{name}' must lie between {low} and {high}, not {getattr(self, name)}"
                )
        if not all(64 <= points <= 4096 for points in self.grid):
            raise StbenchError(
                f"the parameter 'grid' must be two numbers between 64 and 4096, not {','.join(map(str, self.grid))}"
            )
        try:
            # The form comes first: NumPy takes "now" and "2006" for days, too.
            if not re.fullmatch(r"\d{4}-\d{2}-\d{2}", self.first_day, re.ASCII):
                raise ValueError
            np.datetime64(self.first_day, "D")
        except ValueError:
            raise StbenchError(
                f"the parameter 'first_day' must be a date like 2006-01-01, not '{self.first_day}'"
            ) from None


@dataclass(frozen=True)
class Sst:
    """The dataset; fulfils `stbench.contract.datasets.Generator` and `stbench.raw.fetch.HasRawFiles`."""

    name: str
    version: str
    card: Card
    parameters: type[SstParameters]
    tracks: tuple[Track, ...]
    presets: Mapping[str, Mapping[str, Any]]
    raw_files: tuple[RawFile, ...] = ()
    raw_aliases: tuple[str, ...] = ()
    instructions: str = INSTRUCTIONS

    def sources(self, raw: Path | None) -> tuple[str, ...]:
        return sources_at_hand(find_official(raw))

    def blueprint(self, parameters: SstParameters, source: str, raw: Path | None = None) -> Blueprint:
        """Resolve zones, days and split; opens the headers of official files. Raises `StbenchError`."""
        official, simulated = partial(self._official, parameters, raw), partial(self._simulated, parameters)
        return of_source(self.name, source, official, simulated)

    def _official(self, p: SstParameters, raw: Path | None) -> Blueprint:
        paths = find_official(raw)
        if paths is None:
            searched = folders(self.name, raw)
            raise StbenchError(
                "the official files of 'sst' were not found: neither data_<k>.nc nor netCDF files with 'thetao', "
                f"'cmems', 'glorys' or 'phy' in their names are in {', '.join(map(str, searched))}; "
                f"{what_lies(searched, ['thetao.nc', 'data_1.nc'])}; `stbench fetch sst` says who has "
                "them, `--raw DIR` or STBENCH_RAW says where they lie, `--source simulated` does without"
            )
        first_day = np.datetime64(p.first_day, "D")
        in_zones = is_zone_layout(paths)
        if in_zones and p.zones not in ("auto", "table"):
            raise StbenchError(
                f"{paths[0].parent} holds prepared zone files, so there is no grid for zones={p.zones} to choose from"
            )
        table = None if in_zones else _zone_choice(p.zones, grid_shape(paths))
        surface = open_surface(paths, table, p.n_zones, p.years, first_day)
        described = {
            "layout": "zones" if in_zones else "grid",
            "bytes": sum(path.stat().st_size for path in paths),
            "first_day": str(surface.dates[0]),
            "days": len(surface.dates),
        }
        reopen = partial(open_surface, paths, surface.table, p.n_zones, p.years, first_day)
        return self._assemble(
            p, "official", surface.table, surface.dates, _places(surface), reopen, described, surface.check, paths
        )

    def _simulated(self, p: SstParameters) -> Blueprint:
        size, years = OceanSize(*p.grid, p.seed), p.years or SIMULATED_YEARS
        where = f"the simulated ocean of {size.rows} x {size.columns} points"
        table = _zone_choice(p.zones, p.grid) or tiling(size.mask())
        table.check(size.rows, size.columns, where)
        table.check_water(size.mask(), where)
        table = table.first(p.n_zones)
        made_from = {"grid": list(p.grid), "years": years}
        key = fingerprint({"version": self.version, "seed": p.seed, **made_from})[:8]
        folder = data_dir() / "raw" / f"sst-simulated-{key}"
        paths = simulated_files(folder, years)
        reopen = partial(open_surface, paths, table, p.n_zones, 0, np.datetime64(p.first_day, "D"))
        places = _cut(table, size.latitude, 0), _cut(table, size.longitude, 1)
        return self._assemble(
            p,
            "simulated",
            table,
            simulated_dates(years),
            places,
            reopen,
            made_from,
            partial(_write_ocean, size, years, folder),
            paths,
        )

    def _assemble(
        self,
        p: SstParameters,
        source: str,
        table: ZoneTable,
        dates: np.ndarray,
        places: tuple[np.ndarray, np.ndarray] | None,
        reopen: Callable[[], SeaSurface],
        described: Mapping[str, Any],
        prepare: Callable[[], None],
        paths: tuple[Path, ...],
    ) -> Blueprint:
        n_zones = len(table.corners)
        days, _ = every_day(dates)
        if len(dates) < (1 - MOST_MISSING) * len(days):
            gap = int(np.argmax(np.diff(dates)))
            raise StbenchError(
                f"{len(days) - len(dates):,} of {len(days):,} days are missing in {_named(paths)}, most at a time "
                f"between {dates[gap]} and {dates[gap + 1]}: get the files of those days, or remove those on one side"
            )
        if len(dates) < FEWEST_DAYS:
            raise StbenchError(
                f"{len(dates)} days are in {_named(paths)}, and sst needs at least {FEWEST_DAYS} to split in train, "
                "val and test: get the files of more"
            )
        if (megabytes := len(days) * table.size**2 * BYTES_PER_VALUE / 1e6) > MOST_MEGABYTES:
            raise StbenchError(
                f"one zone of {len(days):,} days of {table.size} x {table.size} points in {_named(paths)} needs "
                f"{megabytes:,.0f} MB while it is computed, more than {MOST_MEGABYTES:,} MB: lower years, or take a "
                "table of smaller zones"
            )
        zones = {"table": table.id, "size": table.size, "corners": [list(corner) for corner in table.corners]}
        if table.test != proportional_test(n_zones):  # of a table of one's own; others follow from their corners
            zones["test"] = list(table.test)
        return Blueprint(
            dataset=self.name,
            version=self.version,
            source=source,
            seed=p.seed if source == "simulated" else 0,
            parameters={"normalisation": p.normalisation, "zones": zones, **described},
            card=SIMULATED if source == "simulated" else self.card,
            split=self._split(dates, n_zones, table.test),
            n_sequences=n_zones,
            sequences_per_shard=1,
            variables=_variables(n_zones, len(days), table.size, p.normalisation),
            coordinates=_coordinates(days, table.size, places),
            produce=Producer(reopen, p.normalisation),
            prepare=prepare,
            raw_files=partial(tuple, paths),
        )

    def _split(self, dates: np.ndarray, n_zones: int, test_zones: tuple[int, ...]) -> Split:
        from stbench.splits.files import load_split

        published = load_split(__package__, "sst-1.json")
        split = split_days("sst/by-day-1", dates, n_zones, test_zones)
        return published if (split.n_sequences, split.ranges) == (published.n_sequences, published.ranges) else split


def _zone_choice(zones: str, grid: tuple[int, int]) -> ZoneTable | None:
    """The table a parameter value means, or None for the tiling rule."""
    if zones == "tiling" or (zones == "auto" and grid != FULL_GRID):
        return None
    return load_table(None if zones in ("auto", "table") else Path(zones))


def _write_ocean(size: OceanSize, years: int, folder: Path) -> None:
    from .stand_in.files import write_ocean

    write_ocean(size, years, folder)


def _places(surface: SeaSurface) -> tuple[np.ndarray, np.ndarray] | None:
    if surface.latitude is None or surface.longitude is None:
        return None
    return surface.latitude, surface.longitude


def _named(paths: Sequence[Path]) -> str:
    """Raw files in an error sentence."""
    return str(paths[0]) if len(paths) == 1 else f"the {len(paths)} netCDF files in {paths[0].parent}"


def _cut(table: ZoneTable, axis: np.ndarray, k: int) -> np.ndarray:
    """(zones, size): the part of a grid axis that each zone covers; k = 0 for rows, 1 for columns."""
    return np.stack([axis[corner[k] : corner[k] + table.size] for corner in table.corners])


def _variables(n_zones: int, n_days: int, size: int, normalisation: str) -> dict[str, Variable]:
    def daily(long_name: str) -> Variable:
        attributes = {"long_name": long_name, "units": "degree_Celsius"}
        return Variable(("sequence", "time"), (n_zones, n_days), "float64", (1, n_days), attributes)

    def scalar(long_name: str) -> Variable:
        return Variable(("sequence",), (n_zones,), "int64", (1,), {"long_name": long_name, "units": "1"})

    return {
        "frames": Variable(
            ("sequence", "time", "channel", "y", "x"),
            (n_zones, n_days, 1, size, size),
            "float32",
            (1, min(CHUNK_DAYS, n_days), 1, size, size),
            {
                "long_name": (
                    f"sea surface temperature, normalised ({normalisation}): scale * frames + offset is in degrees"
                ),
                "units": "1",
            },
        ),
        "offset": daily("temperature at frames = 0"),
        "scale": daily("temperature difference of one unit of frames"),
        "zone": scalar("number of the zone"),
        "row": scalar("row of the zone's southern edge on the ocean grid"),
        "column": scalar("column of the zone's western edge on the ocean grid"),
    }


def _coordinates(dates: np.ndarray, size: int, places: tuple[np.ndarray, np.ndarray] | None) -> dict[str, Coordinate]:
    days = dates.astype("datetime64[D]").astype(np.int32)
    time = {"standard_name": "time", "units": "days since 1970-01-01", "calendar": "standard", "axis": "T"}
    coordinates = {
        "time": Coordinate(("time",), days, time),
        "y": Coordinate(
            ("y",), np.arange(size), {"long_name": "row in the zone, northwards", "units": "1", "axis": "Y"}
        ),
        "x": Coordinate(
            ("x",), np.arange(size), {"long_name": "column in the zone, eastwards", "units": "1", "axis": "X"}
        ),
    }
    if places is not None:
        for name, dim, units, values in zip(
            ("latitude", "longitude"), ("y", "x"), ("degrees_north", "degrees_east"), places, strict=True
        ):
            attributes = {"standard_name": name, "units": units}
            coordinates[name] = Coordinate(("sequence", dim), values, attributes)
    return coordinates


def _track(horizon: int, reported: tuple[int, ...] = ()) -> Track:
    return Track("sst", "forecast", 4, horizon, train_horizon=6, metrics=METRICS, reported=reported, further=FURTHER)


sst = Sst(
    name="sst",
    version="1",
    card=SST,
    parameters=SstParameters,
    tracks=(_track(6), _track(10, reported=(6,))),
    presets={"quick": {"grid": (193, 257), "years": 2, "n_zones": 4}},
)
