"""Which windows somebody asks for by a dataset, a store or a track, and what is taken from the track."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from stbench import arguments, registry
from stbench.errors import StbenchError
from stbench.running.tracks import TrackOfStore, open_track
from stbench.store.named import open_named
from stbench.store.reader import Store

SPLIT, CONDITIONING, HORIZON, STRIDE = "train", 5, 20, 1
"""Of windows that no track says anything about."""


@dataclass(frozen=True)
class AskedWindows:
    store: Store
    split: str
    conditioning: int
    horizon: int
    stride: int


def asked_windows(
    given: str | os.PathLike[str] | TrackOfStore,
    *,
    split: str | None,
    conditioning: int | None,
    horizon: int | None,
    stride: int | None,
    source: str,
    parameters: Mapping[str, Any],
) -> AskedWindows:
    """The windows of a dataset's name, a store's path, a track's id or a track; what is None is the track's, or the
    default above.

    Of a track: its data; the train split, with the frames that models learn from at every start; of "test" the windows
    that are scored. `StbenchError` for unknown names, a store that is not there, and lengths or a stride below 1.
    """
    split = SPLIT if split is None else arguments.text("split", split)
    store, defaults = _opened(given, split, arguments.text("source", source), parameters)
    lengths = {"conditioning": conditioning, "horizon": horizon, "stride": stride}
    chosen = {
        name: defaults[name] if value is None else arguments.whole(name, value, 1) for name, value in lengths.items()
    }
    return AskedWindows(store, split, **chosen)


def _opened(
    given: str | os.PathLike[str] | TrackOfStore, split: str, source: str, parameters: Mapping[str, Any]
) -> tuple[Store, dict[str, int]]:
    if isinstance(given, TrackOfStore):
        if parameters or source != "auto":
            named = ", ".join([*parameters, *(["source"] if source != "auto" else [])])
            raise StbenchError(
                f"the track {given.track.id} has its data already: leave out {named}, or name it by its id"
            )
        found = given
    elif is_track(given):
        found = open_track(str(given), source=source, parameters=parameters)
    else:
        store = open_named(given, parameters, source)
        return store, {"conditioning": CONDITIONING, "horizon": HORIZON, "stride": STRIDE}
    track = found.track
    if split == "test":
        return found.store, {"conditioning": track.conditioning, "horizon": track.horizon, "stride": track.stride}
    return found.store, {"conditioning": track.conditioning, "horizon": track.train_horizon, "stride": STRIDE}


def is_track(given: object) -> bool:
    """Is it the id of a track, "sst/forecast-6" say, and not the path of something that is there?"""
    if not isinstance(given, str) or given.endswith(".zarr") or os.path.lexists(given):
        return False
    dataset, slash, _ = given.partition("/")
    return bool(slash) and dataset in registry.names("datasets")
