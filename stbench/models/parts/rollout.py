"""The roll-out of a residual multilayer perceptron as one node of the autograd graph."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn


class _RollOut(torch.autograd.Function):
    """T_{k+1} = (id + g_K) o ... o (id + g_1) (T_k), g(x) = W_3 relu(W_2 relu(W_1 x + b_1) + b_2) + b_3.

    The gradient of a weight is a sum over frames and samples of outer products. Autograd would add one matrix per
    frame; here inputs and output gradients of all frames are kept side by side and one matrix product makes the sum, in
    float32 also where the products are bfloat16. The state and its gradient are never rounded below their own
    precision.
    """

    @staticmethod
    def forward(ctx: Any, state: Tensor, n_states: int, dtype: torch.dtype, *parameters: Tensor) -> Tensor:
        weights = [each.to(dtype) for each in parameters[::2]]
        biases = [each.to(dtype) for each in parameters[1::2]]
        (batch, size), hidden, steps = state.shape, len(biases[0]), n_states - 1
        blocks = range(len(weights) // 3)
        inputs = [state.new_empty((steps, batch, size), dtype=dtype) for _ in blocks]
        first = [state.new_empty((steps, batch, hidden), dtype=dtype) for _ in blocks]
        second = [state.new_empty((steps, batch, hidden), dtype=dtype) for _ in blocks]
        states = state.new_empty((n_states, batch, size))
        states[0] = state
        for step in range(steps):
            for k in blocks:
                w, b = weights[3 * k : 3 * k + 3], biases[3 * k : 3 * k + 3]
                x = inputs[k][step].copy_(state)
                x = torch.addmm(b[0], x, w[0].t(), out=first[k][step]).relu_()
                x = torch.addmm(b[1], x, w[1].t(), out=second[k][step]).relu_()
                state = state + torch.addmm(b[2], x, w[2].t())
            states[step + 1] = state
        ctx.save_for_backward(*inputs, *first, *second, *weights)
        return states.transpose(0, 1)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> Any:
        saved = ctx.saved_tensors
        n = len(saved) // 6
        inputs, first, second, weights = saved[:n], saved[n : 2 * n], saved[2 * n : 3 * n], saved[3 * n :]
        steps = len(inputs[0])
        gradient = gradients[0].transpose(0, 1)
        to_first, to_second = [torch.empty_like(each) for each in first], [torch.empty_like(each) for each in second]
        to_output = [torch.empty_like(each) for each in inputs]
        threshold = torch.ops.aten.threshold_backward
        flowing = gradient[steps].clone()
        for step in reversed(range(steps)):
            for k in reversed(range(n)):
                outward = to_output[k][step].copy_(flowing)
                to_second[k][step] = threshold(outward @ weights[3 * k + 2], second[k][step], 0)
                to_first[k][step] = threshold(to_second[k][step] @ weights[3 * k + 1], first[k][step], 0)
                flowing += to_first[k][step] @ weights[3 * k]
            flowing += gradient[step]
        out = []
        for k in range(n):
            for outward, entering in (
                (to_first[k], inputs[k]),
                (to_second[k], first[k]),
                (to_output[k], second[k]),
            ):
                outward, entering = outward.flatten(0, 1), entering.flatten(0, 1)
                out += [(outward.t() @ entering).to(flowing.dtype), outward.sum(0, dtype=flowing.dtype)]
        return (flowing, None, None, *out)


def unrolled(state: Tensor, n_states: int, layers: list[nn.Linear]) -> Tensor:
    """T_0 (batch, p) -> T_0, ..., T_{n_states - 1} (batch, n_states, p); `layers`: three a block, in order of
    application.

    Matrix products run in the precision of autocast where it is on, else in that of the state.
    """
    device = state.device.type
    dtype = torch.get_autocast_dtype(device) if torch.is_autocast_enabled(device) else state.dtype
    parameters = [each for layer in layers for each in (layer.weight, layer.bias)]
    rolled: Tensor = _RollOut.apply(state, n_states, dtype, *parameters)  # type: ignore[no-untyped-call]
    return rolled
