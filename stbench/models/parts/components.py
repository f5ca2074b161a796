"""Parts of a model by name: `{name = "mlp", hidden = [1200, 1200]}` picks from a table and passes on the rest."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from typing import Any, TypeVar

from stbench.errors import StbenchError, nearest

Part = TypeVar("Part")


def choose(kind: str, known: Mapping[str, Part], name: str) -> Part:
    """`known[name]`; `StbenchError` with the nearest name when there is no such `kind` of part."""
    if name not in known:
        raise StbenchError(f"there is no {kind} '{name}': {nearest(name, known)}")
    return known[name]


def make(kind: str, known: Mapping[str, Callable[..., Any]], settings: Mapping[str, Any], *arguments: Any) -> Any:
    """Build the part that `settings["name"]` names from `arguments` and the remaining settings as keywords.

    Raises `StbenchError` for an unknown name, an unknown setting or a missing one.
    """
    options = dict(settings)
    if "name" not in options:
        raise StbenchError(f"the {kind} has no name in its configuration: one of {', '.join(sorted(known))}")
    name = options.pop("name")
    part = choose(kind, known, name)
    accepted = [p.name for p in inspect.signature(part).parameters.values() if p.kind is p.KEYWORD_ONLY]
    for option in options:
        if option not in accepted:
            raise StbenchError(f"the {kind} '{name}' has no setting '{option}': {nearest(option, accepted)}")
    if missing := [option for option in accepted if option not in options]:
        raise StbenchError(f"the {kind} '{name}' lacks the setting '{missing[0]}' in its configuration")
    return part(*arguments, **options)
