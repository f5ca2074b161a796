"""DSVAE: one code for what a clip shows and one a frame for how it moves, a variational autoencoder.

    f ~ N(0, I),   z_t ~ p(z_t | z_1..z_{t-1}),   x_t ~ N(D(f, z_t), I / 2)

Y. Li and S. Mandt, "Disentangled Sequential Autoencoder", ICML 2018. No code of its authors is public; sizes are those
of the public code nearest to it, whose defects are not copied (see `presets.toml`).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor, nn

from stbench.contract.models import ModelPlugin, Task
from stbench.contract.presets import beside
from stbench.contract.settings import Size, construct
from stbench.errors import StbenchError
from stbench.models.parts.clip_posterior import ClipPosterior
from stbench.models.parts.components import choose
from stbench.models.parts.conv_dense import FrameDecoder, FrameEncoder
from stbench.models.parts.gaussian import Gaussian, per_clip
from stbench.models.parts.lstm import SequencePrior
from stbench.models.parts.precision import full
from stbench.models.parts.sequential import Inferred, SequentialAutoencoder

from .posteriors import POSTERIORS

PRIORS = {"teacher": False, "free": True}
"""Is the prior p(z_t | .) of the bound fed its own draws instead of the posterior's?"""
FRAME_RANGES = {"unit": (1.0, 0.0), "symmetric": (2.0, -1.0)}
"""How a frame x in [0, 1] meets the decoder's tanh: as it is, or as 2x - 1."""


class DSVAE(SequentialAutoencoder):
    """E[sum_t |x_t - D(f, z_t)|²] + KL(q(f) || N(0, I)) + sum_t KL(q(z_t) || p(z_t | z_1..z_{t-1})), a clip.

    Settings (the preset's `model` table): `content_size` of f, `motion_size` of z_t; `hidden`: units of every
    recurrent network and of the factorised posterior; `posterior`: of the motion, "factorised", q(z_t | x_t), or
    "full", q(z_t | f, x_1..x_T); `prior`: in the bound it is fed draws of the posterior ("teacher") or its own
    ("free"); `encoder`, `decoder`: widths; `frame_range`: frames x in [0, 1] meet the decoder's tanh as they are
    ("unit") or as 2x - 1 ("symmetric"). Widths of 16 to 32 learn on a processor.
    """

    def __init__(
        self,
        frame_shape: tuple[int, ...],
        *,
        content_size: Size,
        motion_size: Size,
        hidden: Size,
        posterior: str,
        prior: str,
        frame_range: str,
        encoder: Mapping[str, Any],
        decoder: Mapping[str, Any],
    ) -> None:
        super().__init__()
        if len(frame_shape) != 3 or frame_shape[1] != frame_shape[2] or frame_shape[1] % 8:
            raise StbenchError(
                f"dsvae wants square images whose side is a multiple of 8, not frames of shape {frame_shape}"
            )
        self.content_size = content_size
        self.frame_scale, self.frame_shift = choose("frame_range", FRAME_RANGES, frame_range)
        self.prior_is_free = choose("prior", PRIORS, prior)
        self.encoder = construct("the encoder of dsvae", FrameEncoder, encoder, frame_shape, False)
        features = encoder["features"]
        self.content = ClipPosterior(features, content_size, hidden=hidden)
        self.motion: nn.Module = choose("posterior", POSTERIORS, posterior)(features, content_size, motion_size, hidden)
        self.prior: SequencePrior = SequencePrior(motion_size, hidden)
        self.decoder = construct(
            "the decoder of dsvae", FrameDecoder, decoder, frame_shape, content_size + motion_size, False
        )
        # Channels beside one another in memory: the 5 x 5 convolutions take half the time on a CPU.
        self.to(memory_format=torch.channels_last)  # type: ignore[call-overload]

    def infer(self, frames: Tensor, generator: torch.Generator | None = None) -> Inferred:
        features: Tensor = self.encoder((self.frame_scale * frames + self.frame_shift).flatten(0, 1))
        features = features.reshape(*frames.shape[:2], -1)
        content = self.content(features)
        f = content.mean if generator is None else content.sample(generator)
        motion: Gaussian = self.motion(features, f)
        return Inferred(content, f, motion, motion.mean if generator is None else motion.sample(generator))

    def decode(self, f: Tensor, z: Tensor) -> Tensor:
        code = torch.cat((f.unsqueeze(1).expand(-1, z.shape[1], -1), z), -1)
        frames = full(self.decoder(code.flatten(0, 1)))
        frames = (frames - self.frame_shift) / self.frame_scale
        return frames.reshape(*z.shape[:2], *frames.shape[1:])

    def loss(self, batch: Mapping[str, Tensor], generator: torch.Generator) -> dict[str, Tensor]:
        """`reconstruction` (squares summed over frames as the decoder's tanh meets them), the divergences in nats, and
        their sum, a clip of `batch["frames"]` (batch, T, *frame). Squares without 1/2 are a likelihood of variance
        1/2, as in the public code."""
        frames = batch["frames"]
        inferred = self.infer(frames, generator)
        error = self.frame_scale * (self.decode(inferred.f, inferred.z) - frames)
        if self.prior_is_free:
            _, prior = self.prior.draw(len(frames), frames.shape[1], generator)
        else:
            prior = self.prior(inferred.z)
        terms = {"reconstruction": per_clip(error.square()), **self.divergences(inferred, prior)}
        return {**terms, "total": torch.stack([*terms.values()]).sum()}


def build(settings: Mapping[str, Any], task: Task) -> DSVAE:
    """The model for a task; initial weights come from torch's global generator."""
    return construct("dsvae", DSVAE, settings, task.frame_shape)


plugin = ModelPlugin(
    name="dsvae",
    version="1",
    summary="DSVAE: one code for content, one a frame for motion, a recurrent prior",
    reference="Li, Mandt: Disentangled Sequential Autoencoder, ICML 2018",
    bibtex="""@inproceedings{li2018disentangled,
  title = {Disentangled Sequential Autoencoder},
  author = {Li, Yingzhen and Mandt, Stephan},
  booktitle = {International Conference on Machine Learning},
  year = {2018}
}""",
    build=build,
    presets=beside(__name__),
    capabilities=("forecast", "swap", "generate", "transfer", "resample", "codes"),
)
