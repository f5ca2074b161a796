"""What a training batch holds."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch

from stbench.training.batches import Batches


class Labelled:
    """Windows of 2 + 1 frames over rows of 5, with a label each."""

    def __init__(self, frames: np.ndarray, mean: float, std: float) -> None:
        self.stored, self.conditioning, self.horizon = (frames, mean, std), 2, 1

    def rows(self) -> tuple[np.ndarray, np.ndarray]:
        row, start = np.meshgrid(np.arange(len(self.stored[0])), np.arange(3), indexing="ij")
        return row.ravel(), start.ravel()

    def labels(self, factor: str) -> np.ndarray | None:
        return 10 * self.rows()[0] if factor == "action" else None


def batches(windows: Any, labels: tuple[str, ...] = ()) -> Batches:
    return Batches(windows, 4, 0, torch.device("cpu"), labels)


@pytest.mark.parametrize(("mean", "std"), [(0.0, 255.0), (0.0, 256.0), (117.3, 61.77)])
def test_bytes_are_normalised_to_the_same_bits_as_the_store_does(mean: float, std: float) -> None:
    frames = np.random.default_rng(0).permutation(np.arange(0, 256, dtype=np.uint8)[:250]).reshape(5, 5, 10)
    found = batches(Labelled(frames, mean, std))
    expected = (frames.astype(np.float32) - np.float32(mean)) / np.float32(std)
    rows, starts = Labelled(frames, mean, std).rows()
    for step in range(4):
        for item, window in zip(found.items(step), found.batch(step)["frames"].numpy(), strict=True):
            assert window.tobytes() == expected[rows[item], starts[item] : starts[item] + 3].tobytes()


def test_labels_follow_their_windows() -> None:
    windows = Labelled(np.zeros((5, 5, 10), np.uint8), 0.0, 255.0)
    found = batches(windows, ("action", "view"))
    batch = found.batch(0)
    assert set(batch) == {"frames", "conditioning", "target", "action"}
    assert batch["action"].tolist() == (10 * windows.rows()[0][found.items(0)]).tolist()
