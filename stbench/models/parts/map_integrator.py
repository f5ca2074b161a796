"""Residual convolutions as the integrator of two-dimensional states (sea surface; appendix E.2.2, F.3)."""

from __future__ import annotations

from torch import Tensor, nn

from stbench.contract.settings import Size, Weight

from .convolutions import SLOPE, Chain, Conv2d, Stage
from .integrator import FrameByFrame


class ResidualConvolutions(FrameByFrame):
    """T_{k+1} = (id + g_K) o ... o (id + g_1) (T_k), each g three 3x3 convolutions p -> H -> H -> p.

    Every convolution is followed by batch normalisation, the first two also by LeakyReLU. Convolutions are orthogonal
    with the given `gain`, biases zero. As in the published code the same gain is the standard deviation of the
    normalisation's scale, which is drawn from N(1, gain^2). The state stays float32 under autocast.
    """

    def __init__(self, state_size: int, *, blocks: Size, hidden: Size, gain: Weight) -> None:
        super().__init__()
        sizes = ((state_size, hidden, SLOPE), (hidden, hidden, SLOPE), (hidden, state_size, 1.0))
        self.blocks = nn.ModuleList(
            Chain(*(Stage(Conv2d(inner, outer, 3, padding=1), slope) for inner, outer, slope in sizes))
            for _ in range(blocks)
        )
        for layer in self.modules():
            if isinstance(layer, nn.Conv2d):
                nn.init.orthogonal_(layer.weight, gain)
                assert layer.bias is not None
                nn.init.zeros_(layer.bias)
            elif isinstance(layer, nn.BatchNorm2d):
                nn.init.normal_(layer.weight, 1.0, gain)

    def forward(self, state: Tensor) -> Tensor:
        """One frame further: (batch, p, y, x) -> (batch, p, y, x)."""
        for block in self.blocks:
            state = state + block(state).float()
        return state
