"""Training windows over an array, without a store on disk."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from stbench.splits.index import WindowIndex
from stbench.splits.training import TrainingWindows, _Frames
from stbench.store.reader import Store


@pytest.fixture
def train_on() -> Callable[..., TrainingWindows]:
    """`train_on(frames (sequence, time, *frame), conditioning, horizon)`; of each sequence the frames of its row
    (first, last + 1) of `spans` only, where given."""

    def make(frames: np.ndarray, conditioning: int, horizon: int, spans: np.ndarray | None = None) -> TrainingWindows:
        frames = frames.astype(np.float32)
        attributes = {"variables": {"frames": {"shape": list(frames.shape), "dtype": "float32"}}}
        index = WindowIndex(np.arange(len(frames)), frames.shape[1], conditioning, horizon, spans=spans)
        store = Store(Path("memory.zarr"), attributes)
        loaded = _Frames(store, index, memory_limit=0)
        kept = [frames[k, slice(*span)] for k, span in enumerate(spans)] if spans is not None else list(frames)
        loaded.__dict__["values"] = np.concatenate(kept).reshape(loaded.shape)
        return TrainingWindows(store, index, loaded)

    return make


@pytest.fixture
def train_on_bytes() -> Callable[[np.ndarray, int, int], TrainingWindows]:
    """`train_on_bytes(frames (sequence, time, *frame) uint8, conditioning, horizon)`, normalised by 255."""

    def make(frames: np.ndarray, conditioning: int, horizon: int) -> TrainingWindows:
        attributes = {
            "variables": {"frames": {"shape": list(frames.shape), "dtype": "uint8"}},
            "normaliser": {"kind": "fixed", "mean": 0.0, "std": 255.0},
        }
        index = WindowIndex(np.arange(len(frames)), frames.shape[1], conditioning, horizon)
        store = Store(Path("memory.zarr"), attributes)
        loaded = _Frames(store, index, memory_limit=0)
        loaded.__dict__["stored"] = frames
        return TrainingWindows(store, index, loaded)

    return make
