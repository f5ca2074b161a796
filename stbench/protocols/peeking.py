"""Does a model's forecast depend on what it must not see? Works for any model, any store."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np

from stbench.generator import Track
from stbench.model import Forecaster
from stbench.protocols.windows import automatic_batch_size, batches, track_windows
from stbench.store.reader import Store

GARBAGE = 1e3


def poison_targets(store: Store, track: Track) -> None:
    """Replace, on disk and for good, every target frame of every test window of `separated(track)` by garbage.

    Those windows share no frame, so no target is also a conditioning frame. The attributes stay as they are.
    """
    import zarr

    frames = zarr.open_array(store.path, path="frames", mode="r+")
    windows = track_windows(store, separated(track))
    for sequence in np.unique(windows.sequence):
        values = np.asarray(frames[int(sequence)])
        for start in windows.start[windows.sequence == sequence]:
            first = start + track.conditioning
            target = values[first : first + track.horizon]
            # Whole numbers cannot hold it: their complement is as wrong.
            target[:] = GARBAGE if values.dtype.kind == "f" else np.iinfo(values.dtype).max - target
        frames[int(sequence)] = values


def separated(track: Track) -> Track:
    """The same track with windows that share no frame."""
    return replace(track, stride=track.conditioning + track.horizon)


def predictions(model: Forecaster, store: Store, track: Track) -> np.ndarray:
    """(windows, horizon, *frame): what `model` forecasts for every test window of `separated(track)`."""
    windows = track_windows(store, separated(track))
    size = automatic_batch_size(store.frame_shape, track.horizon)
    return np.concatenate(
        [model.forecast(conditioning, track.horizon) for _, conditioning, _ in batches(store, windows, size)]
    )


def reacts_to_targets(make: Callable[[Store], Forecaster], store: Store, track: Track, scratch: Path) -> bool:
    """True when some forecast changes, in any bit, after all test targets were replaced by garbage.

    `make(copy)` builds, and trains, the model on a copy of the store in the new folder `scratch`; the copy is poisoned
    in place between two forecasts, so a model that opens it behind the protocol's back is found as well. `store` is
    only read.
    """
    shutil.copytree(store.path, scratch)
    copy = replace(store, path=scratch)
    model = make(copy)
    before = predictions(model, copy, track)
    poison_targets(copy, track)
    return predictions(model, copy, track).tobytes() != before.tobytes()
