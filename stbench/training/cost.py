"""What a model costs: parameters, multiply-accumulates, memory."""

from __future__ import annotations

import math
import resource
import sys
from typing import Any

import torch
from torch import Tensor, nn

CONVOLUTIONS = (nn.Conv1d, nn.Conv2d, nn.Conv3d)
TRANSPOSED = (nn.ConvTranspose1d, nn.ConvTranspose2d, nn.ConvTranspose3d)


def count_parameters(module: nn.Module) -> int:
    """Number of trainable scalars."""
    return sum(each.numel() for each in module.parameters() if each.requires_grad)


def count_macs(module: nn.Module, conditioning_shape: tuple[int, ...], horizon: int) -> int:
    """Multiply-accumulates of one forecast in linear and convolutional layers; biases, activations not counted.

    `conditioning_shape` is (conditioning, *frame), for one window. Counted by running the model once on zeros.
    """
    total = 0

    def count(layer: nn.Module, inputs: tuple[Any, ...], output: Tensor) -> None:
        nonlocal total
        if isinstance(layer, nn.Linear):
            total += output.numel() * layer.in_features
        elif isinstance(layer, CONVOLUTIONS):
            total += output.numel() * layer.in_channels // layer.groups * math.prod(layer.kernel_size)
        elif isinstance(layer, TRANSPOSED):
            total += inputs[0].numel() * layer.out_channels // layer.groups * math.prod(layer.kernel_size)

    counted = (nn.Linear, *CONVOLUTIONS, *TRANSPOSED)
    hooks = [layer.register_forward_hook(count) for layer in module.modules() if isinstance(layer, counted)]
    training, device = module.training, next(module.parameters()).device
    try:
        module.eval()
        with torch.no_grad():
            module(torch.zeros(1, *conditioning_shape, device=device), horizon)
    finally:
        module.train(training)
        for hook in hooks:
            hook.remove()
    return total


def peak_memory() -> int:
    """Largest resident memory of this process so far, bytes."""
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else peak * 1024
