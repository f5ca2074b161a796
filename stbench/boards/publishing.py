"""Run folders and what is published of them: checked whole, then copied.

Run folders are large and stay where they are; what a board needs of a run, its `record.json` and `results.csv`, is
copied to `records/` beside the CSVs. Means per cluster go with them (`stbench.results.clusters`): no CSV needs them, a
comparison of two runs does.

    <out>/records/<preset>/<dataset>/<protocol-horizon>/<model>/seed-<k>-<source>-<digest>/
        record.json, results.csv, clusters.npz, of a row from others card.toml
"""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import replace
from datetime import datetime
from pathlib import Path

from stbench.boards.complete import check_rows, lacking
from stbench.boards.entry import Entry
from stbench.errors import StbenchError
from stbench.files import atomic_folder
from stbench.paths import file_name
from stbench.results.aggregate import RESULTS, read_results, results_digest
from stbench.results.card import read_card, write_card
from stbench.results.clusters import CLUSTERS, check_clusters, write_clusters
from stbench.results.migration import kept_means
from stbench.results.record import RECORD, RunRecord, find_runs, read_record

RECORDS = "records"
NAME = re.compile(r"\w[\w.:+=-]*")


def read_published(out: Path) -> list[Entry]:
    """Every published run under `out`, in order of its folder."""
    return [*published(out).values()]


def published(out: Path) -> dict[Path, Entry]:
    """Folder -> every published run under `out`, in order of the folders."""
    return {folder: read_entry(folder) for folder in find_runs(out / RECORDS)}


def readable(out: Path) -> list[Entry]:
    """Every published run under `out` that is not damaged: what others are held against."""
    found = []
    for folder in find_runs(out / RECORDS):
        with suppress(StbenchError):
            found.append(read_entry(folder))
    return found


def at_hand(runs: Path, out: Path) -> list[Entry]:
    """The runs that `publishing` would leave under `out`: those published there and those under `runs`, each once."""
    found = published(out)
    for run in find_runs(runs):
        entry = read_entry(run)
        place = place_of(entry.record, out)
        if place not in found or _replaces(run, entry, place, found[place]):
            found[place] = entry
    return [found[place] for place in sorted(found)]


def read_entry(folder: Path) -> Entry:
    """Record and results of a run folder; `StbenchError`, with the file's name, when they are damaged or do not belong
    together."""
    record = read_record(folder)
    # Records come from anywhere and their names become file names: none may lead out of the folder.
    asked = record.track.id.partition("/")[2]
    for name in (record.preset, record.dataset, record.full_model, record.dataset_source, asked):
        if not NAME.fullmatch(name):
            raise StbenchError(f"{folder / RECORD} has the name '{name}', which cannot be a file name: repeat the run")
    card = read_card(folder)
    if record.not_applicable:
        return Entry(record, (), folder, card)
    rows = tuple(read_results(folder))
    expected = (record.track.id, record.dataset_digest, record.full_model, record.preset, record.seed)
    for row in rows:
        if (row.track, row.dataset_digest, row.model, row.preset, row.seed) != expected:
            raise StbenchError(f"{folder / RESULTS} belongs to another run than its {RECORD}: score the run again")
    if record.results_sha256 and results_digest(folder) != record.results_sha256:
        raise StbenchError(
            f"{folder / RESULTS} is not the table its {RECORD} names, its SHA-256 is another: score the run again"
        )
    check_rows(folder / RESULTS, rows, record.track)
    return Entry(record, rows, folder, card)


def place_of(record: RunRecord, out: Path) -> Path:
    """Where the run of a record is published under `out`."""
    return out.joinpath(
        RECORDS,
        record.preset,
        *record.track.id.split("/"),
        file_name(record.full_model),
        f"seed-{record.seed}-{record.dataset_source}-{record.dataset_digest[:8]}",
    )


def publish(run: Path, out: Path) -> Path:
    """Copy record, results and means per cluster of a finished run to its place under `out`; gives that folder.

    The record of a run of format 1 is published in today's, with means per cluster where the run folder still has its
    per-sample scores. `StbenchError` where a model of another name is published there, or a table whose cells a table
    without a digest lacks.
    """
    entry = read_entry(run)
    place = place_of(entry.record, out)
    before = {place: read_entry(place)} if (place / RECORD).exists() else {}
    with publishing({run: entry}, before, out):
        return place


