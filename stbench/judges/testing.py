"""How right a judge is: asked for the test clips that models are scored on."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from stbench.judges.card import JudgeCard
from stbench.metrics.confusion import confusion_matrix, expected_calibration_error
from stbench.protocols.clips import places
from stbench.protocols.judged import ACTION, MOTION
from stbench.store.reader import Store

if TYPE_CHECKING:
    from stbench.judges.judge import Judge

TESTS = "2"
"""Version of how a judge is tested; one that was tested otherwise is tested again when it is loaded."""
BATCH = 64


def tested(judge: Judge, store: Store) -> JudgeCard:
    """Its card with what it makes of the test clips, by head, where every test class was in the train split."""
    clip = judge.card.clip
    sequences, starts = places(store, clip, "test")
    parts: dict[str, list[np.ndarray]] = {head.name: [] for head in judge.heads}
    trained = judge.classes(_factors(store, judge, store.split.indices("train")))
    true = judge.classes(_factors(store, judge, sequences))
    for start in range(0, len(sequences), BATCH):
        items = zip(sequences[start : start + BATCH], starts[start : start + BATCH], strict=True)
        clips = np.stack([store.window(int(each), int(first), clip) for each, first in items])
        for name, opinion in judge.opinions(clips).items():
            parts[name].append(opinion)
    known = [head for head in judge.heads if np.isin(true[head.name], trained[head.name]).all()]
    opinions = {head.name: np.concatenate(parts[head.name]) for head in known}
    confusion = {head.name: _confused(opinions[head.name], true[head.name]) for head in known}
    for head in known:
        if head.name == ACTION:
            by_action = opinions[ACTION].reshape(len(sequences), head.sizes[0], -1).sum(axis=2)
            actions = true[ACTION] // (head.classes // head.sizes[0])
            confusion |= {MOTION: confusion[ACTION], ACTION: _confused(by_action, actions)}
    return replace(
        judge.card,
        accuracy={name: float((each.argmax(1) == true[name]).mean()) for name, each in opinions.items()},
        confusion=confusion,
        calibration={name: expected_calibration_error(each, true[name]) for name, each in opinions.items()},
        test_clips=len(sequences),
        tests=TESTS,
    )


def _confused(opinions: np.ndarray, true: np.ndarray) -> tuple[tuple[int, ...], ...]:
    matrix = confusion_matrix(true, opinions.argmax(1), opinions.shape[1])
    return tuple(tuple(row) for row in matrix.tolist())


def _factors(store: Store, judge: Judge, sequences: np.ndarray) -> dict[str, np.ndarray]:
    return {name: store.factor(name)[sequences] for name in judge.network.labels}
