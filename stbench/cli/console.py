"""What the commands print with: tables and lines on standard output, progress on standard error."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import IO, TYPE_CHECKING

import click

from stbench.cli.parse import duration_text

if TYPE_CHECKING:
    from rich.console import Console

_PIPED_WIDTH = 180
"""Columns of a table that goes into a file or a pipe, where rich would assume 80 and fold every cell."""

_QUIET_SECONDS = 1.0


def _console(stream: IO[str]) -> Console:
    from rich.console import Console

    fixed = stream.isatty() or "COLUMNS" in os.environ
    return Console(file=stream, width=None if fixed else _PIPED_WIDTH, highlight=False)


def output() -> Console:
    return _console(sys.stdout)


def messages() -> Console:
    return _console(sys.stderr)


def table(title: str, columns: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
    """Print a table on standard output; where it is too narrow for the words of all columns, one block a row."""
    rows = [[*row] for row in rows]
    console = output()
    room = console.width - 2 * len(columns)
    cells = [*zip(columns, *rows, strict=True)]
    words = [max(len(word) for cell in column for word in cell.split() or [""]) for column in cells]
    if sum(words) > room:
        console.print(title, style="italic")
        for first, *rest in rows:
            # What no console is wide enough for stands under its name, where only a word as long as a line is broken.
            fields(f"{columns[0]} {first}", zip(columns[1:], rest, strict=True))
        return
    from rich import box
    from rich.table import Table
    from rich.text import Text

    drawn = Table(title=title, title_justify="left", box=box.SIMPLE_HEAD, pad_edge=False)
    # The widest columns give way first, as rich has it, but none to less than its longest word.
    widest = [max(map(len, column)) for column in cells]
    level = max(widest)
    while sum(widths := [max(word, min(whole, level)) for word, whole in zip(words, widest, strict=True)]) > room:
        level -= 1
    for name, width in zip(columns, widths, strict=True):
        drawn.add_column(name, overflow="fold", width=width)
    for row in rows:
        drawn.add_row(*(Text(cell) for cell in row))
    console.print(drawn)


def fields(title: str, rows: Iterable[Sequence[str]]) -> None:
    """Print names and what belongs to them under a title; texts are wrapped, never cut."""
    from rich.table import Table
    from rich.text import Text

    grid = Table.grid(padding=(0, 2))
    grid.add_column(style="bold", no_wrap=True)
    for name, *cells in rows:
        grid.add_row(name, *(Text(cell, overflow="fold") for cell in cells))
    console = output()
    console.print(Text(title, style="bold underline"))
    console.print(grid)
    console.print()


def note(sentence: str) -> None:
    """A remark on standard error, so that standard output stays what was asked for."""
    click.echo(f"stbench: {sentence}", err=True)


@contextmanager
def bar(task: str, unit: str) -> Iterator[Callable[[int, int], None]]:
    """Gives `advance(done, total)`: a bar with the remaining time on a terminal, elsewhere at most a line per tenth."""
    console = messages()
    if not console.is_terminal:
        yield _line_per_tenth(task, unit)
        return
    from rich.progress import (
        BarColumn,
        MofNCompleteColumn,
        Progress,
        TextColumn,
        TimeElapsedColumn,
        TimeRemainingColumn,
    )

    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn(unit),
        TimeElapsedColumn(),
        TextColumn("remaining"),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=console) as display:
        shown = display.add_task(task, total=None)
        yield lambda done, total: display.update(shown, completed=done, total=total)


def _line_per_tenth(task: str, unit: str) -> Callable[[int, int], None]:
    started = time.monotonic()
    last, told = -1, started

    def advance(done: int, total: int) -> None:
        nonlocal last, told
        tenth, now = 10 * done // total if total else 10, time.monotonic()
        if tenth > last and (now - told >= _QUIET_SECONDS or done == total):
            last, told = tenth, now
            click.echo(f"{task}: {done} of {total} {unit}, {duration_text(now - started)}", err=True)

    return advance
