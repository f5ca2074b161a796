"""A feed-forward network that maps frames to the next ones in one call, and goes on from its own frames."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor, nn

from stbench.errors import StbenchError

from .components import choose
from .objectives import choose_loss
from .precision import full

INPUTS = ("own", "true")
WINDOWS_AT_ONCE = 32
"""Windows forecast together when no gradient is needed: bounds the memory of a large test set."""


class BlockByBlock(nn.Module):
    """[v̂_{k+1}, .., v̂_{k+m}] = F(x_{k-n+1}, .., x_k),   k = n, n + m, n + 2m, ..,   x_i = v_i for i ≤ n, else v̂_i.

    n conditioning frames are read by each call of the network F, m = `network.writes` frames are its answer. A horizon
    that m does not divide is cut from the last answer; one longer than that of training takes more calls, as the
    published code of SimVP does it.

    `inputs`, while it learns: "own", the forecast of all target frames goes on from its own frames, and the gradient
    passes through every call; or "true", every x_i is v_i, and all calls of a window are one. In a forecast x_i is v̂_i
    either way. `loss` names an objective of `objectives`.

    `network(frames, generator)` maps (batch, n, *frame) to (batch, m, *frame). What it draws while it learns, a path to
    drop say, comes from `generator`; in a forecast that is None, and nothing is drawn.
    """

    def __init__(self, network: nn.Module, *, inputs: str, loss: str) -> None:
        super().__init__()
        choose("inputs", dict.fromkeys(INPUTS), inputs)
        self.network, self.inputs = network, inputs
        self.objective = choose_loss(loss)

    @property
    def writes(self) -> int:
        """m."""
        return int(self.network.writes)  # type: ignore[arg-type]

    def forward(self, conditioning: Tensor, horizon: int) -> Tensor:
        """(batch, conditioning, *frame) -> (batch, horizon, *frame)."""
        if torch.is_grad_enabled():
            return self.objective.squash(self._roll_out(conditioning, horizon))
        parts = [self._roll_out(each, horizon) for each in torch.split(conditioning, WINDOWS_AT_ONCE)]
        return self.objective.squash(torch.cat(parts))

    def loss(self, batch: Mapping[str, Tensor], generator: torch.Generator) -> dict[str, Tensor]:
        """`total`: mean over target frames and pixels of the error of `loss`."""
        return {"total": self.objective.error(self.predictions(batch, generator), batch["target"])}

    def predictions(self, batch: Mapping[str, Tensor], generator: torch.Generator) -> Tensor:
        """Raw predictions of the target frames, in the way of `inputs`: (batch, horizon, *frame)."""
        conditioning, horizon = batch["conditioning"], batch["target"].shape[1]
        if self.inputs == "own":
            return self._roll_out(conditioning, horizon, generator)
        n, starts = conditioning.shape[1], range(0, horizon, self.writes)
        read = torch.stack([batch["frames"][:, k : k + n] for k in starts], 1).flatten(0, 1)
        blocks: Tensor = full(self.network(read, generator))
        return blocks.reshape(len(conditioning), -1, *blocks.shape[2:])[:, :horizon]

    def _roll_out(self, frames: Tensor, horizon: int, generator: torch.Generator | None = None) -> Tensor:
        n, blocks = frames.shape[1], []
        for _ in range(-(-horizon // self.writes)):
            blocks.append(full(self.network(frames, generator)))
            frames = torch.cat((frames, self.objective.squash(blocks[-1])), 1)[:, -n:]
        return torch.cat(blocks, 1)[:, :horizon]


def image_shape(model: str, frame_shape: tuple[int, ...], divisor: int = 1) -> tuple[int, int, int]:
    """(channels, y, x) of frames that can be halved until they are `divisor` times smaller; `StbenchError` for
    vectors and for other sizes."""
    if len(frame_shape) != 3:
        raise StbenchError(f"{model} needs images (channel, y, x), not frames of shape {frame_shape}: use sepvar")
    channels, height, width = frame_shape
    if height % divisor or width % divisor:
        raise StbenchError(
            f"frames of {height} x {width} pixels cannot be made {divisor} times smaller by {model}: both sides have "
            "to be divisible by that, so give it fewer layers"
        )
    return channels, height, width
