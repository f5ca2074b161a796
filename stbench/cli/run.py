"""`stbench run`: from a preset to a scored run."""

from __future__ import annotations

from pathlib import Path

import click

from stbench.cli import console
from stbench.cli.failures import Resumable
from stbench.cli.options import (
    SEED,
    complete,
    complete_preset,
    i3d_option,
    model_settings,
    path_option,
    seconds,
    set_option,
    source_option,
)
from stbench.cli.standings import show_run
from stbench.contract.presets import PRESETS


@click.command(cls=Resumable)
@click.option("--model", required=True, metavar="MODEL[:VARIANT]", shell_complete=complete("models"))
@click.option("--dataset", required=True, metavar="NAME", shell_complete=complete("datasets"))
@click.option("--track", default=None, help="By its last part, for example forecast-40.  [default: the main track]")
@click.option(
    "--preset",
    default="quick",
    show_default=True,
    metavar="|".join([*PRESETS, "FILE.toml"]),
    help="The complete configuration: of the model's own, or a file as `stbench models --show` prints it.",
    shell_complete=complete_preset,
)
@click.option(
    "--set-model",
    "changes",
    multiple=True,
    metavar="KEY=VALUE",
    callback=model_settings,
    help="A setting on top of the preset, such as training.steps=100 or model.width=32; can be repeated.",
)
@click.option("--name", default="", help="What a configuration of yours is ranked under; else it is not ranked.")
@click.option("--seed", type=SEED, default=0, show_default=True, help="Seed of weights and data order.")
@source_option
@path_option("--raw", help="Folder of official raw files.  [default: STBENCH_RAW]")
@set_option
@i3d_option
@path_option("--out", help="Folder of all runs.  [default: ./runs]")
@click.option("--budget", callback=seconds, metavar="TIME", help="Stop training after this: 90s, 10m, 1h30m.")
@click.option("--device", default="cpu", show_default=True, help="cpu, cuda, or auto: a card if there is one.")
@click.option("--deterministic", is_flag=True, help="On a card: the same bits every time, or an error.")
@click.option(
    "--save-predictions",
    type=click.IntRange(min=0),
    default=64,
    show_default=True,
    help="Windows whose frames are kept.",
)
@path_option("--predictions", help="Also write the forecast of every test window there, for `stbench score`.")
@click.option("--reuse-checkpoint", is_flag=True, help="Go on from a checkpoint that older code made.")
@click.option("--table/--no-table", default=True, help="End with the board.")
@click.option(
    "--floors/--no-floors", "with_floors", default=None, help="Run missing floors too.  [default: with the table]"
)
@click.option("--force", is_flag=True, help="Run again what is finished.")
def run(
    model: str,
    dataset: str,
    track: str | None,
    preset: str,
    changes: dict[str, str],
    name: str,
    seed: int,
    source: str,
    raw: Path | None,
    settings: dict[str, str],
    i3d: Path | None,
    out: Path | None,
    budget: float | None,
    device: str,
    deterministic: bool,
    save_predictions: int,
    predictions: Path | None,
    reuse_checkpoint: bool,
    table: bool,
    with_floors: bool | None,
    force: bool,
) -> None:
    """Train a preset of a model, predict, score; interrupted, the same command continues from the checkpoint.

    Makes the dataset if it is missing. A configuration of your own is run and shown; with --name it has a leaderboard,
    with the floors and whatever else you run under that name. Ends with a table beside the floors and the numbers the
    paper reports.
    """
    from stbench.running.run import run as run_model

    result = run_model(
        model,
        dataset,
        track=track,
        preset=preset,
        changes=changes,
        name=name,
        seed=seed,
        source=source,
        settings=settings,
        raw=raw,
        runs=out,
        i3d=i3d,
        budget_seconds=budget,
        device=device,
        deterministic=deterministic,
        keep=save_predictions,
        predictions=predictions,
        reuse_checkpoint=reuse_checkpoint,
        force=force,
        progress=console,
    )
    if table if with_floors is None else with_floors:
        from stbench.running.suite import Job, floors, run_all

        beside = Job(model, dataset, preset, track, source, settings, raw, changes, name, i3d)
        run_all(floors(beside), runs=out, progress=console)
    if table:
        show_run(result, out)
