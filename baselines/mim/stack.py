"""The layers of MIM, the memory that flows through them, and the differences that pass beside them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from torch import Tensor, nn

from stbench.errors import StbenchError
from stbench.models.parts.components import choose
from stbench.models.parts.st_lstm import STLSTMCell, one_width

from .cell import MIMBlock, MIMCell, SharedSTLSTMCell

FIRST = ("shared", "st-lstm")
"""The lowest layer: gates of x shared by both memories, as the authors released it, or PredRNN's cell, as in ports."""


class Initial(NamedTuple):
    """How weights start."""

    block: str
    difference: str
    """Of MIM-N."""
    peephole: str


INITIAL = {"release": Initial("widths", "small", "glorot"), "library": Initial("library", "library", "zeros")}
"""By the name of the setting `init`: as the authors released it, or as in a later port."""


class States(NamedTuple):
    """Between two time steps; all maps are (batch, hidden, y, x)."""

    layers: tuple[tuple[Tensor, Tensor], ...]
    """h and c of each layer."""
    memory: Tensor
    """m of the top layer."""
    differences: tuple[tuple[Tensor, Tensor], ...]
    """D and n of the MIM-N below each layer but the lowest."""
    stationary: tuple[Tensor, ...]
    """S of each layer but the lowest."""
    begun: bool = True
    """False before the first step: there is no difference yet."""


class MIMStack(nn.Module):
    """A spatiotemporal LSTM below, MIM blocks above; one memory m flows through all of them and on to the next step.

        D_2(t) = MIM-N_2(h_1(t) - h_1(t-1), D_2(t-1), n_2),   D_l(t) = MIM-N_l(D_{l-1}(t), D_l(t-1), n_l)  for l > 2
        h_l, c_l, m_l, S_l (t) = block_l(h_{l-1}(t), D_l(t), h_l, c_l, m_{l-1}(t), S_l),   m_0(t) = m_L(t-1)

    At the first step D = 0 and no MIM-N is applied. All layers have the same width, because m passes them.
    """

    def __init__(
        self,
        inputs: int,
        hidden: Sequence[int],
        kernel: int,
        map_shape: tuple[int, int],
        *,
        first: str,
        norm: str,
        bias: bool,
        init: str,
    ) -> None:
        super().__init__()
        one_width("mim", hidden)
        if len(hidden) < 2:
            raise StbenchError(f"mim needs a layer above the lowest one, but hidden is {list(hidden)}: give two widths")
        width, above = hidden[0], len(hidden) - 1
        start = choose("init", INITIAL, init)
        choose("first layer", dict.fromkeys(FIRST), first)
        self.first: nn.Module = (
            STLSTMCell(inputs, width, kernel, map_shape, norm=norm, bias=bias)
            if first == "st-lstm"
            else SharedSTLSTMCell(inputs, width, kernel, map_shape, norm=norm, bias=bias, init=start.block)
        )
        self.blocks = nn.ModuleList(
            MIMBlock(
                width, width, kernel, map_shape, norm=norm, bias=bias, init=start.block, peephole_init=start.peephole
            )
            for _ in range(above)
        )
        self.differences = nn.ModuleList(
            MIMCell(
                width,
                width,
                kernel,
                map_shape,
                norm=norm,
                bias=bias,
                init=start.difference,
                peephole_init=start.peephole,
            )
            for _ in range(above)
        )
        self.width, self.map_shape = width, map_shape

    def read(self, frames: Tensor) -> list[Tensor]:
        """`from_input` of the lowest layer for frames (batch, steps, inputs, y, x), all in one call."""
        read: list[Tensor] = self.first.from_input.frames(frames)  # type: ignore[operator,union-attr]
        return read

    def start(self, like: Tensor) -> States:
        """All states 0 for the batch of `like`; S and n, too."""
        zero = like.new_zeros(len(like), self.width, *self.map_shape)
        above = len(self.blocks)
        return States(((zero, zero),) * (above + 1), zero, ((zero, zero),) * above, (zero,) * above, begun=False)

    def step(self, read: Tensor, states: States) -> tuple[Tensor, States]:
        """One time step through all layers, from what `read` made of the frame: h of the top layer, new states."""
        before = states.layers[0][0]
        h, c, m = self.first(read, *states.layers[0], states.memory)
        differences = self._difference(h - before, states) if states.begun else states.differences
        layers, stationary = [(h, c)], []
        rows = zip(self.blocks, differences, states.layers[1:], states.stationary, strict=True)
        for block, (difference, _), (own, cell), s in rows:
            h, c, m, s = block(h, difference, own, cell, m, s)
            layers.append((h, c))
            stationary.append(s)
        return h, States(tuple(layers), m, differences, tuple(stationary))

    def _difference(self, x: Tensor, states: States) -> tuple[tuple[Tensor, Tensor], ...]:
        """D and n of every MIM-N, each fed with the D of the one below."""
        found: list[tuple[Tensor, Tensor]] = []
        for cell, (difference, n) in zip(self.differences, states.differences, strict=True):
            found.append(cell(x, difference, n))
            x = found[-1][0]
        return tuple(found)
