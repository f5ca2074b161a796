"""The equations of ConvLSTM and PhyCell in plain NumPy, written from the papers; loops where torch has a library."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from torch import nn

Weights = dict[str, np.ndarray]


def weights(module: nn.Module) -> Weights:
    return {name: each.detach().numpy().astype(np.float64) for name, each in module.named_parameters()}


def sigmoid(x: np.ndarray) -> np.ndarray:
    return 1.0 / (1.0 + np.exp(-x))


def convolve(x: np.ndarray, kernel: np.ndarray, bias: np.ndarray | None = None) -> np.ndarray:
    """(batch, inner, y, x) with (outer, inner, k, k): sum of shifted maps, zeros outside."""
    half = kernel.shape[-1] // 2
    height, width = x.shape[-2:]
    padded = np.pad(x, ((0, 0), (0, 0), (half, half), (half, half)))
    out = np.zeros((len(x), len(kernel), height, width))
    for v in range(kernel.shape[2]):
        for u in range(kernel.shape[3]):
            out += np.einsum("oi,biyx->boyx", kernel[:, :, v, u], padded[:, :, v : v + height, u : u + width])
    return out if bias is None else out + bias[:, None, None]


def conv_lstm(x: np.ndarray | None, h: np.ndarray, c: np.ndarray, w: Weights) -> tuple[np.ndarray, np.ndarray]:
    """One step; x None for a layer without input. Gates in the order i, f, g, o."""
    gates = convolve(h, w["from_hidden.weight"], w.get("from_hidden.bias"))
    if x is not None:
        gates = gates + convolve(x, w["from_input.weight"], w.get("from_input.bias"))
    i, f, g, o = np.split(gates, 4, axis=1)
    peep_i, peep_f, peep_o = w.get("peephole", np.zeros((3, 1, 1, 1)))
    i, f = sigmoid(i + peep_i * c), sigmoid(f + peep_f * c)
    c = f * c + i * np.tanh(g)
    o = sigmoid(o + peep_o * c)
    return o * np.tanh(c), c


def conv_lstm_stack(x: np.ndarray | None, states: list[Any], layers: list[Weights]) -> list[Any]:
    """One step through all layers: the new (h, c) of each."""
    found = []
    for w, (h, c) in zip(layers, states, strict=True):
        x, c = conv_lstm(x, h, c, w)
        found.append((x, c))
    return found


def group_norm(x: np.ndarray, groups: int, scale: np.ndarray, shift: np.ndarray) -> np.ndarray:
    parts = x.reshape(len(x), groups, -1)
    parts = (parts - parts.mean(axis=2, keepdims=True)) / np.sqrt(parts.var(axis=2, keepdims=True) + 1e-5)
    return parts.reshape(x.shape) * scale[:, None, None] + shift[:, None, None]


def phy_cell(u: np.ndarray, h: np.ndarray, w: Weights) -> np.ndarray:
    terms = convolve(h, w["derivatives.weight"], w["derivatives.bias"])
    terms = group_norm(terms, 7, w["normalise.weight"], w["normalise.bias"])
    predicted = h + convolve(terms, w["combine.weight"], w["combine.bias"])
    gain = sigmoid(convolve(np.concatenate([u, h], axis=1), w["gain.weight"], w["gain.bias"]))
    return predicted + gain * (u - predicted)


def moments(kernels: np.ndarray) -> np.ndarray:
    """(.., i, j): Σ_{v,u} v^i u^j / (i! j!) k[.., v, u] with offsets v, u from the centre."""
    half = kernels.shape[-1] // 2
    orders = range(kernels.shape[-1])
    weight = np.array(
        [
            [
                [
                    [v**i * u**j / (math.factorial(i) * math.factorial(j)) for u in range(-half, half + 1)]
                    for v in range(-half, half + 1)
                ]
                for j in orders
            ]
            for i in orders
        ]
    )
    return np.einsum("ijvu,...vu->...ij", weight, kernels)


def moment_loss(kernels: np.ndarray) -> float:
    """(49, inner, 7, 7): filter 7i + j is to have the moment (i, j) alone; means, summed over inner."""
    total = 0.0
    for number, filters in enumerate(kernels):
        target = np.zeros((7, 7))
        target[divmod(number, 7)] = 1.0
        total += ((moments(filters) - target) ** 2).sum() / (49 * 49)
    return total
