"""The three recurrent networks of SVG: the predictor of the next code, and the Gaussians of what is random in it."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from stbench.models.parts.gaussian import Gaussian, GaussianHead
from stbench.models.parts.lstm import LSTMStack, State
from stbench.models.parts.precision import full


class Predictor(nn.Module):
    """g_t = tanh(W_o s_t + b_o),   s_t the top state of an `LSTMStack` that reads W [h_{t-1}, z_t] + b."""

    def __init__(self, inputs: int, outputs: int, hidden: int, layers: int) -> None:
        super().__init__()
        self.stack = LSTMStack(inputs, hidden, layers=layers, embedded=True)
        self.output = nn.Linear(hidden, outputs)

    def unroll(self, codes: Tensor) -> Tensor:
        """(batch, time, inputs) -> g (batch, time, outputs), from states of 0."""
        return torch.tanh(full(self.output(self.stack.unroll(codes))))

    def step(self, code: Tensor, states: list[State]) -> tuple[Tensor, list[State]]:
        """One time step: (batch, inputs) -> g (batch, outputs), and the new states."""
        top, states = self.stack.step(code, states)
        return torch.tanh(full(self.output(top))), states


class GaussianLSTM(nn.Module):
    """N(m_t, diag v_t),  m_t = W_m s_t + b_m,  log v_t = W_v s_t + b_v,  s_t the top state of an `LSTMStack` that
    reads W h_t + b."""

    def __init__(self, inputs: int, outputs: int, hidden: int, layers: int) -> None:
        super().__init__()
        self.stack = LSTMStack(inputs, hidden, layers=layers, embedded=True)
        self.head = GaussianHead(hidden, outputs)

    def unroll(self, codes: Tensor) -> Gaussian:
        """(batch, time, inputs) -> Gaussians (batch, time, outputs), from states of 0."""
        found: Gaussian = self.head(self.stack.unroll(codes))
        return found

    def step(self, code: Tensor, states: list[State]) -> tuple[Gaussian, list[State]]:
        """One time step: (batch, inputs) -> Gaussian (batch, outputs), and the new states."""
        top, states = self.stack.step(code, states)
        return self.head(top), states
