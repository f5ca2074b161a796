"""Lines of a block compared by their means per cluster: which cannot be told apart from the best one.

Every ranked line is held against the best on the same clusters (`stbench.results.paired`), the p-values are adjusted
by Holm over the lines, and what is not told apart at 5 % shares the bracket of the best. Nobody is compared with a line
without means per cluster, or with one that was asked other windows: the board says so.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from stbench import registry
from stbench.boards.derived import same_clusters
from stbench.errors import StbenchError, nearest
from stbench.metrics import Metric
from stbench.results.clusters import ClusterMeans
from stbench.results.paired import CONFIDENCE, Difference, holm, paired_difference

if TYPE_CHECKING:
    from stbench.boards.board import Board, Line

BEST, APART, TIED = "best", "told apart from the best", "not told apart from the best"


@dataclass(frozen=True)
class Standing:
    """Where a ranked line stands beside the best one of its block."""

    bracket: str
    """ "1..3": the line shares ranks 1 to 3 with lines that cannot be told apart from the best; "4": it is told apart;
    empty: it could not be compared."""
    outcome: str
    """`BEST`, `APART`, `TIED`, or why it could not be compared."""
    difference: Difference | None = None
    """The line's value less the best one's."""
    p_holm: float | None = None


@dataclass(frozen=True)
class Values:
    """Means per cluster of one metric at one lead time, of all seeds of a line."""

    means: ClusterMeans
    """Of the first seed: the clusters."""
    values: np.ndarray
    """(seeds, k)."""


def values_of(line: Line, metric: str, lead_time: str) -> Values | str:
    """Of a line, or in words why it has none."""
    stored, found = _stored(metric), []
    first: ClusterMeans | None = None
    for entry in line.entries:
        means = entry.read_means()
        if isinstance(means, str):
            return means
        names = [name for name in means.metrics if name in stored]
        if not names or lead_time not in means.lead_times:
            return f"it has no means per cluster of {metric} at {lead_time}"
        first = first or means
        if not same_clusters(first, means):
            return "its seeds were scored on different windows or clusters"
        place = means.metrics.index(names[0]), slice(None), means.lead_times.index(lead_time)
        found.append(means.means[place])
    assert first is not None
    return Values(first, np.stack(found))


def _stored(metric: str) -> set[str]:
    """Names under which means of a metric are kept: its own, and that of the plain mean it finishes (mse)."""
    known = registry.metric(metric)
    return {metric, "mse"} if known.by_frame and known.frame_values is registry.metric("mse").frame_values else {metric}


def difference(a: Values, b: Values, metric: Metric) -> Difference | str:
    """A - B, or in words why it has no interval."""
    if not same_clusters(a.means, b.means):
        return "they were scored on different windows or clusters"
    found = paired_difference(a.values, b.values, a.means.windows, metric.finish)
    if found is not None:
        return found
    return "there is one cluster" if len(a.means.cluster) < 2 else "a mean is not finite"


def standings(lines: Sequence[Line], metric: str, lead_time: str) -> list[Line]:
    """Ranked lines, best first, each with its standing; one alone has nobody to be compared with."""
    if len(lines) < 2:
        return list(lines)
    best = values_of(lines[0], metric, lead_time)
    if isinstance(best, str):
        return [replace(line, standing=Standing("", f"not compared: {_why(line, best)}")) for line in lines]
    compared = [_against(best, line, metric, lead_time) for line in lines[1:]]
    tested = [k for k, each in enumerate(compared) if isinstance(each, Difference)]
    adjusted = dict(zip(tested, holm([each.p for each in compared if isinstance(each, Difference)]), strict=True))
    alpha = 1 - CONFIDENCE
    last = max((lines[k + 1].rank or 1 for k in tested if adjusted[k] >= alpha), default=lines[0].rank or 1)
    shared = "1" if last == 1 else f"1..{last}"
    found = [replace(lines[0], standing=Standing(shared if tested else "", BEST))]
    for k, (line, each) in enumerate(zip(lines[1:], compared, strict=True)):
        if isinstance(each, str):
            standing = Standing("", f"not compared: {each}")
        elif adjusted[k] >= alpha:
            standing = Standing(shared, TIED, each, adjusted[k])
        else:
            standing = Standing(str(line.rank), APART, each, adjusted[k])
        found.append(replace(line, standing=standing))
    return found


def _against(best: Values, line: Line, metric: str, lead_time: str) -> Difference | str:
    own = values_of(line, metric, lead_time)
    return own if isinstance(own, str) else difference(own, best, registry.metric(metric))


def _why(line: Line, best: str) -> str:
    own = line.entries[0].read_means()
    return own if isinstance(own, str) else f"the best line cannot be, {best}"


@dataclass(frozen=True)
class Compared:
    """Two models at one lead time."""

    lead_time: str
    a: float
    b: float
    difference: Difference | None
    """A - B."""
    reason: str
    """Why there is no interval; empty where there is one."""


def compare(board: Board, a: str, b: str, metric: str) -> list[Compared]:
    """Two models of a board at its lead times, on the newest data both were run on.

    Of several configurations of a model the one run last. `StbenchError` where the board has not both on the same data,
    or no such metric.
    """
    if metric not in board.metrics:
        raise StbenchError(f"{board.track.id} has no metric '{metric}': {nearest(metric, board.metrics)}")
    models = dict.fromkeys(line.model for block in board.blocks for line in block.lines)
    for name in (a, b):
        if name not in models:
            raise StbenchError(
                f"there is no run of '{name}' on {board.track.id}, preset {board.preset}, source {board.source}: "
                f"{nearest(name, models)}"
            )
    for block in board.blocks:
        own, other = (
            max((line for line in block.lines if line.model == name), key=lambda line: line.finished, default=None)
            for name in (a, b)
        )
        if own is not None and other is not None:
            return [each for lead_time in board.main_lead_times if (each := _compared(own, other, metric, lead_time))]
    raise StbenchError(f"{a} and {b} were run on different data on {board.track.id}: run one of them again")


def _compared(a: Line, b: Line, metric: str, lead_time: str) -> Compared | None:
    """None where one of them has no value."""
    own, other = (line.summary(metric, lead_time) for line in (a, b))
    if own is None or other is None:
        return None
    found: Difference | str
    values = [(line, values_of(line, metric, lead_time)) for line in (a, b)]
    if missing := [f"{line.model}: {each}" for line, each in values if isinstance(each, str)]:
        found = "; ".join(missing)
    else:
        one, two = (each for _, each in values if isinstance(each, Values))
        found = difference(one, two, registry.metric(metric))
    if isinstance(found, str):
        return Compared(lead_time, own.value, other.value, None, found)
    return Compared(lead_time, own.value, other.value, found, "")


__all__ = [
    "APART",
    "BEST",
    "TIED",
    "Compared",
    "Standing",
    "Values",
    "compare",
    "difference",
    "standings",
    "values_of",
]
