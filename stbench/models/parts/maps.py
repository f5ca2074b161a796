"""Encoder and decoder of the sea surface: codes are maps at a quarter of the resolution (appendix E.2.2, F.3)."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from torch import Tensor, nn

from stbench.contract.settings import Size

from .components import choose
from .convolutions import Chain, ConvDecoder, ConvEncoder, Stage, conv3
from .normalisation import Steps
from .vgg import group

SIZES = (64, 32, 16)
LAST_LAYERS: dict[str, Callable[[int, int], nn.Module]] = {
    "normalised": lambda inner, outer: Stage(conv3(inner, outer)),
    "identity": conv3,
}


class MapEncoder(ConvEncoder):
    """3x3 convolutions: w w | pool 2w 2w | pool 4w 4w 4w | 8w code code, w = `width`; the last one is linear.

    The code is (batch, code_size, y/4, x/4). Feature maps: outputs of the first three groups, finest first.
    """

    def __init__(self, frame_shape: Sequence[int], n_frames: int, code_size: int, *, width: Size) -> None:
        super().__init__(frame_shape, n_frames, SIZES)
        self.groups = nn.ModuleList(
            (
                group(self.channels, width, width),
                group(width, 2 * width, 2 * width),
                group(2 * width, 4 * width, 4 * width, 4 * width),
            )
        )
        self.pool = nn.MaxPool2d(2)
        self.code = Chain(*group(4 * width, 8 * width, code_size), conv3(code_size, code_size))

    def features(self, x: Tensor, steps: Steps) -> tuple[Tensor, tuple[Tensor, ...]]:
        maps: list[Tensor] = []
        for each in self.groups:
            x = each(self.pool(x) if maps else x, steps)
            maps.append(x)
        return self.code(x, steps), tuple(maps)


class MapDecoder(ConvDecoder):
    """3x3 convolutions: 4w 4w 2w | 2w w w, up | 2w w w, up | w w channels, each with normalisation and LeakyReLU.

    With `skips` the encoder's maps of 4w, 2w and w channels join the second, third and fourth group. `output` is what
    the last layer is: "normalised", a stage like the others, as in the published code (the paper does not say so); or
    "identity", the bare convolution. The former spends a short training on its scale: LeakyReLU divides what is below
    the mean by five.

    To carry published weights over: there the maps stand before what comes from below, [maps, x], here behind it, [x,
    maps]. So the first convolution of the second, third and fourth group has its input channels in another order; with
    x of c channels, `published[:, [*range(maps, maps + c), *range(maps)]]` is ours. As functions both are the same.
    """

    def __init__(self, frame_shape: Sequence[int], code_size: int, *, width: Size, skips: bool, output: str) -> None:
        super().__init__(frame_shape, SIZES)
        last = choose("output", LAST_LAYERS, output)
        self.skips = skips
        four, two, one = (factor * width if skips else 0 for factor in (4, 2, 1))
        self.first = group(code_size, 4 * width, 4 * width, 2 * width)
        self.groups = nn.ModuleList(
            (
                group(2 * width, 2 * width, width, width, skip=four),
                group(width, 2 * width, width, width, skip=two),
                Chain(*group(width, width, width, skip=one), last(width, frame_shape[0])),
            )
        )
        self.up = nn.Upsample(scale_factor=2)

    def frame(self, x: Tensor, skips: tuple[Tensor, ...], steps: Steps) -> Tensor:
        x = self.first(x, steps)
        for number, each in enumerate(self.groups):
            x = each(self.up(x) if number else x, steps, skips[2 - number] if self.skips else None)
        return x.float()
