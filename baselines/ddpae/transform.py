"""The spatial transformer of DDPAE: where an object lies in a frame, cut out and put back.

Places in a frame are u in [-1, 1]², places in an object o in [-1, 1]², both (x, y): columns first, rows downwards. The
outermost pixels lie at -1 and 1. A pose (s, x, y) says

    o = s u + (x, y),   u = (o - (x, y)) / s

so the object is 1/s of the frame wide and its middle lies at u = -(x, y) / s: a larger x is further left.
"""

from __future__ import annotations

import torch
from torch import Tensor

from stbench.models.parts.precision import full


def crop(frames: Tensor, poses: Tensor, side: int) -> Tensor:
    """The objects at `poses` (batch, 3) in frames (batch, channel, y, x): (batch, channel, side, side)."""
    scale, shift = poses[:, :1, None], poses[:, 1:, None]
    places = (_grid(side, poses) - shift) / scale
    return _sampled(frames, places[:, 0], places[:, 1])


def paste(objects: Tensor, poses: Tensor, size: tuple[int, int]) -> Tensor:
    """Objects (batch, channel, side, side) at `poses` (batch, 3), on empty frames: (batch, channel, *size)."""
    scale, shift = poses[:, :1, None], poses[:, 1:, None]
    rows, columns = (
        scale[:, 0] * _grid(number, poses) + shift[:, axis] for axis, number in ((1, size[0]), (0, size[1]))
    )
    return _sampled(objects, columns, rows)


def _grid(number: int, like: Tensor) -> Tensor:
    return torch.linspace(-1, 1, number, device=like.device, dtype=like.dtype)


def _sampled(images: Tensor, columns: Tensor, rows: Tensor) -> Tensor:
    """Bilinear values of images (batch, channel, y, x) at the places columns (batch, x') and rows (batch, y'), 0
    outside: (batch, channel, y', x').

    What `grid_sample` gives with align_corners = True, as PyTorch had it in 2018. Axes are not turned, so two matrices
    do it, and on a card its gradient is the same twice, which that of `grid_sample` is not.
    """
    down, across = _weights(rows, images.shape[2]), _weights(columns, images.shape[3])
    # In full precision whatever the layers have: eight bits are too few for a share of a pixel.
    with torch.autocast(images.device.type, enabled=False):
        return down.unsqueeze(1) @ full(images) @ across.unsqueeze(1).mT


def _weights(places: Tensor, number: int) -> Tensor:
    """max(0, 1 - |p - j|) of pixel j = 0..number-1 at p = (place + 1) / 2 (number - 1): (batch, places, number)."""
    pixels = torch.arange(number, device=places.device, dtype=places.dtype)
    positions = (places + 1) / 2 * (number - 1)
    return (1 - (positions.unsqueeze(-1) - pixels).abs()).clamp(min=0)
