"""The exchange protocol: the content of one clip, the motion of another, both ways, before a judge.

Every test clip gives its content once and its motion once: clip i is shown moving as clip pi(i), pi a fixed permutation
that leaves no clip its own motion. The judge must see the action of the motion's clip and the attributes of the
content's. Where the dataset holds the very clip that is asked for (`HasExchanged`), metrics of frames are taken against
it.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np

from stbench import registry
from stbench.contract.capabilities import HasExchanged
from stbench.contract.datasets import Track
from stbench.contract.models import Transferrer
from stbench.protocols.asking import Asking, Question
from stbench.protocols.clips import Clips, clips_of
from stbench.protocols.judged import Opinions, intervened, judged
from stbench.protocols.sampling import untold
from stbench.protocols.scoring import Scorer, Scores, track_metrics
from stbench.store.reader import Store

if TYPE_CHECKING:
    from stbench.judges.judge import Judge
    from stbench.judges.renderer import RendererJudge

SEED = 20_211_215
"""Any fixed number; who moves like whom follows from it."""


def exchange(
    model: Transferrer,
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
    """Show every test clip in the motion of another one: frames 0 .. h-1, h the horizon.

    The model is handed copies of both clips (b, h, *frame), and no action: it is what the judge is asked for.
    `StbenchError` for what `forecast` refuses.
    """
    length = track.horizon
    clips = clips_of(store, track, length, split, limit)
    donor = motion_donors(clips, judge)
    truth_of = _truths(clips, donor)
    metrics = track_metrics(track, store.frame_shape) if truth_of is not None else []
    opinions = Opinions(judge, store, renderer)
    with Scorer(metrics, len(clips), length) as scorer:
        asking = Asking(model, clips.windows, [scorer], keep=keep, truth=truth_of is not None, on_progress=on_progress)
        for items in clips.batches():
            content, motion = clips.frames(items, length), clips.frames(donor[items], length)
            truth = motion if truth_of is None else truth_of(items)
            rest = length, untold(items)
            question = Question(int(items[0]), (content, motion), rest, truth[None], motion, content)
            opinions.add(asking.put(question, model.transfer))
        by_frame = dict(scorer.values)
    asked = clips.factors[clips.action][donor]
    moving = clips.sequence[donor]
    found = judged(opinions, clips, asked, clips.sequence, motion=moving)
    found.values.update(by_frame)
    found.whole.update(intervened(opinions, clips, clips.sequence, moving))
    return found.scores(clips, asking, judge)


def motion_donors(clips: Clips, judge: Judge) -> np.ndarray:
    """(n,) int64: the clip whose motion each one takes over; a permutation.

    A cyclic shift of a shuffled order by about half its length, so that nobody keeps its own motion; among shifts the
    one is taken that leaves fewest clips with a donor of the same class of motion.
    """
    n = len(clips)
    store = clips.store
    names = next(head.factors for head in judge.heads if head.name == "action")
    motion = np.stack([store.factor(name)[clips.sequence] for name in names])
    order = np.random.default_rng(np.random.SeedSequence(SEED)).permutation(n)
    shifts = range(max(1, n // 2 - 8), n // 2 + 9) if n > 1 else range(1)
    same = [(motion[:, order] == motion[:, np.roll(order, -shift)]).all(axis=0).sum() for shift in shifts]
    donor = np.empty(n, np.int64)
    donor[order] = np.roll(order, -shifts[int(np.argmin(same))])
    return donor


def _truths(clips: Clips, donor: np.ndarray) -> Callable[[np.ndarray], np.ndarray] | None:
    """items -> the true clips (b, h, *frame), where the dataset holds them."""
    plugin = registry.dataset(clips.track.dataset)
    if not isinstance(plugin, HasExchanged):
        return None
    sequence = plugin.exchanged(clips.store, clips.sequence, clips.sequence[donor])
    true = Clips(clips.store, clips.track, sequence, clips.start[donor], {}, clips.actions, clips.period)
    return lambda items: true.frames(items, clips.track.horizon)
