"""Integrators of the temporal ODE dT/dt = f(T): residual blocks, one pass per frame (Eq. 7, appendix E.2.2).

An integrator has `roll_out(state, n_states)` and `at(state, times)`, times in frames after the initial state.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import pairwise

import torch
from torch import Tensor, nn

from stbench.contract.settings import Size, Weight
from stbench.errors import StbenchError

from .mlp import perceptron
from .rollout import unrolled


def check_times(times: Sequence[float]) -> None:
    """`StbenchError` unless there are `times` and they are finite, increase and do not lie before T_0."""
    known = bool(times) and times[0] >= 0 and all(map(math.isfinite, times))
    if not known or any(later <= time for time, later in pairwise(times)):
        raise StbenchError(
            f"states were asked for at the times {list(times)}, in frames after the initial one: there must be some, "
            "they must increase and not lie before 0"
        )


class FrameByFrame(nn.Module):
    """T_{k+1} = forward(T_k): known at whole frames only."""

    def roll_out(self, state: Tensor, n_states: int) -> Tensor:
        """T_0 (batch, *state) -> T_0, T_1, ... (batch, n_states, *state)."""
        states = [state]
        for _ in range(n_states - 1):
            states.append(self(states[-1]))
        return torch.stack(states, 1)

    def at(self, state: Tensor, times: Sequence[float]) -> Tensor:
        """T at increasing `times`, in frames after T_0: (batch, *state) -> (batch, len(times), *state).

        Raises `StbenchError` for a time between two frames, and for times that do not increase or lie before T_0.
        """
        check_times(times)
        for time in times:
            if time != int(time):
                raise StbenchError(
                    f"a state was asked for at {time} frames after the initial one, but this model steps from frame to "
                    "frame: choose an integrator of the ODE, 'dopri5' or 'rk4', as variants ode-dopri5 and ode-rk4 do"
                )
        return self.roll_out(state, int(times[-1]) + 1)[:, [int(time) for time in times]]


class ResidualMLP(FrameByFrame):
    """T_{k+1} = (id + g_K) o ... o (id + g_1) (T_k), each g an MLP p -> H -> H -> p with ReLU between.

    The state stays float32 under autocast: only the increments g are computed in bfloat16, so that rounding does not
    accumulate along the roll-out. Weights are orthogonal with the given `gain`, biases zero (appendix E.2.2).
    """

    def __init__(self, state_size: int, *, blocks: Size, hidden: Size, gain: Weight) -> None:
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
        """As stepping frame by frame, in one node of the graph: 5 to 15 % of a step less (`rollout.py`)."""
        if not torch.is_grad_enabled():
            return super().roll_out(state, n_states)
        return unrolled(state, n_states, [each for each in self.modules() if isinstance(each, nn.Linear)])
