"""Prediction stores: how predictions leave the house, and how somebody else's, made in any framework, come in.

A zarr v3 group: `frames (window, lead_time, channel, y, x)` or `(window, lead_time, sensor)`, floating point, in the
dataset store's normalised units, or `frames (window, member, lead_time, ...)` where several were drawn, for tracks of
the protocol `draws`; `sequence (window)` and `start (window)`, integers, the window's sequence and first
conditioning frame; `lead_time (lead_time)` = 1..horizon, which somebody else may leave out, or give in another unit;
group attributes `track`, `dataset`, `dataset_digest`, `model`. The windows may stand in any order; all test windows of
the track must be there, once, and every chunk of their frames must have been written.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any

import numpy as np

from stbench.arguments import new_place
from stbench.contract.datasets import Track
from stbench.errors import StbenchError
from stbench.files import partial_name, sync_tree, take_place
from stbench.protocols.asking import Asking, Question
from stbench.protocols.claims import Ranges
from stbench.protocols.prediction_reader import FRAME_DIMS, PredictionReader
from stbench.protocols.scoring import Scorer, Scores, track_metrics
from stbench.protocols.videos import VideoFeatures, Videos
from stbench.protocols.windows import automatic_batch_size, batches, clusters, context, track_windows
from stbench.store.layout import consolidate
from stbench.store.reader import Store

if TYPE_CHECKING:
    import zarr

CHUNK_BYTES = 4 * 2**20


class PredictionWriter:
    """Writes the predictions of every test window of a track, batch by batch, in window order.

    A context manager: the store stands under `path` only when all windows were written; before that it has a hidden
    name beside it, and an exception removes it. Raises `StbenchError` when `path` exists, cannot be written, or windows
    are missing at the end.
    """

    def __init__(self, path: Path, store: Store, track: Track, model: str) -> None:
        import zarr

        self.path = new_place(path)
        if self.path.exists():
            raise StbenchError(f"{self.path} exists already: choose another name or remove it")
        self._part = partial_name(self.path)
        windows = track_windows(store, track)
        n, shape = len(windows), (track.horizon, *store.frame_shape)
        self._chunk = max(1, CHUNK_BYTES // (4 * int(np.prod(shape))))
        self._held: list[np.ndarray] = []
        self._n, self._written, self._received = n, 0, 0
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            group = zarr.create_group(self._part, zarr_format=3)
            group.attrs.update(
                {
                    "stbench_format": "predictions-1",
                    "track": track.id,
                    "dataset": store.dataset,
                    "dataset_version": store.version,
                    "source": store.source,
                    "dataset_digest": store.digest,
                    "model": model,
                    "units": "normalised",
                }
            )
            # NaN where nothing was written, so that a lost chunk is refused instead of scored as zeros.
            self._frames = group.create_array(
                "frames",
                shape=(n, *shape),
                chunks=(min(self._chunk, n), *shape),
                dtype="float32",
                fill_value=float("nan"),
                dimension_names=("window", "lead_time", *FRAME_DIMS[len(store.frame_shape)]),
                attributes={"coordinates": "sequence start", "long_name": "predicted frames"},
            )
            _coordinate(
                group, "lead_time", "lead_time", np.arange(1, track.horizon + 1), "frames after the last seen one"
            )
            self._sequence = _coordinate(group, "sequence", "window", np.full(n, -1), "sequence of the dataset store")
            self._start = _coordinate(group, "start", "window", np.full(n, -1), "first conditioning frame")
        except OSError as error:
            raise StbenchError(f"cannot write predictions to {self.path}: {error.strerror or error}") from None

    def __enter__(self) -> PredictionWriter:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            if kind is None:
                self._flush(everything=True)
                if self._written != self._n:
                    raise StbenchError(
                        f"{self.path} would lack {self._n - self._written} of {self._n} windows: write them all"
                    )
                consolidate(self._part)
                sync_tree(self._part)
                take_place(self._part, self.path)
        except OSError as error:
            raise StbenchError(f"cannot write predictions to {self.path}: {error.strerror or error}") from None
        finally:
            shutil.rmtree(self._part, ignore_errors=True)

    def write(self, sequence: np.ndarray, start: np.ndarray, prediction: np.ndarray) -> None:
        """Append windows: `sequence`, `start` (b,), `prediction` (b, horizon, *frame) float32."""
        rows = slice(self._received, self._received + len(prediction))
        self._sequence[rows], self._start[rows] = sequence, start
        self._received = rows.stop
        self._held.append(np.array(prediction, np.float32))
        self._flush(everything=False)

    def _flush(self, *, everything: bool) -> None:
        # Only whole chunks are written until the end: a chunk touched twice would be read back and compressed twice.
        held = sum(map(len, self._held))
        count = held if everything else held - held % self._chunk
        if count:
            frames = np.concatenate(self._held)
            self._frames[self._written : self._written + count] = frames[:count]
            self._held = [frames[count:]] if count < held else []
            self._written += count


def _coordinate(group: zarr.Group, name: str, dim: str, values: np.ndarray, meaning: str) -> Any:
    array = group.create_array(
        name, data=values.astype(np.int64), dimension_names=(dim,), attributes={"long_name": meaning}
    )
    return array


def score_predictions(
    path: Path,
    store: Store,
    track: Track,
    *,
    on_progress: Callable[[int, int], None] | None = None,
    i3d: VideoFeatures | None = None,
    on_note: Callable[[str], None] | None = None,
) -> Scores:
    """Score a prediction store on all test windows of `track`, streaming, in window order.

    With `i3d` a track that asks for it has `fvd`. `on_note(sentence)` is told where the forecasts lie far from the
    range of the frames.

    Raises `StbenchError` for what `PredictionReader` refuses, and for a value that is not finite.
    """
    windows = track_windows(store, track)
    reader, ranges = PredictionReader(path, store, track, windows), Ranges()
    size = automatic_batch_size(store.frame_shape, track.horizon)
    metrics = track_metrics(track, store.frame_shape)
    videos = Videos(track, i3d)
    known = context(store, windows, (name for metric in metrics for name in metric.needs))
    with Scorer(metrics, len(windows), track.horizon, context=known) as scorer:
        asking = Asking(str(reader.path), windows, [scorer], on_progress=on_progress)
        for items, conditioning, target in batches(store, windows, size):
            question = Question(items.start, (), (items,), target[None], conditioning)
            prediction = asking.put(question, reader.read)
            ranges.add(prediction, conditioning, target)
            videos.add(prediction, target)
        if on_note is not None and (remark := ranges.remark(reader.path)):
            on_note(remark)
        together = clusters(store, windows)
        return Scores(windows.sequence, windows.start, scorer.values, None, whole=videos.whole, cluster=together)
