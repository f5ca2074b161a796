"""One process at a time in a folder.

`folder/lock` is locked with the file system's own lock, which the system lets go of when the process dies. Some file
systems have none (`flock` answers ENOLCK or ENOSYS; NFS and Lustre may), nor has a Python without `fcntl`. There a
lease is used, `folder/lease`: a file with host, pid and start of its holder, touched every `HEARTBEAT_SECONDS`. Another
process takes it over when it sees on its own host that the holder has died, or, from another host, no heartbeat for
`LEASE_SECONDS`.
"""

from __future__ import annotations

import errno
import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from stbench.errors import StbenchError

if TYPE_CHECKING:
    from filelock import BaseFileLock

LOCK, LEASE = "lock", "lease"
WITHOUT_LOCKS = {errno.ENOLCK, errno.ENOSYS, errno.ENOTSUP, errno.EOPNOTSUPP}
LEASE_SECONDS = 120.0
"""Longer than anything may keep Python's threads from running: the heartbeat is one of them."""
HEARTBEAT_SECONDS = 15.0
PATIENCE_SECONDS = 0.2
"""How long a lock is tried that nobody waits for: a holder that clears up makes it fail for a moment."""
POLL_SECONDS = 0.05


@contextmanager
def locked(
    folder: Path,
    busy: str,
    *,
    remedy: str = "wait for it or choose another --out",
    waiting: Callable[[str], None] | None = None,
) -> Iterator[Callable[[], None]]:
    """Hold the lock of `folder`, making the folder, while the block runs.

    `busy` says what the holder does ("generating x.zarr"). Without `waiting` a `StbenchError` that ends in `remedy`
    where another process holds it; with `waiting`, which is told so in one sentence, its turn is waited for. What is
    yielded raises `StbenchError` when the lock was lost meanwhile, which can happen to a lease; call it before a step
    that two processes must not take.
    """
    lock = _acquired(folder, busy, remedy, waiting)
    try:
        yield lambda: _check_held(lock, busy)
    finally:
        lock.release()


def remove_lock(folder: Path) -> None:
    """Take the lock's files out of a folder that is held, so that the folder can be given its final name."""
    for name in (LOCK, LEASE):
        (folder / name).unlink(missing_ok=True)


def is_of_lock(name: str) -> bool:
    """Whether a file of that name in a locked folder is the lock's."""
    return name.partition(".")[0] in (LOCK, LEASE)


def _acquired(folder: Path, busy: str, remedy: str, waiting: Callable[[str], None] | None) -> BaseFileLock:
    make, patience = _system_lock if _system_has_locks() else _lease, PATIENCE_SECONDS
    if make is _lease:
        _warn_of_lease(folder, "this Python has no fcntl")
    from filelock import Timeout

    while True:
        folder.mkdir(parents=True, exist_ok=True)
        lock = make(folder)
        try:
            lock.acquire(timeout=patience, poll_interval=POLL_SECONDS)
            return lock
        except FileNotFoundError:  # the holder finished and removed the folder: make a new one
            continue
        except Timeout:
            holder = _holder(lock)
            told = patience != PATIENCE_SECONDS
            if waiting is None and (told or not holder):
                raise StbenchError(f"another process{holder} is {busy} right now: {remedy}") from None
            if not told:
                (waiting or _warn)(f"another process{holder} is {busy} right now: waiting for it")
            # Whether the holder on another host is alive shows only by waiting for its heartbeat.
            patience = -1.0 if waiting else LEASE_SECONDS + HEARTBEAT_SECONDS
        except OSError as error:
            if make is _lease or error.errno not in WITHOUT_LOCKS:
                raise
            _warn_of_lease(folder, f"the file system of {folder} has no locks ({error.strerror})")
            make = _lease


def _system_has_locks() -> bool:
    import warnings

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # filelock warns of what is said here in a sentence
        from filelock import FileLock, SoftFileLock
    return FileLock is not SoftFileLock


def _system_lock(folder: Path) -> BaseFileLock:
    from filelock import FileLock

    return FileLock(folder / LOCK, fallback_to_soft=False)


def _lease(folder: Path) -> BaseFileLock:
    from filelock import SoftFileLease

    return SoftFileLease(folder / LEASE, lease_duration=LEASE_SECONDS, heartbeat_interval=HEARTBEAT_SECONDS)


def _holder(lock: BaseFileLock) -> str:
    """ " (pid 7 on host)" of a lease held on another host, else nothing."""
    import socket

    from filelock import SoftFileLease

    owner = lock.owner if isinstance(lock, SoftFileLease) else None
    return "" if owner is None or owner.hostname == socket.gethostname() else f" (pid {owner.pid} on {owner.hostname})"


def _check_held(lock: BaseFileLock, busy: str) -> None:
    from filelock import SoftFileLease

    if isinstance(lock, SoftFileLease) and (lost := lock.compromise):
        raise StbenchError(
            f"the lock {lock.lock_file} was lost while {busy} ({lost.reason}), because this process stood still for "
            f"more than {LEASE_SECONDS:.0f} s or the file was removed: run the same command again"
        )


def _warn_of_lease(folder: Path, why: str) -> None:
    _warn(f"{why}: a file with host, pid and heartbeat stands in, {folder / LEASE}")


def _warn(sentence: str) -> None:
    logging.getLogger(__name__).warning(sentence)
