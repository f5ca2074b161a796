"""Seeded mutations of raw files, and how each importer ends with them.

    run(begin, importer.name, range(50), seed=0, scratch=folder)   # in processes of their own (`watch`)
    once(importer, good, expected, case, seed, folder)             # one case in this process

A mutation changes one file of a tiny good folder (`raw_files`): bits, bytes and whole numbers, many of them near its
beginning; its length; what a format lets say (attributes, chunks, lines of a text), written so that its checksums are
right; or the file itself, which may be gone, empty, a pipe, endless. Then the folder is read as `generate` reads it, to
the last sequence.
"""

from __future__ import annotations

import fnmatch
import gzip
import hashlib
import json
import logging
import os
import random
import shutil
import struct
import zlib
from pathlib import Path
from typing import Any

import numpy as np
from raw_files import BY_NAME, Importer
from watch import GOOD, Case, Outcome, watched

from stbench.errors import StbenchError

# Bytes. Each takes what a file holds and gives what it is to hold.


def flipped(content: bytes, draw: random.Random) -> bytes:
    return _with_bits(content, draw, len(content), draw.choice((1, 1, 1, 8)))


def flipped_early(content: bytes, draw: random.Random) -> bytes:
    """Where most formats say what follows."""
    return _with_bits(content, draw, min(len(content), draw.choice((32, 512, 4096))), draw.choice((1, 1, 8)))


def _with_bits(content: bytes, draw: random.Random, end: int, count: int) -> bytes:
    found = bytearray(content)
    for _ in range(count if found else 0):
        found[draw.randrange(end)] ^= 1 << draw.randrange(8)
    return bytes(found)


def renumbered(content: bytes, draw: random.Random) -> bytes:
    """A whole number of some width is an extreme one."""
    width = draw.choice((1, 2, 4, 4, 8))
    at = draw.randrange(max(1, min(len(content), draw.choice((64, 1024, 1 << 30))) - width))
    bits = 8 * width
    extreme = draw.choice((0, 1, 2**bits - 1, 2 ** (bits - 1) - 1, 2 ** (bits - 1), 2 ** (bits - width)))
    return content[:at] + extreme.to_bytes(width, draw.choice(("big", "little"))) + content[at + width :]


def cut(content: bytes, draw: random.Random) -> bytes:
    return content[: draw.randrange(max(1, len(content)))]


def grown(content: bytes, draw: random.Random) -> bytes:
    at = draw.choice((len(content), draw.randrange(len(content) + 1)))
    return content[:at] + draw.randbytes(draw.choice((1, 7, 1000))) + content[at:]


def shortened(content: bytes, draw: random.Random) -> bytes:
    at = draw.randrange(len(content) + 1)
    return content[:at] + content[at + draw.choice((1, 4, 512)) :]


def blanked(content: bytes, draw: random.Random) -> bytes:
    """As a lost block of a disk."""
    at, long = draw.randrange(len(content) + 1), draw.choice((16, 512, 4096))
    return content[:at] + bytes(len(content[at : at + long])) + content[at + long :]


def doubled(content: bytes, draw: random.Random) -> bytes:
    at, long = draw.randrange(len(content) + 1), draw.choice((8, 64, 4096))
    return content[: at + long] + content[at:]


BYTES = (flipped, flipped, flipped, flipped_early, flipped_early, renumbered, renumbered, cut, grown, shortened)
BYTES += (blanked, doubled)

# What a format lets say: the file is sound, what it says is odd.

ODD_NUMBERS = (0, -1, 1, 2**31 - 1, 2**31, 2**63 - 1, 1e308, -1e308, 1e-320, float("nan"), float("inf"), -32767, 255.5)
ODD_TEXTS = ("", "now", "degrees", "\x01", "days since 0000-00-00", "hours since 99999-01-01", "é" * 5000, "true", "K")


def odd_line(content: bytes, draw: random.Random) -> bytes:
    """One word of one line is another, or a line is gone or there twice."""
    lines = content.split(b"\n")
    k = draw.randrange(len(lines))
    match draw.choice(("word", "word", "gone", "twice", "long")):
        case "word":
            words = lines[k].split()
            words = words or [b""]
            words[draw.randrange(len(words))] = str(draw.choice(ODD_NUMBERS + ODD_TEXTS)).encode()
            lines[k] = b" ".join(words)
        case "gone":
            del lines[k]
        case "twice":
            lines.insert(k, lines[k])
        case "long":
            lines[k] = b"1-9, " * 200_000
    return b"\n".join(lines)


