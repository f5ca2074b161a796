"""Poses of the components of a clip, seen and to come."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor, nn

from stbench.models.parts.dcgan import DCGANEncoder
from stbench.models.parts.gaussian import Gaussian, GaussianHead
from stbench.models.parts.initial import normal
from stbench.models.parts.precision import full

POSE = 3
"""Scale, x, y."""


class PosePosterior(NamedTuple):
    """Gaussians of what poses are sums of."""

    initial: Gaussian
    """(batch, component, 3)."""
    changes: Gaussian
    """β (batch, time, component, 3), of seen frames and of those to come."""


class PoseNetwork(nn.Module):
    """q(pose_0, β | v_1..v_n), β for frames 1..n + horizon, a component after the other.

        e_t^k = LSTM_e([E(v_t), e_t^{k-1}], e_{t-1}^k)              t = 1..n,   e_t^0 = 0
        e_t^k = LSTM_p([e_{t-1}^k, e_t^{k-1}], state of k)          t > n,      from the last state of LSTM_e
        i^k   = LSTM_i(e_1^k, i^{k-1})                              over the components

    e_t^{k-1} is what the component before says of the same frame. β and pose_0 are linear in e and i, with standard
    deviations softplus. E is a DCGAN encoder without biases to `features` numbers. With width 8, 256 features and 64
    hidden units it has 488,044 parameters.

    pose_0 starts at the prior's mean (`scale`, 0, 0), which its linear map is added to. Without that, scales begin at 0
    and are clamped (the released code).
    """

    def __init__(
        self,
        frame_shape: tuple[int, ...],
        *,
        components: int,
        width: int,
        features: int,
        hidden: int,
        scale: float,
        initial_std: float,
    ) -> None:
        super().__init__()
        self.components, self.hidden = components, hidden
        self.encoder = DCGANEncoder(frame_shape, 1, features, width=width, bias=False)
        self.seen, self.coming = nn.LSTMCell(features + hidden, hidden), nn.LSTMCell(2 * hidden, hidden)
        self.over_components = nn.LSTMCell(hidden, hidden)
        self.initial, self.change = (GaussianHead(hidden, POSE, spread="softplus") for _ in range(2))
        for part in (self.encoder, self.initial, self.change):
            normal(part, initial_std)
        self.register_buffer("centre", torch.tensor([scale, 0.0, 0.0]), persistent=False)

    centre: Tensor
    """The prior's mean of pose_0, (3,)."""

    def forward(self, frames: Tensor, horizon: int) -> PosePosterior:
        """Seen frames (batch, n, *frame) -> the posterior of n + horizon frames."""
        n = frames.shape[1]
        features = self.encoder(frames.flatten(0, 1).unsqueeze(1)).unflatten(0, (-1, n))
        zeros = torch.zeros(len(frames), self.hidden, device=frames.device, dtype=full(features).dtype)
        before, found = [zeros] * (n + horizon), []
        for _ in range(self.components):
            before = self._component(features, before)
            found.append(torch.stack(before, 1))
        hidden = torch.stack(found, 2)
        return PosePosterior(self._initial(hidden[:, 0]), self.change(hidden))

    def _component(self, features: Tensor, before: list[Tensor]) -> list[Tensor]:
        """e_t of a component at all times, from those of the component before it."""
        n, state, found = features.shape[1], (torch.zeros_like(before[0]),) * 2, list[Tensor]()
        for t, other in enumerate(before):
            cell = self.seen if t < n else self.coming
            own = features[:, t] if t < n else found[-1]
            h, c = cell(torch.cat((own, other), 1), state)
            state = (full(h), full(c))
            found.append(state[0])
        return found

    def _initial(self, first: Tensor) -> Gaussian:
        state, found = (torch.zeros_like(first[:, 0]),) * 2, []
        for each in first.unbind(1):
            h, c = self.over_components(each, state)
            state = (full(h), full(c))
            found.append(state[0])
        raw: Gaussian = self.initial(torch.stack(found, 1))
        return Gaussian(raw.mean + self.centre, raw.log_variance)


def poses_of(initial: Tensor, changes: Tensor, scale: float) -> Tensor:
    """pose_t = constrained(pose_0 + β_1 + ... + β_t): (batch, component, 3), (batch, time, component, 3) -> the latter.

    The first number is kept in [`scale` - 1, `scale` + 1] and is the scale s; the others become
    tanh(.) (s - 1/2), so that the middle of an object stays in the frame (where s > 1/4).
    """
    raw = initial.unsqueeze(1) + changes.cumsum(1)
    scales = raw[..., :1].clamp(scale - 1, scale + 1)
    return torch.cat((scales, torch.tanh(raw[..., 1:]) * (scales - 0.5)), -1)
