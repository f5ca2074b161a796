"""The convolutional LSTM cell of Shi et al. 2015, and a stack of them."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import torch
from torch import Tensor, nn

from stbench.errors import StbenchError
from stbench.models.parts.components import choose

State = tuple[Tensor, Tensor]
"""h and c of a layer, each (batch, hidden, y, x)."""
PEEPHOLES = ("none", "channel", "pixel")


class ConvLSTMCell(nn.Module):
    """One layer; ∘ is the Hadamard product, * a convolution with zero padding that keeps the size of the map.

        i  = σ(W_xi * x + W_hi * h + W_ci ∘ c + b_i)
        f  = σ(W_xf * x + W_hf * h + W_cf ∘ c + b_f)
        c' = f ∘ c + i ∘ tanh(W_xc * x + W_hc * h + b_c)
        o  = σ(W_xo * x + W_ho * h + W_co ∘ c' + b_o)
        h' = o ∘ tanh(c')

    The convolutions of the four gates are stacked in the order i, f, g, o. `peephole`: W_c. is one weight per channel
    ("channel"; the only reading that gives the parameter counts of the paper's Table 1), one per channel and pixel
    ("pixel"), or 0 ("none"); it starts at 0. `inputs` 0: a layer that sees nothing but its own state. `bias` False: no
    b. Source: X. Shi et al., NIPS 2015, Eq. 3.
    """

    def __init__(
        self, inputs: int, hidden: int, kernel: int, map_shape: tuple[int, int], *, peephole: str, bias: bool
    ) -> None:
        super().__init__()
        choose("peephole", dict.fromkeys(PEEPHOLES), peephole)
        if kernel % 2 == 0:
            raise StbenchError(f"the kernel of a ConvLSTM is {kernel}; it must be odd to keep the size of the map")
        self.hidden, self.map_shape = hidden, map_shape
        self.from_input = nn.Conv2d(inputs, 4 * hidden, kernel, padding=kernel // 2, bias=bias) if inputs else None
        # Without an input the bias moves to the only convolution there is.
        self.from_hidden = nn.Conv2d(hidden, 4 * hidden, kernel, padding=kernel // 2, bias=bias and not inputs)
        self.peephole: nn.Parameter | None = None
        if peephole != "none":
            self.peephole = nn.Parameter(torch.zeros(3, hidden, *(map_shape if peephole == "pixel" else (1, 1))))

    def start(self, like: Tensor) -> State:
        """h = c = 0 for the batch of `like`, float32 on its device."""
        zeros = torch.zeros(len(like), self.hidden, *self.map_shape, device=like.device)
        return zeros, zeros

    def project(self, x: Tensor) -> Tensor:
        """W_x. * x + b. of the four gates, (batch, 4 hidden, y, x); any number of time steps may be in the batch."""
        assert self.from_input is not None, "this layer has no input"
        projected: Tensor = self.from_input(x)
        return projected

    def step(self, projected: Tensor | None, state: State) -> State:
        """One time step from `project(x)`, None in a layer without input."""
        h, c = state
        gates = self.from_hidden(h)
        if projected is not None:
            gates = gates + projected
        # The state is carried in float32 whatever the precision of the convolutions.
        i, f, g, o = gates.float().chunk(4, dim=1)
        if self.peephole is not None:
            i, f = i + self.peephole[0] * c, f + self.peephole[1] * c
        c = torch.sigmoid(f) * c + torch.sigmoid(i) * torch.tanh(g)
        if self.peephole is not None:
            o = o + self.peephole[2] * c
        return torch.sigmoid(o) * torch.tanh(c), c


class ConvLSTMStack(nn.Module):
    """Layers of `ConvLSTMCell`, the h of one the input of the next; `inputs` 0: the first one sees only its state."""

    def __init__(
        self,
        inputs: int,
        hidden: Sequence[int],
        kernel: int,
        map_shape: tuple[int, int],
        *,
        peephole: str = "none",
        bias: bool = True,
    ) -> None:
        super().__init__()
        self.layers = nn.ModuleList(
            ConvLSTMCell(below, width, kernel, map_shape, peephole=peephole, bias=bias)
            for below, width in pairwise((inputs, *hidden))
        )

    def start(self, like: Tensor) -> list[State]:
        """All states 0: nothing is carried from one batch to the next."""
        return [cell.start(like) for cell in self.layers]  # type: ignore[operator]

    def step(self, x: Tensor, states: Sequence[State]) -> list[State]:
        """One time step through all layers; the last state's h is the output."""
        found: list[State] = []
        for cell, state in zip(self.layers, states, strict=True):
            found.append(cell.step(cell.project(x), state))  # type: ignore[operator]
            x = found[-1][0]
        return found

    def unroll(self, x: Tensor | None, states: Sequence[State], steps: int) -> tuple[list[Tensor], list[State]]:
        """`steps` time steps, x (batch, steps, channel, y, x) or None: h of every layer (batch, steps, hidden, y, x),
        and the states after the last step.

        Layer by layer, so that the convolutions of the input see all time steps at once.
        """
        outputs, last = [], []
        for cell, state in zip(self.layers, states, strict=True):
            projected: Sequence[Tensor | None] = [None] * steps
            if x is not None:
                projected = cell.project(x.flatten(0, 1)).unflatten(0, x.shape[:2]).unbind(1)  # type: ignore[operator]
            hidden = []
            for each in projected:
                state = cell.step(each, state)  # type: ignore[operator]
                hidden.append(state[0])
            x = torch.stack(hidden, 1)
            outputs.append(x)
            last.append(state)
        return outputs, last
