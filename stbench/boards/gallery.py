"""Frames of a board: truth, best floor and every model beside one another, and what they get wrong.

A run keeps the frames of a few test windows (`predictions.zarr`, evenly spaced over the test windows). Where the runs
of a board are at hand, three of these windows are published: the one that the best-ranked model of those at hand
forecasts with the smallest mean squared error over all lead times, the median one, and the one with the largest.

    <out>/gallery/<preset>/<board>/best.webp, median.webp, worst.webp, gallery.json

A picture is a sheet of tiles: a row for the truth, then of every model its forecast and |forecast - truth|; a column a
lead time, at most 20 of them. Of sensors a tile shows all lead times. Pictures stay when the runs are gone; those of
fewer models take nobody's place.
"""

from __future__ import annotations

import io
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import msgspec
import numpy as np

from stbench.boards.board import Board, Line
from stbench.documents import Unreadable, read_json
from stbench.errors import StbenchError
from stbench.files import atomic_folder, write_json
from stbench.pictures.colours import ColourScale, colour_scale

if TYPE_CHECKING:
    from PIL.Image import Image

GALLERY = "gallery"
NAME = "gallery.json"
KEPT = "predictions.zarr"
LARGEST = 1_000_000
"""Bytes of `gallery.json`."""
MOST_LEAD_TIMES = 20
SIDE = 64
"""Pixels of a tile, at least."""
TRUTH = "truth"

Rule = Literal["best", "median", "worst"]
Count = Annotated[int, msgspec.Meta(ge=0, le=10**9)]


@dataclass(frozen=True)
class Shown:
    """One window of a gallery."""

    rule: Rule
    sequence: Count
    start: Count
    error: float
    """Mean squared error of the best-ranked model, in the normalised units of the store."""


@dataclass(frozen=True)
class Gallery:
    """What `gallery.json` says of the three sheets beside it."""

    dataset_digest: str
    models: tuple[str, ...]
    """By rank, the best floor among them; below the truth each has a row of forecasts and one of errors."""
    runs: tuple[str, ...]
    """Fingerprint of the run of each."""
    without_frames: tuple[str, ...]
    """Ranked models whose frames were not at hand."""
    lead_times: tuple[Annotated[int, msgspec.Meta(ge=1)], ...]
    """Of the columns; one column alone: a tile shows all of them."""
    kept: Count
    """Windows the runs kept."""
    windows: tuple[Shown, ...]
    format: int = field(default=1)

    @property
    def rows(self) -> tuple[str, ...]:
        return (TRUTH, *(name for model in self.models for name in (model, f"{model}: |error|")))


def folder_of(board: Board, out: Path) -> Path:
    return out / GALLERY / board.preset / board.file_stem


def read_gallery(board: Board, out: Path) -> Gallery | None:
    """What is published of a board's newest data; None where there is none. `StbenchError` where it is damaged."""
    path = folder_of(board, out) / NAME
    if not board.blocks:
        return None
    try:
        found = msgspec.convert(read_json(path, LARGEST), Gallery)
    except FileNotFoundError:
        return None
    except OSError as error:
        raise StbenchError(f"cannot read {path}: {error.strerror or error}") from None
    except (msgspec.ValidationError, Unreadable) as error:
        raise StbenchError(
            f"{path} describes no gallery, {error}: remove its folder, then `stbench leaderboard`"
        ) from None
    return found if found.dataset_digest == board.blocks[0].dataset_digest else None


@dataclass(frozen=True)
class Drawn:
    """A gallery that is not yet published."""

    gallery: Gallery
    sheets: Mapping[Rule, bytes]
    """WebP."""

    def write(self, folder: Path) -> None:
        try:
            with atomic_folder(folder) as part:
                for rule, sheet in self.sheets.items():
                    (part / f"{rule}.webp").write_bytes(sheet)
                write_json(part / NAME, asdict(self.gallery), indent=1)
        except OSError as error:
            raise StbenchError(f"cannot write {folder}: {error.strerror or error}") from None


