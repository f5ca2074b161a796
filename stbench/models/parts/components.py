"""Parts of a model by name: `{name = "mlp", hidden = [1200, 1200]}` picks from a table and passes on the rest."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, TypeVar

from stbench.contract.settings import construct
from stbench.errors import StbenchError, nearest

Part = TypeVar("Part")


def choose(kind: str, known: Mapping[str, Part], name: str) -> Part:
    """`known[name]`; `StbenchError` with the nearest name when there is no such `kind` of part."""
    if name not in known:
        raise StbenchError(f"there is no {kind} '{name}': {nearest(str(name), known)}")
    return known[name]


def make(kind: str, known: Mapping[str, Callable[..., Any]], settings: Mapping[str, Any], *arguments: Any) -> Any:
    """Build the part that `settings["name"]` names from `arguments` and the remaining settings as keywords.

    Raises `StbenchError` for an unknown name, and what `construct` refuses.
    """
    options = dict(settings)
    if "name" not in options:
        raise StbenchError(f"the {kind} has no name in its configuration: one of {', '.join(sorted(known))}")
    name = options.pop("name")
    return construct(f"the {kind} '{name}'", choose(kind, known, name), options, *arguments)
