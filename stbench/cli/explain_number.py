"""`stbench explain-number`: which definition, horizon, convention or row a published figure fits."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

import click

from stbench.cli.machine import json_option, print_json
from stbench.cli.options import path_option

if TYPE_CHECKING:
    from stbench.contract.datasets import Track
    from stbench.literature.explain import Explanation, Match, Scored

SHOWN = 20
"""Fits that are printed: with two digits there are hundreds."""


@click.command("explain-number")
@click.argument("value")
@click.option("--metric", required=True, help="As the paper calls it, PSNR, or as it is called here, psnr.")
@click.option("--track", required=True, help="E.g. taxibj/forecast-4, or a dataset for its main track.")
@path_option("--reported", help="Table of reported numbers.  [default: leaderboards/reported.csv]")
@path_option("--out", help="Folder of published records.  [default: leaderboards, or the one shipped]")
@json_option
def explain_number(value: str, metric: str, track: str, reported: Path | None, out: Path | None, as_json: bool) -> None:
    """Which definition, horizon, convention or row a published figure fits.

    VALUE is held against the numbers papers report on the dataset, as they stand and converted to other definitions
    (sums, means, roots, PSNR of the mean error, exp of entropies), and against the published runs of the track. Its
    digits count: 38 fits more than 37.97.
    """
    from stbench.boards.reported import default_path, read_reported
    from stbench.literature.explain import explain
    from stbench.running.plan import find_track

    dataset, _, name = track.partition("/")
    asked = find_track(dataset, name or None)
    path = reported or default_path()
    rows = read_reported(path) if path is not None else []
    found = explain(value, metric, rows, dataset, _scored(asked, out))
    if as_json:
        about = {"value": value, "metric": metric, "track": asked.id}
        nearest = found.nearest and asdict(found.nearest)
        matches = [asdict(each) for each in found.matches]
        print_json({**about, "matches": matches, "compared": found.compared, "nearest": nearest})
        return
    _show(found, f"{metric} {value} on {asked.id}")


def _scored(track: Track, out: Path | None) -> list[Scored]:
    from stbench.boards.publishing import RECORDS, find_runs, read_entry
    from stbench.boards.reported import shipped
    from stbench.literature.explain import Scored

    folder = next(iter(filter(Path.is_dir, (out or Path("leaderboards"), *(() if out else shipped())))), None)
    if folder is None:
        return []
    name = track.id.partition("/")[2]
    found = []
    for preset in sorted((folder / RECORDS).glob("*")):
        for run in find_runs(preset / track.dataset / name):
            entry = read_entry(run)
            record = entry.record
            about = f"run here: preset {record.preset}, source {record.dataset_source}"
            found += [Scored(record.full_model, about, row.metric, row.lead_time, row.value) for row in entry.rows]
    return found


def _show(found: Explanation, asked: str) -> None:
    if not found.matches:
        click.echo(f"no match: {asked} fits none of {found.compared:,} figures and conversions of figures")
        if found.nearest is not None:
            click.echo(f"nearest, and no match: {_line(found.nearest)}")
        return
    count = len(found.matches)
    click.echo(f"{asked} fits {count:,} of {found.compared:,} figures and conversions of figures")
    for match in found.matches[:SHOWN]:
        click.echo(f"- {_line(match)}")
        for note in match.notes:
            click.echo(f"    {note}")
    if count > SHOWN:
        click.echo(f"and {count - SHOWN:,} more (--json has all): so many fit by chance, give more digits")


def _line(match: Match) -> str:
    lead_times = f", mean over frames {match.lead_times}" if match.lead_times else ""
    if match.kind == "run":
        return f"{match.definition} of {match.run} ({match.where}), lead time {match.lead_times}: {match.value}"
    if match.kind == "printed":
        return f"{match.value} of {match.run} ({match.where}{lead_times}), {match.definition}"
    return f"{match.definition} of {match.run}, printed as {match.value} ({match.where}{lead_times})"
