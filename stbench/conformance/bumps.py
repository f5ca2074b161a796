"""A small store to check a model on: bumps that move, in any frame shape."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import fields
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from stbench.contract.datasets import Blueprint, Card, Coordinate, Split, Variable
from stbench.contract.models import Task

if TYPE_CHECKING:
    from stbench.store.reader import Store

SPLIT = Split("moving-bumps-1", 8, {"train": ((0, 5),), "val": ((5, 6),), "test": ((6, 8),)})
SPARE_FRAMES = 4
"""Frames of a sequence beyond one window."""


def moving_bumps(task: Task, path: Path, labels: Sequence[str] = ()) -> Store:
    """Write 8 sequences for a task to `path`; values in [0, 1], not normalised further.

    Each of the `labels` is a factor, 0 and 1 in turn. Parameters and the places of pixels are those of the task's
    dataset where it is registered, for models that know its physics.
    """
    from stbench.store.writer import generate

    track, frame = task.track, task.frame_shape
    times = track.conditioning + max(track.horizon, track.train_horizon) + SPARE_FRAMES
    dims = ("channel", "y", "x") if task.is_image else ("sensor",)
    shape = (SPLIT.n_sequences, times, *frame)
    told, places = _attributes(track.dataset, frame, dims)
    texts: dict[str, Any] = {each.name: "moving bumps" for each in fields(Card)}
    blueprint = Blueprint(
        dataset=track.dataset,
        version="1",
        source="procedural",
        seed=0,
        parameters={**told, "frame": list(frame), "times": times, "labels": list(labels)},
        card=Card(**texts | {"quirks": (), "factors": {}}),
        split=SPLIT,
        n_sequences=SPLIT.n_sequences,
        sequences_per_shard=SPLIT.n_sequences,
        variables={
            "frames": Variable(("sequence", "time", *dims), shape, "float32", (1, *shape[1:])),
            **{name: Variable(("sequence",), shape[:1], "int64", (1,)) for name in labels},
        },
        coordinates=places,
        produce=partial(_produce, times, frame, tuple(labels)),
        normaliser={"kind": "identity"},
    )
    return generate(blueprint, path, workers=1)


def _attributes(
    dataset: str, frame: tuple[int, ...], dims: tuple[str, ...]
) -> tuple[Mapping[str, Any], Mapping[str, Coordinate]]:
    """Parameters of a dataset and the coordinates of a frame of that shape; none for a name nobody registered."""
    from stbench import registry
    from stbench.store.build import resolve

    if dataset not in registry.names("datasets"):
        return {}, {}
    blueprint = resolve(dataset, registry.dataset(dataset).presets.get("quick", {}), "auto")
    if blueprint.variables["frames"].shape[2:] != frame:
        return {}, {}
    return blueprint.parameters, {
        name: each for name, each in blueprint.coordinates.items() if each.dims and set(each.dims) <= set(dims)
    }


def _produce(
    times: int, frame: tuple[int, ...], labels: tuple[str, ...], start: int, stop: int
) -> dict[str, np.ndarray]:
    frames = np.stack([_sequence(times, frame, index) for index in range(start, stop)])
    return {"frames": frames, **{name: np.arange(start, stop) % 2 for name in labels}}


def _sequence(times: int, frame: tuple[int, ...], index: int) -> np.ndarray:
    """(time, *frame) float32: product over the axes of 1/2 + 1/2 sin(2π (x - p - v t)), x from 0 to 1."""
    rng = np.random.default_rng(np.random.SeedSequence(0, spawn_key=(index,)))
    values = np.ones((times, *frame))
    for axis, size in enumerate(frame, 1):
        place, speed = rng.random(), rng.uniform(-0.05, 0.05)
        x = np.arange(size).reshape(-1, *[1] * (len(frame) - axis)) / size
        t = np.arange(times).reshape(-1, *[1] * len(frame))
        values *= 0.5 + 0.5 * np.sin(2 * np.pi * (x - place - speed * t))
    return values.astype(np.float32)
