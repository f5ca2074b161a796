"""stub"""

from __future__ import annotations

from collections.abc import Callable

from torch import Tensor, nn


def tiled(layer: nn.Conv2d, like: Tensor) -> Callable[[Tensor], Tensor] | None:
    return None
