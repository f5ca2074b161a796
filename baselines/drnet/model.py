"""DrNet: Denton and Birodkar 2017. What stays in a clip and what moves, kept apart by an adversary.

Two stages. First the encoders of content and pose and the decoder learn, against a critic that tells from two poses
whether they are of one clip. Then, with these as they are, an LSTM learns how poses go on.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from stbench.contract.models import ModelPlugin, Task
from stbench.contract.presets import beside
from stbench.contract.settings import Size, Weight, construct
from stbench.errors import StbenchError
from stbench.models.parts.adversarial import cross_entropy_critic, undecided
from stbench.models.parts.components import make
from stbench.models.parts.convolutions import Code
from stbench.models.parts.critics import SceneCritic
from stbench.models.parts.dcgan import DCGANDecoder, DCGANEncoder
from stbench.models.parts.initial import normal
from stbench.models.parts.normalisation import ONE
from stbench.models.parts.precision import full
from stbench.models.parts.resnet import ResNetEncoder
from stbench.models.parts.vgg import VGGDecoder, VGGEncoder
from stbench.models.parts.weights import term_weights

from .dynamics import PoseDynamics
from .frames import distinct_frames, of_another_clip

CONTENT: dict[str, type[nn.Module]] = {"dcgan": DCGANEncoder, "vgg": VGGEncoder}
POSE: dict[str, type[nn.Module]] = {**CONTENT, "resnet": ResNetEncoder}
DECODERS: dict[str, type[nn.Module]] = {"dcgan": DCGANDecoder, "vgg": VGGDecoder}
TERMS = ("reconstruction", "similarity", "adversarial")


class DrNet(nn.Module):
    """v̂_t = D(E_c(v_n), p_t),  p_t = E_p(v_t) of seen frames t <= n, then p_{t+1} = LSTM(p_1..p_t, E_c(v_n)).

    Three players: `encoders` (E_c, E_p and D), `critic` (C), `dynamics` (the LSTM); the preset's players say when each
    of them learns. Settings (the preset's `model` table):

    - `content_size`, `pose_size`: numbers in a code. A pose of 5 to 10 numbers has little room for content;
    - `content`, `pose`, `decoder`: part name and its settings. With `skips` the decoder takes the maps of E_c;
    - `unit_pose`: poses, and those of the LSTM, have length 1;
    - `loss_weights` of `reconstruction`, `similarity` and `adversarial`, see `loss`. 0.1 is a good last one; with 0 the
      critic has no opponent;
    - `max_step`: frames that are compared lie at most so far apart;
    - `critic_hidden`; `dynamics_hidden` and `dynamics_layers` of the LSTM;
    - `initial_std` of the normal weights of encoders, decoder and critic.

    With content 64, pose 5 and DCGAN networks of width 64 on frames of 1 x 64 x 64 the parts have 3,280,896 (E_c),
    2,797,391 (E_p), 3,321,665 (D), 11,301 (C) and 1,071,877 (LSTM) parameters.

    Source: E. Denton and V. Birodkar, NIPS 2017, and what the codes its authors released do.
    """

    def __init__(
        self,
        frame_shape: tuple[int, ...],
        *,
        content_size: Size,
        pose_size: Size,
        content: Mapping[str, Any],
        pose: Mapping[str, Any],
        decoder: Mapping[str, Any],
        unit_pose: bool,
        loss_weights: Mapping[str, Weight],
        max_step: Size,
        critic_hidden: Size,
        dynamics_hidden: Size,
        dynamics_layers: Size,
        initial_std: Weight,
    ) -> None:
        super().__init__()
        _check_maps(content, decoder)
        if max_step < 3:
            raise StbenchError(f"drnet compares four frames of a clip, so max_step is at least 3, not {max_step}")
        self.loss_weights = term_weights("drnet", TERMS, loss_weights)
        self.max_step, self.unit_pose = max_step, unit_pose
        self.takes_maps = bool(decoder.get("skips"))
        self.content: nn.Module = make("content encoder", CONTENT, content, frame_shape, 1, content_size)
        self.pose: nn.Module = make("pose encoder", POSE, pose, frame_shape, 1, pose_size)
        self.decoder: nn.Module = make("decoder", DECODERS, decoder, frame_shape, content_size + pose_size)
        self.critic = SceneCritic(pose_size, hidden=critic_hidden)
        for part in (self.content, self.pose, self.decoder, self.critic):
            normal(part, initial_std)
        self.dynamics = PoseDynamics(
            pose_size, content_size, hidden=dynamics_hidden, layers=dynamics_layers, unit=unit_pose
        )

    def players(self) -> dict[str, Iterable[nn.Parameter]]:
        """In the order in which they act: the LSTM sees what the encoders have just become."""
        encoders = [each for part in (self.content, self.pose, self.decoder) for each in part.parameters()]
        return {"encoders": encoders, "critic": self.critic.parameters(), "dynamics": self.dynamics.parameters()}

    def forward(self, conditioning: Tensor, horizon: int) -> Tensor:
        """(batch, conditioning, *frame) -> (batch, horizon, *frame)."""
        return self.swap(conditioning, conditioning, horizon)

    def swap(self, content: Tensor, motion: Tensor, horizon: int) -> Tensor:
        """The content of `content` in poses that go on from those of `motion`, both (batch, conditioning, *frame):
        (batch, horizon, *frame).

        The LSTM has seen poses beside the content of their own clip alone, so here, too, it is told that of `motion`:
        the poses of a swap are those of the forecast of `motion`. The papers do not say.
        """
        shown = self.contents([content[:, -1]])[0]
        moving = shown.code if motion is content else self.contents([motion[:, -1]])[0].code
        return self.decode(shown, self.dynamics.roll_out(self.poses(motion), moving, horizon))

    def contents(self, frames: list[Tensor]) -> list[Code]:
        """E_c of frames (batch, *frame) each, batch statistics apart; with its maps where the decoder takes them."""
        codes: list[Code] = self.content.encode([each.unsqueeze(1) for each in frames])  # type: ignore[operator]
        return codes if self.takes_maps else [Code(each.code) for each in codes]

    def poses(self, clips: Tensor) -> Tensor:
        """E_p of every frame: (batch, time, *frame) -> (batch, time, pose)."""
        poses = self._poses([clips.flatten(0, 1)])[0]
        return poses.reshape(*clips.shape[:2], *poses.shape[1:])

    def _poses(self, frames: list[Tensor]) -> list[Tensor]:
        """E_p of frames (batch, *frame) each, batch statistics apart."""
        codes: list[Code] = self.pose.encode([each.unsqueeze(1) for each in frames])  # type: ignore[operator]
        return [F.normalize(each.code, dim=1) if self.unit_pose else each.code for each in codes]

    def decode(self, content: Code, poses: Tensor) -> Tensor:
        """D of one content and poses (batch, time, pose): (batch, time, *frame)."""
        repeated = content.code.unsqueeze(1).expand(-1, poses.shape[1], -1)
        frames: Tensor = self.decoder.decode(  # type: ignore[operator]
            torch.cat((repeated, poses), 2), content.skips, ONE
        )
        return frames

    def loss(self, batch: Mapping[str, Tensor], generator: torch.Generator, player: str) -> dict[str, Tensor]:
        """What `player` lowers, with four frames a, a', b, r of each clip drawn by `distinct_frames`.

        `encoders`: the weighted sum of

        - reconstruction: mean of (D(E_c(a), E_p(b)) - b)²;
        - similarity: mean of (E_c(a) - E_c(a'))², E_c(a') taken as given;
        - adversarial: C cannot tell whether E_p(b) and E_p(r) are of one clip, cross-entropy of 1/2.

        `critic`: cross-entropy, mean over the batch and over both kinds of pairs, of C(E_p(b), E_p(r)), which is 1
        where both are of one clip and 0 where r is of the next clip of the batch. `dynamics`: Σ over frames 2..L of the
        mean of (p̂_t - p_t)², each p̂_t from true poses 1..t-1, with E_p and E_c as in a forecast.
        """
        if player == "dynamics":
            return self._dynamics_loss(batch)
        a, other, b, r = distinct_frames(batch["frames"], 4, self.max_step + 1, generator)
        return self._critic_loss(b, r) if player == "critic" else self._encoders_loss(a, other, b, r)

    def _encoders_loss(self, a: Tensor, other: Tensor, b: Tensor, r: Tensor) -> dict[str, Tensor]:
        content, given = self.contents([a, other])
        b_pose, r_pose = self._poses([b, r])
        terms = {
            "reconstruction": F.mse_loss(self.decode(content, b_pose.unsqueeze(1))[:, 0], b),
            "similarity": F.mse_loss(content.code, given.code.detach()),
            "adversarial": undecided(full(self.critic(b_pose, r_pose))),
        }
        total = torch.stack([self.loss_weights[name] * term for name, term in terms.items()]).sum()
        return {**terms, "total": total}

    def _critic_loss(self, b: Tensor, r: Tensor) -> dict[str, Tensor]:
        with torch.no_grad():
            b_pose, r_pose = self._poses([b, r])
        same = full(self.critic(b_pose, r_pose))
        different = full(self.critic(b_pose, of_another_clip(r_pose)))
        right = ((same > 0).float().mean() + (different <= 0).float().mean()) / 2
        return {"total": cross_entropy_critic(same, different) / 2, "accuracy": right}

    def _dynamics_loss(self, batch: Mapping[str, Tensor]) -> dict[str, Tensor]:
        # In a forecast statistics are the running ones, and what the first stage has left stays as it is.
        modes = [(part, part.training) for part in (self.content, self.pose)]
        for part, _ in modes:
            part.eval()
        with torch.no_grad():
            poses = self.poses(batch["frames"])
            content = self.contents([batch["conditioning"][:, -1]])[0].code
        for part, mode in modes:
            part.train(mode)
        predicted = self.dynamics(poses[:, :-1], content)
        return {"total": F.mse_loss(predicted, poses[:, 1:]) * predicted.shape[1]}


def _check_maps(content: Mapping[str, Any], decoder: Mapping[str, Any]) -> None:
    """`StbenchError` where the decoder takes maps that the content encoder does not have."""
    found, wanted = ((each.get("name"), each.get("width")) for each in (content, decoder))
    if decoder.get("skips") and found != wanted:
        raise StbenchError(
            f"drnet's decoder '{wanted[0]}' of width {wanted[1]} cannot take the feature maps of the content encoder "
            f"'{found[0]}' of width {found[1]}: make them alike, or set skips = false"
        )


def build(settings: Mapping[str, Any], task: Task) -> DrNet:
    """The model for a task; initial weights come from torch's global generator."""
    return construct("drnet", DrNet, settings, task.frame_shape)


plugin = ModelPlugin(
    name="drnet",
    version="1",
    summary="DrNet: content and pose kept apart by a scene discriminator, an LSTM on poses",
    reference="Denton and Birodkar: Unsupervised Learning of Disentangled Representations from Video, NIPS 2017",
    bibtex="""@inproceedings{denton2017drnet,
  title = {Unsupervised Learning of Disentangled Representations from Video},
  author = {Denton, Emily and Birodkar, Vighnesh},
  booktitle = {Advances in Neural Information Processing Systems},
  year = {2017}
}""",
    build=build,
    presets=beside(__name__),
    capabilities=("forecast", "swap"),
)
