"""The spatiotemporal LSTM of PredRNN, and a stack of them through which one memory flows."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import NamedTuple

import torch
from torch import Tensor, nn

from stbench.errors import StbenchError
from stbench.models.parts.projection import Projection


class STLSTMCell(nn.Module):
    """One layer; ∘ is the Hadamard product, * a convolution with zero padding that keeps the size of the map.

        i  = σ(W_xi * x + W_hi * h + b_i)                  i~ = σ(W~_xi * x + W_mi * m + b~_i)
        f  = σ(W_xf * x + W_hf * h + b_f + 1)              f~ = σ(W~_xf * x + W_mf * m + b~_f + 1)
        g  = tanh(W_xg * x + W_hg * h + b_g)               g~ = tanh(W~_xg * x + W_mg * m + b~_g)
        c' = f ∘ c + i ∘ g                                 m' = f~ ∘ m + i~ ∘ g~
        o  = σ(W_xo * x + W_ho * h + W_o * [c', m'] + b_o)
        h' = o ∘ tanh(W_11 * [c', m'])

    c is the layer's own memory, m the one that comes from the layer below, and to the lowest layer from the top one at
    the step before. Stacked in the order i, f, g, i~, f~, g~, o; W_11 is a 1x1 convolution. The 1 that is added to
    forget gates is that of the releases. With a `norm`, each W * is followed by `MapNorm`, but for W_11. `bias`: of all
    convolutions, as in TensorFlow, or of none, as in the PyTorch ports. x (batch, inputs, y, x); h, c, m (batch,
    hidden, y, x).

    Source: Y. Wang et al., PredRNN, NIPS 2017, Eq. 3.
    """

    def __init__(
        self, inputs: int, hidden: int, kernel: int, map_shape: tuple[int, int], *, norm: str, bias: bool
    ) -> None:
        super().__init__()

        def projection(inner: int, gates: int) -> Projection:
            return Projection(inner, gates * hidden, kernel, map_shape, norm=norm, bias=bias)

        self.from_input = projection(inputs, 7)
        self.from_hidden = projection(hidden, 4)
        self.from_memory = projection(hidden, 3)
        self.from_both = projection(2 * hidden, 1)
        self.merge = Projection(2 * hidden, hidden, 1, map_shape, bias=bias)

    def forward(self, projected: Tensor, h: Tensor, c: Tensor, m: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """h', c', m' from `from_input(x)`, (batch, 7 hidden, y, x), and the states."""
        xi, xf, xg, xmi, xmf, xmg, xo = projected.chunk(7, 1)
        hi, hf, hg, ho = self.from_hidden(h).chunk(4, 1)
        mi, mf, mg = self.from_memory(m).chunk(3, 1)
        c = torch.sigmoid(xf + hf + 1) * c + torch.sigmoid(xi + hi) * torch.tanh(xg + hg)
        m = torch.sigmoid(xmf + mf + 1) * m + torch.sigmoid(xmi + mi) * torch.tanh(xmg + mg)
        both = torch.cat((c, m), 1)
        o = torch.sigmoid(xo + ho + self.from_both(both))
        return o * torch.tanh(self.merge(both)), c, m


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


def one_width(model: str, hidden: Sequence[int]) -> None:
    """`StbenchError` where the layers of a model through which one memory flows have different widths."""
    if len({*hidden}) != 1:
        raise StbenchError(
            f"the layers of {model} have the widths {list(hidden)}, but one memory flows through all of them: give one "
            "width several times"
        )
