"""The forecast protocol: a model sees the conditioning frames and a horizon; what it returns is checked and scored."""

from __future__ import annotations

from collections.abc import Callable

from stbench.contract.datasets import Track
from stbench.contract.models import Forecaster
from stbench.errors import StbenchError
from stbench.protocols.asking import Asking, Question
from stbench.protocols.predictions import PredictionWriter
from stbench.protocols.scoring import KeptPredictions, Scorer, Scores, track_metrics
from stbench.protocols.videos import VideoFeatures, Videos
from stbench.protocols.windows import automatic_batch_size, batches, clusters, context, track_windows
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
    videos = Videos(track, i3d)
    metrics = track_metrics(track, store.frame_shape)
    known = context(store, windows, (name for metric in metrics for name in metric.needs))
    with Scorer(metrics, n, horizon, context=known) as scorer:
        asking = Asking(model, windows, [scorer], keep=keep, on_progress=on_progress)
        for items, conditioning, target in batches(store, windows, size):
            question = Question(items.start, (conditioning,), (horizon,), target[None], conditioning)
            prediction = asking.put(question, model.forecast)
            videos.add(prediction, target)
            if predictions is not None:
                predictions.write(windows.sequence[items], windows.start[items], prediction)
        together, spent, kept = clusters(store, windows), asking.seconds, asking.kept
        return Scores(windows.sequence, windows.start, scorer.values, spent, kept, videos.whole, cluster=together)
