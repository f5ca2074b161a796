"""The floor that draws: members come from the nearest training windows, one of each sequence, with equal chance."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from stbench.baselines.floors.analogue import ANALOGUES, Analogue

from stbench.contract.datasets import Track
from stbench.contract.models import Task
from stbench.splits.training import TrainingWindows

CONDITIONING, HORIZON = 3, 4
TRACK = Track("toy", "draws", CONDITIONING, HORIZON, train_horizon=2, metrics=("crps",))


def nearest(frames: list[np.ndarray], window: np.ndarray) -> list[bytes]:
    """What follows the best window of each sequence, nearest first: by the definition, window by window."""
    found = []
    for sequence in frames:
        starts = range(len(sequence) - CONDITIONING - HORIZON + 1)
        apart = [np.square(sequence[s : s + CONDITIONING].astype(np.float64) - window).sum() for s in starts]
        best = int(np.argmin(apart))
        found.append((apart[best], sequence[best + CONDITIONING : best + CONDITIONING + HORIZON].tobytes()))
    return [follows for _, follows in sorted(found, key=lambda pair: pair[0])]


@pytest.fixture
def fitted(tmp_path: Path) -> tuple[Analogue, list[np.ndarray], np.ndarray]:
    """(model, training sequences, a window of the test part)."""
    from stbench.conformance.bumps import moving_bumps

    task = Task(TRACK, (1, 16, 16))
    store = moving_bumps(task, tmp_path / "bumps.zarr")
    train = TrainingWindows.open(store, "train", CONDITIONING, 2)
    model = Analogue(task)
    model.fit(train)
    return model, train.stretches(), store.normalise(store.read(6))[1 : 1 + CONDITIONING]


def test_every_member_follows_the_best_window_of_a_sequence_and_all_are_met(
    fitted: tuple[Analogue, list[np.ndarray], np.ndarray],
) -> None:
    model, frames, window = fitted
    (members,) = model.draw(window[None], HORIZON, 400, np.array([3]))
    counts = [sum(each.tobytes() == follows for each in members) for follows in nearest(frames, window)]
    assert sum(counts) == 400
    assert len(counts) == 5
    assert min(counts) > 400 / 5 - 4.5 * np.sqrt(400 * 0.2 * 0.8), "equal chance, within 4.5 standard deviations"


def test_of_many_sequences_the_nearest_are_drawn_from(
    fitted: tuple[Analogue, list[np.ndarray], np.ndarray], monkeypatch: pytest.MonkeyPatch
) -> None:
    model, frames, window = fitted
    assert ANALOGUES == 20
    monkeypatch.setattr("stbench.baselines.floors.analogue.ANALOGUES", 2)
    (members,) = model.draw(window[None], HORIZON, 60, np.array([3]))
    assert {each.tobytes() for each in members} == {*nearest(frames, window)[:2]}
