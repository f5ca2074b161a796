"""The folder that a pull request needs to add a row: a finished run, its card, and nothing of the author's machine.

    <out>/records/<preset>/<dataset>/<protocol-horizon>/<model>/seed-<k>-<source>-<digest>/
        record.json, results.csv, clusters.npz, card.toml

The record is that of the run but for two fields: `trust` says that its author scored it, and `command` names no
absolute path. Everything that `stbench leaderboard --check` would refuse is refused here.
"""

from __future__ import annotations

import dataclasses
import os
import shlex
import shutil
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path, PureWindowsPath

from stbench import registry
from stbench.boards.checking import check
from stbench.boards.publishing import completed, place_of, read_entry
from stbench.contract.presets import CUSTOM
from stbench.errors import StbenchError
from stbench.files import atomic_folder
from stbench.results.aggregate import RESULTS
from stbench.results.card import Card, write_card
from stbench.results.record import RECORD, RunRecord
from stbench.results.trust import Trust

__all__ = ["portable_command", "submit"]


def submit(run: Path, out: Path, card: Card) -> Path:
    """Make the folder of a finished run under `out` and give it.

    `StbenchError` for a run that cannot be a row (not finished, not applicable, a configuration without a name), a card
    that says nothing or too much, what the check finds, and a place where a row of somebody else is.
    """
    entry = read_entry(run)
    record = entry.record
    if record.not_applicable:
        raise StbenchError(f"{run} is of a model that cannot be asked this, so it is no row to hand in")
    if record.preset == CUSTOM:
        raise StbenchError(f"{run} is of a configuration without a name, see `stbench run --name`")
    place = place_of(record, out)
    there = read_entry(place) if (place / RECORD).exists() else None
    # `stbench leaderboard` may have published this very run.
    if there is not None and there.card is None and there.record.results_sha256 != (record.results_sha256 or None):
        raise StbenchError(f"{place} is a row of another run that nobody handed in: choose another name")
    try:
        with atomic_folder(place) as part:
            shutil.copyfile(run / RESULTS, part / RESULTS)
            whole = completed(run, entry, part)
            replace(whole, trust=Trust.AUTHOR.value, command=portable_command(record)).write(part)
            write_card(part, card)
            if findings := check(part, from_others=True, with_predictions=bool(card.predictions)).findings:
                raise StbenchError(f"{run} cannot be handed in: {'; '.join(findings)}")
    except OSError as error:
        raise StbenchError(f"cannot write {place}: {error.strerror or error}") from None
    return place


def portable_command(record: RunRecord) -> str:
    """The command of a record without absolute paths: of a file its name, of a store the parameters that make it."""
    words = shlex.split(record.command)
    found: list[str] = []
    following = iter(words)
    for word in following:
        if word == "--data":
            next(following, None)
            found += _data_options(record)
        else:
            found.append(_file_name(word) if _is_absolute(word) else word)
    return shlex.join(found)


def _is_absolute(word: str) -> bool:
    return os.path.isabs(word) or word.startswith("~") or PureWindowsPath(word).is_absolute()


def _file_name(word: str) -> str:
    return PureWindowsPath(word).name


def _data_options(record: RunRecord) -> Iterator[str]:
    """`--source` and `--set` of the parameters that are not the canonical ones."""
    if record.dataset_source != "procedural":
        yield from ("--source", record.dataset_source)
    for each in dataclasses.fields(registry.dataset(record.dataset).parameters):
        value = record.dataset_parameters.get(each.name, each.default)
        default = list(each.default) if isinstance(each.default, tuple) else each.default
        if value != default and isinstance(value, str | int | float | list):
            text = ",".join(map(str, value)) if isinstance(value, list) else str(value)
            yield from ("--set", f"{each.name.replace('_', '-')}={text}")
