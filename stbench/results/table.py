"""The board of a track for the terminal: models beside floors, and the numbers papers report below, apart."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING

from stbench.results.absent import Absent, absent
from stbench.results.board import Block, Board, Line
from stbench.results.leaderboard import NOT_APPLICABLE
from stbench.results.numbers import count_text, interval_text, score_text, seconds_text
from stbench.results.reported import Reported, reported_for

if TYPE_CHECKING:
    from rich.table import Table

WIDE = 150
"""Columns a terminal needs for all metrics and costs."""
COSTS = ("parameters", "training", "inference", "seeds")

__all__ = ["board_table", "reported_for", "reported_table"]


def board_table(board: Board, *, highlight: str = "", width: int = WIDE) -> Table:
    """A rich table of a board: rank, model, metrics over all lead times, the first metric at the ends, costs.

    `highlight` is the model to set in bold, e.g. the one just run. Rows of other data come under their own heading. A
    terminal of less than `WIDE` columns gets the ranking metric alone: a folded table cannot be read.
    """
    from rich import box
    from rich.markup import escape
    from rich.table import Table

    title = f"{board.track}, preset {board.preset}, source {board.source}"
    table = Table(title=escape(title), title_justify="left", box=box.SIMPLE_HEAD, pad_edge=False)
    table.add_column("rank", justify="right")
    table.add_column("model", overflow="fold", min_width=17)
    cells = [
        (metric, lead_time)
        for place, metric in enumerate(board.metrics if width >= WIDE else board.metrics[:1])
        for lead_time in (board.main_lead_times if place == 0 else (board.mean_lead_time,))
    ]
    for metric, lead_time in cells:
        table.add_column(escape(f"{metric}\n{lead_time}"), justify="right")
        if (metric, lead_time) == cells[0]:
            table.add_column("95 % interval", justify="left")
    for column in COSTS[: None if width >= WIDE else -2]:
        table.add_column(column, justify="right")
    for block in board.blocks:
        if len(board.blocks) > 1:
            table.add_section()
            table.add_row("", f"[italic]{escape(_heading(block))}[/italic]")
        for line in block.lines:
            style = "bold" if line.model == highlight else "dim" if line.record.floor else ""
            table.add_row(*_row(line, cells)[: len(table.columns)], style=style)
    if missing := absent(board):
        table.caption_justify = "left"
        table.caption = escape("\n".join(_not_applicable(missing)))
    return table


def reported_table(rows: Iterable[Reported]) -> Table:
    """A rich table of reported numbers (`reported_for(track)`), with where each is printed."""
    from rich import box
    from rich.table import Table
    from rich.text import Text

    table = Table(title="reported in papers, not run here", title_justify="left", box=box.SIMPLE_HEAD, pad_edge=False)
    for column in ("model, as named there", "metric", "value", "paper", "table"):
        table.add_column(column, justify="right" if column == "value" else "left", overflow="fold")
    for each in rows:
        value = f"{each.value} ± {each.std}" if each.std else each.value
        table.add_row(*map(Text, (each.row, each.metric, value, each.paper, each.table)))
    return table


def _not_applicable(missing: Sequence[Absent]) -> Iterator[str]:
    """One line a reason."""
    for reason in dict.fromkeys(each.reason for each in missing):
        models = ", ".join(each.model for each in missing if each.reason == reason)
        yield f"{NOT_APPLICABLE}: {models} ({reason})"


def _heading(block: Block) -> str:
    return f"version {block.dataset_version}, digest {block.dataset_digest[:12]}"


def _row(line: Line, cells: list[tuple[str, str]]) -> list[str]:
    from rich.markup import escape

    record = line.record
    texts = [str(line.rank or ""), escape(line.model) + (" (floor)" if record.floor else "")]
    for place, (metric, lead_time) in enumerate(cells):
        found = line.summary(metric, lead_time)
        texts.append(score_text(found.value) if found is not None else NOT_APPLICABLE)
        if place == 0:
            texts.append(escape(interval_text(found.value, found.ci_low, found.ci_high)) if found is not None else "")
    texts += [count_text(record.parameters), seconds_text(float(record.training.get("seconds", 0.0)))]
    texts += [seconds_text(record.inference_seconds), " ".join(map(str, line.seeds))]
    return texts
