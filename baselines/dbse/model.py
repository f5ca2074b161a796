"""DBSE: content from a clip's first frame, motion from what the others differ from it by.

    f ~ N(0, I),   z_t ~ p(z_t | z_1..z_{t-1}),   x_t ~ N(D(z_t, f), v I)

"Sequential Disentanglement by Extracting Static Information From A Single Sequence Element", ICML 2024. Sizes and
weights of the code its authors released, whose defects are not copied (see `presets.toml`).
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor, nn

from stbench.contract.models import ModelPlugin, Task
from stbench.contract.presets import beside
from stbench.contract.settings import Count, Size, Weight, construct
from stbench.models.parts.components import choose
from stbench.models.parts.dcgan import DCGANDecoder, DCGANEncoder
from stbench.models.parts.gaussian import Gaussian, per_clip
from stbench.models.parts.lstm import SequencePrior
from stbench.models.parts.normalisation import ONE
from stbench.models.parts.sequential import Inferred, SequentialAutoencoder
from stbench.models.parts.weights import term_weights

from .posteriors import DynamicPosterior, StaticPosterior

TERMS = ("sequence", "first", "divergence_content", "divergence_motion")
FIRST_MOTIONS = {"zero": False, "noise": True}
"""What stands for the first frame's difference from itself."""
SEQUENCES = {"all": 0, "rest": 1}
"""Which frames the term of the sequence counts: all, or all but the first."""


class DBSE(SequentialAutoencoder):
    """c_t = E(x_t),   f of c_1,   z_t of d_1..d_T with d_t = c_t - c_1.

    Settings (the preset's `model` table): `content_size` of f, `motion_size` of z_t, `features` of c_t, `hidden` units
    of the content's layer and of the prior's LSTM cells; `width` of encoder and decoder; `first_motion`: d_1 is "zero",
    or in training "noise" ~ N(0, I); `sequence`: its term counts "all" frames or the "rest", all but the first;
    `loss_weights` of `TERMS`; `cycle`: steps in which the weights of both divergences rise as half a cosine from 0, for
    half of them, and stay, again and again; 0: they stand. `initial_std` of the normal weights of convolutions and
    linear maps, their biases 0.
    """

    def __init__(
        self,
        frame_shape: tuple[int, ...],
        *,
        content_size: Size,
        motion_size: Size,
        features: Size,
        hidden: Size,
        width: Size,
        first_motion: str,
        sequence: str,
        loss_weights: Mapping[str, Weight],
        cycle: Count,
        initial_std: Weight,
    ) -> None:
        super().__init__()
        self.content_size, self.cycle = content_size, cycle
        self.loss_weights = term_weights("dbse", TERMS, loss_weights)
        self.noisy = choose("first_motion", FIRST_MOTIONS, first_motion)
        self.counted_from = choose("sequence", SEQUENCES, sequence)
        self.encoder = DCGANEncoder(frame_shape, 1, features, width=width, code="tanh", norm_first=True)
        self.content = StaticPosterior(features, content_size, hidden)
        self.motion = DynamicPosterior(features, motion_size)
        self.prior: SequencePrior = SequencePrior(motion_size, hidden, layers=2)
        self.decoder = DCGANDecoder(frame_shape, motion_size + content_size, width=width, skips=False, output="sigmoid")
        for layer in self.modules():
            if isinstance(layer, nn.Conv2d | nn.Linear):
                nn.init.normal_(layer.weight, 0.0, initial_std)
                if layer.bias is not None:
                    nn.init.zeros_(layer.bias)

    def infer(self, frames: Tensor, generator: torch.Generator | None = None) -> Inferred:
        codes = self.encoder(frames.flatten(0, 1).unsqueeze(1)).unflatten(0, frames.shape[:2])
        differences = codes - codes[:, :1]
        if self.noisy and generator is not None:
            noise = Gaussian(torch.zeros_like(codes[:, :1]), torch.zeros_like(codes[:, :1])).sample(generator)
            differences = torch.cat((noise, differences[:, 1:]), 1)
        content, motion = self.content(codes[:, 0]), self.motion(differences)
        f, z = ((each.mean if generator is None else each.sample(generator)) for each in (content, motion))
        return Inferred(content, f, motion, z)

    def decode(self, f: Tensor, z: Tensor) -> Tensor:
        return self.decoder.decode(torch.cat((z, f.unsqueeze(1).expand(-1, z.shape[1], -1)), -1), (), ONE)

    def loss(self, batch: Mapping[str, Tensor], generator: torch.Generator) -> dict[str, Tensor]:
        """Terms and their weighted sum `total`, a clip of `batch["frames"]` (batch, T, *frame), at `batch["step"]`.

        sequence: sum_t |x_t - D(z_t, f)|²; first: |x_1 - D(z_1, f)|²; both divergences in nats.
        """
        frames = batch["frames"]
        inferred = self.infer(frames, generator)
        squares = (self.decode(inferred.f, inferred.z) - frames).square()
        terms = {
            "sequence": per_clip(squares[:, self.counted_from :]),
            "first": per_clip(squares[:, :1]),
            **self.divergences(inferred, self.prior(inferred.z)),
        }
        weights = self.weights(int(batch["step"]) if self.cycle else 0)
        return {**terms, "total": torch.stack([weights[name] * term for name, term in terms.items()]).sum()}

    def weights(self, step: int) -> dict[str, float]:
        """Of the terms, at a training step 0, 1, ...: the divergences' times (1 - cos(pi min(1, 2 p))) / 2, p the share
        of the cycle that has passed."""
        if not self.cycle:
            return self.loss_weights
        factor = 0.5 * (1 - math.cos(math.pi * min(1.0, 2 * (step % self.cycle) / self.cycle)))
        scaled = {name: factor * self.loss_weights[name] for name in ("divergence_content", "divergence_motion")}
        return {**self.loss_weights, **scaled}


def build(settings: Mapping[str, Any], task: Task) -> DBSE:
    """The model for a task; initial weights come from torch's global generator."""
    return construct("dbse", DBSE, settings, task.frame_shape)


plugin = ModelPlugin(
    name="dbse",
    version="1",
    summary="DBSE: content from the first frame, motion from differences from it",
    reference=(
        "Berman, Naiman, Arbiv, Fadlon, Azencot: Sequential Disentanglement by Extracting Static Information From A "
        "Single Sequence Element, ICML 2024"
    ),
    bibtex="""@inproceedings{berman2024sequential,
  title = {Sequential Disentanglement by Extracting Static Information From A Single Sequence Element},
  author = {Berman, Nimrod and Naiman, Ilan and Arbiv, Idan and Fadlon, Gal and Azencot, Omri},
  booktitle = {International Conference on Machine Learning},
  year = {2024}
}""",
    build=build,
    presets=beside(__name__),
    capabilities=("forecast", "swap", "generate", "transfer", "resample", "codes"),
)
