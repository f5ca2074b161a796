"""DDPAE: Hsieh et al. 2018. A clip is a sum of components, each with one appearance and a pose that moves."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn

from stbench.contract.models import ModelPlugin, Task
from stbench.contract.presets import beside
from stbench.contract.settings import Positive, Size, Weight, construct
from stbench.errors import StbenchError
from stbench.models.parts.dcgan import DCGANDecoder, DCGANEncoder
from stbench.models.parts.gaussian import Gaussian, GaussianHead, per_clip
from stbench.models.parts.initial import normal
from stbench.models.parts.lstm import LSTMStack
from stbench.models.parts.normalisation import ONE

from .poses import PoseNetwork, PosePosterior, poses_of
from .transform import crop, paste

SIDE = 64
OBJECT = 32
"""Pixels of an object, along a side."""
POSE_STD = (0.2, 1.0, 1.0)
"""Of pose_0: scale, x, y."""
CHANGE_STD = 0.1


class Answer(NamedTuple):
    """A clip decoded from one draw, or from means, and what it was drawn from."""

    frames: Tensor
    poses: PosePosterior
    appearance: Gaussian


class DDPAE(nn.Module):
    """v̂_t = min(1, Σ_k paste(D(a_k), pose_t^k)),  a_k ~ N(0, I),  pose_t^k = pose_0^k + β_1^k + ... + β_t^k.

    `PoseNetwork` gives q(pose_0, β) of seen frames and of those to come. What `crop` finds at a pose in the seen
    frames, seen by an LSTM, gives q(a_k): an appearance does not change in a clip. Frames are grey, in [0, 1], 64 x 64;
    objects are 32 x 32 pixels.

    Settings (the preset's `model` table): `components` K; `width`, `features`, `hidden` of the pose network;
    `object_width` of encoder and decoder of an object, `content_size` of a, `content_hidden` of its LSTM; `scale` s_0,
    the prior's: an object is 1/s_0 of a frame wide; `frame_std` of the observed frames; `initial_std` of the normal
    initial weights. With two components, widths 8, 256 features, 64 hidden units twice and 128 numbers of content it
    has 706,364 parameters.

    Source: J.-T. Hsieh, B. Liu, D.-A. Huang, L. Fei-Fei, J. C. Niebles, NeurIPS 2018, and the released code.
    """

    def __init__(
        self,
        frame_shape: tuple[int, ...],
        *,
        components: Size,
        width: Size,
        features: Size,
        hidden: Size,
        object_width: Size,
        content_size: Size,
        content_hidden: Size,
        scale: Positive,
        frame_std: Positive,
        initial_std: Weight,
    ) -> None:
        super().__init__()
        _check(frame_shape, scale)
        self.components, self.scale, self.frame_std = components, scale, frame_std
        self.pose = PoseNetwork(
            frame_shape,
            components=components,
            width=width,
            features=features,
            hidden=hidden,
            scale=scale,
            initial_std=initial_std,
        )
        shape = (1, OBJECT, OBJECT)
        self.encoder = DCGANEncoder(shape, 1, content_size, width=object_width, bias=False)
        self.content = LSTMStack(content_size, content_hidden, layers=1, embedded=False)
        self.appearance = GaussianHead(content_hidden, content_size, spread="softplus")
        self.decoder = DCGANDecoder(
            shape, content_size, width=object_width, skips=False, output="sigmoid", slope=0.0, bias=False
        )
        for part in (self.encoder, self.appearance, self.decoder):
            normal(part, initial_std)
        means = torch.tensor([scale, 0.0, 0.0])
        self.register_buffer("prior", torch.stack((means, 2 * torch.tensor(POSE_STD).log())), persistent=False)

    prior: Tensor
    """Mean and log-variance of pose_0, (2, 3)."""

    def forward(self, conditioning: Tensor, horizon: int) -> Tensor:
        """(batch, conditioning, 1, 64, 64) -> (batch, horizon, 1, 64, 64), from the means of all Gaussians."""
        return self._answer(conditioning, horizon).frames[:, conditioning.shape[1] :]

    def swap(self, content: Tensor, motion: Tensor, horizon: int) -> Tensor:
        """The appearances of `content` at the poses of `motion`, both (batch, conditioning, 1, 64, 64): (batch,
        horizon, 1, 64, 64). The first component of one takes the pose of the first of the other, and so on."""
        n = motion.shape[1]
        poses = self._poses(self.pose(motion, horizon))
        appearance = self._appearance(content, self._poses(self.pose(content, 0)))
        return self._compose(appearance.mean, poses[:, n:])

    def loss(self, batch: Mapping[str, Tensor], generator: torch.Generator) -> dict[str, Tensor]:
        """The bound in nats a clip, over all frames of the window, from one draw of pose_0, β and a:

        - frames: Σ over frames and pixels of (v̂ - v)² / (2 `frame_std`²);
        - initial, changes, appearance: divergences from N((s_0, 0, 0), (0.2, 1, 1)²), N(0, 0.1²) and N(0, 1), in closed
          form.
        """
        found = self._answer(batch["conditioning"], batch["target"].shape[1], generator)
        zero = torch.zeros((), device=found.frames.device)
        changes = Gaussian(zero, zero + 2 * math.log(CHANGE_STD))
        terms = {
            "frames": per_clip((found.frames - batch["frames"]).square()) / (2 * self.frame_std**2),
            "initial": per_clip(found.poses.initial.divergence(Gaussian(*self.prior))),
            "changes": per_clip(found.poses.changes.divergence(changes)),
            "appearance": per_clip(found.appearance.divergence()),
        }
        return {**terms, "total": torch.stack(list(terms.values())).sum()}

    def _answer(self, seen: Tensor, horizon: int, generator: torch.Generator | None = None) -> Answer:
        """n + horizon frames from the seen ones; from means where there is no `generator` to draw from."""
        posterior = self.pose(seen, horizon)
        poses = self._poses(posterior, generator)
        appearance = self._appearance(seen, poses[:, : seen.shape[1]])
        drawn = appearance.mean if generator is None else appearance.sample(generator)
        return Answer(self._compose(drawn, poses), posterior, appearance)

    def _poses(self, posterior: PosePosterior, generator: torch.Generator | None = None) -> Tensor:
        """(batch, time, component, 3), drawn or from means."""
        initial, changes = (each.mean if generator is None else each.sample(generator) for each in posterior)
        return poses_of(initial, changes, self.scale)

    def _appearance(self, seen: Tensor, poses: Tensor) -> Gaussian:
        """q(a) of each component, Gaussian (batch, component, content), from what is at its poses in the seen
        frames."""
        places = poses.transpose(1, 2)
        frames = seen.unsqueeze(1).expand(-1, self.components, *seen.shape[1:])
        objects = crop(frames.flatten(0, 2), places.flatten(0, 2), OBJECT)
        codes = self.encoder(objects.unsqueeze(1)).unflatten(0, (-1, seen.shape[1]))
        found: Gaussian = self.appearance(self.content.unroll(codes)[:, -1])
        return Gaussian(*(each.reshape(-1, self.components, *each.shape[1:]) for each in found))

    def _compose(self, appearance: Tensor, poses: Tensor) -> Tensor:
        """(batch, component, content) and (batch, time, component, 3) -> (batch, time, 1, 64, 64)."""
        objects = self.decoder.decode(appearance, (), ONE)
        repeated = objects.unsqueeze(1).expand(-1, poses.shape[1], *objects.shape[1:])
        pasted = paste(repeated.flatten(0, 2), poses.flatten(0, 2), (SIDE, SIDE))
        return pasted.reshape(*poses.shape[:3], *pasted.shape[1:]).sum(2).clamp(max=1)


def _check(frame_shape: tuple[int, ...], scale: float) -> None:
    """`StbenchError` for frames that are no sum of grey objects, and for settings that make no sense."""
    if tuple(frame_shape) != (1, SIDE, SIDE):
        raise StbenchError(
            f"ddpae adds grey objects up to frames of 1 x {SIDE} x {SIDE}, and a frame here has the shape "
            f"{tuple(frame_shape)}: choose another model"
        )
    if scale <= 1.25:
        raise StbenchError(
            f"ddpae with the scale {scale:g} puts objects beyond the frame: make it more than 1.25, 2 as published"
        )


def build(settings: Mapping[str, Any], task: Task) -> DDPAE:
    """The model for a task; initial weights come from torch's global generator."""
    return construct("ddpae", DDPAE, settings, task.frame_shape)


plugin = ModelPlugin(
    name="ddpae",
    version="1",
    summary="DDPAE: a sum of components, each one appearance and a pose that moves",
    reference=(
        "Hsieh, Liu, Huang, Fei-Fei, Niebles: Learning to Decompose and Disentangle Representations for Video "
        "Prediction, NeurIPS 2018"
    ),
    bibtex="""@inproceedings{hsieh2018ddpae,
  title = {Learning to Decompose and Disentangle Representations for Video Prediction},
  author = {Hsieh, Jun-Ting and Liu, Bingbin and Huang, De-An and Fei-Fei, Li and Niebles, Juan Carlos},
  booktitle = {Advances in Neural Information Processing Systems},
  year = {2018}
}""",
    build=build,
    presets=beside(__name__),
    capabilities=("forecast", "swap"),
)
