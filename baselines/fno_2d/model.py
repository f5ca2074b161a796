"""FNO-2d: the Fourier neural operator from frames to the next one; Li et al. 2021, as PDEBench uses it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from stbench.contract.models import ModelPlugin, Task
from stbench.contract.presets import beside
from stbench.contract.settings import Count, Size, construct
from stbench.models.parts.block_by_block import BlockByBlock, image_shape

from .spectral import FNO2d


class FNOForecaster(BlockByBlock):
    """[v̂_{k+1}, .., v̂_{k+m}] = FNO2d(x_{k-n+1}, .., x_k); see `BlockByBlock`.

    Settings (the preset's `model` table): `width`, `layers`, `modes` along y and x, `padding`, `initial` weights,
    `writes` m, `inputs`, `loss`. With width 20, four layers, 12 x 12 modes, one frame written and ten read, of one
    channel, it has 926,357 real parameters; public counts take a complex weight for one: 465,557. Good values on a
    processor: as published, for frames of 64 x 64 pixels.

    Source: Z. Li, N. Kovachki, K. Azizzadenesheli, B. Liu, K. Bhattacharya, A. Stuart, A. Anandkumar, ICLR 2021.
    """

    def __init__(
        self,
        frame_shape: tuple[int, ...],
        frames: int,
        *,
        width: Size,
        layers: Size,
        modes: Sequence[Size],
        padding: Count,
        initial: str,
        writes: Size,
        inputs: str,
        loss: str,
    ) -> None:
        network = FNO2d(
            image_shape("fno-2d", frame_shape),
            frames,
            width=width,
            layers=layers,
            modes=modes,
            padding=padding,
            initial=initial,
            writes=writes,
        )
        super().__init__(network, inputs=inputs, loss=loss)


def build(settings: Mapping[str, Any], task: Task) -> FNOForecaster:
    """The model for a task; initial weights come from torch's global generator."""
    return construct("fno-2d", FNOForecaster, settings, task.frame_shape, task.conditioning)


plugin = ModelPlugin(
    name="fno-2d",
    version="1",
    summary="FNO-2d: Fourier neural operator, all conditioning frames to the next one, on any grid",
    reference=(
        "Li, Kovachki, Azizzadenesheli, Liu, Bhattacharya, Stuart, Anandkumar: Fourier Neural Operator for Parametric "
        "Partial Differential Equations, ICLR 2021; the form of PDEBench: Takamoto et al., NeurIPS 2022"
    ),
    bibtex="""@inproceedings{li2021fourier,
  title = {{Fourier} Neural Operator for Parametric Partial Differential Equations},
  author = {Li, Zongyi and Kovachki, Nikola and Azizzadenesheli, Kamyar and Liu, Burigede and Bhattacharya, Kaushik
    and Stuart, Andrew and Anandkumar, Anima},
  booktitle = {International Conference on Learning Representations},
  year = {2021}
}""",
    build=build,
    presets=beside(__name__),
)
