"""`stbench lint-table`: what is wrong with a printed table by its own arithmetic."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from stbench.cli.machine import json_option, print_json
from stbench.errors import StbenchError

if TYPE_CHECKING:
    from stbench.literature.findings import Finding, Report

NOT_RIGHT = (
    "A figure without a finding is not thereby right: it was only held against other figures of the same file, and a "
    "table that is wrong throughout can be so without a contradiction."
)

SHOWN = 3
"""Cells without a number that are named."""


@click.command("lint-table")
@click.argument("file", type=click.Path(path_type=Path))
@click.option(
    "--frame",
    default="",
    metavar="CxHxW",
    help="Shape of a frame, 1x64x64, where MSE and MAE are sums over one. Without it a PSNR is held against those of "
    "other rows alone.",
)
@click.option("--classes", type=click.IntRange(min=2), help="How many classes the judge of the entropies tells apart.")
@json_option
def lint_table(file: Path, frame: str, classes: int | None, as_json: bool) -> None:
    """Hold the figures of a table against one another: CSV, Markdown (.md) or LaTeX (.tex).

    Checked are IS against both entropies, entropies against the number of classes, PSNR against MSE, RMSE and MAE
    against MSE, sums against means, one run with two values, copies against their origin, the same cost twice, rows of
    several origins, and longer training with a worse score. Ends with 1 where something was found.
    """
    from stbench.literature.checks import lint
    from stbench.literature.figures import elements_of
    from stbench.literature.reading import read_tables

    if frame:
        try:
            elements_of(frame)
        except ValueError as error:
            raise StbenchError(str(error)) from None
    read = read_tables(file, frame=frame, classes=classes)
    report = lint(read.figures)
    if as_json:
        print_json({**_document(report), "unread": [asdict(each) for each in read.unread]})
    else:
        for finding in report.findings:
            click.echo(f"{_where(finding)}: {finding.sentence} [{finding.kind}]")
        count = len(report.findings)
        held = f"{report.compared:,} of {report.figures:,} figures were held against others"
        click.echo(f"{count or 'no'} finding{'' if count == 1 else 's'}; {held}")
        if read.unread:
            cells = f"{len(read.unread):,} cell{'' if len(read.unread) == 1 else 's'}"
            shown = ", ".join(f"{each.text!r} ({each.place}, {each.heading})" for each in read.unread[:SHOWN])
            click.echo(f"{cells} could not be read as a number: {shown}")
        click.echo(NOT_RIGHT)
    if report.findings:
        raise click.exceptions.Exit(1)


def _where(finding: Finding) -> str:
    return ", ".join(dict.fromkeys(filter(None, (finding.place, finding.table, finding.dataset, finding.run))))


def _document(report: Report) -> dict[str, Any]:
    return {
        "findings": [
            {
                "kind": finding.kind,
                "table": finding.table,
                "dataset": finding.dataset,
                "run": finding.run or None,
                "sentence": finding.sentence,
                "figures": [
                    {"place": each.place, "quantity": each.quantity, "printed": each.text, "run": each.named}
                    for each in finding.figures
                ],
            }
            for finding in report.findings
        ],
        "figures": report.figures,
        "compared": report.compared,
        "note": NOT_RIGHT,
    }
