"""A recurrent network that predicts frame t + 1 from frame t, and goes on from its own frames."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from stbench.devices import moved

from .objectives import choose_loss
from .precision import full
from .projection import prepared
from .sampling import ScheduledSampling


class FrameByFrame(nn.Module):
    """v̂_{t+1} = squash(output(top state after x_t)),  x_t = v_t for t ≤ n,  b v_t + (1 - b) v̂_t for t > n.

    Frames are cut into `patch` x `patch` patches that become channels. b: `ScheduledSampling` over `sampling_steps`
    training steps; b = 0 in a forecast. `loss` names an objective of `objectives`. `reverse_input`: every second
    training step sees its clips backwards in time. The releases of PredRNN, PredRNN++ and MIM update twice an
    iteration, on a batch and on the same batch backwards; here the batch changes in between, so an iteration of theirs
    is two steps.

    `stack` has `read(frames)`, what the network makes of frames before its state enters; `start(like)`; and
    `step(read, states) -> (top map, states)`. A stack with an attribute `window` reads so many frames at a time, the
    last one the newest, zeros before the first frame.

    Source: Y. Wang et al., PredRNN, NIPS 2017, and the code its authors released.
    """

    def __init__(
        self,
        stack: nn.Module,
        output: nn.Module,
        *,
        patch: int,
        loss: str,
        sampling_steps: int,
        reverse_input: bool = False,
    ) -> None:
        super().__init__()
        self.patch, self.reverse_input = patch, reverse_input
        self.objective = choose_loss(loss)
        self.sampling = ScheduledSampling(sampling_steps)
        self.stack, self.output = stack, output

    def forward(self, conditioning: Tensor, horizon: int) -> Tensor:
        """(batch, conditioning, *frame) -> (batch, horizon, *frame)."""
        n = conditioning.shape[1]
        raw = self._roll_out(conditioning, n, n + horizon - 1)
        return self.objective.squash(raw[:, n - 1 :])

    def loss(self, batch: Mapping[str, Tensor], generator: torch.Generator) -> dict[str, Tensor]:
        """`total`: mean over frames 2..n + horizon, the conditioning ones included, and pixels of the error of `loss`.

        `batch["step"]` is where training stands (`stbench.contract.models`); without it every input is as at step 0.
        """
        frames, n, step = batch["frames"], batch["conditioning"].shape[1], int(batch.get("step", 0))
        if self.reverse_input and step % 2:
            frames = frames.flip(1)
        truth = moved(self.sampling.draw(len(frames), frames.shape[1] - 1 - n, step, generator), frames.device)
        raw = self._roll_out(frames, n, frames.shape[1] - 1, truth)
        return {"total": self.objective.error(raw, frames[:, 1:])}

    def _roll_out(self, frames: Tensor, n: int, steps: int, truth: Tensor | None = None) -> Tensor:
        """Raw predictions (batch, steps, *frame) of frames 2..steps + 1.

        The first n inputs are true, and of the later ones those where `truth` (batch, steps - n) says so. What is read
        of the first n is read in one call.
        """
        seen = F.pixel_unshuffle(frames, self.patch)
        window: int = getattr(self.stack, "window", 1)
        inputs = [torch.zeros_like(seen[:, 0])] * (window - 1) + list(seen[:, :n].unbind(1))
        raw: list[Tensor] = []
        with prepared(self.stack, seen):
            states = self.start(seen)
            known = self.read(inputs)
            for t in range(steps):
                if t >= n:
                    inputs.append(self._next_input(raw[-1], seen, t, n, truth))
                    known += self.read(inputs[-window:])
                top, states = self.step(known[t], states)
                raw.append(full(self.output(top)))
        return F.pixel_shuffle(torch.stack(raw, 1), self.patch)

    def _next_input(self, raw: Tensor, seen: Tensor, t: int, n: int, truth: Tensor | None) -> Tensor:
        own = self.objective.squash(raw)
        if truth is None:
            return own
        return torch.where(truth[:, t - n, None, None, None], seen[:, t], own)

    def read(self, inputs: Sequence[Tensor]) -> list[Any]:
        """What the stack makes of each window that ends in one of the inputs, zeros before the first left out."""
        read: list[Any] = self.stack.read(torch.stack(list(inputs), 1))  # type: ignore[operator]
        return read

    def start(self, like: Tensor) -> Any:
        """All states 0: nothing is carried from one batch to the next."""
        return self.stack.start(like)  # type: ignore[operator]

    def step(self, x: Any, states: Any) -> tuple[Tensor, Any]:
        """One time step through the stack: its top map, and the new states."""
        found: tuple[Tensor, Any] = self.stack.step(x, states)  # type: ignore[operator]
        return found
