"""PredRNN++: Causal LSTM with a gradient highway, Wang et al. 2018; and the field's recipe for it, variant `field`.

`paper` is the release: widths 128, 64, 64, 64, biases, layer normalisation, weights that start in U(±0.001), those of
1x1 convolutions as TensorFlow's do, clips backwards. `field`: four layers of 128 without bias and norm. A port of it
declares 3,276,800 parameters that it never uses, and its highway fails with layer normalisation; here neither is so.
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

from .cell import CausalLSTMStack


class CausalLSTM(FrameByFrame):
    """v̂_{t+1} = W * h_L(t) (+ b) over a stack of Causal LSTM cells, see `FrameByFrame`; W is a 1x1 convolution.

    Settings (the preset's `model` table): `hidden`, the widths of the layers; `kernel`; `patch`; `norm` "none",
    "channel" or "element"; `bias`; `init` "release" or "library"; `highway`; `loss`; `sampling_steps`; `reverse_input`.
    With hidden = 4 x [128], kernel 5, patch 4, no bias and no norm it has 35,307,520 parameters on frames of 1 x 64 x
    64, which are those of later comparisons that are in use. Good values on a processor: widths of 32 and less.

    Source: Y. Wang, Z. Gao, M. Long, J. Wang, P. S. Yu, ICML 2018.
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
        init: str,
        highway: bool,
        loss: str,
        sampling_steps: Count,
        reverse_input: bool,
    ) -> None:
        channels, map_shape = patches("causal-lstm", frame_shape, patch)
        stack = CausalLSTMStack(channels, hidden, kernel, map_shape, norm=norm, bias=bias, init=init, highway=highway)
        output = nn.Conv2d(hidden[-1], channels, 1, bias=bias)
        if init == "release":
            nn.init.xavier_uniform_(output.weight)
            if output.bias is not None:
                nn.init.zeros_(output.bias)
        super().__init__(
            stack,
            output,
            patch=patch,
            loss=loss,
            sampling_steps=sampling_steps,
            reverse_input=reverse_input,
        )


def build(settings: Mapping[str, Any], task: Task) -> CausalLSTM:
    """The model for a task; initial weights come from torch's global generator."""
    found: CausalLSTM = make(
        "model", {"causal-lstm": CausalLSTM}, {"name": "causal-lstm", **settings}, task.frame_shape
    )
    return found


plugin = ModelPlugin(
    name="causal-lstm",
    version="1",
    summary="PredRNN++: Causal LSTM cells with a gradient highway through time",
    reference=(
        "Wang, Gao, Long, Wang, Yu: PredRNN++: Towards A Resolution of the Deep-in-Time Dilemma in Spatiotemporal "
        "Predictive Learning, ICML 2018"
    ),
    bibtex="""@inproceedings{wang2018predrnnpp,
  title = {{PredRNN++}: Towards A Resolution of the Deep-in-Time Dilemma in Spatiotemporal Predictive Learning},
  author = {Wang, Yunbo and Gao, Zhifeng and Long, Mingsheng and Wang, Jianmin and Yu, Philip S.},
  booktitle = {International Conference on Machine Learning},
  year = {2018}
}""",
    build=build,
    presets=beside(__name__),
)
