"""How the attributes of a store's root are written: what is nested is a JSON text, which netCDF can hold, too.

Formats 1 and 2 (with `row_size`) keep nested values as zarr allows them; xarray cannot save those as netCDF. Formats 3
and 4 (with `row_size`) keep texts and numbers alone; `json_attributes` names, apart by blanks, those that are JSON.
Shards, digest and fingerprint are the same in all of them: attributes enter none.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from stbench.contract.datasets import canonical_json
from stbench.documents import converted, parse_json

FORMAT, JSON_ATTRIBUTES = "stbench_store_format", "json_attributes"
RAGGED_FORMATS = (2, 4)
FIRST_FORMAT_OF_TEXTS = 3
NEWEST_FORMAT = 4


def store_format(ragged: bool) -> int:
    """The format that is written."""
    return 4 if ragged else 3


def as_texts(attributes: Mapping[str, Any]) -> dict[str, Any]:
    """The attributes as they are written: texts and numbers stay, what else there is becomes a JSON text."""
    nested = sorted(name for name, value in attributes.items() if type(value) not in (str, int, float))
    texts = {name: canonical_json(attributes[name]) for name in nested}
    return {**attributes, **texts, JSON_ATTRIBUTES: " ".join(nested)}


def from_texts(attributes: Mapping[str, Any]) -> dict[str, Any]:
    """What `as_texts` was given, and attributes of older formats as they are; `Unreadable` where they are damaged."""
    plain = dict(attributes)
    if plain[FORMAT] >= FIRST_FORMAT_OF_TEXTS:
        for name in converted(plain.pop(JSON_ATTRIBUTES, None), str, JSON_ATTRIBUTES).split():
            plain[name] = parse_json(converted(plain.get(name), str, name).encode())
    return plain
