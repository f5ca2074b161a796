"""A prediction store, opened: what it claims is checked before anything is read, and what is read is checked, too."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from stbench.arguments import archive, local_path
from stbench.contract.datasets import Track
from stbench.errors import StbenchError
from stbench.protocols.claims import check_chunks, check_lead_times, check_order, check_units, with_fill
from stbench.protocols.windows import Windows
from stbench.store.reader import Store

if TYPE_CHECKING:
    import zarr

FRAME_DIMS = {1: ("sensor",), 3: ("channel", "y", "x")}
MEMBER = "member"


class PredictionReader:
    """The frames of a prediction store, for some windows of a track in their order.

    `members`: how many drawn forecasts of a window the track asks for, 0 where it asks for one forecast. Raises
    `StbenchError` when it is not a prediction store, was made for another track or for a store of another digest, has
    missing, repeated or foreign windows, other lead times, frames of another shape, unit or not floating point, or
    another number of members.
    """

    def __init__(self, path: Path, store: Store, track: Track, windows: Windows, members: int = 0) -> None:
        self.path = local_path(path)
        group = _open(self.path, store, track)
        frames = _array(self.path, group, "frames")
        check_units(self.path, dict(group.attrs))
        wanted = (len(windows), track.horizon, *store.frame_shape)
        alone = frames.ndim != len(wanted) + 1
        dims = ("window", *(() if alone else (MEMBER,)), "lead_time", *FRAME_DIMS[len(store.frame_shape)])
        check_order(self.path, frames, dims)
        self.members = 1 if alone else _members(self.path, frames, track, members)
        """Of the store; 1 where it has no such dimension."""
        shape = frames.shape if alone else (frames.shape[0], *frames.shape[2:])
        if shape[1:] != wanted[1:] or shape[0] > 2 * wanted[0]:
            raise StbenchError(
                f"{self.path} has frames of shape {frames.shape}, the track {track.id} wants {wanted}: (test window, "
                f"lead time, *frame){', or with its members as the second dimension' if members else ''}"
            )
        if frames.dtype.kind != "f":
            raise StbenchError(
                f"{self.path} has frames of type {frames.dtype}: write them as float32, in normalised units"
            )
        check_chunks(self.path, frames, int(np.prod(wanted)) * self.members * frames.dtype.itemsize)
        _check_lead_times(self.path, group, track.horizon)
        self._windows, self._frames = windows, frames
        self._rows = _rows(self.path, group, windows, frames.shape[0])
        self._written = with_fill(frames, np.nan)

    def read(self, items: slice) -> np.ndarray:
        """Of the windows `items`: (b, horizon, *frame) float32 of a forecast, (b, members, horizon, *frame) of draws.

        `StbenchError` for a chunk that cannot be read or was never written.
        """
        rows = self._rows[items]
        answer = _read(self.path, self._written, rows)
        _check_written(self.path, self._frames, answer, rows, self._windows, items.start)
        return answer


def _members(path: Path, frames: Any, track: Track, wanted: int) -> int:
    """Members of a window; `StbenchError` where the track asks for another number."""
    found = int(frames.shape[1])
    if not wanted:
        raise StbenchError(
            f"{path} has frames with {found} members a window, and the track {track.id} asks for one forecast: score "
            f"it on a track {track.dataset}/draws-..., or write frames without the dimension '{MEMBER}'"
        )
    if found not in (1, wanted):
        raise StbenchError(
            f"{path} has {found} members a window, and {track.id} asks for {wanted} of a model that draws and for 1 "
            "of one that does not: draw as many"
        )
    return found


def _open(path: Path, store: Store, track: Track) -> zarr.Group:
    import zarr

    if not path.exists():
        raise StbenchError(f"there is no prediction store {path}")
    if kind := archive(path):
        raise StbenchError(f"{path} is a {kind} archive and not a prediction store: unpack it, then give the folder")
    try:
        # Each array by its own metadata: who changes one may have left the root's copy as it was.
        group = zarr.open_group(path, mode="r", zarr_format=3, use_consolidated=False)
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
