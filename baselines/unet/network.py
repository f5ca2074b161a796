"""A U-Net of residual blocks with normalisation before activation, as PDE benchmarks use it since 2022."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from stbench.errors import StbenchError

GROUPS = 8
"""Of the last normalisation."""


class Residual(nn.Module):
    """y = s(x) + W_2 * gelu(norm(W_1 * gelu(norm(x)))): 3x3; s a 1x1 convolution where the width changes, else x.

    norm: `GroupNorm` of one group, over all numbers of a sample. (batch, inner, y, x) -> (batch, outer, y, x).
    """

    def __init__(self, inner: int, outer: int) -> None:
        super().__init__()
        self.norms = nn.ModuleList((nn.GroupNorm(1, inner), nn.GroupNorm(1, outer)))
        self.convolutions = nn.ModuleList(
            (nn.Conv2d(inner, outer, 3, padding=1), nn.Conv2d(outer, outer, 3, padding=1))
        )
        self.shortcut = nn.Conv2d(inner, outer, 1) if inner != outer else nn.Identity()

    def forward(self, x: Tensor) -> Tensor:
        y: Tensor = self.shortcut(x)
        for norm, convolution in zip(self.norms, self.convolutions, strict=True):
            x = convolution(F.gelu(norm(x)))
        return y + x


class UNet(nn.Module):
    """n frames on channels -> `writes` frames: down through `widths`, a middle of two residual blocks, and up.

    Down, of each level: `blocks` residual blocks, then a 3x3 convolution of stride 2, but for the last level. Up, of
    each level from the last on: `blocks` + 1 residual blocks that read [x, s], the last of which has the width of the
    level above, then a transposed 4x4 convolution of stride 2. s: what the way down gave, the latest first; every
    convolution and every block of it counts, the first convolution too. Last of all: norm of eight groups, gelu, 3x3
    convolution. Weights start as the library has them, none at 0.

    `widths` are those of the levels themselves: a public implementation is told factors 1, 2, 2, 4 and multiplies each
    by the width before it, so that 64 becomes 64, 128, 256, 1024. Both sides of a frame have to be divisible by
    2^(levels - 1).

    Source: J. K. Gupta and J. Brandstetter, Towards Multi-spatiotemporal-scale Generalized PDE Modeling, TMLR 2023,
    "U-Net mod"; the form of a U: O. Ronneberger et al., MICCAI 2015.
    """

    def __init__(
        self, frame_shape: Sequence[int], frames: int, *, widths: Sequence[int], blocks: int, writes: int
    ) -> None:
        super().__init__()
        if not widths or widths[0] % GROUPS or blocks < 1 or writes < 1:
            raise StbenchError(
                f"unet has widths {list(widths)}, {blocks} blocks a level and writes {writes} frames: the first width "
                f"is a multiple of {GROUPS}, the groups of the last normalisation; of the others there is one or more"
            )
        self.writes, channels, last = writes, frame_shape[0], len(widths) - 1
        self.first = nn.Conv2d(frames * channels, widths[0], 3, padding=1)
        self.down, self.shrink = nn.ModuleList(), nn.ModuleList()
        self.up, self.grow = nn.ModuleList(), nn.ModuleList()
        for level, width in enumerate(widths):
            inner = widths[max(level - 1, 0)]
            self.down.append(_blocks((inner, *[width] * (blocks - 1)), [width] * blocks))
            self.up.append(_blocks([2 * width] * blocks + [width + inner], [width] * blocks + [inner]))
            if level < last:
                self.shrink.append(nn.Conv2d(width, width, 3, 2, 1))
                self.grow.append(nn.ConvTranspose2d(width, width, 4, 2, 1))
        self.middle = nn.Sequential(Residual(widths[-1], widths[-1]), Residual(widths[-1], widths[-1]))
        self.norm = nn.GroupNorm(GROUPS, widths[0])
        self.last = nn.Conv2d(widths[0], writes * channels, 3, padding=1)

    def forward(self, frames: Tensor, generator: torch.Generator | None = None) -> Tensor:
        """(batch, n, channel, y, x) -> (batch, writes, channel, y, x); nothing is drawn."""
        x = self.first(frames.flatten(1, 2))
        skips = [x]
        for level, blocks in enumerate(self.down):
            for block in blocks:  # type: ignore[attr-defined]
                x = block(x)
                skips.append(x)
            if level < len(self.shrink):
                x = self.shrink[level](x)
                skips.append(x)
        x = self.middle(x)
        for level in reversed(range(len(self.up))):
            for block in self.up[level]:  # type: ignore[attr-defined]
                x = block(torch.cat((x, skips.pop()), 1))
            if level:
                x = self.grow[level - 1](x)
        x = self.last(F.gelu(self.norm(x)))
        answer: Tensor = x.reshape(len(x), self.writes, -1, *x.shape[2:])
        return answer


def _blocks(inner: Sequence[int], outer: Sequence[int]) -> nn.ModuleList:
    return nn.ModuleList(Residual(i, o) for i, o in zip(inner, outer, strict=True))
