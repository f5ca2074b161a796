"""Prediction stores: how predictions leave the house, and how somebody else's, made in any framework, come in.

A zarr v3 group: `frames (window, lead_time, channel, y, x)` or `(window, lead_time, sensor)`, floating point, in the
dataset store's normalised units; `sequence (window)` and `start (window)`, integers, the window's sequence and first
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

from stbench.arguments import archive, local_path, new_place
from stbench.contract.datasets import Track
from stbench.errors import StbenchError
from stbench.files import partial_name, sync_tree, take_place
from stbench.protocols.asking import Asking, Question
from stbench.protocols.claims import Ranges, check_chunks, check_lead_times, check_order, check_units, with_fill
from stbench.protocols.scoring import Scorer, Scores, track_metrics
from stbench.protocols.videos import VideoFeatures, Videos
from stbench.protocols.windows import Windows, automatic_batch_size, batches, clusters, context, track_windows
from stbench.store.reader import Store

if TYPE_CHECKING:
    import zarr

CHUNK_BYTES = 4 * 2**20
FRAME_DIMS = {1: ("sensor",), 3: ("channel", "y", "x")}


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

    Raises `StbenchError` when it is not a prediction store, was made for another track or for a store of another
    digest, has missing, repeated or foreign windows, other lead times, frames of another shape, unit or not floating
    point, chunks that were never written, or a value that is not finite.
    """
    path = local_path(path)
    group = _open(path, store, track)
    windows = track_windows(store, track)
    frames = _array(path, group, "frames")
    check_units(path, dict(group.attrs))
    wanted = (len(windows), track.horizon, *store.frame_shape)
    if frames.ndim != len(wanted) or frames.shape[1:] != wanted[1:] or frames.shape[0] > 2 * wanted[0]:
        raise StbenchError(
            f"{path} has frames of shape {frames.shape}, the track {track.id} wants {wanted}: (test window, lead "
            "time, *frame)"
        )
    if frames.dtype.kind != "f":
        raise StbenchError(f"{path} has frames of type {frames.dtype}: write them as float32, in normalised units")
    check_order(path, frames, ("window", "lead_time", *FRAME_DIMS[len(store.frame_shape)]))
    check_chunks(path, frames, int(np.prod(wanted)) * frames.dtype.itemsize)
    _check_lead_times(path, group, track.horizon)
    rows = _rows(path, group, windows, frames.shape[0])
    written, ranges = with_fill(frames, np.nan), Ranges()
    size = automatic_batch_size(store.frame_shape, track.horizon)
    metrics = track_metrics(track, store.frame_shape)
    videos = Videos(track, i3d)
    known = context(store, windows, (name for metric in metrics for name in metric.needs))
    with Scorer(metrics, len(windows), track.horizon, context=known) as scorer:

        def read(rows: np.ndarray, first: int) -> np.ndarray:
            answer = _read(path, written, rows)
            _check_written(path, frames, answer, rows, windows, first)
            return answer

        asking = Asking(str(path), windows, [scorer], on_progress=on_progress)
        for items, conditioning, target in batches(store, windows, size):
            question = Question(items.start, (), (rows[items], items.start), target[None], conditioning)
            prediction = asking.put(question, read)
            ranges.add(prediction, conditioning, target)
            videos.add(prediction, target)
        if on_note is not None and (remark := ranges.remark(path)):
            on_note(remark)
        together = clusters(store, windows)
        return Scores(windows.sequence, windows.start, scorer.values, None, whole=videos.whole, cluster=together)


def _open(path: Path, store: Store, track: Track) -> zarr.Group:
    import zarr

    if not path.exists():
        raise StbenchError(f"there is no prediction store {path}")
    if kind := archive(path):
        raise StbenchError(f"{path} is a {kind} archive and not a prediction store: unpack it, then give the folder")
    try:
        group = zarr.open_group(path, mode="r", zarr_format=3)
        attributes = dict(group.attrs)
    except Exception:  # somebody else's file: whatever zarr and its codecs raise
        raise StbenchError(
            f"{path} is not a prediction store: a zarr v3 group with frames, sequence and start"
        ) from None
    for name, expected in (("track", track.id), ("dataset_digest", store.digest)):
        found = attributes.get(name)
        if found is None:
            raise StbenchError(
                f"{path} has no attribute '{name}': a prediction store for this track has {name}='{expected}'"
            )
        if found != expected:
            raise StbenchError(
                f"{path} was predicted for {name} '{found}', but {store.path} and its track have '{expected}': "
                "predict again"
            )
    return group


