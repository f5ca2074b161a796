"""Critics: networks that say of a frame, a clip or a pair of poses whether it is what it claims to be, as logits."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import torch
from torch import Tensor, nn

from stbench.contract.settings import Size
from stbench.errors import StbenchError

from .convolutions import SLOPE

SIDE = 64
FRAMES = 16
"""Of the published video critic, with kernels of 4 frames."""
LAYERS = 5


class ImageCritic(nn.Module):
    """(batch, channel, 64, 64) -> logits (batch, 4, 4), one a patch, or (batch,) where not `patch`.

    4x4 convolutions without bias, stride 2: `width` * (1, 2, 4) channels, and 8 where not `patch`; then one logit by a
    last 4x4 convolution. Batch normalisation in all but the first and last, LeakyReLU 0.2.

    Source: S. Tulyakov et al., MoCoGAN, CVPR 2018, and the code its authors released.
    """

    def __init__(self, frame_shape: Sequence[int], *, width: Size, patch: bool) -> None:
        super().__init__()
        _check_side("ImageCritic", frame_shape)
        channels = [frame_shape[0], *(width * factor for factor in ((1, 2, 4) if patch else (1, 2, 4, 8)))]
        layers: list[nn.Module] = []
        for number, (inner, outer) in enumerate(pairwise(channels)):
            layers += [nn.Conv2d(inner, outer, 4, 2, 1, bias=False), *([nn.BatchNorm2d(outer)] if number else [])]
            layers += [nn.LeakyReLU(SLOPE)]
        last = nn.Conv2d(channels[-1], 1, 4, 2, 1, bias=False) if patch else nn.Conv2d(channels[-1], 1, 4, bias=False)
        self.layers = nn.Sequential(*layers, last)
        self.patch = patch

    def forward(self, frames: Tensor) -> Tensor:
        logits: Tensor = self.layers(frames).squeeze(1)
        return logits if self.patch else logits.flatten(1).squeeze(1)


class VideoCritic(nn.Module):
    """(batch, frames, channel, 64, 64) -> logits (batch, 1 + classes), or (batch, time, 4, 4) where `patch`.

    As `ImageCritic`, with kernels of some frames by 4x4 pixels. Time is neither padded nor strided: five kernels bring
    `frames` down to one, and a critic of patches has the first four of them. 16 frames, as published, take kernels of
    4; other numbers (ours) kernels as even as they can be, the longer ones last. The first logit says whether a clip is
    real, `classes` more which action it shows; patches have no classes.

    `StbenchError` from `forward` for a clip of another length. Source: as for `ImageCritic`.
    """

    def __init__(
        self, frame_shape: Sequence[int], frames: int = FRAMES, classes: int = 0, *, width: Size, patch: bool
    ) -> None:
        super().__init__()
        _check_side("VideoCritic", frame_shape)
        if patch and classes:
            raise StbenchError(
                f"a video critic of patches names no classes, and {classes} are asked for: patch = false"
            )
        channels = [frame_shape[0], *(width * factor for factor in ((1, 2, 4) if patch else (1, 2, 4, 8)))]
        kernels = _kernels(frames)
        layers: list[nn.Module] = []
        for number, (inner, outer) in enumerate(pairwise(channels)):
            layers.append(_convolution(inner, outer, kernels[number], halved=True))
            layers += [*([nn.BatchNorm3d(outer)] if number else []), nn.LeakyReLU(SLOPE)]
        self.layers = nn.Sequential(
            *layers, _convolution(channels[-1], 1 + classes, kernels[len(channels) - 1], halved=patch)
        )
        self.patch, self.frames = patch, frames

    def forward(self, clips: Tensor) -> Tensor:
        if clips.shape[1] != self.frames:
            raise StbenchError(
                f"the video critic was built for clips of {self.frames} frames and was handed one of "
                f"{clips.shape[1]}: cut clips to {self.frames}, or build it with frames = {clips.shape[1]}"
            )
        logits: Tensor = self.layers(clips.transpose(1, 2))
        return logits[:, 0] if self.patch else logits.flatten(1)


class SceneCritic(nn.Module):
    """Do two poses belong to one clip? (batch, pose) twice -> logits (batch,).

    A multilayer perceptron on the pair, two layers of `hidden` units with ReLU. Source: E. Denton and V. Birodkar,
    DrNet, NIPS 2017, and the code its authors released.
    """

    def __init__(self, pose: int, *, hidden: Size = 100) -> None:
        super().__init__()
        self.layers = nn.Sequential(
            *(nn.Linear(2 * pose, hidden), nn.ReLU(), nn.Linear(hidden, hidden), nn.ReLU(), nn.Linear(hidden, 1))
        )

    def forward(self, one: Tensor, other: Tensor) -> Tensor:
        logits: Tensor = self.layers(torch.cat((one, other), 1)).squeeze(1)
        return logits


def _convolution(inner: int, outer: int, frames: int, *, halved: bool) -> nn.Conv3d:
    stride, padding = ((1, 2, 2), (0, 1, 1)) if halved else ((1, 1, 1), (0, 0, 0))
    return nn.Conv3d(inner, outer, (frames, 4, 4), stride, padding, bias=False)


def _kernels(frames: int) -> list[int]:
    """Lengths k of `LAYERS` kernels with sum (k - 1) = `frames` - 1."""
    return [(frames - 1 + number) // LAYERS + 1 for number in range(LAYERS)]


def _check_side(critic: str, frame_shape: Sequence[int]) -> None:
    if len(frame_shape) != 3 or tuple(frame_shape[1:]) != (SIDE, SIDE):
        raise StbenchError(f"{critic} looks at frames of {SIDE} x {SIDE} pixels, not of shape {tuple(frame_shape)}")
