"""A dataset's card as a store keeps it among its attributes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from stbench.contract.datasets import Card
from stbench.documents import converted

STORED = {"cost": "generation"}
"""Field of the card -> its name in a store: the first one it had, so that stores of all versions are read alike."""


def card_attributes(card: Card) -> dict[str, Any]:
    """JSON-able, every field."""
    fields = {STORED.get(name, name): getattr(card, name) for name in card.__dataclass_fields__}
    return fields | {"factors": dict(card.factors)}


def card_of(attributes: Mapping[str, Any]) -> Card:
    """The card that `card_attributes` gave, after JSON; `Unreadable` where it is none.

    Stores made before cards had keywords have none.
    """
    fields = {name: attributes.get(STORED.get(name, name)) for name in Card.__dataclass_fields__}
    fields["keywords"] = attributes.get("keywords", "")
    return converted(fields, Card, "card.")
