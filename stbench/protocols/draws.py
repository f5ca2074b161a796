"""The draws protocol: a model sees the conditioning frames, a horizon, how many members are wanted, and seeds.

A window's members are drawn from a generator of its own, on the CPU, seeded with the window's seed. Seeds follow from
the window (its sequence and first frame), so neither the order nor the size of a batch changes a draw. A model that
forecasts and does not draw enters with one member.

Members are scored batch by batch and kept in no file: `HELD_BYTES` of them are in memory at a time, and at least those
of one window, all of which the CRPS of a pixel needs.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any, TypeGuard

import numpy as np

from stbench import registry
from stbench.contract.capabilities import HasCanDraw
from stbench.contract.datasets import Track
from stbench.contract.models import Drawer, Forecaster
from stbench.metrics.members import mean_of_members
from stbench.metrics.pixel import squared_error
from stbench.protocols.asking import Asking, Question
from stbench.protocols.ratio import root_ratio
from stbench.protocols.scoring import Drawn, KeptPredictions, Scorer, Scores, Whole, track_metrics
from stbench.protocols.selection import Selection, select
from stbench.protocols.windows import Windows, automatic_batch_size, batches, clusters, evenly_spaced
from stbench.store.reader import Store

HELD_BYTES = 256 * 2**20
"""float32 members that are in memory at a time, about."""
SEED = 20_180_221
"""Any fixed number; the same everywhere, so that scores are reproducible."""
SHOWN = 2
"""Members kept for pictures beside the mean and the best one."""
SPREAD, ERROR, RATIO = "spread", "rmse_of_mean", "spread_skill"


@dataclass(frozen=True)
class Size:
    """How much a preset asks for."""

    members: int
    windows: int


SIZES: Mapping[str, Size] = {"paper": Size(100, 256), "cpu": Size(20, 128), "quick": Size(10, 32)}


def draws(
    model: Drawer | Forecaster,
    store: Store,
    track: Track,
    *,
    preset: str = "paper",
    split: str = "test",
    batch_size: int | None = None,
    keep: int = 0,
    on_progress: Callable[[int, int], None] | None = None,
    limit: int | None = None,
) -> Scores:
    """Draw members of the selected windows of a track (`SIZES[preset]`) and score them.

    The model is given a copy of the conditioning frames (b, conditioning, *frame), normalised, float32, the horizon,
    the number of members and seeds (b,) int64, and answers (b, members, horizon, *frame). `keep` windows, evenly
    spaced, are kept for pictures: the mean of the members, the best one by mse, and the first two. `limit`: that many
    windows instead of the preset's. Raises `StbenchError` for what `forecast` refuses.
    """
    size = SIZES[preset]
    selection = select(store, track, split, limit or size.windows)
    members = size.members if can_draw(model) else 1
    seeds = window_seeds(selection.windows)

    def ask(conditioning: np.ndarray, items: slice) -> Any:
        if can_draw(model):
            return model.draw(conditioning, track.horizon, members, seeds[items].copy())
        answer: Any = model.forecast(conditioning, track.horizon)  # type: ignore[union-attr]
        return answer[:, None] if isinstance(answer, np.ndarray) and answer.ndim else answer

    return scored(model, ask, store, selection, members, batch_size=batch_size, keep=keep, on_progress=on_progress)


def scored(
    who: object,
    ask: Callable[[np.ndarray, slice], Any],
    store: Store,
    selection: Selection,
    members: int,
    *,
    batch_size: int | None = None,
    keep: int = 0,
    on_progress: Callable[[int, int], None] | None = None,
    on_answer: Callable[[np.ndarray, np.ndarray, np.ndarray], None] | None = None,
) -> Scores:
    """Score what `ask(conditioning, items)` gives of every window: (b, members, horizon, *frame).

    `who`: a model, or in words what answers. `on_answer(members, conditioning, target)` sees every batch.
    """
    windows = selection.windows
    track, n = windows.track, len(windows)
    metrics = [each for each in track_metrics(track, store.frame_shape) if members > 1 or each.name != SPREAD]
    kept = _Kept(windows, keep)
    size = batch_size or batch_windows(store.frame_shape, track.horizon, members)
    with Scorer(metrics, n, track.horizon) as scorer:
        asking = Asking(who, windows, [scorer], on_progress=on_progress)
        for items, conditioning, target in batches(store, windows, size):
            question = Question(items.start, (conditioning,), (items,), target[None], conditioning, members=members)
            made = asking.put(question, ask)
            kept.add(items.start, conditioning, target, made)
            if on_answer is not None:
                on_answer(made, conditioning, target)
    together = clusters(store, windows)
    return Scores(
        windows.sequence,
        windows.start,
        scorer.values,
        None if isinstance(who, str) else asking.seconds,
        kept.found,
        _ratio(track, scorer.values, windows.sequence if together is None else together),
        cluster=together,
        drawn=Drawn(members, selection.id, selection.sha256),
    )


def can_draw(model: object) -> TypeGuard[Drawer]:
    """Does the model draw? A wrapper of a module says so by `can_draw`."""
    return isinstance(model, Drawer) and (not isinstance(model, HasCanDraw) or model.can_draw)


def window_seeds(windows: Windows) -> np.ndarray:
    """(n,) int64, from 0 on: of each window by its sequence and first conditioning frame."""
    places = zip(windows.sequence.tolist(), windows.start.tolist(), strict=True)
    states = (np.random.SeedSequence(SEED, spawn_key=place).generate_state(1, np.uint64)[0] for place in places)
    return np.array([int(state) >> 1 for state in states], np.int64)


def batch_windows(frame_shape: tuple[int, ...], horizon: int, members: int) -> int:
    """Windows whose members fill `HELD_BYTES`, at least one; with one member those of a forecast."""
    of_one = 4 * members * horizon * int(np.prod(frame_shape))
    return max(1, min(HELD_BYTES // of_one, automatic_batch_size(frame_shape, horizon)))


def _ratio(track: Track, values: Mapping[str, np.ndarray], group: np.ndarray) -> dict[str, Whole]:
    """`spread_skill` where the track asks for it and there is a spread."""
    if RATIO not in {registry.metric(name).name for name in track.metrics} or SPREAD not in values:
        return {}
    ratio = root_ratio(values[SPREAD].mean(axis=1), values[ERROR].mean(axis=1), group)
    return {} if ratio is None else {RATIO: ratio}


class _Kept:
    """Mean, best and first members of a few windows."""

    def __init__(self, windows: Windows, keep: int) -> None:
        self._wanted = evenly_spaced(len(windows), keep) if keep else np.empty(0, np.int64)
        self._parts: list[tuple[np.ndarray, ...]] = []

    def add(self, first: int, conditioning: np.ndarray, target: np.ndarray, made: np.ndarray) -> None:
        rows = self._wanted[(self._wanted >= first) & (self._wanted < first + len(made))] - first
        for row in rows:
            members, truth = made[row], target[row]
            errors = squared_error(members, np.broadcast_to(truth, members.shape)).mean(axis=1)
            parts = conditioning[row], truth, mean_of_members(made[row : row + 1])[0]
            # Copies: a view would hold the answer to its whole batch, and a model may reuse its memory.
            self._parts.append((*parts, members[errors.argmin()].copy(), members[:SHOWN].copy()))

    @property
    def found(self) -> KeptPredictions | None:
        if not self._parts:
            return None
        conditioning, target, mean, best, members = (np.stack(each) for each in zip(*self._parts, strict=True))
        kept = KeptPredictions(self._wanted, conditioning, target, mean)
        return replace(kept, best=best, members=members) if members.shape[1] > 1 else kept
