"""Plots of the page: inline SVG with its legend."""

from __future__ import annotations

import math
import statistics
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from stbench import registry
from stbench.boards.curves import curves_of_block
from stbench.boards.svg import Point, paint, stroke_classes, svg_curves, svg_scatter
from stbench.results.numbers import seconds_text

if TYPE_CHECKING:
    from markupsafe import Markup

    from stbench.boards.board import Block, Board
    from stbench.boards.overview import Overview, TrackSkill

TIMES = {each: seconds_text(each) for each in (0.1, 1.0, 10.0, 60.0, 600.0, 3600.0, 6 * 3600.0, 86400.0, 864000.0)}


@dataclass(frozen=True)
class Legend:
    label: str
    style: str
    """CSS classes of the line."""
    colour: str
    dashes: str


@dataclass(frozen=True)
class Plot:
    metric: str
    svg: Markup
    legend: tuple[Legend, ...] = ()


def curves_of(board: Board, block: Block) -> list[Plot]:
    """Every metric of a block against lead time, the ranking one first; none where whole clips are scored."""
    from markupsafe import Markup

    found = []
    for metric in board.metrics if board.horizon > 1 else ():
        if curves := curves_of_block(board, block, metric):
            styles = stroke_classes(curves)
            legend = tuple(
                Legend(curve.label, style, *paint(curve)) for curve, style in zip(curves, styles, strict=True)
            )
            if svg := svg_curves(curves, metric):
                found.append(Plot(metric, Markup(svg), legend))
    return found


def cost_of_block(board: Board, block: Block) -> Plot | None:
    """The ranking metric against seconds of training."""
    from markupsafe import Markup

    metric = board.metrics[0] if board.metrics else ""
    points = [
        Point(line.model, line.record.floor, line.train_seconds, summary.value)
        for line in block.lines
        if line.rank is not None and (summary := line.summary(metric, board.mean_lead_time)) is not None
    ]
    values = [each.y for each in points if math.isfinite(each.y) and each.y > 0]
    log = bool(values) and not registry.metric(metric).higher_is_better and max(values) > 10 * min(values)
    svg = svg_scatter(points, x="wall time of training", y=metric, ticks=TIMES, log=log)
    return Plot(metric, Markup(svg)) if svg and len(points) > 1 else None


def cost_of_preset(
    overview: Overview | None,
    columns: Sequence[Board],
    skills: Mapping[str, TrackSkill],
    anchor: Callable[[Board], str],
) -> Plot | None:
    """Error over that of the best floor, 1 - skill, against seconds of training a track: of the headline suite, or of
    the only track."""
    from markupsafe import Markup

    if overview is not None:
        suite = overview.headline
        wanted = {(track.track, track.source) for track in suite.tracks}
        ratios = {place.model: 1 - place.skill for place in suite.places}
    elif len(columns) == 1:
        wanted = {(columns[0].track.id, columns[0].source)}
        ratios = {model: 1 - skill for model, skill in skills[anchor(columns[0])].skill.items()}
    else:
        return None
    chosen = [skills[anchor(board)] for board in columns if (board.track.id, board.source) in wanted]
    points = []
    for model, ratio in ratios.items():
        lines = [each.lines[model] for each in chosen]
        seconds = [found for line in lines if (found := line.train_seconds) is not None]
        cost = statistics.fmean(seconds) if seconds else None
        points.append(Point(model, any(line.record.floor for line in lines), cost, ratio))
    log = max(ratios.values()) > 10 * min(ratios.values())
    name = "error relative to the best floor"
    svg = svg_scatter(points, x="wall time of training, mean over tracks", y=name, ticks=TIMES, log=log)
    return Plot(name, Markup(svg)) if svg else None
