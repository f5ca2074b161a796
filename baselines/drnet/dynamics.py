"""How poses go on: the LSTM of DrNet's second stage."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from stbench.models.parts.lstm import LSTMStack
from stbench.models.parts.precision import full


class PoseDynamics(nn.Module):
    """p̂_{t+1} = tanh(W h_t + b),  h_t = LSTM(U [p_t, c] + u, h_{t-1}),  c the content; of length 1 where `unit`.

    `layers` layers of `hidden` units. Source: E. Denton and V. Birodkar, NIPS 2017, section 3.1, and the released code.
    """

    def __init__(self, pose: int, content: int, *, hidden: int, layers: int, unit: bool) -> None:
        super().__init__()
        self.stack = LSTMStack(pose + content, hidden, layers=layers, embedded=True)
        self.output, self.unit = nn.Linear(hidden, pose), unit

    def forward(self, poses: Tensor, content: Tensor) -> Tensor:
        """p̂_2..p̂_{T+1} from true poses p_1..p_T (batch, T, pose) and a content (batch, content)."""
        repeated = content.unsqueeze(1).expand(-1, poses.shape[1], -1)
        return self._pose(self.stack.unroll(torch.cat((poses, repeated), 2)))

    def roll_out(self, seen: Tensor, content: Tensor, horizon: int) -> Tensor:
        """p̂_{n+1}..p̂_{n+horizon} (batch, horizon, pose), from true poses p_1..p_n, then from its own."""
        states, found = self.stack.start(seen), list[Tensor]()
        for t in range(seen.shape[1] + horizon - 1):
            pose = seen[:, t] if t < seen.shape[1] else found[-1]
            h, states = self.stack.step(torch.cat((pose, content), 1), states)
            found.append(self._pose(h))
        return torch.stack(found[seen.shape[1] - 1 :], 1)

    def _pose(self, h: Tensor) -> Tensor:
        pose = torch.tanh(full(self.output(h)))
        return F.normalize(pose, dim=-1) if self.unit else pose
