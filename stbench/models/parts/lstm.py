"""Stacks of LSTM cells on vectors, stepped one frame at a time, and a prior of sequences made of one."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import torch
from torch import Tensor, nn

from stbench.devices import has_bfloat16

from .gaussian import Gaussian, GaussianHead
from .precision import full

State = tuple[Tensor, Tensor]
"""h and c of a layer, each (batch, hidden), float32 whatever the precision of the products."""


class LSTM(nn.LSTM):
    """torch's LSTM over whole sequences, wherever it is asked for bfloat16.

    On a processor without AVX-512 torch has no bfloat16 kernel of it and raises RuntimeError under autocast; there, and
    there alone, it is computed in float32. The cells of `LSTMStack` need no such kernel.
    """

    def forward(self, input: Tensor, hx: State | None = None) -> tuple[Tensor, State]:  # type: ignore[override]
        kind = input.device.type
        if torch.is_autocast_enabled(kind) and not has_bfloat16(input.device):
            with torch.autocast(kind, enabled=False):
                return self._found(full(input), hx)
        return self._found(input, hx)

    def _found(self, input: Tensor, hx: State | None) -> tuple[Tensor, State]:
        found: tuple[Tensor, State] = super().forward(input, hx)
        return found


class LSTMStack(nn.Module):
    """Layers of LSTM cells; x is the h of the layer below, h and c are the layer's own, ∘ is the Hadamard product.

        i  = σ(W_xi x + W_hi h + b_i)        g  = tanh(W_xg x + W_hg h + b_g)
        f  = σ(W_xf x + W_hf h + b_f)        o  = σ(W_xo x + W_ho h + b_o)
        c' = f ∘ c + i ∘ g                   h' = o ∘ tanh(c')

    h_0(t) = W x_t + b, or x_t where not `embedded`. Stacked in the order i, f, g, o; each b is the sum of two, as torch
    has it. `layers` layers of `hidden` units. DrNet's and SVG's networks are embedded, with a linear map of their own
    on the top h; priors of DSVAE and what came after it are not. Source: S. Hochreiter and J. Schmidhuber, 1997.
    """

    def __init__(self, inputs: int, hidden: int, *, layers: int, embedded: bool) -> None:
        super().__init__()
        self.hidden = hidden
        self.embedding = nn.Linear(inputs, hidden) if embedded else nn.Identity()
        widths = [hidden if embedded else inputs, *[hidden] * layers]
        self.cells = nn.ModuleList(nn.LSTMCell(below, width) for below, width in pairwise(widths))

    def start(self, like: Tensor) -> list[State]:
        """h = c = 0 for the batch of `like`."""
        zeros = torch.zeros(len(like), self.hidden, device=like.device, dtype=full(like).dtype)
        return [(zeros, zeros) for _ in self.cells]

    def step(self, x: Tensor, states: Sequence[State]) -> tuple[Tensor, list[State]]:
        """One time step: x (batch, inputs) -> h of the top layer (batch, hidden), and the new states."""
        below, found = self.embedding(x), []
        for cell, state in zip(self.cells, states, strict=True):
            h, c = cell(below, state)
            found.append((full(h), full(c)))
            below = found[-1][0]
        return below, found

    def unroll(self, x: Tensor) -> Tensor:
        """(batch, time, inputs) -> h of the top layer at each time (batch, time, hidden), from states of 0."""
        states, found = self.start(x), []
        for each in x.unbind(1):
            h, states = self.step(each, states)
            found.append(h)
        return torch.stack(found, 1)


class SequencePrior(nn.Module):
    """p(z_1..z_T) = Π p(z_t | z_1..z_{t-1}), Gaussians whose moments are linear in the state of an LSTM; z_0 = 0.

    `forward` is the teacher-forced prior, conditioned on codes that are there: with draws of the posterior its
    divergence is that of the bound. `draw` feeds it its own draws. Source: Y. Li and S. Mandt, ICML 2018.
    """

    def __init__(self, size: int, hidden: int, *, layers: int = 1, spread: str = "log_variance") -> None:
        super().__init__()
        self.size = size
        self.stack = LSTMStack(size, hidden, layers=layers, embedded=False)
        self.head = GaussianHead(hidden, size, spread=spread)

    def before(self, codes: Tensor) -> Tensor:
        """What the LSTM has seen when z_{T+1} is next: z_0 = 0, z_1..z_T."""
        return torch.cat((torch.zeros_like(codes[:, :1]), codes), 1)

    def forward(self, codes: Tensor) -> Gaussian:
        """p(z_t | z_1..z_{t-1}) for every t: (batch, time, size) -> Gaussian of that shape; z_T is not looked at."""
        prior: Gaussian = self.head(self.stack.unroll(self.before(codes)[:, :-1]))
        return prior

    def follow(self, codes: Tensor, steps: int) -> Tensor:
        """The means of z_{T+1}..z_{T+steps}, each given `codes` z_1..z_T (batch, T, size) and the means before it:
        (batch, steps, size)."""
        states, means = self.stack.start(codes), []
        for each in self.before(codes)[:, :-1].unbind(1):
            _, states = self.stack.step(each, states)
        z = codes[:, -1]
        for _ in range(steps):
            h, states = self.stack.step(z, states)
            z = self.head(h).mean
            means.append(z)
        return torch.stack(means, 1) if means else codes[:, :0]

    def draw(self, batch: int, steps: int, generator: torch.Generator) -> tuple[Tensor, Gaussian]:
        """z (batch, steps, size), each drawn given those drawn before it, and the Gaussians they were drawn from."""
        z = self.head.mean.weight.new_zeros(batch, self.size)
        states, drawn, priors = self.stack.start(z), [], []
        for _ in range(steps):
            h, states = self.stack.step(z, states)
            priors.append(self.head(h))
            z = priors[-1].sample(generator)
            drawn.append(z)
        moments = (torch.stack(each, 1) for each in zip(*priors, strict=True))
        return torch.stack(drawn, 1), Gaussian(*moments)
