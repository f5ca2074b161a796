"""PhyDNet: one branch follows a latent partial differential equation, a ConvLSTM takes what is left.

Le Guen and Thome, CVPR 2020, as released with one encoder and decoder per branch. A public implementation minimises
the squared difference between the scalar loss and the target frames; here it is the loss itself.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from stbench.contract.models import ModelPlugin, Task
from stbench.contract.presets import beside
from stbench.contract.settings import Count, Size, Sizes, Weight, construct
from stbench.errors import StbenchError
from stbench.models.parts.components import choose
from stbench.models.parts.convlstm import ConvLSTMStack
from stbench.models.parts.sampling import TeacherForcing

from .cell import PhyCell
from .networks import branch_decoder, branch_encoder, frame_decoder, frame_encoder

OUTPUTS: dict[str, Callable[[Tensor], Tensor]] = {"sigmoid": torch.sigmoid, "identity": lambda frames: frames}


class PhyDNet(nn.Module):
    """v̂_{t+1} = squash(D(D_p(h_p) + D_r(h_r))),  h_p = PhyCell(E_p(E(v_t)), h_p),  h_r = ConvLSTM(E_r(E(v_t)), h_r).

    Settings (the preset's `model` table):

    - `width`: channels of the latent maps; `residual`: channels of the ConvLSTM's layers, the last one `width`;
    - `strides` of the three layers of E, (2, 1, 2) for 64 x 64 pixels: the latent maps are 16 x 16;
    - `output` "sigmoid" for frames in [0, 1], or "identity";
    - `moment_weight` λ of the moment loss; 0: it is not computed;
    - `teacher_steps`: training steps until forecasts are always fed with themselves.

    With width 64 and residual 128, 128, 64 it has 3,091,732 parameters on frames of one channel.
    """

    def __init__(
        self,
        frame_shape: tuple[int, ...],
        *,
        width: Size,
        residual: Sizes,
        strides: Sizes,
        output: str,
        moment_weight: Weight,
        teacher_steps: Count,
    ) -> None:
        super().__init__()
        channels, map_shape = _latent(frame_shape, strides)
        if width % 4:
            raise StbenchError(f"the width of phydnet is {width}, and its maps are normalised by fours: 32 or 64, say")
        if residual[-1] != width:
            raise StbenchError(
                f"the branches of phydnet are added, but the residual one ends with {residual[-1]} channels and the "
                f"width is {width}: make them equal"
            )
        self.squash = choose("output", OUTPUTS, output)
        self.moment_weight, self.teacher_steps = moment_weight, teacher_steps
        self.encoder = frame_encoder(channels, width, strides)
        self.physical_encoder, self.residual_encoder = branch_encoder(width), branch_encoder(width)
        self.physical = PhyCell(width)
        self.residual = ConvLSTMStack(width, residual, 3, map_shape)
        self.physical_decoder, self.residual_decoder = branch_decoder(width), branch_decoder(width)
        self.decoder = frame_decoder(channels, width, strides)

    def forward(self, conditioning: Tensor, horizon: int) -> Tensor:
        """(batch, conditioning, *frame) -> (batch, horizon, *frame): fed with its own frames after the last one."""
        n = conditioning.shape[1]
        return self._roll_out(conditioning, n + horizon - 1, first=n - 1)

    def swap(self, content: Tensor, motion: Tensor, horizon: int) -> Tensor:
        """The residual state from the window `content`, the physical one from `motion`, both (batch, conditioning,
        *frame): (batch, horizon, *frame).

        The paper names the branches physical dynamics and unknown factors (appearance, details); that the first is the
        motion and the second the content of a swap is our reading.
        """
        n = motion.shape[1]
        return self._roll_out(motion, n + horizon - 1, first=n - 1, appearance=content)

    def loss(self, batch: Mapping[str, Tensor], generator: torch.Generator) -> dict[str, Tensor]:
        """`frames`: Σ over frames 2..n + horizon of the mean over batch and pixels of (v̂ - v)²; `moments`:
        `PhyCell.moment_loss`; `total`: frames + λ moments.

        One coin per batch decides whether all inputs of the forecast are true frames, with probability
        max(0, 1 - s / `teacher_steps`) at training step s = `batch["step"]`, else its own.
        """
        frames, n = batch["frames"], batch["conditioning"].shape[1]
        teacher = TeacherForcing(self.teacher_steps).flip(int(batch.get("step", 0)), generator)
        steps = frames.shape[1] - 1
        predicted = self._roll_out(frames[:, : steps if teacher else n], steps)
        terms = {"frames": F.mse_loss(predicted, frames[:, 1:]) * steps}
        total = terms["frames"]
        if self.moment_weight:
            terms["moments"] = self.physical.moment_loss()
            total = total + self.moment_weight * terms["moments"]
        return {**terms, "total": total}

    def _roll_out(self, seen: Tensor, steps: int, first: int = 0, appearance: Tensor | None = None) -> Tensor:
        """Predictions (batch, steps - first, *frame) of frames first + 2..steps + 1 from the true ones `seen`; the
        residual branch sees `appearance` instead, as many frames, where it is given.

        Both states start at 0: nothing is carried from one batch to the next. What is seen passes the encoders, and
        what follows from it the decoders, in one call.
        """
        batch, n = seen.shape[:2]
        us, xs = (maps.reshape(batch, n, *maps.shape[1:]) for maps in self._encode(seen.flatten(0, 1)))
        if appearance is not None:
            xs = self._encode(appearance.flatten(0, 1))[1].reshape(xs.shape)
        physical, states = self.physical.start(us[:, 0]), self.residual.start(xs)
        latent: list[tuple[Tensor, Tensor]] = []
        for t in range(n):
            physical, states = self.physical(us[:, t], physical), self.residual.step(xs[:, t], states)
            latent.append((physical, states[-1][0]))
        branches = (torch.stack(maps, 1).flatten(0, 1) for maps in zip(*latent[first:], strict=True))
        predicted = list(self._decode(*branches).reshape(batch, n - first, *seen.shape[2:]).unbind(1))
        for _ in range(n, steps):
            u, x = self._encode(predicted[-1])
            physical, states = self.physical(u, physical), self.residual.step(x, states)
            predicted.append(self._decode(physical, states[-1][0]))
        return torch.stack(predicted, 1)

    def _encode(self, frames: Tensor) -> tuple[Tensor, ...]:
        maps = self.encoder(frames)
        return self.physical_encoder(maps), self.residual_encoder(maps)

    def _decode(self, physical: Tensor, residual: Tensor) -> Tensor:
        maps = self.physical_decoder(physical) + self.residual_decoder(residual)
        frame: Tensor = self.squash(self.decoder(maps).float())
        return frame


def _latent(frame_shape: tuple[int, ...], strides: Sequence[int]) -> tuple[int, tuple[int, int]]:
    """Channels of a frame and (y, x) of the latent maps; `StbenchError` for what the strides do not divide."""
    if len(frame_shape) != 3:
        raise StbenchError(f"phydnet needs images (channel, y, x), not frames of shape {frame_shape}: use sepvar")
    if len(strides) != 3 or any(each not in (1, 2) for each in strides):
        raise StbenchError(f"the strides of phydnet's encoder are three numbers, 1 or 2 each, not {list(strides)}")
    channels, height, width = frame_shape
    factor = strides[0] * strides[1] * strides[2]
    if height % factor or width % factor:
        raise StbenchError(f"frames of {height} x {width} pixels cannot be made {factor} times smaller by phydnet")
    return channels, (height // factor, width // factor)


def build(settings: Mapping[str, Any], task: Task) -> PhyDNet:
    """The model for a task; initial weights come from torch's global generator."""
    return construct("phydnet", PhyDNet, settings, task.frame_shape)


plugin = ModelPlugin(
    name="phydnet",
    version="2",
    summary="PhyDNet: a latent PDE with learned derivative filters (PhyCell) beside a ConvLSTM for the rest",
    reference=(
        "Le Guen and Thome: Disentangling Physical Dynamics from Unknown Factors for Unsupervised Video Prediction, "
        "CVPR 2020"
    ),
    bibtex="""@inproceedings{leguen2020phydnet,
  title = {Disentangling Physical Dynamics from Unknown Factors for Unsupervised Video Prediction},
  author = {Le Guen, Vincent and Thome, Nicolas},
  booktitle = {IEEE/CVF Conference on Computer Vision and Pattern Recognition},
  year = {2020}
}""",
    build=build,
    presets=beside(__name__),
    capabilities=("forecast", "swap"),
)
