"""The last frame moved by a flow: advection and diffusion over one time step, and advection alone."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional as F

from stbench.errors import StbenchError
from stbench.models.parts.components import choose

BORDERS = ("zeros", "border")


def check_window(window: int) -> None:
    """`StbenchError` for one that has no pixel in its middle."""
    if window < 1 or window % 2 == 0:
        raise StbenchError(f"the window of the Gaussian warp is {window} pixels wide; make it odd, 3 as released")


def positions(flow: Tensor) -> tuple[Tensor, Tensor]:
    """Where each pixel comes from, in pixels: columns x - u (W - 1) / 2 and rows y - v (H - 1) / 2, (batch, H, W).

    `flow` (batch, 2, H, W) is (u, v) along x and y in units of half a side, so that 2 is the way from the centre of the
    first pixel to that of the last one.
    """
    height, width = flow.shape[2:]
    x = torch.arange(width, device=flow.device, dtype=flow.dtype)
    y = torch.arange(height, device=flow.device, dtype=flow.dtype)[:, None]
    return x - flow[:, 0] * ((width - 1) / 2), y - flow[:, 1] * ((height - 1) / 2)


def bilinear(frames: Tensor, flow: Tensor, *, border: str) -> Tensor:
    """I'(x) = I(x - w(x)) between pixels by bilinear interpolation: no diffusion.

    frames (batch, channel, H, W), flow as in `positions`. What lies outside is 0 where `border` is "zeros", and the
    nearest pixel inside where it is "border".
    """
    choose("border", dict.fromkeys(BORDERS), border)
    columns, rows = positions(flow)
    height, width = flow.shape[2:]
    grid = torch.stack((columns * (2 / (width - 1)) - 1, rows * (2 / (height - 1)) - 1), -1)
    return F.grid_sample(frames, grid, mode="bilinear", padding_mode=border, align_corners=True)


def gaussian(frames: Tensor, flow: Tensor, *, spread: float, window: int, border: str) -> Tensor:
    """I'(x) = Σ_i p_i I(i) / Σ_i p_i,   p_i = P(N(x - w(x), s²) in pixel i), the product over both axes of

        Φ((i + 1/2 - c) / s) - Φ((i - 1/2 - c) / s),   c = x - w(x).

    i: the F x F pixels around the one nearest to c, F = `window`, odd. s: `spread` in pixels. It is one step of the
    solution of ∂I/∂t + w·∇I = D ΔI, s² = 2 D Δt, and becomes smoother with s; as s falls it becomes the nearest pixel.
    A narrow window cuts the Gaussian: with D = 0.45, s² = 0.9, the 3 x 3 pixels as released have a variance of 0.547
    where nothing flows, and damp like D = 0.27.
    Pixels outside have no part in either sum where `border` is "zeros" (I' is 0 where none is left); where it is
    "border" they have the value of the nearest pixel inside. frames (batch, channel, H, W), flow as in `positions`.

    Source: E. de Bézenac, A. Pajot, P. Gallinari, ICLR 2018, Section 3 (the solution), and the sampler they released.
    """
    choose("border", dict.fromkeys(BORDERS), border)
    check_window(window)
    height, width = frames.shape[2:]
    columns, rows = positions(flow)
    x, across = _masses(columns, width, spread, window, border)
    y, down = _masses(rows, height, spread, window, border)
    values, pixels = torch.zeros_like(frames), frames.flatten(2)
    for j in range(window):
        for i in range(window):
            place = (y[j] * width + x[i]).flatten(1)[:, None].expand(-1, frames.shape[1], -1)
            values = values + (down[j] * across[i])[:, None] * pixels.gather(2, place).view_as(frames)
    total = (down.sum(0) * across.sum(0))[:, None]
    seen = total > torch.finfo(total.dtype).tiny
    return torch.where(seen, values / torch.where(seen, total, 1), 0)


def _masses(centre: Tensor, size: int, spread: float, window: int, border: str) -> tuple[Tensor, Tensor]:
    """Along one axis: pixels that are read and what they weigh, (window, batch, H, W)."""
    offsets = torch.arange(window, device=centre.device).view(-1, 1, 1, 1)
    # Which pixels are read does not change smoothly with the flow, what they weigh does.
    pixels = torch.floor(centre.detach() + 0.5).long() - (window - 1) // 2 + offsets
    upper, lower = (pixels + 0.5 - centre) / spread, (pixels - 0.5 - centre) / spread
    mass = torch.special.ndtr(upper) - torch.special.ndtr(lower)
    if border == "zeros":
        mass = mass * ((pixels >= 0) & (pixels < size))
    return pixels.clamp(0, size - 1), mass
