"""The layers of E3D-LSTM, the memory that flows through them, and what each of them can recall."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import NamedTuple

from torch import Tensor, nn

from stbench.models.parts.st_lstm import one_width

from .cell import E3DLSTMCell


class States(NamedTuple):
    """Between two time steps; all maps are (batch, window, hidden, y, x)."""

    layers: tuple[tuple[Tensor, Tensor], ...]
    """h and c of each layer."""
    memory: Tensor
    """m of the top layer."""
    histories: tuple[tuple[Tensor, ...], ...]
    """Of each layer all c before the present one."""


class E3DLSTMStack(nn.Module):
    """Layers of `E3DLSTMCell`; m flows through all of them and on to the next step, as in PredRNN.

        h_l, c_l, m_l (t) = cell_l(h_{l-1}(t), h_l(t-1), c_l(t-1), m_{l-1}(t), c_l(0..t-1)),   m_0(t) = m_L(t-1)

    h_0(t) holds the last `window` frames, the newest last and zeros before the first; windows move by one frame.
    """

    def __init__(
        self,
        inputs: int,
        hidden: Sequence[int],
        kernel: int,
        window: int,
        map_shape: tuple[int, int],
        *,
        norm: str,
        bias: bool,
        glorot: bool,
        recalls: bool,
    ) -> None:
        super().__init__()
        one_width("e3d-lstm", hidden)
        self.layers = nn.ModuleList(
            E3DLSTMCell(below, width, kernel, window, map_shape, norm=norm, bias=bias, glorot=glorot, recalls=recalls)
            for below, width in pairwise((inputs, *hidden))
        )
        self.window, self.width, self.map_shape = window, hidden[0], map_shape

    def read(self, frames: Tensor) -> list[Tensor]:
        """`from_input` of the lowest layer for every window in frames (batch, window - 1 + steps, inputs, y, x), all in
        one call."""
        windows = frames.unfold(1, self.window, 1).movedim(-1, 2)
        projected: Tensor = self.layers[0].from_input(windows.flatten(0, 1))  # type: ignore[operator]
        return list(projected.reshape(*windows.shape[:2], *projected.shape[1:]).unbind(1))

    def start(self, like: Tensor) -> States:
        """All states 0 for the batch of `like`, and nothing to recall."""
        zero = like.new_zeros(len(like), self.window, self.width, *self.map_shape)
        number = len(self.layers)
        return States(((zero, zero),) * number, zero, ((),) * number)

    def step(self, read: Tensor, states: States) -> tuple[Tensor, States]:
        """One time step through all layers, from what `read` made of the window: h of the top layer, slots and channels
        on one axis, (batch, window * hidden, y, x); and the new states."""
        found: list[tuple[Tensor, Tensor]] = []
        histories: list[tuple[Tensor, ...]] = []
        m, h = states.memory, None
        for cell, (before, c), past in zip(self.layers, states.layers, states.histories, strict=True):
            histories.append((*past, c) if cell.recalls else ())
            h, c, m = cell(read if h is None else cell.from_input(h), before, c, m, histories[-1])  # type: ignore[operator]
            found.append((h, c))
        return found[-1][0].flatten(1, 2), States(tuple(found), m, tuple(histories))
