"""Datasets that come from official files or, where those are not at hand, from a stand-in in the same layout."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from stbench.errors import StbenchError

Made = TypeVar("Made")


def sources_at_hand(official: object) -> tuple[str, ...]:
    """What `Generator.sources` answers, best first: "official" where `official` says that its files were
    found, "simulated" always."""
    return ("official", "simulated") if official else ("simulated",)


def of_source(dataset: str, source: str, official: Callable[[], Made], simulated: Callable[[], Made]) -> Made:
    """What `official()` or `simulated()` makes, as `source` says; `StbenchError` for a source there is not."""
    if source == "official":
        return official()
    if source == "simulated":
        return simulated()
    raise StbenchError(f"{dataset} has the sources official and simulated, not '{source}'")