@contextmanager
def publishing(made: dict[Path, Entry], before: dict[Path, Entry], out: Path) -> Iterator[dict[Path, Entry]]:
    """Publish the runs `made` (folder -> run) under `out`, where the runs `before` are published, when the block ends.

    Gives the runs that will be published then, by folder. All is copied and checked beforehand; when a run is refused,
    or the block raises, nothing is published. A run replaces another of its place unless that one is newer, or was
    trained to its end and this one was not. Raises what `publish` raises.
    """
    found = dict(before)
    taken: dict[Path, Path] = {}
    for run, entry in made.items():
        place = place_of(entry.record, out)
        if place in found and not _replaces(run, entry, place, found[place]):
            continue
        found[place], taken[place] = entry, run
    with ExitStack() as stack:
        for place, run in taken.items():
            entry = found[place]
            if place in before and _is_published(run, entry, place, before[place]):
                continue
            try:
                part = stack.enter_context(_replacing(run, place))
                if entry.rows:
                    shutil.copyfile(run / RESULTS, part / RESULTS)
                record = completed(run, entry, part)
                record.write(part)
                if entry.card is not None:
                    write_card(part, entry.card)
                # As it will be read when it is published: a run of format 1 may have got means per cluster just now.
                found[place] = replace(entry, record=record, folder=part)
            except OSError as error:
                raise _unpublished(run, place, error) from None
        yield dict(sorted(found.items()))


@contextmanager
def _replacing(run: Path, place: Path) -> Iterator[Path]:
    """`atomic_folder`, whose failure at the end names the run."""
    folder = atomic_folder(place)
    part = folder.__enter__()
    try:
        yield part
    except BaseException as error:
        folder.__exit__(type(error), error, error.__traceback__)
        raise
    try:
        folder.__exit__(None, None, None)
    except OSError as error:
        raise _unpublished(run, place, error) from None


def _unpublished(run: Path, place: Path, error: OSError) -> StbenchError:
    return StbenchError(f"cannot publish {run} to {place}: {error.strerror or error}")


def _replaces(run: Path, entry: Entry, place: Path, there: Entry) -> bool:
    """Whether a run takes the place of the published one; `StbenchError` where it must not."""
    # A variant's colon is a dot in the names of folders, and a name may have a dot of its own.
    if there.record.full_model != entry.record.full_model:
        raise StbenchError(
            f"{run} is of the model '{entry.record.full_model}' and would take the place of "
            f"'{there.record.full_model}' in {place}: give it another name"
        )
    if _newer(there.record) > _newer(entry.record):
        return False
    # What was handed in came from a run folder, which may still be there: the row stays what it says it is.
    if there.card is not None and entry.card is None and _same_results(entry.record, there.record):
        return False
    if not entry.record.results_sha256 and (cells := lacking(entry.rows, there.rows)):
        metric, lead_time = cells[0]
        raise StbenchError(
            f"{run / RESULTS} lacks {len(cells)} rows that {place / RESULTS} has ({metric} at {lead_time} first), and "
            f"its {RECORD} names no digest of it, so it may be cut: score the run again with `stbench run`"
        )
    return True


def _same_results(one: RunRecord, other: RunRecord) -> bool:
    return bool(one.results_sha256) and one.results_sha256 == other.results_sha256


def _is_published(run: Path, entry: Entry, place: Path, there: Entry) -> bool:
    """Whether what is published is this run already, in today's format, so that nothing need be copied."""
    if (entry.record, entry.card) != (there.record, there.card) or (entry.rows and not entry.record.results_sha256):
        return False
    if named := entry.record.clusters if entry.record.clusters.sha256 else None:
        check_clusters(run, named)
        try:
            check_clusters(place, named)
        except StbenchError:  # gone, or another's
            return False
    return True


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


def _newer(record: RunRecord) -> tuple[bool, datetime]:
    return record.trained_whole, datetime.fromisoformat(record.finished)


__all__ = [
    "RECORDS",
    "at_hand",
    "completed",
    "find_runs",
    "place_of",
    "publish",
    "published",
    "publishing",
    "read_entry",
    "read_published",
    "readable",
]
