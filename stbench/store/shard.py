"""One shard from the generator to the disk: the unit of work of a worker, and of resuming."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np

from stbench.files import storage_errors, sync
from stbench.store.digest import file_checksum, sequence_digest
from stbench.store.layout import Layout
from stbench.store.part import Part
from stbench.store.statistics import Ranges, sequence_moments


@dataclass(frozen=True)
class ShardJob:
    """`job(shard)` produces, writes and records one shard; picklable, the same for every shard of a store."""

    part: Part
    layout: Layout
    ranges: Ranges
    produce: Callable[[int, int], Mapping[str, np.ndarray]]

    def __call__(self, shard: int) -> int:
        """Number of sequences written. `StbenchError` when the disk is full or closed to us."""
        first, last = self.layout.span(shard)
        arrays = self.produce(first, last)
        self._check(arrays, last - first)
        digests: list[np.ndarray] = []
        moments: list[tuple[float, ...]] = []
        for sequence in range(first, last):
            one = {name: values[sequence - first] for name, values in arrays.items()}
            digests.append(np.frombuffer(sequence_digest(one), np.uint8))
            moments += sequence_moments(self._unpadded(one, sequence), sequence, self.ranges)
        with storage_errors(self.part.path):
            files = [self._write(name, first, last, arrays[name], shard) for name in self.layout.sharded]
            self.part.record(
                shard,
                {
                    "digests": np.stack(digests),
                    "moments": np.array(moments, np.float64).reshape(-1, 8),
                    "sizes": np.array([size for size, _ in files], np.int64),
                    "checksums": np.array([list(checksum) for _, checksum in files], np.uint8).reshape(-1, 32),
                }
                | {f"values:{name}": arrays[name] for name in self.layout.gathered},
            )
        return last - first

    def _unpadded(self, one: Mapping[str, np.ndarray], sequence: int) -> np.ndarray:
        """The frames of a sequence up to its length; `ValueError` where a timed variable is not 0 behind it."""
        if self.layout.row_size is None:
            return one["frames"]
        length = int(self.layout.row_size[sequence])
        for name in filter(self.layout.is_timed, one):
            if one[name][length:].any():
                raise ValueError(f"produce gave '{name}' of sequence {sequence} beyond its {length} frames")
        return one["frames"][:length]

    def _check(self, arrays: Mapping[str, np.ndarray], rows: int) -> None:
        """`ValueError` where the generator's author did not keep to the blueprint."""
        variables = self.layout.variables
        if arrays.keys() != variables.keys():
            raise ValueError(f"produce gave {sorted(arrays)} where the blueprint has {sorted(variables)}")
        for name, values in arrays.items():
            expected = ((rows, *variables[name].shape[1:]), np.dtype(variables[name].dtype))
            if (values.shape, values.dtype) != expected:
                raise ValueError(f"produce gave '{name}' as {values.shape} {values.dtype}, not as {expected}")

    def _write(self, name: str, first: int, last: int, values: np.ndarray, shard: int) -> tuple[int, bytes]:
        """Write one variable's shard; size and SHA-256 of its file, which is on disk when this returns."""
        import zarr

        file = self.part.store / self.layout.shard_file(name, shard)
        file.unlink(missing_ok=True)  # a damaged one would be read, to be merged with what is written
        array = zarr.open_array(self.part.store, path=name, mode="r+")
        if self.layout.padding_share(name):
            array[first:last] = values  # chunks of padding alone are left out
        if not file.exists():
            # A chunk of nothing but the fill value must be stored too: every shard has its file.
            array.with_config({"write_empty_chunks": True})[first:last] = values
        sync(file)
        sync(file.parent)
        return file.stat().st_size, file_checksum(file)
