"""Where each array of a store lies, and how: names, chunks, shards, codec.

    zarr.json                 root attributes: identity, card, split, statistics, digest, ...
    frames/c.3.0.0.0.0        a sharded variable: shard 3 holds sequences 3k .. 4k-1 whole, k sequences in a shard
    wave_speed/               a gathered variable: small per sequence, written at the end, many sequences in one chunk
    time/ y/ x/ ...           coordinates
    row_size/                 frames of each sequence, where they differ in length; behind them is padding of 0
    integrity/                digest of each sequence, SHA-256 of each shard and of every other file

Codec: shuffled lz4. On wave frames, one writer on a two-core machine, it wrote 550-630 MB/s and read 550-900 MB/s at
less than half the size (2.17); zstd at level 1 wrote 150-300 MB/s (1.98, shuffled 2.35); no codec wrote 900 MB/s into
the page cache, but twice the bytes have to reach the disk.
"""

from __future__ import annotations

import dataclasses
import math
import warnings
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from stbench.contract.datasets import Blueprint, Coordinate, Variable

if TYPE_CHECKING:
    import zarr

SHARDS, RAGGED_SHARDS = 1, 2
"""Version of how shards lie, without and with `row_size`; in the plan of a store that grows."""
ROW_SIZE = "row_size"
GATHERED_BYTES = 1024
"""A variable of at most this many bytes per sequence travels in the done-markers and has no shards of its own."""
GATHERED_CHUNK_BYTES = 1 << 20
INTEGRITY = "integrity"


@dataclass(frozen=True)
class Layout:
    """Shapes of everything in a store; JSON-able and picklable, compared when an interrupted `generate` goes on."""

    n_sequences: int
    sequences_per_shard: int
    variables: Mapping[str, Variable]
    row_size: np.ndarray | None = None
    """(sequence,) int64: frames of each sequence, where they differ in length."""

    @property
    def n_shards(self) -> int:
        return math.ceil(self.n_sequences / self.sequences_per_shard)

    @property
    def sharded(self) -> list[str]:
        return sorted(name for name in self.variables if self.sequence_bytes(name) > GATHERED_BYTES)

    @property
    def gathered(self) -> list[str]:
        return sorted(name for name in self.variables if self.sequence_bytes(name) <= GATHERED_BYTES)

    @property
    def n_frames(self) -> int:
        return self.variables["frames"].shape[1]

    def sequence_bytes(self, name: str) -> int:
        """Bytes of one sequence of a variable, decoded."""
        variable = self.variables[name]
        return math.prod(variable.shape[1:]) * np.dtype(variable.dtype).itemsize

    def is_timed(self, name: str) -> bool:
        """Whether a variable has the time axis, which `row_size` cuts."""
        return self.variables[name].dims[1:2] == ("time",)

    def padding_share(self, name: str) -> float:
        """Share of a variable that is padding."""
        if self.row_size is None or not self.is_timed(name):
            return 0.0
        return 1.0 - float(self.row_size.mean()) / self.n_frames

    def span(self, shard: int) -> tuple[int, int]:
        """First sequence of a shard and last + 1."""
        first = shard * self.sequences_per_shard
        return first, min(first + self.sequences_per_shard, self.n_sequences)

    def shard_pattern(self, name: str) -> str:
        """Path of a shard inside the store, with {shard} in the place of its number."""
        return f"{name}/c.{{shard}}" + ".0" * (len(self.variables[name].shape) - 1)

    def shard_file(self, name: str, shard: int) -> str:
        """Path of a shard inside the store."""
        return self.shard_pattern(name).format(shard=shard)

    def is_shard(self, file: str) -> bool:
        """Whether a path inside the store is that of a shard."""
        name, _, key = file.partition("/")
        number = key.split(".")[1] if key.count(".") else ""
        if name not in self.sharded or not number.isdecimal():
            return False
        return int(number) < self.n_shards and file == self.shard_file(name, int(number))

    def describe(self) -> dict[str, Any]:
        """JSON-able: what must be unchanged for a half-written store to be continued."""
        return {
            "format": SHARDS if self.row_size is None else RAGGED_SHARDS,
            "n_sequences": self.n_sequences,
            "sequences_per_shard": self.sequences_per_shard,
            "variables": {
                name: {key: value for key, value in dataclasses.asdict(variable).items() if key != "attributes"}
                for name, variable in sorted(self.variables.items())
            },
        }


