"""U-Net: the modern, residual one of PDE benchmarks; Gupta and Brandstetter 2023."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from stbench.contract.models import ModelPlugin, Task
from stbench.contract.presets import beside
from stbench.contract.settings import Size, Sizes, construct
from stbench.models.parts.block_by_block import BlockByBlock, image_shape

from .network import UNet


class UNetForecaster(BlockByBlock):
    """[v̂_{k+1}, .., v̂_{k+m}] = UNet([x_{k-n+1}, .., x_k]), frames on channels; see `BlockByBlock`.

    Settings (the preset's `model` table): `widths` of the levels, `blocks` of each, `writes` m, `inputs`, `loss`. With
    widths 64, 128, 256, 1024, two blocks, one frame written and ten read, of one channel, it has 144,261,377
    parameters. Good values on a processor: widths 16, 32, 64.

    Source: J. K. Gupta, J. Brandstetter, TMLR 2023.
    """

    def __init__(
        self,
        frame_shape: tuple[int, ...],
        frames: int,
        *,
        widths: Sizes,
        blocks: Size,
        writes: Size,
        inputs: str,
        loss: str,
    ) -> None:
        shape = image_shape("unet", frame_shape, 2 ** (len(widths) - 1) if widths else 1)
        super().__init__(UNet(shape, frames, widths=widths, blocks=blocks, writes=writes), inputs=inputs, loss=loss)


def build(settings: Mapping[str, Any], task: Task) -> UNetForecaster:
    """The model for a task; initial weights come from torch's global generator."""
    return construct("unet", UNetForecaster, settings, task.frame_shape, task.conditioning)


plugin = ModelPlugin(
    name="unet",
    version="1",
    summary="U-Net of residual blocks, all conditioning frames to the next one; variant multiples",
    reference=(
        "Gupta and Brandstetter: Towards Multi-spatiotemporal-scale Generalized PDE Modeling, Transactions on Machine "
        "Learning Research, 2023"
    ),
    bibtex="""@article{gupta2023towards,
  title = {Towards Multi-spatiotemporal-scale Generalized {PDE} Modeling},
  author = {Gupta, Jayesh K. and Brandstetter, Johannes},
  journal = {Transactions on Machine Learning Research},
  year = {2023}
}""",
    build=build,
    presets=beside(__name__),
)
