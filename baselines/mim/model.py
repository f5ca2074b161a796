"""MIM, Memory In Memory: Wang et al. 2019; and the field's recipe for it, variant `field`.

`paper` is the release: width 64, gates of x shared by both memories in the lowest layer, biases, layer normalisation,
clips backwards. `field`: width 128, PredRNN's cell as the lowest layer, neither bias nor norm.

Decided, where public code differs from the equations:

- the memory S of MIM-S starts at 0 with every clip and gradients pass through it (a port keeps it from batch to batch,
  and detaches it);
- convolutions of x are sized by x and those of h by h (a port has them exchanged, which equal widths hide);
- a 1x1 convolution in each MIM-N that a port never uses is not here;
- frames are read forwards in time (a released loader of TaxiBJ lists the most recent one first).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from stbench.contract.models import ModelPlugin, Task
from stbench.contract.presets import beside
from stbench.contract.settings import Count, Size, Sizes
from stbench.models.parts.components import choose, make
from stbench.models.parts.frame_by_frame import FrameByFrame
from stbench.models.parts.patches import patches
from stbench.models.parts.projection import Projection

from .stack import INITIAL, MIMStack


class MIM(FrameByFrame):
    """v̂_{t+1} = W * h_L(t) (+ b) over a stack of MIM blocks, see `FrameByFrame`; W is a 1x1 convolution.

    Settings (the preset's `model` table): `hidden`, the equal widths of the layers; `kernel`; `patch`; `first`
    "shared" or "st-lstm", the lowest layer; `norm` "none", "channel" or "element"; `bias`; `init` "release" or
    "library"; `loss`; `sampling_steps`; `reverse_input`. With hidden = 4 x [128], kernel 5, patch 4, PredRNN's cell
    below, no bias and no norm it has 37,945,344 parameters on frames of 1 x 64 x 64, which are those of later
    comparisons that are in use. Good values on a processor: widths of 32 and less.

    Source: Y. Wang, J. Zhang, H. Zhu, M. Long, J. Wang, P. S. Yu, CVPR 2019.
    """

    def __init__(
        self,
        frame_shape: tuple[int, ...],
        *,
        hidden: Sizes,
        kernel: Size,
        patch: Size,
        first: str,
        norm: str,
        bias: bool,
        init: str,
        loss: str,
        sampling_steps: Count,
        reverse_input: bool,
    ) -> None:
        channels, map_shape = patches("mim", frame_shape, patch)
        start = choose("init", INITIAL, init)
        super().__init__(
            MIMStack(channels, hidden, kernel, map_shape, first=first, norm=norm, bias=bias, init=init),
            Projection(hidden[-1], channels, 1, map_shape, bias=bias, init=start.block),
            patch=patch,
            loss=loss,
            sampling_steps=sampling_steps,
            reverse_input=reverse_input,
        )


def build(settings: Mapping[str, Any], task: Task) -> MIM:
    """The model for a task; initial weights come from torch's global generator."""
    found: MIM = make("model", {"mim": MIM}, {"name": "mim", **settings}, task.frame_shape)
    return found


plugin = ModelPlugin(
    name="mim",
    version="1",
    summary="MIM: memories for what changes and what stays inside a spatiotemporal LSTM",
    reference=(
        "Wang, Zhang, Zhu, Long, Wang, Yu: Memory In Memory: A Predictive Neural Network for Learning Higher-Order "
        "Non-Stationarity from Spatiotemporal Dynamics, CVPR 2019"
    ),
    bibtex="""@inproceedings{wang2019mim,
  title = {Memory In Memory: A Predictive Neural Network for Learning Higher-Order Non-Stationarity from
           Spatiotemporal Dynamics},
  author = {Wang, Yunbo and Zhang, Jianjin and Zhu, Hongyu and Long, Mingsheng and Wang, Jianmin and Yu, Philip S.},
  booktitle = {IEEE/CVF Conference on Computer Vision and Pattern Recognition},
  year = {2019}
}""",
    build=build,
    presets=beside(__name__),
)
