"""E3D-LSTM: Wang et al. 2019; and the field's recipe for it, variant `field`.

`paper` is the release with its memory repaired: width 64, biases, layer normalisation, TensorFlow's initial weights
(but for the output's, see the presets).
`field`: width 128, no bias, no norm on the gates. Both have the same equations.

Decided, where public code differs from them:

- the new global memory is returned (the release and a port return the old one, which stays 0);
- convolutions see both slots of a window, a zero after the last one (a port convolves without padding and repeats the
  one result, so that both slots are equal);
- the attention compares the channel vectors of positions (a port mixes channels and positions);
- memories of the history follow one another in time (a port stacks them on the channel axis);
- layer normalisation divides by sqrt(v + 1e-5) (TensorFlow: 1e-12, which makes gradients of an empty map explode).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor, nn

from stbench.contract.models import ModelPlugin, Task
from stbench.contract.presets import beside
from stbench.contract.settings import Count, Size, Sizes
from stbench.models.parts.components import choose, make
from stbench.models.parts.frame_by_frame import FrameByFrame
from stbench.models.parts.patches import patches

from .stack import E3DLSTMStack

AT_ONCE = 8
"""Windows forecast together: what a layer can recall grows with every frame, 0.13 MB a layer at width 64 and 16 x 16
maps."""
INITIAL = {"library": False, "glorot": True}


class E3DLSTM(FrameByFrame):
    """v̂_{t+1} = W * h_L(t) (+ b) over a stack of E3D-LSTM cells, see `FrameByFrame`; W spans the window and one pixel.

    Settings (the preset's `model` table): `hidden`, the equal widths of the layers; `kernel`, along y and x; `window`,
    frames read at a time and length of the kernel along them; `patch`; `norm` "none", "channel" or "element"; `bias`;
    `init` "glorot" or "library"; `recalls` False: without attention; `loss`; `sampling_steps`; `reverse_input`. With
    hidden = 4 x [128], kernel 5, window 2, patch 4, no bias and no norm it has the 51,347,456 parameters of later
    comparisons on frames of 1 x 64 x 64. Good values on a processor: widths of 16 and less.

    Source: Y. Wang, L. Jiang, M.-H. Yang, L.-J. Li, M. Long, L. Fei-Fei, ICLR 2019.
    """

    def __init__(
        self,
        frame_shape: tuple[int, ...],
        *,
        hidden: Sizes,
        kernel: Size,
        window: Size,
        patch: Size,
        norm: str,
        bias: bool,
        init: str,
        recalls: bool,
        loss: str,
        sampling_steps: Count,
        reverse_input: bool,
    ) -> None:
        channels, map_shape = patches("e3d-lstm", frame_shape, patch)
        glorot = choose("init", INITIAL, init)
        stack = E3DLSTMStack(
            channels, hidden, kernel, window, map_shape, norm=norm, bias=bias, glorot=glorot, recalls=recalls
        )
        output = nn.Conv2d(window * hidden[-1], channels, 1, bias=bias)
        if glorot:
            nn.init.xavier_uniform_(output.weight)
            if output.bias is not None:
                nn.init.zeros_(output.bias)
        super().__init__(
            stack, output, patch=patch, loss=loss, sampling_steps=sampling_steps, reverse_input=reverse_input
        )

    def forward(self, conditioning: Tensor, horizon: int) -> Tensor:
        """(batch, conditioning, *frame) -> (batch, horizon, *frame); `AT_ONCE` windows together."""
        return torch.cat([super(E3DLSTM, self).forward(part, horizon) for part in torch.split(conditioning, AT_ONCE)])


def build(settings: Mapping[str, Any], task: Task) -> E3DLSTM:
    """The model for a task; initial weights come from torch's global generator."""
    found: E3DLSTM = make("model", {"e3d-lstm": E3DLSTM}, {"name": "e3d-lstm", **settings}, task.frame_shape)
    return found


plugin = ModelPlugin(
    name="e3d-lstm",
    version="1",
    summary="E3D-LSTM: convolutions along a window of frames, and attention to all earlier memories",
    reference=(
        "Wang, Jiang, Yang, Li, Long, Fei-Fei: Eidetic 3D LSTM: A Model for Video Prediction and Beyond, ICLR 2019"
    ),
    bibtex="""@inproceedings{wang2019e3dlstm,
  title = {Eidetic {3D} {LSTM}: A Model for Video Prediction and Beyond},
  author = {Wang, Yunbo and Jiang, Lu and Yang, Ming-Hsuan and Li, Li-Jia and Long, Mingsheng and Fei-Fei, Li},
  booktitle = {International Conference on Learning Representations},
  year = {2019}
}""",
    build=build,
    presets=beside(__name__),
)
