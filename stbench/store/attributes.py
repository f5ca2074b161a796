"""The root attributes of a store, every value that is read of them checked."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Literal

import msgspec
import numpy as np

from stbench.documents import Unreadable, converted
from stbench.store.cards import card_of

REQUIRED = (
    *("dataset", "version", "source", "seed", "parameters", "fingerprint", "digest"),
    *("variables", "normaliser", "split", "statistics", "card"),
)
Count = Annotated[int, msgspec.Meta(ge=0)]


class _Variable(msgspec.Struct):
    dims: list[str]
    shape: list[Count]
    dtype: str


class _Split(msgspec.Struct):
    id: str
    n_sequences: Count
    ranges: dict[str, list[list[Count]]]


class _Normaliser(msgspec.Struct):
    kind: Literal["identity", "standardise", "fixed"]
    mean: float = 0.0
    std: float = 1.0


class _Statistics(msgspec.Struct):
    mean: float | None
    std: float | None


class _Attributes(msgspec.Struct):
    dataset: str
    version: str
    source: str
    seed: int
    parameters: dict[str, Any]
    fingerprint: str
    digest: str
    variables: dict[str, _Variable]
    normaliser: _Normaliser
    split: _Split
    statistics: dict[str, _Statistics]
    card: dict[str, Any]
    certificate: dict[str, Any] = {}


def check_attributes(attributes: Mapping[str, Any]) -> None:
    """`Unreadable` where they are not those of a store."""
    if missing := [key for key in REQUIRED if key not in attributes]:
        raise Unreadable(f"no '{missing[0]}'")
    read = converted(attributes, _Attributes)
    card_of(read.card)
    for name, variable in read.variables.items():
        _check_variable(name, variable)
    frames = read.variables.get("frames")
    if frames is None or len(frames.shape) < 3:
        raise Unreadable("no frames of a sequence and a time axis among its variables")
    if any(each.shape[0] != frames.shape[0] for each in read.variables.values()):
        raise Unreadable("its variables have different numbers of sequences")
    if read.split.n_sequences != frames.shape[0]:
        raise Unreadable(f"its split is of {read.split.n_sequences:,} sequences and there are {frames.shape[0]:,}")
    for part, rows in read.split.ranges.items():
        for row in rows:
            if len(row) not in (2, 4) or not row[0] <= row[1] <= read.split.n_sequences or row[2:] != sorted(row[2:]):
                raise Unreadable(f"the range {row} of the part {part!r:.40} of its split is none")
    if read.normaliser.kind == "standardise" and "train" not in read.statistics:
        raise Unreadable("no statistics of its train part, by which its frames are standardised")


def _check_variable(name: str, variable: _Variable) -> None:
    try:
        np.dtype(variable.dtype)
    except (TypeError, ValueError, SyntaxError):
        raise Unreadable(f"{variable.dtype!r:.40} is no type of the numbers of the variable {name!r:.40}") from None
    if not variable.shape or len(variable.dims) != len(variable.shape):
        raise Unreadable(f"the variable {name!r:.40} has {len(variable.dims)} names for {len(variable.shape)} axes")
