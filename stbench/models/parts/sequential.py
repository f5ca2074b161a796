"""What an autoencoder of a clip's content f and motions z_1..z_T can be asked, whatever infers and decodes them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple, Protocol

import torch
from torch import Tensor, nn

from .gaussian import Gaussian, per_clip


class MotionPrior(Protocol):
    """How motion goes on: `stbench.models.parts.lstm.SequencePrior`, or something simpler."""

    def follow(self, codes: Tensor, steps: int) -> Tensor: ...


class Inferred(NamedTuple):
    """Posteriors of a clip and the codes taken from them."""

    content: Gaussian
    """(batch, content)."""
    f: Tensor
    motion: Gaussian
    """(batch, time, motion)."""
    z: Tensor


class SequentialAutoencoder(nn.Module):
    """f ~ N(0, I),   z_t ~ p(z_t | z_1..z_{t-1}),   x_t ~ N(D(f, z_t), v I).

    A model defines `infer` and `decode`, and has `prior` and `content_size`. Where more frames are asked for than were
    seen, motion goes on with the means of the prior. Nothing here knows an action: an `action` is not looked at.

    Source: Y. Li and S. Mandt, Disentangled Sequential Autoencoder, ICML 2018; the factorisation of S3VAE, too.
    """

    prior: MotionPrior
    content_size: int

    def infer(self, frames: Tensor, generator: torch.Generator | None = None) -> Inferred:
        """Posteriors of frames (batch, time, *frame); their codes are drawn, or the means without a `generator`."""
        raise NotImplementedError

    def decode(self, f: Tensor, z: Tensor) -> Tensor:
        """(batch, content), (batch, time, motion) -> frames (batch, time, *frame)."""
        raise NotImplementedError

    def divergences(self, inferred: Inferred, prior: Gaussian) -> dict[str, Tensor]:
        """KL(q(f) || N(0, I)) and sum_t KL(q(z_t) || p(z_t)) in nats a clip."""
        return {
            "divergence_content": per_clip(inferred.content.divergence()),
            "divergence_motion": per_clip(inferred.motion.divergence(prior)),
        }

    def generate(self, clip: Tensor, length: int, action: Tensor | None = None) -> Tensor:
        """Content of the whole `clip` (batch, n, *frame), z_1 of its first frame alone: (batch, length, *frame)."""
        return self.decode(self.infer(clip).f, self._followed(self.infer(clip[:, :1]).z, length))

    def transfer(self, content: Tensor, motion: Tensor, length: int, action: Tensor | None = None) -> Tensor:
        """Content of one clip, motions of another from its first frame on: (batch, length, *frame)."""
        return self.decode(self.infer(content).f, self._followed(self.infer(motion).z, length))

    def resample(self, motion: Tensor, length: int, action: Tensor | None, generator: torch.Generator) -> Tensor:
        """Content drawn from N(0, I), motions of a clip (batch, n, *frame): (batch, length, *frame)."""
        z = self._followed(self.infer(motion).z, length)
        return self.decode(torch.randn(len(motion), self.content_size, generator=generator).to(z), z)

    def reconstruct(self, clip: Tensor, action: Tensor | None = None) -> Tensor:
        """Every frame decoded from its own motion: (batch, n, *frame)."""
        return self.transfer(clip, clip, clip.shape[1])

    def codes(self, clip: Tensor, action: Tensor | None = None) -> Mapping[str, Tensor]:
        """Means: content (batch, content); motions of all frames, in order (batch, n motion)."""
        inferred = self.infer(clip)
        return {"content": inferred.f, "motion": inferred.z.flatten(1)}

    def forward(self, conditioning: Tensor, horizon: int) -> Tensor:
        """(batch, conditioning, *frame) -> (batch, horizon, *frame)."""
        return self.swap(conditioning, conditioning, horizon)

    def swap(self, content: Tensor, motion: Tensor, horizon: int) -> Tensor:
        """Content of one clip, motion of another, continued: (batch, n, *frame) twice -> (batch, horizon, *frame)."""
        return self.transfer(content, motion, motion.shape[1] + horizon)[:, motion.shape[1] :]

    def _followed(self, z: Tensor, length: int) -> Tensor:
        return torch.cat((z, self.prior.follow(z, max(0, length - z.shape[1]))), 1)[:, :length]
