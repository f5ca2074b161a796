"""The forecast protocol: a model sees the conditioning frames and a horizon; what it returns is checked and scored."""

from __future__ import annotations

import time
from collections.abc import Callable

import numpy as np

from stbench.contract.datasets import Track
from stbench.contract.models import Forecaster
from stbench.errors import StbenchError
from stbench.protocols.check import checked
from stbench.protocols.predictions import PredictionWriter
from stbench.protocols.scoring import KeptPredictions, Scorer, Scores, track_metrics
from stbench.protocols.videos import VideoFeatures, Videos
from stbench.protocols.windows import automatic_batch_size, batches, clusters, context, evenly_spaced, track_windows
from stbench.store.reader import Store

__all__ = ["KeptPredictions", "Scores", "forecast"]


def forecast(
    model: Forecaster,
    store: Store,
    track: Track,
    *,
    split: str = "test",
    batch_size: int | None = None,
    keep: int = 0,
    predictions: PredictionWriter | None = None,
    on_progress: Callable[[int, int], None] | None = None,
    limit: int | None = None,
    i3d: VideoFeatures | None = None,
) -> Scores:
    """Predict every window of a track and score it, streaming: memory is bounded by one batch and one sequence.

    The model is given a copy of the conditioning frames (b, conditioning, *frame), normalised, float32, and the
    horizon; it never holds a target, and what it does to its copy changes nothing. `batch_size` None chooses windows
    for about 64 MiB of targets. `keep` windows, evenly spaced, are kept for pictures; `predictions` receives every
    prediction; `on_progress(windows_done, windows)`; `limit` scores that many evenly spaced windows only;
    with `i3d` a track that asks for it has `fvd` of the predicted frames. Raises
    `StbenchError` when the model returns another shape or dtype, or a value that is not finite, and for a limit
    together with `predictions`.
    """
    if predictions is not None and limit is not None:
        raise StbenchError(
            f"{predictions.path} was to hold every window of the track {track.id}, but only {limit} are predicted: "
            "leave out the limit or the predictions"
        )
    windows = track_windows(store, track, split, limit)
    n, horizon = len(windows), track.horizon
    size = batch_size or automatic_batch_size(store.frame_shape, horizon)
    kept = _Keeper(evenly_spaced(n, keep) if keep else np.empty(0, np.int64))
    videos, seconds = Videos(track, i3d), 0.0
    metrics = track_metrics(track, store.frame_shape)
    known = context(store, windows, (name for metric in metrics for name in metric.needs))
    with Scorer(metrics, n, horizon, context=known) as scorer:
        for items, conditioning, target in batches(store, windows, size):
            handed = conditioning.copy()
            begun = time.perf_counter()
            answer = model.forecast(handed, horizon)
            seconds += time.perf_counter() - begun
            prediction = checked(answer, target.shape, windows, items.start, f"the model {type(model).__name__}")
            scorer.score(items.start, prediction, target)
            videos.add(prediction, target)
            kept.take(items, conditioning, target, prediction)
            if predictions is not None:
                predictions.write(windows.sequence[items], windows.start[items], prediction)
            if on_progress is not None:
                on_progress(items.stop, n)
        found, together = kept.result(), clusters(store, windows)
        return Scores(windows.sequence, windows.start, scorer.values, seconds, found, videos.whole, cluster=together)


class _Keeper:
    """Collects the chosen windows as their batches pass by."""

    def __init__(self, items: np.ndarray) -> None:
        self._items = items
        self._parts: list[tuple[np.ndarray, np.ndarray, np.ndarray]] = []

    def take(self, items: slice, conditioning: np.ndarray, target: np.ndarray, prediction: np.ndarray) -> None:
        rows = self._items[(self._items >= items.start) & (self._items < items.stop)] - items.start
        if len(rows):
            self._parts.append((conditioning[rows], target[rows], prediction[rows]))

    def result(self) -> KeptPredictions | None:
        if not self._parts:
            return None
        conditioning, target, prediction = (np.concatenate(arrays) for arrays in zip(*self._parts, strict=True))
        return KeptPredictions(self._items, conditioning, target, prediction)
