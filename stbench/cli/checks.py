"""What `stbench leaderboard --check` does and prints."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import click

from stbench.cli import console
from stbench.errors import StbenchError

if TYPE_CHECKING:
    from stbench.boards.checking import Checked
    from stbench.boards.entry import Entry


def check_records(
    paths: Sequence[Path],
    *,
    out: Path,
    runs: Path,
    before: Path | None = None,
    predictions: Path | None = None,
    i3d: Path | None = None,
    from_others: bool = False,
    accept: bool = False,
) -> None:
    """Check folders: those of `paths`, or the published ones, or of these the ones that `before` has not.

    Prints a line for each and, with `before`, the boards that change. `StbenchError` at the end where one is refused.
    `i3d` are the weights for `fvd`, for records that have it. With `accept` a record whose predictions were
    scored again says so from then on.
    """
    from stbench.boards.publishing import find_runs, readable

    folders = [each for path in paths for each in _folders(path)]
    gone: list[str] = []
    if not paths:
        changed, gone = _changed(before, out) if before is not None else (find_runs(_records(out)), [])
        folders = changed
    if predictions is not None and len(folders) != 1:
        raise StbenchError(f"--predictions belong to one record, and {len(folders)} are checked: name its folder")
    known = readable(out)
    checked = [_check(each, known, out, runs, predictions, i3d, from_others, accept) for each in folders]
    lost = [f"{name} is published and was taken away" for name in gone] if from_others else []
    for each in checked:
        _tell(each)
    for sentence in lost:
        click.echo(f"refused: {sentence}")
    if before is not None:
        _tell_changes(before, out)
    refused = sum(bool(each.findings) for each in checked) + len(lost)
    if refused:
        raise StbenchError(f"{refused} of {len(checked) + len(lost)} records are refused, for the reasons above")


def _records(out: Path) -> Path:
    from stbench.boards.publishing import RECORDS

    return out / RECORDS


def _folders(path: Path) -> list[Path]:
    """The folders of runs in or below a path; itself where there is none, so that it is told."""
    from stbench.boards.publishing import find_runs

    if not path.is_dir():
        raise StbenchError(f"there is no folder {path}: name that of a record, `stbench submit` makes one")
    return find_runs(path) or [path]


def _check(
    folder: Path,
    known: Sequence[Entry],
    out: Path,
    runs: Path,
    predictions: Path | None,
    i3d: Path | None,
    from_others: bool,
    accept: bool,
) -> Checked:
    from stbench.boards.checking import PREDICTIONS, check
    from stbench.results.card import CARD
    from stbench.results.trust import Trust

    beside = predictions or folder / PREDICTIONS
    # A run folder of one's own has a store of that name, too, with the few predictions that pictures show.
    given = predictions is not None or ((folder / CARD).exists() and beside.exists())
    found = check(folder, known, out=out, from_others=from_others, with_predictions=given)
    if found.findings or found.entry is None or not given:
        return found
    from stbench.running.rescoring import rescored

    try:
        findings = rescored(found.entry, beside, runs=runs, i3d=i3d, progress=console)
    except StbenchError as error:
        findings = [str(error)]
    if findings:
        return replace(found, findings=tuple(findings))
    if accept and found.entry.record.trust:
        record = replace(found.entry.record, trust=Trust.PREDICTIONS.value)
        record.write(folder)
        found = replace(found, entry=replace(found.entry, record=record))
    return replace(found, remarks=(*found.remarks, "its predictions, scored again here, give the same"))


def _tell(checked: Checked) -> None:
    for finding in checked.findings:
        click.echo(f"refused: {checked.folder}: {finding}")
    if not checked.findings and checked.entry is not None:
        record = checked.entry.record
        click.echo(f"holds: {record.full_model} on {record.track.id}, preset {record.preset}: {checked.trust}")
    for remark in checked.remarks:
        click.echo(f"  {remark}")


def _changed(before: Path, out: Path) -> tuple[list[Path], list[str]]:
    """Folders of records that are not those of `before`, and names of those that are gone."""
    from stbench.boards.publishing import find_runs

    new, old = (
        {each.relative_to(_records(folder)).as_posix(): each for each in find_runs(_records(folder))}
        for folder in (out, before)
    )
    changed = [each for name, each in new.items() if name not in old or _files(each) != _files(old[name])]
    return changed, sorted(old.keys() - new.keys())


def _files(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in sorted(folder.iterdir()) if path.is_file()}


def _tell_changes(before: Path, out: Path) -> None:
    from stbench.boards.changes import changed_boards
    from stbench.boards.publishing import read_published

    click.echo()
    click.echo(changed_boards(read_published(before), read_published(out)), nl=False)
