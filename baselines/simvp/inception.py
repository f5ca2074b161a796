"""The translator of the first SimVP: inception blocks in the form of a U."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from stbench.errors import StbenchError

from .coder import SLOPE

KERNELS = (3, 5, 7, 11)
GROUPS = 8


class Inception(nn.Module):
    """y = Σ_k leaky(norm(W_k * (W_1 * x))), k = 3, 5, 7, 11: W_1 is 1x1 to `inner` channels, W_k has eight groups.

    norm: `GroupNorm` of eight groups. (batch, width, y, x) -> (batch, outer, y, x).
    """

    def __init__(self, width: int, inner: int, outer: int) -> None:
        super().__init__()
        self.narrow = nn.Conv2d(width, inner, 1)
        self.convolutions = nn.ModuleList(nn.Conv2d(inner, outer, k, padding=k // 2, groups=GROUPS) for k in KERNELS)
        self.norms = nn.ModuleList(nn.GroupNorm(GROUPS, outer) for _ in KERNELS)

    def forward(self, x: Tensor) -> Tensor:
        x = self.narrow(x)
        pairs = zip(self.convolutions, self.norms, strict=True)
        return torch.stack([F.leaky_relu(norm(convolution(x)), SLOPE) for convolution, norm in pairs]).sum(0)


class InceptionU(nn.Module):
    """`blocks` inception blocks down and as many up; block k of those up reads [x, what block N - k + 1 gave].

        e_1 = B_1(z), e_k = B_k(e_{k-1});   d_1 = B'_1(e_N), d_k = B'_k([d_{k-1}, e_{N-k+1}]);   z' = d_N

    All have `hidden` channels, the last one those of z. All maps have one size: U is the form of the connections.
    `StbenchError` where eight groups do not divide the widths; a public implementation falls back to one group there.

    Source: Z. Gao et al., SimVP, CVPR 2022, section 3.2.
    """

    def __init__(self, width: int, *, hidden: int, blocks: int) -> None:
        super().__init__()
        if blocks < 2:
            raise StbenchError(f"the inception form of simvp has {blocks} blocks each way; give two or more")
        if width % GROUPS or hidden % (2 * GROUPS):
            raise StbenchError(
                f"the inception form of simvp has {GROUPS} groups, which have to divide its channels ({width} = frames "
                f"times width) and half of hidden ({hidden}): change width or hidden"
            )
        self.down = nn.ModuleList(Inception(inner, hidden // 2, hidden) for inner in (width, *[hidden] * (blocks - 1)))
        inner, outer = [hidden, *[2 * hidden] * (blocks - 1)], [*[hidden] * (blocks - 1), width]
        self.up = nn.ModuleList(Inception(i, hidden // 2, o) for i, o in zip(inner, outer, strict=True))

    def forward(self, maps: Tensor, generator: torch.Generator | None = None) -> Tensor:
        """(batch, width, y, x) to the same shape; nothing is drawn."""
        skips = []
        for block in self.down:
            maps = block(maps)
            skips.append(maps)
        skips.pop()
        maps = self.up[0](maps)
        for block in self.up[1:]:
            maps = block(torch.cat((maps, skips.pop()), 1))
        return maps
