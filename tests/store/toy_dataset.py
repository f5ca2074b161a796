"""A tiny dataset for the tests: fast, picklable, importable by workers in other processes."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from stbench.contract.datasets import Blueprint, Card, Coordinate, Split, Variable
from stbench.splits.files import proportional_split

CARD = Card(
    title="Toy waves",
    summary="Travelling waves on a small grid.",
    origin="sin(x + y - c t)",
    dimensions="sequence, time, channel, y, x",
    factors={"speed": "m s-1"},
    units="1",
    boundary="none",
    preprocessing="none",
    quirks=("It is a toy.",),
    licence="CC0-1.0",
    reference="nowhere",
    bibtex="@misc{toy}",
    cost="no time",
    keywords="waves, toys",
)


def speeds(seed: int, first: int, last: int) -> np.ndarray:
    each = [np.random.default_rng(np.random.SeedSequence(seed, spawn_key=(i,))).random() for i in range(first, last)]
    return np.array(each, np.float64)


@dataclass(frozen=True)
class Produce:
    """`produce(first, last)`: waves, their speed and a small field of two numbers; each call takes `pause` seconds."""

    seed: int
    n_frames: int
    size: int
    pause: float = 0.0

    def __call__(self, first: int, last: int) -> dict[str, np.ndarray]:
        time.sleep(self.pause)
        speed = speeds(self.seed, first, last)
        t, y, x = np.ogrid[: self.n_frames, : self.size, : self.size]
        frames = np.sin(x + y - speed[:, None, None, None] * t)[:, :, None].astype(np.float32)
        return {"frames": frames, "speed": speed, "pair": np.stack([speed, -speed], 1).astype(np.float32)}


@dataclass(frozen=True)
class StuckAfter:
    """Like `Produce`, but when `done` holds so many markers it never comes back."""

    done: Path
    markers: int

    def __call__(self, first: int, last: int) -> dict[str, np.ndarray]:
        while len(list(self.done.glob("*.npz"))) >= self.markers:
            time.sleep(1)
        return Produce(0, 12, 8, pause=0.02)(first, last)


def toy(
    n_sequences: int = 13,
    n_frames: int = 12,
    size: int = 8,
    *,
    seed: int = 0,
    per_shard: int = 3,
    chunk: int = 5,
    normaliser: str = "identity",
    split: Split | None = None,
    **changes: Any,
) -> Blueprint:
    shape = (n_sequences, n_frames, 1, size, size)
    values: Mapping[str, Any] = {
        "dataset": "toy",
        "version": "1",
        "source": "procedural",
        "seed": seed,
        "parameters": {"sequences": n_sequences, "frames": n_frames, "size": size},
        "card": CARD,
        "split": split or proportional_split(f"toy-{n_sequences}", n_sequences),
        "n_sequences": n_sequences,
        "sequences_per_shard": per_shard,
        "variables": {
            "frames": Variable(
                ("sequence", "time", "channel", "y", "x"), shape, "float32", (1, chunk, 1, size, size), {"units": "1"}
            ),
            "speed": Variable(("sequence",), (n_sequences,), "float64", (1,), {"units": "m s-1"}),
            "pair": Variable(("sequence", "sign"), (n_sequences, 2), "float32", (1, 2)),
        },
        "coordinates": {
            "time": Coordinate(("time",), np.arange(n_frames) * 0.5, {"standard_name": "time", "units": "s"}),
            "x": Coordinate(("x",), np.arange(size, dtype=np.float64), {"units": "m"}),
            "y": Coordinate(("y",), np.arange(size, dtype=np.float64), {"units": "m"}),
            "distance": Coordinate(("y", "x"), np.hypot(*np.mgrid[:size, :size]), {"units": "m"}),
        },
        "produce": Produce(seed, n_frames, size),
        "normaliser": {"kind": normaliser},
    }
    return Blueprint(**{**values, **changes})
