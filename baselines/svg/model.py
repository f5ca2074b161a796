"""SVG-LP: Denton and Fergus 2018, video generation with a learned prior; it draws continuations."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from stbench.contract.models import ModelPlugin, Task
from stbench.contract.presets import beside
from stbench.contract.settings import Size, Weight, construct
from stbench.devices import moved
from stbench.errors import StbenchError
from stbench.models.parts.components import choose, make
from stbench.models.parts.convolutions import Code
from stbench.models.parts.dcgan import DCGANDecoder, DCGANEncoder
from stbench.models.parts.gaussian import Gaussian, per_clip
from stbench.models.parts.initial import normal
from stbench.models.parts.normalisation import Steps
from stbench.models.parts.vgg import VGGDecoder, VGGEncoder

from .networks import GaussianLSTM, Predictor

SKIPS = ("last", "last-but-one")
STATISTICS = ("running", "batch")
WINDOWS_AT_ONCE = 32
"""Windows forecast together when no gradient is needed: bounds the memory of a large test set."""


class SVG(nn.Module):
    """x^_t = Dec(g_t, maps),   g_t = predictor([h_{t-1}, z_t]),   h_t = Enc(x_t),   t = 2, .., n + horizon

        training   z_t ~ q(z_t | x_2..x_t),  total = Σ_t mean (x^_t - x_t)² + β Σ_t KL(q_t || p_t)
        drawing    t ≤ n: x_t is seen, z_t ~ q;   t > n: x_t is x^_t, z_t ~ p(z_t | x_1..x_{t-1}), the learned prior
        forecast   the same with the means of q and p: one deterministic answer

    KL is summed over z and the mean over clips. maps: feature maps of the encoder for skip connections, those of
    x_{t-1} while t ≤ n, later those of frame n (`skips` "last") or n - 1 ("last-but-one").
    `statistics` of batch normalisation in encoder and decoder outside training: "running" means, or those of the
    "batch", as published; then a draw depends on the other windows (`draws_together`).

    Settings: `backbone` with a name, "dcgan" or "vgg", and a `width`; `output` "sigmoid" or "identity"; sizes `code` of
    h, `latent` of z and `hidden`; `layers` of the predictor, `prior_layers` of q and p; `beta`. Backbone dcgan, width
    64, code 128, latent 10, hidden 256, 2 and 1 layers have 12,614,057 parameters. Good values on a processor: width
    16. Frames have 128, 64 or 32 pixels a side.

    Source: E. Denton, R. Fergus, Stochastic Video Generation with a Learned Prior, ICML 2018, Section 3.
    """

    def __init__(
        self,
        frame_shape: tuple[int, ...],
        *,
        backbone: Mapping[str, Any],
        output: str,
        code: Size,
        latent: Size,
        hidden: Size,
        layers: Size,
        prior_layers: Size,
        beta: Weight,
        skips: str,
        statistics: str,
    ) -> None:
        super().__init__()
        if len(frame_shape) != 3:
            raise StbenchError(f"svg needs images (channel, y, x), not frames of shape {frame_shape}: use sepvar")
        self.skips = choose("skips", dict(zip(SKIPS, (1, 2), strict=True)), skips)
        choose("statistics", dict.fromkeys(STATISTICS), statistics)
        self.statistics, self.beta, self.latent = statistics, beta, latent
        self.encoder, self.decoder = make("backbone", BACKBONES, backbone, frame_shape, code, output)
        self.predictor = Predictor(code + latent, code, hidden, layers)
        self.posterior, self.prior = (GaussianLSTM(code, latent, hidden, prior_layers) for _ in range(2))
        normal(self, 0.02)

    @property
    def draws_together(self) -> bool:
        return self.statistics == "batch"

    def loss(self, batch: Mapping[str, Tensor], generator: torch.Generator) -> dict[str, Tensor]:
        """`error`, summed over frames 2..n + horizon, `divergence` in nats a clip, and `total`."""
        frames, n = batch["frames"], batch["conditioning"].shape[1]
        codes = self.encoder.encode([each[:, None] for each in frames.unbind(1)])
        h, steps = torch.stack([each.code for each in codes], 1), len(codes) - 1
        posterior, prior = self.posterior.unroll(h[:, 1:]), self.prior.unroll(h[:, :-1])
        g = self.predictor.unroll(torch.cat((h[:, :-1], posterior.sample(generator)), -1))
        maps = [codes[self._skipped(t, n)].skips for t in range(steps)]
        joined = tuple(torch.cat(each) for each in zip(*maps, strict=True))
        error = steps * F.mse_loss(self.decoder.decode(g, joined, Steps(steps)), frames[:, 1:])
        divergence = per_clip(posterior.divergence(prior))
        return {"error": error, "divergence": divergence, "total": error + self.beta * divergence}

    def forward(self, conditioning: Tensor, horizon: int) -> Tensor:
        """(batch, conditioning, *frame) -> (batch, horizon, *frame), with the means of posterior and prior."""
        together = self.draws_together or torch.is_grad_enabled()
        parts = [conditioning] if together else torch.split(conditioning, WINDOWS_AT_ONCE)
        with self._batch_statistics():
            return torch.cat([self._continued(each, horizon, 1)[:, 0] for each in parts])

    def draw(self, conditioning: Tensor, horizon: int, samples: int, generators: Sequence[torch.Generator]) -> Tensor:
        """(batch, conditioning, *frame) -> (batch, samples, horizon, *frame)."""
        shape = (samples, conditioning.shape[1] - 1 + horizon, self.latent)
        noise = torch.stack([torch.randn(shape, generator=each) for each in generators])
        noise = moved(noise, conditioning.device).to(conditioning.dtype)
        if self.draws_together:
            # As published: one draw of every window is a batch.
            with self._batch_statistics():
                drawn = [self._continued(conditioning, horizon, 1, noise[:, k : k + 1]) for k in range(samples)]
            return torch.cat(drawn, 1)
        alone = zip(torch.split(conditioning, 1), torch.split(noise, 1), strict=True)
        return torch.cat([self._continued(window, horizon, samples, each) for window, each in alone])

    def _continued(self, conditioning: Tensor, horizon: int, samples: int, noise: Tensor | None = None) -> Tensor:
        """(batch, samples, horizon, *frame); `noise` (batch, samples, steps, latent), None: means.

        Up to frame n posterior and prior are the same in all samples. Rows of a batch run over samples, then windows.
        """
        seen = [self.encoder.encode([each[:, None]])[0] for each in conditioning.unbind(1)]
        n, batch = len(seen), len(conditioning)
        q, p = self.posterior.stack.start(seen[0].code), self.prior.stack.start(seen[0].code)
        g = self.predictor.stack.start(_repeated(seen[0].code, samples))
        for t in range(n - 1):
            _, p = self.prior.step(seen[t].code, p)
            posterior, q = self.posterior.step(seen[t + 1].code, q)
            z = _drawn(Gaussian(*(_repeated(each, samples) for each in posterior)), noise, t)
            _, g = self.predictor.step(torch.cat((_repeated(seen[t].code, samples), z), 1), g)
        h, maps = _repeated(seen[-1].code, samples), seen[self._skipped(n - 1, n)].skips
        p = [(_repeated(state, samples), _repeated(memory, samples)) for state, memory in p]
        frames: list[Tensor] = []
        for t in range(n - 1, n - 1 + horizon):
            if frames:
                h = self._codes(frames[-1])
            prior, p = self.prior.step(h, p)
            code, g = self.predictor.step(torch.cat((h, _drawn(prior, noise, t)), 1), g)
            code = code.reshape(samples, batch, -1).transpose(0, 1)
            frames.append(self.decoder.decode(code, maps, Steps(samples)))
        return torch.stack(frames, 2)

    def _codes(self, frames: Tensor) -> Tensor:
        """(batch, samples, *frame) -> codes (samples * batch, code)."""
        found: list[Code] = self.encoder.encode([each[:, None] for each in frames.unbind(1)])
        return torch.cat([each.code for each in found])

    def _skipped(self, t: int, n: int) -> int:
        """Which frame gives maps to the prediction from frame t, counted from 0."""
        return min(t, max(n - self.skips, 0))

    @contextmanager
    def _batch_statistics(self) -> Iterator[None]:
        """Encoder and decoder normalise as in training where `statistics` says so; running means stay what they are."""
        if self.training or not self.draws_together:
            yield
            return
        parts = nn.ModuleList((self.encoder, self.decoder))
        kept = {name: each.clone() for name, each in parts.named_buffers()}
        parts.train()
        try:
            yield
        finally:
            parts.eval()
            for name, each in parts.named_buffers():
                each.copy_(kept[name])


def _repeated(x: Tensor, samples: int) -> Tensor:
    return x.repeat(samples, 1)


def _drawn(gaussian: Gaussian, noise: Tensor | None, t: int) -> Tensor:
    """m + sqrt(v) noise of step t, in rows of samples, then windows; m without noise."""
    if noise is None:
        return gaussian.mean
    rows = noise[:, :, t].transpose(0, 1).flatten(0, 1)
    return gaussian.mean + torch.exp(0.5 * gaussian.log_variance) * rows


def _dcgan(frame_shape: tuple[int, ...], code: int, output: str, *, width: Size) -> tuple[nn.Module, nn.Module]:
    encoder = DCGANEncoder(frame_shape, 1, code, width=width, code="tanh", norm_first=True)
    return encoder, DCGANDecoder(frame_shape, code, width=width, skips=True, output=output)


def _vgg(frame_shape: tuple[int, ...], code: int, output: str, *, width: Size) -> tuple[nn.Module, nn.Module]:
    encoder = VGGEncoder(frame_shape, 1, code, width=width, code="tanh")
    return encoder, VGGDecoder(frame_shape, code, width=width, skips=True, output=output)


BACKBONES = {"dcgan": _dcgan, "vgg": _vgg}


def build(settings: Mapping[str, Any], task: Task) -> SVG:
    """The model for a task; initial weights come from torch's global generator."""
    return construct("svg", SVG, settings, task.frame_shape)


plugin = ModelPlugin(
    name="svg",
    version="1",
    summary="SVG-LP: draws continuations from a learned prior; variants batch-statistics, last-but-one",
    reference="Denton, Fergus: Stochastic Video Generation with a Learned Prior, ICML 2018",
    bibtex="""@inproceedings{denton2018stochastic,
  title = {Stochastic Video Generation with a Learned Prior},
  author = {Denton, Emily and Fergus, Rob},
  booktitle = {International Conference on Machine Learning},
  year = {2018}
}""",
    build=build,
    presets=beside(__name__),
    capabilities=("forecast", "draw"),
)
