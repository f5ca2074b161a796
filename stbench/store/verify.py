"""Is a store still what was generated? Every file against its checksum, every decoded value against the digest."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from stbench.arguments import local_path
from stbench.errors import Damaged, StbenchError
from stbench.store import integrity
from stbench.store.digest import combine, file_damage, sequence_digest
from stbench.store.reader import Store, open_store

BLOCK_BYTES = 64 << 20


@dataclass(frozen=True)
class Report:
    ok: bool
    digest_expected: str
    digest_found: str
    """Empty where a damaged file keeps the values from being decoded."""
    damaged: tuple[str, ...]
    """Files and arrays, by their path in the store, and what is wrong with each."""
    sequences: int
    seconds: float


def verify(path: str | os.PathLike[str], on_progress: Callable[[int, int], None] | None = None) -> Report:
    """Recompute the checksums of all files and, if they are right, the digest of the decoded values.

    What is not as it was written is damage, metadata and checksums too, and so is a file that does not belong to the
    store; hidden files are left out. `on_progress(steps done, steps in all)`. `StbenchError` where there is no finished
    store.
    """
    begun = time.perf_counter()
    root = local_path(path).absolute()
    store = _opened(root)
    try:
        tables = integrity.read(root)
    except Damaged as error:
        if isinstance(store, Store):
            return _report(store, "", (str(error),), begun)
        if isinstance(store, Damaged):
            return _report(store, "", (str(store), str(error)), begun)
        raise store from None  # no store, or one of a later version
    checksums = tables.shard_checksum[..., 0].size
    steps, done = checksums + (store.n_sequences if isinstance(store, Store) else 0), 0

    def advance(count: int) -> None:
        nonlocal done
        done += count
        if on_progress:
            on_progress(done, steps)

    found = [file_damage(root, name, bytes.fromhex(checksum)) for name, checksum in tables.files.items()]
    for name, checksum in tables.shards():
        found.append(file_damage(root, name, checksum))
        advance(1)
    damaged = (*filter(None, found), *_foreign(root, tables))
    if isinstance(store, Damaged) and not damaged:
        damaged = (str(store),)
    if damaged:  # nothing is decoded: a codec may crash on damaged bytes, or read them as something else
        return _report(store, "", damaged, begun)
    if isinstance(store, StbenchError):  # as it was written, and of a later version
        raise store
    digest, damaged = _check_values(store, tables.sequence_digest, advance)
    return _report(store, digest, damaged, begun)


def _report(store: Store | StbenchError, found: str, damaged: tuple[str, ...], begun: float) -> Report:
    expected, sequences = (store.digest, store.n_sequences) if isinstance(store, Store) else ("", 0)
    return Report(not damaged, expected, found, damaged, sequences, time.perf_counter() - begun)


def _opened(path: Path) -> Store | StbenchError:
    """The store, or why it cannot be opened; that is raised where nothing says that there is one."""
    try:
        return open_store(path)
    except StbenchError as error:
        if isinstance(error, Damaged) or (path / integrity.OWN_FILE).exists():
            return error
        raise


def _foreign(root: Path, tables: integrity.Integrity) -> list[str]:
    """Files and arrays that do not belong to the store. Hidden files are left out, as file managers leave some."""
    own = {integrity.OWN_FILE, *tables.files, *(name for name, _ in tables.shards())}
    found = {}
    for folder, _, names in os.walk(root):
        for name in sorted(names):
            file = (Path(folder) / name).relative_to(root).as_posix()
            if file in own or name.startswith("."):
                continue
            top = file.partition("/")[0]
            # An array or group of somebody else is named once and not by each of its files.
            array = "/" in file and (root / top / "zarr.json").is_file() and f"{top}/zarr.json" not in own
            found[top if array else file] = "an array that does" if array else "it does"
    return [f"{name}: {what} not belong to the store" for name, what in sorted(found.items())]


def _check_values(store: Store, expected: np.ndarray, advance: Callable[[int], None]) -> tuple[str, tuple[str, ...]]:
    """The digest of the decoded values, empty where they cannot be decoded, and what is wrong with them."""
    try:
        digest, wrong = _decoded_digest(store, expected, advance)
    except Exception as error:  # metadata that agree with their checksums and not with the arrays: zarr raises anything
        return "", (f"the values of {store.path} cannot be decoded ({type(error).__name__}: {error})",)
    damaged = [f"sequence {each}: its decoded values are not those that were generated" for each in wrong]
    if not wrong and digest != store.digest:
        damaged.append("coordinates: their values are not those that were generated")
    return digest, tuple(damaged)


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
