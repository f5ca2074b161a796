"""The group `integrity` of a store: what `stbench verify` compares with.

    sequence_digest (sequence, byte)       SHA-256 of the decoded values of each sequence
    shard_checksum (variable, shard, byte) SHA-256 of each shard file; attribute `shard_files`: its path, per variable
    attribute `files`                      SHA-256 of every other file of the store, metadata included, by its path

The file of this group's own attributes is the one file without a checksum.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from stbench.errors import StbenchError
from stbench.files import sync
from stbench.store.digest import file_checksum
from stbench.store.layout import INTEGRITY, write_whole

TABLES = ("sequence_digest", "shard_checksum")
OWN_FILE = f"{INTEGRITY}/zarr.json"
REMEDY = "delete the store and generate it again"


@dataclass(frozen=True)
class Integrity:
    sequence_digest: np.ndarray
    shard_checksum: np.ndarray
    shard_files: list[str]
    files: dict[str, str]


def write(root: Path, shard_files: Sequence[str], sequence_digest: np.ndarray, shard_checksum: np.ndarray) -> None:
    """Add the group to a store that is otherwise complete; every file but the shards is on disk when this returns."""
    import zarr

    group = zarr.create_group(root, path=INTEGRITY, overwrite=True)
    write_whole(group, TABLES[0], sequence_digest, ("sequence", "byte"), {})
    write_whole(group, TABLES[1], shard_checksum, ("variable", "shard", "byte"), {})
    shards = tuple(pattern.partition("{shard}")[0] for pattern in shard_files)
    files = {}
    for file in sorted(root.rglob("*")):
        name = file.relative_to(root).as_posix()
        if file.is_dir():
            sync(file)
        elif name != OWN_FILE and not name.startswith(shards):
            sync(file)
            files[name] = file_checksum(file).hex()
    group.attrs.put({"shard_files": list(shard_files), "files": files})
    sync(root / OWN_FILE)


def read(root: Path) -> Integrity:
    """Read the tables; `StbenchError` where they are damaged themselves."""
    import zarr

    file = root / OWN_FILE
    try:
        attributes: dict[str, Any] = json.loads(file.read_text())["attributes"]
        files, shard_files = dict(attributes["files"]), list(attributes["shard_files"])
        bad = [name for name in files if name.startswith(f"{INTEGRITY}/") and not _agrees(root / name, files[name])]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise StbenchError(
            f"the checksums of the store {root} cannot be read from {file} ({error!r}): {REMEDY}"
        ) from None
    if bad:
        raise StbenchError(f"the checksums of the store {root} are damaged in {root / bad[0]}: {REMEDY}")
    tables = [zarr.open_array(root, path=f"{INTEGRITY}/{name}", mode="r")[...] for name in TABLES]
    return Integrity(np.asarray(tables[0]), np.asarray(tables[1]), shard_files, files)


def _agrees(file: Path, checksum: str) -> bool:
    return file_checksum(file).hex() == checksum
