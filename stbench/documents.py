"""Small files that may come from anywhere, read within limits: what is too large, too deep or no file is refused."""

from __future__ import annotations

import stat
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

__all__ = ["DEEPEST", "Unreadable", "read_bytes", "read_json"]

DEEPEST = 32
"""Levels of nesting of a JSON document."""
LARGEST_INTEGER = 2**64


class Unreadable(ValueError):
    """Why a file cannot be used, as the rest of a sentence: "it is not strict JSON"."""


def read_bytes(path: Path, limit: int) -> bytes:
    """The content of a file of at most `limit` bytes.

    Raises `Unreadable` for a larger one and for what is no regular file (a pipe, which would never end, a device), and
    OSError.
    """
    # Before it is opened: opening a pipe waits for somebody who writes.
    if not stat.S_ISREG(path.stat().st_mode):
        raise Unreadable("it is no regular file")
    with path.open("rb") as file:
        content = file.read(limit + 1)
    if len(content) > limit:
        raise Unreadable(f"it has more than {limit:,} bytes")
    return content


def read_json(path: Path, limit: int) -> Any:
    """A strict JSON document (no NaN, no infinity) of at most `limit` bytes and `DEEPEST` levels.

    Raises `Unreadable` and OSError.
    """
    import msgspec

    too_deep = Unreadable(f"it is nested more than {DEEPEST} levels deep")
    content = read_bytes(path, limit)
    try:
        document = msgspec.json.decode(content)
    except RecursionError:
        raise too_deep from None
    except (msgspec.MsgspecError, UnicodeDecodeError):
        raise Unreadable("it is not strict JSON") from None
    level = [document]
    for _ in range(DEEPEST):
        if any(type(each) is int and abs(each) >= LARGEST_INTEGER for each in level):
            raise Unreadable("it has a whole number of more than 64 bits")
        level = [inner for each in level for inner in _inner(each)]
    if level:
        raise too_deep
    return document


def _inner(value: Any) -> Iterator[Any]:
    if isinstance(value, Mapping):
        yield from value.values()
    elif isinstance(value, list):
        yield from value
