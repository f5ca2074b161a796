"""Which precision values are carried in, whatever that of the layers between them."""

from __future__ import annotations

import torch
from torch import Tensor


def full(x: Tensor) -> Tensor:
    """float32 of what autocast made half as precise: states, codes, moments; float64 stays."""
    return x.float() if x.dtype in (torch.bfloat16, torch.float16) else x
