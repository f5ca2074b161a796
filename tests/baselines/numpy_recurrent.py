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


def causal_lstm(x: np.ndarray, h: np.ndarray, c: np.ndarray, m: np.ndarray, w: Weights) -> Maps:
    xi, xf, xg, yi, yf, yg, xo = gates(x, w, "from_input", 7)
    hi, hf, hg, ho = gates(h, w, "from_hidden", 4)
    ci, cf, cg = gates(c, w, "from_cell", 3)
    c = sigmoid(xf + hf + cf + 1) * c + sigmoid(xi + hi + ci) * np.tanh(xg + hg + cg)
    ki, kg, kf, ko = gates(c, w, "from_new_cell", 4)
    mi, mf, mm = gates(m, w, "from_memory", 3)
    m = sigmoid(yf + kf + mf + 1) * np.tanh(mm) + sigmoid(yi + ki + mi) * np.tanh(yg + kg)
    o = np.tanh(xo + ho + ko + projection(m, w, "from_new_memory"))
    return o * np.tanh(projection(np.concatenate([c, m], axis=1), w, "merge")), c, m


def highway(x: np.ndarray, z: np.ndarray, w: Weights) -> np.ndarray:
    px, sx = gates(x, w, "from_input", 2)
    pz, sz = gates(z, w, "from_state", 2)
    s = sigmoid(sx + sz)
    return s * np.tanh(px + pz) + (1 - s) * z


def mim_cell(x: np.ndarray, h: np.ndarray, n: np.ndarray, w: Weights) -> Maps:
    """MIM-N and MIM-S: D and n'."""
    xi, xf, xg, xo = gates(x, w, "from_input", 4)
    hi, hf, hg, ho = gates(h, w, "from_hidden", 4)
    p_i, p_f = w["peephole.before"]
    n = sigmoid(xf + hf + p_f * n + 1) * n + sigmoid(xi + hi + p_i * n) * np.tanh(xg + hg)
    return sigmoid(xo + ho + w["peephole.after"] * n) * np.tanh(n), n


def shared_st_lstm(x: np.ndarray, h: np.ndarray, c: np.ndarray, m: np.ndarray, w: Weights) -> Maps:
    xi, xf, xg, xo = gates(x, w, "from_input", 4)
    hi, hf, hg, ho = gates(h, w, "from_hidden", 4)
    mi, mf, mg, mo = gates(m, w, "from_memory", 4)
    c = sigmoid(xf + hf + 1) * c + sigmoid(xi + hi) * np.tanh(xg + hg)
    m = sigmoid(xf + mf + 1) * m + sigmoid(xi + mi) * np.tanh(xg + mg)
    return sigmoid(xo + ho + mo) * np.tanh(projection(np.concatenate([c, m], axis=1), w, "merge")), c, m


def mim_block(
    x: np.ndarray, d: np.ndarray, h: np.ndarray, c: np.ndarray, m: np.ndarray, s: np.ndarray, w: Weights
) -> Maps:
    xi, xf, xg, xo = gates(x, w, "from_input", 4)
    hi, hg, ho = gates(h, w, "from_hidden", 3)
    mi, mf, mg, mo = gates(m, w, "from_memory", 4)
    own = {name.removeprefix("stationary."): each for name, each in w.items() if name.startswith("stationary.")}
    t, s = mim_cell(d, c, s, own)
    c = t + sigmoid(xi + hi) * np.tanh(xg + hg)
    m = sigmoid(xf + mf + 1) * m + sigmoid(xi + mi) * np.tanh(xg + mg)
    h = sigmoid(xo + ho + mo) * np.tanh(projection(np.concatenate([c, m], axis=1), w, "merge"))
    return h, c, m, s


def window_projection(x: np.ndarray, w: Weights, name: str) -> np.ndarray:
    """(batch, window, channel, y, x): slot l sees slots l, l + 1, .. of a window of two, zeros after the last."""
    kernel, bias = w[f"{name}.convolution.weight"], w.get(f"{name}.convolution.bias")
    slots, length = x.shape[1], kernel.shape[2]
    before = (length - 1) // 2
    padded = np.pad(x, ((0, 0), (before, length - 1 - before), (0, 0), (0, 0), (0, 0)))
    y = np.stack(
        [sum(convolve(padded[:, k + j], kernel[:, :, j]) for j in range(length)) for k in range(slots)], axis=1
    )
    if bias is not None:
        y = y + bias[:, None, None]
    if f"{name}.norm.weight" in w:
        y = normalised(y, w[f"{name}.norm.weight"], w[f"{name}.norm.bias"])
    return y


def attention(query: np.ndarray, history: list[np.ndarray]) -> np.ndarray:
    """One position after the other; (batch, window, channel, y, x)."""
    out = np.zeros_like(query)
    positions = [(k, v, u) for k in range(query.shape[1]) for v in range(query.shape[3]) for u in range(query.shape[4])]
    for b in range(len(query)):
        rows = np.stack([past[b, k, :, v, u] for past in history for k, v, u in positions])
        for k, v, u in positions:
            weight = np.exp(rows @ query[b, k, :, v, u])
            out[b, k, :, v, u] = weight @ rows / weight.sum()
    return out


def e3d_lstm(x: np.ndarray, h: np.ndarray, c: np.ndarray, m: np.ndarray, history: list[np.ndarray], w: Weights) -> Maps:
    def gates(maps: np.ndarray, name: str, number: int) -> list[np.ndarray]:
        return np.split(window_projection(maps, w, name), number, axis=2)

    xi, xr, xg, yi, yf, yg, xo = gates(x, "from_input", 7)
    hi, hr, hg, ho = gates(h, "from_hidden", 4)
    mi, mf, mg, mm = gates(m, "from_memory", 4)
    recalled = attention(sigmoid(xr + hr), history)
    c = normalised(c + recalled, w["norm.weight"], w["norm.bias"]) + sigmoid(xi + hi) * np.tanh(xg + hg)
    m = sigmoid(yf + mf + 1) * np.tanh(mm) + sigmoid(yi + mi) * np.tanh(yg + mg)
    more = window_projection(c, w, "from_new_cell") + window_projection(m, w, "from_new_memory")
    o = sigmoid(np.tanh(xo + ho + more))
    both = np.concatenate([c, m], axis=2)
    merged = np.stack(
        [convolve(both[:, k], w["merge.weight"], w.get("merge.bias")) for k in range(both.shape[1])], axis=1
    )
    return o * np.tanh(merged), c, m
