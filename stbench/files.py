"""Files that are there whole or not at all, whenever the process or the machine stops.

A file or folder is written under a hidden name beside its place (`.<hex>.partial.<name>`), brought to the disk, and
takes its place by one rename; where writing fails it is removed, where the process is killed the hidden one stays.
"""

from __future__ import annotations

import errno
import json
import logging
import os
import shutil
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from stbench.errors import StbenchError
from stbench.locks import locked, remove_lock

PARTIAL = ".partial."


def sync(path: Path) -> None:
    """Return when a file, or the entries of a folder, are on disk."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def sync_tree(folder: Path) -> None:
    """Return when a folder and all it contains are on disk."""
    for each in folder.rglob("*"):
        sync(each)
    sync(folder)


@contextmanager
def atomic_file(path: Path) -> Iterator[Path]:
    """Where to write a file that takes the place of `path` when the block ends; its folder is made.

    The name ends like that of `path`, so that what chooses a format by the suffix chooses the same. `OSError` as the
    system raises it.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = partial_name(path)
    try:
        yield temporary
        sync(temporary)
        take_place(temporary, path)
    finally:
        temporary.unlink(missing_ok=True)


def take_place(new: Path, path: Path) -> None:
    """Give a file or folder whose content is on disk its final name; a file that bears it is replaced."""
    os.replace(new, path)
    sync(path.parent)


def write_bytes(path: Path, content: bytes) -> None:
    """Write a file atomically, as `atomic_file` does."""
    with atomic_file(path) as temporary:
        temporary.write_bytes(content)


def write_text(path: Path, content: str) -> None:
    """Write a file atomically as UTF-8, line ends as they are."""
    write_bytes(path, content.encode("utf-8"))


def write_json(path: Path, content: Any, *, indent: int | None = 1, allow_nan: bool = False) -> None:
    """Write JSON and a line end atomically; `ValueError` for NaN and infinities, which are no JSON, unless allowed."""
    write_text(path, json.dumps(content, indent=indent, allow_nan=allow_nan, ensure_ascii=False) + "\n")


@contextmanager
def atomic_folder(path: Path) -> Iterator[Path]:
    """A new folder that takes the place of `path`, and of the folder that is there, when the block ends."""
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = partial_name(path)
    temporary.mkdir()
    try:
        yield temporary
        sync_tree(temporary)
        replace_folder(temporary, path)
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


def replace_folder(new: Path, path: Path) -> None:
    """Give a folder that is on disk its name; what bears the name is removed, after it was renamed away."""
    before = partial_name(path)
    with suppress(FileNotFoundError):
        os.rename(path, before)
    take_place(new, path)
    shutil.rmtree(before, ignore_errors=True)


def grow_folder(folder: Path, write: Callable[[Path], None], *, waiting: Callable[[str], None] | None = None) -> None:
    """Make `folder` with `write(part)`, unless it is there: it appears by one rename when `write` has returned.

    `part` is `<folder>.part`. What an interrupted `write` finished is still in it, so that it can go on. Another
    process that makes the same folder is waited for, and `waiting(sentence)`, by default a warning in the log, says so.
    Raises `StbenchError` where there is no space or permission.
    """
    part, busy = folder.with_name(folder.name + ".part"), f"generating {folder}"
    if folder.is_dir():
        # What a process left that was killed at the end. Whoever holds the lock, or cannot write here, is let be.
        with suppress(OSError, StbenchError):
            remove_lock(folder)
            if part.exists():
                with locked(part, busy):
                    remove_locked(part)
        return
    waiting = waiting or logging.getLogger(__name__).warning
    with storage_errors(folder), locked(part, busy, waiting=waiting) as check_held:
        if folder.is_dir():  # another process was faster
            remove_locked(part)
            return
        write(part)
        for leftover in [*part.rglob(f".*{PARTIAL}*")]:
            shutil.rmtree(leftover) if leftover.is_dir() else leftover.unlink()
        sync_tree(part)
        check_held()
        # The lock goes with the folder: whoever waits for it comes when the folder is there.
        take_place(part, folder)
        remove_lock(folder)


def remove_locked(folder: Path) -> None:
    """Remove a folder that is held; others may remove it in their turn, or make its lock's file again, meanwhile."""
    while folder.exists():
        try:
            shutil.rmtree(folder)
        except FileNotFoundError:  # another one took away what was to be removed: look what is left
            continue
        except OSError as error:
            # Who waits for the lock made its file again while the folder was emptied; he removes it in his turn.
            if error.errno != errno.ENOTEMPTY:
                raise
            return


def is_partial(path: Path) -> bool:
    """Whether a file or folder is one that was being written when its process was killed."""
    return path.name.startswith(".") and PARTIAL in path.name


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
                f"there is no permission for {where}, which the store {path} needs: choose another place, by "
                "`stbench generate --out` or STBENCH_DATA"
            ) from None
        raise StbenchError(f"writing the store {path} failed: {error}; mend that, {again}") from None


def partial_name(path: Path) -> Path:
    """A hidden name beside `path` that nobody else has, for what is to become `path`; it ends in the name of `path`."""
    return path.with_name(f".{uuid.uuid4().hex}{PARTIAL}{path.name}")
