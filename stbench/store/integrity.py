"""The group `integrity` of a store: what `stbench verify` compares with.

sequence_digest (sequence, byte)       SHA-256 of the decoded values of each sequence
shard_checksum (variable, shard, byte) SHA-256 of each shard file; attribute `shard_files`: its path, per variable
attribute `files`                      SHA-256 of every other file of the store, metadata included, by its path
attribute `own`                        SHA-256 of the file of these attributes, with 64 zeros in the place of this
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Annotated

import msgspec
import numpy as np

from stbench.documents import Unreadable, converted, parse_json, read_bytes
from stbench.errors import Damaged, StbenchError
from stbench.files import sync, write_bytes
from stbench.store.digest import file_checksum, file_damage
from stbench.store.layout import INTEGRITY, write_whole

TABLES = ("sequence_digest", "shard_checksum")
OWN_FILE = f"{INTEGRITY}/zarr.json"
REMEDY = "delete the store and generate it again"
MENDED = "mend that, then give the same command"
"""Where a file cannot be opened, and nothing says that it is damaged."""
NO_CHECKSUM = "0" * 64
LARGEST = 1 << 28
"""Bytes of the file of the attributes."""
SHARD = "{shard}"
Checksum = Annotated[str, msgspec.Meta(pattern="^[0-9a-f]{64}$")]


@dataclass(frozen=True)
class Integrity:
    sequence_digest: np.ndarray
    shard_checksum: np.ndarray
    shard_files: list[str]
    files: dict[str, str]

    def shards(self) -> Iterator[tuple[str, bytes]]:
        """Path in the store and checksum of every shard."""
        for pattern, checksums in zip(self.shard_files, self.shard_checksum, strict=True):
            for shard, checksum in enumerate(checksums):
                yield pattern.replace(SHARD, str(shard)), checksum.tobytes()


class _Attributes(msgspec.Struct, forbid_unknown_fields=True):
    shard_files: list[str]
    files: dict[str, Checksum]
    own: Checksum = ""
    """Empty in a store that was made before there was one."""


class _Group(msgspec.Struct):
    attributes: _Attributes


def write(root: Path, shard_files: Sequence[str], sequence_digest: np.ndarray, shard_checksum: np.ndarray) -> None:
    """Add the group to a store that is otherwise complete; every file but the shards is on disk when this returns."""
    import zarr

    group = zarr.create_group(root, path=INTEGRITY, overwrite=True)
    write_whole(group, TABLES[0], sequence_digest, ("sequence", "byte"), {})
    write_whole(group, TABLES[1], shard_checksum, ("variable", "shard", "byte"), {})
    shards = tuple(pattern.partition(SHARD)[0] for pattern in shard_files)
    files = {}
    for file in sorted(root.rglob("*")):
        name = file.relative_to(root).as_posix()
        if file.is_dir():
            sync(file)
        elif name != OWN_FILE and not name.startswith(shards):
            sync(file)
            files[name] = file_checksum(file).hex()
    group.attrs.put({"shard_files": list(shard_files), "files": files, "own": NO_CHECKSUM})
    content = (root / OWN_FILE).read_bytes()
    own = hashlib.sha256(content).hexdigest()
    write_bytes(root / OWN_FILE, content.replace(NO_CHECKSUM.encode(), own.encode()))


def read(root: Path) -> Integrity:
    """Read the tables; `Damaged` where they are damaged themselves, another `StbenchError` where none may be opened."""
    file = root / OWN_FILE
    try:
        attributes = _attributes(file)
    except (FileNotFoundError, NotADirectoryError, Unreadable) as error:
        raise Damaged(f"the checksums of the store {root} cannot be read from {file} ({error}): {REMEDY}") from None
    except OSError as error:
        raise StbenchError(f"the checksums of the store {root} cannot be read ({error}): {MENDED}") from None
    for name, checksum in attributes.files.items():
        if name.startswith(f"{INTEGRITY}/") and file_damage(root, name, bytes.fromhex(checksum)):
            raise Damaged(f"the checksums of the store {root} are damaged in {root / name}: {REMEDY}")
    try:
        digests, checksums = (_table(root, name) for name in TABLES)
        if digests.shape[1:] != (32,) or checksums.shape[::2] != (len(attributes.shard_files), 32):
            raise Unreadable(f"their shapes are {digests.shape} and {checksums.shape}")
    except Exception as error:  # a damaged array makes zarr and its codecs raise what they like
        raise Damaged(f"the checksums of the store {root} cannot be read ({error}): {REMEDY}") from None
    return Integrity(digests, checksums, attributes.shard_files, attributes.files)


def _attributes(file: Path) -> _Attributes:
    content = read_bytes(file, LARGEST)
    attributes = converted(parse_json(content), _Group).attributes
    blank = content.replace(attributes.own.encode(), NO_CHECKSUM.encode()) if attributes.own else content
    if attributes.own and hashlib.sha256(blank).hexdigest() != attributes.own:
        raise Unreadable("its bytes have changed")
    for name in (*attributes.files, *attributes.shard_files):
        if PurePosixPath(name).is_absolute() or ".." in PurePosixPath(name).parts:
            raise Unreadable(f"{name!r:.60} lies outside the store")
    return attributes


def _table(root: Path, name: str) -> np.ndarray:
    import zarr

    values = np.asarray(zarr.open_array(root, path=f"{INTEGRITY}/{name}", mode="r")[...])
    if values.dtype != np.uint8 or values.ndim != 2 + TABLES.index(name):
        raise Unreadable(f"{name} holds {values.ndim} axes of {values.dtype}")
    return values
