"""From parameters to a blueprint: shapes, coordinates and the function that produces a range of sequences."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from stbench.contract.datasets import Blueprint, Card, Coordinate, Split, Track, Variable
from stbench.errors import StbenchError

from .draws import Draw, draw, official_pixels
from .parameters import WaveParameters

SHARD_BYTES = 25_000_000
LARGEST_SHARD = 25
LONGEST_CHUNK = 50

SOURCE_FACTORS: Mapping[str, tuple[str, str]] = {
    "source_amplitude": ("initial acceleration of the source, f0", "m s-2"),
    "source_x": ("x of the source's centre", "m"),
    "source_y": ("y of the source's centre", "m"),
    "source_radius": ("radius of the source", "m"),
    "source_decay": ("decay rate of the source, 1/T0", "s-1"),
    "source_onset": ("time the source starts", "s"),
}


@dataclass(frozen=True)
class WaveDataset:
    """A dataset of the wave simulator; fulfils `stbench.contract.datasets.Generator`."""

    name: str
    version: str
    card: Card
    parameters: type[WaveParameters]
    tracks: tuple[Track, ...]
    presets: Mapping[str, Mapping[str, Any]]

    def sources(self, raw: Path | None) -> tuple[str, ...]:
        return ("procedural",)

    def blueprint(self, parameters: WaveParameters, source: str = "procedural", raw: Path | None = None) -> Blueprint:
        """Resolve `draws="auto"`, lay the store out and choose the split. Raises `StbenchError` for a foreign
        source."""
        if source != "procedural":
            raise StbenchError(
                f"{self.name} is defined by its simulator, so its source is 'procedural', not '{source}'"
            )
        p = replace(parameters, draws=parameters.effective_draws)
        from .certificate import certificate

        return Blueprint(
            dataset=self.name,
            version=self.version,
            source=source,
            seed=p.seed,
            parameters={key: list(value) if isinstance(value, tuple) else value for key, value in asdict(p).items()},
            card=self.card,
            split=self._split(p.sequences),
            n_sequences=p.sequences,
            sequences_per_shard=_shard(p),
            variables={"frames": _frames(p), **_factors(p)},
            coordinates=_coordinates(p),
            produce=partial(produce, p),
            normaliser={"kind": "identity" if p.normalisation == "minmax" else "standardise"},
            certificate=partial(certificate, p),
        )

    def _split(self, sequences: int) -> Split:
        from stbench.splits.files import load_split, proportional_split

        published = load_split(__package__, f"{self.name}-1.json")
        if sequences == published.n_sequences:
            return published
        return proportional_split(f"{self.name}/proportional-1", sequences)


def sensors(p: WaveParameters) -> int:
    """Number of observed pixels, or 0 where whole frames are stored."""
    return int(getattr(p, "sensors", 0))


def _shard(p: WaveParameters) -> int:
    """Sequences per shard: tens of MB of whole frames, and enough shards to share among workers."""
    bytes_per_sequence = 4 * int(np.prod(_frames(p).shape[1:]))
    return min(max(SHARD_BYTES // bytes_per_sequence, 1), LARGEST_SHARD, p.sequences)


def _frames(p: WaveParameters) -> Variable:
    attributes = {"long_name": "displacement w" + (", min-max per sequence" if p.normalisation == "minmax" else "")}
    attributes["units"] = "1" if p.normalisation == "minmax" else "m"
    if count := sensors(p):
        shape: tuple[int, ...] = (p.sequences, p.n_frames, count)
        return Variable(("sequence", "time", "sensor"), shape, "float32", (1, *shape[1:]), attributes)
    shape = (p.sequences, p.n_frames, 1, p.size, p.size)
    # A window of 45 frames touches one or two chunks; the chunk length divides the number of frames.
    divisors = [k for k in range(1, min(LONGEST_CHUNK, p.n_frames) + 1) if p.n_frames % k == 0]
    chunk_time = divisors[-1] if divisors[-1] > LONGEST_CHUNK // 4 else p.n_frames
    return Variable(
        ("sequence", "time", "channel", "y", "x"), shape, "float32", (1, chunk_time, 1, p.size, p.size), attributes
    )


def _factors(p: WaveParameters) -> dict[str, Variable]:
    """Everything drawn: `wave_speed` (its mean over a field), the sources, the field itself."""
    n, shard = p.sequences, _shard(p)

    def scalar(long_name: str, units: str, dtype: str = "float64") -> Variable:
        return Variable(("sequence",), (n,), dtype, (shard,), {"long_name": long_name, "units": units})

    several = p.n_sources[1] > 1
    factors = {"wave_speed": scalar("mean wave speed" if p.speed_cells else "wave speed c", "m s-1")}
    if several:
        factors["n_sources"] = scalar("number of sources", "1", "int64")
    for name, (long_name, units) in SOURCE_FACTORS.items():
        if several:
            attributes = {"long_name": long_name + "; sources of amplitude 0 do not exist", "units": units}
            shape, chunk = (n, p.n_sources[1]), (shard, p.n_sources[1])
            factors[name] = Variable(("sequence", "source"), shape, "float64", chunk, attributes)
        elif name == "source_amplitude" or getattr(p, name)[0] != getattr(p, name)[1]:
            factors[name] = scalar(long_name, units)
    if p.speed_cells:
        factors["wave_speed_field"] = Variable(
            ("sequence", "y_grid", "x_grid") if sensors(p) else ("sequence", "y", "x"),
            (n, p.size, p.size),
            "float32",
            (1, p.size, p.size),
            {"long_name": "wave speed c(x, y)", "units": "m s-1"},
        )
    return factors


def _coordinates(p: WaveParameters) -> dict[str, Coordinate]:
    time = np.arange(p.n_frames) * (p.record_every * p.step)
    attributes = {"standard_name": "time", "long_name": "time", "units": "s", "axis": "T"}
    coordinates = {"time": Coordinate(("time",), time, attributes)}
    count = sensors(p)
    if count:
        attributes = {"long_name": "number of the pixel, as drawn"}
        coordinates["sensor"] = Coordinate(("sensor",), np.arange(count), attributes)
    rows, columns = official_pixels(p.size, count) if count else (np.arange(p.size), np.arange(p.size))
    for name, index in (("y", rows), ("x", columns)):
        attributes = {"long_name": f"{name} coordinate", "units": "m", "axis": name.upper()}
        coordinates[name] = Coordinate(("sensor",) if count else (name,), index * p.spacing, attributes)
    return coordinates


def produce(p: WaveParameters, start: int, stop: int) -> dict[str, np.ndarray]:
    """Every variable of sequences start .. stop - 1, each computed by itself, so the batch cannot matter.

    Memory beyond the result: one sequence in float64.
    """
    from .kernel import store_scaled
    from .solver import solve

    count = sensors(p)
    pixels = official_pixels(p.size, count) if count else None
    variables = {"frames": _frames(p), **_factors(p)}
    out = {name: np.zeros((stop - start, *each.shape[1:]), each.dtype) for name, each in variables.items()}
    for row, index in enumerate(range(start, stop)):
        drawn = draw(p, index)
        solution = solve(p, drawn.speed, drawn.sources)
        low, span = 0.0, 1.0
        if p.normalisation == "minmax":
            # Over all time points, recorded or not: the extrema of the published data. A field that never moves stays
            # at 0.
            low, span = solution.low, (solution.high - solution.low) or 1.0
        visible = solution.recorded if pixels is None else solution.recorded[:, pixels[0], pixels[1]]
        store_scaled(visible.reshape(-1), low, span, out["frames"][row].reshape(-1))
        _write_factors(p, drawn, row, out)
    return out


def _write_factors(p: WaveParameters, drawn: Draw, row: int, out: dict[str, np.ndarray]) -> None:
    # fsum: a mean whose last bit does not depend on how NumPy was built.
    field = np.asarray(drawn.speed).ravel()
    out["wave_speed"][row] = math.fsum(field) / field.size
    if "wave_speed_field" in out:
        out["wave_speed_field"][row] = drawn.speed
    if "n_sources" in out:
        out["n_sources"][row] = len(drawn.sources)
    for k, source in enumerate(drawn.sources):
        values = {
            "source_amplitude": source.amplitude,
            "source_x": source.x * p.spacing,
            "source_y": source.y * p.spacing,
            "source_radius": source.radius,
            "source_decay": source.decay,
            "source_onset": source.first_step * p.step,
        }
        for name in values.keys() & out.keys():
            out[name][(row, k) if p.n_sources[1] > 1 else row] = values[name]
