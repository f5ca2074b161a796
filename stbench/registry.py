"""Datasets, models and metrics, found by entry point: ours and a foreign package's alike.

The core never imports a dataset or a baseline by name; it asks here. Groups: `stbench.datasets` (objects fulfilling
`stbench.generator.Generator`), `stbench.models` (`stbench.model.ModelPlugin`), `stbench.metrics`
(`stbench.metrics.Metric`).
"""

from __future__ import annotations

from contextlib import suppress
from functools import cache
from importlib.metadata import EntryPoint, entry_points
from typing import TYPE_CHECKING, Any

from stbench.errors import StbenchError, nearest

if TYPE_CHECKING:
    from stbench.generator import Generator
    from stbench.metrics import Metric
    from stbench.model import ModelPlugin


class NeedsTorch(StbenchError):
    """A plug-in is registered, but torch is not installed."""


@cache
def _group(kind: str) -> dict[str, EntryPoint]:
    return {entry.name: entry for entry in entry_points(group=f"stbench.{kind}")}


def names(kind: str) -> list[str]:
    """Sorted names registered for a kind: "datasets", "models" or "metrics"."""
    return sorted(_group(kind))


def _load(kind: str, name: str) -> Any:
    group = _group(kind)
    if name not in group:
        raise StbenchError(f"there is no {kind[:-1]} '{name}': {nearest(name, group)}")
    try:
        return group[name].load()
    except ModuleNotFoundError as error:
        if (error.name or "").split(".")[0] == "torch":
            raise NeedsTorch(
                f"the {kind[:-1]} '{name}' needs torch, which is not installed: pip install 'stbench[torch]'"
            ) from None
        raise


def dataset(name: str) -> Generator:
    """The generator of a dataset; `StbenchError` with the nearest name when unknown."""
    return _load("datasets", name)  # type: ignore[no-any-return]


def model(name: str) -> ModelPlugin:
    """The plug-in of a model; `StbenchError` with the nearest name when unknown."""
    return _load("models", name)  # type: ignore[no-any-return]


def models_at_hand() -> list[ModelPlugin]:
    """The plug-ins of all models, sorted by name; without torch those that do without it, the floors among them."""
    found = []
    for name in names("models"):
        with suppress(NeedsTorch):
            found.append(model(name))
    return found


def metric(name: str) -> Metric:
    """A metric by name; `StbenchError` with the nearest name when unknown."""
    return _load("metrics", name)  # type: ignore[no-any-return]