def _array(path: Path, group: zarr.Group, name: str) -> Any:
    import zarr

    try:
        array = group.get(name)
    except Exception as error:
        raise _damaged(path, name, error) from None
    if not isinstance(array, zarr.Array) or not array.ndim:
        raise StbenchError(f"{path} has no array '{name}': a prediction store has frames, sequence and start")
    return array


def _damaged(path: Path, name: str, error: Exception) -> StbenchError:
    said = (str(error).splitlines() or [type(error).__name__])[0]
    return StbenchError(f"{path} is damaged: '{name}' cannot be read ({said}), predict again")


def _check_lead_times(path: Path, group: zarr.Group, horizon: int) -> None:
    """A store without lead times goes by position."""
    try:
        if "lead_time" not in group:
            return
    except Exception as error:
        raise _damaged(path, "lead_time", error) from None
    array = _array(path, group, "lead_time")
    if array.shape != (horizon,):
        raise StbenchError(f"{path} has lead_time of shape {array.shape}: wanted are 1 to {horizon}")
    check_chunks(path, array, horizon * array.dtype.itemsize)
    check_lead_times(path, _read(path, array, np.arange(horizon)), str(array.attrs.get("units", "")), horizon)


def _check_written(path: Path, frames: Any, answer: np.ndarray, rows: np.ndarray, windows: Windows, first: int) -> None:
    """Refuse what the store reads as its fill value where no chunk was written: it is nobody's forecast."""
    if np.isnan(frames.fill_value) or not (bad := np.isnan(answer)).any():
        return
    row = int(np.argwhere(bad.reshape(len(bad), -1).any(axis=1))[0, 0])
    if np.isnan(_read(path, frames, rows[row : row + 1])[bad[row : row + 1]]).all():
        return  # written as such, and refused as not finite
    raise StbenchError(
        f"{path} lacks a chunk of 'frames' with {windows.name(first + row)}, which would be read as "
        f"{frames.fill_value:g}: write every chunk (zarr leaves out those that hold the fill value alone, so let that "
        "be NaN)"
    )


def _rows(path: Path, group: zarr.Group, windows: Windows, n: int) -> np.ndarray:
    """Row of every window of the track in the prediction store."""
    columns = []
    for name in ("sequence", "start"):
        array = _array(path, group, name)
        if array.shape != (n,) or array.dtype.kind not in "iu":
            raise StbenchError(
                f"{path} has {name} of shape {array.shape}, {array.dtype}: wanted are {n} integers, one a window"
            )
        check_chunks(path, array, n * array.dtype.itemsize)
        columns.append(_read(path, array, np.arange(n)).tolist())
    row_of: dict[tuple[int, int], int] = {}
    for row, key in enumerate(zip(*columns, strict=True)):
        if key in row_of:
            raise StbenchError(f"{path} has the window of sequence {key[0]} starting at frame {key[1]} twice: keep one")
        row_of[key] = row
    wanted = list(zip(windows.sequence.tolist(), windows.start.tolist(), strict=True))
    missing = [item for item, key in enumerate(wanted) if key not in row_of]
    if missing:
        raise StbenchError(
            f"{path} lacks {len(missing)} of the {len(windows)} test windows of {windows.track.id}, the first is "
            f"{windows.name(missing[0])}: predict them all"
        )
    if extra := sorted(row_of.keys() - set(wanted)):
        raise StbenchError(
            f"{path} has {len(extra)} windows that are no test windows of {windows.track.id}, the first is sequence "
            f"{extra[0][0]} starting at frame {extra[0][1]}: leave them out"
        )
    return np.array([row_of[key] for key in wanted], np.int64)


def _read(path: Path, array: Any, rows: np.ndarray) -> np.ndarray:
    """Rows of an array; float ones as float32. A contiguous range is read as a slice, which is much faster."""
    contiguous = len(rows) and bool((np.diff(rows) == 1).all())
    try:
        found = array[int(rows[0]) : int(rows[-1]) + 1] if contiguous else array.oindex[rows]
    except Exception as error:  # codecs raise what they like, EOFError and zlib.error among it
        raise _damaged(path, array.basename, error) from None
    values = np.asarray(found)
    if values.dtype.kind != "f":
        return values
    with np.errstate(over="ignore"):  # what does not fit is infinite then, and refused as such
        return values.astype(np.float32)
