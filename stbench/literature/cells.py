"""Tables as lines of cells, each a text, and the seams in a text where signs were taken away."""

from __future__ import annotations

import re
from dataclasses import dataclass, field

__all__ = ["SEAM", "Table", "seamless"]

SEAM = "\x1f"
"""Stands where a macro or a tag began or ended: what is beside it was not printed as one word."""
_BETWEEN_DIGITS = re.compile(rf"(?:(?<=\d)|(?<=\d[.,])){SEAM}+(?=[.,]?\d)")


@dataclass
class Table:
    """Cells as text: lines of a heading, then rows."""

    title: str
    heading: list[list[str]]
    rows: list[tuple[str, list[str]]] = field(default_factory=list)
    """Place, cells."""
    long: bool = False
    """Whether it had a row a figure: then its rows do not say which figures are of one run."""


def seamless(text: str) -> str:
    """`text` without its seams. Between digits a space stays: "26.69" and a small "1" are not 26.691."""
    return _BETWEEN_DIGITS.sub(" ", text).replace(SEAM, "")
