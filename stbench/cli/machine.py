"""What commands print for programs, with `--json`: one document on standard output, its keys as in docs/json.md."""

from __future__ import annotations

import codecs
import csv
import io
import json
import math
import sys
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, TypeVar

import click

if TYPE_CHECKING:
    from stbench.boards.board import Board
    from stbench.contract.datasets import Split, Track

_Command = TypeVar("_Command", bound=Callable[..., Any])
_TEXTS = {
    *("model", "metric", "lead_time", "device", "processor", "track", "preset", "source", "dataset"),
    *("dataset_version", "dataset_digest", "split", "metric_version", "model_version", "configuration"),
    *("stbench_version", "git_revision", "command", "note", "interval", "rank_bracket"),
    *("comparison", "trust"),
}
"""Columns of a board that are texts, whatever they look like."""


def json_option(command: _Command) -> _Command:
    return click.option("--json", "as_json", is_flag=True, help="Print JSON for programs instead (docs/json.md).")(
        command
    )


def print_json(document: Any) -> None:
    """Strict JSON: numbers that are not finite become null, characters that the stream may lack are escaped."""
    escaped = codecs.lookup(sys.stdout.encoding or "ascii").name != "utf-8"
    click.echo(json.dumps(_plain(document), indent=2, allow_nan=False, ensure_ascii=escaped))


def track_document(track: Track) -> dict[str, Any]:
    return {"id": track.id, "protocol": track.protocol, "horizon": track.horizon, "metrics": list(track.scored)}


def split_document(split: Split) -> dict[str, Any]:
    counts = {part: len(split.indices(part)) for part in split.ranges}
    return {"id": split.id, "digest": split.digest, "sequences": counts}


def board_document(board: Board) -> dict[str, Any]:
    """A board with the rows of its CSV: numbers as numbers, empty cells as null."""
    from stbench.boards.leaderboard import csv_text

    rows = [
        {key: _cell(key, cell) for key, cell in row.items()} for row in csv.DictReader(io.StringIO(csv_text(board)))
    ]
    return {"track": board.track.id, "preset": board.preset, "source": board.source, "rows": rows}


def _cell(key: str, cell: str) -> Any:
    if key in _TEXTS or not cell:
        return cell or None
    for read in (int, float):
        try:
            return read(cell)
        except ValueError:
            continue
    return {"true": True, "false": False}.get(cell.lower(), cell)


def _plain(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {str(key): _plain(each) for key, each in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(each) for each in value]
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    return value if isinstance(value, str | bool | int | None) else str(value)
