"""What users hand to Python functions and commands, checked at the door: a value that fits, or one sentence."""

from __future__ import annotations

import math
import operator
import os
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote, urlsplit

from stbench.errors import StbenchError, nearest

if TYPE_CHECKING:
    import numpy as np

LARGEST_SEED = 2**63 - 1
"""What NumPy, torch and the tables of results all can hold."""
LONGEST_NAME = 100
LONGEST_PART = 255
"""Bytes of a file's name on the file systems in use."""
_SCHEME = re.compile(r"([A-Za-z][A-Za-z0-9+.-]+):(?:/|$)")
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9.+_-]*")
_ARCHIVES = {b"PK\x03\x04": "zip", b"PK\x05\x06": "zip", b"\x1f\x8b": "gzip", b"7z\xbc\xaf": "7z", b"Rar!": "rar"}


def whole(name: str, value: Any, least: int, most: int | None = None) -> int:
    """A whole number between `least` and `most`, NumPy's too; `StbenchError` that names the argument otherwise."""
    wanted = f"of at least {least}" if most is None else f"between {least} and {most}"
    # NumPy's truth value is no index either, but says so in a warning only.
    if isinstance(value, bool) or type(value).__name__ in ("bool_", "bool"):
        raise StbenchError(f"{name} is {value}: give a whole number {wanted}")
    try:
        number = operator.index(value)
    except TypeError:
        raise StbenchError(f"{name} is {_told(value)}: give a whole number {wanted}") from None
    if number < least or (most is not None and number > most):
        raise StbenchError(f"{name} is {number}: give a whole number {wanted}")
    return number


def seed(value: Any) -> int:
    """The seed of a run, 0 to `LARGEST_SEED`."""
    return whole("seed", value, 0, LARGEST_SEED)


def seeds(name: str, value: Any, count: int) -> list[int]:
    """`count` seeds in an array (count,) of whole numbers from 0 on; `StbenchError` that names the argument."""
    import numpy as np

    if not isinstance(value, np.ndarray) or value.shape != (count,) or value.dtype.kind not in "iu":
        found = f"{value.dtype} {value.shape}" if isinstance(value, np.ndarray) else _told(value)
        raise StbenchError(f"{name} is {found}: give a numpy array ({count},) of whole numbers, one a window")
    return [whole(name, each, 0, LARGEST_SEED) for each in value.tolist()]


def name(value: Any, what: str) -> str:
    """A name that can be a folder's on every machine; `what` is what it cannot name: "a model"."""
    if not isinstance(value, str) or not _NAME.fullmatch(value):
        raise StbenchError(f"{_told(value)} cannot name {what}: use letters, digits and . + _ - only")
    if len(value) > LONGEST_NAME:
        raise StbenchError(f"'{value[:20]}...' cannot name {what}: it has {len(value)} letters, at most {LONGEST_NAME}")
    return value


def text(name: str, value: Any) -> str:
    if not isinstance(value, str):
        raise StbenchError(f"{name} is {_told(value)}: give a text")
    return value


def local_path(value: str | os.PathLike[str]) -> Path:
    """The path of a file on this machine, ~ expanded; of `file://...` what follows.

    `StbenchError` for the address of something elsewhere, and for what no file can be called.
    """
    if not isinstance(value, str | os.PathLike) or not isinstance(given := os.fspath(value), str):
        raise StbenchError(f"a path is {_told(value)}: give a text or a pathlib.Path")
    if "\0" in given:
        raise StbenchError(f"{given!r} is no path: it has a zero byte")
    # pathlib makes s3:/bucket of s3://bucket; a file called so is written ./s3:/bucket.
    if found := _SCHEME.match(given):
        given = _of_file_url(given, found[1])
    for part in Path(given).parts:
        if len(os.fsencode(part)) > LONGEST_PART:
            raise StbenchError(f"'{part[:20]}...' cannot be the name of a file: it is longer than {LONGEST_PART} bytes")
    try:
        return Path(given).expanduser()
    except RuntimeError as error:
        raise StbenchError(f"'{given}' is no path here ({error}): write it out") from None


