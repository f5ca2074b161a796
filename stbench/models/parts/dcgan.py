"""DCGAN encoder and decoder for 64 x 64 pixels (Radford et al. 2016; appendix E.2.2): Moving MNIST, chairs' decoder."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import torch
from torch import Tensor, nn

from .components import choose
from .convolutions import Chain, Conv2d, ConvDecoder, ConvEncoder, ConvTranspose2d, Stage
from .mlp import OUTPUTS
from .normalisation import Steps


class DCGANEncoder(ConvEncoder):
    """64 -> 32 -> 16 -> 8 -> 4 pixels by 4x4 convolutions of stride 2, channels `width` * (1, 2, 4, 8), then linear.

    LeakyReLU throughout, batch normalisation in all but the first; neither after the code (batch, code_size). Feature
    maps: the four outputs, finest first.
    """

    def __init__(self, frame_shape: Sequence[int], n_frames: int, code_size: int, *, width: int) -> None:
        super().__init__(frame_shape, n_frames, [64])
        channels = [self.channels, width, 2 * width, 4 * width, 8 * width]
        self.stages = nn.ModuleList(
            Stage(Conv2d(inner, outer, 4, 2, 1), norm=number > 0)
            for number, (inner, outer) in enumerate(pairwise(channels))
        )
        self.code = nn.Linear(8 * width * 16, code_size)

    def features(self, x: Tensor, steps: Steps) -> tuple[Tensor, tuple[Tensor, ...]]:
        maps = []
        for stage in self.stages:
            x = stage(x, steps)
            maps.append(x)
        return self.code(x.flatten(1)), tuple(maps)


class DCGANDecoder(ConvDecoder):
    """Mirror of the encoder: 1 -> 4 -> 8 -> 16 -> 32 -> 64 pixels by transposed 4x4 convolutions, then `output`.

    Batch normalisation and LeakyReLU in all but the last. With `skips` the encoder's maps double the input channels of
    every stage but the first.
    """

    def __init__(self, frame_shape: Sequence[int], code_size: int, *, width: int, skips: bool, output: str) -> None:
        super().__init__(frame_shape, [64])
        self.skips, both = skips, 2 if skips else 1
        channels = [8 * width, 4 * width, 2 * width, width]
        self.first = Stage(ConvTranspose2d(code_size, 8 * width, 4))
        self.stages = nn.ModuleList(
            Stage(ConvTranspose2d(both * inner, outer, 4, 2, 1)) for inner, outer in pairwise(channels)
        )
        self.last = Chain(ConvTranspose2d(both * width, frame_shape[0], 4, 2, 1))
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
