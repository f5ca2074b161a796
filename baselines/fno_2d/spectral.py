"""The Fourier layers of FNO-2d."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from stbench.errors import StbenchError
from stbench.models.parts.components import choose

STARTS = ("positive", "symmetric")
HIDDEN = 128
"""Channels before the last convolution."""


def check_modes(modes: Sequence[int], height: int, width: int) -> None:
    """`StbenchError` where a grid (padding included) has not as many modes: the two blocks of rows would overlap."""
    if len(modes) != 2 or min(modes) < 1:
        raise StbenchError(f"modes of fno-2d is {list(modes)}: it is two positive numbers, along y and along x")
    if 2 * modes[0] > height or modes[1] > width // 2 + 1:
        raise StbenchError(
            f"fno-2d keeps {modes[0]} x {modes[1]} modes, but a grid of {height} x {width} points, padding included, "
            f"has only {height // 2} x {width // 2 + 1}: give it fewer modes"
        )


class SpectralConvolution(nn.Module):
    """y = F⁻¹(R · F(x)),   (R · X)_o(k, l) = Σ_i R_io(k, l) X_i(k, l)  for |k| < K, 0 ≤ l < L and k = -K, else 0.

    F: the real Fourier transform over y and x; k counts waves along y, l along x; `modes` (K, L). R(k, l) of k ≥ 0 and
    of k < 0 are two blocks of complex weights, held as real and imaginary part, so that they follow a module to another
    precision. Nothing depends on the size of the grid: a field with fewer than K waves is treated the same on any.

    At the start real and imaginary parts are uniform in [0, s), s = 1 / (inner outer), `initial` "positive", as
    released: no weight is negative; or in [-s, s), "symmetric". (batch, inner, y, x) -> (batch, outer, y, x).

    Transforms and products are never done below float32, whatever autocast says: no library transforms bfloat16, and
    sums over a grid of 64 x 64 points would be lost in it.

    Source: Z. Li et al., Fourier Neural Operator, ICLR 2021, Eq. 4 and section 4.
    """

    def __init__(self, inner: int, outer: int, modes: Sequence[int], initial: str) -> None:
        super().__init__()
        choose("initial", dict.fromkeys(STARTS), initial)
        self.modes = tuple(modes)
        uniform = torch.rand(2, inner, outer, *self.modes, 2)
        self.weight = nn.Parameter((uniform if initial == "positive" else 2 * uniform - 1) / (inner * outer))

    def forward(self, x: Tensor) -> Tensor:
        check_modes(self.modes, *x.shape[2:])
        with torch.autocast(x.device.type, enabled=False):
            x = x.float() if x.dtype in (torch.bfloat16, torch.float16) else x
            found: Tensor = torch.fft.irfft2(self._filtered(torch.fft.rfft2(x)), s=x.shape[2:])
            return found

    def _filtered(self, spectrum: Tensor) -> Tensor:
        """R · X of a spectrum (batch, inner, y, x / 2 + 1)."""
        rows, columns = self.modes
        low = torch.cat((spectrum[:, :, :rows, :columns], spectrum[:, :, -rows:, :columns]), 2)
        parts = torch.view_as_real(low).permute(2, 3, 0, 4, 1)  # y, x, batch, part, inner
        product = torch.bmm(parts.reshape(2 * rows * columns, len(low), -1), self._matrices())
        product = product.reshape(2 * rows, columns, len(low), 2, -1).permute(2, 4, 0, 1, 3)
        low = torch.view_as_complex(product.contiguous())
        found = low.new_zeros(*low.shape[:2], *spectrum.shape[2:])
        found[:, :, :rows, :columns], found[:, :, -rows:, :columns] = low[:, :, :rows], low[:, :, rows:]
        return found

    def _matrices(self) -> Tensor:
        """[[Re R, Im R], [-Im R, Re R]] of each mode, (modes, 2 inner, 2 outer): a complex product as a real one, four
        multiplications each, which is what it is counted as."""
        real, imaginary = self.weight.permute(5, 0, 3, 4, 1, 2).flatten(1, 3)
        return torch.cat((torch.cat((real, imaginary), 2), torch.cat((-imaginary, real), 2)), 1)


class FNO2d(nn.Module):
    """n frames and two coordinates on channels -> `writes` frames, through `layers` Fourier layers of `width` channels:

        u_0 = P * [x_{k-n+1}, .., x_k, y, x],   u_{j+1} = a_j(W_j * u_j + S_j u_j),   v̂ = Q_2 * gelu(Q_1 * u_L)

    P, W, Q are 1x1 convolutions, Q_1 with 128 channels; S: `SpectralConvolution`; a = gelu, but for the last layer,
    where it is the identity. Coordinates run from 0 to 1 along each axis, first that along y. u has `padding` zeros
    after the end of both axes, and not before their beginning, as released, taken off again after the last layer:
    frames need not be periodic.

    It runs on grids other than that of its training; `StbenchError` for one that has fewer modes than `modes`.

    Source: Z. Li et al., ICLR 2021, as used in PDEBench: M. Takamoto et al., NeurIPS 2022.
    """

    def __init__(
        self,
        frame_shape: Sequence[int],
        frames: int,
        *,
        width: int,
        layers: int,
        modes: Sequence[int],
        padding: int,
        initial: str,
        writes: int,
    ) -> None:
        super().__init__()
        if width < 1 or layers < 1 or padding < 0 or writes < 1:
            raise StbenchError(
                f"fno-2d has width {width}, {layers} layers, padding {padding} and writes {writes} frames: padding is "
                "0 or more, and of the others there is one or more"
            )
        channels, height, length = frame_shape
        check_modes(modes, height + padding, length + padding)
        self.writes, self.padding = writes, padding
        self.lift = nn.Conv2d(frames * channels + 2, width, 1)
        self.spectral = nn.ModuleList(SpectralConvolution(width, width, modes, initial) for _ in range(layers))
        self.pointwise = nn.ModuleList(nn.Conv2d(width, width, 1) for _ in range(layers))
        self.hidden, self.project = nn.Conv2d(width, HIDDEN, 1), nn.Conv2d(HIDDEN, writes * channels, 1)

    def forward(self, frames: Tensor, generator: torch.Generator | None = None) -> Tensor:
        """(batch, n, channel, y, x) -> (batch, writes, channel, y, x); nothing is drawn."""
        height, width = frames.shape[-2:]
        u = self.lift(torch.cat((frames.flatten(1, 2), self._coordinates(frames)), 1))
        u = F.pad(u, (0, self.padding, 0, self.padding))
        last = len(self.spectral) - 1
        for number, (spectral, pointwise) in enumerate(zip(self.spectral, self.pointwise, strict=True)):
            u = spectral(u) + pointwise(u)
            u = F.gelu(u) if number < last else u
        u = self.project(F.gelu(self.hidden(u[:, :, :height, :width])))
        answer: Tensor = u.reshape(len(u), self.writes, -1, height, width)
        return answer

    def _coordinates(self, frames: Tensor) -> Tensor:
        """(batch, 2, y, x): y / (H - 1) and x / (W - 1)."""
        axes = [torch.linspace(0, 1, n, dtype=frames.dtype, device=frames.device) for n in frames.shape[-2:]]
        return torch.stack(torch.meshgrid(*axes, indexing="ij")).expand(len(frames), -1, -1, -1)
