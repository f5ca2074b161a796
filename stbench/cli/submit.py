"""`stbench submit`: the folder that a pull request needs to add a row."""

from __future__ import annotations

from pathlib import Path

import click

from stbench.cli.options import LocalPath, path_option


@click.command()
@click.argument("run", type=LocalPath(path_type=Path))
@click.option("--authors", required=True, help="Who made the model, as the board is to name them.")
@click.option("--paper", default="", help="Address of the paper.")
@click.option("--code", default="", help="Address of the code.")
@click.option("--hardware", default="", help="What it was trained on.")
@click.option("--training-data", default="", help="What it was trained on beside the train split, if anything.")
@click.option("--training-cost", default="", help="How long training took, in your words.")
@click.option("--predictions-at", default="", help="Address of the prediction store, for whoever scores it again.")
@path_option("--out", default=Path("leaderboards"), show_default=True, help="Folder of the tables and records.")
def submit(
    run: Path,
    authors: str,
    paper: str,
    code: str,
    hardware: str,
    training_data: str,
    training_cost: str,
    predictions_at: str,
    out: Path,
) -> None:
    """Make the folder a pull request needs of RUN, the folder of a finished run.

    It has record, results, means per cluster and a card of what you state; what you leave out stays blank. No path of
    your machine is in it.
    """
    from stbench.boards.submission import submit as make_folder
    from stbench.results.card import Card

    card = Card(authors, paper, code, hardware, training_data, training_cost, predictions_at)
    click.echo(make_folder(run, out, card))
