"""The equations of ST-LSTM, Causal LSTM, GHU, MIM and E3D-LSTM in plain NumPy, written from the papers.

`w` holds the weights of a cell by name (`numpy_cells.weights`).
"""

from __future__ import annotations

import numpy as np
from numpy_cells import Weights, convolve, sigmoid

Maps = tuple[np.ndarray, ...]


def normalised(x: np.ndarray, scale: np.ndarray, shift: np.ndarray) -> np.ndarray:
    """Every sample by mean and biased variance of all its numbers."""
    out = np.empty_like(x)
    for b, sample in enumerate(x):
        out[b] = (sample - sample.mean()) / np.sqrt(((sample - sample.mean()) ** 2).mean() + 1e-5)
    return out * scale + shift


def projection(x: np.ndarray, w: Weights, name: str) -> np.ndarray:
    y = convolve(x, w[f"{name}.convolution.weight"], w.get(f"{name}.convolution.bias"))
    if f"{name}.norm.weight" in w:
        y = normalised(y, w[f"{name}.norm.weight"], w[f"{name}.norm.bias"])
    return y


def gates(x: np.ndarray, w: Weights, name: str, number: int) -> list[np.ndarray]:
    return np.split(projection(x, w, name), number, axis=1)


def st_lstm(x: np.ndarray, h: np.ndarray, c: np.ndarray, m: np.ndarray, w: Weights) -> Maps:
    xi, xf, xg, yi, yf, yg, xo = gates(x, w, "from_input", 7)
    hi, hf, hg, ho = gates(h, w, "from_hidden", 4)
    mi, mf, mg = gates(m, w, "from_memory", 3)
    i, f, g = sigmoid(xi + hi), sigmoid(xf + hf + 1), np.tanh(xg + hg)
    c = f * c + i * g
    i, f, g = sigmoid(yi + mi), sigmoid(yf + mf + 1), np.tanh(yg + mg)
    m = f * m + i * g
    both = np.concatenate([c, m], axis=1)
    o = sigmoid(xo + ho + projection(both, w, "from_both"))
    return o * np.tanh(projection(both, w, "merge")), c, m
