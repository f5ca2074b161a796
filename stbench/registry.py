"""Datasets, models and metrics, found by entry point: ours and a foreign package's alike.

The core never imports a dataset or a baseline by name; it asks here. Groups: `stbench.datasets` (objects fulfilling
`stbench.contract.datasets.Generator`), `stbench.models` (`stbench.contract.models.ModelPlugin`), `stbench.metrics`
(`stbench.metrics.Metric`).
"""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import replace
from functools import cache
from importlib.metadata import EntryPoint, entry_points
from typing import TYPE_CHECKING, Any

from stbench.errors import StbenchError, nearest

if TYPE_CHECKING:
    from stbench.contract.datasets import Generator
    from stbench.contract.models import ModelPlugin
    from stbench.metrics import Metric

KINDS = ("datasets", "models", "metrics")


class NeedsTorch(StbenchError):
    """A plug-in is registered, but torch is not installed."""


class BrokenPlugin(StbenchError):
    """A plug-in is registered, but what it names cannot be loaded or is something else."""


@cache
def _group(kind: str) -> dict[str, EntryPoint]:
    return {entry.name: entry for entry in entry_points(group=f"stbench.{kind}")}


def names(kind: str) -> list[str]:
    """Sorted names of a kind: "datasets", "models" or "metrics"; among metrics those of the datasets' judges."""
    return sorted({*_group(kind), *(_judged() if kind == "metrics" else ())})


def own(kind: str) -> list[str]:
    """Sorted names of stbench's own plug-ins of a kind."""
    return [name for name, entry in sorted(_group(kind).items()) if entry.module.partition(".")[0] == "stbench"]


def _judged() -> dict[str, Metric]:
    """`judge_<head>_accuracy` of every head that a dataset at hand asks a judge for."""
    from stbench.contract.capabilities import HasJudgedFactors
    from stbench.metrics.judged import accuracy_of

    heads: dict[str, None] = {}
    for name in _group("datasets"):
        with suppress(StbenchError):  # one that is broken says so where it is asked for
            if isinstance(found := dataset(name), HasJudgedFactors):
                heads |= dict.fromkeys(found.judged_factors)
    return {metric.name: metric for metric in map(accuracy_of, heads)}


def packages() -> set[str]:
    """Top-level packages whose code is ours or a plug-in's: this one and those the entry points lie in."""
    return {"stbench", *(entry.module.partition(".")[0] for kind in KINDS for entry in _group(kind).values())}


def module(kind: str, name: str) -> str:
    """Dotted name of the module a plug-in is in, of a metric also under a former name or made for a head of a judge;
    `StbenchError` with the nearest name when unknown."""
    if kind == "metrics":
        from stbench.metrics import current_name, judged

        if (name := current_name(name)) not in _group(kind) and name in _judged():
            return judged.__name__
    return _entry(kind, name).module


def _entry(kind: str, name: str) -> EntryPoint:
    group = _group(kind)
    if name not in group:
        raise StbenchError(f"there is no {kind[:-1]} '{name}': {nearest(name, group)}")
    return group[name]


def _load(kind: str, name: str) -> Any:
    entry = _entry(kind, name)
    try:
        return entry.load()
    except Exception as error:  # a foreign package may raise anything while it is imported
        if isinstance(error, ModuleNotFoundError) and (error.name or "").split(".")[0] == "torch":
            raise NeedsTorch(
                f"the {kind[:-1]} '{name}' needs torch, which is not installed: install the extra `torch` of stbench "
                "(in its checkout `pip install '.[torch]'`)"
            ) from None
        raise _broken(kind, name, f"cannot be loaded from {entry.value} ({_told(error)})") from error


def _told(error: Exception) -> str:
    return f"{type(error).__name__}: {(str(error).splitlines() or [''])[0]}"


def _broken(kind: str, name: str, what: str) -> BrokenPlugin:
    found = _group(kind)[name].dist
    package = "" if found is None else f" of the package {found.name}"
    return BrokenPlugin(f"the {kind[:-1]} '{name}'{package} {what}: mend or uninstall it")


def dataset(name: str) -> Generator:
    """The generator of a dataset; `StbenchError` with the nearest name when unknown."""
    return _load("datasets", name)  # type: ignore[no-any-return]


def model(name: str) -> ModelPlugin:
    """The plug-in of a model; `StbenchError` with the nearest name when unknown, or saying what is broken."""
    from stbench.contract.models import ModelPlugin

    found = _load("models", name)
    if not isinstance(found, ModelPlugin):
        raise _broken("models", name, f"is a {type(found).__name__}, not a stbench.contract.models.ModelPlugin")
    own = found.presets

    def presets(dataset: str) -> Mapping[str, Any]:
        try:
            return own(dataset)
        except StbenchError:
            raise
        except Exception as error:  # foreign code
            raise _broken("models", name, f"cannot tell its presets for {dataset} ({_told(error)})") from error

    return replace(found, presets=presets)


def models_at_hand() -> list[ModelPlugin]:
    """The plug-ins of all models that can be loaded, sorted by name; without torch the floors are among them."""
    found = []
    for name in names("models"):
        with suppress(NeedsTorch, BrokenPlugin):
            found.append(model(name))
    return found


def metric(name: str) -> Metric:
    """A metric by name, also a former one, registered or the accuracy of a head of a dataset's judge; `StbenchError`
    with the nearest name when unknown."""
    from stbench.metrics import current_name

    name = current_name(name)
    if name not in (group := _group("metrics")):
        judged = _judged() if name.startswith("judge_") else {}
        if name not in judged:
            raise StbenchError(f"there is no metric '{name}': {nearest(name, [*group, *judged])}")
        return judged[name]
    return _load("metrics", name)  # type: ignore[no-any-return]
