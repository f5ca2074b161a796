"""What follows the last linear map of an encoder: nothing, batch normalisation, an activation."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from .components import choose
from .convolutions import Conv2d, Stage
from .normalisation import Steps


def _identity(code: Tensor) -> Tensor:
    return code


@dataclass(frozen=True)
class Ending:
    normalised: bool
    activation: Callable[[Tensor], Tensor]


CODES = {
    "linear": Ending(False, _identity),
    "normalised": Ending(True, _identity),
    "tanh": Ending(True, torch.tanh),
    "elu": Ending(False, F.elu),
}
"""sepvar: "linear" (DCGAN, ResNet) and "normalised" (VGG); DrNet, SVG and C-DSVAE: "tanh"; S3VAE: "elu"."""


def code_layer(
    kind: str, pixels: int, inner: int, size: int, *, flat: bool, bias: bool = True
) -> tuple[nn.Module, Ending]:
    """The map of `pixels` x `pixels` maps of `inner` channels to a code, and what follows it; `kind` names a `CODES`.

    The same numbers are a linear map where `flat` and nothing is normalised, else a convolution.
    """
    ending = choose("code", CODES, kind)
    if ending.normalised:
        return Stage(Conv2d(inner, size, pixels, bias=bias), slope=1.0), ending
    if flat:
        return nn.Linear(inner * pixels**2, size, bias=bias), ending
    return Conv2d(inner, size, pixels, bias=bias), ending


def code_of(maps: Tensor, layer: nn.Module, ending: Ending, steps: Steps) -> Tensor:
    """(batch, inner, pixels, pixels) -> (batch, size)."""
    if isinstance(layer, Stage):
        code: Tensor = layer(maps, steps)
    else:
        code = layer(maps.flatten(1) if isinstance(layer, nn.Linear) else maps)
    return ending.activation(code.flatten(1))
