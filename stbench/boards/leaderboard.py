"""Leaderboards: run records in, one CSV per preset and track out. A number that nobody ran here cannot get in.

Every record is copied to `records/` beside the CSVs (`stbench.boards.publishing`), and the CSVs are always rebuilt
from these copies alone. So a published board loses nothing when the run folders are gone, and its text depends on its
records only. All is read, checked and computed before the first file is written.

    <out>/records/...
    <out>/<preset>/<board>.csv
    <out>/<preset>/overview.csv
"""

from __future__ import annotations

import csv
import io
import statistics
from collections.abc import Iterable, Iterator
from pathlib import Path

from stbench.boards.absent import Absent, absent, read_listed
from stbench.boards.board import Block, Board, Line, Summary
from stbench.boards.cells import harmless
from stbench.boards.gallery import Drawn, draw_gallery, folder_of
from stbench.boards.overview import overview_csv, overviews
from stbench.boards.page import render
from stbench.boards.publishing import RECORDS, find_runs, published, publishing, read_entry
from stbench.boards.ranking import boards
from stbench.boards.reported import read_reported, shipped
from stbench.contract.datasets import fingerprint
from stbench.contract.presets import CUSTOM
from stbench.errors import StbenchError
from stbench.files import write_text
from stbench.results.paired import FEW

NOT_APPLICABLE = "not applicable"
NOT_SCORED = "not scored"
"""The record has no value of the metric: it was scored before there was one, or it has no meaning for the answer."""
OVERVIEW = "overview.csv"

COLUMNS = (
    "rank",
    "model",
    "metric",
    "lead_time",
    "value",
    "ci_low",
    "ci_high",
    "seeds",
    "seed_sd",
    "sd",
    "n",
    "n_sequences",
    "floor",
    "parameters",
    "macs_per_forecast",
    "train_steps",
    "train_seconds",
    "train_cpu_seconds",
    "budget_seconds",
    "inference_seconds",
    "peak_memory_mb",
    "device",
    "processor",
    "track",
    "preset",
    "source",
    "dataset",
    "dataset_version",
    "dataset_digest",
    "split",
    "metric_version",
    "model_version",
    "configuration",
    "stbench_version",
    "git_revision",
    "command",
    "note",
    "interval",
    "rank_bracket",
    "difference_to_best",
    "difference_low",
    "difference_high",
    "p_holm",
    "comparison",
    "trust",
    "format",
)
"""Those up to `note` are of format 1, at the same places."""
FORMAT = "2"
"""Of the tables: raised when a column is added. None is ever renamed."""


def build(
    runs: Path, out: Path, reported: Path | None = None, page: Path | None = None, pictures: Path | None = None
) -> list[Path]:
    """Publish the finished runs under `runs` into `out` and rebuild every CSV there, and the web page `page` with those
    beside it (`stbench.boards.page`); gives the CSVs, and the page last.

    A run replaces the published one of the same preset, track, model, seed and data digest unless that one is newer, or
    was trained to its end and this one was not. Runs of a configuration that a user has given no name stay out.
    `reported`, the numbers papers report, is checked and copied beside the boards. `pictures`: a folder of older
    pictures, which the page shows where frames of runs are gone. Raises `StbenchError`, and publishes
    nothing, when there is nothing to build from, or a record or result table is damaged.
    """
    made = {folder: read_entry(folder) for folder in find_runs(runs)}
    ranked = {folder: entry for folder, entry in made.items() if entry.record.preset != CUSTOM}
    numbers = read_reported(reported) if reported is not None else []
    with publishing(ranked, published(out), out) as found:
        if not found:
            nameless = len(made) - len(ranked)
            beside = f" ({nameless} of a configuration without a name, see `stbench run --name`)" if nameless else ""
            raise StbenchError(
                f"there is no finished run under {runs}{beside} and no published one under {out / RECORDS}: "
                "make one with `stbench run`" + "".join(f", or copy the published ones, {each}" for each in shipped())
            )
        listed = read_listed()
        shown = [(board, absent(board, listed)) for board in boards(found.values())]
        texts: dict[Path, str] = {}
        for board, missing in shown:
            if (path := out / board.preset / f"{board.file_stem}.csv") in texts:
                raise StbenchError(
                    f"two boards of {board.track.id} would be {path}, one of the source '{board.source}': `stbench "
                    "leaderboard --check` says which records are not of their dataset"
                )
            texts[path] = csv_text(board, missing)
        at_a_glance = overviews([board for board, _ in shown])
        for each in at_a_glance:
            texts[out / each.preset / OVERVIEW] = overview_csv(each)
        written = [*texts]
        galleries: dict[Path, Drawn] = {}
        if page is not None:
            at_hand = {entry.record.fingerprint: folder for folder, entry in ranked.items()}
            for board, _ in shown if at_hand else ():
                if (made_now := draw_gallery(board, out, at_hand)) is not None:
                    galleries[folder_of(board, out)] = made_now
            new = {folder: each.gallery for folder, each in galleries.items()}
            texts |= render(shown, numbers, out, page, pictures, at_a_glance, new)
            written.append(page)
        if reported is not None and (copy := out / "reported.csv").resolve() != reported.resolve():
            texts[copy] = reported.read_text(encoding="utf-8")
    for folder, gallery in galleries.items():
        gallery.write(folder)
    for path, text in texts.items():
        _write(path, text)
    for preset in {board.preset for board, _ in shown} - {each.preset for each in at_a_glance}:
        _remove(out / preset / OVERVIEW)
    return written


