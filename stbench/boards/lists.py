"""Lists beside the boards, written from stbench's own plug-ins and read back on any machine: CSV, a dataclass a row."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable
from dataclasses import astuple, fields
from pathlib import Path
from typing import Any, TypeVar

from stbench.documents import Unreadable, read_bytes
from stbench.errors import StbenchError
from stbench.files import write_text

LARGEST = 16_000_000
"""Bytes of a list."""

_Row = TypeVar("_Row")


def columns_of(row: type[Any]) -> tuple[str, ...]:
    """The fields of a dataclass of texts."""
    return tuple(each.name for each in fields(row))


def read_list(path: Path, row: type[_Row], what: str) -> list[_Row]:
    """All rows of the file, in its order. `StbenchError` where it is damaged: it "is no list of `what`"."""
    try:
        reader = csv.DictReader(io.StringIO(read_bytes(path, LARGEST).decode("utf-8-sig"), newline=""), strict=True)
        if tuple(reader.fieldnames or ()) != (columns := columns_of(row)):
            raise ValueError(f"its columns are not {', '.join(columns)}")
        found = []
        for cells in reader:
            if None in cells or None in cells.values():
                raise ValueError(f"line {reader.line_num} has another number of cells")
            found.append(row(**cells))
        return found
    except OSError as error:
        raise StbenchError(f"cannot read {path}: {error.strerror or error}") from None
    except (ValueError, csv.Error, Unreadable) as error:
        raise StbenchError(
            f"{path} is no list of {what}, {error}: write it anew with `stbench leaderboard --update-not-applicable`"
        ) from None


def write_list(path: Path, row: type[Any], rows: Iterable[Any]) -> Path:
    """Write rows, read to their end first; `StbenchError` where the file cannot be written."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(columns_of(row))
    writer.writerows(astuple(each) for each in rows)
    try:
        write_text(path, text.getvalue())
    except OSError as error:
        raise StbenchError(f"cannot write {path}: {error.strerror or error}") from None
    return path
