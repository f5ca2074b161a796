"""A learned model as the training loop wants it."""

from __future__ import annotations

from torch import nn

from stbench.errors import StbenchError


def torch_module(built: object) -> nn.Module:
    """What the plug-in of a learned model has built; `StbenchError` where that is no `torch.nn.Module`."""
    if not isinstance(built, nn.Module):
        raise StbenchError(
            f"{type(built).__name__} is no torch.nn.Module, which a learned model must be (stbench.contract.modules)"
        )
    return built
