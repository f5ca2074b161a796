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
@click.option("--frames", type=click.IntRange(1), metavar="N", help="Frames of a clip.  [default: the dataset's]")
@path_option("--out", help="Folder of all runs.  [default: ./runs]")
def train(
    dataset: str,
    preset: str,
    seed: int,
    source: str,
    raw: Path | None,
    settings: dict[str, str],
    frames: int | None,
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
    folder = out or paths.runs_dir()
    found = train_judge(store, judged, frames or clip, runs=folder, preset=preset, seed=seed, progress=console)
    card = found.card
    rows = [
        (name, str(head.classes), *(_percent(each.get(name)) for each in (card.accuracy, card.calibration)))
        for name, head in ((head.name, head) for head in found.heads)
    ]
    title = f"{card.name}: {card.train_clips:,} training clips, {card.test_clips:,} test clips of {card.clip} frames"
    console.table(title, ("head", "classes", "test accuracy", "calibration error"), rows)
    click.echo(f"judge: {found.folder}")


def _percent(share: float | None) -> str:
    return "not known" if share is None else f"{share:.2%}"


@judge.command("list")
@path_option("--out", help="Folder of all runs.  [default: ./runs]")
def list_judges(out: Path | None) -> None:
    """List the judges of a folder of runs with their accuracy."""
    from stbench import paths
    from stbench.judges.card import DOCUMENT, read_card

    folder = (out or paths.runs_dir()) / "judges"
    rows = []
    for path in sorted(folder.glob(f"*/*/{DOCUMENT}")):
        card = read_card(path.parent)
        accuracy = ", ".join(f"{name} {value:.2%}" for name, value in card.accuracy.items())
        frames, digest = str(card.clip), card.dataset_digest[:12]
        rows.append((card.name, card.source, card.preset, frames, digest, accuracy, str(path.parent)))
    console.table("judges", ("judge", "source", "preset", "frames", "dataset digest", "test accuracy", "folder"), rows)
