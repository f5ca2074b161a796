"""`chairs`: chairs that turn before a camera, 64 x 64, in colour.

    frame(t) = view (start + t) mod 31 of one chair at one elevation

Official: the rendered chairs of Aubry et al. 2014, 1,393 models of the 3D Warehouse from 62 directions each. Simulated:
parametric chairs before the same cameras. Sequences are ordered chair by chair in the published permutation, so that
train comes first; within a chair by elevation. Source: J. Donà et al., ICLR 2021.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from stbench.contract.datasets import Blueprint, Card, Coordinate, Split, SwapCases, Track, Variable, fingerprint
from stbench.errors import StbenchError
from stbench.paths import data_dir
from stbench.raw.files import RawFile, folders, what_lies
from stbench.raw.sources import of_source, sources_at_hand

from .cards import CHAIRS, INSTRUCTIONS, SIMULATED
from .files import ALIASES, MODELS, ROOT, Tree, check_pictures, find_root, pictures, pictures_in, root_in, survey
from .parameters import ChairsParameters
from .produce import Drawn, Files, Producer, Studio, angles
from .split import published_order, split_of
from .views import walks

__all__ = ["ChairsParameters", "chairs"]

if TYPE_CHECKING:
    from stbench.store.reader import Store

METRICS = ("mse", "rmse", "mae", "psnr", "ssim_gauss11")
SWAP_METRICS = ("mse", "psnr", "psnr_channels", "ssim_gauss11")
SHARD_BYTES = 25_000_000
CHUNK_FRAMES = 15
"""A window of the main track."""


@dataclass(frozen=True)
class Chairs:
    """The dataset; fulfils `stbench.contract.datasets.Generator` and `stbench.raw.fetch.HasRawFiles`."""

    name: str
    version: str
    card: Card
    parameters: type[ChairsParameters]
    tracks: tuple[Track, ...]
    presets: Mapping[str, Mapping[str, Any]]
    raw_files: tuple[RawFile, ...] = ()
    raw_aliases: tuple[str, ...] = ALIASES
    instructions: str = INSTRUCTIONS

    def sources(self, raw: Path | None) -> tuple[str, ...]:
        return sources_at_hand(find_root(raw))

    def blueprint(self, parameters: ChairsParameters, source: str, raw: Path | None = None) -> Blueprint:
        """Resolve models and split; lists official folders and reads one header a chair. Raises `StbenchError`."""
        official, simulated = partial(self._official, parameters, raw), partial(self._simulated, parameters)
        return of_source(self.name, source, official, simulated)

    def swap_cases(self, store: Store, track: Track, split: str = "test") -> SwapCases:
        """One chair as another one turns, paired as published; one ground truth."""
        from .swap import swap_cases

        return swap_cases(store, track, split)

    def _official(self, p: ChairsParameters, raw: Path | None) -> Blueprint:
        root = find_root(raw)
        if root is None:
            searched = folders(self.name, raw, ALIASES)
            raise StbenchError(
                "the official files of 'chairs' were not found: no folder like rendered_chairs/<32 hexadecimal digits>/"
                f"renders is in {', '.join(map(str, searched))}; {what_lies(searched, [ROOT])}; `stbench fetch chairs` "
                "says who has them, `--raw DIR` or STBENCH_RAW says where they lie, `--source simulated` does without"
            )
        tree = survey(root)
        _check_count(tree, p.chairs)
        used = tuple(tree.models[k] for k in sorted(published_order(len(tree.models), p.chairs).tolist()))
        check, listed = partial(check_pictures, root, used), partial(pictures, root, used)
        return self._assemble(p, "official", tree.models, Files(root), {"files": tree.identity}, check, listed)

    def _simulated(self, p: ChairsParameters) -> Blueprint:
        from .stand_in.factors import models_of

        named = models_of(p.seed, p.chairs)
        models, numbers = tuple(named), tuple(named.values())
        studio, prepare = Drawn(p.seed, numbers), None
        listed: Callable[[], Sequence[Path]] | None = None
        if p.write_raw:
            key = fingerprint([self.version, p.seed, p.chairs])[:8]
            folder = data_dir() / "raw" / f"{self.name}-simulated-{key}"
            studio, prepare = Drawn(p.seed, numbers, folder), partial(_write_and_check, p.seed, named, folder)
            listed = partial(pictures_in, folder, models)
        described = {"seed": p.seed, "write_raw": p.write_raw}
        return self._assemble(p, "simulated", models, studio, described, prepare, listed)

    def _assemble(
        self,
        p: ChairsParameters,
        source: str,
        models: tuple[str, ...],
        studio: Studio,
        described: Mapping[str, Any],
        prepare: Callable[[], None] | None,
        raw_files: Callable[[], Sequence[Path]] | None,
    ) -> Blueprint:
        asked = {name: value for name, value in asdict(p).items() if name not in ("seed", "write_raw")}
        per_chair, frames = len(walks(p.order, 0)), len(walks(p.order, p.wrap)[0])
        chairs_per_shard = max(1, SHARD_BYTES // (per_chair * frames * 3 * p.size**2))
        order = published_order(len(models), p.chairs)
        return Blueprint(
            dataset=self.name,
            version=self.version,
            source=source,
            seed=p.seed if source == "simulated" else 0,
            parameters={**asked, **described},
            card=SIMULATED if source == "simulated" else self.card,
            split=_split(p),
            n_sequences=per_chair * p.chairs,
            sequences_per_shard=per_chair * chairs_per_shard,
            variables=_variables(p, per_chair * p.chairs, per_chair * chairs_per_shard, source),
            coordinates=_coordinates(p),
            produce=Producer(studio, models, tuple(order.tolist()), p.order, p.wrap, p.size),
            normaliser={"kind": "fixed", "mean": 0.0, "std": 255.0},
            prepare=prepare,
            raw_files=raw_files,
        )


def _check_count(tree: Tree, wanted: int) -> None:
    """The tree has all chairs that are wanted, and no more than were given out."""
    found = len(tree.models)
    if found > MODELS:
        raise StbenchError(
            f"{tree.root} has {found:,} chairs and {MODELS:,} were given out: take out what is not of the set, as "
            "every folder changes the split"
        )
    if found < wanted:
        raise StbenchError(
            f"{tree.root} has {found:,} of the {wanted:,} chairs that are wanted: get the whole tree, or go on without "
            f"the published split: `--set chairs={found}`"
        )


def _split(p: ChairsParameters) -> Split:
    from stbench.splits.files import load_split

    published, split = load_split(__package__, "chairs-1.json"), split_of(p.chairs, p.order)
    return published if split.ranges == published.ranges else split


def _write_and_check(seed: int, named: Mapping[str, int], folder: Path) -> None:
    from .stand_in.files import write_chairs

    write_chairs(seed, named, folder)
    root = root_in(folder)
    if root is None or survey(root).models != tuple(named):
        raise StbenchError(f"{folder} does not hold the chairs it should: delete it and run the same command again")
    check_pictures(root, tuple(named))


def _variables(p: ChairsParameters, n: int, per_shard: int, source: str) -> dict[str, Variable]:
    def factor(dtype: str, name: str, units: str) -> Variable:
        return Variable(("sequence",), (n,), dtype, (per_shard,), {"long_name": name, "units": units})

    frames = len(walks(p.order, p.wrap)[0])
    found = {
        "frames": Variable(
            ("sequence", "time", "channel", "y", "x"),
            (n, frames, 3, p.size, p.size),
            "uint8",
            (1, min(CHUNK_FRAMES, frames), 3, p.size, p.size),
            {"long_name": "colour (red, green, blue)", "units": "1"},
        ),
        "chair": factor("uint16", "place of the chair among the models sorted by name", "1"),
        "model": Variable(
            ("sequence", "byte"), (n, 16), "uint8", (per_shard, 16), {"long_name": "name of the model", "units": "1"}
        ),
    }
    if p.order == "rings":
        found["elevation"] = factor("uint8", "height of the camera over the horizon", "degree")
    if source == "simulated":
        from .stand_in.factors import described

        for name, (dims, shape, dtype, attributes) in described().items():
            found[name] = Variable(("sequence", *dims), (n, *shape), dtype, (per_shard, *shape), attributes)
    return found


def _coordinates(p: ChairsParameters) -> dict[str, Coordinate]:
    found = {
        name: Coordinate(("time",), values, {"long_name": f"{name} of the camera", "units": "degree"})
        for name, values in angles(p.order, p.wrap).items()
    }
    time = {"long_name": "frame number", "units": "1", "axis": "T"}
    found["time"] = Coordinate(("time",), np.arange(len(found["azimuth"].values), dtype=np.int64), time)
    for name, axis in (("y", "Y"), ("x", "X")):
        attributes = {"long_name": f"{name}, from the upper left corner", "units": "pixel", "axis": axis}
        found[name] = Coordinate((name,), np.arange(p.size, dtype=np.int64), attributes)
    return found


chairs = Chairs(
    name="chairs",
    version="1",
    card=CHAIRS,
    parameters=ChairsParameters,
    # A window from every view on, round the chair, as published.
    tracks=(
        # Both elevations of a chair are one sample.
        Track("chairs", "forecast", 5, 10, train_horizon=10, metrics=METRICS, cluster="chair"),
        Track("chairs", "swap", 5, 15, train_horizon=10, metrics=SWAP_METRICS),
    ),
    presets={"quick": {"chairs": 60}},
)
