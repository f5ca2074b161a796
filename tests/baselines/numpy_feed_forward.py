"""The equations of SimVP, TAU, the U-Net and FNO-2d in plain NumPy and SciPy, written from the papers."""

from __future__ import annotations

import numpy as np
from numpy_cells import Weights, group_norm, sigmoid
from scipy.special import erf


def gelu(x: np.ndarray) -> np.ndarray:
    return x * 0.5 * (1 + erf(x / np.sqrt(2)))


def leaky(x: np.ndarray) -> np.ndarray:
    return np.where(x > 0, x, 0.2 * x)


def part(w: Weights, name: str) -> Weights:
    """The weights of a part, without its name."""
    return {key.removeprefix(f"{name}."): value for key, value in w.items() if key.startswith(f"{name}.")}


def conv(
    x: np.ndarray, w: Weights, *, stride: int = 1, padding: int = 0, dilation: int = 1, groups: int = 1
) -> np.ndarray:
    """Weights (outer, inner / groups, k, k): a sum over taps, zeros outside."""
    kernel, bias = w["weight"], w["bias"]
    b, inner, height, width = x.shape
    size = kernel.shape[-1]
    padded = np.pad(x, ((0, 0), (0, 0), (padding, padding), (padding, padding)))
    reach = dilation * (size - 1)
    rows, columns = (height + 2 * padding - reach - 1) // stride + 1, (width + 2 * padding - reach - 1) // stride + 1
    kernel = kernel.reshape(groups, -1, inner // groups, size, size)
    out = np.zeros((b, groups, kernel.shape[1], rows, columns))
    for v in range(size):
        for u in range(size):
            taps = padded[
                :,
                :,
                v * dilation : v * dilation + stride * rows : stride,
                u * dilation : u * dilation + stride * columns : stride,
            ][:, :, :rows, :columns].reshape(b, groups, -1, rows, columns)
            out += np.einsum("goi,bgiyx->bgoyx", kernel[..., v, u], taps)
    return out.reshape(b, -1, rows, columns) + bias[:, None, None]


def transposed(x: np.ndarray, w: Weights, *, stride: int, padding: int, more: int = 0) -> np.ndarray:
    """Weights (inner, outer, k, k): every number of x adds the kernel around its place; `more` rows and columns at the
    end."""
    kernel, bias = w["weight"], w["bias"]
    b, _, height, width = x.shape
    size = kernel.shape[-1]
    out = np.zeros((b, kernel.shape[1], (height - 1) * stride + size + more, (width - 1) * stride + size + more))
    for y in range(height):
        for k in range(width):
            out[:, :, y * stride : y * stride + size, k * stride : k * stride + size] += np.einsum(
                "bi,iovu->bovu", x[:, :, y, k], kernel
            )
    return out[:, :, padding : out.shape[2] - padding, padding : out.shape[3] - padding] + bias[:, None, None]


def batch_norm(x: np.ndarray, w: Weights, mean: np.ndarray, variance: np.ndarray) -> np.ndarray:
    shape = (slice(None), None, None)
    return (x - mean[shape]) / np.sqrt(variance[shape] + 1e-5) * w["weight"][shape] + w["bias"][shape]


def large_kernel(x: np.ndarray, w: Weights) -> np.ndarray:
    channels = x.shape[1]
    x = conv(x, part(w, "0"), padding=2, groups=channels)
    return conv(x, part(w, "1"), padding=9, dilation=3, groups=channels)


def gated_attention(x: np.ndarray, w: Weights) -> np.ndarray:
    """gSTA."""
    u = gelu(conv(x, part(w, "enter")))
    both = conv(large_kernel(u, part(w, "kernel")), part(w, "gates"))
    f, g = np.split(both, 2, axis=1)
    return x + conv(f * sigmoid(g), part(w, "leave"))


def temporal_attention(x: np.ndarray, w: Weights) -> np.ndarray:
    """TAU."""
    u = gelu(conv(x, part(w, "enter")))
    within = conv(large_kernel(u, part(w, "kernel")), part(w, "within"))
    squeezed = np.maximum(u.mean(axis=(2, 3)) @ w["squeeze.weight"].T, 0)
    between = sigmoid(squeezed @ w["excite.weight"].T)
    return x + conv(between[:, :, None, None] * within * u, part(w, "leave"))


def mixing(x: np.ndarray, w: Weights) -> np.ndarray:
    x = conv(x, part(w, "widen"))
    return conv(gelu(conv(x, part(w, "local"), padding=1, groups=x.shape[1])), part(w, "narrow"))


def inception(x: np.ndarray, w: Weights) -> np.ndarray:
    x = conv(x, part(w, "narrow"))
    total = np.zeros(())
    for number, kernel in enumerate((3, 5, 7, 11)):
        y = conv(x, part(w, f"convolutions.{number}"), padding=kernel // 2, groups=8)
        total = total + leaky(group_norm(y, 8, w[f"norms.{number}.weight"], w[f"norms.{number}.bias"]))
    return total


def pixel_shuffle(x: np.ndarray) -> np.ndarray:
    """Channel (c, row, column) of each pixel becomes its four pixels."""
    b, c, height, width = x.shape
    return (
        x.reshape(b, c // 4, 2, 2, height, width).transpose(0, 1, 4, 2, 5, 3).reshape(b, c // 4, 2 * height, 2 * width)
    )


def divergence(predicted: np.ndarray, target: np.ndarray, temperature: float) -> float:
    """A Kullback-Leibler divergence for each sample and difference, over the numbers of a frame; their mean."""
    values = []
    for p_clip, q_clip in zip(predicted, target, strict=True):
        for k in range(len(p_clip) - 1):
            p, q = (np.exp((clip[k + 1] - clip[k]) / temperature) for clip in (p_clip, q_clip))
            p, q = p / p.sum(), q / q.sum()
            values.append(float((p * np.log(p / q)).sum()) / p.size)
    return float(np.mean(values))


def spectral(x: np.ndarray, weight: np.ndarray, modes: tuple[int, int]) -> np.ndarray:
    """(block, inner, outer, K, L, part): products of Fourier coefficients, mode by mode, from the definition."""
    height, width = x.shape[2:]
    spectrum = np.fft.rfft2(x)
    complex_weight = weight[..., 0] + 1j * weight[..., 1]
    out = np.zeros((len(x), weight.shape[2], height, width // 2 + 1), complex)
    for k in range(-modes[0], modes[0]):
        for m in range(modes[1]):
            block, row = (0, k) if k >= 0 else (1, k + modes[0])
            out[:, :, k % height, m] = spectrum[:, :, k % height, m] @ complex_weight[block, :, :, row, m]
    return np.fft.irfft2(out, s=(height, width))
