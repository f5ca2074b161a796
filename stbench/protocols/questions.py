"""What a track asks, batch by batch, for whoever answers without being a model of stbench.

    for asked in questions(store, track):
        frames = model(*asked.handed)       # (b, horizon, *frame), of draws (b, members, horizon, *frame)

The arrays are those that the track's protocol hands to a model, in its order; no truth is among them. Codes are asked
of a model that is at hand (`probe`), so they have no questions here.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from types import SimpleNamespace
from typing import Any, NamedTuple

import numpy as np

from stbench import registry
from stbench.contract.capabilities import HasJudgedFactors
from stbench.contract.datasets import Track
from stbench.errors import StbenchError
from stbench.protocols.clips import SEEN, clips_of
from stbench.protocols.draws import SIZES, batch_windows, window_seeds
from stbench.protocols.exchange import motion_donors
from stbench.protocols.sampling import SEED, asked_actions, untold
from stbench.protocols.selection import select
from stbench.protocols.swap import cases_of
from stbench.protocols.windows import Windows, automatic_batch_size, batches, track_windows
from stbench.store.reader import Store

__all__ = ["Asked", "asked_windows", "check_answerable", "questions"]


class Asked(NamedTuple):
    """A batch of what a track asks."""

    handed: tuple[Any, ...]
    """What a model is called with: `forecast(conditioning, horizon)`, `draw(conditioning, horizon, members, seeds)`,
    `swap(content, motion, horizon)`, `generate(clip, length, factors)`, `sample` and `resample(clip, length, factors,
    seed)`, `transfer(content, motion, length, factors)`; arrays float32, normalised; factors empty where the judge is
    asked for them."""
    sequence: np.ndarray
    """(b,) int64: the sequence; of a swap the motion's, of an exchange the content's."""
    start: np.ndarray
    """(b,) int64: its first frame. The two name an answer in a prediction store."""


def questions(store: Store, track: Track, *, preset: str = "paper", split: str = "test") -> Iterator[Asked]:
    """All that the track asks of a split, in the order it is scored in. `preset` says how many draws are asked for.

    `StbenchError` for a track that asks for codes, and what its protocol refuses.
    """
    check_answerable(track)
    yield from _ASKED[track.protocol](store, track, preset, split)


def check_answerable(track: Track) -> None:
    """`StbenchError` where the answers to a track are no frames that could be written down."""
    if track.protocol not in _ASKED:
        raise StbenchError(
            f"the track {track.id} asks for codes and not for frames, which a prediction store holds: register the "
            "model (docs/adding_a_model.md) and use `stbench run`"
        )


def asked_windows(store: Store, track: Track, *, preset: str = "paper", split: str = "test") -> Windows:
    """Sequence and first frame of everything the track asks, in that order."""
    check_answerable(track)
    match track.protocol:
        case "forecast":
            return track_windows(store, track, split)
        case "draws":
            return select(store, track, split, SIZES[preset].windows).windows
        case "swap":
            cases = cases_of(store, track, split)
            return Windows(track, cases.sequence, cases.start)
        case _:
            return clips_of(store, track, track.horizon, split).windows


def _forecast(store: Store, track: Track, preset: str, split: str) -> Iterator[Asked]:
    windows = track_windows(store, track, split)
    size = automatic_batch_size(store.frame_shape, track.horizon)
    for items, conditioning, _ in batches(store, windows, size):
        yield Asked((conditioning, track.horizon), windows.sequence[items], windows.start[items])


def _draws(store: Store, track: Track, preset: str, split: str) -> Iterator[Asked]:
    size = SIZES[preset]
    windows = select(store, track, split, size.windows).windows
    seeds = window_seeds(windows)
    for items, conditioning, _ in batches(
        store, windows, batch_windows(store.frame_shape, track.horizon, size.members)
    ):
        handed = conditioning, track.horizon, size.members, seeds[items].copy()
        yield Asked(handed, windows.sequence[items], windows.start[items])


def _swap(store: Store, track: Track, preset: str, split: str) -> Iterator[Asked]:
    cases = cases_of(store, track, split)
    size = max(1, automatic_batch_size(store.frame_shape, track.horizon) // cases.orders)
    for first in range(0, len(cases), size):
        items = np.arange(first, min(first + size, len(cases)))
        content, motion, _ = cases.read(items)
        yield Asked((content, motion, track.horizon), cases.sequence[items], cases.start[items])


def _generation(store: Store, track: Track, preset: str, split: str) -> Iterator[Asked]:
    clips = clips_of(store, track, track.horizon, split)
    for items in clips.batches():
        handed = clips.frames(items, SEEN), track.horizon, clips.known(items)
        yield Asked(handed, clips.sequence[items], clips.start[items])


def _sample(store: Store, track: Track, preset: str, split: str) -> Iterator[Asked]:
    clips = clips_of(store, track, track.horizon, split)
    asked = asked_actions(clips)
    for items in clips.batches():
        handed = clips.frames(items, track.horizon), track.horizon, {clips.action: asked[items]}, _seed(items)
        yield Asked(handed, clips.sequence[items], clips.start[items])


def _resample(store: Store, track: Track, preset: str, split: str) -> Iterator[Asked]:
    clips = clips_of(store, track, track.horizon, split)
    for items in clips.batches():
        handed = clips.frames(items, track.horizon), track.horizon, untold(items), _seed(items)
        yield Asked(handed, clips.sequence[items], clips.start[items])


def _exchange(store: Store, track: Track, preset: str, split: str) -> Iterator[Asked]:
    clips = clips_of(store, track, track.horizon, split)
    donor = motion_donors(clips, _asking_for_actions(track))
    for items in clips.batches():
        content, motion = clips.frames(items, track.horizon), clips.frames(donor[items], track.horizon)
        handed = content, motion, track.horizon, untold(items)
        yield Asked(handed, clips.sequence[items], clips.start[items])


def _asking_for_actions(track: Track) -> Any:
    """What the choice of donors asks of a judge: the factors of an action, which are the dataset's."""
    plugin = registry.dataset(track.dataset)
    factors = plugin.judged_factors["action"] if isinstance(plugin, HasJudgedFactors) else ()
    return SimpleNamespace(heads=(SimpleNamespace(name="action", factors=factors),))


def _seed(items: np.ndarray) -> int:
    return int(np.random.SeedSequence(SEED, spawn_key=(int(items[0]),)).generate_state(1)[0])


_ASKED: dict[str, Callable[[Store, Track, str, str], Iterator[Asked]]] = {
    "forecast": _forecast,
    "draws": _draws,
    "swap": _swap,
    "generation": _generation,
    "sample": _sample,
    "resample": _resample,
    "exchange": _exchange,
}
