"""What a metric is. The metrics themselves live in `pixel.py` and `ssim.py`; their cards in `docs/metrics.md`."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

import numpy as np

__all__ = ["RENAMED", "Metric", "applicable", "current_name", "current_names", "identity", "of_whole_clips"]

RENAMED = {"psnr_best": "psnr_best_truth", "ssim_gauss11_best": "ssim_gauss11_best_truth"}
"""Name in older records and tables -> the metric of today, with the same values."""


def current_name(name: str) -> str:
    """Today's name of a metric."""
    return RENAMED.get(name, name)


def current_names(names: Iterable[str]) -> tuple[str, ...]:
    """Today's names of metrics, in their order."""
    return tuple(map(current_name, names))


def identity(mean: np.ndarray) -> np.ndarray:
    """The mean itself."""
    return mean


def of_whole_clips(*_: np.ndarray) -> np.ndarray:
    """Stands for `frame_values` where there are none."""
    raise TypeError("a metric of whole clips has no values of frames")


@dataclass(frozen=True)
class Metric:
    """`finish(mean over samples of frame_values(prediction, target))`: what an entry point of `stbench.metrics` names.

    Frames are compared in the normalised units of their store. Values are kept per frame; a mean over windows, lead
    times or both is taken once, at the end, and `finish` is applied to that mean once.
    """

    name: str
    version: str
    """Of the formula: bumped when the same frames would give another value, rounding apart."""
    formula: str
    range: str
    """Assumed range of the frames, or "none"."""
    reference: str
    higher_is_better: bool
    images_only: bool
    """True: not applicable to frames that are not (channel, y, x); dropped there, never a zero."""
    frame_values: Callable[..., np.ndarray]
    """`(n, time, *frame)` twice, float32 -> `(n, time)` float64: means over a frame only. Best without the GIL. After
    the two come the variables of `needs`, `(n, time)` float64 each. `of_whole_clips` for a metric that
    is not taken frame by frame: the protocol that asks for it computes it (a judge's opinions, probes)."""
    finish: Callable[[np.ndarray], np.ndarray] = identity
    needs: tuple[str, ...] = ()
    """Variables of the store it has to know at the target frames: ("scale",) for an error in the unit of origin."""
    own_truth: bool = False
    """Where several truths are right: True, it is held against the one it likes best; False, against the one of the
    lowest mse over the sequence, the same for all metrics."""
    of_members: bool = False
    """It scores several drawn forecasts of a window: `frame_values` is handed `(n, member, time, *frame)` instead of a
    prediction. On tracks of the protocol `draws` alone."""
    counts_members: bool = False
    """Its expectation depends on how many members there are, so rows name the number beside its version."""
    judge_free: bool = False
    """Of whole clips: no trained judge has a say in it, so rows of different judges compare."""
    ideal: str = ""
    """What is best where neither higher nor lower is: "1"."""

    @property
    def better(self) -> str:
        """ "higher", "lower" or "closer to ...", for tables."""
        return f"closer to {self.ideal}" if self.ideal else "higher" if self.higher_is_better else "lower"

    @property
    def by_frame(self) -> bool:
        return self.frame_values is not of_whole_clips

    def mean(self, values: np.ndarray) -> float:
        """`finish(mean(values))` of any number of kept per-frame values: the score of exactly those frames."""
        return float(self.finish(np.asarray(np.mean(values, dtype=np.float64))))


def applicable(metrics: Iterable[Metric], frame_shape: tuple[int, ...]) -> list[Metric]:
    """Those of `metrics` that are defined on frames of this shape, in their order."""
    is_image = len(frame_shape) == 3
    return [metric for metric in metrics if is_image or not metric.images_only]
