"""What a model costs: parameters, multiply-accumulates, memory."""

from __future__ import annotations

import resource
import sys
from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch import nn
from torch.utils.flop_counter import FlopCounterMode

from .operations import RULES

MACS_VERSION = 2
"""Of the way multiply-accumulates are counted: 1 saw the layers that were called as modules of three kinds (linear,
convolutional, transposed), 2 sees the operations of PyTorch itself."""


def count_parameters(module: nn.Module) -> int:
    """Number of trainable scalars."""
    return sum(each.numel() for each in module.parameters() if each.requires_grad)


def count_macs(module: nn.Module, conditioning_shape: tuple[int, ...], horizon: int) -> int:
    """Multiply-accumulates of one forecast: half the operations that `torch.utils.flop_counter` and
    `stbench.training.operations` see; biases, activations, norms not counted.

    `conditioning_shape` is (conditioning, *frame), for one window. Counted by running the model once on zeros, so that
    a solver that chooses its steps takes those it needs for zeros.
    """
    training, device = module.training, next(module.parameters()).device
    counter = FlopCounterMode(display=False, custom_mapping=dict(RULES))
    try:
        module.eval()
        with torch.no_grad(), _attention_written_out(), counter:
            module(torch.zeros(1, *conditioning_shape, device=device), horizon)
    finally:
        module.train(training)
    return int(counter.get_total_flops()) // 2


@contextmanager
def _attention_written_out() -> Iterator[None]:
    """The layers of `nn.Transformer` take a single call in eval mode, which shows none of what is in it."""
    fast = torch.backends.mha.get_fastpath_enabled()
    torch.backends.mha.set_fastpath_enabled(False)
    try:
        yield
    finally:
        torch.backends.mha.set_fastpath_enabled(fast)


def peak_memory() -> int:
    """Largest resident memory of this process so far, bytes."""
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else peak * 1024
