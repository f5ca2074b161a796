"""A model cannot know a target; if it finds a way, it is found."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import numpy as np
import pytest

from stbench import registry
from stbench.generator import Track
from stbench.model import Forecaster, Task
from stbench.protocols.peeking import poison_targets, reacts_to_targets, separated
from stbench.protocols.windows import track_windows
from stbench.splits.training import TrainingWindows
from stbench.store.reader import Store

FLOORS = ("mean", "persistence", "linear", "nearest-neighbour")


@pytest.mark.parametrize("kind", ["images", "vectors"])
@pytest.mark.parametrize("name", FLOORS)
def test_floors_find_nothing_in_poisoned_targets(
    name: str, kind: str, track: Track, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    def make(store: Store) -> Forecaster:
        model = registry.model(name).build({}, Task(track, store.frame_shape))
        model.fit(TrainingWindows.open(store, "train", track.conditioning, track.train_horizon))
        return model  # type: ignore[no-any-return]

    assert not reacts_to_targets(make, request.getfixturevalue(kind), track, tmp_path / "copy")


def test_a_model_that_opens_the_store_itself_is_found(images: Store, track: Track, tmp_path: Path) -> None:
    class Peeker:
        def __init__(self, store: Store) -> None:
            self._store = store

        def forecast(self, conditioning: np.ndarray, horizon: int) -> np.ndarray:
            frame = self._store.read(4)[track.conditioning]
            return np.broadcast_to(frame, (len(conditioning), horizon, *frame.shape)).astype(np.float32)

    assert reacts_to_targets(Peeker, images, track, tmp_path / "copy")


def test_poisoning_leaves_conditioning_and_training_frames_alone(images: Store, track: Track, tmp_path: Path) -> None:
    import shutil

    shutil.copytree(images.path, tmp_path / "copy")
    copy = dataclasses.replace(images, path=tmp_path / "copy")
    poison_targets(copy, dataclasses.replace(track, horizon=4))
    changed = copy.read(slice(None)) != images.read(slice(None))
    windows = track_windows(images, separated(dataclasses.replace(track, horizon=4)))
    targets = np.zeros(changed.shape[:2], bool)
    for sequence, start in zip(windows.sequence, windows.start, strict=True):
        targets[sequence, start + 3 : start + 7] = True
    np.testing.assert_array_equal(changed.all(axis=(2, 3, 4)), targets)
    np.testing.assert_array_equal(changed.any(axis=(2, 3, 4)), targets)
