"""The published networks in NumPy, float64, from their description; weights come from a state_dict.

Every call of a network is one call of the published code: batch normalisation sees what is handed to it and nothing
else. Arrays are (batch, channel, y, x).
"""

from __future__ import annotations

from itertools import pairwise

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

EPS, SLOPE = 1e-5, 0.2


def leaky(x, slope=SLOPE):
    return np.where(x > 0, x, slope * x)


def convolution(x, weight, bias, stride=1, padding=0):
    x = np.pad(x, ((0, 0), (0, 0), (padding, padding), (padding, padding)))
    size = weight.shape[2:]
    patches = sliding_window_view(x, size, (2, 3))[:, :, ::stride, ::stride]
    return np.einsum("bcyxij,ocij->boyx", patches, weight, optimize=True) + bias[:, None, None]


def transposed(x, weight, bias, stride=1, padding=0):
    """Every input pixel adds weight * value around its place, `stride` apart; the rim of `padding` is cut off."""
    b, _, h, w = x.shape
    _, out, k, _ = weight.shape
    y = np.zeros((b, out, (h - 1) * stride + k, (w - 1) * stride + k))
    for i in range(h):
        for j in range(w):
            y[:, :, i * stride : i * stride + k, j * stride : j * stride + k] += np.einsum(
                "bc,coij->boij", x[:, :, i, j], weight
            )
    return y[:, :, padding : y.shape[2] - padding, padding : y.shape[3] - padding] + bias[:, None, None]


