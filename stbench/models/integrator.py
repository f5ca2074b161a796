"""Integrators of the temporal ODE dT/dt = f(T): residual blocks, one pass per frame (Eq. 7, appendix E.2.2)."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from .mlp import perceptron
from .rollout import unrolled


class ResidualMLP(nn.Module):
    """T_{k+1} = (id + g_K) o ... o (id + g_1) (T_k), each g an MLP p -> H -> H -> p with ReLU between.

    The state stays float32 under autocast: only the increments g are computed in bfloat16, so that rounding does not
    accumulate along the roll-out. Weights are orthogonal with the given `gain`, biases zero (appendix E.2.2).
    """

    def __init__(self, state_size: int, *, blocks: int, hidden: int, gain: float) -> None:
        super().__init__()
        self.blocks = nn.ModuleList(perceptron([state_size, hidden, hidden, state_size]) for _ in range(blocks))
        for layer in self.modules():
            if isinstance(layer, nn.Linear):
                nn.init.orthogonal_(layer.weight, gain)
                nn.init.zeros_(layer.bias)

    def forward(self, state: Tensor) -> Tensor:
        """One frame further: (batch, p) -> (batch, p)."""
        for block in self.blocks:
            state = state + block(state)
        return state

    def roll_out(self, state: Tensor, n_states: int) -> Tensor:
        """As the function `roll_out`, in one node of the graph: 5 to 15 % of a step less (`rollout.py`)."""
        return unrolled(state, n_states, [each for each in self.modules() if isinstance(each, nn.Linear)])


def roll_out(integrator: nn.Module, state: Tensor, n_states: int) -> Tensor:
    """T_0 (batch, *state) -> T_0, T_1, ... (batch, n_states, *state), the integrator applied once per frame."""
    if isinstance(integrator, ResidualMLP) and torch.is_grad_enabled():
        return integrator.roll_out(state, n_states)
    states = [state]
    for _ in range(n_states - 1):
        states.append(integrator(states[-1]))
    return torch.stack(states, 1)


INTEGRATORS = {"mlp": ResidualMLP}
