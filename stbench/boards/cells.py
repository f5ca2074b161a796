"""Cells of published tables."""

from __future__ import annotations

import re

NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?|[+-]?inf")


def harmless(text: str) -> str:
    """A cell that no spreadsheet takes for a formula: behind an apostrophe what begins as one and is no number."""
    return text if NUMBER.fullmatch(text) or not text.startswith(("=", "+", "-", "@", "\t", "\r")) else f"'{text}"
