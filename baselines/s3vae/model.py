"""S3VAE: content and motion codes of a clip, told apart by what costs no labels.

    f ~ N(0, I),   z_t ~ p(z_t | z_1..z_{t-1}),   x_t ~ N(D(f, z_t), I)

A clip whose frames are shuffled has the same content; where a frame moves can be read off its optical flow; content and
motion tell nothing of each other. Y. Zhu, M. R. Min, A. Kadav and H. P. Graf, "S3VAE: Self-Supervised Sequential VAE
for Representation Disentanglement and Data Generation", CVPR 2020. No code of its authors is public.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from stbench.contract.models import ModelPlugin, Task
from stbench.contract.presets import beside
from stbench.contract.settings import Positive, Size, Weight, construct
from stbench.devices import moved
from stbench.errors import StbenchError
from stbench.models.parts.dcgan import DCGANEncoder
from stbench.models.parts.gaussian import per_clip
from stbench.models.parts.normalisation import ONE
from stbench.models.parts.sequential import Inferred, SequentialAutoencoder
from stbench.models.parts.weights import term_weights

from .flow import CELLS, FlowLabels
from .information import mutual_information
from .networks import DynamicPosterior, EnlargingDecoder, StandardStart, StaticPosterior

TERMS = ("reconstruction", "divergence_content", "divergence_motion", "shuffle", "flow", "information")


class S3VAE(SequentialAutoencoder):
    """The bound of a sequential autoencoder and three terms of supervision that the clips give themselves.

    Settings (the preset's `model` table): `content_size` of f, `motion_size` of z_t, `features` of a frame, `hidden`
    units of the LSTMs; `width` of encoder and decoder, 64 as published, 16 learns on a processor; `margin` of the
    triplets; `flow`: how optical flow is computed (`FlowLabels`); `loss_weights` of `TERMS`: one of weight
    0 is left out, and not computed if it is one of supervision.
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
        margin: Positive,
        flow: Mapping[str, Any],
        loss_weights: Mapping[str, Weight],
    ) -> None:
        super().__init__()
        weights = term_weights("s3vae", TERMS, loss_weights)
        self.content_size, self.margin = content_size, margin
        self.loss_weights = {name: weight for name, weight in weights.items() if weight}
        self.encoder = DCGANEncoder(frame_shape, 1, features, width=width, code="elu", norm_first=True)
        self.content = StaticPosterior(features, content_size, hidden)
        self.motion = DynamicPosterior(features, motion_size, hidden)
        self.prior: StandardStart = StandardStart(motion_size, hidden)
        self.decoder = EnlargingDecoder(frame_shape, content_size + motion_size, width=width)
        self.flow_labels = construct("the flow of s3vae", FlowLabels, flow)
        self.mover: nn.Module | None = None
        if "flow" in self.loss_weights:
            layers = (nn.Linear(motion_size, motion_size), nn.ReLU(), nn.Linear(motion_size, CELLS**2))
            self.mover = nn.Sequential(*layers)

    def infer(self, frames: Tensor, generator: torch.Generator | None = None) -> Inferred:
        return self._inferred(self._features(frames), generator)

    def decode(self, f: Tensor, z: Tensor) -> Tensor:
        return self.decoder.decode(torch.cat((f.unsqueeze(1).expand(-1, z.shape[1], -1), z), -1), (), ONE)

    def loss(self, batch: Mapping[str, Tensor], generator: torch.Generator) -> dict[str, Tensor]:
        """Terms and their weighted sum `total`, from `batch["frames"]` (batch, T, *frame), at least two clips.

        - reconstruction: sum_t |x_t - D(f, z_t)|² / 2, a clip; divergence_content, divergence_motion: nats a clip, the
          prior's LSTM seeing draws that it sends no gradient to;
        - shuffle: mean max(0, |f - f⁺| - |f - f⁻| + margin), f⁺ drawn for the same clip with its frames in a random
          order, f⁻ for another clip of the batch;
        - flow: mean cross-entropy of `FlowLabels`, predicted from z_t;
        - information: sum_t I(f; z_t) (`mutual_information`).
        """
        frames = batch["frames"]
        if len(frames) < 2:
            raise StbenchError(
                "s3vae compares a clip with another one of its batch, and the batch has one: make batch_size at least 2"
            )
        features = self._features(frames)
        inferred = self._inferred(features, generator)
        error = self.decode(inferred.f, inferred.z) - frames
        bound = {
            "reconstruction": 0.5 * per_clip(error.square()),
            **self.divergences(inferred, self.prior(inferred.z.detach())),
        }
        more = {
            "shuffle": lambda: self._triplets(features, inferred.f, generator),
            "flow": lambda: self._flow(frames, inferred.z),
            "information": lambda: mutual_information(inferred.content, inferred.f, inferred.motion, inferred.z),
        }
        terms = {name: more[name]() if name in more else bound[name] for name in self.loss_weights}
        total = torch.stack([self.loss_weights[name] * term for name, term in terms.items()]).sum()
        return {**terms, "total": total}

    def positives(self, features: Tensor, generator: torch.Generator) -> Tensor:
        """Features (batch, time, features) of the same clips, the frames of each in a random order of its own."""
        order = moved(torch.rand(features.shape[:2], generator=generator).argsort(1), features.device)
        return features.gather(1, order.unsqueeze(-1).expand_as(features))

    def _features(self, frames: Tensor) -> Tensor:
        """(batch, time, features). An encoder of single frames: shuffling its features is shuffling its frames."""
        features: Tensor = self.encoder(frames.flatten(0, 1).unsqueeze(1))
        return features.reshape(*frames.shape[:2], -1)

    def _inferred(self, features: Tensor, generator: torch.Generator | None) -> Inferred:
        content, motion = self.content(features), self.motion(features)
        f, z = ((each.mean if generator is None else each.sample(generator)) for each in (content, motion))
        return Inferred(content, f, motion, z)

    def _triplets(self, features: Tensor, f: Tensor, generator: torch.Generator) -> Tensor:
        positive = self.content(self.positives(features, generator)).sample(generator)
        return F.triplet_margin_loss(f, positive, f.roll(1, 0), margin=self.margin)

    def _flow(self, frames: Tensor, z: Tensor) -> Tensor:
        assert self.mover is not None
        return F.binary_cross_entropy_with_logits(self.mover(z).float(), self.flow_labels(frames))


def build(settings: Mapping[str, Any], task: Task) -> S3VAE:
    """The model for a task; initial weights come from torch's global generator."""
    return construct("s3vae", S3VAE, settings, task.frame_shape)


plugin = ModelPlugin(
    name="s3vae",
    version="1",
    summary="S3VAE: content and motion codes, told apart by shuffled clips, optical flow and mutual information",
    reference=(
        "Zhu, Min, Kadav, Graf: S3VAE: Self-Supervised Sequential VAE for Representation Disentanglement and Data "
        "Generation, CVPR 2020"
    ),
    bibtex="""@inproceedings{zhu2020s3vae,
  title = {{S3VAE}: Self-Supervised Sequential {VAE} for Representation Disentanglement and Data Generation},
  author = {Zhu, Yizhe and Min, Martin Renqiang and Kadav, Asim and Graf, Hans Peter},
  booktitle = {IEEE/CVF Conference on Computer Vision and Pattern Recognition},
  year = {2020}
}""",
    build=build,
    presets=beside(__name__),
    capabilities=("forecast", "swap", "generate", "transfer", "resample", "codes"),
)
