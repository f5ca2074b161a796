"""Gated recurrent units in the place of the ODE (Cho et al. 2014): the last ablation of the paper's Table 4."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from stbench.contract.settings import Size, Weight

from .integrator import FrameByFrame


class GRU(FrameByFrame):
    """h_0 = W_in T_0,  h_{k+1} = GRU(T_k, h_k),  T_{k+1} = W_out h_{k+1}, with `hidden` units.

    `blocks` units are stacked, each reading the one below; all start from W_in T_0. The matrix of each gate and the
    linear maps are orthogonal with the given `gain`, biases zero. No code of this ablation is published and the paper
    says "a standard GRU RNN": the linear maps between T and the units are our reading.
    """

    def __init__(self, state_size: int, *, blocks: Size, hidden: Size, gain: Weight) -> None:
        super().__init__()
        self.inward = nn.Linear(state_size, hidden)
        self.cells = nn.ModuleList(nn.GRUCell(hidden if number else state_size, hidden) for number in range(blocks))
        self.outward = nn.Linear(hidden, state_size)
        for parameter in self.parameters():
            if parameter.dim() == 1:
                nn.init.zeros_(parameter)
        for layer in (self.inward, self.outward):
            nn.init.orthogonal_(layer.weight, gain)
        for stacked in self.cells.parameters():
            if stacked.dim() == 2:
                for gate in stacked.detach().chunk(3):
                    nn.init.orthogonal_(gate, gain)

    def roll_out(self, state: Tensor, n_states: int) -> Tensor:
        """T_0 (batch, p) -> (batch, n_states, p)."""
        states = [state]
        memory = [self.inward(state).float() for _ in self.cells]
        for _ in range(n_states - 1):
            below = states[-1]
            for number, cell in enumerate(self.cells):
                below = memory[number] = cell(below, memory[number]).float()
            states.append(self.outward(below).float())
        return torch.stack(states, 1)
