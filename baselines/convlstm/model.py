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
from stbench.contract.settings import Count, Size, Sizes
from stbench.models.parts.components import make
from stbench.models.parts.convlstm import ConvLSTMStack, State
from stbench.models.parts.frame_by_frame import FrameByFrame
from stbench.models.parts.objectives import choose_loss
from stbench.models.parts.patches import patches


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
        hidden: Sizes,
        kernel: Size,
        patch: Size,
        peephole: str,
        bias: bool,
        loss: str,
    ) -> None:
        super().__init__()
        channels, map_shape = patches("convlstm", frame_shape, patch)
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


class NextFrame(FrameByFrame):
    """Layers of cells that predict frame t + 1 from frame t, and go on from their own frames: see `FrameByFrame`.

        v̂_{t+1} = squash(W * h_L(t) (+ b)),   input at t ≤ n: v_t,   at t > n: b v_t + (1 - b) v̂_t

    W is a 1x1 convolution. With hidden = 4 x [128], kernel 5, patch 4, no bias and no peephole it has the 11,675,648
    parameters that are in use in the public implementation.

    Source: the recipe of Y. Wang et al., PredRNN, NIPS 2017, as used for ConvLSTM in later comparisons.
    """

    stack: ConvLSTMStack

    def __init__(
        self,
        frame_shape: tuple[int, ...],
        *,
        hidden: Sizes,
        kernel: Size,
        patch: Size,
        peephole: str,
        bias: bool,
        loss: str,
        sampling_steps: Count,
    ) -> None:
        channels, map_shape = patches("convlstm", frame_shape, patch)
        super().__init__(
            ConvLSTMStack(channels, hidden, kernel, map_shape, peephole=peephole, bias=bias),
            nn.Conv2d(hidden[-1], channels, 1, bias=bias),
            patch=patch,
            loss=loss,
            sampling_steps=sampling_steps,
        )

    def read(self, inputs: Sequence[Tensor]) -> list[Tensor]:
        """The frames themselves: a step convolves them one at a time, and so published runs keep their bits."""
        return list(inputs)

    def step(self, x: Tensor, states: list[State]) -> tuple[Tensor, list[State]]:
        states = self.stack.step(x, states)
        return states[-1][0], states


ARCHITECTURES = {"encoder-forecaster": EncoderForecaster, "next-frame": NextFrame}


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
