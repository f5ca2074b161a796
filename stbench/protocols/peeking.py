"""Does what a model answers depend on what it must not see? Works for any model, any store."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from stbench.contract.datasets import Track
from stbench.contract.models import Forecaster
from stbench.protocols.windows import Windows, automatic_batch_size, batches, track_windows
from stbench.store.reader import Store

GARBAGE = 1e3


def reacts_to_targets(make: Callable[[Store], Forecaster], store: Store, track: Track, scratch: Path) -> bool:
    """True when some forecast changes, in any bit, after all targets of `separated` windows were replaced by garbage,
    or of a model that learnt where the whole test part was garbage already.

    `make(copy)` builds, and trains, the model on a copy of the store in the new folder `scratch`; the copy is poisoned
    in place between two forecasts, so a model that opens it behind the protocol's back is found, and poisoned before
    the model is made again, so one that does so while it learns is found as well. `store` is only read.
    """
    copy = _copied(store, scratch)
    model = make(copy)
    for windows in separated(store, track):

        def ask(model: Any, windows: Windows = windows) -> bytes:
            return predictions(model, store, windows).tobytes()

        def poison(copy: Store, windows: Windows = windows) -> None:
            poison_targets(copy, windows)

        if _reacts(make, store, copy, ask, poison, model):
            return True
        _restored(store, scratch)
    windows = separated(store, track)[0]
    return _learns_from_test_part(make, copy, lambda each: predictions(each, store, windows).tobytes(), model)


def reacts_to_test_part(make: Callable[[Store], Any], store: Store, ask: Callable[[Any], bytes], scratch: Path) -> bool:
    """True when what `ask(model)` gives changes, in any bit, after the whole test part of the store was replaced by
    garbage: what follows a window or clip, and every factor; or of a model that learnt where it was garbage already.

    `ask` hands the model copies of what a protocol would hand out, which stay as they are. `make` and `scratch` as for
    `reacts_to_targets`.
    """
    copy = _copied(store, scratch)
    model = make(copy)
    if _reacts(make, store, copy, ask, poison_test_part, model):
        return True
    return _learns_from_test_part(make, _restored(store, scratch), ask, model)


def _reacts(
    make: Callable[[Store], Any],
    store: Store,
    copy: Store,
    ask: Callable[[Any], bytes],
    poison: Callable[[Store], None],
    model: Any,
) -> bool:
    """Does `model` answer otherwise once its `copy` of `store` is poisoned?

    One that answers otherwise on clean data, too, keeps a state, a counter say. A twin that is asked as often on clean
    data then tells what the state alone does; where twins differ from the first answer on, nothing is proved.
    """
    before, again = ask(model), ask(model)
    poison(copy)
    after = ask(model)
    if before == again:
        return after != again
    model = make(_restored(store, copy.path))
    first = ask(model), ask(model)
    poison(copy)
    after = ask(model)
    twin = make(_restored(store, copy.path))
    second = ask(twin), ask(twin)
    return first == second and after != ask(twin)


def _restored(store: Store, scratch: Path) -> Store:
    shutil.rmtree(scratch)
    return _copied(store, scratch)


def _learns_from_test_part(make: Callable[[Store], Any], copy: Store, ask: Callable[[Any], bytes], model: Any) -> bool:
    """Does a model answer otherwise than `model`, which `make` gave before, when it learns from a copy whose test part
    is garbage? Not where `make` gives another model every time, which proves nothing."""
    before = ask(model)
    again = ask(make(copy))
    poison_test_part(copy)
    return again == before and ask(make(copy)) != before


def separated(store: Store, track: Track) -> tuple[Windows, Windows]:
    """Test windows that share no frame, so that no target is also a conditioning frame, chosen in two ways: from the
    first one of each sequence on, and from the last one, whose targets end with the sequence, backwards."""
    every = track_windows(store, replace(track, stride=1))
    length = track.conditioning + track.horizon

    def chosen(order: range) -> Windows:
        items: list[int] = []
        for item in order:
            other = items[-1] if items else item
            same = every.sequence[item] == every.sequence[other]
            if not items or not same or abs(every.start[item] - every.start[other]) >= length:
                items.append(item)
        places = np.sort(np.array(items, np.int64))
        return Windows(track, every.sequence[places], every.start[places])

    return chosen(range(len(every))), chosen(range(len(every) - 1, -1, -1))


def predictions(model: Forecaster, store: Store, windows: Windows) -> np.ndarray:
    """(windows, horizon, *frame): what `model` forecasts."""
    horizon = windows.track.horizon
    size = automatic_batch_size(store.frame_shape, horizon)
    return np.concatenate([model.forecast(seen, horizon) for _, seen, _ in batches(store, windows, size)])


def poison_targets(store: Store, windows: Windows) -> None:
    """Replace, on disk and for good, every target frame of these windows by garbage, not the attributes."""
    frames = _opened(store, "frames")
    for sequence, start in zip(windows.sequence, windows.start, strict=True):
        first = int(start) + windows.track.conditioning
        place = int(sequence), slice(first, first + windows.track.horizon)
        frames[place] = _garbage(np.asarray(frames[place]))


def poison_test_part(store: Store) -> None:
    """Replace, on disk and for good, all test frames by garbage, and every other variable of the sequences that no
    model learns from."""
    frames = _opened(store, "frames")
    lengths = store.n_frames if store.row_size is None else store.row_size
    for sequence, first, last in store.split.segments("test", lengths):
        place = int(sequence), slice(int(first), int(last))
        frames[place] = _garbage(np.asarray(frames[place]))
    tested = np.setdiff1d(store.split.indices("test"), store.split.indices("train+val"))
    for name, about in store.attributes["variables"].items():
        if name == "frames" or about["dims"][:1] != ["sequence"]:
            continue
        values = _opened(store, name)
        for sequence in map(int, tested):
            values[sequence] = _garbage(np.asarray(values[sequence]))


def _copied(store: Store, scratch: Path) -> Store:
    shutil.copytree(store.path, scratch)
    return replace(store, path=scratch)


def _opened(store: Store, variable: str) -> Any:
    import zarr

    return zarr.open_array(store.path, path=variable, mode="r+")


def _garbage(values: np.ndarray) -> np.ndarray:
    """As large as the type allows; of whole numbers, which cannot hold it, the complement is as wrong."""
    if values.dtype.kind == "f":
        return np.full_like(values, GARBAGE)
    return ~values if values.dtype.kind == "b" else np.asarray(np.iinfo(values.dtype).max - values)
