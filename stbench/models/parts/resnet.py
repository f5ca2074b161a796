"""The ResNet-18-like encoder of the chairs (He et al. 2016; appendix E.2.2)."""

from __future__ import annotations

from collections.abc import Sequence

from torch import Tensor, nn
from torch.nn import functional as F

from stbench.contract.settings import Size

from .codes import code_layer, code_of
from .convolutions import Chain, Conv2d, ConvEncoder, Stage
from .normalisation import Steps


class BasicBlock(nn.Module):
    """relu(x + norm(conv(relu(norm(conv(x)))))), 3x3 with biases; a strided block maps x by a normalised 1x1."""

    def __init__(self, inner: int, outer: int, stride: int) -> None:
        super().__init__()
        self.inward = Stage(Conv2d(inner, outer, 3, stride, 1), slope=0.0)
        self.outward = Stage(Conv2d(outer, outer, 3, 1, 1), slope=1.0)
        changes = stride != 1 or inner != outer
        self.shortcut = Stage(Conv2d(inner, outer, 1, stride), slope=1.0) if changes else None

    def forward(self, x: Tensor, steps: Steps) -> Tensor:
        y = self.outward(self.inward(x, steps), steps)
        return F.relu(y + (x if self.shortcut is None else self.shortcut(x, steps)))


class ResNetEncoder(ConvEncoder):
    """64 -> 33 (5x5, stride 2) -> 17 (max pooling) -> 17, 9, 5, 3 pixels in four stages of two blocks -> 3x3 to the
    code.

    Channels `width` * (1, 2, 4, 8); `code`: what follows the last convolution, to (batch, code_size), a name of
    `CODES`. The published module also creates a
    batch normalisation of the code, 2 * code_size parameters, that it never applies; there is none here. No feature
    maps.
    """

    def __init__(
        self, frame_shape: Sequence[int], n_frames: int, code_size: int, *, width: Size, code: str = "linear"
    ) -> None:
        super().__init__(frame_shape, n_frames, [64])
        self.first = Chain(Stage(Conv2d(self.channels, width, 5, 2, 3), slope=0.0), nn.MaxPool2d(3, 2, 1))
        blocks, inner = [], width
        for number, outer in enumerate((width, 2 * width, 4 * width, 8 * width)):
            blocks += [BasicBlock(inner, outer, 2 if number else 1), BasicBlock(outer, outer, 1)]
            inner = outer
        self.blocks = nn.ModuleList(blocks)
        self.code, self.ending = code_layer(code, 3, 8 * width, code_size, flat=False)

    def features(self, x: Tensor, steps: Steps) -> tuple[Tensor, tuple[Tensor, ...]]:
        x = self.first(x, steps)
        for block in self.blocks:
            x = block(x, steps)
        return code_of(x, self.code, self.ending, steps), ()
