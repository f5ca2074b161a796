"""Cards of models and datasets, as the page shows them.

They stand in `leaderboards/cards.json`, and not in the registry of the machine that builds a page: whether torch is
installed, or a foreign plug-in, changes no page. `stbench leaderboard --update-cards` writes the file anew from
stbench's own plug-ins.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from pathlib import Path

import msgspec

from stbench import registry
from stbench.boards.reported import beside_the_boards
from stbench.contract.datasets import Card
from stbench.documents import Unreadable, read_json
from stbench.errors import StbenchError
from stbench.files import write_json

NAME = "cards.json"
FORMAT = 1
LARGEST = 16_000_000
"""Bytes of the file."""


@dataclasses.dataclass(frozen=True)
class ModelCard:
    """What a reader wants to know of a model."""

    kind: str
    summary: str
    reference: str
    bibtex: str


@dataclasses.dataclass(frozen=True)
class Cards:
    """By name, without variants."""

    models: Mapping[str, ModelCard] = dataclasses.field(default_factory=dict)
    datasets: Mapping[str, Card] = dataclasses.field(default_factory=dict)


@dataclasses.dataclass(frozen=True)
class _File(Cards):
    format: int = FORMAT


def default_path() -> Path | None:
    """`leaderboards/cards.json` of the working folder, the installed package or its checkout; None without."""
    return beside_the_boards(NAME)


def read_cards(path: Path | None = None) -> Cards:
    """Those of `path` or of `default_path()`, none where there is no file. `StbenchError` where it is damaged."""
    path = path or default_path()
    if path is None:
        return Cards()
    try:
        return msgspec.convert(read_json(path, LARGEST), _File)
    except OSError as error:
        raise StbenchError(f"cannot read {path}: {error.strerror or error}") from None
    except (msgspec.ValidationError, Unreadable) as error:
        raise StbenchError(
            f"{path} is no file of cards, {error}: write it anew with `stbench leaderboard --update-cards`"
        ) from None


def write_cards(path: Path) -> Path:
    """Write the cards of stbench's own models and datasets; foreign plug-ins are left out.

    `StbenchError`, and nothing is written, where one of them cannot be loaded (without torch, most models cannot).
    """
    models, datasets = {}, {}
    for name in registry.own("models"):
        plugin = registry.model(name)
        models[name] = ModelCard(plugin.kind, plugin.summary, plugin.reference, plugin.bibtex.strip())
    for name in registry.own("datasets"):
        datasets[name] = registry.dataset(name).card
    try:
        write_json(path, dataclasses.asdict(_File(models, datasets)), indent=1)
    except OSError as error:
        raise StbenchError(f"cannot write {path}: {error.strerror or error}") from None
    return path


__all__ = ["NAME", "Cards", "ModelCard", "default_path", "read_cards", "write_cards"]