def layout_of(blueprint: Blueprint) -> Layout:
    """The layout of a blueprint; `ValueError` where a generator's author contradicts himself."""
    if "frames" not in blueprint.variables:
        raise ValueError(f"the blueprint of {blueprint.dataset} has no variable 'frames'")
    for name, variable in blueprint.variables.items():
        aligned = len(variable.dims) == len(variable.shape) == len(variable.chunk) and variable.dims[0] == "sequence"
        if not aligned or variable.shape[0] != blueprint.n_sequences:
            raise ValueError(f"the variable '{name}' of {blueprint.dataset} has no leading dimension of all sequences")
        if blueprint.sequences_per_shard % variable.chunk[0]:
            raise ValueError(f"a shard of {blueprint.dataset} cuts a chunk of '{name}'")
    row_size = _row_size_of(blueprint)
    return Layout(blueprint.n_sequences, blueprint.sequences_per_shard, dict(blueprint.variables), row_size)


def _row_size_of(blueprint: Blueprint) -> np.ndarray | None:
    coordinate = blueprint.coordinates.get(ROW_SIZE)
    if coordinate is None:
        return None
    values, n_frames = np.asarray(coordinate.values), blueprint.variables["frames"].shape[1]
    whole = coordinate.dims == ("sequence",) and values.dtype == np.int64 and values.shape == (blueprint.n_sequences,)
    if not whole or values.min() < 1 or values.max() > n_frames:
        raise ValueError(f"row_size of {blueprint.dataset} is not (sequence,) int64 between 1 and {n_frames} frames")
    return values


def _compressor() -> Any:
    from zarr.codecs import BloscCodec

    return BloscCodec(cname="lz4", clevel=5, shuffle="shuffle")


def create(root: Path, layout: Layout, coordinates: Mapping[str, Coordinate]) -> None:
    """Create the group with its coordinates and the still empty sharded variables."""
    import zarr

    group = zarr.create_group(root, zarr_format=3, overwrite=True)
    for name, coordinate in coordinates.items():
        write_whole(group, name, np.asarray(coordinate.values), coordinate.dims, coordinate.attributes)
    for name in layout.sharded:
        variable = layout.variables[name]
        pairs = zip(variable.chunk[1:], variable.shape[1:], strict=True)
        chunk = (variable.chunk[0], *(min(each, size) for each, size in pairs))
        pairs = zip(chunk[1:], variable.shape[1:], strict=True)
        group.create_array(
            name,
            shape=variable.shape,
            dtype=variable.dtype,
            chunks=chunk,
            shards=(layout.sequences_per_shard, *(each * math.ceil(size / each) for each, size in pairs)),
            compressors=_compressor(),
            chunk_key_encoding={"name": "default", "separator": "."},
            # A shard that went missing reads as NaN, not as a plausible frame of zeros.
            fill_value=np.nan if np.dtype(variable.dtype).kind == "f" else 0,
            dimension_names=variable.dims,
            attributes=variable_attributes(variable, coordinates),
        )


def consolidate(root: Path) -> None:
    """Repeat the metadata of all arrays in the root's: no reader needs it, but xarray warns where it is missing."""
    import zarr
    from zarr.errors import ZarrUserWarning

    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Consolidated metadata", ZarrUserWarning)  # no part of the specification yet
        zarr.consolidate_metadata(root)


def variable_attributes(variable: Variable, coordinates: Mapping[str, Coordinate]) -> dict[str, Any]:
    """The variable's attributes and CF `coordinates`: those that are not named like their own dimension."""
    auxiliary = sorted(
        name
        for name, coordinate in coordinates.items()
        if coordinate.dims != (name,) and set(coordinate.dims) <= set(variable.dims)
    )
    return dict(variable.attributes) | ({"coordinates": " ".join(auxiliary)} if auxiliary else {})


def write_whole(
    group: zarr.Group, name: str, values: np.ndarray, dims: tuple[str, ...], attributes: Mapping[str, Any]
) -> None:
    """Write an array in one piece, replacing one of that name; chunks cut only the leading axis."""
    rows = max(1, GATHERED_CHUNK_BYTES // max(1, values[:1].nbytes)) if values.ndim else 1
    group.create_array(
        name,
        data=values,
        chunks=tuple(max(1, size) for size in (min(rows, values.shape[0]), *values.shape[1:])) if values.ndim else (),
        compressors=_compressor(),
        fill_value=0,
        dimension_names=dims,
        attributes=dict(attributes),
        overwrite=True,
        config={"write_empty_chunks": True},
    )
