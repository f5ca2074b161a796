"""What is known of the simulated chairs without drawing them: the names of their folders, and their factors."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import astuple
from typing import Any

import numpy as np

from .traits import MEASURES, meanings, traits

TONES = tuple(f"{part}_{colour}" for part in ("frame", "cover") for colour in ("red", "green", "blue"))


def models_of(seed: int, chairs: int) -> dict[str, int]:
    """Folder of each chair -> its number, sorted by folder: 32 digits of the SHA-256 of "seed/number"."""
    names = {hashlib.sha256(f"{seed}/{number}".encode()).hexdigest()[:32]: number for number in range(chairs)}
    return dict(sorted(names.items()))


def factors(seed: int, numbers: Sequence[int]) -> dict[str, np.ndarray]:
    """Kind and styles (chairs,) uint8; `shape` (chairs, 33) float32: measures, then colours of frame and cover."""
    chosen = [traits(seed, number) for number in numbers]
    found = {
        style: np.array([values.index(getattr(each, style)) for each in chosen], np.uint8)
        for style, values in meanings().items()
    }
    rows = [[*astuple(each.shape), *each.frame.colour, *each.cover.colour] for each in chosen]
    return {**found, "shape": np.array(rows, np.float64).astype(np.float32)}


def described() -> dict[str, tuple[tuple[str, ...], tuple[int, ...], str, dict[str, Any]]]:
    """What `factors` gives: name -> dimensions and shape behind `sequence`, dtype, attributes."""
    found: dict[str, tuple[tuple[str, ...], tuple[int, ...], str, dict[str, Any]]] = {}
    for style, values in meanings().items():
        flags = {"flag_values": list(range(len(values))), "flag_meanings": " ".join(values)}
        found[style] = (), (), "uint8", {"long_name": f"{style} of the chair", "units": "1", **flags}
    names = (*MEASURES, *TONES)
    about = {"long_name": "measures of the chair, in metres or as ratios, and colours, 0 to 255", "units": "1"}
    found["shape"] = ("measure",), (len(names),), "float32", {**about, "measures": " ".join(names)}
    return found
