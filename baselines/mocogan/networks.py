"""The networks of MoCoGAN beside its critics: a generator of frames, a recurrent motion, and an encoder of ours."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import torch
from torch import Tensor, nn

from stbench.contract.settings import Size
from stbench.devices import moved
from stbench.errors import StbenchError
from stbench.models.parts.clip_posterior import both_ends
from stbench.models.parts.dcgan import DCGANDecoder, DCGANEncoder
from stbench.models.parts.lstm import LSTM
from stbench.models.parts.normalisation import ONE
from stbench.models.parts.precision import full


class Codes(NamedTuple):
    """What a clip is made of."""

    content: Tensor
    """(batch, content)."""
    category: Tensor
    """(batch, actions), one-hot or shares that sum to one; no columns where there are no actions."""
    motion: Tensor
    """(batch, time, motion)."""


class RecurrentMotion(nn.Module):
    """h_t = GRU(e_t, h_{t-1}),   h_0 ~ N(0, I),   e_t ~ N(0, I): the motion codes h_1..h_T."""

    def __init__(self, size: int) -> None:
        super().__init__()
        self.size = size
        self.cell = nn.GRUCell(size, size)

    def draw(self, batch: int, steps: int, generator: torch.Generator) -> Tensor:
        """(batch, steps, size)."""
        h, *noise = noise_like(self.cell.weight_hh, (steps + 1, batch, self.size), generator).unbind()
        return self._rolled(h, noise)

    def follow(self, motion: Tensor, steps: int) -> Tensor:
        """Codes after `motion` (batch, time, size) with e_t = 0: (batch, steps, size)."""
        return self._rolled(motion[:, -1], [torch.zeros_like(motion[:, 0])] * steps) if steps else motion[:, :0]

    def _rolled(self, h: Tensor, noise: Sequence[Tensor]) -> Tensor:
        found = []
        for e in noise:
            h = full(self.cell(e, h))
            found.append(h)
        return torch.stack(found, 1)


class Generator(nn.Module):
    """[content, category, h_t] -> frame in (-1, 1): transposed 4x4 convolutions with ReLU, no biases, tanh."""

    def __init__(self, frame_shape: Sequence[int], content: int, actions: int, motion: int, *, width: Size) -> None:
        super().__init__()
        self.motion = RecurrentMotion(motion)
        self.decoder = DCGANDecoder(
            frame_shape, content + actions + motion, width=width, skips=False, output="tanh", slope=0.0, bias=False
        )

    def forward(self, codes: Codes) -> Tensor:
        """(batch, time, *frame); all frames share their batch statistics."""
        still = torch.cat((codes.content, codes.category), 1).unsqueeze(1).expand(-1, codes.motion.shape[1], -1)
        return self.decoder.decode(torch.cat((still, codes.motion), -1), (), ONE)


class Encoder(nn.Module):
    """Codes of a clip. Not part of MoCoGAN, which has none.

    A DCGAN encoder a frame to `features`; h_t is linear in those of frame t, content and logits of the category in both
    ends of a bidirectional LSTM of `features` / 2 units a direction over all.
    """

    def __init__(
        self, frame_shape: Sequence[int], content: int, actions: int, motion: int, *, width: Size, features: Size
    ) -> None:
        super().__init__()
        if features < 2:
            raise StbenchError(
                f"the encoder of MoCoGAN has {features} features, half for each direction: give two or more"
            )
        self.content = content
        self.frames = DCGANEncoder(frame_shape, 1, features, width=width, code="elu")
        self.recurrent = LSTM(features, features // 2, batch_first=True, bidirectional=True)
        self.still, self.moving = nn.Linear(2 * (features // 2), content + actions), nn.Linear(features, motion)

    def forward(self, clip: Tensor) -> Codes:
        """Of frames in (-1, 1); `category` are logits."""
        features = self.frames(clip.flatten(0, 1).unsqueeze(1)).unflatten(0, clip.shape[:2])
        still = full(self.still(both_ends(self.recurrent(features)[0])))
        return Codes(still[:, : self.content], still[:, self.content :], full(self.moving(features)))


def noise_like(like: Tensor, shape: Sequence[int], generator: torch.Generator) -> Tensor:
    """N(0, 1) drawn on the CPU, where `like` is."""
    return moved(torch.randn(*shape, generator=generator), like.device).to(like.dtype)
