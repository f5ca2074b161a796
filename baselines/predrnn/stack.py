"""A stack of spatiotemporal LSTM cells through which one memory flows."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import NamedTuple

from torch import Tensor, nn

from stbench.models.parts.st_lstm import STLSTMCell, one_width


class States(NamedTuple):
    """Between two time steps."""

    layers: tuple[tuple[Tensor, Tensor], ...]
    """h and c of each layer, (batch, hidden, y, x)."""
    memory: Tensor
    """m of the top layer."""


class STLSTMStack(nn.Module):
    """Layers of `STLSTMCell`: h is the input of the layer above, m flows through all of them and on to the next step.

        h_l, c_l, m_l (t) = cell_l(h_{l-1}(t), h_l(t-1), c_l(t-1), m_{l-1}(t)),   h_0(t) = x_t,  m_0(t) = m_L(t-1)

    All layers have the same width, because m passes them unchanged in shape.
    """

    def __init__(
        self,
        inputs: int,
        hidden: Sequence[int],
        kernel: int,
        map_shape: tuple[int, int],
        *,
        norm: str = "none",
        bias: bool = False,
    ) -> None:
        super().__init__()
        one_width("predrnn", hidden)
        self.layers = nn.ModuleList(
            STLSTMCell(below, width, kernel, map_shape, norm=norm, bias=bias)
            for below, width in pairwise((inputs, *hidden))
        )
        self.hidden, self.map_shape = tuple(hidden), map_shape

    def read(self, frames: Tensor) -> list[Tensor]:
        """`from_input` of the lowest layer for frames (batch, steps, inputs, y, x), all in one call."""
        read: list[Tensor] = self.layers[0].from_input.frames(frames)  # type: ignore[operator,union-attr]
        return read

    def start(self, like: Tensor) -> States:
        """All states 0 for the batch of `like`."""
        zeros = [like.new_zeros(len(like), width, *self.map_shape) for width in self.hidden]
        return States(tuple((each, each) for each in zeros), zeros[-1])

    def step(self, read: Tensor, states: States) -> tuple[Tensor, States]:
        """One time step through all layers, from what `read` made of the frame: h of the top layer, new states."""
        found: list[tuple[Tensor, Tensor]] = []
        m, h = states.memory, None
        for cell, (before, c) in zip(self.layers, states.layers, strict=True):
            h, c, m = cell(read if h is None else cell.from_input(h), before, c, m)  # type: ignore[operator]
            found.append((h, c))
        return found[-1][0], States(tuple(found), m)
