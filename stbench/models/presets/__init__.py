"""Preset files, `<model>.<dataset>.toml`: the only place of a hyperparameter.

Here lie those of the reference models; other packages keep theirs beside their modules.
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from importlib.resources import files
from typing import TYPE_CHECKING, Any

from stbench import registry
from stbench.errors import StbenchError, nearest

ABOUT_VARIANTS = ("headline", "not_applicable")
"""What a variant's table says about the variant and not to the model."""

if TYPE_CHECKING:
    from stbench.contract.models import ModelPlugin


def load(model: str, dataset: str, package: str = __name__) -> dict[str, Any]:
    """Presets of a model on a dataset: {preset: {"model": ..., "training": ...}, ..., "variants": {name: overrides}}.

    They are read from `<model>.<dataset>.toml` in the folder of `package`; a foreign package names its own. The table
    `common` of the file is what its presets share and is merged under each of them. Variants that all datasets share
    stand in `<model>.toml`; `without_shared` names those that do not fit. Beside its own overrides a variant
    may hold further ones for one preset, under that preset's name, and `headline = true`: `stbench leaderboard
    --run-missing` runs it, too. `not_applicable = { swap = "why" }` names what it cannot be asked. A preset with
    `leaderboard = false` is not run there at all. Empty for a dataset the model has no file for.
    """
    known = {
        file.name[len(model) + 1 : -len(".toml")]: file
        for file in files(package).iterdir()
        if file.name.startswith(f"{model}.") and file.name.endswith(".toml") and file.name != f"{model}.toml"
    }
    if dataset not in known:
        return {}
    tables = tomllib.loads(known[dataset].read_text("utf-8"))
    common, variants = tables.pop("common", {}), tables.pop("variants", {})
    shared, left_out = files(package) / f"{model}.toml", tables.pop("without_shared", [])
    if shared.is_file():
        each = tomllib.loads(shared.read_text("utf-8"))["variants"]
        variants = merge({name: table for name, table in each.items() if name not in left_out}, variants)
    return {**{name: merge(common, table) for name, table in tables.items()}, "variants": variants}


def select(plugin: ModelPlugin, dataset: str, preset: str, variant: str | None = None) -> dict[str, Any]:
    """The configuration {"model": ..., "training": ...} of a preset, with the overrides of a variant merged over it.

    Raises `StbenchError`, with the nearest name, for an unknown dataset, preset or variant.
    """
    presets = dict(plugin.presets(dataset))
    if not presets:
        known = [each for each in registry.names("datasets") if plugin.presets(each)]
        raise StbenchError(f"'{plugin.name}' has no presets for the dataset '{dataset}': {nearest(dataset, known)}")
    variants = presets.pop("variants", {})
    if preset not in presets:
        raise StbenchError(f"'{plugin.name}' on '{dataset}' has no preset '{preset}': {nearest(preset, presets)}")
    chosen = {name: table for name, table in presets[preset].items() if name != "leaderboard"}
    configuration = merge({"model": {}, "training": {}}, chosen)
    if not variant:
        return configuration
    if variant not in variants:
        raise StbenchError(f"'{plugin.name}' on '{dataset}' has no variant '{variant}': {nearest(variant, variants)}")
    changes = {name: table for name, table in variants[variant].items() if name not in ABOUT_VARIANTS}
    own = {name: changes.pop(name) for name in presets if name in changes}
    return merge(merge(configuration, changes), own.get(preset, {}))


def merge(base: Mapping[str, Any], over: Mapping[str, Any]) -> dict[str, Any]:
    """A new mapping: `over` on top of `base`, table by table; lists and scalars are replaced whole."""
    merged = {key: merge(value, {}) if isinstance(value, Mapping) else value for key, value in base.items()}
    for key, value in over.items():
        if isinstance(value, Mapping):
            inner = merged.get(key)
            merged[key] = merge(inner if isinstance(inner, Mapping) else {}, value)
        else:
            merged[key] = value
    return merged
