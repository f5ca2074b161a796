"""`stbench datasets`, `stbench models`, `stbench metrics`: what there is."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import click

from stbench.cli.console import table
from stbench.errors import StbenchError

if TYPE_CHECKING:
    from stbench.contract.datasets import Variable


def decoded_size(frames: Variable) -> str:
    """What the frames take in memory as they are stored; on disk they take less."""
    import numpy as np

    size = math.prod(frames.shape) * np.dtype(frames.dtype).itemsize
    return f"{size / 1e9:.1f} GB" if size >= 1e9 else f"{size / 1e6:.0f} MB"


@click.command()
def datasets() -> None:
    """List the datasets: sources at hand, sequences, size of the decoded frames, licence, tracks, whether built."""
    from stbench import registry
    from stbench.paths import data_dir, raw_dir

    rows, raw = [], raw_dir()
    for name in registry.names("datasets"):
        generator = registry.dataset(name)
        sources = generator.sources(raw)
        sequences, size, built = "-", "-", "no"
        if sources:
            blueprint = generator.blueprint(generator.parameters(), sources[0], raw)
            sequences = f"{blueprint.n_sequences:,}"
            size = decoded_size(blueprint.variables["frames"])
            built = "yes" if (data_dir() / blueprint.store_name).exists() else "no"
        tracks = ", ".join(track.id for track in generator.tracks)
        card = generator.card
        rows.append(
            (
                name,
                generator.version,
                ", ".join(sources) or "none",
                sequences,
                size,
                built,
                tracks,
                card.licence,
                card.reference,
            )
        )
    columns = ("dataset", "version", "sources at hand", "sequences", "size", "built", "tracks", "licence", "reference")
    table("datasets", columns, rows)


@click.command()
@click.option("--dataset", default=None, help="Show the presets for this dataset only.")
@click.option(
    "--show",
    nargs=3,
    type=str,
    default=None,
    metavar="MODEL[:VARIANT] DATASET PRESET",
    help="Print the resolved configuration instead, as `stbench run --preset FILE.toml` reads it.",
)
def models(dataset: str | None, show: tuple[str, str, str] | None) -> None:
    """List the models, floors among them, and below them the presets and variants for each dataset."""
    from stbench import registry

    if show is not None:
        click.echo(configuration_text(*show), nl=False)
        return
    if dataset is not None:
        registry.dataset(dataset)
    rows: list[tuple[str, ...]] = []
    # Datasets with the same presets and variants share a row, or a terminal would hold few models.
    where: dict[tuple[str, str, str], list[str]] = {}
    for name in registry.names("models"):
        try:
            plugin = registry.model(name)
            presets_on = {
                each: dict(plugin.presets(each)) for each in ([dataset] if dataset else registry.names("datasets"))
            }
        except StbenchError as error:  # torch is not installed, or a package is broken: still worth a row
            rows.append((name, "-", "-", str(error)))
            continue
        rows.append((name, plugin.version, plugin.kind, plugin.summary))
        if plugin.fitted and not any(presets_on.values()):
            where[name, "every preset", "-"] = [*(plugin.datasets or ("every dataset",))]
            continue
        for trained_on, presets in presets_on.items():
            if not presets:
                continue
            variants = ", ".join(presets.pop("variants", {})) or "-"
            where.setdefault((name, ", ".join(presets), variants), []).append(trained_on)
    table("models", ("model", "version", "kind", "summary"), rows)
    shared = [(name, ", ".join(datasets), *each) for (name, *each), datasets in where.items()]
    table("presets and variants", ("model", "datasets", "presets", "variants"), shared)


def configuration_text(model: str, dataset: str, preset: str) -> str:
    """The configuration of a preset as TOML, with what it is of."""
    import tomli_w

    from stbench import registry
    from stbench.running.configuration import Asked, configure
    from stbench.running.plan import split_model_name

    registry.dataset(dataset)
    name, variant = split_model_name(model)
    found = configure(registry.model(name), dataset, variant, Asked(preset))
    head = f"# {model} on {dataset}, preset {preset}. `preset` says whose data and judge a run takes.\n"
    return head + tomli_w.dumps({"preset": found.base, **found.tables})


@click.command()
def metrics() -> None:
    """List the metrics with formula, range and reference."""
    from stbench import registry

    rows = []
    for name in registry.names("metrics"):
        metric = registry.metric(name)
        better = "higher" if metric.higher_is_better else "lower"
        frames = "images" if metric.images_only else "all"
        rows.append((name, metric.version, metric.formula, metric.range, better, frames, metric.reference))
    table("metrics", ("metric", "version", "formula", "range", "better", "frames", "reference"), rows)
