"""Where a clip moves: labels that cost no annotation, from optical flow."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from itertools import pairwise

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from stbench.contract.settings import Count, Size
from stbench.errors import StbenchError

CELLS = 3
"""Cells along a side of the grid."""
STILL = 0.01
"""Pixels a frame; a cell that moves less is at rest, whatever the others do."""


class FlowLabels:
    """Which of 3 x 3 cells of a frame move most on the way to the next one: (batch, time, *frame) -> (batch, time, 9).

    A cell's mean length of the optical flow (iterative Lucas-Kanade, scikit-image) of the frames' mean over channels,
    brought to `side` pixels; 1 for the `top` largest that are above `STILL`, else 0. The last frame has the labels of
    the one before it. A pure function of a clip, kept for clips that come again.

    Source: Y. Zhu et al., S3VAE, CVPR 2020, which takes its flow from a trained network.
    """

    def __init__(self, *, side: int, radius: Count, warps: Size, top: Size) -> None:
        if side < CELLS:
            raise StbenchError(
                f"s3vae's flow is told in {CELLS} x {CELLS} cells, so its side is at least {CELLS}, not {side}"
            )
        self.side, self.radius, self.warps, self.top = side, radius, warps, top
        self._known: dict[bytes, np.ndarray] = {}

    def __call__(self, frames: Tensor) -> Tensor:
        found = [self._of_clip(clip) for clip in frames.detach().float().cpu()]
        return torch.from_numpy(np.stack(found)).to(frames.device)

    def magnitudes(self, clip: Tensor) -> np.ndarray:
        """(time, *frame) -> (time - 1, 3, 3), pixels of `side` a frame."""
        from skimage.registration import optical_flow_ilk

        grey = F.interpolate(clip.mean(1, keepdim=True), (self.side, self.side), mode="area")[:, 0].numpy()
        flow: Callable[..., np.ndarray] = optical_flow_ilk
        pairs = pairwise(grey)
        lengths = [np.hypot(*flow(*pair, radius=self.radius, num_warp=self.warps)) for pair in pairs]
        return F.adaptive_avg_pool2d(torch.from_numpy(np.stack(lengths)), CELLS).numpy()

    def _of_clip(self, clip: Tensor) -> np.ndarray:
        key = hashlib.sha256(clip.numpy().tobytes()).digest()
        if key not in self._known:
            self._known[key] = self._labels(clip)
        return self._known[key]

    def _labels(self, clip: Tensor) -> np.ndarray:
        labels = np.zeros((len(clip), CELLS**2), np.float32)
        if len(clip) > 1:
            lengths = self.magnitudes(clip).reshape(len(clip) - 1, -1)
            most = np.argsort(-lengths, axis=1, kind="stable")[:, : self.top]
            np.put_along_axis(labels[:-1], most, 1, axis=1)
            labels[:-1] *= lengths > STILL
            labels[-1] = labels[-2]
        return labels
