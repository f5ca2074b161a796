"""Finding, checking and reading original files. They are untrusted: size and checksum come before use.

A dataset names its files as `RawFile`s. They are looked for, all in one folder, in this order: `RAW/`,
`RAW/<dataset>/`, `RAW/<alias>/` and the download cache `STBENCH_DATA/raw/<dataset>/`; `RAW` is what the user gave, or
`STBENCH_RAW`. A file whose checksum is of its content may lie there plain or compressed (`name` or `name.gz`): copies
on the net differ in the gzip header only, so it is the uncompressed bytes that identify it.
"""

from __future__ import annotations

import difflib
import gzip
import hashlib
import io
import os
import stat
import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from stbench.errors import StbenchError
from stbench.paths import data_dir, raw_dir

GZIP_MAGIC = b"\x1f\x8b"
BLOCK = 1 << 20


@dataclass(frozen=True)
class RawFile:
    """One original file: its name, what identifies it, where it may be had."""

    name: str
    bytes: int | None = None
    """Size of what the checksum is of; None where unknown."""
    checksum: str | None = None
    """"md5:<hex>" or "sha256:<hex>"; None where no canonical bytes are known."""
    of: Literal["file", "content"] = "file"
    """Whether `bytes` and `checksum` are of the file as it lies there or of its content after gunzip."""
    urls: tuple[str, ...] = ()
    """Mirrors, best first; empty where the file may not be fetched by a program."""
    licence: str = ""
    also: tuple[str, ...] = ()
    """Other names under which people have the file, folders included."""

    @property
    def names(self) -> tuple[str, ...]:
        """Names under which the file is looked for."""
        names = (self.name, *self.also)
        return tuple(each + end for each in names for end in ("", ".gz")) if self.of == "content" else names


def cache_folder(dataset: str) -> Path:
    """`STBENCH_DATA/raw/<dataset>`: where fetched files go when neither `--raw` nor `STBENCH_RAW` is given."""
    return data_dir() / "raw" / dataset


def folders(dataset: str, raw: Path | None, aliases: Sequence[str] = ()) -> tuple[Path, ...]:
    """The folders that are searched, in order."""
    root = raw if raw is not None else raw_dir()
    searched = [] if root is None else [root, root / dataset, *(root / alias for alias in aliases)]
    return (*searched, cache_folder(dataset))


def entries(folder: Path) -> list[Path]:
    """What a folder holds, by name; hidden files, which some systems leave beside others under the same names, are
    left out. Nothing where it is no folder or may not be read."""
    try:
        return sorted(each for each in folder.iterdir() if not each.name.startswith("."))
    except OSError:
        return []


def named(folder: Path, name: str) -> Path | None:
    """The file of that name in a folder, or the first whose name differs in capitals only; None when there is none.
    A name may have folders in it, for which the same holds. A link that leads nowhere is one too: who reads it is told,
    while a file that is not there may be one that need not be."""
    place = folder / name
    if _is_meant_as_file(place):
        return place
    *above, last = Path(name).parts
    for part in above:
        found = next((each for each in entries(folder) if each.name.lower() == part.lower() and each.is_dir()), None)
        if found is None:
            return None
        folder = found
    return next((each for each in files_in(folder) if each.name.lower() == last.lower()), None)


def files_in(folder: Path) -> list[Path]:
    """Of `entries`, what is no folder: files, and what cannot be read as one, which is not passed over in silence."""
    return [each for each in entries(folder) if _is_meant_as_file(each)]


def _is_meant_as_file(path: Path) -> bool:
    return os.path.lexists(path) and not path.is_dir()


MOST_NAMED = 8


def what_lies(searched: Sequence[Path], wanted: Sequence[str] = ()) -> str:
    """The part of an error sentence that says what the searched folders hold, names like the wanted ones first."""
    held = {folder: [each.name for each in entries(folder)] for folder in dict.fromkeys(searched) if folder.is_dir()}
    told = [f"{folder} holds {_some(names, wanted)}" for folder, names in held.items() if names]
    if told:
        return "; ".join(told)
    return "which hold nothing" if held else "of which none is a folder"


def _some(names: Sequence[str], wanted: Sequence[str]) -> str:
    lower = {each.lower(): each for each in reversed(names)}
    near = [each for name in wanted[:MOST_NAMED] for each in difflib.get_close_matches(name.lower(), lower, 1, 0.7)]
    first = list(dict.fromkeys([*(lower[each] for each in near), *names]))
    more = len(first) - MOST_NAMED
    return ", ".join(first[:MOST_NAMED]) + (f" and {more:,} more" if more > 0 else "")


def find_in(folder: Path, spec: RawFile) -> Path | None:
    """The file of that name, plain or compressed, in one folder; None when it is not there."""
    return next((path for name in spec.names if (path := named(folder, name)) is not None), None)


def locate(
    files: Sequence[RawFile], dataset: str, raw: Path | None = None, aliases: Sequence[str] = ()
) -> dict[str, Path] | None:
    """Path of each file by its `name`, from the first folder that holds all of them; None when there is none.

    Nothing is opened: see `check` and `read`.
    """
    for folder in folders(dataset, raw, aliases):
        found = {spec.name: path for spec in files if (path := find_in(folder, spec)) is not None}
        if len(found) == len(files):
            return found
    return None


