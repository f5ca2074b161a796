"""The judge's network: a convolutional encoder of frames, a recurrent layer, one classifier per head.

The layout of the judges of the DSVAE line (Bai et al., C-DSVAE, NeurIPS 2021; Naiman et al., 2023): DCGAN encoder,
bidirectional LSTM, two dense layers a head. Their weights are not public, so scores compare within one judge only.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from stbench.contract.settings import Size
from stbench.models.parts.lstm import LSTM


@dataclass(frozen=True)
class Head:
    """A question to a judge: the class is the product of `factors`, the last one running fastest."""

    name: str
    factors: tuple[str, ...]
    sizes: tuple[int, ...]
    """Number of values of each factor."""

    @property
    def classes(self) -> int:
        return math.prod(self.sizes)

    def combine(self, labels: Mapping[str, Tensor]) -> Tensor:
        """Class of each sequence from its factors, int64."""
        combined = torch.zeros_like(labels[self.factors[0]])
        for factor, size in zip(self.factors, self.sizes, strict=True):
            combined = combined * size + labels[factor]
        return combined


class JudgeNetwork(nn.Module):
    """Clips (batch, time, channel, side, side) in [0, 1] -> logits of each head.

    Frames: convolutions 4 x 4 of stride 2 down to 4 x 4 pixels, of 64 ones to `width` x (1, 2, 4, 8) channels (batch
    normalisation, LeakyReLU 0.2), a last one to `code` numbers (batch normalisation, tanh). Clip: LSTM in both
    directions; the feature, 2 `recurrent` numbers, is the forward state after the last frame beside the backward one
    after the first.
    """

    def __init__(self, frame_shape: Sequence[int], heads: Sequence[Head], *, width: Size, code: Size, recurrent: Size):
        super().__init__()
        self.heads = tuple(heads)
        self.labels = tuple(dict.fromkeys(factor for head in heads for factor in head.factors))
        channels, side = frame_shape[0], frame_shape[1]
        sizes = [width * 2**k for k in range(int(math.log2(side)) - 2)]
        layers: list[nn.Module] = []
        for inner, outer in pairwise([channels, *sizes]):
            layers += [nn.Conv2d(inner, outer, 4, 2, 1), nn.BatchNorm2d(outer), nn.LeakyReLU(0.2)]
        layers += [nn.Conv2d(sizes[-1], code, 4), nn.BatchNorm2d(code), nn.Tanh(), nn.Flatten()]
        self.encoder = nn.Sequential(*layers)
        self.recurrent = LSTM(code, recurrent, batch_first=True, bidirectional=True)
        feature = 2 * recurrent
        self.answers = nn.ModuleDict(
            {
                head.name: nn.Sequential(nn.Linear(feature, recurrent), nn.ReLU(), nn.Linear(recurrent, head.classes))
                for head in heads
            }
        )

    def features(self, clips: Tensor) -> Tensor:
        """(batch, time, *frame) -> (batch, 2 recurrent)."""
        codes = self.encoder(clips.flatten(0, 1)).reshape(*clips.shape[:2], -1)
        output, _ = self.recurrent(codes)
        forward, backward = output.chunk(2, -1)
        return torch.cat((forward[:, -1], backward[:, 0]), -1).float()

    def answer(self, features: Tensor) -> dict[str, Tensor]:
        """Logits (batch, classes) of each head."""
        return {name: answer(features) for name, answer in self.answers.items()}

    def forward(self, clips: Tensor) -> dict[str, Tensor]:
        return self.answer(self.features(clips))

    def loss(self, batch: Mapping[str, Tensor], generator: torch.Generator) -> dict[str, Tensor]:
        """Cross-entropy of each head, and their sum `total`, from `batch["frames"]` and the factors."""
        logits = self(batch["frames"])
        terms = {head.name: F.cross_entropy(logits[head.name].float(), head.combine(batch)) for head in self.heads}
        terms["total"] = torch.stack(list(terms.values())).sum()
        return terms
