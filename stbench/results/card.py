"""The card of a row from others: what its authors state, beside the record. Nothing of it was measured here.

`card.toml` beside `record.json`, texts of one line each:

    authors = "A. Author, B. Author"
    paper = "https://arxiv.org/abs/..."
    code = "https://..."
    hardware = "one H200"
    training_data = "the train split of moving-mnist, nothing else"
    training_cost = "6 hours"
    predictions = "https://..."
"""

from __future__ import annotations

import re
from dataclasses import asdict, dataclass, fields
from pathlib import Path

from stbench.documents import Unreadable, converted, read_toml
from stbench.errors import StbenchError
from stbench.files import write_text

__all__ = ["CARD", "Card", "holds_path", "read_card", "write_card"]

CARD = "card.toml"
LARGEST = 20_000
"""Bytes of the file."""
LONGEST = 500
"""Letters of a text."""
LINKS = ("paper", "code", "predictions")
_ADDRESS = re.compile(r"\bhttps?://\S*")
_LINK = re.compile(r"https?://[^\s\"'<>`]+")
_PATH = re.compile(r"(?<![\w./~-])(?:~|file:(?://)?)?/[\w.~+-]|\b[A-Za-z]:[\\/]\w|\\\\\w+\\")


@dataclass(frozen=True)
class Card:
    """What the authors of a row state."""

    authors: str
    paper: str = ""
    """Address of it; so are `code` and `predictions`, the store, where anybody may fetch it."""
    code: str = ""
    hardware: str = ""
    training_data: str = ""
    training_cost: str = ""
    predictions: str = ""

    @property
    def stated(self) -> tuple[tuple[str, str], ...]:
        """(what, text) of everything that is stated, in words."""
        found = ((each.name.replace("_", " "), getattr(self, each.name)) for each in fields(self))
        return tuple((name, text) for name, text in found if text)


def read_card(folder: Path) -> Card | None:
    """The card of a run folder, None where it has none; `StbenchError` for one that is damaged or says too much."""
    path = folder / CARD
    try:
        content = read_toml(path, LARGEST)
        if unknown := sorted(content.keys() - {each.name for each in fields(Card)}):
            raise Unreadable(f"it has unknown fields {', '.join(unknown)[:200]}")
        card = converted(content, Card)
        check_card(card)
        return card
    except FileNotFoundError:
        return None
    except OSError as error:
        raise StbenchError(f"cannot read {path}: {error.strerror or error}") from None
    except Unreadable as error:
        raise StbenchError(f"{path} is no card of a row, {error}: mend it, docs/submitting.md says how") from None


def write_card(folder: Path, card: Card) -> None:
    """Write `card.toml`. `StbenchError` for what `read_card` would refuse."""
    import tomli_w

    try:
        check_card(card)
        write_text(folder / CARD, tomli_w.dumps({name: text for name, text in asdict(card).items() if text}))
    except Unreadable as error:
        raise StbenchError(f"this is no card of a row, {error}") from None


def check_card(card: Card) -> None:
    """`Unreadable` for what cannot stand on a board."""
    if not card.authors.strip():
        raise Unreadable("it names no authors")
    for name, text in asdict(card).items():
        if len(text) > LONGEST:
            raise Unreadable(f"its field '{name}' has more than {LONGEST} letters")
        if not text.isprintable():
            raise Unreadable(f"its field '{name}' has more than one line, or characters that cannot be printed")
        if name in LINKS and text and not _LINK.fullmatch(text):
            raise Unreadable(f"its field '{name}' is '{text:.60}' and no address that begins with https://")
        if found := holds_path(text):
            raise Unreadable(f"its field '{name}' holds the path '{found}' of a machine of yours")


def holds_path(text: str) -> str:
    """An absolute path in a text, its first letters; empty where there is none. Addresses are none."""
    rest = _ADDRESS.sub(" ", text)
    found = _PATH.search(rest)
    return rest[found.start() :].split()[0][:60] if found else ""
