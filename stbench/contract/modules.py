"""What a torch model has: methods on tensors, by the same names and in the same order as those a protocol calls.

A model inherits from `torch.nn.Module` and has the methods of `TorchModel`, or of `TorchPlayers` where its parts learn
apart. What else it can be asked, its plug-in lists in `capabilities`: each of them is a class below. Everywhere come
clips first, then how many frames are wanted, then the action, then what to draw from. Shapes are written as jaxtyping
has them: one name an axis, `*frame` for channel, y, x or for sensor; a whole number of the name of an axis is its size.

`action` is (batch,) int64 of the factor that the module calls its `label`, or None.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Protocol, runtime_checkable

if TYPE_CHECKING:
    import torch
    from jaxtyping import Float, Int64
    from torch import Tensor


class TorchModel(Protocol):
    """What every torch model has."""

    def forward(
        self, conditioning: Float[Tensor, "batch conditioning *frame"], horizon: int
    ) -> Float[Tensor, "batch horizon *frame"]:
        """The frames that follow."""
        ...

    def loss(self, batch: Mapping[str, Tensor], generator: torch.Generator) -> Mapping[str, Tensor]:
        """Named terms with a `total`, scalars; `batch` is that of `stbench.contract.models`."""
        ...


class TorchPlayers(Protocol):
    """What a torch model has whose parts learn against or after each other (`stbench.training.players`)."""

    def forward(
        self, conditioning: Float[Tensor, "batch conditioning *frame"], horizon: int
    ) -> Float[Tensor, "batch horizon *frame"]:
        """The frames that follow."""
        ...

    def players(self) -> Mapping[str, Iterable[torch.nn.Parameter]]:
        """Name of a player -> its parameters, in the order in which they act."""
        ...

    def loss(self, batch: Mapping[str, Tensor], generator: torch.Generator, player: str) -> Mapping[str, Tensor]:
        """What this player lowers, as named terms with a `total`."""
        ...


@runtime_checkable
class TorchDrawer(Protocol):
    def draw(
        self,
        conditioning: Float[Tensor, "batch conditioning *frame"],
        horizon: int,
        samples: int,
        generators: Sequence[torch.Generator],
    ) -> Float[Tensor, "batch samples horizon *frame"]:
        """`samples` drawn continuations of each window. What is random in those of window i comes from `generators[i]`,
        which is on the CPU. It is handed one window at a time, unless it is a
        `stbench.contract.capabilities.HasDrawsTogether`."""
        ...


@runtime_checkable
class TorchSwapper(Protocol):
    def swap(
        self,
        content: Float[Tensor, "batch conditioning *frame"],
        motion: Float[Tensor, "batch conditioning *frame"],
        horizon: int,
    ) -> Float[Tensor, "batch horizon *frame"]:
        """What `content` shows, going on as `motion` does."""
        ...


@runtime_checkable
class TorchSequencer(Protocol):
    def generate(
        self, clip: Float[Tensor, "batch time *frame"], length: int, action: Int64[Tensor, " batch"] | None
    ) -> Float[Tensor, "batch length *frame"]:
        """The sequence that `clip` begins, from its first frame on."""
        ...


@runtime_checkable
class TorchTransferrer(Protocol):
    def transfer(
        self,
        content: Float[Tensor, "batch time *frame"],
        motion: Float[Tensor, "batch time *frame"],
        length: int,
        action: Int64[Tensor, " batch"] | None,
    ) -> Float[Tensor, "batch length *frame"]:
        """What `content` shows, moving as `motion` does; `action` is that of `motion`."""
        ...


@runtime_checkable
class TorchSampler(Protocol):
    def sample(
        self,
        content: Float[Tensor, "batch time *frame"],
        length: int,
        action: Int64[Tensor, " batch"] | None,
        generator: torch.Generator,
    ) -> Float[Tensor, "batch length *frame"]:
        """What `content` shows, in a motion drawn for `action`."""
        ...


@runtime_checkable
class TorchResampler(Protocol):
    def resample(
        self,
        motion: Float[Tensor, "batch time *frame"],
        length: int,
        action: Int64[Tensor, " batch"] | None,
        generator: torch.Generator,
    ) -> Float[Tensor, "batch length *frame"]:
        """Drawn content that moves as `motion` does; `action` is that of `motion`."""
        ...


@runtime_checkable
class TorchCoder(Protocol):
    def codes(
        self, clip: Float[Tensor, "batch time *frame"], action: Int64[Tensor, " batch"] | None
    ) -> Mapping[str, Float[Tensor, "batch _"]]:
        """{"content": ..., "motion": ...}: what the model makes of a clip."""
        ...
