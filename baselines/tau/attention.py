"""The temporal attention unit: attention within frames and between them, as a product."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from ..simvp.blocks import LargeKernel

REDUCTION, FEWEST = 16, 4


class TemporalAttention(nn.Module):
    """u = gelu(W_1 * x),  s = W_3 * LargeKernel(u),  d = σ(V_2 relu(V_1 mean(u))),  y = x + W_2 * (d ∘ s ∘ u).

    s, within a frame, has a value at every pixel; d, between frames, one per channel, from the mean over pixels (the
    frames of a window are channels here). V have no bias; between them are C // max(C // 16, 4) channels, about 16
    whatever C, as released. Weights start as the library has them, as released, and not as those of gSTA do. (batch, C,
    y, x) to the same shape.

    Source: C. Tan et al., Temporal Attention Unit, CVPR 2023, Eq. 3-5.
    """

    def __init__(self, width: int) -> None:
        super().__init__()
        self.enter, self.leave = nn.Conv2d(width, width, 1), nn.Conv2d(width, width, 1)
        self.kernel, self.within = LargeKernel(width), nn.Conv2d(width, width, 1)
        inner = width // max(width // REDUCTION, FEWEST)
        self.squeeze, self.excite = nn.Linear(width, inner, bias=False), nn.Linear(inner, width, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        u = F.gelu(self.enter(x))
        between = torch.sigmoid(self.excite(F.relu(self.squeeze(u.mean((2, 3))))))
        return x + self.leave(between[:, :, None, None] * self.within(self.kernel(u)) * u)  # type: ignore[no-any-return]
