"""The Causal LSTM and the gradient highway unit of PredRNN++, and a stack of both."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import NamedTuple

import torch
from torch import Tensor, nn

from stbench.errors import StbenchError
from stbench.models.parts.components import choose
from stbench.models.parts.projection import Projection

INITIAL = {"release": ("small", "glorot"), "library": ("library", "library")}
"""How weights start: those of the gates, and of 1x1 convolutions, which the release leaves to TensorFlow's default."""


class CausalLSTMCell(nn.Module):
    """One layer, whose two memories are updated one after the other; ∘ is the Hadamard product, * a convolution.

        i  = σ(W_xi * x + W_hi * h + W_ci * c)             i~ = σ(V_xi * x + V_ci * c' + V_mi * m)
        f  = σ(W_xf * x + W_hf * h + W_cf * c + 1)         f~ = σ(V_xf * x + V_cf * c' + V_mf * m + 1)
        g  = tanh(W_xg * x + W_hg * h + W_cg * c)          g~ = tanh(V_xg * x + V_cg * c')
        c' = f ∘ c + i ∘ g                                 m' = f~ ∘ tanh(V_mm * m) + i~ ∘ g~
        o  = tanh(W_xo * x + W_ho * h + W_co * c' + W_mo * m')
        h' = o ∘ tanh(W_11 * [c', m'])

    W_. * . stand for a convolution with its bias, where there is one, and its `MapNorm`, where there is a `norm`; W_11
    is 1x1 and has no norm. Stacked orders: of x i, f, g, i~, f~, g~, o; of h i, f, g, o; of c i, f, g; of m i~, f~, mm;
    of c' i~, g~, f~, o. The output gate is a tanh, as published and released. m may come with another width
    (`memory`) than the layer's. An older public snapshot lacks W_c; a later port declares a W_o that it never uses.

    Source: Y. Wang et al., PredRNN++, ICML 2018, Eq. 2, and the code its first author released.
    """

    def __init__(
        self,
        inputs: int,
        hidden: int,
        memory: int,
        kernel: int,
        map_shape: tuple[int, int],
        *,
        norm: str,
        bias: bool,
        init: str,
    ) -> None:
        super().__init__()
        of_gates, of_merge = choose("init", INITIAL, init)

        def projection(inner: int, gates: int) -> Projection:
            return Projection(inner, gates * hidden, kernel, map_shape, norm=norm, bias=bias, init=of_gates)

        self.from_input = projection(inputs, 7)
        self.from_hidden = projection(hidden, 4)
        self.from_cell = projection(hidden, 3)
        self.from_memory = projection(memory, 3)
        self.from_new_cell = projection(hidden, 4)
        self.from_new_memory = projection(hidden, 1)
        self.merge = Projection(2 * hidden, hidden, 1, map_shape, bias=bias, init=of_merge)

    def forward(self, projected: Tensor, h: Tensor, c: Tensor, m: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """h', c', m' from `from_input(x)`, (batch, 7 hidden, y, x), and the states."""
        xi, xf, xg, xmi, xmf, xmg, xo = projected.chunk(7, 1)
        hi, hf, hg, ho = self.from_hidden(h).chunk(4, 1)
        ci, cf, cg = self.from_cell(c).chunk(3, 1)
        mi, mf, mm = self.from_memory(m).chunk(3, 1)
        c = torch.sigmoid(xf + hf + cf + 1) * c + torch.sigmoid(xi + hi + ci) * torch.tanh(xg + hg + cg)
        ki, kg, kf, ko = self.from_new_cell(c).chunk(4, 1)
        m = torch.sigmoid(xmf + kf + mf + 1) * torch.tanh(mm) + torch.sigmoid(xmi + ki + mi) * torch.tanh(xmg + kg)
        o = torch.tanh(xo + ho + ko + self.from_new_memory(m))
        return o * torch.tanh(self.merge(torch.cat((c, m), 1))), c, m


class GradientHighway(nn.Module):
    """A short way through time for gradients.

        p  = tanh(W_px * x + W_pz * z)
        s  = σ(W_sx * x + W_sz * z)
        z' = s ∘ p + (1 - s) ∘ z

    Stacked in the order p, s; bias and norm as in `CausalLSTMCell`; weights start in U(±0.001), in ports too.

    Source: Y. Wang et al., PredRNN++, ICML 2018, Eq. 3.
    """

    def __init__(self, width: int, kernel: int, map_shape: tuple[int, int], *, norm: str, bias: bool) -> None:
        super().__init__()

        def projection() -> Projection:
            return Projection(width, 2 * width, kernel, map_shape, norm=norm, bias=bias, init="small")

        self.from_input, self.from_state = projection(), projection()

    def forward(self, x: Tensor, z: Tensor) -> Tensor:
        """z' (batch, width, y, x)."""
        p, s = (self.from_input(x) + self.from_state(z)).chunk(2, 1)
        s = torch.sigmoid(s)
        highway: Tensor = s * torch.tanh(p) + (1 - s) * z
        return highway


class States(NamedTuple):
    """Between two time steps."""

    layers: tuple[tuple[Tensor, Tensor], ...]
    """h and c of each layer."""
    memory: Tensor
    """m of the top layer."""
    highway: Tensor
    """z, of the width of the lowest layer."""


class CausalLSTMStack(nn.Module):
    """Layers of `CausalLSTMCell`, the gradient highway between the first and the second.

        h_1, c_1, m_1 (t) = cell_1(x_t, h_1, c_1, m_L (t-1)),   z(t) = GHU(h_1(t), z(t-1)),
        h_2, c_2, m_2 (t) = cell_2(z(t), ...),   h_l, c_l, m_l (t) = cell_l(h_{l-1}(t), ..., m_{l-1}(t))

    Layers may have different widths: the convolution of m maps the width of the layer it comes from to the layer's.
    `highway` False leaves the GHU out: layer 2 reads h_1.
    """

    def __init__(
        self,
        inputs: int,
        hidden: Sequence[int],
        kernel: int,
        map_shape: tuple[int, int],
        *,
        norm: str,
        bias: bool,
        init: str,
        highway: bool = True,
    ) -> None:
        super().__init__()
        if len(hidden) < 2:
            raise StbenchError(
                f"the gradient highway of causal-lstm lies between two layers, but hidden is {list(hidden)}: give two "
                "widths or more"
            )
        memories = (hidden[-1], *hidden[:-1])
        self.layers = nn.ModuleList(
            CausalLSTMCell(below, width, memory, kernel, map_shape, norm=norm, bias=bias, init=init)
            for (below, width), memory in zip(pairwise((inputs, *hidden)), memories, strict=True)
        )
        self.highway = GradientHighway(hidden[0], kernel, map_shape, norm=norm, bias=bias) if highway else None
        self.hidden, self.map_shape = tuple(hidden), map_shape

    def read(self, frames: Tensor) -> list[Tensor]:
        """`from_input` of the lowest layer for frames (batch, steps, inputs, y, x), all in one call."""
        read: list[Tensor] = self.layers[0].from_input.frames(frames)  # type: ignore[operator,union-attr]
        return read

    def start(self, like: Tensor) -> States:
        """All states 0 for the batch of `like`."""
        zeros = [like.new_zeros(len(like), width, *self.map_shape) for width in self.hidden]
        return States(tuple((each, each) for each in zeros), zeros[-1], zeros[0])

    def step(self, read: Tensor, states: States) -> tuple[Tensor, States]:
        """One time step through all layers, from what `read` made of the frame: h of the top layer, new states."""
        found: list[tuple[Tensor, Tensor]] = []
        m, z, h = states.memory, states.highway, None
        for cell, (before, c) in zip(self.layers, states.layers, strict=True):
            h, c, m = cell(read if h is None else cell.from_input(h), before, c, m)  # type: ignore[operator]
            found.append((h, c))
            if len(found) == 1 and self.highway is not None:
                h = z = self.highway(h, z)
        return found[-1][0], States(tuple(found), m, z)