def _of_file_url(given: str, scheme: str) -> str:
    if scheme.lower() != "file":
        raise StbenchError(
            f"'{given}' is the address of a {scheme} store, and stbench reads and writes files of this machine only: "
            "copy it here, then give its path"
        )
    parts = urlsplit(given)
    if parts.netloc not in ("", "localhost"):
        raise StbenchError(f"'{given}' is a file of the machine '{parts.netloc}': give the path it has on this one")
    return unquote(parts.path)


def new_place(value: str | os.PathLike[str]) -> Path:
    """An absolute path under which something can be made; `StbenchError` for `/`, which is no name."""
    path = local_path(value).absolute()
    if path.name in ("", ".."):
        path = path.resolve()
    if not path.name:
        raise StbenchError(f"'{value}' is the root of all files and not the path of something in it: give one")
    return path


def archive(path: Path) -> str:
    """The kind of an archive that must be unpacked first, "zip" say; empty for anything else."""
    if not path.is_file():
        return ""
    try:
        with path.open("rb") as file:
            head = file.read(262)
    except OSError:
        return ""
    if head[257:262] == b"ustar":
        return "tar"
    return next((kind for start, kind in _ARCHIVES.items() if head.startswith(start)), "")


def frames(name: str, value: Any, wanted: tuple[int, ...] | None) -> np.ndarray:
    """Frames to ask a model about, (batch, time, *frame); `wanted` is (time, *frame), -1 for any.

    `StbenchError` for another shape, for what is not floating point, and for values that are not finite.
    """
    import numpy as np

    try:
        values = np.asarray(value)
    except Exception as error:  # of a list of lists, or a tensor on a device
        told = (str(error).splitlines() or [""])[0]
        raise StbenchError(f"{name} is {_told(value)} and no array ({told}): give a NumPy array of float32") from None
    shape = "(batch, time, *frame)"
    if wanted is not None:
        shape = f"(batch, {', '.join('time' if size < 0 else str(size) for size in wanted)})"
    if values.dtype.kind != "f":
        raise StbenchError(
            f"{name} is of type {values.dtype}: give float32 {shape}, normalised as `stbench.windows` does"
        )
    fits = values.ndim >= 3 if wanted is None else values.ndim == 1 + len(wanted)
    if fits and wanted is not None:
        fits = all(size in (-1, found) for size, found in zip(wanted, values.shape[1:], strict=True))
    if not fits:
        raise StbenchError(f"{name} has the shape {values.shape}, and wanted is {shape}")
    if not values.size:
        raise StbenchError(f"{name} is empty, of shape {values.shape}: wanted is {shape} of at least one")
    with np.errstate(over="ignore"):
        known = np.isfinite(values.astype(np.float32, copy=False))
    if not known.all():
        raise StbenchError(f"{name} has {int((~known).sum())} values that are not finite in float32: fill them first")
    return values


def lead_times(value: Any) -> list[float]:
    """Increasing, positive lead times."""
    if isinstance(value, str | bytes | Mapping):
        raise StbenchError(f"lead_times is {_told(value)}: give numbers, [0.5, 1, 1.5] say")
    try:
        times = [float(each) for each in value]
    except (TypeError, ValueError):
        raise StbenchError(f"lead_times is {_told(value)}: give numbers, [0.5, 1, 1.5] say") from None
    before = [0.0, *times]
    if not times or not all(a < b < math.inf for a, b in zip(before, times, strict=False)):
        raise StbenchError(f"lead_times is {_told(value)}: give increasing numbers above 0, [0.5, 1, 1.5] say")
    return times


def one_of(name: str, value: Any, known: Sequence[str]) -> str:
    if value not in known:
        raise StbenchError(f"there is no {name} {_told(value)}: {nearest(str(value), known)}")
    return str(value)


def _told(value: Any) -> str:
    told = repr(value) if isinstance(value, str | int | float | list | tuple | type(None)) else ""
    return told if told and len(told) <= 60 else f"a {type(value).__name__}"
