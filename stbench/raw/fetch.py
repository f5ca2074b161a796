"""Getting original files from their mirrors, checked, and resumed where a download broke off.

A generator that has original files fulfils `HasRawFiles`. One whose files no program may download has no `urls` in
them, or no files at all, and `instructions`: what to get, from whom, under which terms.
"""

from __future__ import annotations

import hashlib
import shutil
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Protocol, runtime_checkable

from stbench.errors import StbenchError
from stbench.files import sync, take_place
from stbench.paths import raw_dir
from stbench.raw.files import BLOCK, RawFile, cache_folder, check, find_in, folders, locate

OnProgress = Callable[[int, int], None]
"""`on_progress(bytes_done, bytes_in_all)`; 0 in all while unknown."""

TIMEOUT_SECONDS = 30


@runtime_checkable
class HasRawFiles(Protocol):
    """What `fetch` needs of a generator, beyond `stbench.contract.datasets.Generator`."""

    name: str
    raw_files: Sequence[RawFile]
    raw_aliases: Sequence[str]
    """Other folder names under which people keep the files."""
    instructions: str
    """How to get by hand what has no mirror: what, from whom, the terms. Empty where every file has one."""


def destination(generator: HasRawFiles, raw: Path | None = None) -> Path:
    """The folder fetched files go to: one that already has some of them, else `RAW/<dataset>`, else the cache."""
    for folder in folders(generator.name, raw, generator.raw_aliases):
        if any(find_in(folder, spec) is not None for spec in generator.raw_files):
            return folder
    root = raw if raw is not None else raw_dir()
    return cache_folder(generator.name) if root is None else root / generator.name


def fetch(
    generator: HasRawFiles, raw: Path | None = None, on_file: Callable[[RawFile, str], OnProgress] | None = None
) -> list[Path]:
    """Bring every original file of a dataset to this machine and check it; files that are here and right stay.

    `on_file(spec, url)` is called when a download begins and gives what is told its progress. Raises `StbenchError`
    when a file has no mirror, when no mirror gave it, or when one that is here is not the official file.
    """
    found = locate(generator.raw_files, generator.name, raw, generator.raw_aliases)
    if found is not None and generator.raw_files:
        for spec in generator.raw_files:
            check(found[spec.name], spec)
        return [found[spec.name] for spec in generator.raw_files]
    folder = destination(generator, raw)
    by_hand = [spec.name for spec in generator.raw_files if not spec.urls and find_in(folder, spec) is None]
    if by_hand or not generator.raw_files:
        what = ", ".join(by_hand) or f"the official files of '{generator.name}'"
        raise StbenchError(f"{what} cannot be fetched by a program: get them as described and put them into {folder}")
    folder.mkdir(parents=True, exist_ok=True)
    paths = [_fetch_one(spec, folder, on_file) for spec in generator.raw_files]
    shutil.rmtree(folder / STAGING, ignore_errors=True)
    return paths


STAGING = ".fetch"
"""Sub-folder of the destination where downloads lie until they are checked."""


def _fetch_one(spec: RawFile, folder: Path, on_file: Callable[[RawFile, str], OnProgress] | None) -> Path:
    present = find_in(folder, spec)
    if present is not None:
        check(present, spec)
        return present
    failures: list[str] = []
    for url in spec.urls:
        on_progress = on_file(spec, url) if on_file is not None else None
        try:
            return _from_mirror(url, spec, folder, on_progress)
        # OSError: connection, HTTP status; ValueError: the checksum pooch compares.
        except (OSError, ValueError, StbenchError) as error:
            failures.append(f"{url} ({error})")
    raise StbenchError(
        f"no mirror gave {spec.name}: {'; '.join(failures)}; "
        f"try again later, or get it elsewhere and put it into {folder}"
    )


def _from_mirror(url: str, spec: RawFile, folder: Path, on_progress: OnProgress | None) -> Path:
    import pooch  # type: ignore[import-untyped]

    name = url.rsplit("/", 1)[-1]
    # A folder per mirror: copies may differ in their gzip header, so the parts of two must not be joined.
    staging = folder / STAGING / hashlib.sha256(url.encode()).hexdigest()[:8]
    downloader = _Resuming(staging / f"{name}.part", _most_bytes(spec), on_progress)
    known_hash = spec.checksum if spec.of == "file" else None
    pooch.get_logger().setLevel("WARNING")  # who calls us tells the user what is fetched
    staged = Path(pooch.retrieve(url, known_hash=known_hash, fname=name, path=staging, downloader=downloader))
    try:
        check(staged, spec)
    except StbenchError:
        staged.unlink()
        raise
    # A file's name may have folders; a mirror's copy may be called NAME.gz.
    final = (folder / spec.name).with_name(name)
    final.parent.mkdir(parents=True, exist_ok=True)
    sync(staged)
    take_place(staged, final)
    return final


def _most_bytes(spec: RawFile) -> int | None:
    """A server that sends more than this is stopped; compressed data is never much larger than its content."""
    if spec.bytes is None:
        return None
    return spec.bytes if spec.of == "file" else spec.bytes + spec.bytes // 1000 + BLOCK


class _Resuming:
    """A pooch downloader that keeps what it got in a `.part` file and asks the server for the rest."""

    def __init__(self, part: Path, most_bytes: int | None, on_progress: OnProgress | None) -> None:
        self.part, self.most_bytes, self.on_progress = part, most_bytes, on_progress

    def __call__(self, url: str, output_file: Any, pooch: Any) -> None:
        import requests

        self.part.parent.mkdir(parents=True, exist_ok=True)
        done = self.part.stat().st_size if self.part.exists() else 0
        headers = {"Accept-Encoding": "identity"} | ({"Range": f"bytes={done}-"} if done else {})
        with requests.get(url, headers=headers, stream=True, timeout=TIMEOUT_SECONDS) as response:
            if response.status_code == requests.codes.requested_range_not_satisfiable:
                self.part.unlink()
                raise OSError("the part here is not a part of the file there; it was deleted, try again")
            response.raise_for_status()
            continued = response.status_code == requests.codes.partial_content
            done = done if continued else 0
            total = done + int(response.headers.get("Content-Length", 0))
            with self.part.open("ab" if continued else "wb") as file:
                for block in response.iter_content(BLOCK):
                    done += len(block)
                    if self.most_bytes is not None and done > self.most_bytes:
                        break
                    file.write(block)
                    if self.on_progress is not None:
                        self.on_progress(done, total)
        if self.most_bytes is not None and done > self.most_bytes:
            self.part.unlink()
            raise OSError(f"the server sends more than {self.most_bytes:,} bytes")
        if done < total:
            raise OSError(f"it broke off after {done:,} of {total:,} bytes, the same command goes on from there")
        take_place(self.part, Path(output_file))  # on disk when it is checked, see `_from_mirror`
