"""Comparisons and overviews for the terminal."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from stbench.boards.board import lead_time_name
from stbench.boards.comparison import Compared
from stbench.boards.overview import Overview, Place
from stbench.results.numbers import interval_text, score_text
from stbench.results.paired import CONFIDENCE, FEW, POWER, clusters_needed, seeds_needed

if TYPE_CHECKING:
    from rich.console import RenderableType
    from rich.table import Table


def comparison_tables(rows: Sequence[Compared], title: str, a: str, b: str) -> Iterator[RenderableType]:
    """A row a lead time; below it what the columns mean, and why there is no interval."""
    from rich.text import Text

    table = _table(title)
    for heading in ("lead time", a, b, "difference", f"{100 * CONFIDENCE:.0f} % interval", "p"):
        table.add_column(Text(heading), justify="left" if heading == "lead time" else "right", overflow="fold")
    for heading in ("clusters", "needed", "seeds", "needed"):
        table.add_column(heading, justify="right")
    for row in rows:
        cells = [lead_time_name(row.lead_time), score_text(row.a), score_text(row.b)]
        if (found := row.difference) is None:
            cells += [score_text(row.a - row.b) if row.a != row.b else "0", *[""] * 6]
        else:
            needed = (clusters_needed(found), seeds_needed(found))
            texts = ["" if each is None else f"{each:,}" for each in needed]
            seeds = " / ".join(map(str, found.seeds))
            interval = interval_text(found.value, found.low, found.high)
            cells += [score_text(found.value), interval, f"{found.p:.2g}"]
            cells += [f"{found.clusters:,}", texts[0], seeds, texts[1]]
        table.add_row(*map(Text, cells))
    yield table
    yield Text("\n".join(_remarks(rows)), style="italic dim")


def _remarks(rows: Sequence[Compared]) -> Iterator[str]:
    found = [row.difference for row in rows if row.difference is not None]
    if found:
        yield (
            f"Paired over clusters (sequences, or what sequences share), Student's t. Needed: clusters, or seeds of "
            f"each model, that tell such a difference apart in {100 * POWER:.0f} % of studies; blank: more of them "
            "alone do not, or one seed does not tell."
        )
        if min(each.seeds[0] for each in found) == 1 or min(each.seeds[1] for each in found) == 1:
            yield "With one seed of a model the interval says nothing of another training of it."
        if (fewest := min(each.clusters for each in found)) < FEW:
            yield f"{fewest} clusters are fewer than {FEW}: over few, skewed errors make it hold less often."
    for reason in dict.fromkeys(row.reason for row in rows if row.reason):
        yield f"No interval: {reason}."


def overview_tables(overview: Overview) -> Iterator[RenderableType]:
    """A table a suite: skill over the best floor and win rate of the models run on the same tracks."""
    from rich.text import Text

    for suite in overview.suites:
        title = f"preset {overview.preset}: {len(suite.places)} models on the same {len(suite.tracks)} tracks"
        table = _table(title)
        for heading in ("model", "skill over the best floor", "95 % interval", "win rate", "95 % interval"):
            table.add_column(heading, justify="left" if heading == "model" else "right")
        for place in suite.places:
            name = f"{place.model} (floor)" if place.floor else place.model
            skill, wins = (f"[{low:.2f}, {high:.2f}]" for low, high in _ends(place))
            cells = (name, f"{place.skill:.3f}", skill, f"{place.win_rate:.2f}", wins)
            table.add_row(*map(Text, cells), style="dim" if place.floor else "")
        yield table
        resampled = max(place.resampled for place in suite.places)
        yield Text(
            f"tracks: {', '.join(track.name for track in suite.tracks)}. Intervals over tracks, then clusters where "
            f"they are kept (on {resampled} of {len(suite.tracks)}).\n",
            style="italic dim",
        )


def _ends(place: Place) -> tuple[tuple[float, float], tuple[float, float]]:
    return (place.skill_low, place.skill_high), (place.win_low, place.win_high)


def _table(title: str) -> Table:
    from rich import box
    from rich.markup import escape
    from rich.table import Table

    return Table(title=escape(title), title_justify="left", box=box.SIMPLE_HEAD, pad_edge=False)
