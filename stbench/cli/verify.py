"""`stbench verify`: is a store what its digest says?"""

from __future__ import annotations

import dataclasses

import click

from stbench.cli.console import bar, fields
from stbench.cli.machine import json_option, print_json
from stbench.cli.options import store_argument
from stbench.cli.parse import duration_text


@click.command()
@store_argument
@json_option
@click.pass_context
def verify(context: click.Context, store: str, settings: dict[str, str], source: str, as_json: bool) -> None:
    """Recompute the digest and all checksums of a store; exit code 1, with the damaged files and those that do not
    belong to it, where they differ."""
    from stbench.store.named import path_of
    from stbench.store.verify import verify as verify_store

    path = path_of(store, settings, source).absolute()  # not opened: its metadata may be what is damaged
    with bar("verifying", "steps") as advance:
        report = verify_store(path, on_progress=advance)
    if as_json:
        print_json({"path": str(path), **dataclasses.asdict(report)})
        context.exit(0 if report.ok else 1)
    rows = [
        ("path", str(path)),
        ("sequences", f"{report.sequences:,}"),
        ("digest expected", report.digest_expected),
        ("digest found", report.digest_found),
        ("time", duration_text(report.seconds)),
    ]
    rows += [("damaged", shard) for shard in report.damaged]
    fields("intact" if report.ok else "DAMAGED", rows)
    if not report.ok:
        context.exit(1)
