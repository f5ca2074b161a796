"""Cards, parameters, splits and certificates as rows of (name, value), for `stbench generate` and `stbench info`."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from stbench.contract.datasets import Card, Generator, Split
    from stbench.store.reader import Store

Rows = list[tuple[str, str]]
MOST_RANGES = 6
"""Ranges of a split that are listed; a split may name a clip in each of hundreds of sequences."""


def value_text(value: Any) -> str:
    """Numbers with four digits, lists with commas, mappings as `name value` pairs."""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float):
        return f"{value:.4g}"
    if isinstance(value, Mapping):
        return ", ".join(f"{name} {value_text(each)}" for name, each in value.items())
    if isinstance(value, list | tuple):
        return ", ".join(value_text(each) for each in value)
    return str(value)


def frames_text(store: Store) -> str:
    """Frames of a sequence: "150", or "24 to 362" where sequences differ in length."""
    row_size = store.row_size
    return str(store.n_frames) if row_size is None else f"{row_size.min()} to {row_size.max()}"


def statistics_rows(statistics: Mapping[str, Any]) -> Rows:
    """One row for each part of the split."""
    return [(part, value_text(statistics[part])) for part in sorted(statistics, key=_part_order)]


def mapping_rows(values: Mapping[str, Any]) -> Rows:
    return [(name.replace("_", " "), value_text(value)) for name, value in values.items()]


def card_rows(card: Card) -> Rows:
    rows = [(field.name, getattr(card, field.name)) for field in dataclasses.fields(card)]
    plain = [
        (name, value) for name, value in rows if isinstance(value, str) and value and name not in ("title", "bibtex")
    ]
    factors = [(f"factor {name}", text) for name, text in card.factors.items()]
    return plain + factors + [("known quirk", quirk) for quirk in card.quirks]


def parameter_rows(generator: Generator, values: Mapping[str, Any]) -> list[tuple[str, str, str]]:
    """Each parameter with its value and what it means; a store of an older version may lack some."""
    rows = []
    for field in dataclasses.fields(generator.parameters):
        value = values.get(field.name, "-")
        rows.append((field.name, value_text(value), field.metadata.get("help", "")))
    return rows


def _part_order(part: str) -> tuple[int, str]:
    """train, val, test, then unions and whatever else there may be."""
    known = ("train", "val", "test")
    return (known.index(part) if part in known else len(known), part)


def _range_text(each: tuple[int, ...]) -> str:
    """Half-open ranges of sequences, perhaps of frames too, as people count: first to last."""
    frames = f" (frames {each[2]:,}-{each[3] - 1:,})" if len(each) == 4 else ""
    return (f"{each[0]:,}" if each[1] - each[0] == 1 else f"{each[0]:,}-{each[1] - 1:,}") + frames


def split_rows(split: Split) -> Rows:
    rows = [("id", split.id), ("digest", split.digest)]
    for part in sorted(split.ranges, key=_part_order):
        ranges = split.ranges[part]
        count = len(split.indices(part))
        text = ", ".join(map(_range_text, ranges[:MOST_RANGES]))
        more = f", and {len(ranges) - MOST_RANGES:,} more ranges" if len(ranges) > MOST_RANGES else ""
        rows.append((part, f"{count:,} sequences: {text}{more}"))
    return rows
