"""Presets: the complete configurations of a model, one file `presets.toml` beside it.

The configuration of a model on a dataset is a merge of tables, the later ones on top (`merge`):

    [common] < [PRESET] < [profiles.P] < [profiles.P.PRESET] < [datasets.NAME] < [datasets.NAME.PRESET] < variant

A profile holds what datasets of one kind share (frames that are shares of one, standardised frames, ...). A dataset
names its profiles; one without a table has no presets. Variants are collected the same way:
`[variants.V]`, `[profiles.P.variants.V]`, `[datasets.NAME.variants.V]`, each with tables for single presets.

A number of steps may be written as a share of the `steps` of training: `{ share_of_steps = "1/6" }`, see
`resolve_shares`.
"""

from __future__ import annotations

import math
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping
from fractions import Fraction
from importlib.resources import files
from typing import TYPE_CHECKING, Any

from stbench.documents import Unreadable, parse_toml
from stbench.errors import StbenchError, nearest

if TYPE_CHECKING:
    from stbench.contract.models import ModelPlugin

PRESETS: Mapping[str, str] = {
    "quick": "Seconds to minutes, to see that everything works. No statement about a model.",
    "cpu": "Reduced configurations, ten minutes to an hour of training on one thread.",
    "paper": "Configurations as published.",
}
"""Name -> what it is; the only place of these names."""
CUSTOM = "custom"
"""What a record has as its preset where the configuration is the user's own: "custom-NAME", or this where he gave it no
name; then it is in no ranking."""
FILE = "presets.toml"
SHARE = "share_of_steps"
PARTS = ("model", "training")
"""The tables of a configuration."""
ABOUT_PRESETS = ("leaderboard", "not_applicable")
"""What a preset's table says about the preset and not to the model."""
ABOUT_VARIANTS = ("headline", "not_applicable", "breaks")
"""What a variant's table says about the variant and not to the model."""
BREAKABLE: Mapping[str, str] = {"batch": "a window's forecast does not depend on the other windows of its batch"}
"""What a variant may say it breaks -> the promise. Published code that breaks it can be repeated, and is told apart."""
_LAYER = (*PARTS, *PRESETS, "variants")
_DATASET = (*_LAYER, "profiles", "without")


def beside(module: str, name: str = FILE) -> Callable[[str], Mapping[str, Any]]:
    """The `presets` of a plug-in whose file lies beside its module: `presets=beside(__name__)`.

    The file is read when a dataset is asked for. A second model in one folder gives its file another `name`.
    """

    def presets(dataset: str) -> Mapping[str, Any]:
        spec = sys.modules[module].__spec__
        if spec is None or not (package := spec.parent):
            raise StbenchError(f"{module} lies in no package, so there is no {name} beside it: move it into one")
        return on_dataset(_read(package, name), dataset, f"{package.replace('.', '/')}/{name}")

    return presets


def _read(package: str, name: str) -> dict[str, Any]:
    path = files(package).joinpath(name)
    try:
        return parse_toml(path.read_bytes())
    except OSError:
        raise StbenchError(f"there is no {path}, where the presets should be: name it in package-data") from None
    except Unreadable as error:
        raise StbenchError(f"{path} cannot be used, {error}: mend it") from None


def on_dataset(tables: Mapping[str, Any], dataset: str, file: str = FILE) -> dict[str, Any]:
    """{preset: {"model": ..., "training": ...}, ..., "variants": {name: overrides}} of the tables of a preset file.

    Empty for a dataset the file has no table for. Beside its overrides a variant may hold further ones for one preset,
    under that preset's name, and `headline = true`: `stbench leaderboard --run-missing` runs it, too.
    `not_applicable = { swap = "why" }` names what it cannot be asked; the same table in `[common]` holds for the model
    and its variants, and "" in a variant takes it back. `breaks = { batch = "why" }` names a promise of `BREAKABLE`
    that it does not keep. A preset with `leaderboard = false` is not run there at all. `without` names variants that do
    not fit the dataset. Raises `StbenchError` for a table or profile there is not.
    """
    _check(tables, ("common", *PRESETS, "variants", "profiles", "datasets"), file, "")
    datasets, profiles = tables.get("datasets", {}), tables.get("profiles", {})
    if dataset not in datasets:
        return {}
    own = datasets[dataset]
    _check(own, _DATASET, file, f"datasets.{dataset}")
    layers = []
    for name in own.get("profiles", ()):
        if name not in profiles:
            raise StbenchError(f"there is no profile '{name}' in {file}: {nearest(name, profiles)}")
        _check(profiles[name], _LAYER, file, f"profiles.{name}")
        layers.append(profiles[name])
    layers.append(own)
    found = {preset: dict(_merged(_layers_of(tables, layers, preset))) for preset in PRESETS}
    found = {preset: table for preset, table in found.items() if _has(tables, layers, preset)}
    for preset, table in found.items():
        _check(table, (*PARTS, *ABOUT_PRESETS), file, preset)
    variants = _merged(each.get("variants", {}) for each in (tables, *layers))
    for name, table in variants.items():
        _check(table, (*PARTS, *PRESETS, *ABOUT_VARIANTS), file, f"variants.{name}")
        _check(table.get("breaks", {}), BREAKABLE, file, f"variants.{name}.breaks")
    left_out = own.get("without", ())
    for name in left_out:
        if name not in variants:
            raise StbenchError(f"there is no variant '{name}' in {file} to leave out: {nearest(name, variants)}")
    return {**found, "variants": {name: table for name, table in variants.items() if name not in left_out}}


