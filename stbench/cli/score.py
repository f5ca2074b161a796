"""`stbench score`: predictions made elsewhere enter the leaderboard."""

from __future__ import annotations

from pathlib import Path

import click

from stbench.cli import console
from stbench.cli.options import SEED, find_store, i3d_option, path_option, set_option, source_option
from stbench.cli.standings import show_run
from stbench.contract.presets import PRESETS


@click.command()
@click.option(
    "--track",
    required=True,
    metavar="DATASET/PROTOCOL-HORIZON",
    help="Any track but those of codes; see `stbench datasets`.",
)
@path_option("--predictions", required=True, help="A prediction store: zarr v3 with frames, sequence and start.")
@click.option("--name", required=True, help="What the leaderboard calls the model.")
@click.option("--parameters", type=SEED, required=True, help="Trainable numbers, over all its stages.")
@click.option(
    "--preset", type=click.Choice([*PRESETS]), default="paper", show_default=True, help="The board it belongs to."
)
@click.option("--seed", type=SEED, default=0, show_default=True, help="Seed of its training.")
@path_option("--data", help="The dataset store.  [default: the one of --source and --set]")
@source_option
@set_option
@i3d_option
@path_option("--out", help="Folder of all runs.  [default: ./runs]")
def score(
    track: str,
    predictions: Path,
    name: str,
    parameters: int,
    preset: str,
    seed: int,
    data: Path | None,
    source: str,
    settings: dict[str, str],
    i3d: Path | None,
    out: Path | None,
) -> None:
    """Score what a track asks for, made in any framework, and keep it as a run.

    Forecasts, draws, swaps and clips, as `stbench.track(...).questions()` asks for them. `stbench run --predictions`
    writes such a store of forecasts of a model that is registered here.
    """
    from stbench.running.score import score as score_run
    from stbench.running.score import track_by_id

    dataset = track_by_id(track).dataset
    store = find_store(str(data) if data else dataset, settings, source)
    result = score_run(
        track,
        predictions,
        name,
        parameters=parameters,
        preset=preset,
        seed=seed,
        store=store,
        runs=out,
        i3d=i3d,
        progress=console,
    )
    show_run(result, out)
