"""A β-VAE of single frames, the floor of disentangling models: it knows nothing of time.

    c_t ~ N(0, I),   x_t ~ N(D(c_t), v I);   content: the numbers of c that change least within a clip

I. Higgins et al., "β-VAE: Learning Basic Visual Concepts with a Constrained Variational Framework", ICLR 2017, with the
networks of DCGAN. Which numbers are content is a rule of ours.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor

from stbench.contract.models import ModelPlugin, Task
from stbench.contract.presets import beside
from stbench.contract.settings import Size, Weight, construct
from stbench.errors import StbenchError
from stbench.models.parts.dcgan import DCGANDecoder, DCGANEncoder
from stbench.models.parts.gaussian import Gaussian, GaussianHead, per_clip
from stbench.models.parts.normalisation import ONE
from stbench.models.parts.sequential import Inferred, SequentialAutoencoder

MOMENTUM = 0.01
"""Of the running variances."""


class Held:
    """Motion as it was: what a model without time says of what comes next."""

    def __init__(self, size: int) -> None:
        self.size = size

    def follow(self, codes: Tensor, steps: int) -> Tensor:
        return codes[:, -1:].expand(-1, steps, -1)


class BetaVAE(SequentialAutoencoder):
    """(sum_t |x_t - D(c_t)|² + β sum_t KL(q(c_t | x_t) || N(0, I))) / T, a clip.

    Settings (the preset's `model` table): `content_size` and `motion_size`, whose sum is the size of c; `beta`;
    `features` of the encoder, `width` of both networks. Content are the `content_size` numbers with the smallest ratio
    of the variance within clips to that between their means, averaged along the training; of a clip, their mean over
    its frames. They are exchanged as a block; motion does not go on by itself, it stays.
    """

    within: Tensor
    between: Tensor

    def __init__(
        self,
        frame_shape: tuple[int, ...],
        *,
        content_size: Size,
        motion_size: Size,
        beta: Weight,
        features: Size,
        width: Size,
    ) -> None:
        super().__init__()
        self.content_size, self.beta, size = content_size, beta, content_size + motion_size
        self.encoder = DCGANEncoder(frame_shape, 1, features, width=width, code="tanh", norm_first=True)
        self.head = GaussianHead(features, size)
        self.decoder = DCGANDecoder(frame_shape, size, width=width, skips=False, output="sigmoid")
        self.prior: Held = Held(motion_size)
        for name in ("within", "between"):
            self.register_buffer(name, torch.zeros(size))

    def posterior(self, frames: Tensor) -> Gaussian:
        """q(c_t | x_t): (batch, time, *frame) -> Gaussian (batch, time, size)."""
        moments = self.head(self.encoder(frames.flatten(0, 1).unsqueeze(1)))
        return Gaussian(*(each.unflatten(0, frames.shape[:2]) for each in moments))

    @property
    def order(self) -> Tensor:
        """Numbers of c, those of content first."""
        ratio = self.within / self.between.clamp(min=torch.finfo(self.between.dtype).tiny)
        return torch.argsort(ratio, stable=True)

    def infer(self, frames: Tensor, generator: torch.Generator | None = None) -> Inferred:
        posterior = self.posterior(frames)
        code = posterior.mean if generator is None else posterior.sample(generator)
        still, moving = self.order[: self.content_size], self.order[self.content_size :]
        content, motion = (Gaussian(*(each[..., chosen] for each in posterior)) for chosen in (still, moving))
        return Inferred(
            Gaussian(*(each.mean(1) for each in content)), code[..., still].mean(1), motion, code[..., moving]
        )

    def decode(self, f: Tensor, z: Tensor) -> Tensor:
        code = torch.cat((f.unsqueeze(1).expand(-1, z.shape[1], -1), z), -1)
        return self.decode_all(code[..., self.order.argsort()])

    def decode_all(self, code: Tensor) -> Tensor:
        """D(c_t): (batch, time, size) -> (batch, time, *frame)."""
        return self.decoder.decode(code, (), ONE)

    def loss(self, batch: Mapping[str, Tensor], generator: torch.Generator) -> dict[str, Tensor]:
        """`reconstruction` and `divergence`, sums over pixels and numbers, a frame; `total` with β."""
        frames = batch["frames"]
        if len(frames) < 2:
            raise StbenchError(
                "beta-vae compares the clips of a batch, and this one has one: make batch_size at least 2"
            )
        posterior = self.posterior(frames)
        made = self.decode_all(posterior.sample(generator))
        if self.training:
            self._track(posterior.mean.detach())
        terms = {
            "reconstruction": per_clip((made - frames).square()) / frames.shape[1],
            "divergence": per_clip(posterior.divergence()) / frames.shape[1],
        }
        return {**terms, "total": terms["reconstruction"] + self.beta * terms["divergence"]}

    def _track(self, code: Tensor) -> None:
        self.within.lerp_(code.var(1, unbiased=False).mean(0), MOMENTUM)
        self.between.lerp_(code.mean(1).var(0, unbiased=False), MOMENTUM)


def build(settings: Mapping[str, Any], task: Task) -> BetaVAE:
    """The model for a task; initial weights come from torch's global generator."""
    return construct("beta-vae", BetaVAE, settings, task.frame_shape)


plugin = ModelPlugin(
    name="beta-vae",
    version="1",
    summary="a β-VAE of single frames; content are the numbers that change least within a clip",
    reference=(
        "Higgins et al.: beta-VAE: Learning Basic Visual Concepts with a Constrained Variational Framework, ICLR 2017"
    ),
    bibtex="""@inproceedings{higgins2017beta,
  title = {beta-{VAE}: Learning Basic Visual Concepts with a Constrained Variational Framework},
  author = {Higgins, Irina and Matthey, Loic and Pal, Arka and Burgess, Christopher and Glorot, Xavier and Botvinick,
            Matthew and Mohamed, Shakir and Lerchner, Alexander},
  booktitle = {International Conference on Learning Representations},
  year = {2017}
}""",
    build=build,
    presets=beside(__name__),
    capabilities=("forecast", "swap", "generate", "transfer", "resample", "codes"),
)
