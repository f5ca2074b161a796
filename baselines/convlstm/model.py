"""ConvLSTM: Shi et al. 2015, encoder and forecaster with peepholes; and the field's frame-by-frame variant.

The variant `field` is what tables since PredRNN call ConvLSTM: four layers without peephole and bias that predict the
next frame, trained on all frames with scheduled sampling. Two convolutions per cell that a public implementation
declares and never uses (3,407,872 parameters) are not here.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from stbench.contract.models import ModelPlugin, Task
from stbench.contract.presets import beside
from stbench.errors import StbenchError
from stbench.models.parts.components import make

from .cell import ConvLSTMStack
from .loss import choose_loss


class EncoderForecaster(nn.Module):
    """Two stacks of cells: the first reads the conditioning frames, the second starts from its states and forecasts.

        (h, c)_l after v_1..v_n  ->  h_l(n+1), .., h_l(n+horizon),   v̂_k = squash(W * [h_1(k), .., h_L(k)] + b)

    Frames are cut into `patch` x `patch` patches that become channels. The lowest layer of the forecaster has no input;
    W is a 1x1 convolution on the states of all layers. `loss` "cross_entropy" (frames in [0, 1], squash is the
    logistic function) or "mse" (squash is the identity). With hidden = [128, 64, 64], kernel 5, patch 4, peepholes per
    channel and one channel of 64 x 64 pixels it has the 7,585,296 parameters of the paper's Table 1.

    Source: X. Shi et al., NIPS 2015, section 3.2 and 4.1.
    """

    def __init__(
        self,
        frame_shape: tuple[int, ...],
        *,
        hidden: Sequence[int],
        kernel: int,
        patch: int,
        peephole: str,
        bias: bool,
        loss: str,
    ) -> None:
        super().__init__()
        channels, map_shape = patches(frame_shape, patch)
        self.patch = patch
        self.objective = choose_loss(loss)
        self.encoder = ConvLSTMStack(channels, hidden, kernel, map_shape, peephole=peephole, bias=bias)
        self.forecaster = ConvLSTMStack(0, hidden, kernel, map_shape, peephole=peephole, bias=bias)
        self.output = nn.Conv2d(sum(hidden), channels, 1, bias=bias)

    def raw(self, conditioning: Tensor, horizon: int) -> Tensor:
        """(batch, conditioning, *frame) -> (batch, horizon, *frame), before the squashing."""
        seen = F.pixel_unshuffle(conditioning, self.patch)
        _, states = self.encoder.unroll(seen, self.encoder.start(seen), seen.shape[1])
        hidden, _ = self.forecaster.unroll(None, states, horizon)
        frames = self.output(torch.cat(hidden, 2).flatten(0, 1)).float()
        return F.pixel_shuffle(frames.reshape(-1, horizon, *frames.shape[1:]), self.patch)

    def forward(self, conditioning: Tensor, horizon: int) -> Tensor:
        """(batch, conditioning, *frame) -> (batch, horizon, *frame)."""
        return self.objective.squash(self.raw(conditioning, horizon))

    def loss(self, batch: Mapping[str, Tensor], generator: torch.Generator) -> dict[str, Tensor]:
        """`total`: mean over frames to predict and pixels of -v log v̂ - (1 - v) log(1 - v̂), or of (v̂ - v)².

        The paper sums the cross-entropy over the 4,096 pixels of ten frames; its optimiser divides by the size of the
        gradient, so the factor changes nothing.
        """
        target = batch["target"]
        return {"total": self.objective.error(self.raw(batch["conditioning"], target.shape[1]), target)}


class NextFrame(nn.Module):
    """Layers of cells that predict frame t + 1 from frame t, and go on from their own frames.

        v̂_{t+1} = squash(W * h_L(t)),   input at t ≤ n: v_t,   at t > n: b v_t + (1 - b) v̂_t

    b = 1 with probability eta = max(0, 1 - (s + 1) / `sampling_steps`) at training step s, drawn for every sample and
    frame; b = 0 in a forecast. W is a 1x1 convolution. With hidden = 4 x [128], kernel 5, patch 4, no bias and no
    peephole it has the 11,675,648 parameters that are in use in the public implementation.

    Source: the recipe of Y. Wang et al., PredRNN, NIPS 2017, as used for ConvLSTM in later comparisons.
    """

    def __init__(
        self,
        frame_shape: tuple[int, ...],
        *,
        hidden: Sequence[int],
        kernel: int,
        patch: int,
        peephole: str,
        bias: bool,
        loss: str,
        sampling_steps: int,
    ) -> None:
        super().__init__()
        channels, map_shape = patches(frame_shape, patch)
        self.patch, self.sampling_steps = patch, sampling_steps
        self.objective = choose_loss(loss)
        self.stack = ConvLSTMStack(channels, hidden, kernel, map_shape, peephole=peephole, bias=bias)
        self.output = nn.Conv2d(hidden[-1], channels, 1, bias=bias)

    def forward(self, conditioning: Tensor, horizon: int) -> Tensor:
        """(batch, conditioning, *frame) -> (batch, horizon, *frame)."""
        n = conditioning.shape[1]
        raw = self._roll_out(conditioning, n, n + horizon - 1)
        return self.objective.squash(raw[:, n - 1 :])

    def loss(self, batch: Mapping[str, Tensor], generator: torch.Generator) -> dict[str, Tensor]:
        """`total`: mean over frames 2..n + horizon, the conditioning ones included, and pixels of the error of `loss`.

        `batch["step"]` is where training stands (`stbench.contract.models`); without it every input is as at step 0.
        """
        frames, n = batch["frames"], batch["conditioning"].shape[1]
        drawn = torch.rand(len(frames), frames.shape[1] - 1 - n, generator=generator)
        truth = (drawn < self.sampling_rate(int(batch.get("step", 0)))).to(frames.device)
        raw = self._roll_out(frames, n, frames.shape[1] - 1, truth)
        return {"total": self.objective.error(raw, frames[:, 1:])}

    def sampling_rate(self, step: int) -> float:
        """eta: the probability of a true frame as input at training step 0, 1, ..."""
        return max(0.0, 1.0 - (step + 1) / self.sampling_steps)

    def _roll_out(self, frames: Tensor, n: int, steps: int, truth: Tensor | None = None) -> Tensor:
        """Raw predictions (batch, steps, *frame) of frames 2..steps + 1.

        The first n inputs are true, and of the later ones those where `truth` (batch, steps - n) says so.
        """
        seen = F.pixel_unshuffle(frames, self.patch)
        states = self.stack.start(seen)
        raw: list[Tensor] = []
        for t in range(steps):
            if t < n:
                x = seen[:, t]
            else:
                x = self.objective.squash(raw[-1])
                if truth is not None:
                    x = torch.where(truth[:, t - n, None, None, None], seen[:, t], x)
            states = self.stack.step(x, states)
            raw.append(self.output(states[-1][0]).float())
        return F.pixel_shuffle(torch.stack(raw, 1), self.patch)


ARCHITECTURES = {"encoder-forecaster": EncoderForecaster, "next-frame": NextFrame}


def patches(frame_shape: tuple[int, ...], patch: int) -> tuple[int, tuple[int, int]]:
    """Channels and (y, x) of frames cut into patches; `StbenchError` for vectors and sizes that cannot be cut so."""
    if len(frame_shape) != 3:
        raise StbenchError(f"convlstm needs images (channel, y, x), not frames of shape {frame_shape}: use sepvar")
    channels, height, width = frame_shape
    if height % patch or width % patch:
        raise StbenchError(f"frames of {height} x {width} pixels cannot be cut into patches of {patch} x {patch}")
    return channels * patch * patch, (height // patch, width // patch)


def build(settings: Mapping[str, Any], task: Task) -> EncoderForecaster | NextFrame:
    """The model for a task; initial weights come from torch's global generator."""
    found: EncoderForecaster | NextFrame = make("architecture", ARCHITECTURES, settings, task.frame_shape)
    return found


plugin = ModelPlugin(
    name="convlstm",
    version="1",
    summary="ConvLSTM, encoder and forecaster with peepholes; variant field: four layers, frame by frame",
    reference=(
        "Shi, Chen, Wang, Yeung, Wong, Woo: Convolutional LSTM Network: A Machine Learning Approach for "
        "Precipitation Nowcasting, NIPS 2015"
    ),
    bibtex="""@inproceedings{shi2015convlstm,
  title = {Convolutional {LSTM} Network: A Machine Learning Approach for Precipitation Nowcasting},
  author = {Shi, Xingjian and Chen, Zhourong and Wang, Hao and Yeung, Dit-Yan and Wong, Wai-kin and Woo, Wang-chun},
  booktitle = {Advances in Neural Information Processing Systems},
  year = {2015}
}""",
    build=build,
    presets=beside(__name__),
)
