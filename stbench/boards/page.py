"""The leaderboards as one static web page: no script, no resource from elsewhere, readable on a phone and on paper."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING, Any

from stbench import registry
from stbench.boards.absent import Absent, absent
from stbench.boards.board import Block, Board, Line, Summary, boards, lead_time_name
from stbench.boards.curves import curves_of_block
from stbench.boards.publishing import read_published
from stbench.boards.reported import Reported, read_reported
from stbench.boards.svg import dash_text, paint, stroke_classes, svg_curves
from stbench.contract.presets import PRESETS
from stbench.errors import StbenchError
from stbench.files import write_text
from stbench.pictures.colours import DASHES, MODELS, SIMULATED, STROKES
from stbench.results import numbers

if TYPE_CHECKING:
    from stbench.metrics import Metric

TEMPLATES = Path(__file__).resolve().parent / "templates"


@dataclass(frozen=True)
class Legend:
    label: str
    style: str
    """CSS classes of the line."""
    colour: str
    dashes: str


@dataclass(frozen=True)
class BlockView:
    """What the template needs of a block beside the block itself."""

    block: Block
    curves: str
    """Inline SVG, or nothing."""
    legend: tuple[Legend, ...]


def write_page(published: Path, path: Path, reported: Path | None = None) -> Path:
    """Write the page of the boards published under `published` (see `stbench.boards.leaderboard.build`) to `path`.

    `reported`: the table of numbers from papers, drawn apart. Same records, same bytes.
    """
    found = read_published(published)
    if not found:
        raise StbenchError(
            f"there is no published run under {published}: make one with `stbench run`, then `stbench leaderboard`"
        )
    shown = [(board, absent(board)) for board in boards(found)]
    text = render(shown, read_reported(reported) if reported is not None else [])
    try:
        write_text(path, text)
    except OSError as error:
        raise StbenchError(f"cannot write {path}: {error.strerror or error}") from None
    return path


def render(shown: Sequence[tuple[Board, Sequence[Absent]]], reported: Iterable[Reported]) -> str:
    """The page of boards, each with `absent(board)`, as text; texts of records and papers are escaped."""
    import jinja2
    from markupsafe import Markup

    environment = jinja2.Environment(
        loader=jinja2.FunctionLoader(lambda name: (TEMPLATES / name).read_text("utf-8")),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    environment.filters |= {
        "score": numbers.score_text,
        "count": numbers.count_text,
        "seconds": numbers.seconds_text,
        "interval": _interval,
        "anchor": _anchor,
        "folded": _folded,
    }
    # A global: the macros of the template see no variables.
    environment.globals["lead_time_name"] = lead_time_name

    def view(board: Board, block: Block) -> BlockView:
        curves = curves_of_block(board, block, board.metrics[0]) if board.metrics and board.horizon > 1 else []
        styles = stroke_classes(curves)
        legend = tuple(Legend(curve.label, style, *paint(curve)) for curve, style in zip(curves, styles, strict=True))
        return BlockView(block, Markup(svg_curves(curves, board.metrics[0])) if curves else "", legend)

    missing = {(board.preset, board.track.id, board.source): each for board, each in shown}
    order = {name: place for place, name in enumerate(reversed([*PRESETS]))}
    ordered = sorted(
        (board for board, _ in shown), key=lambda board: (order.get(board.preset, len(order)), board.preset)
    )
    by_track: dict[str, list[Reported]] = {}
    for each in reported:
        by_track.setdefault(each.track, []).append(each)
    return environment.get_template("leaderboard.html").render(
        presets=[(preset, list(group)) for preset, group in groupby(ordered, key=lambda board: board.preset)],
        about=PRESETS,
        view=view,
        absent=lambda board: missing[board.preset, board.track.id, board.source],
        reported=by_track,
        metrics=_metrics(ordered),
        models=MODELS,
        dashes=[dash_text(each) for each in DASHES],
        strokes=[dash_text(each) for each in STROKES],
        cost=_cost,
        simulated=SIMULATED,
    )


def _interval(summary: Summary) -> str:
    return numbers.interval_text(summary.value, summary.ci_low, summary.ci_high)


def _folded(name: str) -> str:
    """A name that may be broken behind underscores, so that a column is as wide as its values."""
    from markupsafe import Markup, escape

    return escape(name).replace("_", Markup("_<wbr>"))


def _anchor(board: Board) -> str:
    return f"{board.preset}-{board.file_stem}"


def _cost(line: Line) -> Mapping[str, Any]:
    """Costs of a line: means over seeds, the largest memory."""
    records = [entry.record for entry in line.entries]
    inference = [each.inference_seconds for each in records if each.inference_seconds is not None]
    memory = [each.peak_memory_bytes for each in records if each.peak_memory_bytes is not None]
    return {
        "train_seconds": line.train_seconds,
        "train_cpu_seconds": line.train_cpu_seconds,
        "inference_seconds": sum(inference) / len(inference) if inference else None,
        "memory": f"{max(memory) / 1e6:,.0f} MB" if memory else "",
        "unfinished": not all(each.training.get("finished", True) for each in records),
        "machine": "; ".join(
            dict.fromkeys(f"{each.device}, {each.processor}" for each in records if not each.made_elsewhere)
        ),
    }


def _metrics(found: Iterable[Board]) -> list[Metric]:
    """The metrics of these boards, in order of appearance, as far as they are registered here."""
    names = dict.fromkeys(name for board in found for name in board.metrics)
    known = set(registry.names("metrics"))
    return [registry.metric(name) for name in names if name in known]
