"""`stbench datasets`, `stbench models`, `stbench metrics`: what there is."""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Any

import click

from stbench.cli.console import table
from stbench.cli.machine import json_option, print_json, track_document
from stbench.errors import StbenchError


def decoded_size(size: int) -> str:
    """What the frames take in memory as they are stored; on disk they take less."""
    return f"{size / 1e9:.1f} GB" if size >= 1e9 else f"{size / 1e6:.0f} MB"


@click.command()
@json_option
def datasets(as_json: bool) -> None:
    """List the datasets: sources at hand, sequences, size of the decoded frames, licence, tracks, whether built."""
    from stbench import registry

    found = [_dataset(name) for name in registry.names("datasets")]
    if as_json:
        print_json(found)
        return
    columns = ("dataset", "version", "sources at hand", "sequences", "size", "built", "tracks", "licence", "reference")
    rows = [
        (
            each["name"],
            each["version"],
            ", ".join(each["sources"]) or "none",
            "-" if each["sequences"] is None else f"{each['sequences']:,}",
            "-" if each["decoded_bytes"] is None else decoded_size(each["decoded_bytes"]),
            "yes" if each["built"] else "no",
            ", ".join(track["id"] for track in each["tracks"]),
            each["licence"],
            each["reference"],
        )
        for each in found
    ]
    table("datasets", columns, rows)


def _dataset(name: str) -> dict[str, Any]:
    """A dataset with its canonical parameters, of the best source at hand."""
    import numpy as np

    from stbench import registry
    from stbench.paths import data_dir, raw_dir

    generator, raw = registry.dataset(name), raw_dir()
    sources = generator.sources(raw)
    known: dict[str, Any] = {"sequences": None, "decoded_bytes": None, "built": False, "path": None}
    if sources:
        blueprint = generator.blueprint(generator.parameters(), sources[0], raw)
        frames, path = blueprint.variables["frames"], data_dir() / blueprint.store_name
        size = math.prod(frames.shape) * np.dtype(frames.dtype).itemsize
        known = {
            "sequences": blueprint.n_sequences,
            "decoded_bytes": size,
            "built": path.exists(),
            "path": str(path) if path.exists() else None,
        }
    return {
        "name": name,
        "version": generator.version,
        "sources": list(sources),
        **known,
        "tracks": [track_document(track) for track in generator.tracks],
        "licence": generator.card.licence,
        "reference": generator.card.reference,
    }


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
@json_option
def models(dataset: str | None, show: tuple[str, str, str] | None, as_json: bool) -> None:
    """List the models, floors among them, and below them the presets and variants for each dataset."""
    from stbench import registry

    if show is not None:
        if as_json:
            raise StbenchError("--show prints TOML, which `stbench run --preset FILE.toml` reads: leave --json out")
        click.echo(configuration_text(*show), nl=False)
        return
    if dataset is not None:
        registry.dataset(dataset)
    found = [_model(name, [dataset] if dataset else registry.names("datasets")) for name in registry.names("models")]
    if as_json:
        print_json(found)
        return
    rows = [(each["name"], each["version"] or "-", each["kind"] or "-", each["summary"]) for each in found]
    table("models", ("model", "version", "kind", "summary"), rows)
    # Datasets with the same presets and variants share a row, or a terminal would hold few models.
    where: dict[tuple[str, str, str], list[str]] = {}
    for each in found:
        if each["every_preset"]:
            where[each["name"], "every preset", "-"] = each["datasets"] or ["every dataset"]
        for trained_on, known in each["presets"].items():
            row = each["name"], ", ".join(known["presets"]), ", ".join(known["variants"]) or "-"
            where.setdefault(row, []).append(trained_on)
    shared = [(name, ", ".join(datasets), *each) for (name, *each), datasets in where.items()]
    table("presets and variants", ("model", "datasets", "presets", "variants"), shared)


def _model(name: str, datasets: Iterable[str]) -> dict[str, Any]:
    """A model and its presets and variants for some datasets."""
    from stbench import registry

    try:
        plugin = registry.model(name)
        tables = {each: dict(found) for each in datasets if (found := plugin.presets(each))}
    except StbenchError as error:  # torch is not installed, or a package is broken: still worth a row
        unknown = {"version": None, "kind": None, "summary": str(error), "usable": False}
        return {"name": name, **unknown, "every_preset": False, "datasets": [], "presets": {}}
    presets = {
        each: {"presets": [key for key in found if key != "variants"], "variants": [*found.get("variants", {})]}
        for each, found in tables.items()
    }
    return {
        "name": name,
        "version": plugin.version,
        "kind": plugin.kind,
        "summary": plugin.summary,
        "usable": True,
        "every_preset": plugin.fitted and not presets,
        "datasets": [*(plugin.datasets or ())],
        "presets": presets,
    }


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
@json_option
def metrics(as_json: bool) -> None:
    """List the metrics with formula, range and reference."""
    from stbench import registry

    found = [registry.metric(name) for name in registry.names("metrics")]
    if as_json:
        keys = ("name", "version", "formula", "range", "higher_is_better", "images_only", "reference")
        print_json([{key: getattr(metric, key) for key in keys} for metric in found])
        return
    rows = []
    for metric in found:
        better = metric.better
        frames = "images" if metric.images_only else "all"
        rows.append((metric.name, metric.version, metric.formula, metric.range, better, frames, metric.reference))
    table("metrics", ("metric", "version", "formula", "range", "better", "frames", "reference"), rows)
