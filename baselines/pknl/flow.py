"""The network that estimates the flow from the last frames."""

from __future__ import annotations

from itertools import pairwise

import torch
from torch import Tensor, nn
from torch.nn import functional as F

DOUBLE_FROM = 2
"""Levels from this one on have two convolutions."""


def convolution(inner: int, outer: int, stride: int = 1) -> nn.Sequential:
    """3x3 without bias, batch normalisation, ReLU."""
    return nn.Sequential(
        nn.Conv2d(inner, outer, 3, stride, 1, bias=False), nn.BatchNorm2d(outer), nn.ReLU(inplace=True)
    )


class FlowNetwork(nn.Module):
    """Frames as channels (batch, inputs, y, x) -> flow (batch, 2, y, x), x first.

        e_0 = x,  e_l = relu(norm(W_l * e_{l-1})) of stride 2, twice from the third level on (the second of stride 1)
        d_L = e_L,  d_{l-1} = [e_{l-1}, relu(V_l * up(d_l))],  flow = V_0 * d_0

    up: bilinear, twice the size, corners on corners. Channels of e_l: width * 2^(l-1); of what V_l gives: a quarter of
    those. No convolution has a bias. Weights start ~ N(0, (0.02 / (9 outputs))²), so that the flow starts near 0; with
    width 64, 5 levels and 4 inputs there are 22,197,736. Both sides have to be divisible by 2^levels.

    Source: E. de Bézenac, A. Pajot, P. Gallinari, ICLR 2018, Figure 2, and the code they released.
    """

    def __init__(self, inputs: int, *, width: int, levels: int) -> None:
        super().__init__()
        channels = [inputs, *(width * 2**level for level in range(levels))]
        self.down = nn.ModuleList()
        for level, (inner, outer) in enumerate(pairwise(channels)):
            stages = [convolution(inner, outer, 2)]
            if level >= DOUBLE_FROM:
                stages.append(convolution(outer, outer))
            self.down.append(nn.Sequential(*stages))
        self.up = nn.ModuleList()
        below = channels[-1]
        for beside, outer in zip(channels[-2::-1], channels[:0:-1], strict=True):
            self.up.append(nn.Conv2d(below, outer // 4, 3, padding=1, bias=False))
            below = beside + outer // 4
        self.flow = nn.Conv2d(below, 2, 3, padding=1, bias=False)
        for layer in self.modules():
            if isinstance(layer, nn.Conv2d):
                nn.init.normal_(layer.weight, 0.0, 0.02 / (9 * layer.out_channels))

    def forward(self, frames: Tensor) -> Tensor:
        maps = [frames]
        for stage in self.down:
            maps.append(stage(maps[-1]))
        x = maps.pop()
        for layer in self.up:
            x = F.interpolate(x, scale_factor=2, mode="bilinear", align_corners=True)
            x = torch.cat((maps.pop(), F.relu(layer(x))), 1)
        flow: Tensor = self.flow(x)
        return flow
