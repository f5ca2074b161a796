"""`stbench info`: everything known of a dataset, and of its store where there is one."""

from __future__ import annotations

import dataclasses
from typing import Any

import click

from stbench.cli.console import fields, note
from stbench.cli.describe import card_rows, frames_text, mapping_rows, parameter_rows, split_rows, statistics_rows
from stbench.cli.machine import json_option, print_json, split_document, track_document
from stbench.cli.options import find_store, store_argument


@click.command()
@store_argument
@json_option
def info(store: str, settings: dict[str, str], source: str, as_json: bool) -> None:
    """Show card, parameters, tracks, split, statistics, numerics certificate and digest.

    Works on datasets that are not generated yet: then without what only the data can tell.
    """
    from stbench import registry
    from stbench.store.named import locate

    unmade = store in registry.names("datasets") and not locate(store, settings, source).exists()
    if as_json:
        print_json(
            _document_of_dataset(store, settings, source) if unmade else _document_of_store(store, settings, source)
        )
    elif unmade:
        _describe_dataset(store, settings, source)
    else:
        _describe_store(store, settings, source)


def _document_of_dataset(name: str, settings: dict[str, str], source: str) -> dict[str, Any]:
    from stbench import registry
    from stbench.store.build import resolve

    blueprint = resolve(name, settings, source)
    return {
        "name": name,
        "version": blueprint.version,
        "source": blueprint.source,
        "parameters": dict(blueprint.parameters),
        "tracks": [track_document(track) for track in registry.dataset(name).tracks],
        "split": split_document(blueprint.split),
        "shape": list(blueprint.variables["frames"].shape),
        "card": dataclasses.asdict(blueprint.card),
        **dict.fromkeys(("path", "digest", "row_size", "statistics", "certificate")),
    }


def _document_of_store(name_or_path: str, settings: dict[str, str], source: str) -> dict[str, Any]:
    from stbench import registry

    store = find_store(name_or_path, settings, source)
    known = store.dataset in registry.names("datasets")
    row_size = store.row_size
    return {
        "name": store.dataset,
        "version": store.version,
        "source": store.source,
        "parameters": store.parameters,
        "tracks": [track_document(track) for track in registry.dataset(store.dataset).tracks] if known else [],
        "split": split_document(store.split),
        "shape": list(store.frames_shape),
        "card": dataclasses.asdict(store.card),
        "path": str(store.path),
        "digest": store.digest,
        "row_size": None if row_size is None else {"smallest": int(row_size.min()), "largest": int(row_size.max())},
        "statistics": store.attributes["statistics"],
        "certificate": store.attributes.get("certificate") or None,
    }


def _describe_dataset(name: str, settings: dict[str, str], source: str) -> None:
    from stbench import registry
    from stbench.store.build import resolve
    from stbench.store.words import generate_command

    generator, blueprint = registry.dataset(name), resolve(name, settings, source)
    fields(f"{name} {blueprint.version}: {blueprint.card.title}", card_rows(blueprint.card))
    fields("parameters", parameter_rows(generator, blueprint.parameters))
    fields("tracks", [(track.id, ", ".join(track.scored)) for track in generator.tracks])
    fields("split", split_rows(blueprint.split))
    note(f"not generated yet: {generate_command(name, settings, source)} makes it")


def _describe_store(name_or_path: str, settings: dict[str, str], source: str) -> None:
    from stbench import registry

    store = find_store(name_or_path, settings, source)
    fields(f"{store.dataset} {store.version}: {store.card.title}", card_rows(store.card))
    if store.dataset in registry.names("datasets"):
        generator = registry.dataset(store.dataset)
        fields("parameters", parameter_rows(generator, store.parameters))
        fields("tracks", [(track.id, ", ".join(track.scored)) for track in generator.tracks])
    else:
        fields("parameters", mapping_rows(store.parameters))
    fields("split", split_rows(store.split))
    fields("statistics", statistics_rows(store.attributes["statistics"]))
    if store.attributes.get("certificate"):
        fields("numerics certificate", mapping_rows(store.attributes["certificate"]))
    shape = " x ".join(map(str, (store.n_sequences, frames_text(store), *store.frame_shape)))
    rows = [("path", str(store.path)), ("source", store.source), ("frames", shape), ("digest", store.digest)]
    fields("store", rows)
