"""NetCDF-3 ("classic") headers, CDF-1 and CDF-2, read with every length checked against the file before it is used.

Variables are views of a memory map, so a file may be larger than memory, and one that is cut short fails here, at its
header."""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

TYPES = {1: ">i1", 2: "S1", 3: ">i2", 4: ">i4", 5: ">f4", 6: ">f8"}
DIMENSIONS, VARIABLES, ATTRIBUTES = 10, 11, 12
LARGEST_COUNT = 4096
"""Dimensions, variables or attributes a header may list."""
STREAMING = 0xFFFFFFFF


@dataclass(frozen=True)
class ClassicVariable:
    """Name, dimensions, attributes and a view (big-endian) of the file."""

    name: str
    dims: tuple[str, ...]
    attributes: dict[str, Any]
    data: np.ndarray


class _Header:
    def __init__(self, buffer: np.ndarray, wide: bool) -> None:
        self.buffer, self.position, self.wide = buffer, 4, wide

    def take(self, count: int) -> bytes:
        if count > len(self.buffer) - self.position:
            raise ValueError("its header ends beyond the file")
        taken = self.buffer[self.position : self.position + count].tobytes()
        self.position += count + -count % 4
        return taken

    def integer(self, size: int = 4) -> int:
        return int.from_bytes(self.take(size), "big")

    def count(self, tag: int) -> int:
        found, count = self.integer(), self.integer()
        if (found, count) != (0, 0) and found != tag:
            raise ValueError(f"its header has the tag {found} in place of {tag}")
        if count > LARGEST_COUNT:
            raise ValueError(f"its header announces {count:,} entries")
        return count

    def name(self) -> str:
        return self.take(self.integer()).decode("utf-8", "replace")

    def attributes(self) -> dict[str, Any]:
        found: dict[str, Any] = {}
        for _ in range(self.count(ATTRIBUTES)):
            name, kind = self.name(), self._type()
            values = np.frombuffer(self.take(self.integer() * kind.itemsize), kind)
            found[name] = values.tobytes() if kind.kind == "S" else values.astype(kind.newbyteorder("="))
        return found

    def _type(self) -> np.dtype[Any]:
        code = self.integer()
        if code not in TYPES:
            raise ValueError(f"its header has the unknown type {code}")
        return np.dtype(TYPES[code])

    def variable(
        self, dimensions: list[tuple[str, int]]
    ) -> tuple[str, list[int], dict[str, Any], np.dtype[Any], int, int]:
        name = self.name()
        n_dims = self.integer()
        if n_dims > 16:
            raise ValueError(f"'{name}' has {n_dims:,} dimensions")
        dims = [self.integer() for _ in range(n_dims)]
        if any(each >= len(dimensions) for each in dims) or 0 in [dimensions[each][1] for each in dims[1:]]:
            raise ValueError(f"'{name}' has dimensions the file does not declare")
        attributes, kind = self.attributes(), self._type()
        self.integer()  # size in bytes: wrong for large variables by definition, so computed from the shape instead
        return name, dims, attributes, kind, self.integer(8 if self.wide else 4), n_dims


def read_classic(path: Path) -> list[ClassicVariable]:
    """Every variable of a NetCDF-3 file. Raises `ValueError` with the reason when the file contradicts itself."""
    buffer = np.memmap(path, np.uint8, "r")
    header = _Header(buffer, wide=bytes(buffer[:4]) == b"CDF\x02")
    n_records = header.integer()
    dimensions = [(header.name(), header.integer()) for _ in range(header.count(DIMENSIONS))]
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
    views = []
    for name, dims, attributes, kind, begin, _ in variables:
        is_recorded = bool(dims) and dimensions[dims[0]][1] == 0
        shape = [dimensions[each][1] for each in dims]
        inner = math.prod(shape[1:]) * kind.itemsize
        if is_recorded:
            shape[0] = n_records
        last = begin + ((n_records - 1) * stride + inner if is_recorded else math.prod(shape) * kind.itemsize)
        if math.prod(shape) and last > len(buffer):
            raise ValueError(f"'{name}' needs {last:,} bytes and the file has {len(buffer):,}")
        strides = [kind.itemsize * math.prod(shape[k + 1 :]) for k in range(len(shape))]
        if is_recorded:
            strides[0] = stride
        empty = math.prod(shape) == 0
        data = np.empty(shape, kind) if empty else np.ndarray(shape, kind, buffer, begin, strides)
        views.append(ClassicVariable(name, tuple(dimensions[each][0] for each in dims), attributes, data))
    return views
