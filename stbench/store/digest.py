"""What makes two stores equal: SHA-256 over decoded values, sequence by sequence.

    sequence digest = SHA-256( for each variable, by name: header || values )
    store digest    = SHA-256( sequence digest 0 || sequence digest 1 || ... || digest of the coordinates )

The header is the canonical JSON of [name, dtype, shape], the values are little-endian bytes in C order. Codec, chunks,
shards, the number of workers and the order they worked in do not enter.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from pathlib import Path

import numpy as np

from stbench.contract.datasets import canonical_json


def sequence_digest(arrays: Mapping[str, np.ndarray]) -> bytes:
    """SHA-256 (32 bytes) of the arrays of one sequence, without their sequence axis; variables sorted by name."""
    digest = hashlib.sha256()
    for name in sorted(arrays):
        values = np.asarray(arrays[name])
        values = np.asarray(values, values.dtype.newbyteorder("<"), order="C")
        digest.update(canonical_json([name, values.dtype.str, values.shape]).encode())
        digest.update(values.reshape(-1).view(np.uint8).data)
    return digest.digest()


def combine(sequences: Iterable[bytes], coordinates: Mapping[str, np.ndarray]) -> str:
    """The digest of a store, in hexadecimal, from its sequence digests in index order and its coordinates."""
    digest = hashlib.sha256()
    for each in sequences:
        digest.update(each)
    digest.update(sequence_digest(coordinates))
    return digest.hexdigest()


def file_checksum(path: Path) -> bytes:
    """SHA-256 (32 bytes) of the bytes of a file; `OSError` where it cannot be read."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").digest()


def file_damage(root: Path, name: str, checksum: bytes) -> str:
    """What is wrong with a file of a store; empty if nothing is."""
    path = root / name
    try:
        if not path.is_file():  # a pipe would never end
            return f"{name}: it is {'no regular file' if path.exists() else 'missing'}"
        return "" if file_checksum(path) == checksum else f"{name}: its bytes have changed"
    except OSError as error:
        return f"{name}: it cannot be read ({error.strerror})"