def csv_text(board: Board, missing: Iterable[Absent] | None = None) -> str:
    """The CSV of a board: of its records, and last of the models here that are not applicable, `absent(board)`."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(COLUMNS)
    for block in board.blocks:
        for line in block.lines:
            common = _common(board, block, line)
            for metric, lead_time, summary in _cells(board, line):
                cells = {**common, "metric": metric, "lead_time": lead_time, **_score(line, summary)}
                writer.writerow([harmless(cells[column]) for column in COLUMNS])
    for each in absent(board) if missing is None else missing:
        cells = {**dict.fromkeys(COLUMNS, ""), **_place(board), "model": each.model, "note": each.reason}
        cells["format"] = FORMAT
        cells |= {"metric": next(iter(board.metrics), ""), "lead_time": board.mean_lead_time, "value": NOT_APPLICABLE}
        cells["floor"] = _yes(each.floor)
        writer.writerow([harmless(cells[column]) for column in COLUMNS])
    return text.getvalue()


def _cells(board: Board, line: Line) -> Iterator[tuple[str, str, Summary | None]]:
    for metric in board.metrics or ("",):
        for lead_time in board.main_lead_times:
            summary = line.summary(metric, lead_time)
            if summary is not None or lead_time == board.mean_lead_time:
                yield metric, lead_time, summary


def _score(line: Line, summary: Summary | None) -> dict[str, str]:
    names = ("value", "ci_low", "ci_high", "seed_sd", "sd", "n", "n_sequences", "metric_version")
    if summary is None:
        absent = NOT_APPLICABLE if line.record.not_applicable else NOT_SCORED
        return {**dict.fromkeys((*names, "interval"), ""), "value": absent}
    few = f", fewer than {FEW} clusters" if summary.n_sequences < FEW else ""
    interval = f"percentile bootstrap{few}" if summary.ci_low is not None else ""
    return {**{name: _text(getattr(summary, name)) for name in names}, "interval": interval}


def _comparison(line: Line) -> dict[str, str]:
    """Where a line stands beside the best; empty where it is alone or not ranked."""
    names = ("rank_bracket", "difference_to_best", "difference_low", "difference_high", "p_holm", "comparison")
    if (standing := line.standing) is None:
        return dict.fromkeys(names, "")
    found = standing.difference
    ends = (found.value, found.low, found.high) if found is not None else (None, None, None)
    return dict(zip(names, (standing.bracket, *map(_text, (*ends, standing.p_holm)), standing.outcome), strict=True))


def _place(board: Board) -> dict[str, str]:
    return {"track": board.track.id, "preset": board.preset, "source": board.source, "dataset": board.dataset}


def _yes(true: bool) -> str:
    return "yes" if true else "no"


def _common(board: Board, block: Block, line: Line) -> dict[str, str]:
    record, records = line.record, [entry.record for entry in line.entries]
    notes = [each.not_applicable for each in records if each.not_applicable]
    notes += line.notes
    memory = [each.peak_memory_bytes for each in records if each.peak_memory_bytes is not None]
    inference = [each.inference_seconds for each in records if each.inference_seconds is not None]
    return {
        "rank": _text(line.rank),
        "model": line.model,
        "seeds": " ".join(map(str, line.seeds)),
        "floor": _yes(record.floor),
        "parameters": _text(record.parameters),
        "macs_per_forecast": _text(record.macs_per_forecast),
        "train_steps": "" if record.made_elsewhere else _text(record.steps),
        "train_seconds": _text(line.train_seconds),
        "train_cpu_seconds": _text(line.train_cpu_seconds),
        "budget_seconds": _text(record.budget_seconds),
        "inference_seconds": _text(statistics.fmean(inference) if inference else None),
        "peak_memory_mb": _text(round(max(memory) / 1e6) if memory else None),
        "device": _joined(each.device for each in records if not each.made_elsewhere),
        "processor": _joined(each.processor for each in records if not each.made_elsewhere),
        **_place(board),
        "dataset_version": block.dataset_version,
        "dataset_digest": block.dataset_digest,
        "split": block.split,
        "model_version": record.model_version,
        "configuration": fingerprint(record.configuration)[:8],
        "stbench_version": _joined(each.stbench_version for each in records),
        "git_revision": _joined(each.git_revision or "" for each in records),
        "command": record.command,
        "note": "; ".join(dict.fromkeys(notes)),
        **_comparison(line),
        "trust": line.trust,
        "format": FORMAT,
    }


def _joined(texts: Iterator[str]) -> str:
    return "; ".join(dict.fromkeys(texts))


def _text(value: object) -> str:
    if value is None:
        return ""
    return f"{value:.6g}" if isinstance(value, float) else str(value)


def _remove(path: Path) -> None:
    """An overview of before, where no suite is left."""
    try:
        path.unlink(missing_ok=True)
    except OSError as error:
        raise StbenchError(f"cannot remove {path}: {error.strerror or error}") from None


def _write(path: Path, text: str) -> None:
    try:
        write_text(path, text)
    except OSError as error:
        raise StbenchError(f"cannot write {path}: {error.strerror or error}") from None