def odd_chunk(content: bytes, draw: random.Random) -> bytes:
    """A PNG file with a chunk that is new, gone, twice, or holds something else; every CRC is right."""
    chunks, at = [], 8
    while at + 8 <= len(content):
        end = at + 8 + int.from_bytes(content[at : at + 4], "big")
        chunks.append((content[at + 4 : at + 8], content[at + 8 : end]))
        at = end + 4
    k = draw.randrange(len(chunks))
    kind, data = chunks[k]
    match draw.choice(("other", "other", "gone", "twice", "bomb", "claim")):
        case "other":
            chunks[k] = (kind, draw.choice((flipped, renumbered, cut, grown))(data, draw))
        case "gone":
            del chunks[k]
        case "twice":
            chunks.insert(k, chunks[k])
        case "bomb":
            packed = zlib.compress(bytes(100 << 20), 9)
            new = draw.choice(((b"zTXt", b"a\0\0" + packed), (b"iCCP", b"a\0\0" + packed), (b"IDAT", packed)))
            chunks.insert(draw.randrange(1, len(chunks)), new)
        case "claim":
            size = struct.pack(">II", draw.choice((0, 1, 600, 2**31 - 1, 2**32 - 1)), draw.choice((0, 600, 2**31 - 1)))
            chunks[0] = (b"IHDR", size + chunks[0][1][8:])
    parts = (len(d).to_bytes(4, "big") + n + d + zlib.crc32(n + d).to_bytes(4, "big") for n, d in chunks)
    return content[:8] + b"".join(parts)


def packed_again(content: bytes, draw: random.Random) -> bytes:
    """A sound gzip file of something else, or of very much."""
    if draw.random() < 0.2:
        return gzip.compress(bytes(300 << 20), 1, mtime=0)
    return gzip.compress(draw.choice(BYTES)(gzip.decompress(content), draw), 1, mtime=0)


def odd_attribute(path: Path, draw: random.Random) -> str:
    """A netCDF or HDF5 file with one attribute of another type, shape or value."""
    import h5py
    import netCDF4

    names = ("units", "calendar", "scale_factor", "add_offset", "_Unsigned", "missing_value", "valid_range")
    name = draw.choice((*names, "valid_min"))
    kind = draw.choice(("i1", "i2", "i4", "f4", "f8"))
    with np.errstate(all="ignore"):
        numbers = np.array([draw.choice(ODD_NUMBERS) for _ in range(3)], "f8").astype(kind)
    value = draw.choice((draw.choice(ODD_TEXTS), numbers[0], numbers[:2], numbers, numbers[:0]))
    if path.read_bytes()[:3] == b"CDF":
        with netCDF4.Dataset(path, "a") as file:
            key = draw.choice(sorted(file.variables))
            file[key].setncattr(name, value if np.size(value) else "")
    else:
        with h5py.File(path, "r+") as file:
            key = draw.choice([each for each in sorted(file) if isinstance(file[each], h5py.Dataset)])
            file[key].attrs[name] = h5py.Empty(kind) if draw.random() < 0.15 else value
    return f"{key}:{name} = {value!r:.60}"


def odd_dataset(path: Path, draw: random.Random) -> str:
    """An HDF5 file with one dataset of another type, shape or values, a link, or none."""
    import h5py

    with h5py.File(path, "r+") as file:
        key = draw.choice([each for each in sorted(file) if isinstance(file[each], h5py.Dataset)])
        values, attributes = file[key][()], dict(file[key].attrs)
        attributes = {k: v for k, v in attributes.items() if k not in ("DIMENSION_LIST", "REFERENCE_LIST")}
        del file[key]
        what = draw.choice(("gone", "type", "turned", "part", "value", "group", "soft", "outside", "huge", "chunks"))
        match what:
            case "group":
                file.create_group(key)
            case "soft":
                file[key] = h5py.SoftLink("/" + draw.choice((key, "nowhere")))
            case "outside":
                file[key] = h5py.ExternalLink("/etc/hostname", "/x")
            case "huge":
                file.create_dataset(key, (10**9, *values.shape[1:]), values.dtype, chunks=(64, *values.shape[1:]))
            case "chunks":
                file.create_dataset(key, (1 << 30, *values.shape[1:]), "f8", chunks=(1 << 20, *values.shape[1:]))
            case "type":
                other = draw.choice(("S10", "f2", "c16", "?", "u8", [("a", "i4")]))
                file.create_dataset(key, values.shape, other)
            case "turned":
                file[key] = np.ascontiguousarray(np.moveaxis(values, 0, -1))
            case "part":
                file[key] = values[: draw.randrange(len(values) + 1)]
            case "value" if values.dtype.kind in "iuf":
                with np.errstate(all="ignore"):
                    values.reshape(-1)[draw.randrange(values.size)] = np.array(draw.choice(ODD_NUMBERS)).astype(
                        values.dtype
                    )
                file[key] = values
        if key in file and what not in ("group", "soft", "outside"):
            for name, value in attributes.items():
                file[key].attrs[name] = value
    return f"{key} {what}"


# The file itself.


def odd_file(path: Path, draw: random.Random) -> str:
    others = sorted(each for each in path.parent.iterdir() if each != path and each.is_file())
    what = draw.choice(("gone", "empty", "folder", "pipe", "endless", "dangling", "other", "renamed", "beside"))
    content = path.read_bytes()
    path.unlink()
    match what:
        case "empty":
            path.touch()
        case "folder":
            path.mkdir()
        case "pipe":
            os.mkfifo(path)
        case "endless":
            path.symlink_to("/dev/zero")
        case "dangling":
            path.symlink_to("nowhere")
        case "other":
            path.write_bytes(others[draw.randrange(len(others))].read_bytes() if others else b"")
        case "renamed":
            path.with_name(path.name.swapcase()).write_bytes(content)
        case "beside":
            path.write_bytes(content)
            path.with_name(f"{path.stem}_copy{path.suffix}").write_bytes(flipped(content, draw))
    return what


