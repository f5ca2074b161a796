"""Separation of variables: v_k = D(S, T_k), S = E_S(V(t0)), T_0 = E_T(V(t0)), dT/dt = f(T).

Donà, Franceschi, Lamprier, Gallinari, "PDE-Driven Spatiotemporal Disentanglement", ICLR 2021. The static code S and
the first temporal state T_0 come from the conditioning frames; a residual network carries T from frame to frame;
the decoder joins both.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from stbench.contract.models import ModelPlugin, Task
from stbench.contract.presets import beside
from stbench.contract.settings import Count, Size, Weight, construct
from stbench.errors import StbenchError

from ..parts.components import choose, make
from ..parts.convolutions import Code
from ..parts.initial import normal
from ..parts.normalisation import ONE, Steps
from ..parts.weights import term_weights
from .parts import DECODERS, ENCODERS, INTEGRATORS, MIXINGS, PRIORS, check_fit
from .static import change_of_static, window_starts

OFFSETS = {"conditioning": False, "none": True}
"""Does T_0 stand for the first frame after the conditioning ones?"""
DECODINGS = {"per_frame": True, "folded": False}
"""Has every time step its own batch statistics in the decoder?"""
TERMS = ("prediction", "autoencoding", "static", "prior")


class SeparationOfVariables(nn.Module):
    """The model of the paper with the losses of its Eq. 8, 9, 11, 12 (total: Eq. 13).

    Settings (the preset's `model` table): `static_size` d of S, 0 for the ablation without S (S := 1);
    `temporal_size` p of T; `mixing` "product" (S*T, needs d = p) or "concat" ([S, T]); `encoder`, `decoder`,
    `integrator`: part name and its settings; `initial_std` of the normal initial weights of encoders and decoder;
    `loss_weights`: lambda of each term. Where they are left out:

    - `offset` "conditioning": the decoded frames start with the first conditioning frame, frame k is D(S, T_k);
      "none": they start with the first frame to predict (appendix E.4);
    - `decode` "per_frame": batch normalisation in the decoder sees one time step at a time, as in the published code;
      "folded": all time steps together. Either way the frames pass the decoder in one call;
    - `prior` "half_sum": 1/2 sum_p T_0^2; "half_mean": 1/2 mean T_0^2, as the published code has it for maps;
    - `constraint_intervals` 1: S is compared between the first and the last window (Eq. 11); p or "all": along p + 1
      windows (Appendix B).
    """

    def __init__(
        self,
        frame_shape: tuple[int, ...],
        conditioning: int,
        *,
        static_size: Count,
        temporal_size: Size,
        mixing: str,
        encoder: Mapping[str, Any],
        decoder: Mapping[str, Any],
        integrator: Mapping[str, Any],
        initial_std: Weight,
        loss_weights: Mapping[str, Weight],
        offset: str = "conditioning",
        decode: str = "per_frame",
        prior: str = "half_sum",
        constraint_intervals: int | str = 1,
    ) -> None:
        super().__init__()
        check_fit(mixing, static_size, temporal_size, encoder, decoder, integrator)
        self.conditioning = conditioning
        self.loss_weights = term_weights("sepvar", TERMS, loss_weights, () if static_size else ("static",))
        self.mix = choose("mixing", MIXINGS, mixing)
        self.prior = choose("prior", PRIORS, prior)
        self.starts_after = choose("offset", OFFSETS, offset)
        self.step_statistics = choose("decode", DECODINGS, decode)
        self.constraint_intervals = constraint_intervals
        self.takes_maps = bool(decoder.get("skips"))
        self.static_encoder: nn.Module | None = None
        if static_size:
            self.static_encoder = make("encoder", ENCODERS, encoder, frame_shape, conditioning, static_size)
        self.temporal_encoder: nn.Module = make("encoder", ENCODERS, encoder, frame_shape, conditioning, temporal_size)
        code_size = temporal_size + (static_size if mixing == "concat" else 0)
        self.decoder: nn.Module = make("decoder", DECODERS, decoder, frame_shape, code_size)
        for part in (self.static_encoder, self.temporal_encoder, self.decoder):
            if part is not None:
                normal(part, initial_std)
        self.integrator: nn.Module = make("integrator", INTEGRATORS, integrator, temporal_size)

    def static(self, conditioning: Tensor) -> Code | None:
        """S = E_S of a window (batch, conditioning, *frame), None without S."""
        if self.static_encoder is None:
            return None
        return self._statics([conditioning])[0]

    def _statics(self, windows: Sequence[Tensor]) -> list[Code]:
        """S of several windows in one call; feature maps belong to it only where the decoder takes them."""
        codes: list[Code] = self.static_encoder.encode(windows)  # type: ignore[union-attr, operator]
        return codes if self.takes_maps else [Code(each.code) for each in codes]

    def decode(self, static: Code | None, states: Tensor, earliest: int = 0) -> Tensor:
        """D(S, T_k), all k in one batch: S and (batch, time, p) or (batch, time, p, y, x) -> (batch, time, *frame).

        Running batch statistics take the step `earliest` first.
        """
        time = states.shape[1]
        skips: tuple[Tensor, ...] = ()
        steps = Steps(time, earliest) if self.step_statistics else ONE
        if static is not None:
            code, skips = static.code, static.skips
            states = self.mix(code.unsqueeze(1).expand(-1, time, *code.shape[1:]), states)
        frames: Tensor = self.decoder.decode(states, skips, steps)  # type: ignore[operator]
        return frames

    def forward(self, conditioning: Tensor, horizon: int) -> Tensor:
        """(batch, conditioning, *frame) -> (batch, horizon, *frame): roll out, drop the conditioning frames."""
        return self.swap(conditioning, conditioning, horizon)

    def swap(self, content: Tensor, motion: Tensor, horizon: int) -> Tensor:
        """S from the window `content`, T from `motion`, both (batch, conditioning, *frame): (batch, horizon,
        *frame)."""
        dropped = self._states_before_forecast
        states = self.integrator.roll_out(self.temporal_encoder(motion), dropped + horizon)  # type: ignore[operator]
        return self.decode(self.static(content), states[:, dropped:])

    def transfer(self, content: Tensor, motion: Tensor, length: int, action: Tensor | None = None) -> Tensor:
        """S from the first conditioning frames of `content`, T from those of `motion`: frames 0..length-1, time counted
        from the first frame of `motion`. No action is looked at."""
        if self.starts_after:
            raise StbenchError(
                "states that start after the window cannot show its own frames: use offset = 'conditioning'"
            )
        n = self.conditioning
        states = self.integrator.roll_out(self.temporal_encoder(motion[:, :n]), length)  # type: ignore[operator]
        return self.decode(self.static(content[:, :n]), states)

    def codes(self, clip: Tensor, action: Tensor | None = None) -> dict[str, Tensor]:
        """Content: the vector of S (batch, d); motion: T of the first window (batch, p)."""
        window = clip[:, : self.conditioning]
        static = self.static(window)
        if static is None:
            raise StbenchError("without S there is no content code: ask a model that has one")
        return {"content": static.code, "motion": self.temporal_encoder(window)}

    def forecast_at(self, conditioning: Tensor, lead_times: Sequence[float]) -> Tensor:
        """Frames at increasing lead times in frames, 1 the first one to predict: (batch, len(lead_times), *frame).

        Between whole lead times only the integrators of the ODE know the state: `StbenchError` from the others.
        """
        times = [self._states_before_forecast - 1 + float(lead) for lead in lead_times]
        states = self.integrator.at(self.temporal_encoder(conditioning), times)  # type: ignore[operator]
        return self.decode(self.static(conditioning), states)

    @property
    def _states_before_forecast(self) -> int:
        return 0 if self.starts_after else self.conditioning

    def loss(self, batch: Mapping[str, Tensor], generator: torch.Generator) -> dict[str, Tensor]:
        """Terms of Eq. 13 and their weighted sum `total`, from `batch["frames"]` (batch, N + horizon, *frame).

        With L frames of which N condition, S from the first N, and means over batch and components; o = 0 with offset
        "conditioning", o = N with "none":

        - prediction (Eq. 8): mean over k = 0..L-o-1 of (D(S, T_k) - v_{k+o})^2, conditioning frames included if o = 0;
        - autoencoding (Eq. 9): (D(S, E_T(v_i..v_{i+N-1})) - v_{i+o})^2, one i per batch drawn from `generator`, uniform
          on 0..L-N, or on 0..L-N-1 if o = N;
        - static (Eq. 11): (E_S(v_0..v_{N-1}) - E_S(v_{L-N}..v_{L-1}))^2, with the maps that the decoder takes;
          absent without S;
        - prior (Eq. 12): 1/2 sum_p T_0^2, so that its weight 1e-3 is the paper's p/2 * 1e-3 on the mean.

        Batch normalisation sees the windows of one call of the published code at a time, and running statistics take
        them in its order: E_S first and last window; E_T window i, then the first; D autoencoding, then frame by frame.
        """
        frames, n = batch["frames"], self.conditioning
        observed = frames[:, n:] if self.starts_after else frames
        last = frames.shape[1] - n
        start = int(torch.randint(last if self.starts_after else last + 1, (), generator=generator))
        terms: dict[str, Tensor] = {}
        static = None
        if self.static_encoder is not None:
            starts = window_starts(last, self.constraint_intervals)
            codes = self._statics([frames[:, k : k + n] for k in starts])
            static = codes[0]
            terms["static"] = change_of_static(codes, starts)
        windows = [frames[:, :n], frames[:, start : start + n]]
        initial, reencoded = (
            each.code
            for each in self.temporal_encoder.encode(windows, earliest=1)  # type: ignore[operator]
        )
        n_states = observed.shape[1]
        states = self.integrator.roll_out(initial, n_states)  # type: ignore[operator]
        decoded = self.decode(static, torch.cat((states, reencoded.unsqueeze(1)), 1), earliest=n_states)
        terms["prediction"] = F.mse_loss(decoded[:, :-1], observed)
        terms["autoencoding"] = F.mse_loss(decoded[:, -1], observed[:, start])
        terms["prior"] = self.prior(initial)
        terms["total"] = torch.stack([self.loss_weights[name] * term for name, term in terms.items()]).sum()
        return terms


def build(settings: Mapping[str, Any], task: Task) -> SeparationOfVariables:
    """The model for a task; initial weights come from torch's global generator."""
    return construct("sepvar", SeparationOfVariables, settings, task.frame_shape, task.conditioning)


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
    presets=beside(__name__),
    capabilities=("forecast", "swap", "transfer", "codes"),
)
