"""Frames to maps and back, one frame like the other: the spatial half of SimVP."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from stbench.errors import StbenchError
from stbench.models.parts.components import choose

SLOPE = 0.2
"""Of LeakyReLU."""


@dataclass(frozen=True)
class Form:
    """What the two published forms of the coder differ in."""

    activation: str
    """"silu" or "leaky"."""
    shuffles: bool
    """Maps grow by a convolution to four times the channels and `pixel_shuffle`, else by a transposed convolution."""
    joins: bool
    """The first maps of the encoder become further channels of the last layer of the decoder, else they are added."""
    deviation: float | None
    """Of the normal weights at the start; None: the library's default."""


FORMS = {
    "shuffle": Form("silu", shuffles=True, joins=False, deviation=0.02),
    "transposed": Form("leaky", shuffles=False, joins=True, deviation=None),
}
"""That of gSTA, TAU and later comparisons; that of the first SimVP."""


def strides_of(layers: int) -> list[int]:
    """1, 2, 1, 2, ... of the layers of the encoder; the decoder has them in reverse."""
    return [1 + k % 2 for k in range(layers)]


def factor_of(layers: int) -> int:
    """By which the encoder makes a side of the frame smaller; `StbenchError` for no layers, or an odd number."""
    if layers < 2 or layers % 2:
        raise StbenchError(f"the encoder of simvp has {layers} layers, of which every second halves: give 2, 4 or 6")
    return int(2 ** (layers // 2))


class Stage(nn.Module):
    """act(norm(W * x + b)), 3x3 with zero padding; norm: `GroupNorm` of two groups.

    `stride` 2 halves the maps, `up` doubles them. (batch, inner, y, x) -> (batch, outer, y', x').
    """

    def __init__(self, inner: int, outer: int, form: Form, *, stride: int = 1, up: bool = False) -> None:
        super().__init__()
        self.shuffle = nn.PixelShuffle(2) if up and form.shuffles else nn.Identity()
        self.convolution: nn.Conv2d | nn.ConvTranspose2d
        if up and not form.shuffles:
            self.convolution = nn.ConvTranspose2d(inner, outer, 3, 2, 1, output_padding=1)
        else:
            self.convolution = nn.Conv2d(inner, 4 * outer if up else outer, 3, stride, 1)
        self.norm = nn.GroupNorm(2, outer)
        self.activation = nn.SiLU() if form.activation == "silu" else nn.LeakyReLU(SLOPE)
        if form.deviation is not None:
            nn.init.normal_(self.convolution.weight, std=form.deviation)
            nn.init.zeros_(self.convolution.bias)  # type: ignore[arg-type]

    def forward(self, x: Tensor) -> Tensor:
        y: Tensor = self.activation(self.norm(self.shuffle(self.convolution(x))))
        return y


class Encoder(nn.Module):
    """Stages with the strides 1, 2, 1, 2, ..: the last maps, and those of the first stage, which keep the size."""

    def __init__(self, channels: int, width: int, layers: int, form: Form) -> None:
        super().__init__()
        inner = [channels, *[width] * (layers - 1)]
        self.stages = nn.ModuleList(
            Stage(each, width, form, stride=stride) for each, stride in zip(inner, strides_of(layers), strict=True)
        )

    def forward(self, frames: Tensor) -> tuple[Tensor, Tensor]:
        """(batch, channels, y, x) -> (batch, width, y / factor, x / factor), (batch, width, y, x)."""
        first: Tensor = self.stages[0](frames)
        maps = first
        for stage in self.stages[1:]:
            maps = stage(maps)
        return maps, first


class Decoder(nn.Module):
    """The strides in reverse, upwards; the last stage sees the encoder's first maps too; then a 1x1 convolution."""

    def __init__(self, channels: int, width: int, layers: int, form: Form) -> None:
        super().__init__()
        self.joins = form.joins
        inner = [*[width] * (layers - 1), 2 * width if form.joins else width]
        self.stages = nn.ModuleList(
            Stage(each, width, form, up=stride == 2)
            for each, stride in zip(inner, reversed(strides_of(layers)), strict=True)
        )
        self.readout = nn.Conv2d(width, channels, 1)

    def forward(self, maps: Tensor, first: Tensor) -> Tensor:
        for stage in self.stages[:-1]:
            maps = stage(maps)
        maps = torch.cat((maps, first), 1) if self.joins else maps + first
        frames: Tensor = self.readout(self.stages[-1](maps))
        return frames


class Coder(nn.Module):
    """T_in frames -> T_in frames, through maps in which a `translator` mixes the frames:

        z_t, e_t = enc(v_t),   [z'_1, .., z'_T] = translator([z_1, .., z_T]) on channels,   v̂_{T+t} = dec(z'_t, e_t)

    Frame t helps to decode frame T + t by its first maps e_t. All frames pass the encoder, and the decoder, in one
    call. `translator(maps, generator)`: (batch, T width, y, x) to the same shape.

    Source: Z. Gao et al., SimVP, CVPR 2022, section 3.
    """

    def __init__(
        self, frame_shape: Sequence[int], frames: int, translator: nn.Module, *, width: int, layers: int, form: str
    ) -> None:
        super().__init__()
        if width % 2:
            raise StbenchError(
                f"the width of simvp is {width}, and its maps are normalised in two groups: make it even"
            )
        chosen = choose("coder", FORMS, form)
        self.writes = frames
        self.encoder = Encoder(frame_shape[0], width, layers, chosen)
        self.translator = translator
        self.decoder = Decoder(frame_shape[0], width, layers, chosen)

    def forward(self, frames: Tensor, generator: torch.Generator | None = None) -> Tensor:
        """(batch, T, channel, y, x) to the same shape."""
        maps, first = self.encoder(frames.flatten(0, 1))
        mixed: Tensor = self.translator(maps.reshape(len(frames), -1, *maps.shape[2:]), generator)
        return self.decoder(mixed.reshape(maps.shape), first).reshape(frames.shape)  # type: ignore[no-any-return]