def mutate(importer: Importer, folder: Path, draw: random.Random) -> tuple[str, bool]:
    """Change one file of `folder`: what was done, and whether other values are no wonder after it."""
    path = draw.choice(sorted(each for each in folder.rglob("*") if each.is_file()))
    name = path.relative_to(folder).as_posix()
    bare = any(fnmatch.fnmatch(path.name, pattern) for pattern in importer.without_checksum)
    if draw.random() < 0.08:
        what = odd_file(path, draw)
        return f"{name}: {what}", what not in ("pipe", "endless", "dangling")
    content = path.read_bytes()
    odd: list[Any] = []
    if path.suffix in (".txt", ".toml"):
        odd = [odd_line]
    elif path.suffix == ".png":
        odd = [odd_chunk]
    elif path.suffix == ".gz":
        odd = [packed_again]
    elif path.suffix in (".nc", ".h5"):
        odd = [odd_attribute] if content[:3] == b"CDF" else [odd_attribute, odd_dataset]
    path.unlink()  # the good file has this one's inode
    if odd and draw.random() < 0.25:
        change = draw.choice(odd)
        if change in (odd_attribute, odd_dataset):
            path.write_bytes(content)
            return f"{name}: {change(path, draw)}", True
        path.write_bytes(change(content, draw))
        return f"{name}: {change.__name__}", True
    change = draw.choice(BYTES)
    path.write_bytes(change(content, draw))
    return f"{name}: {change.__name__}", bare


# How it ends.


Read = tuple[str, frozenset[str]]
"""What files are worth, and the notes that were told meanwhile."""


class _Notes(logging.Handler):
    def __init__(self, folder: Path) -> None:
        super().__init__(logging.WARNING)
        self.folder, self.told = folder, set[str]()

    def emit(self, record: logging.LogRecord) -> None:
        self.told.add(record.getMessage().replace(str(self.folder), "RAW"))


def read(importer: Importer, folder: Path) -> Read:
    """`value_of` and what was told."""
    notes, log = _Notes(folder), logging.getLogger("stbench")
    log.addHandler(notes)
    try:
        return value_of(importer, folder), frozenset(notes.told)
    finally:
        log.removeHandler(notes)


def value_of(importer: Importer, folder: Path) -> str:
    """SHA-256 of everything the store of these files would hold: each variable, each coordinate, the split."""
    from stbench.raw.content import read_content
    from stbench.store.build import resolve

    blueprint = resolve(importer.dataset, importer.of(folder), "official", folder)
    if blueprint.prepare is not None:
        blueprint.prepare()
    if blueprint.raw_files is not None:
        read_content(blueprint.raw_files())
    made = {**blueprint.produce(0, blueprint.n_sequences)}
    made |= {name: each.values for name, each in blueprint.coordinates.items()}
    digest = hashlib.sha256(json.dumps(blueprint.split.ranges, sort_keys=True).encode())
    for name in sorted(made):
        array = np.ascontiguousarray(made[name])
        digest.update(f"{name} {array.dtype} {array.shape} ".encode() + array.tobytes())
    return digest.hexdigest()


def once(importer: Importer, good: Path, expected: Read, case: int, seed: int, folder: Path) -> Outcome:
    """One case, in `folder`, which is made and stays."""
    shutil.copytree(good, folder, copy_function=os.link)
    mutation, no_wonder = mutate(importer, folder, random.Random(f"{seed} {importer.name} {case}"))

    def use() -> tuple[str, str]:
        try:
            value, told = read(importer, folder)
        except StbenchError as error:
            named = folder.name in str(error) and "\n" not in str(error)
            return "refused" if named else "vague", str(error)
        if value == expected[0]:
            return "same", ""
        if new := told - expected[1]:
            return "told", min(new)
        return "different" if no_wonder else "silent", ""

    return watched(Outcome(importer.name, case, seed, mutation, ""), use)


def prepared(importer: Importer, folder: Path) -> Read:
    """Write the good files into `folder`; what they are worth. Looked at twice, that it is no chance."""
    folder.mkdir(parents=True)
    importer.write(folder)
    importer.arrange(folder)
    expected = read(importer, folder)
    assert value_of(importer, folder) == expected[0]
    return expected


def begin(name: str, seed: int, scratch: Path) -> Case:
    """In a process of its own. Folders of findings stay in `scratch`."""
    logging.getLogger("stbench").propagate = False
    os.environ["STBENCH_DATA"] = str(scratch / "data")
    os.environ.pop("STBENCH_RAW", None)
    importer, good = BY_NAME[name], scratch / "good"
    expected = prepared(importer, good)

    def attempt(case: int) -> Outcome:
        outcome = once(importer, good, expected, case, seed, scratch / f"case-{case}")
        if outcome.kind in GOOD:
            shutil.rmtree(scratch / f"case-{case}")
        return outcome

    return attempt
