"""What a plug-in may have beside what it must: the core asks `isinstance(plugin, HasPeriod)` and the like.

A dataset plug-in (`stbench.contract.datasets.Generator`) with an attribute or method of the first part can be played on
more tracks. A torch module of a model plug-in with one of the second part is trained, asked or drawn with more. Nobody
has to inherit from these classes: a name and a signature are enough.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Protocol, runtime_checkable

import numpy as np

if TYPE_CHECKING:
    from pathlib import Path

    import torch

    from stbench.contract.datasets import Renderings, SwapCases, Track
    from stbench.splits.training import TrainingWindows
    from stbench.store.reader import Store

# Datasets


@runtime_checkable
class HasSwapCases(Protocol):
    """Tracks `swap-<h>` can be played on it."""

    def swap_cases(self, store: Store, track: Track, split: str) -> SwapCases:
        """Which content goes with which motion, and what is right then. `StbenchError` where `store` has too little."""
        ...


@runtime_checkable
class HasClips(Protocol):
    """Says itself which clips of a split are shown; else every sequence that is long enough gives its first frames."""

    def clips(self, store: Store, frames: int, part: str, /) -> tuple[np.ndarray, np.ndarray]:
        """(sequence (n,), first frame (n,)), int64, of the clips of `frames` frames in a part of the split."""
        ...


@runtime_checkable
class HasPeriod(Protocol):
    """Frame t of a clip longer than `period` is frame t mod `period`."""

    period: int


@runtime_checkable
class HasExchanged(Protocol):
    """Holds the very clips that an exchange asks for, so that metrics of frames can be taken."""

    def exchanged(self, store: Store, content: np.ndarray, motion: np.ndarray) -> np.ndarray:
        """Sequences (n,) that show what `content` (n,) shows, moving as `motion` (n,) does."""
        ...


@runtime_checkable
class HasJudgedFactors(Protocol):
    """Can be judged and probed (`stbench judge train`; tracks `sample`, `resample`, `exchange`, `probe`)."""

    judged_factors: Mapping[str, tuple[str, ...]]
    """Question (head of a judge) -> whole-number factors of the store; their product is the class. "action" is one of
    them, and its first factor is what a model may be told. A head `hair` has the metric `judge_hair_accuracy`."""


@runtime_checkable
class HasJudgedFrames(Protocol):
    """Says how long the clips are that a judge sees; else `stbench.judges.judge.CLIP`."""

    judged_frames: int


@runtime_checkable
class HasRenderings(Protocol):
    """Can draw every clip there can be, so that a clip is also judged by the nearest of them
    (`stbench.judges.renderer`)."""

    def renderings(self, store: Store, raw: Path | None = None) -> Renderings:
        """Every clip that the factors of `store` can make. `raw`: folder of official raw files, where drawing needs
        them; `StbenchError` says which are missing."""
        ...


# Torch modules


@runtime_checkable
class HasLabels(Protocol):
    """Learns from whole-number factors: batches hold those the dataset has, (batch,) int64."""

    labels: Sequence[str]


@runtime_checkable
class HasLabel(Protocol):
    """Is told the action of a clip, by the name of this factor."""

    label: str


@runtime_checkable
class HasPlayers(Protocol):
    """Has parts that are trained against each other, each with an optimiser of its own."""

    def players(self) -> Mapping[str, Iterable[torch.nn.Parameter]]:
        """Name of a player -> its parameters, in the order in which they act; a parameter has one player."""
        ...


@runtime_checkable
class HasForecastAt(Protocol):
    """Forecasts between frames."""

    def forecast_at(self, conditioning: torch.Tensor, lead_times: Sequence[float]) -> torch.Tensor:
        """(batch, conditioning, *frame) -> (batch, len(lead_times), *frame); lead time 1 is the next frame."""
        ...


@runtime_checkable
class HasDrawsTogether(Protocol):
    """Uses statistics of the batch, as published code may, so `draw` is handed whole batches of windows. Its variant
    has to say that it breaks a promise: `breaks = { batch = "why" }`."""

    draws_together: bool


@runtime_checkable
class HasConservation(Protocol):
    """Has dynamics with an energy."""

    def conservation(self, clip: torch.Tensor, steps: int, action: torch.Tensor | None) -> Mapping[str, torch.Tensor]:
        """{"energy_drift": (batch,), "reversibility_error": (batch,)} over `steps` frames."""
        ...


@runtime_checkable
class HasReconstruct(Protocol):
    """Can be asked for the clip it sees; pictures show it."""

    def reconstruct(self, clip: torch.Tensor, action: torch.Tensor | None) -> torch.Tensor:
        """(batch, n, *frame) -> the same."""
        ...


@runtime_checkable
class HasImagine(Protocol):
    """Draws content and motion from its priors; pictures show it."""

    def imagine(self, length: int, action: torch.Tensor, generator: torch.Generator) -> torch.Tensor:
        """(batch, length, *frame) of the actions (batch,)."""
        ...


# Models as protocols meet them, numpy in and out


@runtime_checkable
class HasFit(Protocol):
    """Learns from numpy arrays, without torch: a floor, or a model of the kind `classical`."""

    def fit(self, train: TrainingWindows) -> None:
        """Learn from the windows of the train split."""
        ...


@runtime_checkable
class HasCanDraw(Protocol):
    """Says whether its `draw` can be asked: a wrapper has the method whatever it wraps."""

    can_draw: bool


@runtime_checkable
class HasEnergy(Protocol):
    """Says whether its `conservation` can be asked: a wrapper has the method whatever it wraps."""

    has_energy: bool
