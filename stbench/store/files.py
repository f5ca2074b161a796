"""Small promises about files: atomic, on disk, locked, and failing in one sentence."""

from __future__ import annotations

import errno
import fcntl
import os
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from stbench.errors import StbenchError


@contextmanager
def storage_errors(path: Path) -> Iterator[None]:
    """Turn an `OSError` while writing the store `path` into a `StbenchError`."""
    try:
        yield
    except OSError as error:
        again = "then run the same command again: it continues where it stopped"
        if error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG):
            raise StbenchError(f"there is no space to write {path} ({error.strerror}): free some, {again}") from None
        if error.errno in (errno.EACCES, errno.EPERM, errno.EROFS):
            where = error.filename or path
            raise StbenchError(
                f"there is no permission for {where}, which the store {path} needs: choose another --out"
            ) from None
        raise StbenchError(f"writing the store {path} failed: {error}; mend that, {again}") from None


def sync(path: Path) -> None:
    """Return when a file, or the entries of a folder, are on disk."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def write_atomically(path: Path, content: bytes) -> None:
    """Write a file that is there whole or not at all, whenever the machine stops."""
    temporary = path.with_name(f".{path.name}.{uuid.uuid4().hex}.partial")
    with temporary.open("wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    os.replace(temporary, path)
    sync(path.parent)


@contextmanager
def locked(folder: Path, what: str) -> Iterator[None]:
    """Hold `folder/lock`, making the folder, while the block runs; the system lets go of it when the process dies.

    `StbenchError` where another process holds it.
    """
    while True:
        folder.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(folder / "lock", os.O_RDWR | os.O_CREAT, 0o644)
        try:
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                raise StbenchError(
                    f"another process is generating {what} right now: wait for it or choose another --out"
                ) from None
            if _same_file(descriptor, folder / "lock"):
                yield
                return
            # The holder finished and removed the folder between our opening and our locking: take the new one.
        finally:
            os.close(descriptor)


def _same_file(descriptor: int, path: Path) -> bool:
    try:
        return os.path.samestat(os.fstat(descriptor), os.stat(path))
    except FileNotFoundError:
        return False
