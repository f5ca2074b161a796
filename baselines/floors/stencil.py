"""One linear stencil over the pixels of the last frames: sampled for fitting, iterated for forecasting."""

from __future__ import annotations

import os
from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise

import numpy as np

from stbench.compiled import njit


def sample_neighbourhoods(
    frames: np.ndarray, n: int, size: int, count: int, rng: np.random.Generator
) -> tuple[np.ndarray, np.ndarray]:
    """Neighbourhoods of random pixels in n consecutive frames, and those pixels in the frame after them.

    `frames` (time, channel, y, x) -> (count, n·channel·size·size), ordered (time, channel, dy, dx), and (count,
    channel). Pixels outside a frame are its nearest edge pixels.
    """
    times, channels, height, width = frames.shape
    start = rng.integers(times - n, size=count)
    y, x = rng.integers(height, size=count), rng.integers(width, size=count)
    offsets = np.arange(size) - size // 2
    rows = np.clip(y[:, None] + offsets, 0, height - 1)[:, None, None, :, None]
    columns = np.clip(x[:, None] + offsets, 0, width - 1)[:, None, None, None, :]
    time = (start[:, None] + np.arange(n))[:, :, None, None, None]
    channel = np.arange(channels)[None, None, :, None, None]
    seen = frames[time, channel, rows, columns]
    return seen.reshape(count, -1), frames[start + n, :, y, x]


@njit(cache=True, nogil=True)
def _iterate(
    conditioning: np.ndarray,
    weights: np.ndarray,
    intercept: np.ndarray,
    low: np.ndarray,
    high: np.ndarray,
    out: np.ndarray,
) -> None:
    windows, horizon, channels, height, width = out.shape
    n, size = weights.shape[1], weights.shape[3]
    half = size // 2
    history = np.empty((n, channels, height + 2 * half, width + 2 * half), np.float32)
    line = np.empty(width, np.float32)
    for window in range(windows):
        for k in range(-n, horizon):
            # The frame k (from -n: those seen; from 0: predicted) takes the slot of the oldest one, k mod n.
            if k >= 0:
                for c in range(channels):
                    for y in range(height):
                        line[:] = intercept[c]
                        for j in range(n):
                            for d in range(channels):
                                for v in range(size):
                                    source = history[(k + j) % n, d, y + v]
                                    for u in range(size):
                                        w = weights[c, j, d, v, u]
                                        for x in range(width):
                                            line[x] += w * source[x + u]
                        for x in range(width):
                            out[window, k, c, y, x] = min(max(line[x], low[c]), high[c])
            frame = out[window, k] if k >= 0 else conditioning[window, k + n]
            for c in range(channels):
                for y in range(height + 2 * half):
                    inner = min(max(y - half, 0), height - 1)
                    for x in range(width + 2 * half):
                        history[k % n, c, y, x] = frame[c, inner, min(max(x - half, 0), width - 1)]


def iterate_stencil(
    conditioning: np.ndarray,
    horizon: int,
    weights: np.ndarray,
    intercept: np.ndarray,
    low: np.ndarray,
    high: np.ndarray,
) -> np.ndarray:
    """Apply `weights` (channel, n, channel, size, size) to the last n frames `horizon` times; all float32.

    `conditioning` (b, n, channel, y, x) -> (b, horizon, channel, y, x). Each new frame is clipped to [low, high] per
    channel.
    """
    conditioning = np.ascontiguousarray(conditioning, np.float32)
    out = np.empty((len(conditioning), horizon, *conditioning.shape[2:]), np.float32)
    threads = os.cpu_count() or 1
    edges = np.linspace(0, len(out), 4 * threads + 1).astype(int)
    with ThreadPoolExecutor(threads) as pool:
        jobs = [
            pool.submit(_iterate, conditioning[a:b], weights, intercept, low, high, out[a:b])
            for a, b in pairwise(edges)
            if a < b
        ]
        for job in jobs:
            job.result()
    return out
