"""Leaderboards: run records in, one CSV per preset and track out. A number that nobody ran here cannot get in.

Run folders are large and stay where they are; what a board needs of a run, its `record.json` and `results.csv`, is
copied to `records/` beside the CSVs first, and the CSVs are always rebuilt from these copies alone. So a published
board loses nothing when the run folders are gone, and its text depends on its records only. Means per cluster go with
them (`stbench.results.clusters`): no CSV needs them, a comparison of two runs does.

    <out>/records/<preset>/<dataset>/<protocol-horizon>/<model>/seed-<k>-<source>-<digest>/
        record.json, results.csv, clusters.npz
    <out>/<preset>/<board>.csv
"""

from __future__ import annotations

import csv
import io
import re
import shutil
import statistics
from collections.abc import Iterator, Sequence
from dataclasses import astuple, replace
from datetime import datetime
from pathlib import Path

from stbench.boards.absent import absent
from stbench.boards.board import Block, Board, Entry, Line, Summary, boards
from stbench.boards.reported import read_reported
from stbench.contract.datasets import fingerprint
from stbench.contract.presets import CUSTOM
from stbench.errors import StbenchError
from stbench.files import atomic_folder, write_text
from stbench.results.aggregate import RESULTS, read_results, results_digest
from stbench.results.clusters import CLUSTERS, check_clusters, write_clusters
from stbench.results.migration import kept_means
from stbench.results.record import RECORD, RunRecord, read_record

RECORDS = "records"
NOT_APPLICABLE = "not applicable"
NAME = re.compile(r"\w[\w.:+=-]*")

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
)


def build(runs: Path, out: Path, reported: Path | None = None) -> list[Path]:
    """Publish the finished runs under `runs` into `out` and rebuild every CSV there; gives the CSVs.

    A run replaces the published one of the same preset, track, model, seed and data digest unless that one is newer, or
    was trained to its end and this one was not. Runs of a configuration that a user has given no name stay out.
    `reported`, the numbers papers report, is checked and copied beside the boards. Raises `StbenchError` when there is
    nothing to build from, or a record or result table is damaged.
    """
    # One bad run, and nothing is published.
    made = [(folder, read_entry(folder)) for folder in find_runs(runs)]
    ranked = [(folder, entry) for folder, entry in made if entry.record.preset != CUSTOM]
    for folder, entry in ranked:
        _publish(folder, entry, out)
    found = read_published(out)
    if not found:
        nameless = len(made) - len(ranked)
        beside = f" ({nameless} of a configuration without a name, see `stbench run --name`)" if nameless else ""
        raise StbenchError(
            f"there is no finished run under {runs}{beside} and no published one under {out / RECORDS}: "
            "make one with `stbench run`"
        )
    written = []
    for board in boards(found):
        path = out / board.preset / f"{board.file_stem}.csv"
        _write(path, csv_text(board))
        written.append(path)
    if reported is not None:
        read_reported(reported)
        if (copy := out / "reported.csv").resolve() != reported.resolve():
            _write(copy, reported.read_text(encoding="utf-8"))
    return written


def find_runs(runs: Path) -> list[Path]:
    """Folders under `runs` that have a record, in order of name; hidden ones are half-written."""
    found = (path.parent for path in Path(runs).rglob(RECORD))
    return sorted(each for each in found if not any(part.startswith(".") for part in each.relative_to(runs).parts))


def publish(run: Path, out: Path) -> Path:
    """Copy record, results and means per cluster of a finished run to its place under `out`; gives that folder.

    The record of a run of format 1 is published in today's, with means per cluster where the run folder still has its
    per-sample scores. `StbenchError` where a model of another name is published there.
    """
    return _publish(run, read_entry(run), out)


def _publish(run: Path, entry: Entry, out: Path) -> Path:
    record = entry.record
    parts = (
        record.preset,
        *record.track.id.split("/"),
        record.full_model.replace(":", "."),
        f"seed-{record.seed}-{record.dataset_source}-{record.dataset_digest[:8]}",
    )
    place = out.joinpath(RECORDS, *parts)
    if (place / RECORD).exists():
        published = read_record(place)
        # A variant's colon is a dot in the names of folders, and a name may have a dot of its own.
        if published.full_model != record.full_model:
            raise StbenchError(
                f"{run} is of the model '{record.full_model}' and would take the place of '{published.full_model}' in "
                f"{place}: give it another name"
            )
        if _newer(published) > _newer(record):
            return place
    try:
        with atomic_folder(place) as part:
            if entry.rows:
                shutil.copyfile(run / RESULTS, part / RESULTS)
            completed(run, entry, part).write(part)
    except OSError as error:
        raise StbenchError(f"cannot publish {run} to {place}: {error.strerror or error}") from None
    return place


