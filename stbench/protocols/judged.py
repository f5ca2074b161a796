"""What a judge thinks of generated clips, as scores.

    p_n^h(y): the judge's opinion on clip n, head h;   P_n(a) = sum of p_n over the classes whose first factor is a
    accuracy of the action  = mean_n [argmax_a P_n(a) = asked action of n]
    accuracy of a head      = mean_n [argmax_y p_n^h(y) = class of the clip that gave the content]
    H(y|x), H(y), IS        of the action head's opinions (`stbench.metrics.entropy`)

Heads but the action's whose test classes the judge never saw in training have no accuracy of their own, and none here.
Where the dataset can draw its clips, the nearest renderings answer the same questions
(`stbench.protocols.nearest_renderings`).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from stbench import registry
from stbench.metrics.confusion import Verdicts
from stbench.metrics.entropy import inception_score, inter_entropy, intra_entropy
from stbench.metrics.frechet import frechet_distance
from stbench.metrics.interventions import Answers, blind, intervention
from stbench.protocols.asking import Asking
from stbench.protocols.clips import BATCH, Clips
from stbench.protocols.nearest_renderings import class_of, rendered_values
from stbench.protocols.scoring import Scores, Whole

if TYPE_CHECKING:
    from stbench.judges.judge import Judge
    from stbench.judges.renderer import Nearest, RendererJudge
    from stbench.store.reader import Store

ACTION = "action"
"""The head every judge has."""
MOTION = "motion"
"""The question whether all factors of that head are right."""
RESAMPLES = 2000
SEED = 20_211_213
"""Any fixed number; the same everywhere, so that intervals are reproducible."""


class Opinions:
    """Collects a judge's opinions and features, and the nearest renderings where they are asked for, batch by batch."""

    def __init__(self, judge: Judge, store: Store | None = None, renderer: RendererJudge | None = None) -> None:
        self.judge, self._store, self._renderer = judge, store, renderer
        self._nearest: list[Nearest] = []
        self._opinions: list[dict[str, np.ndarray]] = []
        self._features: list[np.ndarray] = []

    def add(self, clips: np.ndarray) -> None:
        """Clips (b, time, *frame) as a model made them; judges see them in [0, 1]."""
        shown = np.clip(clips, 0, 1)
        features, opinions = self.judge.seen(shown)
        self._features.append(features)
        self._opinions.append(opinions)
        if self._renderer is not None and self._store is not None:
            self._nearest.append(self._renderer.nearest(self._store.denormalise(shown)))

    @property
    def by_head(self) -> dict[str, np.ndarray]:
        """Head -> (n, classes)."""
        return {name: np.concatenate([each[name] for each in self._opinions]) for name in self._opinions[0]}

    @property
    def features(self) -> np.ndarray:
        return np.concatenate(self._features)

    def actions(self) -> np.ndarray:
        """(n, actions): opinions on the action, summed over the other factors of the head's class."""
        head = next(each for each in self.judge.heads if each.name == ACTION)
        opinion = self.by_head[ACTION]
        return np.asarray(opinion.reshape(len(opinion), head.sizes[0], -1).sum(axis=2))

    @property
    def nearest(self) -> Nearest | None:
        """What the nearest renderings show; None where nobody asked for them."""
        return self._nearest[0].joined(self._nearest) if self._nearest else None


@dataclass(frozen=True)
class Judged:
    """What a track may ask of a judge."""

    values: dict[str, np.ndarray]
    """Metric -> (n, 1)."""
    whole: dict[str, Whole]
    verdicts: dict[str, Verdicts]
    """Of the accuracies, where the card of the judge tells how it errs."""

    def scores(self, clips: Clips, asking: Asking, judge: Judge) -> Scores:
        """The scores that the track names, in its order; a name that is no metric is refused."""
        names = [registry.metric(name).name for name in clips.track.scored]
        return Scores(
            clips.sequence,
            clips.start,
            {each: self.values[each] for each in names if each in self.values},
            asking.seconds,
            asking.kept,
            {each: self.whole[each] for each in names if each in self.whole},
            judge.card.name,
            verdicts={each: self.verdicts[each] for each in names if each in self.verdicts},
            cluster=clips.clusters,
        )