def _layers_of(tables: Mapping[str, Any], layers: Iterable[Mapping[str, Any]], preset: str) -> Iterator[Any]:
    yield tables.get("common", {})
    yield tables.get(preset, {})
    for layer in layers:
        yield {name: table for name, table in layer.items() if name in PARTS}
        yield layer.get(preset, {})


def _has(tables: Mapping[str, Any], layers: Iterable[Mapping[str, Any]], preset: str) -> bool:
    return any(preset in each for each in (tables, *layers))


def _merged(tables: Iterable[Mapping[str, Any]]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for table in tables:
        found = merge(found, table)
    return found


def _check(table: Mapping[str, Any], known: Iterable[str], file: str, place: str) -> None:
    for name in table:
        if name not in known:
            where = f"the table [{place}] of {file}" if place else file
            raise StbenchError(f"{where} has '{name}', which nothing reads: {nearest(name, known)}")


def select(
    plugin: ModelPlugin,
    dataset: str,
    preset: str,
    variant: str | None = None,
    changes: Mapping[str, Any] | None = None,
) -> dict[str, Any]:
    """The configuration {"model": ..., "training": ...} of a preset, with the overrides of a variant and then `changes`
    merged over it, and shares resolved.

    Raises `StbenchError`, with the nearest name, for an unknown preset or variant, and for a dataset without presets.
    """
    presets = dict(plugin.presets(dataset))
    if not presets:
        raise StbenchError(f"'{plugin.name}' has no presets for the dataset '{dataset}': see `stbench models`")
    variants = presets.pop("variants", {})
    if preset not in presets:
        raise StbenchError(f"'{plugin.name}' on '{dataset}' has no preset '{preset}': {nearest(preset, presets)}")
    chosen = {name: table for name, table in presets[preset].items() if name not in ABOUT_PRESETS}
    configuration = merge({"model": {}, "training": {}}, chosen)
    if not variant:
        return resolve_shares(merge(configuration, changes or {}))
    if variant not in variants:
        raise StbenchError(f"'{plugin.name}' on '{dataset}' has no variant '{variant}': {nearest(variant, variants)}")
    overrides = {name: table for name, table in variants[variant].items() if name not in ABOUT_VARIANTS}
    own = {name: overrides.pop(name) for name in presets if name in overrides}
    return resolve_shares(_merged((configuration, overrides, own.get(preset, {}), changes or {})))


def breaks_of(plugin: ModelPlugin, dataset: str, variant: str) -> dict[str, str]:
    """Promise -> why a variant of a model breaks it, as its preset file says; empty for one that keeps them all."""
    variants = plugin.presets(dataset).get("variants", {}) if variant else {}
    return {name: str(why) for name, why in variants.get(variant, {}).get("breaks", {}).items()}


def resolve_shares(configuration: Mapping[str, Any]) -> dict[str, Any]:
    """The configuration with every `{ share_of_steps = s }` in it replaced by max(1, floor(s `steps` + 1/2)).

    s is a number, a fraction in quotes ("1/6"), or a list of them, which becomes a list of steps, equal ones once;
    computed exactly. `steps` is that of the table `training`. Raises `StbenchError` where s is something else.
    """
    steps = configuration.get("training", {}).get("steps")

    def resolved(value: Any, name: str) -> Any:
        if not isinstance(value, Mapping):
            return value
        if SHARE not in value:
            return {key: resolved(each, f"{name}.{key}" if name else key) for key, each in value.items()}
        if len(value) > 1:
            raise StbenchError(f"the setting '{name}' is {dict(value)!r}: beside {SHARE} nothing else can stand there")
        if not isinstance(steps, int) or isinstance(steps, bool):
            raise StbenchError(f"the setting '{name}' is a share of training.steps, which is {steps!r}: give a number")
        share = value[SHARE]
        if isinstance(share, list | tuple):
            return list(dict.fromkeys(_steps(each, steps, name) for each in share))
        return _steps(share, steps, name)

    found: dict[str, Any] = resolved(configuration, "")
    return found


def _steps(share: Any, steps: int, name: str) -> int:
    try:
        exact = Fraction(str(share)) if not isinstance(share, bool) else None
    except (ValueError, ZeroDivisionError):
        exact = None
    if exact is None or exact <= 0:
        raise StbenchError(
            f"the setting '{name}' has the {SHARE} {share!r}: write a positive number or a fraction in quotes, "
            'for example "1/6"'
        )
    return max(1, math.floor(exact * steps + Fraction(1, 2)))


def merge(base: Mapping[str, Any], over: Mapping[str, Any]) -> dict[str, Any]:
    """A new mapping: `over` on top of `base`, table by table; lists, scalars and shares are replaced whole."""
    merged = {key: merge(value, {}) if isinstance(value, Mapping) else value for key, value in base.items()}
    for key, value in over.items():
        if isinstance(value, Mapping):
            inner = merged.get(key)
            merged[key] = merge(inner if isinstance(inner, Mapping) and SHARE not in value else {}, value)
        else:
            merged[key] = value
    return merged
