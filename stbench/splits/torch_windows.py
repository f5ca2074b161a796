"""The windows of a split as a torch Dataset that reads each window from the store when it is asked for."""

from __future__ import annotations

from typing import Any

import torch
from torch.utils.data import Dataset

from stbench.errors import StbenchError
from stbench.splits.index import WindowIndex
from stbench.store.reader import Store


class WindowDataset(Dataset[dict[str, Any]]):
    """Map-style; item i is a dict of `conditioning` (conditioning, *frame) and `target` (horizon, *frame), float32
    tensors normalised with the store's train statistics, and the integers `sequence` and `start`.

    Holds the path and shapes only: it is picklable, and each process that reads opens the store for itself, so a
    DataLoader may fork or spawn its workers. Chunks are decoded again for every window; to train many epochs use
    `TrainingWindows`.
    """

    def __init__(self, store: Store, index: WindowIndex) -> None:
        self.store = store
        self.index = index

    @classmethod
    def of(cls, store: Store, split: str, conditioning: int, horizon: int, stride: int = 1) -> WindowDataset:
        """Windows of "train", "val", "test" or "train+val"; `StbenchError` for an unknown part, and where no window
        fits."""
        index = WindowIndex.of_split(
            store.split, split, store.n_frames, conditioning, horizon, stride, row_size=store.row_size
        )
        if not len(index):
            most = "at most " if store.row_size is not None else ""
            raise StbenchError(
                f"the split '{split}' of {store.path} has no window of {conditioning}+{horizon} frames: its sequences "
                f"have {most}{store.n_frames}, fewer where the split cuts them"
            )
        return cls(store, index)

    def __len__(self) -> int:
        return len(self.index)

    def __getitem__(self, item: int) -> dict[str, Any]:
        sequence, start = self.index[item]
        frames = self.store.window(sequence, start, self.index.conditioning + self.index.horizon)
        values = torch.from_numpy(frames)
        return {
            "conditioning": values[: self.index.conditioning],
            "target": values[self.index.conditioning :],
            "sequence": sequence,
            "start": start,
        }
