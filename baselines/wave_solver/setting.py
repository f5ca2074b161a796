"""What the solver is told of a dataset: the published equation's constants, read from the attributes of a store."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from stbench.errors import StbenchError
from stbench.store.reader import Store

FIXED: Mapping[str, Any] = {
    "boundary": "frozen_frame",
    "normalisation": "minmax",
    "speed_cells": 0,
    "n_sources": (1, 1),
    "source_sign": "positive",
    "source_onset": (0.0, 0.0),
}
"""What a store must say of itself: one source from the first moment on, one wave speed, frames scaled by their own
extrema."""
SINGLE = ("source_x", "source_y", "source_radius", "source_decay")
"""Ranges of one value: they are known, not drawn."""


@dataclass(frozen=True)
class Setting:
    """The constants of Eq. 31-33 and the places where the field is seen; hashable, lengths in m, times in s."""

    size: int
    """Pixels along each side."""
    spacing: float
    step: float
    points: int
    """Time points of the simulation, the initial state included."""
    every: int
    """A frame is every so many time points."""
    speeds: tuple[float, float]
    source: tuple[float, float]
    """y and x of its centre."""
    radius: float
    decay: float
    """1/T0, in 1/s."""
    rows: tuple[float, ...]
    """y of the pixel rows, or of each sensor."""
    columns: tuple[float, ...]
    scattered: bool
    """Are rows and columns those of sensors, one by one?"""

    @property
    def n_frames(self) -> int:
        return (self.points - 1) // self.every + 1


def read_setting(store: Store) -> Setting:
    """The setting of a store of `waveeq` or `waveeq-100`.

    `StbenchError` where it lacks a parameter, or says something else than the published simulation.
    """
    told = store.parameters
    for name, wanted in FIXED.items():
        found = _told(store, name)
        if (tuple(found) if isinstance(found, list) else found) != wanted:
            raise StbenchError(
                f"wave-solver knows waves with {name} = {wanted} and the store {store.path} says {found}: run it on "
                "the data as published"
            )
    single = {name: _told(store, name) for name in SINGLE}
    for name, (low, high) in single.items():
        if low != high:
            raise StbenchError(f"wave-solver knows one {name} and the store {store.path} draws it from {low} to {high}")
    side = _told(store, "size") * _told(store, "spacing")
    low, high = _told(store, "wave_speed")
    return Setting(
        size=_told(store, "size"),
        spacing=_told(store, "spacing"),
        step=_told(store, "step"),
        points=_told(store, "points"),
        every=_told(store, "record_every"),
        speeds=(low, high),
        source=(single["source_y"][0] * side, single["source_x"][0] * side),
        radius=single["source_radius"][0],
        decay=single["source_decay"][0],
        rows=_coordinate(store, "y"),
        columns=_coordinate(store, "x"),
        scattered="sensors" in told,
    )


def _told(store: Store, name: str) -> Any:
    if name not in store.parameters:
        raise StbenchError(f"the store {store.path} does not say '{name}', which wave-solver needs: generate it again")
    return store.parameters[name]


def _coordinate(store: Store, name: str) -> tuple[float, ...]:
    with store.to_xarray() as opened:
        if name not in opened.coords:
            raise StbenchError(f"the store {store.path} has no coordinate '{name}', which wave-solver needs")
        return tuple(np.asarray(opened[name].values, np.float64).tolist())
