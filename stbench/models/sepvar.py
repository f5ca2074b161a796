"""Separation of variables: v_k = D(S, T_k), S = E_S(V(t0)), T_0 = E_T(V(t0)), dT/dt = f(T).

Donà, Franceschi, Lamprier, Gallinari, "PDE-Driven Spatiotemporal Disentanglement", ICLR 2021. The static code S and
the first temporal state T_0 come from the conditioning frames; a residual network carries T from frame to frame;
the decoder joins both.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from stbench.errors import StbenchError
from stbench.model import ModelPlugin, Task

from . import presets
from .components import choose, make
from .integrator import INTEGRATORS, roll_out
from .mlp import MLPDecoder, MLPEncoder

ENCODERS = {"mlp": MLPEncoder}
DECODERS = {"mlp": MLPDecoder}


def _concatenate(static: Tensor, temporal: Tensor) -> Tensor:
    return torch.cat((static, temporal), -1)


MIXINGS: dict[str, Callable[[Tensor, Tensor], Tensor]] = {"product": torch.mul, "concat": _concatenate}


class SeparationOfVariables(nn.Module):
    """The model of the paper with the losses of its Eq. 8, 9, 11, 12 (total: Eq. 13).

    Settings (the preset's `model` table): `static_size` d of S, 0 for the ablation without S (S := 1);
    `temporal_size` p of T; `mixing` "product" (S*T, needs d = p) or "concat" ([S, T]); `encoder`, `decoder`,
    `integrator`: part name and its settings; `initial_std` of the normal initial weights of encoders and decoder;
    `loss_weights`: lambda of each term. The decoded frames start with the first conditioning frame (the official
    code's offset = number of conditioning frames): frame k is D(S, T_k).
    """

    def __init__(self, settings: Mapping[str, Any], frame_shape: tuple[int, ...], conditioning: int) -> None:
        super().__init__()
        static_size, temporal_size = settings["static_size"], settings["temporal_size"]
        if settings["mixing"] == "product" and static_size not in (0, temporal_size):
            raise StbenchError(
                f"the mixing 'product' needs codes of one size, but static_size is {static_size} and temporal_size is "
                f"{temporal_size}: make them equal, or use mixing 'concat'"
            )
        self.conditioning = conditioning
        self.loss_weights: dict[str, float] = dict(settings["loss_weights"])
        self.mix = choose("mixing", MIXINGS, settings["mixing"])
        encoder, decoder = settings["encoder"], settings["decoder"]
        self.static_encoder: nn.Module | None = None
        if static_size:
            self.static_encoder = make("encoder", ENCODERS, encoder, frame_shape, conditioning, static_size)
        self.temporal_encoder: nn.Module = make("encoder", ENCODERS, encoder, frame_shape, conditioning, temporal_size)
        code_size = temporal_size + (static_size if settings["mixing"] == "concat" else 0)
        self.decoder: nn.Module = make("decoder", DECODERS, decoder, frame_shape, code_size)
        for part in (self.static_encoder, self.temporal_encoder, self.decoder):
            if part is not None:
                initialise(part, settings["initial_std"])
        self.integrator: nn.Module = make("integrator", INTEGRATORS, settings["integrator"], temporal_size)

    def decode(self, static: Tensor | None, states: Tensor) -> Tensor:
        """D(S, T_k), all k in one batch: (batch, d) or None, (batch, time, p) -> (batch, time, *frame)."""
        if static is not None:
            states = self.mix(static.unsqueeze(1).expand(-1, states.shape[1], -1), states)
        frames: Tensor = self.decoder(states.flatten(0, 1))
        return frames.reshape(*states.shape[:2], *frames.shape[1:])

    def forward(self, conditioning: Tensor, horizon: int) -> Tensor:
        """(batch, conditioning, *frame) -> (batch, horizon, *frame): roll out, drop the conditioning frames."""
        static = None if self.static_encoder is None else self.static_encoder(conditioning)
        states = roll_out(self.integrator, self.temporal_encoder(conditioning), self.conditioning + horizon)
        return self.decode(static, states[:, self.conditioning :])

    def loss(self, batch: Mapping[str, Tensor], generator: torch.Generator) -> dict[str, Tensor]:
        """Terms of Eq. 13 and their weighted sum `total`, from `batch["frames"]` (batch, N + horizon, *frame).

        With L frames of which N condition, S from the first N, and means over batch and components:

        - prediction (Eq. 8): mean over k = 0..L-1 of (D(S, T_k) - v_k)^2, conditioning frames included;
        - autoencoding (Eq. 9): (D(S, E_T(v_i..v_{i+N-1})) - v_i)^2, one i ~ U{0..L-N} per batch drawn from `generator`;
        - static (Eq. 11): (E_S(v_0..v_{N-1}) - E_S(v_{L-N}..v_{L-1}))^2; absent without S;
        - prior (Eq. 12): 1/2 sum_p T_0^2, so that its weight 1e-3 is the paper's p/2 * 1e-3 on the mean.
        """
        frames = batch["frames"]
        n_frames = frames.shape[1]
        first, last = frames[:, : self.conditioning], frames[:, n_frames - self.conditioning :]
        start = int(torch.randint(n_frames - self.conditioning + 1, (), generator=generator))
        shifted = frames[:, start : start + self.conditioning]
        terms: dict[str, Tensor] = {}
        static = None
        if self.static_encoder is not None:
            static, static_at_end = self.static_encoder(torch.cat((first, last))).chunk(2)
            terms["static"] = F.mse_loss(static_at_end, static)
        initial, reencoded = self.temporal_encoder(torch.cat((first, shifted))).chunk(2)
        states = roll_out(self.integrator, initial, n_frames)
        decoded = self.decode(static, torch.cat((states, reencoded.unsqueeze(1)), 1))
        terms["prediction"] = F.mse_loss(decoded[:, :-1], frames)
        terms["autoencoding"] = F.mse_loss(decoded[:, -1], frames[:, start])
        terms["prior"] = 0.5 * initial.square().sum(1).mean()
        terms["total"] = torch.stack([self.loss_weights[name] * term for name, term in terms.items()]).sum()
        return terms


def initialise(part: nn.Module, std: float) -> None:
    """Linear weights ~ N(0, std^2), biases 0 (appendix E.2.2)."""
    for layer in part.modules():
        if isinstance(layer, nn.Linear):
            nn.init.normal_(layer.weight, 0.0, std)
            nn.init.zeros_(layer.bias)


def build(settings: Mapping[str, Any], task: Task) -> SeparationOfVariables:
    """The model for a task; initial weights come from torch's global generator."""
    return SeparationOfVariables(settings, task.frame_shape, task.conditioning)


plugin = ModelPlugin(
    name="sepvar",
    version="1",
    summary="separation of variables: static code S, temporal state T with residual dynamics, decoder D(S, T)",
    reference="Donà, Franceschi, Lamprier, Gallinari: PDE-Driven Spatiotemporal Disentanglement, ICLR 2021",
    bibtex="""@inproceedings{dona2021pde,
  title = {{PDE}-Driven Spatiotemporal Disentanglement},
  author = {Don{\\`a}, J{\\'e}r{\\'e}mie and Franceschi, Jean-Yves and Lamprier, Sylvain and Gallinari, Patrick},
  booktitle = {International Conference on Learning Representations},
  year = {2021}
}""",
    build=build,
    presets=lambda dataset: presets.load("sepvar", dataset),
)
