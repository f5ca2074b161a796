"""Tables of figures out of files: CSV, Markdown with pipes, LaTeX tabulars.

A table has a row a run, or, in CSV, a row a figure with the columns `row`, `metric` and `value` (as
`leaderboards/reported.csv` has them). A heading may stand in several lines. A cell may hold several numbers where its
heading, or that of the first column, names as many quantities.
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from stbench.boards.reported import COLUMNS, read_reported
from stbench.documents import Unreadable, read_bytes
from stbench.errors import StbenchError
from stbench.literature.cells import Table
from stbench.literature.figures import (
    PERCENT,
    SETUP,
    SHARES,
    Convention,
    Figure,
    epochs_of,
    figure,
    of_reported,
    quantities,
    scale_of,
    share_of,
    unit_of,
)
from stbench.literature.latex import latex_tables
from stbench.literature.markdown import markdown_tables

LARGEST = 4_000_000
"""Bytes of a file."""
SHOWN = 80
"""Characters of a row that is not read."""
MOST = 10_000
"""Figures of a file: each is held against many others."""
_RUN = {"model", "method", "methods", "models", "row", "name", "approach", "network", "metaformer", "metavp"}
_SETTING = {"setting", "settings", "training", "budget"}
_DATASET = {"dataset", "data set", "data"}
_ORIGIN = {"origin", "source", "from", "copied from", "provenance", "reported by"}
_MISSING = {"-", "–", "—", "n/a", "/"}


@dataclass(frozen=True)
class Reading:
    """What a file of tables holds."""

    figures: list[Figure]
    unread: list[Unread]
    """Cells of columns that are known, with digits and no number, and rows with more or fewer cells than headings:
    nothing was held against them."""


@dataclass(frozen=True)
class Unread:
    """A cell that should be a number, or a row whose cells stand under no certain heading."""

    place: str
    heading: str
    """Of a row: how many cells and headings there are."""
    text: str


def read_tables(path: Path, *, frame: str = "", classes: int | None = None) -> Reading:
    """The figures of all tables of a file, in its order, and the cells that could not be read as one.

    `frame`: the shape of a frame ("1x64x64") where MSE and MAE are sums or means over one; `classes`: how many the
    judge of the entropies tells apart. What the file itself says goes first. Raises `StbenchError` where the file is
    missing, of another kind, or has no table with a quantity that is known.
    """
    readers = {".csv": _csv, ".md": markdown_tables, ".markdown": markdown_tables, ".tex": latex_tables}
    if path.suffix.lower() not in readers:
        raise StbenchError(f"{path} is no table that is read here: give a file that ends in {', '.join(readers)}")
    text = _text(path)
    if path.suffix.lower() == ".csv" and next(iter(text.splitlines()), "").split(",") == [*COLUMNS]:
        return Reading(of_reported(read_reported(path)), [])
    try:
        tables = list(readers[path.suffix.lower()](text))
    except csv.Error as error:
        raise StbenchError(f"{path} is no CSV: {error}") from None
    except Unreadable as error:
        raise StbenchError(f"{path} is no table, {error}: mend it") from None
    if not tables:
        raise StbenchError(f"there is no table in {path}: it should have rows, and a line of headings above them")
    cells = [each for number, table in enumerate(tables, 1) for each in _figures(table, number, len(tables))]
    found = [each for each in cells if isinstance(each, Figure)]
    unread = [each for each in cells if isinstance(each, Unread)]
    if unread and not found:
        raise StbenchError(
            f"{path} has no figure that can be read: {unread[0].text!r} in {unread[0].place}, "
            f"{unread[0].heading}, is none"
        )
    if not found:
        headings = " | ".join(cell for line in tables[0].heading for cell in line if cell)[:200]
        raise StbenchError(
            f"no column of a table in {path} is known among its headings {headings!r}: name one MSE, MAE, RMSE, SSIM, "
            "PSNR, LPIPS, IS, H(y), H(y|x), accuracy, params, FLOPs or FPS"
        )
    if len(found) > MOST:
        raise StbenchError(f"{path} has {len(found):,} figures and {MOST:,} are read at most: give one table at a time")
    return Reading([replace(each, convention=_completed(each.convention, frame, classes)) for each in found], unread)


def _text(path: Path) -> str:
    try:
        return read_bytes(path, LARGEST).decode("utf-8-sig")
    except FileNotFoundError:
        raise StbenchError(f"there is no file {path}") from None
    except OSError as error:
        raise StbenchError(f"cannot read {path}: {error.strerror or error}") from None
    except ValueError as error:
        reason = "it is not UTF-8" if isinstance(error, UnicodeDecodeError) else error
        raise StbenchError(f"{path} is no table, {reason}") from None


def _completed(known: Convention, frame: str, classes: int | None) -> Convention:
    return replace(known, frame=known.frame or frame, classes=known.classes or classes)


def _csv(text: str) -> Iterator[Table]:
    """Raises `csv.Error`, and `Unreadable` where a line has another number of cells than the first."""
    reader = csv.reader(io.StringIO(text, newline=""), strict=True)
    lines = [(f"line {reader.line_num}", cells) for cells in reader if any(map(str.strip, cells))]
    if len(lines) > 1:
        heading = lines[0][1]
        for place, cells in lines[1:]:
            if len(cells) != len(heading):
                raise Unreadable(f"it has {len(cells)} cells in {place} and {len(heading)} headings")
        long = {"metric", "value"} <= {each.strip().lower() for each in heading}
        yield _wide(lines) if long else Table("", [[*map(str.strip, heading)]], [*lines[1:]])


def _wide(lines: Sequence[tuple[str, list[str]]]) -> Table:
    """A table with a figure a row as one with a run a row."""
    names = [each.strip().lower() for each in lines[0][1]]
    metric, value = names.index("metric"), names.index("value")
    keys = [place for place in range(len(names)) if place not in (metric, value)]
    metrics = list(dict.fromkeys(cells[metric] for _, cells in lines[1:]))
    table = Table("", [[*(names[key] for key in keys), *metrics]], long=True)
    for place, cells in lines[1:]:
        own = [cells[value] if cells[metric] == name else "" for name in metrics]
        table.rows.append((place, [*(cells[key] for key in keys), *own]))
    return table


def _figures(table: Table, number: int, tables: int) -> Iterator[Figure | Unread]:
    width = max(map(len, table.heading))
    names = [" ".join(dict.fromkeys(filter(None, (_at(line, k) for line in table.heading)))) for k in range(width)]
    title = table.title or (f"table {number}" if tables > 1 else "the table")
    roles = [*map(_role, names)]
    run_column = roles.index("run") if "run" in roles else 0
    columns = [([], "") if role else quantities(name) for name, role in zip(names, roles, strict=True)]
    common = quantities(names[run_column])[0]
    seen: dict[tuple[str, str], int] = {}
    blocks: list[str] = []
    for column, (found, rest) in enumerate(columns):
        block = rest if rest.lower() not in _RUN else ""
        repeats = max((seen.get((block, name), 0) for name in found), default=0)
        for name in found:
            seen[block, name] = repeats + 1
        blocks.append(f"{block} (columns {repeats + 1})".strip() if repeats else block)
        if not found and not roles[column] and len(common) > 1:
            blocks[-1] = names[column]
    known = len(common) > 1 or any(found for found, _ in columns)
    for place, cells, section in _sections(table, run_column):
        # Cells that are empty, and columns without a heading, may be left out at the end of a line.
        if len(cells) < _filled(names) or _filled(cells) > width:
            if known and re.search(r"\d", "".join(cells[1:])):
                yield Unread(place, f"{len(cells)} cells under {width} headings", " | ".join(cells)[:SHOWN])
            continue
        stated = {role: _at(cells, k) for k, role in enumerate(roles) if role}
        run, epochs = epochs_of(stated.get("run") or _at(cells, run_column))
        epochs = epochs or epochs_of(stated.get("setting", ""))[1] or _epochs(cells, columns)
        about = stated.get("dataset") or section
        for k, (found, _) in enumerate(columns):
            if k == run_column or roles[k]:
                continue
            asked = found if found and found != ["epochs"] else common if len(common) > 1 and not found else []
            numbers = [*_numbers(_at(cells, k), asked)]
            if asked and not numbers and re.search(r"\d", _at(cells, k)):
                yield Unread(place, names[k], _at(cells, k))
            for quantity, text, unit in numbers:
                yield Figure(
                    table=title,
                    place=place,
                    row="" if table.long else place,
                    run=_run_name(run),
                    dataset=": ".join(filter(None, (about, blocks[k]))) or table.title,
                    quantity=quantity,
                    text=text,
                    unit=unit or share_of(names[k if found else run_column], quantity) or unit_of(names[k], quantity),
                    epochs=epochs,
                    origin=stated.get("origin", ""),
                    convention=Convention(scale=scale_of(names[k], quantity), classes=_classes(names[k])),
                )


def _sections(table: Table, run_column: int) -> list[tuple[str, list[str], str]]:
    """Place, cells and section of each row; a line with one cell begins a section. Sections tell rows apart only where
    one model stands in several: elsewhere they name kinds of models."""
    found: list[tuple[str, list[str], str]] = []
    section = ""
    for place, cells in table.rows:
        filled = list(dict.fromkeys(filter(None, cells)))
        if len(filled) == 1 and len(cells) > 2:
            section = filled[0]
        elif filled:
            found.append((place, cells, section))
    places = {(_at(cells, run_column), section) for _, cells, section in found}
    apart = len(places) > len({run for run, _ in places})
    return found if apart else [(place, cells, "") for place, cells, _ in found]


def _role(name: str) -> str:
    name = name.strip().lower()
    for role, known in (("run", _RUN), ("setting", _SETTING), ("dataset", _DATASET), ("origin", _ORIGIN)):
        if name in known:
            return role
    return ""


def _numbers(cell: str, asked: Sequence[str]) -> Iterator[tuple[str, str, float | None]]:
    """Quantity, digits and unit of each number in a cell, where it has as many as are asked for."""
    if len(asked) == 1:
        quantity = asked[0]
        if found := _number(cell, quantity):
            yield quantity, *found
        elif quantity in SETUP and cell:
            yield quantity, cell, None
        return
    pieces = [piece for piece in re.split(r"[,;/]?\s+", cell) if piece]
    if not asked or len(pieces) != len(asked):
        return
    numbers = [_number(piece, quantity) for piece, quantity in zip(pieces, asked, strict=True)]
    if all(piece in _MISSING for piece, found in zip(pieces, numbers, strict=True) if found is None):
        for quantity, found in zip(asked, numbers, strict=True):
            if found:
                yield quantity, *found


def _number(cell: str, quantity: str) -> tuple[str, float | None] | None:
    """The digits of a cell and its unit: of 91.2% in a column of shares, a hundredth."""
    found = figure(cell)
    return (found[0], PERCENT) if found and quantity in SHARES and "%" in cell.partition("(")[0] else found


def _epochs(cells: Sequence[str], columns: Iterable[tuple[list[str], str]]) -> int | None:
    for k, (found, _) in enumerate(columns):
        if found == ["epochs"] and (number := figure(_at(cells, k))):
            return int(min(float(number[0]), 1e9))
    return None


def _classes(name: str) -> int | None:
    found = re.search(r"\b([1-9]\d{0,5}) classes", name, re.ASCII)
    return int(found[1]) if found else None


def _at(cells: Sequence[str], place: int) -> str:
    return cells[place].strip() if place < len(cells) else ""


def _filled(cells: Sequence[str]) -> int:
    """Cells up to the last that is not empty."""
    return max((place for place, cell in enumerate(cells, 1) if cell), default=0)


def _run_name(name: str) -> str:
    return re.sub(r"\s+", " ", re.sub(r"\[[^\[\]]*\]|(?<![*†‡§])[*†‡§]++(?=\s|$)", "", name)).strip()
