"""VGG-like encoder and decoder for 128, 64 and 32 pixels: TaxiBJ, KTH, sea surface with vector states (appendix E.2.2).

The published code has four groups of 2, 2, 3 and 3 convolutions and a last one of 4x4, not sixteen weight layers, and
normalises the code itself over the batch. For 32 pixels it leaves out the deepest pooling (the paper: the shallowest).
For 128 pixels a fifth group of 3 follows, as wide as the fourth (SVG's).
"""

from __future__ import annotations

from collections.abc import Sequence

from torch import Tensor, nn

from stbench.contract.settings import Size

from .codes import code_layer, code_of
from .components import choose
from .convolutions import Chain, ConvDecoder, ConvEncoder, ConvTranspose2d, Stage, conv3
from .mlp import OUTPUTS
from .normalisation import Steps

GROUPS = ((1, 2), (2, 2), (4, 3), (8, 3))
"""Of a group, finest first: channels in units of `width`, convolutions."""
SIDES = {128: (*GROUPS, GROUPS[-1]), 64: GROUPS, 32: GROUPS}
"""Side of a frame -> its groups."""
UNPOOLED = 32
"""The side whose last group is not pooled."""


def group(inner: int, *outer: int, skip: int = 0) -> Chain:
    """3x3 convolutions with batch normalisation and LeakyReLU; the first one takes `skip` further channels."""
    stages = []
    for number, each in enumerate(outer):
        stages.append(Stage(conv3(inner, each, 0 if number else skip)))
        inner = each
    return Chain(*stages)


class VGGEncoder(ConvEncoder):
    """Groups of 2, 2, 3, 3 convolutions of `width` * (1, 2, 4, 8) channels with max pooling between, then 4x4 to the
    code; with a fifth group as the fourth for 128 pixels.

    `code`: what follows the last convolution, to (batch, code_size), a name of `CODES`. Feature maps: outputs of the
    groups, finest first.
    """

    def __init__(
        self, frame_shape: Sequence[int], n_frames: int, code_size: int, *, width: Size, code: str = "normalised"
    ) -> None:
        super().__init__(frame_shape, n_frames, list(SIDES))
        sizes = [[factor * width] * number for factor, number in SIDES[frame_shape[1]]]
        inner = [self.channels, *(each[-1] for each in sizes[:-1])]
        self.groups = nn.ModuleList(group(before, *each) for before, each in zip(inner, sizes, strict=True))
        self.pool = nn.MaxPool2d(2)
        self.last_pool = nn.Identity() if frame_shape[1] == UNPOOLED else nn.MaxPool2d(2)
        self.code, self.ending = code_layer(code, 4, sizes[-1][-1], code_size, flat=False)

    def features(self, x: Tensor, steps: Steps) -> tuple[Tensor, tuple[Tensor, ...]]:
        maps: list[Tensor] = []
        for each in self.groups:
            x = each(self.pool(x) if maps else x, steps)
            maps.append(x)
        return code_of(self.last_pool(x), self.code, self.ending, steps), tuple(maps)


class VGGDecoder(ConvDecoder):
    """Mirror of the encoder with nearest-neighbour upsampling, then `output`; the last layer is not normalised.

    With `skips` the maps of the encoder join each group at their resolution (KTH, sea surface with vector states).
    """

    def __init__(self, frame_shape: Sequence[int], code_size: int, *, width: Size, skips: bool, output: str) -> None:
        super().__init__(frame_shape, list(SIDES))
        self.skips = skips
        sizes = [(factor * width, number) for factor, number in reversed(SIDES[frame_shape[1]])]
        self.first = Stage(ConvTranspose2d(code_size, sizes[0][0], 4))
        self.first_up = nn.Identity() if frame_shape[1] == UNPOOLED else nn.Upsample(scale_factor=2)
        outer = [[size] for size, _ in sizes[1:]] + [[]]  # `last` is the last convolution of the finest group
        self.groups = nn.ModuleList(
            group(inner, *[inner] * (number - 1), *last, skip=inner if skips else 0)
            for (inner, number), last in zip(sizes, outer, strict=True)
        )
        self.up = nn.Upsample(scale_factor=2)
        self.last = ConvTranspose2d(width, frame_shape[0], 3, 1, 1)
        self.output = choose("output", OUTPUTS, output)()

    def frame(self, x: Tensor, skips: tuple[Tensor, ...], steps: Steps) -> Tensor:
        x = self.first_up(self.first(x, steps))
        for number, each in enumerate(self.groups):
            x = each(self.up(x) if number else x, steps, skips[-1 - number] if self.skips else None)
        frames: Tensor = self.output(self.last(x).float())
        return frames