def require(
    files: Sequence[RawFile], dataset: str, raw: Path | None = None, aliases: Sequence[str] = ()
) -> dict[str, Path]:
    """As `locate`, but absence is a `StbenchError` naming what is missing, where it was looked for and what to do."""
    found = locate(files, dataset, raw, aliases)
    if found is not None:
        return found
    searched = folders(dataset, raw, aliases)
    present = [[spec.name for spec in files if find_in(folder, spec) is not None] for folder in searched]
    most = max(range(len(searched)), key=lambda i: len(present[i]))
    if present[most]:
        missing = [spec.name for spec in files if spec.name not in present[most]]
        where = f"{searched[most]} has {len(present[most])} of the {len(files)} but not {', '.join(missing)}"
    else:
        where = f"none of {', '.join(spec.name for spec in files)} is in {', '.join(map(str, searched))}"
    where = f"{where}; {what_lies(searched, [spec.name for spec in files])}"
    raise StbenchError(
        f"the official files of '{dataset}' were not found: {where}; `stbench fetch {dataset}` gets them or says who "
        f"has them, `--raw DIR` or STBENCH_RAW says where they lie, `--source simulated` does without"
    )


def check(path: Path, spec: RawFile) -> None:
    """Compare size and checksum with `spec`, in bounded memory; a difference is a `StbenchError` naming the file."""
    if spec.of == "content":
        read(path, spec)
        return
    size = _size(path)
    if spec.bytes is not None and size != spec.bytes:
        raise StbenchError(f"{path} has {size:,} bytes, not the {spec.bytes:,} it should have: {_AGAIN}")
    if spec.checksum is not None:
        algorithm, expected = spec.checksum.split(":")
        with open_file(path) as file:
            found = hashlib.file_digest(file, algorithm).hexdigest()
        _compare(path, algorithm, expected, found)


def read(path: Path, spec: RawFile, max_bytes: int | None = None) -> bytes:
    """The content of a file (after gunzip where it is compressed), checked against `spec`.

    Never holds more than `spec.bytes`, or `max_bytes` where the size is not known; one of the two is needed.
    """
    limit = spec.bytes if spec.of == "content" and spec.bytes is not None else max_bytes
    if limit is None:
        raise ValueError(f"{spec.name}: neither a size nor max_bytes is given")
    if spec.of == "file":
        check(path, spec)
    data = read_gzip_or_plain(path, limit)
    if spec.of == "content":
        if spec.bytes is not None and len(data) != spec.bytes:
            raise StbenchError(f"{path} holds {len(data):,} bytes, not the {spec.bytes:,} it should have: {_AGAIN}")
        if spec.checksum is not None:
            algorithm, expected = spec.checksum.split(":")
            _compare(path, algorithm, expected, hashlib.new(algorithm, data).hexdigest())
    return data


def read_gzip_or_plain(path: Path, max_bytes: int) -> bytes:
    """The content of a gzip file or of a plain one, told apart by their first two bytes.

    At most `max_bytes` + 1 bytes are ever decompressed, so a small file that unpacks to gigabytes costs nothing.
    Raises `StbenchError` when the file is absent, cannot be read, is larger than `max_bytes`, or its compressed data is
    truncated or damaged.
    """
    with open_file(path) as file:
        compressed = file.read(2) == GZIP_MAGIC
        file.seek(0)
        try:
            stream: io.BufferedIOBase = gzip.GzipFile(fileobj=file) if compressed else file
            data = stream.read(max_bytes + 1)
        except EOFError:
            raise StbenchError(f"{path} is truncated, its compressed data ends too early: {_AGAIN}") from None
        except (gzip.BadGzipFile, zlib.error) as error:
            raise StbenchError(f"{path} is a damaged gzip file ({error}): {_AGAIN}") from None
        except OSError as error:
            raise StbenchError(f"{path} cannot be read: {error.strerror or error}") from None
    if len(data) > max_bytes:
        raise StbenchError(f"{path} holds more than the {max_bytes:,} bytes it may hold: it is not the right file")
    return data


_AGAIN = "delete it and get it again"


def _compare(path: Path, algorithm: str, expected: str, found: str) -> None:
    if found != expected:
        raise StbenchError(f"{path} has the {algorithm} {found}, not {expected} as it should: {_AGAIN}")


def _size(path: Path) -> int:
    with open_file(path) as file:
        return os.fstat(file.fileno()).st_size


def open_file(path: Path) -> io.BufferedReader:
    """A raw file open for reading. `StbenchError` where it is absent, may not be read, or is a folder, a pipe or a
    device: one of those may have no end, or wait for ever."""
    try:
        if not stat.S_ISREG(path.stat().st_mode):
            raise StbenchError(f"{path} cannot be read: it is no file but a folder or a device, put the raw file there")
        return path.open("rb")
    except OSError as error:
        raise StbenchError(f"{path} cannot be read: {error.strerror or error}") from None
