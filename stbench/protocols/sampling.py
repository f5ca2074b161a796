"""Conditional sampling, both ways round, before a judge.

    sample    motion from the prior of an asked action, content of a real clip: does the judge see that action, and the
              attributes of the clip? (A. Khan and A. Storkey, CtrlGen 2021, Table 2: supervised generation)
    resample  motion inferred from a real clip, content from the prior: does the judge still see the clip's action?
              (the convention of DSVAE, S3VAE, C-DSVAE)

The two are no rivals on one board: the first is told the action, the second infers it.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from stbench.contract.datasets import Track
from stbench.contract.models import Resampler, Sampler
from stbench.protocols.check import checked
from stbench.protocols.clips import SEEN, Clips, clips_of
from stbench.protocols.judged import Opinions, asked_only, frechet_to_real, judged_scores
from stbench.protocols.scoring import KeptPredictions, Scores
from stbench.protocols.windows import evenly_spaced
from stbench.store.reader import Store

if TYPE_CHECKING:
    from stbench.judges.judge import Judge

SEED = 20_211_214
"""Any fixed number; the asked actions and the model's draws follow from it."""


def sample(
    model: Sampler,
    store: Store,
    track: Track,
    *,
    judge: Judge,
    split: str = "test",
    keep: int = 0,
    on_progress: Callable[[int, int], None] | None = None,
    limit: int | None = None,
) -> Scores:
    """Every test clip's content with a drawn motion of an asked action; all actions are asked equally often.

    The model is handed a copy of the clip (b, `SEEN`, *frame), the asked action and a seed. `StbenchError` for what
    `forecast` refuses.
    """
    clips = clips_of(store, track, max(SEEN, judge.card.clip), split, limit)
    asked = asked_actions(clips)

    def ask(items: np.ndarray, clip: np.ndarray) -> Any:
        return model.sample(clip, judge.card.clip, {clips.action: asked[items]}, _seed(items))

    return _play(model, clips, judge, ask, asked, keep, on_progress, motion=None)


def resample(
    model: Resampler,
    store: Store,
    track: Track,
    *,
    judge: Judge,
    split: str = "test",
    keep: int = 0,
    on_progress: Callable[[int, int], None] | None = None,
    limit: int | None = None,
) -> Scores:
    """Every test clip's motion with drawn content; handed out is a copy of the clip, its action and a seed."""
    clips = clips_of(store, track, max(SEEN, judge.card.clip), split, limit)

    def ask(items: np.ndarray, clip: np.ndarray) -> Any:
        return model.resample(clip, judge.card.clip, clips.known(items), _seed(items))

    asked = clips.factors[clips.action]
    return _play(model, clips, judge, ask, asked, keep, on_progress, motion=clips.sequence)


def asked_actions(clips: Clips) -> np.ndarray:
    """(n,) int64: each action equally often, give or take one, in an order that knows nothing of the clips."""
    order = np.random.default_rng(np.random.SeedSequence(SEED)).permutation(len(clips))
    return np.asarray(order % clips.actions, np.int64)


def _seed(items: np.ndarray) -> int:
    return int(np.random.SeedSequence(SEED, spawn_key=(int(items[0]),)).generate_state(1)[0])


def _play(
    model: object,
    clips: Clips,
    judge: Judge,
    ask: Callable[[np.ndarray, np.ndarray], Any],
    asked: np.ndarray,
    keep: int,
    on_progress: Callable[[int, int], None] | None,
    *,
    motion: np.ndarray | None,
) -> Scores:
    length = judge.card.clip
    opinions, seconds = Opinions(judge), 0.0
    wanted = evenly_spaced(len(clips), keep) if keep else np.empty(0, np.int64)
    kept: list[tuple[np.ndarray, ...]] = []
    for items in clips.batches():
        real = clips.frames(items, length)
        clip = clips.frames(items, SEEN)
        begun = time.perf_counter()
        answer = ask(items, clip.copy())
        seconds += time.perf_counter() - begun
        made = checked(answer, real.shape, clips.windows, int(items[0]), f"the model {type(model).__name__}")
        opinions.add(made)
        here = np.isin(items, wanted)
        if here.any():
            kept.append((real[here], real[here], made[here]))
        if on_progress is not None:
            on_progress(int(items[-1]) + 1, len(clips))
    values, whole = judged_scores(judge, opinions, clips, asked, clips.sequence, motion=motion)
    if len(clips) > 1:
        whole["frechet_judge"] = frechet_to_real(judge, opinions, clips)
    values, whole = asked_only(clips, values, whole)
    pictures = KeptPredictions(wanted, *(np.concatenate(each) for each in zip(*kept, strict=True))) if kept else None
    if pictures is not None:
        pictures = replace(pictures, truth=False)
    return Scores(clips.sequence, clips.start, values, seconds, pictures, whole, judge.card.name)
