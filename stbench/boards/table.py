"""The board of a track for the terminal: models beside floors, and the numbers papers report below, apart."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from stbench import registry
from stbench.boards.absent import Absent, absent
from stbench.boards.board import Block, Board, Line, lead_time_name
from stbench.boards.leaderboard import NOT_APPLICABLE, NOT_SCORED
from stbench.boards.reported import Reported, reported_for
from stbench.contract.datasets import setting_words
from stbench.results.numbers import count_text, interval_text, score_text, seconds_text
from stbench.results.trust import Trust

if TYPE_CHECKING:
    from rich.console import RenderableType
    from rich.table import Table

WIDTH = 150
"""Columns of a terminal whose width nobody says."""
HEADING = 14
"""Letters in a line of a heading, as far as the parts of a name allow it, so that values set the width of a column."""

__all__ = ["board_tables", "reported_for", "reported_table"]


@dataclass(frozen=True)
class _Column:
    heading: str
    cell: Callable[[Line, str], str]
    """Of a line at a lead time, as markup."""
    justify: Literal["left", "right"] = "right"


def board_tables(board: Board, *, highlight: str = "", width: int = WIDTH) -> list[RenderableType]:
    """What a terminal prints of a board: every shown metric over all lead times, the ranking one with its interval,
    and costs; notes; then every shown metric over shorter horizons and at the ends.

    `highlight` is the model to set in bold, e.g. the one just run. Rows of other data come under their own heading.
    What `width` columns cannot hold comes in another table below: no metric is left out and no value is folded.
    """
    from rich.text import Text

    title = f"{board.track.id}, preset {board.preset}, source {board.source}"
    layout = _Layout(board, highlight, width)
    ranked = (_Column("rank", lambda line, _: _rank(line)), _MODEL)
    columns = [*_metric_columns(board, board.shown), *((each,) for each in _COSTS)]
    mean = board.mean_lead_time
    found: list[RenderableType] = [*layout.tables(f"{title}: {lead_time_name(mean)}", ranked, columns, (mean,))]
    notes = [*_less(board), *_not_applicable(absent(board)), *_drawn(board)]
    if board.floors_note:
        notes.append(f"{board.floors_note}; without them no skill over the best floor")
    if board.further:
        notes.append(f"scored too, in the CSV: {', '.join(board.further)}")
    notes += dict.fromkeys(f"{models}: {note}" for block in board.blocks for models, note in block.notes)
    if notes:
        found.append(Text("\n".join([*notes, ""]), style="italic dim"))
    if others := board.main_lead_times[1:]:
        columns = [*_metric_columns(board, board.shown_at_lead_times)]
        found += layout.tables(f"{title}: other lead times", (_MODEL,), columns, others)
    return found


def _less(board: Board) -> Iterator[str]:
    known = board.dataset in registry.names("datasets")
    if known and (settings := registry.dataset(board.dataset).presets.get(board.preset)):
        words = " ".join(setting_words(settings))
        yield f"the preset '{board.preset}' takes less of {board.dataset} than there is: {words}"


def reported_table(rows: Iterable[Reported]) -> Table:
    """A rich table of reported numbers (`reported_for(track)`), with where each is printed: a line for each row of a
    paper and its lead times."""
    from rich import box
    from rich.table import Table
    from rich.text import Text

    lines: dict[tuple[str, str, str, str], list[str]] = {}
    for each in rows:
        value = f"{each.value} ± {each.std}" if each.std else each.value
        lines.setdefault((each.row, each.lead_times, each.paper, each.table), []).append(f"{each.metric} {value}")
    table = Table(title="reported in papers, not run here", title_justify="left", box=box.SIMPLE_HEAD, pad_edge=False)
    for column in ("model, as named there", "lead times", "values", "paper", "table"):
        table.add_column(column, overflow="fold")
    for (row, lead_times, paper, name), values in lines.items():
        table.add_row(*map(Text, (row, lead_times, ", ".join(values), paper, name)))
    return table


@dataclass(frozen=True)
class _Layout:
    board: Board
    highlight: str
    width: int

    def tables(
        self,
        title: str,
        fixed: tuple[_Column, ...],
        columns: Sequence[tuple[_Column, ...]],
        lead_times: Sequence[str],
    ) -> Iterator[Table]:
        """Tables with `fixed` in front (of those that continue the first one: the model) and as many of the others as
        fit; columns of one tuple stay together."""
        chosen: tuple[_Column, ...] = ()
        for each in columns:
            if chosen and _columns_of(self.table(title, (*fixed, *chosen, *each), lead_times)) > self.width:
                yield self.table(title, (*fixed, *chosen), lead_times)
                title, fixed, chosen = "", (_MODEL,), ()
            chosen = (*chosen, *each)
        yield self.table(title, (*fixed, *chosen), lead_times)

    def table(self, title: str, columns: Sequence[_Column], lead_times: Sequence[str]) -> Table:
        """One section for each block and lead time, named where there are several."""
        from rich import box
        from rich.markup import escape
        from rich.table import Table

        table = Table(title=escape(title) or None, title_justify="left", box=box.SIMPLE_HEAD, pad_edge=False)
        for column in columns:
            least = 17 if column is _MODEL else None
            table.add_column(escape(column.heading), justify=column.justify, overflow="fold", min_width=least)
        for block in self.board.blocks:
            for lead_time in lead_times:
                name = [_heading(block)] if len(self.board.blocks) > 1 else []
                name += [lead_time_name(lead_time)] if len(lead_times) > 1 else []
                if name:
                    table.add_section()
                    before = [""] * list(columns).index(_MODEL)
                    table.add_row(*before, f"[italic]{escape(', '.join(name))}[/italic]")
                for line in block.lines:
                    # Who was not asked is named once, with the mean over the horizon.
                    if line.record.not_applicable and lead_time != self.board.mean_lead_time:
                        continue
                    style = "bold" if line.model == self.highlight else "dim" if line.record.floor else ""
                    table.add_row(*(column.cell(line, lead_time) for column in columns), style=style)
        return table


def _columns_of(table: Table) -> int:
    """Columns of the terminal a table takes when nothing in it is folded."""
    from rich.console import Console
    from rich.measure import Measurement

    endless = Console(width=100_000)
    return Measurement.get(endless, endless.options, table).maximum


def _rank(line: Line) -> str:
    """The rank, and in brackets the ranks it shares with lines that cannot be told apart from the best."""
    shared = line.standing.bracket if line.standing is not None else ""
    return f"{line.rank or ''} ({shared})" if ".." in shared else str(line.rank or "")


def _model(line: Line, _: str) -> str:
    from rich.markup import escape

    remarks = ["floor"] if line.record.floor else []
    remarks += [line.trust] if line.trust != Trust.TRAINED else []
    return escape(line.model) + (f" ({', '.join(remarks)})" if remarks else "")


_MODEL = _Column("model", _model, "left")

_COSTS = (
    _Column("parameters", lambda line, _: count_text(line.record.parameters)),
    _Column("training", lambda line, _: seconds_text(line.train_seconds)),
    _Column("inference", lambda line, _: seconds_text(line.record.inference_seconds)),
    _Column("seeds", lambda line, _: " ".join(map(str, line.seeds))),
)


def _metric_columns(board: Board, metrics: Iterable[str]) -> Iterator[tuple[_Column, ...]]:
    """A column for each metric; the ranking one has its interval beside it."""
    for metric in metrics:
        value = _Column(folded(metric), lambda line, lead_time, metric=metric: _value(line, metric, lead_time))  # type: ignore[misc]
        if metric == board.metrics[0]:
            yield (
                value,
                _Column("95 % interval", lambda line, lead_time: _interval(line, board.metrics[0], lead_time), "left"),
            )
        else:
            yield (value,)


def folded(name: str) -> str:
    """A name in lines of `HEADING` letters at most, broken behind underscores; a longer part stays whole."""
    lines = [""]
    for part in name.replace("_", "_\n").split("\n"):
        if lines[-1] and len(lines[-1] + part) > HEADING:
            lines.append("")
        lines[-1] += part
    return "\n".join(lines)


def _value(line: Line, metric: str, lead_time: str) -> str:
    found = line.summary(metric, lead_time)
    if found is None:
        return NOT_APPLICABLE if line.record.not_applicable else NOT_SCORED
    return score_text(found.value)


def _interval(line: Line, metric: str, lead_time: str) -> str:
    from rich.markup import escape

    found = line.summary(metric, lead_time)
    return escape(interval_text(found.value, found.ci_low, found.ci_high)) if found is not None else ""


def _not_applicable(missing: Sequence[Absent]) -> Iterator[str]:
    """One line a reason."""
    for reason in dict.fromkeys(each.reason for each in missing):
        models = ", ".join(each.model for each in missing if each.reason == reason)
        yield f"{NOT_APPLICABLE}: {models} ({reason})"


def _drawn(board: Board) -> Iterator[str]:
    """Of a track of draws, how many of which windows."""
    for block in board.blocks:
        if block.drawn:
            yield f"draws: N = {block.drawn['members']} of each of the windows {block.drawn['windows']}"


def _heading(block: Block) -> str:
    return f"version {block.dataset_version}, digest {block.dataset_digest[:12]}"