def completed(run: Path, entry: Entry, folder: Path) -> RunRecord:
    """The record of a run folder with everything format 2 asks for; its `clusters.npz` comes into `folder`.

    Of a run read from format 1 the digest of its results is taken now, and the means per cluster come from its
    per-sample scores; they stay marked as missing where it has none any more.
    """
    record = entry.record
    if record.clusters.sha256:
        check_clusters(run, record.clusters)
        if folder != run:
            shutil.copyfile(run / CLUSTERS, folder / CLUSTERS)
    if record.results_sha256 or not entry.rows:
        return record
    if (means := kept_means(run, record.track, entry.rows)) is not None:
        record = replace(record, clusters=write_clusters(folder, means))
    return replace(record, results_sha256=results_digest(run))


def read_published(out: Path) -> list[Entry]:
    """Every published run under `out`, in order of its folder."""
    return [read_entry(folder) for folder in find_runs(out / RECORDS)]


def read_entry(folder: Path) -> Entry:
    """Record and results of a run folder; `StbenchError` when they are damaged or do not belong together."""
    record = read_record(folder)
    # Records come from anywhere and their names become file names: none may lead out of the folder.
    asked = record.track.id.partition("/")[2]
    for name in (record.preset, record.dataset, record.full_model, record.dataset_source, asked):
        if not NAME.fullmatch(name):
            raise StbenchError(f"{folder / RECORD} has the name '{name}', which cannot be a file name: repeat the run")
    if record.not_applicable:
        return Entry(record, ())
    rows = tuple(read_results(folder))
    expected = (record.track.id, record.dataset_digest, record.full_model, record.preset, record.seed)
    for row in rows:
        if (row.track, row.dataset_digest, row.model, row.preset, row.seed) != expected:
            raise StbenchError(f"{folder / RESULTS} belongs to another run than its {RECORD}: score the run again")
    if record.results_sha256 and results_digest(folder) != record.results_sha256:
        raise StbenchError(
            f"{folder / RESULTS} is not the table its {RECORD} names, its SHA-256 is another: score the run again"
        )
    if not rows:
        raise StbenchError(f"{folder / RESULTS} has no rows: score the run again with `stbench run`")
    return Entry(record, rows)


def _newer(record: RunRecord) -> tuple[bool, datetime]:
    return bool(record.training.get("finished", True)), datetime.fromisoformat(record.finished)


def csv_text(board: Board) -> str:
    """The CSV of a board: of its records, and last of the models here that are not applicable."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(COLUMNS)
    for block in board.blocks:
        for line in block.lines:
            common = _common(board, block, line)
            for metric, lead_time, summary in _cells(board, line):
                cells = {**common, "metric": metric, "lead_time": lead_time, **_score(summary)}
                writer.writerow([cells[column] for column in COLUMNS])
    for each in absent(board):
        cells = {**dict.fromkeys(COLUMNS, ""), **_place(board), "model": each.model, "note": each.reason}
        cells |= {"metric": next(iter(board.metrics), ""), "lead_time": board.mean_lead_time, "value": NOT_APPLICABLE}
        cells["floor"] = _yes(each.floor)
        writer.writerow([cells[column] for column in COLUMNS])
    return text.getvalue()


def _cells(board: Board, line: Line) -> Iterator[tuple[str, str, Summary | None]]:
    for metric in board.metrics or ("",):
        for lead_time in board.main_lead_times:
            summary = line.summary(metric, lead_time)
            if summary is not None or lead_time == board.mean_lead_time:
                yield metric, lead_time, summary


def _score(summary: Summary | None) -> dict[str, str]:
    names = ("value", "ci_low", "ci_high", "seed_sd", "sd", "n", "n_sequences", "metric_version")
    if summary is None:
        return {**dict.fromkeys(names, ""), "value": NOT_APPLICABLE}
    return dict(zip(names, map(_text, astuple(summary)), strict=True))


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
        "train_steps": _text(record.steps),
        "train_seconds": _text(statistics.fmean(float(each.training.get("seconds", 0.0)) for each in records)),
        "train_cpu_seconds": _mean(records, "cpu_seconds"),
        "budget_seconds": _text(record.budget_seconds),
        "inference_seconds": _text(statistics.fmean(inference) if inference else None),
        "peak_memory_mb": _text(round(max(memory) / 1e6) if memory else None),
        "device": _joined(each.device for each in records),
        "processor": _joined(each.processor for each in records),
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
    }


def _mean(records: Sequence[RunRecord], name: str) -> str:
    """Of a number of the training, over the seeds that have it."""
    found = [float(each.training[name]) for each in records if name in each.training]
    return _text(statistics.fmean(found) if found else None)


def _joined(texts: Iterator[str]) -> str:
    return "; ".join(dict.fromkeys(texts))


def _text(value: object) -> str:
    if value is None:
        return ""
    return f"{value:.6g}" if isinstance(value, float) else str(value)


def _write(path: Path, text: str) -> None:
    try:
        write_text(path, text)
    except OSError as error:
        raise StbenchError(f"cannot write {path}: {error.strerror or error}") from None
