"""VGG-like encoder and decoder for 64 and 32 pixels: TaxiBJ, KTH, sea surface with vector states (appendix E.2.2).

The published code has four groups of 2, 2, 3 and 3 convolutions and a last one of 4x4, not sixteen weight layers, and
normalises the code itself over the batch. For 32 pixels it leaves out the deepest pooling (the paper: the shallowest).
"""

from __future__ import annotations

from collections.abc import Sequence

from torch import Tensor, nn

from .codes import code_layer, code_of
from .components import choose
from .convolutions import Chain, ConvDecoder, ConvEncoder, ConvTranspose2d, Stage, conv3
from .mlp import OUTPUTS
from .normalisation import Steps


def group(inner: int, *outer: int, skip: int = 0) -> Chain:
    """3x3 convolutions with batch normalisation and LeakyReLU; the first one takes `skip` further channels."""
    stages = []
    for number, each in enumerate(outer):
        stages.append(Stage(conv3(inner, each, 0 if number else skip)))
        inner = each
    return Chain(*stages)


class VGGEncoder(ConvEncoder):
    """Groups of 2, 2, 3, 3 convolutions of `width` * (1, 2, 4, 8) channels with max pooling between, then 4x4 to the
    code.

    `code`: what follows the last convolution, to (batch, code_size), a name of `CODES`. Feature maps: outputs of the
    groups, finest first.
    """

    def __init__(
        self, frame_shape: Sequence[int], n_frames: int, code_size: int, *, width: int, code: str = "normalised"
    ) -> None:
        super().__init__(frame_shape, n_frames, [64, 32])
        self.groups = nn.ModuleList(
            (
                group(self.channels, width, width),
                group(width, 2 * width, 2 * width),
                group(2 * width, 4 * width, 4 * width, 4 * width),
                group(4 * width, 8 * width, 8 * width, 8 * width),
            )
        )
        self.pool = nn.MaxPool2d(2)
        self.last_pool = nn.MaxPool2d(2) if frame_shape[1] == 64 else nn.Identity()
        self.code, self.ending = code_layer(code, 4, 8 * width, code_size, flat=False)

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

    def __init__(self, frame_shape: Sequence[int], code_size: int, *, width: int, skips: bool, output: str) -> None:
        super().__init__(frame_shape, [64, 32])
        self.skips = skips
        eight, four, two, one = (factor * width if skips else 0 for factor in (8, 4, 2, 1))
        self.first = Stage(ConvTranspose2d(code_size, 8 * width, 4))
        self.first_up = nn.Upsample(scale_factor=2) if frame_shape[1] == 64 else nn.Identity()
        self.groups = nn.ModuleList(
            (
                group(8 * width, 8 * width, 8 * width, 4 * width, skip=eight),
                group(4 * width, 4 * width, 4 * width, 2 * width, skip=four),
                group(2 * width, 2 * width, width, skip=two),
                group(width, width, skip=one),
            )
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
