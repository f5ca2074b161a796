"""SimVP: convolutions alone; Gao et al. 2022 with inception blocks, Tan et al. 2022 with gated attention (gSTA)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from torch import nn

from stbench.contract.models import ModelPlugin, Task
from stbench.contract.presets import beside
from stbench.contract.settings import Share, Size, Weight, construct
from stbench.errors import StbenchError
from stbench.models.parts.block_by_block import BlockByBlock, image_shape
from stbench.models.parts.components import choose

from .blocks import Blocks, GatedAttention
from .coder import Coder, factor_of
from .inception import InceptionU


class SimVP(BlockByBlock):
    """[v̂_{n+1}, .., v̂_{2n}] = F(v_1, .., v_n), F = `Coder` around a translator; longer horizons: see `BlockByBlock`.

    Settings (the preset's `model` table): `coder` "shuffle" or "transposed", `width` and `layers` of the coder;
    `translator` "gsta" or "inception", its `hidden` channels and number of `blocks`; `ratio` and `drop_path` of gsta (0
    and [] with inception); `inputs`; `loss`. Both sides of a frame have to be divisible by 2^(layers / 2).

    With coder shuffle, width 64, layers 4, gsta, hidden 512, blocks 8, ratio 8 and ten frames of one channel it has
    46,769,665 parameters. Good values on a processor: width 16, hidden 64, blocks 4.

    Source: Z. Gao, C. Tan, L. Wu, S. Z. Li, CVPR 2022; C. Tan, Z. Gao, S. Li, S. Z. Li, 2022.
    """

    def __init__(
        self,
        frame_shape: tuple[int, ...],
        frames: int,
        *,
        coder: str,
        width: Size,
        layers: Size,
        translator: str,
        hidden: Size,
        blocks: Size,
        ratio: Weight,
        drop_path: Sequence[Share],
        inputs: str,
        loss: str,
    ) -> None:
        shape = image_shape("simvp", frame_shape, factor_of(layers))
        choose("translator", dict.fromkeys(("gsta", "inception")), translator)
        mixes: nn.Module
        if translator == "gsta":
            if not ratio:
                raise StbenchError("the gated attention of simvp needs a ratio above 0, as 8")
            mixes = Blocks(
                "simvp", frames * width, GatedAttention, hidden=hidden, blocks=blocks, ratio=ratio, drop_path=drop_path
            )
        elif ratio or drop_path:
            raise StbenchError(
                f"the inception form of simvp has no ratio ({ratio}) and no drop_path ({list(drop_path)}): set them to "
                "0 and []"
            )
        else:
            mixes = InceptionU(frames * width, hidden=hidden, blocks=blocks)
        super().__init__(Coder(shape, frames, mixes, width=width, layers=layers, form=coder), inputs=inputs, loss=loss)


def build(settings: Mapping[str, Any], task: Task) -> SimVP:
    """The model for a task; initial weights come from torch's global generator."""
    return construct("simvp", SimVP, settings, task.frame_shape, task.conditioning)


plugin = ModelPlugin(
    name="simvp",
    version="1",
    summary="SimVP: all frames to all frames in one call, gated attention (gSTA); variants inception, inception-field",
    reference=(
        "Gao, Tan, Wu, Li: SimVP: Simpler yet Better Video Prediction, CVPR 2022; gSTA: Tan, Gao, Li, Li: SimVP: "
        "Towards Simple yet Powerful Spatiotemporal Predictive Learning, 2022"
    ),
    bibtex="""@inproceedings{gao2022simvp,
  title = {{SimVP}: Simpler yet Better Video Prediction},
  author = {Gao, Zhangyang and Tan, Cheng and Wu, Lirong and Li, Stan Z.},
  booktitle = {IEEE/CVF Conference on Computer Vision and Pattern Recognition},
  year = {2022}
}""",
    build=build,
    presets=beside(__name__),
)
