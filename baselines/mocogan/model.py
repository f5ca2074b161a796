"""MoCoGAN: drawn clips of one content code and a recurrent motion, before a critic of frames and one of clips.

    x_t = G(c, k, h_t),   h_t = GRU(e_t, h_{t-1}),   c, h_0, e_t ~ N(0, I),   k a category

S. Tulyakov, M.-Y. Liu, X. Yang and J. Kautz, "MoCoGAN: Decomposing Motion and Content for Video Generation", CVPR 2018.
It makes clips and infers nothing from one: what shows or moves like a clip at hand takes an encoder, which is ours.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from stbench.contract.models import ModelPlugin, Task
from stbench.contract.presets import beside
from stbench.contract.settings import Count, Size, construct
from stbench.devices import moved
from stbench.errors import StbenchError
from stbench.models.parts.adversarial import choose_adversarial
from stbench.models.parts.critics import ImageCritic, VideoCritic

from .networks import Codes, Encoder, Generator, noise_like


class MoCoGAN(nn.Module):
    """Players in the order in which they act: `image_critic`, `video_critic`, `generator`, `encoder` if there is one.

    Settings (the preset's `model` table): `content_size` of c, `motion_size` of h; `actions`: how many categories there
    are, 0 for none, and `label`, the factor that names a clip's; `adversarial`: what critics and generator minimise;
    `videos`: clips of a batch that the video critic sees, 0 for all (the image critic sees a frame of each clip);
    `frames`: of the clips it is trained on; `generator`, `image_critic`, `video_critic`: widths, and of critics whether
    they judge `patch`es; `encoder`: width and features, or nothing, as published.

    Without an encoder `forward` looks at no frame: it makes the clip of all noises zero.
    """

    def __init__(
        self,
        frame_shape: tuple[int, ...],
        frames: int,
        *,
        content_size: Size,
        motion_size: Size,
        actions: Count,
        label: str,
        adversarial: str,
        videos: Count,
        generator: Mapping[str, Any],
        image_critic: Mapping[str, Any],
        video_critic: Mapping[str, Any],
        encoder: Mapping[str, Any],
    ) -> None:
        super().__init__()
        self.content_size, self.actions, self.videos = content_size, actions, videos
        self.label, self.labels = label, (label,) if actions else ()
        self.objective = choose_adversarial(adversarial)
        sizes = (content_size, actions, motion_size)
        self.generator = construct("the generator of mocogan", Generator, generator, frame_shape, *sizes)
        self.image_critic = construct("the image critic of mocogan", ImageCritic, image_critic, frame_shape)
        seen = (frame_shape, frames, actions)
        self.video_critic = construct("the video critic of mocogan", VideoCritic, video_critic, *seen)
        self.encoder: Encoder | None = None
        if encoder:
            self.encoder = construct("the encoder of mocogan", Encoder, encoder, frame_shape, *sizes)

    def players(self) -> dict[str, Iterable[nn.Parameter]]:
        parts = (*("image_critic", "video_critic", "generator"), *(("encoder",) if self.encoder else ()))
        return {name: getattr(self, name).parameters() for name in parts}

    def loss(self, batch: Mapping[str, Tensor], generator: torch.Generator, player: str) -> dict[str, Tensor]:
        """From `batch["frames"]` (batch, T, *frame) in [0, 1] and `batch[label]` (batch,).

        With C_I, C_V the critics' losses (`adversarial`: the sum of those of what is real and of what is made):

        - image_critic: C_I of a frame of each clip, at a time drawn for it, and of as many made ones;
        - video_critic: C_V of clips and as many made ones, and the cross-entropy of real clips' categories;
        - generator: what both critics' losses ask of whoever deceives them, and the cross-entropy of the categories
          that its clips were made of;
        - encoder: the mean squared error of codes of made clips, the cross-entropy of their categories, and the mean
          squared error of clips made again from their codes. No other player sees it.
        """
        if self.actions and self.label not in batch:
            raise StbenchError(
                f"MoCoGAN learns the categories of clips and found no factor '{self.label}': use a dataset that has "
                "it, or the variant unconditional"
            )
        clips = 2 * batch["frames"] - 1
        labels = self._known(self._labels(batch.get(self.label), len(clips), generator))
        losses = {
            **{"image_critic": self._image_critic_loss, "video_critic": self._video_critic_loss},
            **{"generator": self._generator_loss, "encoder": self._encoder_loss},
        }
        terms = losses[player](clips, labels, generator)
        return {**terms, "total": torch.stack([*terms.values()]).sum()}

    def draw(self, batch: int, length: int, action: Tensor | None, generator: torch.Generator) -> Codes:
        """Codes of `batch` clips of `length` frames; of drawn categories where `action` (batch,) is None."""
        category = self._one_hot(self._labels(action, batch, generator))
        content = noise_like(category, (batch, self.content_size), generator)
        return Codes(content, category, self.generator.motion.draw(batch, length, generator))

    def imagine(self, length: int, action: Tensor | None, generator: torch.Generator) -> Tensor:
        """A drawn clip of each of `action` (batch,): (batch, length, *frame) in [0, 1]."""
        return self._shown(self.draw(1 if action is None else len(action), length, action, generator))

    def sample(self, content: Tensor, length: int, action: Tensor | None, generator: torch.Generator) -> Tensor:
        """A drawn motion of `action` (batch,), shown by what an encoder finds in `content` (batch, n, *frame).

        Without an encoder the content is drawn, too, and nothing of `content` is seen: how the published rows were
        made. (batch, length, *frame)."""
        codes = self.draw(len(content), length, action, generator)
        if self.encoder is not None:
            codes = codes._replace(content=self._encoded(content, None).content)
        return self._shown(codes)

    def resample(self, motion: Tensor, length: int, action: Tensor | None, generator: torch.Generator) -> Tensor:
        """Drawn content that moves as `motion` (batch, n, *frame) does: (batch, length, *frame)."""
        found = self._followed(self._encoded(motion, action), length)
        return self._shown(found._replace(content=noise_like(found.content, found.content.shape, generator)))

    def transfer(self, content: Tensor, motion: Tensor, length: int, action: Tensor | None = None) -> Tensor:
        """Content of one clip, category and motion of another, whose action is `action`: (batch, length, *frame)."""
        found = self._followed(self._encoded(motion, action), length)
        return self._shown(found._replace(content=self._encoded(content, None).content))

    def generate(self, clip: Tensor, length: int, action: Tensor | None = None) -> Tensor:
        """Content of the whole `clip`, the motion code of its first frame, then e_t = 0: (batch, length, *frame)."""
        found = self._encoded(clip, action)
        return self._shown(self._followed(found._replace(motion=found.motion[:, :1]), length))

    def codes(self, clip: Tensor, action: Tensor | None = None) -> dict[str, Tensor]:
        """Content; and motion codes of all frames in order: (batch, n motion). The category is not told."""
        found = self._encoded(clip, action)
        return {"content": found.content, "motion": found.motion.flatten(1)}

    def forward(self, conditioning: Tensor, horizon: int) -> Tensor:
        """(batch, conditioning, *frame) -> (batch, horizon, *frame)."""
        return self.swap(conditioning, conditioning, horizon)

    def swap(self, content: Tensor, motion: Tensor, horizon: int) -> Tensor:
        """Content of one clip, motion of another, continued: (batch, n, *frame) twice -> (batch, horizon, *frame)."""
        n = motion.shape[1]
        if self.encoder is not None:
            return self.transfer(content, motion, n + horizon)[:, n:]
        sizes = (self.content_size,), (self.actions,), (1, self.generator.motion.size)
        still, category, first = (motion.new_zeros(len(motion), *size) for size in sizes)
        return self._shown(self._followed(Codes(still, category, first), horizon))

    def _image_critic_loss(self, clips: Tensor, labels: Tensor, generator: torch.Generator) -> dict[str, Tensor]:
        times = moved(torch.randint(clips.shape[1], (len(clips),), generator=generator), clips.device)
        real = self.image_critic(clips[torch.arange(len(clips), device=clips.device), times])
        with torch.no_grad():
            made = self._frames(len(clips), clips.shape[1], generator)
        return {"frames": self.objective.critic(real, self.image_critic(made))}

    def _video_critic_loss(self, clips: Tensor, labels: Tensor, generator: torch.Generator) -> dict[str, Tensor]:
        seen, shown = (each[: self.videos or None] for each in (clips, labels))
        real = self.video_critic(seen)
        with torch.no_grad():
            made = self.generator(self.draw(len(seen), seen.shape[1], None, generator))
        return {
            "clips": self.objective.critic(_verdict(real), _verdict(self.video_critic(made))),
            **({"categories": F.cross_entropy(real[:, 1:], shown)} if self.actions else {}),
        }

    def _generator_loss(self, clips: Tensor, labels: Tensor, generator: torch.Generator) -> dict[str, Tensor]:
        frames = self.image_critic(self._frames(len(clips), clips.shape[1], generator))
        codes = self.draw(len(clips[: self.videos or None]), clips.shape[1], None, generator)
        verdict = self.video_critic(self.generator(codes))
        wanted = {"frames": self.objective.generator(frames), "clips": self.objective.generator(_verdict(verdict))}
        if self.actions:
            wanted["categories"] = F.cross_entropy(verdict[:, 1:], codes.category.argmax(1))
        return wanted

    def _encoder_loss(self, clips: Tensor, labels: Tensor, generator: torch.Generator) -> dict[str, Tensor]:
        assert self.encoder is not None
        # Neither statistics nor the stream of random numbers move, so that the others learn as without an encoder.
        # (Without categories the stream has moved in `loss`, by labels that nobody uses.)
        learning, generator = self.generator.training, _twin(generator)
        self.generator.eval()
        with torch.no_grad():
            codes = self.draw(len(clips), clips.shape[1], None, generator)
            made = self.generator(codes)
        found, real = self.encoder(made), self.encoder(clips)
        again = self.generator(real._replace(category=self._one_hot(labels)))
        self.generator.train(learning)
        errors = (F.mse_loss(found.content, codes.content), F.mse_loss(found.motion, codes.motion))
        terms = {"content": errors[0], "motion": errors[1], "reconstruction": F.mse_loss(again, clips)}
        if self.actions:
            terms["categories"] = F.cross_entropy(found.category, codes.category.argmax(1))
        return terms

    def _frames(self, number: int, steps: int, generator: torch.Generator) -> Tensor:
        """One frame each of `number` drawn clips of `steps` frames, at a drawn time: (number, *frame)."""
        codes = self.draw(number, steps, None, generator)
        times = moved(torch.randint(steps, (number,), generator=generator), codes.motion.device)
        chosen = codes.motion[torch.arange(number, device=times.device), times]
        made: Tensor = self.generator(codes._replace(motion=chosen.unsqueeze(1)))
        return made[:, 0]

    def _encoded(self, clip: Tensor, action: Tensor | None) -> Codes:
        if self.encoder is None:
            raise StbenchError("MoCoGAN has no encoder, so it can look at no clip: use the variant mocogan:encoder")
        found: Codes = self.encoder(2 * clip - 1)
        label = found.category.argmax(1) if action is None and self.actions else action
        return found if label is None or not self.actions else found._replace(category=self._one_hot(label))

    def _followed(self, codes: Codes, length: int) -> Codes:
        more = self.generator.motion.follow(codes.motion, max(0, length - codes.motion.shape[1]))
        return codes._replace(motion=torch.cat((codes.motion, more), 1)[:, :length])

    def _shown(self, codes: Codes) -> Tensor:
        frames: Tensor = self.generator(codes)
        return (frames + 1) / 2

    def _labels(self, action: Tensor | None, batch: int, generator: torch.Generator) -> Tensor:
        device = self.generator.motion.cell.weight_hh.device
        if action is not None:
            return action.to(device)
        return moved(torch.randint(max(1, self.actions), (batch,), generator=generator), device)

    def _one_hot(self, label: Tensor) -> Tensor:
        """(batch, actions); what `_known` refuses."""
        like = self.generator.motion.cell.weight_hh
        return (self._known(label).unsqueeze(1) == torch.arange(self.actions, device=label.device)).to(like.dtype)

    def _known(self, label: Tensor) -> Tensor:
        """`label` (batch,) as it is; on a processor `StbenchError` for an action there is not (a card would wait)."""
        if label.device.type == "cpu" and self.actions and not 0 <= int(label.min()) <= int(label.max()) < self.actions:
            raise StbenchError(
                f"there is no action {int(label.min())}..{int(label.max())} in a MoCoGAN of {self.actions} actions, "
                f"0..{self.actions - 1}: give one of those"
            )
        return label


def _twin(generator: torch.Generator) -> torch.Generator:
    """Gives the numbers `generator` would give next, and leaves it where it is."""
    twin = torch.Generator(generator.device)
    return twin.set_state(generator.get_state())


def _verdict(logits: Tensor) -> Tensor:
    """Is it real? The first logit of a clip, or those of its patches, without the categories behind it."""
    return logits[:, 0] if logits.dim() == 2 else logits


def build(settings: Mapping[str, Any], task: Task) -> MoCoGAN:
    """The model for a task; initial weights come from torch's global generator. Its video critic is built for the
    clips the track trains on."""
    frames = task.track.conditioning + task.track.train_horizon
    return construct("mocogan", MoCoGAN, settings, task.frame_shape, frames)


plugin = ModelPlugin(
    name="mocogan",
    version="2",
    summary="MoCoGAN: content and motion noise before a critic of frames and a critic of clips",
    reference="Tulyakov, Liu, Yang, Kautz: MoCoGAN: Decomposing Motion and Content for Video Generation, CVPR 2018",
    bibtex="""@inproceedings{tulyakov2018mocogan,
  title = {{MoCoGAN}: Decomposing Motion and Content for Video Generation},
  author = {Tulyakov, Sergey and Liu, Ming-Yu and Yang, Xiaodong and Kautz, Jan},
  booktitle = {IEEE Conference on Computer Vision and Pattern Recognition},
  year = {2018}
}""",
    build=build,
    presets=beside(__name__),
    capabilities=("forecast", "swap", "generate", "transfer", "sample", "resample", "codes"),
)
