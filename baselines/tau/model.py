"""TAU: SimVP's coder around temporal attention units, trained on frames and on how they change; Tan et al. 2023."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import Tensor

from stbench.contract.models import ModelPlugin, Task
from stbench.contract.presets import beside
from stbench.contract.settings import Positive, Share, Size, Weight, construct
from stbench.models.parts.block_by_block import BlockByBlock, image_shape

from ..simvp.blocks import Blocks
from ..simvp.coder import Coder, factor_of
from .attention import TemporalAttention
from .divergence import differential_divergence


class TAU(BlockByBlock):
    """[v̂_{n+1}, .., v̂_{2n}] = F(v_1, .., v_n), F = `Coder` around blocks of `TemporalAttention`.

    Settings (the preset's `model` table): those of simvp with its gsta translator, and `divergence_weight` α and
    `temperature` τ of the loss. With width 64, layers 4, hidden 512, blocks 8, ratio 8 and ten frames of one channel it
    has 44,656,001 parameters. Good values on a processor: width 16, hidden 64, blocks 4.

    Source: C. Tan, Z. Gao, L. Wu, Y. Xu, J. Xia, S. Li, S. Z. Li, CVPR 2023.
    """

    def __init__(
        self,
        frame_shape: tuple[int, ...],
        frames: int,
        *,
        width: Size,
        layers: Size,
        hidden: Size,
        blocks: Size,
        ratio: Positive,
        drop_path: Sequence[Share],
        inputs: str,
        loss: str,
        divergence_weight: Weight,
        temperature: Positive,
    ) -> None:
        shape = image_shape("tau", frame_shape, factor_of(layers))
        translator = Blocks(
            "tau", frames * width, TemporalAttention, hidden=hidden, blocks=blocks, ratio=ratio, drop_path=drop_path
        )
        super().__init__(
            Coder(shape, frames, translator, width=width, layers=layers, form="shuffle"), inputs=inputs, loss=loss
        )
        self.divergence_weight, self.temperature = divergence_weight, temperature

    def loss(self, batch: Mapping[str, Tensor], generator: torch.Generator) -> dict[str, Tensor]:
        """`frames`: mean error of the target frames; `divergence`: `differential_divergence`; `total`: frames + α
        divergence."""
        raw, target = self.predictions(batch, generator), batch["target"]
        frames = self.objective.error(raw, target)
        divergence = differential_divergence(self.objective.squash(raw), target, self.temperature)
        return {"frames": frames, "divergence": divergence, "total": frames + self.divergence_weight * divergence}


def build(settings: Mapping[str, Any], task: Task) -> TAU:
    """The model for a task; initial weights come from torch's global generator."""
    return construct("tau", TAU, settings, task.frame_shape, task.conditioning)


plugin = ModelPlugin(
    name="tau",
    version="1",
    summary="TAU: temporal attention units between the encoder and decoder of SimVP; a loss on how frames change",
    reference=(
        "Tan, Gao, Wu, Xu, Xia, Li, Li: Temporal Attention Unit: Towards Efficient Spatiotemporal Predictive "
        "Learning, CVPR 2023"
    ),
    bibtex="""@inproceedings{tan2023temporal,
  title = {Temporal Attention Unit: Towards Efficient Spatiotemporal Predictive Learning},
  author = {Tan, Cheng and Gao, Zhangyang and Wu, Lirong and Xu, Yongjie and Xia, Jun and Li, Siyuan and Li, Stan Z.},
  booktitle = {IEEE/CVF Conference on Computer Vision and Pattern Recognition},
  year = {2023}
}""",
    build=build,
    presets=beside(__name__),
)
