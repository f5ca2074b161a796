"""Multilayer perceptrons on flattened frames: the encoders and the decoder of WaveEq and WaveEq-100."""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import pairwise

import torch
from torch import Tensor, nn

from stbench.contract.settings import Size

from .components import choose
from .convolutions import Code
from .normalisation import Steps

OUTPUTS: dict[str, type[nn.Module]] = {"sigmoid": nn.Sigmoid, "identity": nn.Identity, "tanh": nn.Tanh}


def perceptron(sizes: Sequence[int]) -> nn.Sequential:
    """y = W_n relu(... relu(W_1 x + b_1) ...) + b_n with layer widths `sizes`; nothing after the last layer."""
    layers: list[nn.Module] = []
    for inner, outer in pairwise(sizes):
        layers += [nn.Linear(inner, outer), nn.ReLU()]
    return nn.Sequential(*layers[:-1])


class MLPEncoder(nn.Module):
    """(batch, n_frames, *frame) -> (batch, code_size): the frames of a window as one vector (appendix E.2.2).

    No batch statistics, so any number of windows may share one call. The code is float32 whatever autocast does inside.
    """

    def __init__(self, frame_shape: Sequence[int], n_frames: int, code_size: int, *, hidden: Sequence[Size]) -> None:
        super().__init__()
        self.layers = perceptron([n_frames * math.prod(frame_shape), *hidden, code_size])

    def forward(self, window: Tensor) -> Tensor:
        code: Tensor = self.layers(window.flatten(1))
        return code.float()

    def encode(self, windows: Sequence[Tensor], earliest: int = 0) -> list[Code]:
        """Codes of several windows (batch, n_frames, *frame) in one call; their order in time does not matter here."""
        return [Code(code) for code in self(torch.cat(tuple(windows))).chunk(len(windows))]


class MLPDecoder(nn.Module):
    """(batch, code_size) -> (batch, *frame), ending in `output`, "sigmoid" or "identity" (appendix E.2.2)."""

    def __init__(self, frame_shape: Sequence[int], code_size: int, *, hidden: Sequence[Size], output: str) -> None:
        super().__init__()
        self.frame_shape = tuple(frame_shape)
        self.layers = perceptron([code_size, *hidden, math.prod(frame_shape)])
        self.output = choose("output", OUTPUTS, output)()

    def forward(self, code: Tensor) -> Tensor:
        # A bfloat16 sigmoid near 0.5 would be off by up to 2e-3: more than the error the model is trained to.
        frame: Tensor = self.output(self.layers(code).float())
        return frame.reshape(-1, *self.frame_shape)

    def decode(self, codes: Tensor, skips: tuple[Tensor, ...], steps: Steps) -> Tensor:
        """(batch, time, code_size) -> (batch, time, *frame), all in one batch; it takes no feature maps."""
        frames: Tensor = self(codes.flatten(0, 1))
        return frames.reshape(*codes.shape[:2], *self.frame_shape)
