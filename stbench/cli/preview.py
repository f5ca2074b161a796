"""`stbench preview`: look at the data."""

from __future__ import annotations

from pathlib import Path

import click

from stbench.cli.options import find_store, path_option, store_argument
from stbench.errors import StbenchError


@click.command()
@store_argument
@path_option("--out", required=True, help="A .gif that moves, or a .png strip.")
@click.option("--sequences", type=click.IntRange(1, 16), default=6, show_default=True, help="How many, evenly spaced.")
def preview(store: str, settings: dict[str, str], source: str, out: Path, sequences: int) -> None:
    """Draw some sequences of a store."""
    from stbench.pictures.preview import preview as draw

    if out.exists():
        raise StbenchError(f"'{out}' exists already: remove it or choose another name")
    click.echo(draw(find_store(store, settings, source), out, sequences=sequences))
