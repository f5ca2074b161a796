"""`stbench picture`: look at what a trained model generates."""

from __future__ import annotations

from pathlib import Path

import click

from stbench.cli import console
from stbench.cli.options import SEED, complete, path_option, preset_option, set_option, source_option


@click.command()
@click.option("--model", required=True, metavar="MODEL[:VARIANT]", shell_complete=complete("models"))
@click.option("--dataset", required=True, metavar="NAME", shell_complete=complete("datasets"))
@preset_option
@click.option("--seed", type=SEED, default=0, show_default=True, help="Seed of the run.")
@source_option
@path_option("--raw", help="Folder of official raw files.  [default: STBENCH_RAW]")
@set_option
@path_option("--runs", help="Folder of all runs.  [default: ./runs]")
@path_option("--out", required=True, help="Folder of the pictures.")
def picture(
    model: str,
    dataset: str,
    preset: str,
    seed: int,
    source: str,
    raw: Path | None,
    settings: dict[str, str],
    runs: Path | None,
    out: Path,
) -> None:
    """Draw what a trained model generates or swaps, as PNG and GIF, from the weights that `stbench run` left."""
    from stbench.running.picture import picture as draw

    drawn = draw(
        model,
        dataset,
        out,
        preset=preset,
        seed=seed,
        source=source,
        settings=settings,
        raw=raw,
        runs=runs,
        progress=console,
    )
    for path in drawn:
        click.echo(path)
