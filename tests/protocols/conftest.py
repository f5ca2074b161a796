"""Small real stores, and their tracks."""

from __future__ import annotations

import dataclasses
from functools import partial
from pathlib import Path

import numpy as np
import pytest

from stbench.contract.datasets import Blueprint, Card, Split, Track, Variable
from stbench.store.reader import Store
from stbench.store.writer import generate

SPLIT = Split("toy-split-1", 6, {"train": ((0, 3),), "val": ((3, 4),), "test": ((4, 6),)})
METRICS = ("mse", "rmse", "mae", "psnr", "ssim_gauss11")


def noise(shape: tuple[int, ...], start: int, stop: int) -> dict[str, np.ndarray]:
    rows = [np.random.default_rng(index).random(shape, dtype=np.float32) for index in range(start, stop)]
    return {"frames": np.stack(rows)}


def make(path: Path, frame_shape: tuple[int, ...], normaliser: str, times: int = 20) -> Store:
    dims = ("channel", "y", "x") if len(frame_shape) == 3 else ("sensor",)
    card = Card(
        **{f.name: () if f.name == "quirks" else {} if f.name == "factors" else "toy" for f in dataclasses.fields(Card)}
    )
    shape = (times, *frame_shape)
    blueprint = Blueprint(
        dataset="toy",
        version="1",
        source="procedural",
        seed=0,
        parameters={"frame": list(frame_shape), "normaliser": normaliser},
        card=card,
        split=SPLIT,
        n_sequences=6,
        sequences_per_shard=2,
        variables={"frames": Variable(("sequence", "time", *dims), (6, *shape), "float32", (1, *shape))},
        coordinates={},
        produce=partial(noise, shape),
        normaliser={"kind": normaliser},
    )
    return generate(blueprint, path, workers=1)


@pytest.fixture(scope="session")
def images(tmp_path_factory: pytest.TempPathFactory) -> Store:
    return make(tmp_path_factory.mktemp("images") / "toy.zarr", (1, 12, 14), "identity")


@pytest.fixture(scope="session")
def colours(tmp_path_factory: pytest.TempPathFactory) -> Store:
    """Three channels, standardised."""
    return make(tmp_path_factory.mktemp("colours") / "toy.zarr", (3, 12, 12), "standardise")


@pytest.fixture(scope="session")
def vectors(tmp_path_factory: pytest.TempPathFactory) -> Store:
    return make(tmp_path_factory.mktemp("vectors") / "toy.zarr", (7,), "identity")


@pytest.fixture(scope="session")
def track() -> Track:
    """9 windows of each of the two test sequences."""
    return Track("toy", "forecast", conditioning=3, horizon=9, train_horizon=5, metrics=METRICS)
