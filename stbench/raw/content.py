"""What raw files hold, by SHA-256: a store is made from one content of its raw files, from its first shard to its last.

A file is read once. Its checksum is kept beside its size and its times (last change of the content, last change of
the entry), and a file in which these are the same is not read again.
"""

from __future__ import annotations

import hashlib
import os
import stat
from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from stbench.contract.datasets import fingerprint
from stbench.errors import StbenchError

MOST_LISTED = 1_000
"""Files of which a store names each; of more it has the checksum of them all."""


@dataclass(frozen=True)
class Seen:
    """A raw file when it was read."""

    bytes: int
    changed: tuple[int, int]
    """Nanoseconds: of the content, and of the entry, which no program sets back."""
    sha256: str


def read_content(paths: Sequence[Path], known: Mapping[str, Seen] | None = None) -> dict[str, Seen]:
    """Name -> what is in each of these files; names are below the folder that holds them all.

    A file that is as it was in `known` is not read again. `StbenchError` for one that is missing or cannot be read.
    """
    known = known or {}
    named = _named(paths)

    def look(name: str) -> Seen:
        path = named[name]
        try:
            about = path.stat()
            if not stat.S_ISREG(about.st_mode):
                raise StbenchError(f"{path} is no file but a folder or a device: put the raw file there")
            before = known.get(name)
            changed = (about.st_mtime_ns, about.st_ctime_ns)
            if before is not None and (before.bytes, before.changed) == (about.st_size, changed):
                return before
            with path.open("rb") as file:
                return Seen(about.st_size, changed, hashlib.file_digest(file, "sha256").hexdigest())
        except OSError as error:
            raise StbenchError(f"{path} cannot be read: {error.strerror or error}") from None

    with ThreadPoolExecutor(os.cpu_count()) as pool:
        return dict(zip(named, pool.map(look, named), strict=True))


def _named(paths: Iterable[Path]) -> dict[str, Path]:
    each = sorted({Path(os.path.abspath(path)) for path in paths})
    if not each:
        return {}
    root = Path(os.path.commonpath([path.parent for path in each]))
    return {path.relative_to(root).as_posix(): path for path in each}


def difference(before: Mapping[str, Seen], now: Mapping[str, Seen]) -> str:
    """The first file whose content is another one, and what is other; nothing where all have the same."""
    for name in sorted(before.keys() | now.keys()):
        old, new = before.get(name), now.get(name)
        if new is None:
            return f"{name} is not among them any more"
        if old is None:
            return f"{name} was not among them"
        if old.bytes != new.bytes:
            return _other_size(name, old.bytes, new.bytes)
        if old.sha256 != new.sha256:
            return f"{name} has the SHA-256 {new.sha256[:12]} and had {old.sha256[:12]}"
    return ""


def touched(before: Mapping[str, Seen], now: Mapping[str, Seen]) -> str:
    """The first file of other times than before, though `difference` says nothing: in between it may have been another
    one; nothing where there is none."""
    return next((name for name in sorted(now) if name in before and before[name].changed != now[name].changed), "")


def other_size(before: Mapping[str, Seen], paths: Sequence[Path]) -> str:
    """The first file that has another size than before, and both sizes; nothing where there is none."""
    for name, path in _named(paths).items():
        size = path.stat().st_size if path.is_file() else 0
        if name in before and before[name].bytes != size:
            return _other_size(name, before[name].bytes, size)
    return ""


def _other_size(name: str, old: int, new: int) -> str:
    return f"{name} has {new:,} bytes and had {old:,}"


def content_attributes(seen: Mapping[str, Seen]) -> dict[str, Any]:
    """What a store says of the raw files it was made from: JSON-able.

    `sha256` is that of the canonical JSON of [[name, bytes, sha256], ...] by name; `content` (name -> SHA-256) is left
    out where there are more than `MOST_LISTED` files.
    """
    rows = [[name, each.bytes, each.sha256] for name, each in sorted(seen.items())]
    listed = {name: seen[name].sha256 for name in sorted(seen)} if len(seen) <= MOST_LISTED else {}
    total = sum(each.bytes for each in seen.values())
    return {"files": len(seen), "bytes": total, "sha256": fingerprint(rows), "content": listed}
