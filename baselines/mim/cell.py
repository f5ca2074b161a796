"""The cells of MIM: two memories for what changes and for what stays, the block around them, and the lowest layer."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from stbench.models.parts.projection import Projection


class Peephole(nn.Module):
    """P_i ∘ n, P_f ∘ n and P_o ∘ n': one weight per gate, channel and pixel, so parameters grow with the map.

    `init` "zeros", or "glorot" as TensorFlow's default has it for arrays [y, x, channels], P_i and P_f stacked:
    U(±sqrt(6 / (height (width + channels)))), channels 2 hidden and hidden.
    """

    def __init__(self, hidden: int, map_shape: tuple[int, int], init: str) -> None:
        super().__init__()
        height, width = map_shape
        self.before = nn.Parameter(torch.zeros(2, hidden, height, width))
        self.after = nn.Parameter(torch.zeros(hidden, height, width))
        if init == "glorot":
            for each, channels in ((self.before, 2 * hidden), (self.after, hidden)):
                bound = (6.0 / (height * (width + channels))) ** 0.5
                nn.init.uniform_(each, -bound, bound)


class MIMCell(nn.Module):
    """MIM-N and MIM-S, which have the same equations.

        i  = σ(W_xi * x + W_hi * h + P_i ∘ n)
        f  = σ(W_xf * x + W_hf * h + P_f ∘ n + 1)
        g  = tanh(W_xg * x + W_hg * h)
        n' = f ∘ n + i ∘ g
        D  = σ(W_xo * x + W_ho * h + P_o ∘ n') ∘ tanh(n')

    MIM-N: x the difference of what the layer below showed, h the D of the step before, n its own memory. MIM-S: x the D
    of MIM-N, h the temporal memory c of the block, n the memory S; its D is called T. Gates are stacked in the order i,
    f, g, o; biases and norms as in `MIMBlock`. The paper writes a convolution of n; the code its authors released has
    the convolution of h and the peepholes.

    Source: Y. Wang et al., CVPR 2019, Eq. 4 and 5, and the release. A later port has a 1x1 convolution in each MIM-N
    that it never uses.
    """

    def __init__(
        self,
        inputs: int,
        hidden: int,
        kernel: int,
        map_shape: tuple[int, int],
        *,
        norm: str,
        bias: bool,
        init: str,
        peephole_init: str,
    ) -> None:
        super().__init__()

        def projection(inner: int) -> Projection:
            return Projection(inner, 4 * hidden, kernel, map_shape, norm=norm, bias=bias, init=init)

        self.from_input, self.from_hidden = projection(inputs), projection(hidden)
        self.peephole = Peephole(hidden, map_shape, peephole_init)

    def forward(self, x: Tensor, h: Tensor, n: Tensor) -> tuple[Tensor, Tensor]:
        """D and n', (batch, hidden, y, x)."""
        i, f, g, o = (self.from_input(x) + self.from_hidden(h)).chunk(4, 1)
        p_i, p_f = self.peephole.before
        n = torch.sigmoid(f + p_f * n + 1) * n + torch.sigmoid(i + p_i * n) * torch.tanh(g)
        return torch.sigmoid(o + self.peephole.after * n) * torch.tanh(n), n


