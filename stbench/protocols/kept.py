"""The few predictions a run keeps for pictures and for a second look, as a zarr v3 group."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from stbench.contract.datasets import Track
from stbench.errors import StbenchError
from stbench.files import atomic_folder
from stbench.protocols.scoring import KeptPredictions, Scores
from stbench.store.layout import consolidate
from stbench.store.reader import Store

if TYPE_CHECKING:
    import zarr

PICTURES = ("forecast.png", "swap.png", "clips.png", "clips.gif")
"""In `figures/` beside them, drawn of what was kept (`stbench.running.outcome`)."""


def write_kept(path: Path, scores: Scores, track: Track, store: Store, model: str) -> None:
    """Write `scores.predictions_kept` to `path`, replacing what is there; when none were kept, what was kept before is
    removed, with the pictures drawn of it, so that nobody takes it for this run's.

    A file an array, in which every window is a chunk of its own. What was never written is NaN, or -1, so that frames
    of zeros are written, too, and a file that is missing is not taken for them.

    Variables, in the store's normalised units, float32: `conditioning (window, conditioning_time, *frame)`, `target`
    and `prediction (window, lead_time, *frame)`, of a swap also `content` like `conditioning`, which is the motion
    then; where nobody knows the truth the clip that was handed out, `shown`, instead of `target`; of several draws,
    whose mean is `prediction`, also `best`, the one with the least mse, and the first ones, `member (window, member,
    lead_time, *frame)`; coordinates
    `sequence`, `start` (window) and `lead_time` = 1..horizon.
    """
    kept = scores.predictions_kept
    if kept is None:
        _remove(path)
        return
    import zarr

    with atomic_folder(path) as part:
        _write(zarr.open_group(part, mode="w", zarr_format=3), kept, scores, track, store, model)
        consolidate(part)


def _remove(path: Path) -> None:
    try:
        if path.is_dir():
            shutil.rmtree(path)
        for name in PICTURES:
            (path.parent / "figures" / name).unlink(missing_ok=True)
    except OSError as error:
        raise StbenchError(f"cannot remove {error.filename or path}: {error.strerror or error}") from None


def _write(group: zarr.Group, kept: KeptPredictions, scores: Scores, track: Track, store: Store, model: str) -> None:
    group.attrs.update({"track": track.id, "dataset": store.dataset, "dataset_digest": store.digest, "model": model})
    group.attrs["source"] = store.source
    frame = ("channel", "y", "x") if kept.target.ndim == 5 else ("sensor",)
    _add(group, "conditioning", kept.conditioning, ("window", "conditioning_time", *frame))
    if kept.content is not None:
        _add(group, "content", kept.content, ("window", "conditioning_time", *frame))
    _add(group, "target" if kept.truth else "shown", kept.target, ("window", "lead_time", *frame))
    _add(group, "prediction", kept.prediction, ("window", "lead_time", *frame))
    if kept.best is not None:
        _add(group, "best", kept.best, ("window", "lead_time", *frame))
    if kept.members is not None:
        _add(group, "member", kept.members, ("window", "member", "lead_time", *frame))
    _add(group, "sequence", scores.sequence[kept.items], ("window",))
    _add(group, "start", scores.start[kept.items], ("window",))
    _add(group, "lead_time", np.arange(1, track.horizon + 1), ("lead_time",))


def _add(group: zarr.Group, name: str, values: np.ndarray, dims: tuple[str, ...]) -> None:
    chunks = (1, *values.shape[1:]) if values.ndim > 1 else values.shape
    never = np.nan if values.dtype.kind == "f" else -1
    group.create_array(name, data=values, chunks=chunks, shards=values.shape, dimension_names=dims, fill_value=never)
