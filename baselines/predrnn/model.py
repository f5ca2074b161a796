"""PredRNN: Wang et al. 2017; and the field's recipe for it, variant `field`.

Both forms have the same cells. `paper` has biases, as the equations do, and sees every second batch backwards in time,
as released; `field` has neither, as later comparisons train it.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from torch import nn

from stbench.contract.models import ModelPlugin, Task
from stbench.contract.presets import beside
from stbench.contract.settings import Count, Size, Sizes
from stbench.models.parts.components import make
from stbench.models.parts.frame_by_frame import FrameByFrame
from stbench.models.parts.patches import patches

from .stack import STLSTMStack


class PredRNN(FrameByFrame):
    """v̂_{t+1} = W * h_L(t) (+ b) over a stack of ST-LSTM cells, see `FrameByFrame`; W is a 1x1 convolution.

    Settings (the preset's `model` table): `hidden`, the equal widths of the layers; `kernel`; `patch`; `norm` "none",
    "channel" or "element"; `bias`; `loss`; `sampling_steps`; `reverse_input`. With hidden = 4 x [128], kernel 5, patch
    4, no bias and no norm it has the 23,838,720 parameters of later comparisons on frames of 1 x 64 x 64. Good values
    on a processor: widths of 32.

    Source: Y. Wang, M. Long, J. Wang, Z. Gao, P. S. Yu, NIPS 2017.
    """

    def __init__(
        self,
        frame_shape: tuple[int, ...],
        *,
        hidden: Sizes,
        kernel: Size,
        patch: Size,
        norm: str,
        bias: bool,
        loss: str,
        sampling_steps: Count,
        reverse_input: bool,
    ) -> None:
        channels, map_shape = patches("predrnn", frame_shape, patch)
        super().__init__(
            STLSTMStack(channels, hidden, kernel, map_shape, norm=norm, bias=bias),
            nn.Conv2d(hidden[-1], channels, 1, bias=bias),
            patch=patch,
            loss=loss,
            sampling_steps=sampling_steps,
            reverse_input=reverse_input,
        )


def build(settings: Mapping[str, Any], task: Task) -> PredRNN:
    """The model for a task; initial weights come from torch's global generator."""
    found: PredRNN = make("model", {"predrnn": PredRNN}, {"name": "predrnn", **settings}, task.frame_shape)
    return found


plugin = ModelPlugin(
    name="predrnn",
    version="1",
    summary="PredRNN: ST-LSTM cells through which one spatiotemporal memory flows",
    reference=(
        "Wang, Long, Wang, Gao, Yu: PredRNN: Recurrent Neural Networks for Predictive Learning using Spatiotemporal "
        "LSTMs, NIPS 2017"
    ),
    bibtex="""@inproceedings{wang2017predrnn,
  title = {{PredRNN}: Recurrent Neural Networks for Predictive Learning using Spatiotemporal {LSTM}s},
  author = {Wang, Yunbo and Long, Mingsheng and Wang, Jianmin and Gao, Zhifeng and Yu, Philip S.},
  booktitle = {Advances in Neural Information Processing Systems},
  year = {2017}
}""",
    build=build,
    presets=beside(__name__),
)
