"""The probe protocol: what can be read from a model's content code and from its motion code.

Small classifiers are trained on codes of train clips and tested on those of test clips: a linear one (logistic
regression) and a small network (one hidden layer of 64). In a disentangled model they find the action in the motion
code and not in the content code, attributes the other way round; "not" is the share of the most frequent class, which
stands beside them. Attributes are the judge's questions but the action, averaged; those whose test classes never occur
in training (identities, where subjects are split) are left out.

The model is handed frames alone: of an action it was told, its motion code would say nothing of what it infers.

A clip is followed by as many frames again, of which `content_temporal_variance` alone makes use; on `mug` a take that
is not that long is not probed (`probe-15`: 30 frames, which 590 of the 639 test takes of the stand-in have).

How codes and factors belong to each other (DCI, modularity, compactness) is told by forests on the same codes
(`stbench.protocols.importances`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TypeGuard

import numpy as np

from stbench import registry
from stbench.contract.capabilities import HasEnergy, HasJudgedFactors
from stbench.contract.datasets import Track
from stbench.contract.models import Coder, Conserving
from stbench.errors import StbenchError
from stbench.protocols.asking import Asking
from stbench.protocols.clips import Clips, clips_of
from stbench.protocols.importances import NAMES, code_importances
from stbench.protocols.sampling import untold
from stbench.protocols.scoring import Scores, Whole
from stbench.store.reader import Store

TRAINED_ON = 3000
"""Train clips the probes learn from, evenly spaced."""
KINDS = ("linear", "mlp")
CODES = ("content", "motion")


def probe(
    model: Coder,
    store: Store,
    track: Track,
    *,
    split: str = "test",
    keep: int = 0,
    on_progress: Callable[[int, int], None] | None = None,
    limit: int | None = None,
) -> Scores:
    """Probe the codes of every test clip; nothing is kept for pictures.

    The model is handed copies of clips (b, h, *frame), h the horizon. `StbenchError` for codes that are not finite or
    not one row a clip.
    """
    seen = track.horizon
    train = clips_of(store, track, 2 * seen, "train", TRAINED_ON)
    test = clips_of(store, track, 2 * seen, split, limit)
    asking = Asking(model, test.windows)
    total = len(train) + 2 * len(test)
    done = 0

    def step(count: int) -> None:
        nonlocal done
        done += count
        if on_progress is not None:
            on_progress(done, total)

    known = codes_of(asking, model, train, 0, step)
    asked = codes_of(asking, model, test, 0, step)
    later = codes_of(asking, model, test, seen // 2 if test.period else seen, step)
    names = {registry.metric(each).name for each in track.scored}
    values = {name: hits for name, hits in _all_probes(train, test, known, asked) if name in names}
    whole: dict[str, Whole] = {}
    if names & {*NAMES}:
        factors = [each for every in _targets(train, test).values() for each in every]
        pairs = [(train.store.factor(f)[train.sequence], test.store.factor(f)[test.sequence]) for f in factors]
        more, whole = code_importances(known, [one for one, _ in pairs], asked, [other for _, other in pairs])
        values |= more
    if (moved := temporal_variance(asked["content"], later["content"])) is not None:
        values["content_temporal_variance"] = moved
    if conserves(model):
        parts = [
            asking.timed(model.conservation, test.frames(items, seen), rest=(seen, untold(items)))
            for items in test.batches()
        ]
        values |= {name: np.concatenate([each[name] for each in parts]) for name in parts[0]}
    chosen = {name: np.asarray(values[name], np.float64)[:, None] for name in track.scored if name in values}
    chosen_whole = {name: whole[name] for name in track.scored if name in whole}
    return Scores(test.sequence, test.start, chosen, asking.seconds, whole=chosen_whole, cluster=test.clusters)


def conserves(model: object) -> TypeGuard[Conserving]:
    """Has the model dynamics with an energy? A wrapper of a module says so by `has_energy`."""
    return isinstance(model, Conserving) and (not isinstance(model, HasEnergy) or model.has_energy)


def codes_of(
    asking: Asking, model: Coder, clips: Clips, shift: int, step: Callable[[int], None]
) -> dict[str, np.ndarray]:
    """Codes (n, k) float64 of the clips, from frame `shift` of each on."""
    parts: list[dict[str, np.ndarray]] = []
    for items in clips.batches():
        frames = clips.frames(items, shift + clips.track.horizon)[:, shift:]
        found = asking.timed(model.codes, frames, rest=(untold(items),))
        for name in CODES:
            code = found.get(name)
            if code is None or code.ndim != 2 or len(code) != len(items) or not np.isfinite(code).all():
                raise StbenchError(
                    f"the {name} code of the model {type(model).__name__} is not one row of finite numbers a clip: "
                    "mend its method codes"
                )
        parts.append({name: np.asarray(found[name], np.float64) for name in CODES})
        step(len(items))
    return {name: np.concatenate([each[name] for each in parts]) for name in CODES}


def temporal_variance(one: np.ndarray, other: np.ndarray) -> np.ndarray | None:
    """(n,): squared distance of the two content codes of a clip, in units of the mean one between different clips.

        |a_i - b_i|² / mean_{i != j} |a_i - b_j|²

    a, b (n, k): codes of the two pieces. 0 where content does not move in time, about 1 where it says nothing of the
    clip; None where the codes of all clips are equal.
    """
    n = len(one)
    middle = (one.mean(axis=0) + other.mean(axis=0)) / 2  # distances do not see it, rounding does
    a, b = one - middle, other - middle
    within = np.square(a - b).sum(axis=1)
    everything = n * (np.square(a).sum() + np.square(b).sum()) - 2 * float(a.sum(axis=0) @ b.sum(axis=0))
    between = (everything - within.sum()) / (n * (n - 1)) if n > 1 else 0.0
    rounding = 1e-24 * (np.square(one).sum() + np.square(other).sum()) / n
    return np.asarray(within / between) if between > rounding else None


def _all_probes(
    train: Clips, test: Clips, known: dict[str, np.ndarray], asked: dict[str, np.ndarray]
) -> Iterator[tuple[str, np.ndarray]]:
    for target, factors in _targets(train, test).items():
        pairs = [(train.store.factor(f)[train.sequence], test.store.factor(f)[test.sequence]) for f in factors]
        yield f"probe_chance_{target}", np.mean([_most_frequent(*pair) for pair in pairs], axis=0)
        for kind in KINDS:
            for code in CODES:
                hits = [_hits(kind, known[code], learnt, asked[code], wanted) for learnt, wanted in pairs]
                yield f"probe_{kind}_{target}_from_{code}", np.mean(hits, axis=0)


def _targets(train: Clips, test: Clips) -> dict[str, list[str]]:
    """Question -> factors that both parts know."""
    plugin = registry.dataset(train.track.dataset)
    if not isinstance(plugin, HasJudgedFactors) or not plugin.judged_factors:
        raise StbenchError(f"the dataset '{train.track.dataset}' names no factors, so {train.track.id} has no question")
    named = {name: factors[0] for name, factors in plugin.judged_factors.items()}
    store = train.store
    known = [
        name
        for name, factor in named.items()
        if np.isin(store.factor(factor)[test.sequence], store.factor(factor)[train.sequence]).all()
    ]
    attributes = [named[name] for name in known if name != "action"]
    return {"action": [named["action"]]} | ({"attributes": attributes} if attributes else {})


def _most_frequent(learnt: np.ndarray, wanted: np.ndarray) -> np.ndarray:
    classes, counts = np.unique(learnt, return_counts=True)
    return np.asarray(wanted == classes[counts.argmax()], np.float64)


def _hits(kind: str, codes: np.ndarray, learnt: np.ndarray, asked: np.ndarray, wanted: np.ndarray) -> np.ndarray:
    """(n,): 1 where the probe is right."""
    import warnings

    from sklearn.exceptions import ConvergenceWarning  # type: ignore[import-untyped]
    from sklearn.linear_model import LogisticRegression  # type: ignore[import-untyped]
    from sklearn.neural_network import MLPClassifier  # type: ignore[import-untyped]
    from sklearn.pipeline import make_pipeline  # type: ignore[import-untyped]
    from sklearn.preprocessing import StandardScaler  # type: ignore[import-untyped]

    if len(np.unique(learnt)) == 1:
        return np.asarray(wanted == learnt[0], np.float64)
    if kind == "linear":
        classifier = LogisticRegression(max_iter=300)
    else:
        classifier = MLPClassifier((64,), max_iter=60, random_state=0, early_stopping=len(codes) > 200)
    pipeline = make_pipeline(StandardScaler(), classifier)
    with warnings.catch_warnings():
        # A probe is as good as its fixed effort: that it could go on is no news.
        warnings.simplefilter("ignore", ConvergenceWarning)
        pipeline.fit(codes, learnt)
    return np.asarray(pipeline.predict(asked) == wanted, np.float64)


__all__ = ["TRAINED_ON", "codes_of", "probe", "temporal_variance"]
