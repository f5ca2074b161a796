"""What a judge thinks of generated clips, as scores.

    p_n^h(y): the judge's opinion on clip n, head h;   P_n(a) = sum of p_n over the classes whose first factor is a
    accuracy of the action  = mean_n [argmax_a P_n(a) = asked action of n]
    accuracy of a head      = mean_n [argmax_y p_n^h(y) = class of the clip that gave the content]
    H(y|x), H(y), IS        of the action head's opinions (`stbench.metrics.entropy`)

Heads whose test classes the judge never saw in training have no accuracy of their own, and none here.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

import numpy as np

from stbench import registry
from stbench.metrics.entropy import inception_score, inter_entropy, intra_entropy
from stbench.metrics.frechet import frechet_distance
from stbench.protocols.clips import BATCH, Clips
from stbench.protocols.scoring import Whole

if TYPE_CHECKING:
    from stbench.judges.judge import Judge

ACTION = "action"
"""The head every judge has."""
RESAMPLES = 2000
SEED = 20_211_213
"""Any fixed number; the same everywhere, so that intervals are reproducible."""


class Opinions:
    """Collects a judge's opinions and features, batch by batch."""

    def __init__(self, judge: Judge) -> None:
        self._judge = judge
        self._opinions: list[dict[str, np.ndarray]] = []
        self._features: list[np.ndarray] = []

    def add(self, clips: np.ndarray) -> None:
        """Clips (b, time, *frame) as a model made them; a judge sees them as bytes would hold them, in [0, 1]."""
        shown = np.clip(clips, 0, 1)
        self._opinions.append(self._judge.opinions(shown))
        self._features.append(self._judge.features(shown))

    @property
    def by_head(self) -> dict[str, np.ndarray]:
        """Head -> (n, classes)."""
        return {name: np.concatenate([each[name] for each in self._opinions]) for name in self._opinions[0]}

    @property
    def features(self) -> np.ndarray:
        return np.concatenate(self._features)

    def actions(self) -> np.ndarray:
        """(n, actions): opinions on the action, summed over the other factors of the head's class."""
        head = next(each for each in self._judge.heads if each.name == ACTION)
        opinion = self.by_head[ACTION]
        return np.asarray(opinion.reshape(len(opinion), head.sizes[0], -1).sum(axis=2))


def judged_scores(
    judge: Judge, opinions: Opinions, clips: Clips, asked: np.ndarray, content: np.ndarray, *, motion: np.ndarray | None
) -> tuple[dict[str, np.ndarray], dict[str, Whole]]:
    """(values (n, 1), whole scores) of what a track may ask of a judge.

    `asked` (n,): the action each clip was to show; `content` (n,): the sequence its content comes from; `motion` (n,):
    the sequence its motion comes from, None where it was drawn.
    """
    store = clips.store
    classes = judge.classes({name: store.factor(name) for head in judge.heads for name in head.factors})
    by_head = opinions.by_head
    values = {"judge_action_accuracy": opinions.actions().argmax(axis=1) == asked}
    if motion is not None:
        values["judge_motion_accuracy"] = by_head[ACTION].argmax(axis=1) == classes[ACTION][motion]
    for name in judge.card.accuracy:
        if name != ACTION:
            values[f"judge_{name}_accuracy"] = by_head[name].argmax(axis=1) == classes[name][content]
    values["judge_intra_entropy"] = intra_entropy(by_head[ACTION])
    whole = {
        "judge_inter_entropy": _interval(by_head[ACTION], inter_entropy, _inter_entropies),
        "judge_inception_score": _interval(by_head[ACTION], inception_score, _inception_scores),
    }
    return {name: each.astype(np.float64)[:, None] for name, each in values.items()}, whole


def asked_only(
    clips: Clips, values: Mapping[str, np.ndarray], whole: Mapping[str, Whole]
) -> tuple[dict[str, np.ndarray], dict[str, Whole]]:
    """Those a track names, in its order; a name that is no metric is refused."""
    names = [registry.metric(name).name for name in clips.track.metrics]
    return {each: values[each] for each in names if each in values}, {
        each: whole[each] for each in names if each in whole
    }


def frechet_to_real(judge: Judge, opinions: Opinions, clips: Clips) -> Whole:
    """`frechet_judge`: the features of what was made against those of the real clips, n each."""
    real = Opinions(judge)
    for items in clips.batches():
        real.add(clips.frames(items, judge.card.clip))
    return Whole(frechet_distance(opinions.features, real.features))


def _interval(
    opinions: np.ndarray, score: Callable[[np.ndarray], float], scores: Callable[[np.ndarray, np.ndarray], np.ndarray]
) -> Whole:
    """The score with its 95 % percentile bootstrap interval over clips."""
    from scipy.stats import bootstrap  # type: ignore[import-untyped]

    value, n = score(opinions), len(opinions)
    if n < 2:
        return Whole(value)

    def of_drawn(drawn: np.ndarray, axis: int = -1) -> np.ndarray:
        flat = drawn.reshape(-1, n)
        times = np.stack([np.bincount(row, minlength=n) for row in flat]).astype(np.float64)
        return scores(times / n, opinions).reshape(drawn.shape[:-1])

    ends = bootstrap(
        (np.arange(n),),
        of_drawn,
        n_resamples=RESAMPLES,
        batch=max(1, 2**22 // n),
        vectorized=True,
        confidence_level=0.95,
        method="percentile",
        random_state=np.random.default_rng(SEED),
    ).confidence_interval
    return Whole(value, float(ends.low), float(ends.high))


def _inter_entropies(weights: np.ndarray, opinions: np.ndarray) -> np.ndarray:
    """(draws, n), (n, classes) -> H(y) of each draw, (draws,)."""
    from scipy.special import entr  # type: ignore[import-untyped]

    return np.asarray(entr(weights @ opinions).sum(axis=1))


def _inception_scores(weights: np.ndarray, opinions: np.ndarray) -> np.ndarray:
    return np.asarray(np.exp(_inter_entropies(weights, opinions) - weights @ intra_entropy(opinions)))


__all__ = ["ACTION", "BATCH", "Opinions", "asked_only", "frechet_to_real", "judged_scores"]
