"""Small files that may come from anywhere, read within limits: what is too large, too deep or no file is refused."""

from __future__ import annotations

import json
import re
import reprlib
import stat
import tomllib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, TypeVar

__all__ = ["DEEPEST", "Unreadable", "converted", "parse_json", "parse_toml", "read_bytes", "read_json", "read_toml"]

DEEPEST = 32
"""Levels of nesting of a document."""
LARGEST_INTEGER = 2**64
LARGEST_TOML = 1 << 20
"""Bytes; files of this kind are written by hand."""
_PART = r"""(?:[\w-]++|"[^"\n]*+"|'[^'\n]*+')"""
# The parser takes a time that grows with the square of the number of keys that are joined by dots.
_DOTTED = re.compile(rf"(?<![\w-]){_PART}(?:[ \t]*+\.[ \t]*+{_PART}){{{DEEPEST}}}")

_T = TypeVar("_T")


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


def read_json(path: Path, limit: int, *, nan: bool = False) -> Any:
    """A JSON document of at most `limit` bytes and `DEEPEST` levels: `parse_json`. Raises `Unreadable` and OSError."""
    return parse_json(read_bytes(path, limit), nan=nan)


def read_toml(path: Path, limit: int = LARGEST_TOML) -> dict[str, Any]:
    """A TOML document of at most `limit` bytes and `DEEPEST` levels. Raises `Unreadable` and OSError."""
    return parse_toml(read_bytes(path, limit))


def parse_json(content: bytes, *, nan: bool = False) -> Any:
    """A strict JSON document of at most `DEEPEST` levels; with `nan`, NaN and infinities may be in it as Python writes
    them. Raises `Unreadable`."""
    import msgspec

    try:
        document = json.loads(content) if nan else msgspec.json.decode(content)
    except RecursionError:
        raise _too_deep() from None
    except (msgspec.MsgspecError, ValueError):
        raise Unreadable("it is not JSON" if nan else "it is not strict JSON") from None
    _check_depth(document)
    return document


def parse_toml(content: bytes) -> dict[str, Any]:
    """A TOML document of at most `DEEPEST` levels. Raises `Unreadable`."""
    try:
        text = content.decode("utf-8-sig")
        if _DOTTED.search(text):
            raise _too_deep()
        document = tomllib.loads(text)
    except RecursionError:
        raise _too_deep() from None
    except Unreadable:
        raise
    except ValueError as error:
        raise Unreadable(f"it is no TOML: {str(error).splitlines()[0]}") from None
    _check_depth(document)
    return document


def converted(content: Any, kind: type[_T], within: str = "") -> _T:
    """`content` as a `kind`, every value of it checked. `Unreadable` names the first field that is something else."""
    import msgspec

    try:
        return msgspec.convert(content, kind)
    except msgspec.ValidationError as error:
        expected, _, place = str(error).partition(" - at ")
    # The library gives a place as `$.training.losses[...]`.
    names = place.strip("`").removeprefix("$").partition("[")[0].strip(".")
    for name in names.split(".") if names else ():
        content = content.get(name) if isinstance(content, Mapping) else None
    what = f"its field '{within}{names}'" if within or names else "it"
    raise Unreadable(f"{what} is {reprlib.repr(content)}: {expected[:1].lower()}{expected[1:]}")


def _check_depth(document: Any) -> None:
    level = [document]
    for _ in range(DEEPEST):
        if any(type(each) is int and abs(each) >= LARGEST_INTEGER for each in level):
            raise Unreadable("it has a whole number of more than 64 bits")
        level = [inner for each in level for inner in _inner(each)]
    if level:
        raise _too_deep()


def _too_deep() -> Unreadable:
    return Unreadable(f"it is nested more than {DEEPEST} levels deep")


def _inner(value: Any) -> Iterator[Any]:
    if isinstance(value, Mapping):
        yield from value.values()
    elif isinstance(value, list):
        yield from value
