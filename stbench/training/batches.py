"""Windows as torch batches; seed and step decide the order, so nothing but the step is needed to continue."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor

from stbench.devices import fits, moved
from stbench.splits.index import window_places
from stbench.store.normaliser import Normaliser

if TYPE_CHECKING:
    from stbench.splits.training import TrainingWindows


class Batches:
    """Batch of any step 0, 1, ...: rows `step*batch_size ... ` of the endless sequence of per-epoch permutations.

    Epoch e visits every window once, in the permutation drawn from (seed, e); a batch may span two epochs, so that
    all have the same size. The frames lie in one tensor and a batch is one `index_select`: on the device where they fit
    there, so that nothing but the numbers of frames goes to a card in a step, else in memory, from where a batch goes
    to the card through pinned memory. Labels lie on the device.
    """

    def __init__(
        self,
        windows: TrainingWindows,
        batch_size: int,
        seed: int,
        device: torch.device,
        labels: Sequence[str] = (),
    ) -> None:
        self.windows, self.batch_size, self.seed, self.device = windows, batch_size, seed, device
        self.row, self.start = (np.asarray(each, np.int64) for each in windows.rows())
        found = {name: windows.labels(name) for name in labels}
        self.labels = {name: torch.from_numpy(each).to(device) for name, each in found.items() if each is not None}
        self._epoch, self._order = -1, np.empty(0, np.int64)

    @cached_property
    def frames(self) -> tuple[Tensor, Normaliser]:
        """(row, time, *frame) and what normalises them; read when the first batch is wanted: a finished run reads
        nothing."""
        frames, mean, std = self.windows.stored
        stored = torch.from_numpy(np.ascontiguousarray(frames))
        return (stored.to(self.device) if fits(stored.nbytes, self.device) else stored), Normaliser(mean, std)

    def __len__(self) -> int:
        """Number of windows, which is the length of an epoch."""
        return len(self.row)

    def items(self, step: int) -> np.ndarray:
        """Window numbers of the batch of a step, (batch_size,) int64."""
        parts, position, wanted = [], step * self.batch_size, self.batch_size
        while wanted:
            epoch, within = divmod(position, len(self))
            parts.append(self._permutation(epoch)[within : within + wanted])
            position, wanted = position + len(parts[-1]), wanted - len(parts[-1])
        return np.concatenate(parts)

    def batch(self, step: int) -> dict[str, Tensor]:
        """`frames` (batch_size, conditioning + horizon, *frame) and its parts `conditioning` and `target`, views.

        Beside them those factors of `labels` that the dataset has, (batch_size,) int64 each.
        """
        items, length = self.items(step), self.windows.conditioning + self.windows.horizon
        stored, normaliser = self.frames
        places = torch.from_numpy(window_places(self.row[items], self.start[items], stored.shape[1], length))
        picked = stored.flatten(0, 1).index_select(0, moved(places.flatten(), stored.device))
        frames = moved(picked.reshape(*places.shape, *stored.shape[2:]), self.device).float()
        frames = normaliser.in_place(frames)
        batch = {
            "frames": frames,
            "conditioning": frames[:, : self.windows.conditioning],
            "target": frames[:, self.windows.conditioning :],
        }
        chosen = moved(torch.from_numpy(items), self.device) if self.labels else None
        return batch | {name: values[chosen] for name, values in self.labels.items()}

    def _permutation(self, epoch: int) -> np.ndarray:
        if epoch != self._epoch:
            stream = np.random.default_rng(np.random.SeedSequence(self.seed, spawn_key=(epoch,)))
            self._epoch, self._order = epoch, stream.permutation(len(self))
        return self._order
