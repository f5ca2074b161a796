"""Weights of the terms of a loss, as a preset gives them."""

from __future__ import annotations

from collections.abc import Collection, Mapping

from stbench.errors import StbenchError, nearest


def term_weights(
    model: str, terms: Collection[str], given: Mapping[str, float], needless: Collection[str] = ()
) -> dict[str, float]:
    """The weight of each of `terms`, in their order; none of `needless` has to have one.

    Raises `StbenchError` for a term there is not, one without a weight (a term left out by mistake would train another
    model), and where all weights are 0.
    """
    for name in given:
        if name not in terms:
            raise StbenchError(f"{model} has no loss term '{name}': {nearest(name, terms)}")
    for name in terms:
        if name not in given and name not in needless:
            raise StbenchError(f"{model} lacks the loss weight of '{name}' in its configuration: 0 leaves the term out")
    if not any(given.values()):
        raise StbenchError(f"all loss weights of {model} are 0, so it would learn nothing: give one that is not")
    return {name: float(given[name]) for name in terms if name in given}