class SharedSTLSTMCell(nn.Module):
    """The lowest layer as the authors of MIM released it: an ST-LSTM whose two memories share the gates of x.

        i  = σ(x_i + h_i)         i~ = σ(x_i + m_i)
        f  = σ(x_f + h_f + 1)     f~ = σ(x_f + m_f + 1)
        g  = tanh(x_g + h_g)      g~ = tanh(x_g + m_g)
        c' = f ∘ c + i ∘ g        m' = f~ ∘ m + i~ ∘ g~
        o  = σ(x_o + h_o + m_o)   h' = o ∘ tanh(W_11 * [c', m'])

    x_. = W_x. * x and so on, each with its bias and norm where there are any; stacked in the order i, f, g, o.
    """

    def __init__(
        self,
        inputs: int,
        hidden: int,
        kernel: int,
        map_shape: tuple[int, int],
        *,
        norm: str,
        bias: bool,
        init: str,
    ) -> None:
        super().__init__()

        def projection(inner: int) -> Projection:
            return Projection(inner, 4 * hidden, kernel, map_shape, norm=norm, bias=bias, init=init)

        self.from_input, self.from_hidden, self.from_memory = projection(inputs), projection(hidden), projection(hidden)
        self.merge = Projection(2 * hidden, hidden, 1, map_shape, bias=bias, init=init)

    def forward(self, projected: Tensor, h: Tensor, c: Tensor, m: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """h', c', m' from `from_input(x)`, (batch, 4 hidden, y, x), and the states."""
        xi, xf, xg, xo = projected.chunk(4, 1)
        hi, hf, hg, ho = self.from_hidden(h).chunk(4, 1)
        mi, mf, mg, mo = self.from_memory(m).chunk(4, 1)
        c = torch.sigmoid(xf + hf + 1) * c + torch.sigmoid(xi + hi) * torch.tanh(xg + hg)
        m = torch.sigmoid(xf + mf + 1) * m + torch.sigmoid(xi + mi) * torch.tanh(xg + mg)
        return torch.sigmoid(xo + ho + mo) * torch.tanh(self.merge(torch.cat((c, m), 1))), c, m


class MIMBlock(nn.Module):
    """A layer above the lowest: instead of a forget gate of c, MIM-S.

        T, S' = MIM-S(D, c, S)
        c' = T + σ(x_i + h_i) ∘ tanh(x_g + h_g)
        m' = σ(x_f + m_f + 1) ∘ m + σ(x_i + m_i) ∘ tanh(x_g + m_g)
        h' = σ(x_o + h_o + m_o) ∘ tanh(W_11 * [c', m'])

    x_. = W_x. * x, x the h of the layer below; of h only i, g, o exist. D comes from MIM-N. Gradients flow through S
    and D, and no S outlives its clip: a later port detaches S at every step and keeps it from one batch to the next.
    `bias`: of every convolution, as in TensorFlow, or of none. `norm`: after each W * but W_11.

    Source: Y. Wang et al., CVPR 2019, Eq. 6, and the release.
    """

    def __init__(
        self,
        inputs: int,
        hidden: int,
        kernel: int,
        map_shape: tuple[int, int],
        *,
        norm: str,
        bias: bool,
        init: str,
        peephole_init: str,
    ) -> None:
        super().__init__()

        def projection(inner: int, gates: int) -> Projection:
            return Projection(inner, gates * hidden, kernel, map_shape, norm=norm, bias=bias, init=init)

        self.from_input, self.from_hidden = projection(inputs, 4), projection(hidden, 3)
        self.from_memory = projection(hidden, 4)
        self.stationary = MIMCell(
            hidden, hidden, kernel, map_shape, norm=norm, bias=bias, init=init, peephole_init=peephole_init
        )
        self.merge = Projection(2 * hidden, hidden, 1, map_shape, bias=bias, init=init)

    def forward(
        self, x: Tensor, difference: Tensor, h: Tensor, c: Tensor, m: Tensor, s: Tensor
    ) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """h', c', m', S' from the map below, D and the states."""
        xi, xf, xg, xo = self.from_input(x).chunk(4, 1)
        hi, hg, ho = self.from_hidden(h).chunk(3, 1)
        mi, mf, mg, mo = self.from_memory(m).chunk(4, 1)
        kept, s = self.stationary(difference, c, s)
        c = kept + torch.sigmoid(xi + hi) * torch.tanh(xg + hg)
        m = torch.sigmoid(xf + mf + 1) * m + torch.sigmoid(xi + mi) * torch.tanh(xg + mg)
        return torch.sigmoid(xo + ho + mo) * torch.tanh(self.merge(torch.cat((c, m), 1))), c, m, s
