"""A translator of attention blocks: gated spatiotemporal attention (gSTA), and what its relatives share with it."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from stbench.devices import moved
from stbench.errors import StbenchError

SCALE = 1e-2
"""λ at the start."""


def start_by_fan_out(module: nn.Module) -> None:
    """Of every convolution: weights N(0, 2 / (k² outer / groups)), biases 0."""
    for layer in module.modules():
        if isinstance(layer, nn.Conv2d):
            fan_out = layer.kernel_size[0] * layer.kernel_size[1] * layer.out_channels // layer.groups
            nn.init.normal_(layer.weight, std=math.sqrt(2.0 / fan_out))
            nn.init.zeros_(layer.bias)  # type: ignore[arg-type]


class LargeKernel(nn.Sequential):
    """W_7 * (W_5 * x): each channel on its own, 5 x 5, then 7 x 7 at every third pixel; together they see 23 x 23."""

    def __init__(self, width: int) -> None:
        super().__init__(
            nn.Conv2d(width, width, 5, padding=2, groups=width),
            nn.Conv2d(width, width, 7, padding=9, dilation=3, groups=width),
        )


class GatedAttention(nn.Module):
    """u = gelu(W_1 * x),  [f, g] = W_3 * LargeKernel(u),  y = x + W_2 * (f ∘ σ(g)).

    1x1 convolutions but for the large kernel. (batch, width, y, x) to the same shape.

    Source: C. Tan et al., SimVP: Towards Simple yet Powerful Spatiotemporal Predictive Learning, 2022, section 3.3.
    """

    def __init__(self, width: int) -> None:
        super().__init__()
        self.enter, self.leave = nn.Conv2d(width, width, 1), nn.Conv2d(width, width, 1)
        self.kernel, self.gates = LargeKernel(width), nn.Conv2d(width, 2 * width, 1)
        start_by_fan_out(self)

    def forward(self, x: Tensor) -> Tensor:
        f, g = self.gates(self.kernel(F.gelu(self.enter(x)))).chunk(2, 1)
        return x + self.leave(f * torch.sigmoid(g))  # type: ignore[no-any-return]


class Mixing(nn.Module):
    """W_2 * gelu(D * (W_1 * x)): 1x1 to `ratio` times the width, 3x3 on each channel, 1x1 back."""

    def __init__(self, width: int, ratio: float) -> None:
        super().__init__()
        inner = int(width * ratio)
        if not inner:
            raise StbenchError(f"the ratio {ratio:g} leaves none of {width} channels: make it 1 / {width} or more")
        self.widen, self.narrow = nn.Conv2d(width, inner, 1), nn.Conv2d(inner, width, 1)
        self.local = nn.Conv2d(inner, inner, 3, padding=1, groups=inner)
        start_by_fan_out(self)

    def forward(self, x: Tensor) -> Tensor:
        y: Tensor = self.narrow(F.gelu(self.local(self.widen(x))))
        return y


class Block(nn.Module):
    """x' = x + d_1 λ_1 attention(norm x),  x'' = x' + d_2 λ_2 mixing(norm x'),  and a 1x1 convolution where the width
    changes.

    norm: batch normalisation. λ: one number a channel. d: 0 with probability `drop`, else 1 / (1 - `drop`), drawn for
    each sample; 1 in a forecast.
    """

    def __init__(
        self, width: int, outer: int, attention: Callable[[int], nn.Module], *, ratio: float, drop: float
    ) -> None:
        super().__init__()
        self.drop = drop
        self.attention_norm, self.mixing_norm = nn.BatchNorm2d(width), nn.BatchNorm2d(width)
        self.attention, self.mixing = attention(width), Mixing(width, ratio)
        self.attention_scale, self.mixing_scale = (nn.Parameter(torch.full((width,), SCALE)) for _ in range(2))
        self.resize = nn.Conv2d(width, outer, 1) if width != outer else nn.Identity()

    def forward(self, x: Tensor, generator: torch.Generator | None) -> Tensor:
        x = x + self._scale(self.attention_scale, x, generator) * self.attention(self.attention_norm(x))
        x = x + self._scale(self.mixing_scale, x, generator) * self.mixing(self.mixing_norm(x))
        resized: Tensor = self.resize(x)
        return resized

    def _scale(self, scale: Tensor, x: Tensor, generator: torch.Generator | None) -> Tensor:
        scale = scale[:, None, None]
        if generator is None or not self.drop:
            return scale
        kept = torch.rand(len(x), generator=generator) >= self.drop
        return scale * moved(kept / (1.0 - self.drop), x.device).to(scale.dtype)[:, None, None, None]


class Blocks(nn.Module):
    """`blocks` blocks one after another: `width` -> `hidden` channels in the first, back in the last.

    `drop_path` = (first, last): in block k of N, d is 0 with probability first + (last - first) k / (N - 1). The
    releases begin at 0.01 whatever the last is, also where it is 0; here both stand in the preset.

    Source: as `GatedAttention`; layer scale: H. Touvron et al., ICCV 2021; drop path: G. Huang et al., ECCV 2016.
    """

    def __init__(
        self,
        model: str,
        width: int,
        attention: Callable[[int], nn.Module],
        *,
        hidden: int,
        blocks: int,
        ratio: float,
        drop_path: Sequence[float],
    ) -> None:
        super().__init__()
        if blocks < 2:
            raise StbenchError(f"{model} has {blocks} blocks; two change the width there and back, so give two or more")
        if len(drop_path) != 2 or not all(0 <= each < 1 for each in drop_path):
            raise StbenchError(
                f"drop_path of {model} is {list(drop_path)}: it is two probabilities, of the first block and of the "
                "last, [0.0, 0.0] say"
            )
        first, last = drop_path
        inner, outer = [width, *[hidden] * (blocks - 1)], [*[hidden] * (blocks - 1), width]
        drops = [first + (last - first) * k / (blocks - 1) for k in range(blocks)]
        self.blocks = nn.ModuleList(
            Block(i, o, attention, ratio=ratio, drop=drop) for i, o, drop in zip(inner, outer, drops, strict=True)
        )

    def forward(self, maps: Tensor, generator: torch.Generator | None = None) -> Tensor:
        """(batch, width, y, x) to the same shape; channels last in memory, which 1x1 convolutions are faster in."""
        maps = maps.contiguous(memory_format=torch.channels_last)
        for block in self.blocks:
            maps = block(maps, generator)
        return maps
