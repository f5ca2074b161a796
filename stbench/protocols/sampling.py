"""Conditional sampling, both ways round, before a judge.

    sample    motion from the prior of an asked action, content of a real clip: does the judge see that action, and the
              attributes of the clip? (A. Khan and A. Storkey, CtrlGen 2021, Table 2: supervised generation)
    resample  motion inferred from a real clip, content from the prior: does the judge still see the clip's action?
              (the convention of DSVAE, S3VAE, C-DSVAE)

The two are no rivals on one board: the first is told the action, the second is not and infers it.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np

from stbench.contract.datasets import Track
from stbench.contract.models import Factors, Resampler, Sampler
from stbench.protocols.asking import Asking, Question
from stbench.protocols.clips import Clips, clips_of
from stbench.protocols.judged import Opinions, frechet_to_real, judged
from stbench.protocols.scoring import Scores
from stbench.store.reader import Store

if TYPE_CHECKING:
    from stbench.judges.judge import Judge
    from stbench.judges.renderer import RendererJudge

SEED = 20_211_214
"""Any fixed number; the asked actions and the model's draws follow from it."""


def sample(
    model: Sampler,
    store: Store,
    track: Track,
    *,
    judge: Judge,
    renderer: RendererJudge | None = None,
    split: str = "test",
    keep: int = 0,
    on_progress: Callable[[int, int], None] | None = None,
    limit: int | None = None,
) -> Scores:
    """Every test clip's content with a drawn motion of an asked action; all actions are asked equally often.

    The model is handed a copy of the clip (b, h, *frame), h the horizon, the asked action and a seed. `StbenchError`
    for what `forecast` refuses.
    """
    clips = clips_of(store, track, track.horizon, split, limit)
    asked = asked_actions(clips)

    def factors(items: np.ndarray) -> Factors:
        return {clips.action: asked[items]}

    asking = Asking(model, clips.windows, keep=keep, truth=False, on_progress=on_progress)
    return _play(asking, model.sample, clips, Opinions(judge, store, renderer), factors, asked, motion=None)


def resample(
    model: Resampler,
    store: Store,
    track: Track,
    *,
    judge: Judge,
    renderer: RendererJudge | None = None,
    split: str = "test",
    keep: int = 0,
    on_progress: Callable[[int, int], None] | None = None,
    limit: int | None = None,
) -> Scores:
    """Every test clip's motion with drawn content; handed out is a copy of the clip and a seed, and no action: it is
    what the judge is asked for."""
    clips = clips_of(store, track, track.horizon, split, limit)
    asked = clips.factors[clips.action]
    asking = Asking(model, clips.windows, keep=keep, truth=False, on_progress=on_progress)
    opinions = Opinions(judge, store, renderer)
    return _play(asking, model.resample, clips, opinions, untold, asked, motion=clips.sequence)


def untold(items: np.ndarray) -> Factors:
    """What a model is told of clips it shall infer everything from."""
    return {}


def asked_actions(clips: Clips) -> np.ndarray:
    """(n,) int64: each action equally often, give or take one, in an order that knows nothing of the clips."""
    order = np.random.default_rng(np.random.SeedSequence(SEED)).permutation(len(clips))
    return np.asarray(order % clips.actions, np.int64)


def _seed(items: np.ndarray) -> int:
    return int(np.random.SeedSequence(SEED, spawn_key=(int(items[0]),)).generate_state(1)[0])


def _play(
    asking: Asking,
    ask: Callable[..., Any],
    clips: Clips,
    opinions: Opinions,
    factors: Callable[[np.ndarray], Factors],
    asked: np.ndarray,
    *,
    motion: np.ndarray | None,
) -> Scores:
    for items in clips.batches():
        clip = clips.frames(items, clips.track.horizon)
        rest = clips.track.horizon, factors(items), _seed(items)
        opinions.add(asking.put(Question(int(items[0]), (clip,), rest, clip[None], clip), ask))
    found = judged(opinions, clips, asked, clips.sequence, motion=motion)
    if len(clips) > 1:
        found.whole["frechet_judge"] = frechet_to_real(opinions, clips)
    return found.scores(clips, asking, opinions.judge)
