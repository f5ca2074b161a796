"""The parts sepvar is put together from, by name, and which of them fit together."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import torch
from torch import Tensor, nn

from stbench.errors import StbenchError

from ..parts.dcgan import DCGANDecoder, DCGANEncoder
from ..parts.gru import GRU
from ..parts.integrator import ResidualMLP
from ..parts.map_integrator import ResidualConvolutions
from ..parts.maps import MapDecoder, MapEncoder
from ..parts.mlp import MLPDecoder, MLPEncoder
from ..parts.ode import DormandPrince, Euler, RungeKutta38
from ..parts.resnet import ResNetEncoder
from ..parts.vgg import VGGDecoder, VGGEncoder

ENCODERS: dict[str, type[nn.Module]] = {
    "mlp": MLPEncoder,
    "dcgan": DCGANEncoder,
    "vgg": VGGEncoder,
    "resnet": ResNetEncoder,
    "maps": MapEncoder,
}
DECODERS: dict[str, type[nn.Module]] = {
    "mlp": MLPDecoder,
    "dcgan": DCGANDecoder,
    "vgg": VGGDecoder,
    "maps": MapDecoder,
}
INTEGRATORS: dict[str, type[nn.Module]] = {
    "mlp": ResidualMLP,
    "convolutions": ResidualConvolutions,
    "gru": GRU,
    "dopri5": DormandPrince,
    "rk4": RungeKutta38,
    "euler": Euler,
}
ON_MAPS = {"encoder": "maps", "decoder": "maps", "integrator": "convolutions"}
"""Parts that work on two-dimensional codes; they go together, and with no other."""


def _concatenate(static: Tensor, temporal: Tensor) -> Tensor:
    return torch.cat((static, temporal), 2)


MIXINGS: dict[str, Callable[[Tensor, Tensor], Tensor]] = {"product": torch.mul, "concat": _concatenate}
"""S and T, both (batch, time, size) or (batch, time, size, y, x), to what the decoder sees."""


def _half_sum(initial: Tensor) -> Tensor:
    return 0.5 * initial.square().sum(1).mean()


def _half_mean(initial: Tensor) -> Tensor:
    return 0.5 * initial.square().mean()


PRIORS: dict[str, Callable[[Tensor], Tensor]] = {"half_sum": _half_sum, "half_mean": _half_mean}
"""Eq. 12 as coded: 1/2 sum_p T_0^2 of vectors, mean over the batch; 1/2 mean T_0^2 of maps."""


def check_fit(
    mixing: str,
    static_size: int,
    temporal_size: int,
    encoder: Mapping[str, Any],
    decoder: Mapping[str, Any],
    integrator: Mapping[str, Any],
) -> None:
    """`StbenchError` where parts that exist do not fit together."""
    if mixing == "product" and static_size not in (0, temporal_size):
        raise StbenchError(
            f"the mixing 'product' needs codes of one size, but static_size is {static_size} and temporal_size is "
            f"{temporal_size}: make them equal, or use mixing 'concat'"
        )
    parts = {"encoder": encoder, "decoder": decoder, "integrator": integrator}
    names = {kind: part.get("name") for kind, part in parts.items()}
    on_maps = {kind for kind, name in names.items() if name == ON_MAPS[kind]}
    if on_maps and on_maps != set(ON_MAPS):
        found = ", ".join(f"{kind} '{name}'" for kind, name in names.items())
        wanted = ", ".join(f"{kind} '{name}'" for kind, name in ON_MAPS.items())
        raise StbenchError(f"two-dimensional and vector codes do not mix ({found}): use {wanted}, or none of them")
    if decoder.get("skips"):
        if not static_size:
            raise StbenchError(
                "the decoder's feature maps come from the encoder of S, and without S there is none: set skips = false"
            )
        if (encoder.get("name"), encoder.get("width")) != (decoder.get("name"), decoder.get("width")):
            raise StbenchError(
                f"the decoder '{decoder.get('name')}' of width {decoder.get('width')} cannot take the feature maps of "
                f"the encoder '{encoder.get('name')}' of width {encoder.get('width')}: make them alike, or set "
                "skips = false"
            )
