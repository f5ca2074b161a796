"""The eidetic 3D LSTM: convolutions along a window of frames, and a memory that recalls all that came before."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from stbench.errors import StbenchError
from stbench.models.parts.precision import full
from stbench.models.parts.projection import normalisation


class WindowProjection(nn.Module):
    """norm(W * x + b), * a convolution over window, y and x with zero padding that keeps the size of all three.

        y_l = Σ_j W_j * x_{l + j - before},   before = (window - 1) // 2

    x (batch, window, inner, y, x) -> (batch, window, outer, y, x). The kernel is as long as the window; with two slots
    it pads one zero after the last, as TensorFlow does. Evaluated as one two-dimensional convolution per j of those
    slots alone whose shifted place is in the window: for two slots three quarters of the work of a padded one.
    `glorot`: weights start in U(±sqrt(6 / (window k² (inner + outer)))) and biases at 0, TensorFlow's default; else
    PyTorch's.
    """

    def __init__(
        self,
        inner: int,
        outer: int,
        kernel: int,
        window: int,
        map_shape: tuple[int, int],
        *,
        norm: str,
        bias: bool,
        glorot: bool,
    ) -> None:
        super().__init__()
        if kernel % 2 == 0:
            raise StbenchError(f"the kernel of e3d-lstm is {kernel}; it must be odd to keep the size of maps")
        # Holds the weights and lets them start as those of a convolution in three dimensions.
        self.convolution = nn.Conv3d(inner, outer, (window, kernel, kernel), bias=bias)
        if glorot:
            nn.init.xavier_uniform_(self.convolution.weight)
            if self.convolution.bias is not None:
                nn.init.zeros_(self.convolution.bias)
        self.norm = normalisation(norm, (window, outer, *map_shape))
        self.window, self.padding, self.before = window, kernel // 2, (window - 1) // 2

    def forward(self, x: Tensor) -> Tensor:
        weight = self.convolution.weight
        y = self._convolve(x, weight[:, :, self.before], self.convolution.bias)
        for j in range(self.window):
            shift = j - self.before
            if shift > 0:
                part = self._convolve(x[:, shift:], weight[:, :, j])
                y = y + F.pad(part, (0, 0, 0, 0, 0, 0, 0, shift))
            elif shift < 0:
                part = self._convolve(x[:, :shift], weight[:, :, j])
                y = y + F.pad(part, (0, 0, 0, 0, 0, 0, -shift, 0))
        return full(self.norm(y))

    def _convolve(self, x: Tensor, weight: Tensor, bias: Tensor | None = None) -> Tensor:
        """Every slot by the same weights."""
        y = F.conv2d(x.flatten(0, 1), weight, bias, padding=self.padding)
        return y.reshape(*x.shape[:2], *y.shape[1:])


def recall(query: Tensor, history: Sequence[Tensor]) -> Tensor:
    """RECALL = softmax(R Kᵀ) K, over all positions of all memories of the history; R, K of one row per position.

    query (batch, window, channel, y, x), memories like it -> like it. A position is a slot of the window and a pixel,
    its row the vector of its channels: a port reshapes maps without moving the channels last, and mixes both. There is
    no scaling by the width, so the logits grow with it, and bfloat16 would round them by whole units: it runs in
    float32 (or float64) whatever the precision of the step. The matrix of (window y x)² numbers per memory is never
    stored: the sums run block by block, and again in the backward pass (`scaled_dot_product_attention`).

    Source: Y. Wang et al., E3D-LSTM, ICLR 2019, Eq. 2.
    """
    batch, window, channels, height, width = query.shape

    def rows(maps: Tensor) -> Tensor:
        return full(maps).movedim(2, -1).reshape(batch, 1, -1, channels)

    with torch.autocast(query.device.type, enabled=False):
        keys = torch.cat([rows(each) for each in history], 2)
        found = F.scaled_dot_product_attention(rows(query), keys, keys, scale=1.0)
    return found.reshape(batch, window, height, width, channels).movedim(-1, 2)


class E3DLSTMCell(nn.Module):
    """One layer; ∘ is the Hadamard product, * a convolution over window, y and x (`WindowProjection`).

        i  = σ(W_xi * x + W_hi * h)                        i~ = σ(V_xi * x + V_mi * m)
        r  = σ(W_xr * x + W_hr * h)                        f~ = σ(V_xf * x + V_mf * m + 1)
        g  = tanh(W_xg * x + W_hg * h)                     g~ = tanh(V_xg * x + V_mg * m)
        c' = LN(c + RECALL(r, c_0..c)) + i ∘ g             m' = f~ ∘ tanh(V_mm * m) + i~ ∘ g~
        o  = σ(tanh(W_xo * x + W_ho * h + W_co * c' + W_mo * m'))
        h' = o ∘ tanh(W_111 * [c', m'])

    W_. * x stands for the convolution with its bias, where there is one, and for x, h and m its `MapNorm`, where there
    is a `norm`. LN is always there: per channel, or per element with norm "none", as in the port. Stacked orders: of x
    i, r, g, i~, f~, g~, o; of h i, r, g, o; of m i~, f~, g~, mm. The output gate is a σ of a tanh, as released. The
    history ends with the c before the update and begins with c_0 = 0. All maps are (batch, window, channels, y, x).

    The released code returns the old m instead of m', so that m stays 0; its authors call that a mistake, which their
    published runs did not have. Here m' is returned.

    Source: Y. Wang et al., ICLR 2019, Eq. 2-4, and the release.
    """

    def __init__(
        self,
        inputs: int,
        hidden: int,
        kernel: int,
        window: int,
        map_shape: tuple[int, int],
        *,
        norm: str,
        bias: bool,
        glorot: bool,
        recalls: bool = True,
    ) -> None:
        super().__init__()

        def projection(inner: int, gates: int, norm: str) -> WindowProjection:
            return WindowProjection(
                inner, gates * hidden, kernel, window, map_shape, norm=norm, bias=bias, glorot=glorot
            )

        self.from_input = projection(inputs, 7, norm)
        self.from_hidden = projection(hidden, 4, norm)
        self.from_memory = projection(hidden, 4, norm)
        self.from_new_cell = projection(hidden, 1, "none")
        self.from_new_memory = projection(hidden, 1, "none")
        self.merge = nn.Conv2d(2 * hidden, hidden, 1, bias=bias)
        if glorot:
            nn.init.xavier_uniform_(self.merge.weight)
            if self.merge.bias is not None:
                nn.init.zeros_(self.merge.bias)
        self.norm = normalisation("element" if norm == "none" else norm, (window, hidden, *map_shape))
        self.recalls = recalls

    def forward(
        self, projected: Tensor, h: Tensor, c: Tensor, m: Tensor, history: Sequence[Tensor]
    ) -> tuple[Tensor, Tensor, Tensor]:
        """h', c', m' from `from_input(x)`, the states, and the memories c_0..c. `recalls` False: RECALL = 0."""
        xi, xr, xg, xmi, xmf, xmg, xo = projected.chunk(7, 2)
        hi, hr, hg, ho = self.from_hidden(h).chunk(4, 2)
        mi, mf, mg, mm = self.from_memory(m).chunk(4, 2)
        past = c + recall(torch.sigmoid(xr + hr), history) if self.recalls else c
        c = self.norm(past) + torch.sigmoid(xi + hi) * torch.tanh(xg + hg)
        m = torch.sigmoid(xmf + mf + 1) * torch.tanh(mm) + torch.sigmoid(xmi + mi) * torch.tanh(xmg + mg)
        o = torch.sigmoid(torch.tanh(xo + ho + self.from_new_cell(c) + self.from_new_memory(m)))
        merged = full(self.merge(torch.cat((c, m), 2).flatten(0, 1))).reshape(c.shape)
        return o * torch.tanh(merged), c, m