def pool(x):
    return x.reshape(*x.shape[:2], x.shape[2] // 2, 2, x.shape[3] // 2, 2).max((3, 5))


def pool3(x):
    """3x3, stride 2, one pixel of minus infinity around."""
    x = np.pad(x, ((0, 0), (0, 0), (1, 1), (1, 1)), constant_values=-np.inf)
    return sliding_window_view(x, (3, 3), (2, 3))[:, :, ::2, ::2].max((4, 5))


def up(x):
    return x.repeat(2, 2).repeat(2, 3)


class Networks:
    """E_S, E_T, D and the integrator of a module, by the names of its parts."""

    def __init__(self, module, table):
        self.w = {name: each.double().numpy() for name, each in module.state_dict().items()}
        self.table = table

    def linear(self, name, x):
        return x @ self.w[f"{name}.weight"].T + self.w[f"{name}.bias"]

    def norm(self, name, x):
        mean, variance = x.mean((0, 2, 3), keepdims=True), x.var((0, 2, 3), keepdims=True)
        scale, shift = (self.w[f"{name}.{each}"][:, None, None] for each in ("weight", "bias"))
        return scale * (x - mean) / np.sqrt(variance + EPS) + shift

    def stage(self, name, x, stride=1, padding=1, slope=SLOPE, up=False):
        """Convolution (transposed: `up`), normalisation where there is one, LeakyReLU."""
        kernel = transposed if up else convolution
        x = kernel(x, self.w[f"{name}.convolution.weight"], self.w[f"{name}.convolution.bias"], stride, padding)
        if f"{name}.norm.weight" in self.w:
            x = self.norm(f"{name}.norm", x)
        return leaky(x, slope)

    def group(self, name, x, n):
        for number in range(n):
            x = self.stage(f"{name}.{number}", x)
        return x

    def encode(self, part, window):
        """(batch, n_frames, channel, y, x) -> code and feature maps, finest first."""
        x = window.reshape(len(window), -1, *window.shape[3:])
        maps = []
        kind = self.table["encoder"]["name"]
        if kind == "dcgan":
            for number in range(4):
                x = self.stage(f"{part}.stages.{number}", x, 2, 1)
                maps.append(x)
            return self.linear(f"{part}.code", x.reshape(len(x), -1)), maps
        if kind == "resnet":
            return self.resnet(part, x), []
        for number, n in enumerate((2, 2, 3, 3) if kind == "vgg" else (2, 2, 3)):
            x = self.group(f"{part}.groups.{number}", pool(x) if number else x, n)
            maps.append(x)
        if kind == "vgg":
            x = pool(x) if x.shape[-1] == 8 else x
            return self.stage(f"{part}.code", x, 1, 0, slope=1.0)[:, :, 0, 0], maps
        x = self.group(f"{part}.code", x, 2)
        return convolution(x, self.w[f"{part}.code.2.weight"], self.w[f"{part}.code.2.bias"], 1, 1), maps

    def resnet(self, part, x):
        x = pool3(self.stage(f"{part}.first.0", x, 2, 3, slope=0.0))
        for number in range(8):
            name, stride = f"{part}.blocks.{number}", 2 if number in (2, 4, 6) else 1
            y = self.stage(f"{name}.inward", x, stride, 1, slope=0.0)
            y = self.stage(f"{name}.outward", y, 1, 1, slope=1.0)
            has_shortcut = f"{name}.shortcut.norm.weight" in self.w
            x = leaky(y + (self.stage(f"{name}.shortcut", x, stride, 0, slope=1.0) if has_shortcut else x), 0.0)
        return convolution(x, self.w[f"{part}.code.weight"], self.w[f"{part}.code.bias"])[:, :, 0, 0]

    def decode(self, code, maps):
        """One time step: what mixing gives, and feature maps, to frames (batch, channel, y, x)."""
        kind = self.table["decoder"]["name"]
        maps = maps if self.table["decoder"]["skips"] else []

        def joined(x, number):
            return np.concatenate([x, maps[-1 - number]], 1) if maps else x

        if kind == "maps":
            x = self.group("decoder.first", code, 3)
            for number in range(2):
                x = self.group(f"decoder.groups.{number}", joined(up(x) if number else x, number), 3)
            x = self.group("decoder.groups.2", joined(up(x), 2), 2)
            if self.table["decoder"]["output"] == "normalised":
                return self.stage("decoder.groups.2.2", x)
            return convolution(x, self.w["decoder.groups.2.2.weight"], self.w["decoder.groups.2.2.bias"], 1, 1)
        x = self.stage("decoder.first", code[:, :, None, None], 1, 0, up=True)
        if kind == "dcgan":
            for number in range(3):
                x = self.stage(f"decoder.stages.{number}", joined(x, number), 2, 1, up=True)
            x = transposed(joined(x, 3), self.w["decoder.last.0.weight"], self.w["decoder.last.0.bias"], 2, 1)
        else:
            x = up(x) if self.table["pixels"] == 64 else x
            for number, n in enumerate((3, 3, 2, 1)):
                x = self.group(f"decoder.groups.{number}", joined(up(x) if number else x, number), n)
            x = transposed(x, self.w["decoder.last.weight"], self.w["decoder.last.bias"], 1, 1)
        return 1 / (1 + np.exp(-x)) if self.table["decoder"]["output"] == "sigmoid" else x

    def states(self, initial, n):
        """T_0, T_1, ..., T_{n-1}."""
        kind = self.table["integrator"]["name"]
        states = [initial]
        if kind == "gru":
            memory = self.linear("integrator.inward", initial)
            for _ in range(n - 1):
                memory = self.gru(states[-1], memory)
                states.append(self.linear("integrator.outward", memory))
            return states
        for _ in range(n - 1):
            x = states[-1]
            for block in range(self.table["integrator"]["blocks"]):
                name = f"integrator.blocks.{block}"
                if kind == "convolutions":
                    y = self.group(name, x, 2)
                    y = self.stage(f"{name}.2", y, slope=1.0)
                else:
                    y = np.maximum(self.linear(f"{name}.0", x), 0)
                    y = self.linear(f"{name}.4", np.maximum(self.linear(f"{name}.2", y), 0))
                x = x + y
            states.append(x)
        return states

    def gru(self, x, h):
        """r, z = sigmoid(...), n = tanh(W x + b + r * (U h + c)), h' = (1 - z) n + z h (Cho et al. 2014, PyTorch)."""
        cell = "integrator.cells.0"
        inward = x @ self.w[f"{cell}.weight_ih"].T + self.w[f"{cell}.bias_ih"]
        hidden = h @ self.w[f"{cell}.weight_hh"].T + self.w[f"{cell}.bias_hh"]
        (ir, iz, in_), (hr, hz, hn) = np.split(inward, 3, 1), np.split(hidden, 3, 1)
        reset, update = 1 / (1 + np.exp(-ir - hr)), 1 / (1 + np.exp(-iz - hz))
        return (1 - update) * np.tanh(in_ + reset * hn) + update * h


def losses(networks, batch, n, start):
    """Terms of Eq. 8, 9, 11 (or 28) and 12 of a batch (batch, L, channel, y, x), N = n, in the order of the published
    code."""
    table, video = networks.table, batch.astype(np.float64)
    length = video.shape[1]
    offset = n if table.get("offset") == "none" else 0
    terms, content, maps = {}, None, []
    if table["static_size"]:

        def static(window):
            """S: the code, and the feature maps where the decoder takes them."""
            code, maps = networks.encode("static_encoder", window)
            return code, maps if table["decoder"]["skips"] else []

        content, maps = static(video[:, :n])
        last = length - n
        p = table.get("constraint_intervals", 1)
        starts = [round(last * k / (last if p == "all" else p)) for k in range((last if p == "all" else p) + 1)]
        before, terms["static"] = (content, maps), 0.0
        for earlier, later in pairwise(starts):
            now = static(video[:, later : later + n])
            squares = [(a - b) ** 2 for a, b in zip((now[0], *now[1]), (before[0], *before[1]), strict=True)]
            mean = sum(each.sum() for each in squares) / sum(each.size for each in squares)
            terms["static"] += last / (later - earlier) * mean
            before = now

    def frames(state):
        if content is None:
            return networks.decode(state, maps)
        mixed = content * state if table["mixing"] == "product" else np.concatenate([content, state], 1)
        return networks.decode(mixed, maps)

    encoded = networks.encode("temporal_encoder", video[:, start : start + n])[0]
    terms["autoencoding"] = np.mean((frames(encoded) - video[:, start + offset]) ** 2)
    initial = networks.encode("temporal_encoder", video[:, :n])[0]
    errors = [
        np.mean((frames(state) - video[:, k + offset]) ** 2)
        for k, state in enumerate(networks.states(initial, length - offset))
    ]
    terms["prediction"] = np.mean(errors)
    squares = initial.reshape(len(initial), -1) ** 2
    terms["prior"] = 0.5 * (squares.mean() if table.get("prior") == "half_mean" else squares.sum(1).mean())
    return terms
