"""`stbench judge`: train the classifiers that score generated sequences, and list them."""

from __future__ import annotations

from pathlib import Path

import click

from stbench.cli import console
from stbench.cli.failures import Resumable
from stbench.cli.options import SEED, complete, path_option, preset_option, set_option, source_option


@click.group()
def judge() -> None:
    """Train and list judges: classifiers of actions and attributes, trained on real train-split clips."""


@judge.command(cls=Resumable)
@click.option("--dataset", required=True, metavar="NAME", shell_complete=complete("datasets"))
@preset_option
@click.option("--seed", type=SEED, default=0, show_default=True, help="Seed of weights and order.")
@source_option
@path_option("--raw", help="Folder of official raw files.  [default: STBENCH_RAW]")
@set_option
@path_option("--out", help="Folder of all runs.  [default: ./runs]")
def train(
    dataset: str,
    preset: str,
    seed: int,
    source: str,
    raw: Path | None,
    settings: dict[str, str],
    out: Path | None,
) -> None:
    """Train a judge on a dataset as the preset asks for it; interrupted, the same command continues.

    Makes the dataset if it is missing. Ends with the judge's own accuracy on the test split.
    """
    from stbench import paths
    from stbench.judges.judge import judged_by, train_judge
    from stbench.running.plan import dataset_for

    judged, clip = judged_by(dataset)
    store = dataset_for(dataset, preset, source=source, settings=settings, raw=raw, progress=console)
    found = train_judge(store, judged, clip, runs=out or paths.runs_dir(), preset=preset, seed=seed, progress=console)
    card = found.card
    rows = [
        (name, str(head.classes), f"{card.accuracy[name]:.2%}" if name in card.accuracy else "not known")
        for name, head in ((head.name, head) for head in found.heads)
    ]
    title = f"{card.name}: {card.train_clips:,} training clips, {card.test_clips:,} test clips"
    console.table(title, ("head", "classes", "test accuracy"), rows)
    click.echo(f"judge: {found.folder}")


@judge.command("list")
@path_option("--out", help="Folder of all runs.  [default: ./runs]")
def list_judges(out: Path | None) -> None:
    """List the judges of a folder of runs with their accuracy."""
    from stbench import paths
    from stbench.judges.judge import DOCUMENT, read_card

    folder = (out or paths.runs_dir()) / "judges"
    rows = []
    for path in sorted(folder.glob(f"*/*/{DOCUMENT}")):
        card = read_card(path.parent)
        accuracy = ", ".join(f"{name} {value:.2%}" for name, value in card.accuracy.items())
        rows.append((card.name, card.source, card.preset, card.dataset_digest[:12], accuracy, str(path.parent)))
    console.table("judges", ("judge", "source", "preset", "dataset digest", "test accuracy", "folder"), rows)
