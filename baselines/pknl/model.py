"""PKnl: de Bézenac et al. 2018, physical knowledge in a network: advection and diffusion of the last frame."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from stbench.contract.models import ModelPlugin, Task
from stbench.contract.presets import beside
from stbench.contract.settings import Count, Size, Weight, construct
from stbench.errors import StbenchError
from stbench.models.parts.block_by_block import image_shape
from stbench.models.parts.components import choose
from stbench.models.parts.precision import full

from . import warp
from .flow import FlowNetwork
from .warp import BORDERS, check_window

WARPS = ("gaussian", "bilinear")


class PKnl(nn.Module):
    """w_t = `FlowNetwork`(x_{t-n+1}, .., x_t),   v̂_{t+1} = warp(x_t, w_t),   x_i = v_i for i ≤ n, else v̂_i.

    n conditioning frames are read. `warp`: "gaussian", one step of advection and diffusion with the constant
    `diffusion` D in pixels² a step, on `window` x `window` pixels; or "bilinear", advection alone, with window and
    diffusion 0. `border`: "zeros" or "border", see `stbench.baselines.pknl.warp`. The loss is a mean over horizon steps
    of

        mean (v̂ - v)² + `smoothness` * S + `divergence` * V + `magnitude` * mean w²

    S: mean squares of the four differences of u and v from pixel to pixel along x and y, added; V: mean square of
    ∂u/∂x + ∂v/∂y, differences too; w = (u, v) in units of half a side. A negative `magnitude` makes flows larger.
    Further settings: `width` and `levels` of the network. Good values on a processor: width 16.

    Source: E. de Bézenac, A. Pajot, P. Gallinari, Deep Learning for Physical Processes, ICLR 2018.
    """

    def __init__(
        self,
        frame_shape: tuple[int, ...],
        frames: int,
        *,
        width: Size,
        levels: Size,
        warp: str,
        window: Count,
        diffusion: Weight,
        border: str,
        smoothness: Weight,
        divergence: Weight,
        magnitude: float,
    ) -> None:
        super().__init__()
        channels, _, _ = image_shape("pknl", frame_shape, 2**levels)
        choose("warp", dict.fromkeys(WARPS), warp)
        choose("border", dict.fromkeys(BORDERS), border)
        if width % 4:
            raise StbenchError(f"the width of pknl is {width}, of which a quarter is taken: make it a multiple of 4")
        if (warp == "gaussian") != (diffusion > 0 and window > 0):
            raise StbenchError(
                f"the {warp} warp of pknl has the diffusion {diffusion:g} and the window {window}: both are positive "
                "with 'gaussian' and 0 with 'bilinear'"
            )
        if warp == "gaussian":
            check_window(window)
        self.warp, self.window, self.diffusion, self.border = warp, window, diffusion, border
        self.weights = {"smoothness": smoothness, "divergence": divergence, "magnitude": magnitude}
        self.flow = FlowNetwork(frames * channels, width=width, levels=levels)

    def forward(self, conditioning: Tensor, horizon: int) -> Tensor:
        """(batch, conditioning, *frame) -> (batch, horizon, *frame)."""
        return self.roll_out(conditioning, horizon)[0]

    def loss(self, batch: Mapping[str, Tensor], generator: torch.Generator) -> dict[str, Tensor]:
        """`error`, the three terms of the flow before their weights, and `total`."""
        target = batch["target"]
        predicted, flow = self.roll_out(batch["conditioning"], target.shape[1])
        terms = {"error": F.mse_loss(predicted, target), **penalties(flow.flatten(0, 1))}
        total = terms["error"] + sum(weight * terms[name] for name, weight in self.weights.items())
        return {**terms, "total": total}

    def roll_out(self, frames: Tensor, horizon: int) -> tuple[Tensor, Tensor]:
        """Forecast (batch, horizon, *frame) and the flows that made it (batch, horizon, 2, y, x)."""
        seen, flows = list(frames.unbind(1)), []
        n = len(seen)
        for _ in range(horizon):
            flows.append(full(self.flow(torch.cat(seen[-n:], 1))))
            seen.append(self.moved(seen[-1], flows[-1]))
        return torch.stack(seen[n:], 1), torch.stack(flows, 1)

    def moved(self, frame: Tensor, flow: Tensor) -> Tensor:
        """The next frame from the last one."""
        if self.warp == "bilinear":
            return warp.bilinear(frame, flow, border=self.border)
        spread = math.sqrt(2 * self.diffusion)
        return warp.gaussian(frame, flow, spread=spread, window=self.window, border=self.border)


def penalties(flow: Tensor) -> dict[str, Tensor]:
    """`smoothness` S, `divergence` V and `magnitude` mean w² of `PKnl` for flows (number, 2, y, x)."""
    along_x, along_y = flow.diff(dim=3), flow.diff(dim=2)
    inflow = along_x[:, 0, :-1] + along_y[:, 1, :, :-1]
    # The mean over both components is half of the sum of two means.
    return {
        "smoothness": 2 * (along_x.square().mean() + along_y.square().mean()),
        "divergence": inflow.square().mean(),
        "magnitude": flow.square().mean(),
    }


def build(settings: Mapping[str, Any], task: Task) -> PKnl:
    """The model for a task; initial weights come from torch's global generator."""
    return construct("pknl", PKnl, settings, task.frame_shape, task.conditioning)


plugin = ModelPlugin(
    name="pknl",
    version="1",
    summary="PKnl: an estimated flow moves the last frame by advection and diffusion; variant bilinear",
    reference=(
        "de Bézenac, Pajot, Gallinari: Deep Learning for Physical Processes: Incorporating Prior Scientific Knowledge, "
        "ICLR 2018"
    ),
    bibtex="""@inproceedings{debezenac2018deep,
  title = {Deep Learning for Physical Processes: Incorporating Prior Scientific Knowledge},
  author = {de B{\\'e}zenac, Emmanuel and Pajot, Arthur and Gallinari, Patrick},
  booktitle = {International Conference on Learning Representations},
  year = {2018}
}""",
    build=build,
    presets=beside(__name__),
)
