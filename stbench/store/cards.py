"""A dataset's card as a store keeps it among its attributes."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any

from stbench.contract.datasets import Card
from stbench.documents import converted

STORED = {"cost": "generation"}
"""Field of the card -> its name in a store: the first one it had, so that stores of all versions are read alike."""
OTHER_SOURCE = {"official": "simulated: ", "simulated": "official: "}
"""Source -> how the help of a parameter begins that has no effect on it."""


def card_as_made(card: Card, parameters: Any, source: str) -> Card:
    """The card, its summary beginning with the parameters that are not those of the canonical dataset.

    `parameters` is an instance of `Generator.parameters`. Whatever else a card says is written for the defaults, a
    preset's parameters are none of them, and a store made with others would claim what it does not hold.
    """
    default = type(parameters)()
    other = [
        f"{each.name}={_setting(getattr(parameters, each.name))}"
        for each in dataclasses.fields(parameters)
        if getattr(parameters, each.name) != getattr(default, each.name)
        and not (source in OTHER_SOURCE and each.metadata.get("help", "").startswith(OTHER_SOURCE[source]))
    ]
    if not other:
        return card
    said = (
        f"Made with {', '.join(other)}; where it does not name that, what follows describes the dataset as it is by "
        "default."
    )
    return dataclasses.replace(card, summary=f"{said} {card.summary}")


def _setting(value: Any) -> str:
    """As `--set` takes it."""
    if isinstance(value, tuple):
        return ",".join(map(_setting, value))
    return str(value).lower() if isinstance(value, bool) else str(value)


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
