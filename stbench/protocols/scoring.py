"""Scores: per-frame values of the metrics of a track, computed by threads over slices of a batch."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from types import TracebackType

import numpy as np

from stbench import registry
from stbench.contract.datasets import Track
from stbench.errors import StbenchError
from stbench.metrics import Metric, applicable
from stbench.metrics.confusion import Verdicts

DECIDES = "mse"
"""The metric by which one of several truths is chosen for all."""
SLICE = 8
"""Windows a thread scores at a time: small enough to balance, large enough to outweigh the hand-over."""


@dataclass(frozen=True)
class KeptPredictions:
    """A few windows kept for pictures, in the store's normalised units, float32."""

    items: np.ndarray
    """(k,) rows of the scores they belong to."""
    conditioning: np.ndarray
    """(k, conditioning, *frame)."""
    target: np.ndarray
    """(k, horizon, *frame)."""
    prediction: np.ndarray
    """(k, horizon, *frame)."""
    content: np.ndarray | None = None
    """(k, conditioning, *frame) of a swap, where `conditioning` is the motion."""
    truth: bool = field(default=True, kw_only=True)
    """False: nobody knows what is right, and `target` is the clip that was handed out."""
    best: np.ndarray | None = field(default=None, kw_only=True)
    """(k, horizon, *frame) of several draws, whose mean is `prediction`: the one with the least mse over the window."""
    members: np.ndarray | None = field(default=None, kw_only=True)
    """(k, m, horizon, *frame) of several draws: the first ones."""


@dataclass(frozen=True)
class Whole:
    """A score of all windows together: the entropy of their mean opinion, the distance between two samples."""

    value: float
    ci_low: float | None = None
    ci_high: float | None = None


@dataclass(frozen=True)
class Drawn:
    """What was drawn on a track of the protocol `draws`."""

    members: int
    """Of each window; 1 of a model that does not draw."""
    windows: str
    """Name of the selected test windows (`stbench.protocols.selection`)."""
    windows_sha256: str


@dataclass(frozen=True)
class Scores:
    """Per-window values of every applicable metric of a track, and scores of all windows together; no mean is taken
    here."""

    sequence: np.ndarray
    """(n,) int64."""
    start: np.ndarray
    """(n,) int64, first conditioning frame."""
    values: Mapping[str, np.ndarray]
    """Metric name -> (n, horizon) float64, column k is lead time k + 1; or (n, 1) for a score of whole clips."""
    inference_seconds: float | None
    """Wall time inside the model alone; None for predictions made elsewhere."""
    predictions_kept: KeptPredictions | None = None
    whole: Mapping[str, Whole] = field(default_factory=dict)
    """Metric name -> the score of all windows together."""
    cluster: np.ndarray | None = field(default=None, kw_only=True)
    """(n,) int64: windows of one number are no independent samples, and the bootstrap draws them together; None: those
    of one sequence."""
    judge: str = ""
    """Name of the judge whose opinions these are; rows of different judges are never ranked together."""
    verdicts: Mapping[str, Verdicts] = field(default_factory=dict, kw_only=True)
    """Metric -> what the judge said, where its own errors are known: they widen the interval."""
    drawn: Drawn | None = field(default=None, kw_only=True)
    """Where forecasts were drawn."""


def best_order(values: np.ndarray, *, higher_is_better: bool) -> np.ndarray:
    """(order, n, horizon) -> (n,): the order with the best mean over lead times, the first one where several are."""
    mean = values.mean(axis=2)
    return np.asarray(mean.argmax(axis=0) if higher_is_better else mean.argmin(axis=0))


def track_metrics(track: Track, frame_shape: tuple[int, ...]) -> list[Metric]:
    """The registered metrics of a track that are defined on its frames.

    `StbenchError` for an unknown name, and for a metric of drawn members on a track that has none, or the other way.
    """
    metrics = [registry.metric(name) for name in track.scored]
    members = track.protocol == "draws"
    if wrong := [metric.name for metric in metrics if metric.of_members != members]:
        several, one = "several drawn forecasts", "one forecast"
        raise StbenchError(
            f"the metric {wrong[0]} scores {one if members else several} of a window, and the track {track.id} asks "
            f"for {several if members else one}: leave it out of the track"
        )
    return applicable([metric for metric in metrics if metric.by_frame], frame_shape)


class Scorer:
    """Fills `values[name] (n, horizon)` batch by batch. A context manager; owns its threads.

    Metrics that share `frame_values` (mse and rmse do) are computed once.
    """

    def __init__(
        self,
        metrics: Sequence[Metric],
        n: int,
        horizon: int,
        threads: int | None = None,
        context: Mapping[str, np.ndarray] = {},
    ) -> None:
        """`context`: the variables that metrics need, (n, horizon) each (`windows.context`)."""
        self.values: dict[str, np.ndarray] = {}
        self._arrays: dict[Callable[..., np.ndarray], np.ndarray] = {}
        self._context: dict[Callable[..., np.ndarray], list[np.ndarray]] = {}
        for metric in metrics:
            if missing := [name for name in metric.needs if name not in context]:
                raise StbenchError(
                    f"the metric {metric.name} needs the variable '{missing[0]}', which this protocol does not hand "
                    "out: leave it out of the track"
                )
            values_of = metric.frame_values
            self._context[values_of] = [context[name] for name in metric.needs]
            array = self._arrays.setdefault(values_of, np.full((n, horizon), np.nan))
            self.values[metric.name] = array
        self._pool = ThreadPoolExecutor(threads or os.cpu_count() or 1)

    def __enter__(self) -> Scorer:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._pool.shutdown(cancel_futures=True)

    def score(self, first: int, prediction: np.ndarray, target: np.ndarray) -> None:
        """Values of `prediction` against `target` (b, horizon, *frame) into windows first..first+b-1."""

        def fill(values_of: Callable[..., np.ndarray], start: int) -> None:
            part = slice(start, min(start + SLICE, len(prediction)))
            rows = slice(first + part.start, first + part.stop)
            known = (each[rows] for each in self._context[values_of])
            self._arrays[values_of][rows] = values_of(prediction[part], target[part], *known)

        jobs = [
            self._pool.submit(fill, values_of, start)
            for values_of in self._arrays
            for start in range(0, len(prediction), SLICE)
        ]
        for job in jobs:
            job.result()
