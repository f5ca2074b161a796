"""The spatiotemporal LSTM cell of PredRNN, which MIM has in its lowest layer."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from stbench.errors import StbenchError

from .projection import Projection


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


def one_width(model: str, hidden: Sequence[int]) -> None:
    """`StbenchError` where the layers of a model through which one memory flows have different widths."""
    if len({*hidden}) != 1:
        raise StbenchError(
            f"the layers of {model} have the widths {list(hidden)}, but one memory flows through all of them: give one "
            "width several times"
        )