def judged(
    opinions: Opinions, clips: Clips, asked: np.ndarray, content: np.ndarray, *, motion: np.ndarray | None
) -> Judged:
    """Scores of the judge, and of the nearest renderings where they were asked for.

    `asked` (n,): the action each clip was to show; `content` (n,): the sequence its content comes from; `motion` (n,):
    the sequence its motion comes from, None where it was drawn.
    """
    judge, classes = opinions.judge, _classes(opinions.judge, clips)
    by_head = opinions.by_head
    questions = {ACTION: (opinions.actions().argmax(axis=1), asked)}
    if motion is not None:
        questions[MOTION] = by_head[ACTION].argmax(axis=1), classes[ACTION][motion]
    for name in judge.card.accuracy:
        if name != ACTION:
            questions[name] = by_head[name].argmax(axis=1), classes[name][content]
    values = {f"judge_{name}_accuracy": said == wanted for name, (said, wanted) in questions.items()}
    values["judge_intra_entropy"] = intra_entropy(by_head[ACTION])
    if (nearest := opinions.nearest) is not None:
        said = {name: each.argmax(axis=1) for name, each in by_head.items() if name in judge.card.accuracy}
        values |= rendered_values(judge.heads, nearest, clips, asked, classes, content, motion, said)
    whole = {
        "judge_inter_entropy": _interval(clips, by_head[ACTION], inter_entropy, _inter_entropies),
        "judge_inception_score": _interval(clips, by_head[ACTION], inception_score, _inception_scores),
    }
    verdicts = {
        f"judge_{name}_accuracy": Verdicts(*questions[name], np.asarray(matrix, np.int64))
        for name, matrix in judge.card.confusion.items()
        if name in questions
    }
    return Judged({name: each.astype(np.float64)[:, None] for name, each in values.items()}, whole, verdicts)


def intervened(opinions: Opinions, clips: Clips, content: np.ndarray, motion: np.ndarray) -> dict[str, Whole]:
    """The intervention scores of clips that show the sequences `content` (n,) moving as `motion` (n,), and beside them
    what naming the most frequent classes would give; by the judge's heads, and by the nearest renderings. Of heads of
    one kind alone (`mug` split by subject has no identities) it would not be one: nothing."""
    judge, classes = opinions.judge, _classes(opinions.judge, clips)
    said = {"judge": {name: opinions.by_head[name].argmax(axis=1) for name in judge.card.accuracy}}
    if (nearest := opinions.nearest) is not None:
        said["renderer"] = {head.name: class_of(head, nearest.factors) for head in judge.heads}
    found = {}
    for who, by_head in said.items():
        if by_head.keys() <= {ACTION} or ACTION not in by_head:
            continue
        given = {name: (motion, content) if name == ACTION else (content, motion) for name in by_head}
        answers = [
            Answers(by_head[name], classes[name][kept], classes[name][other]) for name, (kept, other) in given.items()
        ]
        found[f"{who}_intervention"] = _of_answers(clips, answers)
        found[f"{who}_intervention_chance"] = _of_answers(clips, blind(answers))
    return found


def _classes(judge: Judge, clips: Clips) -> dict[str, np.ndarray]:
    """Head -> class of every sequence of the store."""
    return judge.classes({name: clips.store.factor(name) for head in judge.heads for name in head.factors})


def _of_answers(clips: Clips, answers: Sequence[Answers]) -> Whole:
    n = len(answers[0].said)
    value = float(intervention(answers, np.full((1, n), 1 / n))[0])
    return _interval(clips, np.zeros((n, 0)), lambda _: value, lambda weights, _: intervention(answers, weights))


def frechet_to_real(opinions: Opinions, clips: Clips) -> Whole:
    """`frechet_judge`: the features of what was made against those of the real clips, n each."""
    frames = (np.clip(clips.frames(items, clips.track.horizon), 0, 1) for items in clips.batches())
    real = np.concatenate([opinions.judge.features(each) for each in frames])
    return Whole(frechet_distance(opinions.features, real))


def _interval(
    clips: Clips,
    opinions: np.ndarray,
    score: Callable[[np.ndarray], float],
    scores: Callable[[np.ndarray, np.ndarray], np.ndarray],
) -> Whole:
    """The score with its 95 % percentile bootstrap interval over the clusters of clips."""
    from scipy.stats import bootstrap  # type: ignore[import-untyped]

    names = clips.sequence if clips.clusters is None else clips.clusters
    ids, row = np.unique(names, return_inverse=True)
    value, n = score(opinions), len(ids)
    if n < 2:
        return Whole(value)

    def of_drawn(drawn: np.ndarray, axis: int = -1) -> np.ndarray:
        flat = drawn.reshape(-1, n)
        times = np.stack([np.bincount(each, minlength=n) for each in flat]).astype(np.float64)[:, row]
        return scores(times / times.sum(axis=1, keepdims=True), opinions).reshape(drawn.shape[:-1])

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


__all__ = ["ACTION", "BATCH", "MOTION", "Judged", "Opinions", "frechet_to_real", "intervened", "judged"]