def draw_gallery(board: Board, out: Path, runs: Mapping[str, Path]) -> Drawn | None:
    """The gallery of a board from the run folders at hand (fingerprint of the run -> folder).

    None, and what is published stays, where no learned or classical model has kept frames of a known truth, or where
    fewer models have than the published gallery shows.
    """
    kept = {}
    for line in _asked(board):
        folder = runs.get(line.record.fingerprint)
        if folder is not None and (found := _read(folder / KEPT, line.model, board.horizon)) is not None:
            kept[line.model] = found
    while True:
        try:
            return _drawn(board, out, kept)
        except _Damaged as error:
            del kept[error.model]


def _drawn(board: Board, out: Path, kept: Mapping[str, _Kept]) -> Drawn | None:
    """The gallery of the models whose frames are `kept`. `_Damaged` where those of one turn out not to be whole."""
    lines = [line for line in _asked(board) if line.model in kept]
    if all(line.record.floor for line in lines):
        return None
    before = read_gallery(board, out)
    if before is not None and len(before.models) > len(lines):
        return None
    best = kept[lines[0].model]
    for each in kept.values():
        if each.frames["prediction"].shape[1:] != best.frames["prediction"].shape[1:]:
            raise _Damaged(each.model)
    common = [each for each in best.places if all(each in other.places for other in kept.values())]
    if not common:
        return None
    errors = {each: _error(best, each) for each in common}
    ordered = sorted(common, key=lambda each: (errors[each], each))
    chosen: list[tuple[Rule, tuple[int, int]]] = [
        ("best", ordered[0]), ("median", ordered[len(ordered) // 2]), ("worst", ordered[-1])
    ]  # fmt: skip
    image = best.target(ordered[0]).ndim == 4
    horizon = len(best.target(ordered[0]))
    times = sorted({round(float(k)) for k in np.linspace(1, horizon, min(horizon, MOST_LEAD_TIMES))})
    gallery = Gallery(
        dataset_digest=board.blocks[0].dataset_digest,
        models=tuple(line.model for line in lines),
        runs=tuple(line.record.fingerprint for line in lines),
        without_frames=tuple(line.model for line in _asked(board) if line.model not in kept),
        lead_times=tuple(times) if image else (1,),
        kept=len(best.places),
        windows=tuple(Shown(rule, *place, errors[place]) for rule, place in chosen),
    )
    sheets = {}
    for rule, place in chosen:
        predictions = [kept[model].prediction(place) for model in gallery.models]
        file = io.BytesIO()
        _sheet(best.target(place), predictions, times if image else None).save(file, "webp", quality=90, method=6)
        sheets[rule] = file.getvalue()
    return Drawn(gallery, sheets)


def _error(kept: _Kept, place: tuple[int, int]) -> float:
    """Mean squared; what a model that diverged forecasts has squares beyond float32."""
    return float(np.square(kept.prediction(place) - kept.target(place), dtype=np.float64).mean())


def _asked(board: Board) -> list[Line]:
    """Ranked lines of the newest data by rank: the models, and of the floors the best."""
    ranked = [line for line in (board.blocks[0].lines if board.blocks else ()) if line.rank is not None]
    floor = next((line for line in ranked if line.record.floor), None)
    seen: dict[str, Line] = {}
    for line in ranked:
        if line is floor or not line.record.floor:
            seen.setdefault(line.model, line)
    return list(seen.values())


class _Damaged(Exception):
    """Frames of a model cannot be read, or some of them were never written."""

    def __init__(self, model: str) -> None:
        super().__init__(model)
        self.model = model


@dataclass(frozen=True)
class _Kept:
    """What a run has kept."""

    model: str
    frames: Mapping[str, Any]
    """ "target" and "prediction", arrays (window, lead_time, *frame)."""
    places: Mapping[tuple[int, int], int]
    """(sequence, first frame) -> row."""

    def target(self, place: tuple[int, int]) -> np.ndarray:
        return self._window("target", place)

    def prediction(self, place: tuple[int, int]) -> np.ndarray:
        return self._window("prediction", place)

    def _window(self, name: str, place: tuple[int, int]) -> np.ndarray:
        """(lead_time, *frame). `_Damaged`."""
        array, row = self.frames[name], self.places[place]
        try:
            found = np.asarray(array[row])
        except Exception:  # whatever zarr and its codecs raise
            raise _Damaged(self.model) from None
        if not np.isfinite(found).all():
            raise _Damaged(self.model)
        return found


def _read(path: Path, model: str, horizon: int) -> _Kept | None:
    """None where there are none, the truth is not known, or they cannot be read or are not whole."""
    import zarr

    if not path.is_dir():
        return None
    try:
        group: Any = zarr.open_group(path, mode="r", use_consolidated=False)
        frames = {name: group[name] for name in ("target", "prediction")}
        sequence, start = (group[name][:].tolist() for name in ("sequence", "start"))
        places = {place: k for k, place in enumerate(zip(sequence, start, strict=True))}
        shape = frames["target"].shape
        whole = len(shape) in (3, 5) and shape[:2] == (len(places), horizon) and len(places) == len(sequence)
        # Where a file is missing, zarr gives zeros, which are black.
        whole &= all(each.shape == shape and each.nchunks_initialized == each.nchunks for each in frames.values())
    except Exception:  # whatever zarr and its codecs raise
        return None
    return _Kept(model, frames, places) if whole and all(min(place) >= 0 for place in places) else None


def _sheet(target: np.ndarray, predictions: Sequence[np.ndarray], times: Sequence[int] | None) -> Image:
    """(horizon, channel, y, x) at `times`, or (horizon, sensor) whole; rows as `Gallery.rows`."""
    from PIL import Image

    errors = [np.abs(each - target) for each in predictions]
    worst = float(np.percentile(np.stack(errors), 99.9)) or 1.0
    frames = _Frames(colour_scale(target[:, 0] if times else target), ColourScale("inferno", 0.0, worst))
    rows = [frames.values(target, times)]
    for prediction, error in zip(predictions, errors, strict=True):
        rows += [frames.values(prediction, times), frames.errors(error, times)]
    whole = np.concatenate([np.concatenate(list(row), axis=1) for row in rows], axis=0)
    enlarged = max(1, -(-SIDE // min(whole.shape[0] // len(rows), whole.shape[1] // len(times or (1,)))))
    return Image.fromarray(whole.repeat(enlarged, axis=0).repeat(enlarged, axis=1))


@dataclass(frozen=True)
class _Frames:
    """Frames as tiles (height, width, 3) uint8: three channels are colours, else the first channel is shown."""

    scale: ColourScale
    error_scale: ColourScale

    def values(self, frames: np.ndarray, times: Sequence[int] | None) -> Iterator[np.ndarray]:
        for frame in _chosen(frames, times):
            if times and len(frame) == 3:
                yield (np.clip(np.moveaxis(frame, 0, -1), 0, 1) * 255).round().astype(np.uint8)
            else:
                yield self.scale.rgb(frame[0] if times else frame)

    def errors(self, errors: np.ndarray, times: Sequence[int] | None) -> Iterator[np.ndarray]:
        for error in _chosen(errors, times):
            drawn = (error.mean(axis=0) if len(error) == 3 else error[0]) if times else error
            yield self.error_scale.rgb(drawn)


def _chosen(frames: np.ndarray, times: Sequence[int] | None) -> Iterable[np.ndarray]:
    return [frames[k - 1] for k in times] if times else [frames.T]


__all__ = ["GALLERY", "KEPT", "Drawn", "Gallery", "Shown", "draw_gallery", "folder_of", "read_gallery"]
