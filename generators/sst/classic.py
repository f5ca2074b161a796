"""NetCDF-3 ("classic") headers, CDF-1, CDF-2 and CDF-5, with every length checked against the file before it is used.

Variables are views of a memory map, so a file may be larger than memory, and one that is cut short fails here, at its
header."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

TYPES = {1: ">i1", 2: "S1", 3: ">i2", 4: ">i4", 5: ">f4", 6: ">f8", 7: ">u1", 8: ">u2", 9: ">u4", 10: ">i8", 11: ">u8"}
"""The last five in CDF-5 only."""
CLASSIC_TYPES = 6
DIMENSIONS, VARIABLES, ATTRIBUTES = 10, 11, 12
LARGEST_COUNT = 4096
"""Dimensions, variables or attributes a header may list."""
STREAMING = -1
"""Number of records of a file that was written without going back: all bits set."""


@dataclass(frozen=True)
class ClassicVariable:
    """Name, dimensions, attributes and a view (big-endian) of the file."""

    name: str
    dims: tuple[str, ...]
    attributes: dict[str, Any]
    data: np.ndarray


class _Header:
    def __init__(self, buffer: np.ndarray) -> None:
        self.buffer, self.position, self.version = buffer, 4, int(buffer[3])

    def take(self, count: int) -> bytes:
        if count > len(self.buffer) - self.position:
            raise ValueError("its header ends beyond the file")
        taken = self.buffer[self.position : self.position + count].tobytes()
        self.position += count + -count % 4
        return taken

    def code(self) -> int:
        """A tag or type."""
        return int.from_bytes(self.take(4), "big")

    def length(self) -> int:
        """A number of bytes, entries or points: 64 bits in CDF-5."""
        return int.from_bytes(self.take(8 if self.version == 5 else 4), "big")

    def records(self) -> int:
        size = 8 if self.version == 5 else 4
        count = int.from_bytes(self.take(size), "big")
        return STREAMING if count == (1 << 8 * size) - 1 else count

    def count(self, tag: int) -> int:
        found, count = self.code(), self.length()
        if (found, count) != (0, 0) and found != tag:
            raise ValueError(f"its header has the tag {found} in place of {tag}")
        if count > LARGEST_COUNT:
            raise ValueError(f"its header announces {count:,} entries")
        return count

    def name(self) -> str:
        return self.take(self.length()).decode("utf-8", "replace")

    def attributes(self) -> dict[str, Any]:
        found: dict[str, Any] = {}
        for _ in range(self.count(ATTRIBUTES)):
            name, kind = self.name(), self._type()
            values = np.frombuffer(self.take(self.length() * kind.itemsize), kind)
            found[name] = values.tobytes() if kind.kind == "S" else values.astype(kind.newbyteorder("="))
        return found

    def _type(self) -> np.dtype[Any]:
        code = self.code()
        if code not in TYPES or (code > CLASSIC_TYPES and self.version != 5):
            raise ValueError(f"its header has the unknown type {code}")
        return np.dtype(TYPES[code])

    def variable(
        self, dimensions: list[tuple[str, int]]
    ) -> tuple[str, list[int], dict[str, Any], np.dtype[Any], int, int]:
        name = self.name()
        n_dims = self.length()
        if n_dims > 16:
            raise ValueError(f"'{name}' has {n_dims:,} dimensions")
        dims = [self.length() for _ in range(n_dims)]
        if any(each >= len(dimensions) for each in dims) or 0 in [dimensions[each][1] for each in dims[1:]]:
            raise ValueError(f"'{name}' has dimensions the file does not declare")
        attributes, kind = self.attributes(), self._type()
        self.length()  # size in bytes: wrong for large variables by definition, so computed from the shape instead
        begin = int.from_bytes(self.take(4 if self.version == 1 else 8), "big")
        return name, dims, attributes, kind, begin, n_dims


def read_classic(path: Path) -> list[ClassicVariable]:
    """Every variable of a NetCDF-3 file. Raises `ValueError` with the reason when the file contradicts itself."""
    buffer = np.memmap(path, np.uint8, "r")
    header = _Header(buffer)
    n_records = header.records()
    dimensions = [(header.name(), header.length()) for _ in range(header.count(DIMENSIONS))]
    header.attributes()
    variables = [header.variable(dimensions) for _ in range(header.count(VARIABLES))]

    def padded(dims: list[int], kind: np.dtype[Any]) -> int:
        size = math.prod(dimensions[each][1] for each in dims[1:]) * kind.itemsize
        return size + -size % 4

    recorded = [each for each in variables if each[1] and dimensions[each[1][0]][1] == 0]
    stride = sum(padded(each[1], each[3]) for each in recorded)
    if len(recorded) == 1:  # a single record variable is not padded
        _, dims, _, kind, _, _ = recorded[0]
        stride = math.prod(dimensions[each][1] for each in dims[1:]) * kind.itemsize
    if n_records == STREAMING:
        n_records = (len(buffer) - min(each[4] for each in recorded)) // stride if recorded and stride else 0
    views, places = [], []
    for name, dims, attributes, kind, begin, _ in variables:
        is_recorded = bool(dims) and dimensions[dims[0]][1] == 0
        shape = [dimensions[each][1] for each in dims]
        inner = math.prod(shape[1:]) * kind.itemsize
        if is_recorded:
            shape[0] = n_records
        last = begin + ((n_records - 1) * stride + inner if is_recorded else math.prod(shape) * kind.itemsize)
        if math.prod(shape) and last > len(buffer):
            raise ValueError(f"'{name}' needs {last:,} bytes and the file has {len(buffer):,}")
        places.append((begin, begin + (inner if is_recorded else math.prod(shape) * kind.itemsize), name))
        strides = [kind.itemsize * math.prod(shape[k + 1 :]) for k in range(len(shape))]
        if is_recorded:
            strides[0] = stride
        empty = math.prod(shape) == 0
        data = np.empty(shape, kind) if empty else np.ndarray(shape, kind, buffer, begin, strides)
        views.append(ClassicVariable(name, tuple(dimensions[each][0] for each in dims), attributes, data))
    records = min((each[4] for each in recorded), default=0) + n_records * stride if recorded else 0
    _check_places(places, header.position, records, len(buffer))
    return views


def _check_places(places: Sequence[tuple[int, int, str]], header: int, records: int, size: int) -> None:
    """`ValueError` where variables (first byte, last + 1, name; of one record) lie in the header or in each other, or
    where bytes follow that belong to none: a length in the header is then not what it was."""
    end, before = header, "the header"
    for first, last, name in sorted(places):
        if first < end:
            raise ValueError(f"'{name}' begins within {before}")
        end, before = last, f"'{name}'"
    end = max(end, records)
    if size > end + -end % 4:
        raise ValueError(f"its header tells of {end:,} bytes and the file has {size:,}")
