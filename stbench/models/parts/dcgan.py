"""DCGAN encoder and decoder for frames of 128, 64 and 32 pixels a side (Radford et al. 2016).

sepvar has them for Moving MNIST and its chairs' decoder (appendix E.2.2); DrNet, SVG, DDPAE, MoCoGAN and what came
after DSVAE have the same convolutions with another code, activation or bias.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import torch
from torch import Tensor, nn

from stbench.contract.settings import Size

from .codes import code_layer, code_of
from .components import choose
from .convolutions import SLOPE, Chain, Conv2d, ConvDecoder, ConvEncoder, ConvTranspose2d, Stage
from .mlp import OUTPUTS
from .normalisation import Steps

FACTORS = {128: (1, 2, 4, 8, 8), 64: (1, 2, 4, 8), 32: (1, 2, 4)}
"""Side of a frame -> channels of the stages, in units of `width`; each halves the side, down to 4 pixels."""


class DCGANEncoder(ConvEncoder):
    """64 -> 32 -> 16 -> 8 -> 4 pixels by 4x4 convolutions of stride 2, channels `width` * (1, 2, 4, 8), then linear.

    Frames of 32 pixels have one stage less, those of 128 one more, as wide as the last (SVG). LeakyReLU throughout,
    batch normalisation in all stages but the first, or in all if `norm_first` (DrNet, SVG). `code`: what follows the
    linear map to (batch, code_size), a name of `CODES`. `bias` False: no convolution or linear map has one (DDPAE).
    Feature maps: outputs of the stages, finest first.
    """

    def __init__(
        self,
        frame_shape: Sequence[int],
        n_frames: int,
        code_size: int,
        *,
        width: Size,
        code: str = "linear",
        norm_first: bool = False,
        bias: bool = True,
    ) -> None:
        super().__init__(frame_shape, n_frames, list(FACTORS))
        channels = [self.channels, *(width * factor for factor in FACTORS[frame_shape[1]])]
        self.stages = nn.ModuleList(
            Stage(Conv2d(inner, outer, 4, 2, 1, bias=bias), norm=number > 0 or norm_first)
            for number, (inner, outer) in enumerate(pairwise(channels))
        )
        self.code, self.ending = code_layer(code, 4, channels[-1], code_size, flat=True, bias=bias)

    def features(self, x: Tensor, steps: Steps) -> tuple[Tensor, tuple[Tensor, ...]]:
        maps = []
        for stage in self.stages:
            x = stage(x, steps)
            maps.append(x)
        return code_of(x, self.code, self.ending, steps), tuple(maps)


class DCGANDecoder(ConvDecoder):
    """Mirror of the encoder: 1 -> 4 -> 8 -> 16 -> 32 -> 64 pixels by transposed 4x4 convolutions, then `output`.

    Batch normalisation and LeakyReLU of `slope` in all but the last; 0 is ReLU (DDPAE, MoCoGAN). With `skips` the
    encoder's maps double the input channels of every stage but the first. `bias` False: no convolution has one.
    """

    def __init__(
        self,
        frame_shape: Sequence[int],
        code_size: int,
        *,
        width: Size,
        skips: bool,
        output: str,
        slope: float = SLOPE,
        bias: bool = True,
    ) -> None:
        super().__init__(frame_shape, list(FACTORS))
        self.skips, both = skips, 2 if skips else 1
        channels = [width * factor for factor in reversed(FACTORS[frame_shape[1]])]
        self.first = Stage(ConvTranspose2d(code_size, channels[0], 4, bias=bias), slope)
        self.stages = nn.ModuleList(
            Stage(ConvTranspose2d(both * inner, outer, 4, 2, 1, bias=bias), slope)
            for inner, outer in pairwise(channels)
        )
        self.last = Chain(ConvTranspose2d(both * width, frame_shape[0], 4, 2, 1, bias=bias))
        self.output = choose("output", OUTPUTS, output)()

    def frame(self, x: Tensor, skips: tuple[Tensor, ...], steps: Steps) -> Tensor:
        x = self.first(x, steps)
        for number, stage in enumerate([*self.stages, self.last]):
            if self.skips:
                same = skips[-1 - number].to(x.dtype)
                x = torch.cat((x, same.repeat(len(x) // len(same), 1, 1, 1)), 1)
            x = stage(x, steps)
        # As in the multilayer perceptron: a bfloat16 sigmoid near 0.5 would be off by up to 2e-3.
        frames: Tensor = self.output(x.float())
        return frames
