"""Is a store still what was generated? Every file against its checksum, every decoded value against the digest."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from stbench.store import integrity
from stbench.store.digest import combine, file_checksum, sequence_digest
from stbench.store.reader import Store, open_store

BLOCK_BYTES = 64 << 20


@dataclass(frozen=True)
class Report:
    ok: bool
    digest_expected: str
    digest_found: str
    """Empty where a damaged file keeps the values from being decoded."""
    damaged: tuple[str, ...]
    """Files, by their path in the store, and what is wrong with each."""
    sequences: int
    seconds: float


def verify(path: str | os.PathLike[str], on_progress: Callable[[int, int], None] | None = None) -> Report:
    """Recompute the checksums of all files and, if they are right, the digest of the decoded values.

    `on_progress(steps done, steps in all)`. `StbenchError` where there is no finished store or its metadata are beyond
    reading.
    """
    begun = time.perf_counter()
    store = open_store(path)
    tables = integrity.read(store.path)
    steps = tables.shard_checksum[..., 0].size + store.n_sequences
    done = 0

    def advance(count: int) -> None:
        nonlocal done
        done += count
        if on_progress:
            on_progress(done, steps)

    damaged = [_check(store.path, name, bytes.fromhex(checksum)) for name, checksum in tables.files.items()]
    for pattern, checksums in zip(tables.shard_files, tables.shard_checksum, strict=True):
        for shard, checksum in enumerate(checksums):
            damaged.append(_check(store.path, pattern.format(shard=shard), checksum.tobytes()))
            advance(1)
    found = ""
    if not any(damaged):
        # Not before: a codec may crash on damaged bytes, or read them as something else.
        found, wrong = _decoded_digest(store, tables.sequence_digest, advance)
        damaged += [f"sequence {each}: its decoded values are not those that were generated" for each in wrong]
        if not wrong and found != store.digest:
            damaged.append("coordinates: their values are not those that were generated")
    report = tuple(each for each in damaged if each)
    return Report(not report, store.digest, found, report, store.n_sequences, time.perf_counter() - begun)


def _check(root: Path, name: str, checksum: bytes) -> str:
    """What is wrong with a file of the store; empty if nothing is."""
    try:
        return "" if file_checksum(root / name) == checksum else f"{name}: its bytes have changed"
    except FileNotFoundError:
        return f"{name}: it is missing"
    except OSError as error:
        return f"{name}: it cannot be read ({error.strerror})"


def _decoded_digest(store: Store, expected: np.ndarray, advance: Callable[[int], None]) -> tuple[str, list[int]]:
    """The digest of the stored values, and the sequences that differ from `expected` (sequence, 32)."""
    import zarr

    variables = store.attributes["variables"]
    group = zarr.open_group(store.path, mode="r")
    digests, wrong = [], []
    size = sum(np.dtype(each["dtype"]).itemsize * int(np.prod(each["shape"])) for each in variables.values())
    rows = max(1, BLOCK_BYTES * store.n_sequences // size)
    for first in range(0, store.n_sequences, rows):
        block = {name: store.read(slice(first, first + rows), variable=name) for name in variables}
        for sequence in range(first, min(first + rows, store.n_sequences)):
            digest = sequence_digest({name: values[sequence - first] for name, values in block.items()})
            digests.append(digest)
            if digest != expected[sequence].tobytes():
                wrong.append(sequence)
            advance(1)
    coordinates = {name: np.asarray(array[...]) for name, array in group.arrays() if name not in variables}
    return combine(digests, coordinates), wrong
