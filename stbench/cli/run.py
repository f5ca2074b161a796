"""`stbench run`: from a preset to a scored run."""

from __future__ import annotations

from pathlib import Path

import click

from stbench.cli import console
from stbench.cli.failures import Resumable
from stbench.cli.options import complete, i3d_option, path_option, preset_option, seconds, set_option, source_option
from stbench.cli.standings import show_run


@click.command(cls=Resumable)
@click.option("--model", required=True, metavar="MODEL[:VARIANT]", shell_complete=complete("models"))
@click.option("--dataset", required=True, metavar="NAME", shell_complete=complete("datasets"))
@click.option("--track", default=None, help="By its last part, for example forecast-40.  [default: the main track]")
@preset_option
@click.option(
    "--seed", type=click.IntRange(min=0), default=0, show_default=True, help="Seed of weights and data order."
)
@source_option
@path_option("--raw", help="Folder of official raw files.  [default: STBENCH_RAW]")
@set_option
@i3d_option
@path_option("--out", help="Folder of all runs.  [default: ./runs]")
@click.option("--budget", callback=seconds, metavar="TIME", help="Stop training after this: 90s, 10m, 1h30m.")
@click.option("--device", default="cpu", show_default=True, help="Torch device.")
@click.option(
    "--save-predictions",
    type=click.IntRange(min=0),
    default=64,
    show_default=True,
    help="Windows whose frames are kept.",
)
@path_option("--predictions", help="Also write the forecast of every test window there, for `stbench score`.")
@click.option("--reuse-checkpoint", is_flag=True, help="Go on from a checkpoint that older code made.")
@click.option("--table/--no-table", default=True, help="End with the board, for which missing floors are run too.")
@click.option("--force", is_flag=True, help="Run again what is finished.")
def run(
    model: str,
    dataset: str,
    track: str | None,
    preset: str,
    seed: int,
    source: str,
    raw: Path | None,
    settings: dict[str, str],
    i3d: Path | None,
    out: Path | None,
    budget: float | None,
    device: str,
    save_predictions: int,
    predictions: Path | None,
    reuse_checkpoint: bool,
    table: bool,
    force: bool,
) -> None:
    """Train a preset of a model, predict, score; interrupted, the same command continues from the checkpoint.

    Makes the dataset if it is missing. Ends with a table beside the floors and the numbers the paper reports.
    """
    from stbench.running.run import run as run_model

    result = run_model(
        model,
        dataset,
        track=track,
        preset=preset,
        seed=seed,
        source=source,
        settings=settings,
        raw=raw,
        runs=out,
        i3d=i3d,
        budget_seconds=budget,
        device=device,
        keep=save_predictions,
        predictions=predictions,
        reuse_checkpoint=reuse_checkpoint,
        force=force,
        progress=console,
    )
    if table:
        from stbench.running.suite import Job, floors, run_all

        beside = Job(model, dataset, preset, track, source, settings, raw)
        run_all(floors(beside), runs=out, progress=console)
        show_run(result, out)
