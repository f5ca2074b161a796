"""The loop that every protocol asks through: who holds what, and what is kept."""

from __future__ import annotations

import numpy as np
import pytest

from stbench import registry
from stbench.contract.datasets import Track
from stbench.errors import StbenchError
from stbench.protocols.asking import Asking, Question
from stbench.protocols.scoring import Scorer
from stbench.protocols.windows import Windows

TRACK = Track("toy", "forecast", conditioning=2, horizon=3, train_horizon=3, metrics=("mse",))
WINDOWS = Windows(TRACK, np.arange(10), np.zeros(10, np.int64))


def question(first: int, truths: np.ndarray) -> Question:
    seen = np.full((truths.shape[1], 2, 4), first, np.float32)
    return Question(first, (seen,), (3,), truths.astype(np.float32), seen)


def spoil(seen: np.ndarray, horizon: int) -> np.ndarray:
    """Zeros; what it was handed is overwritten."""
    seen[:] = 7
    return np.zeros((len(seen), horizon, 4), np.float32)


def test_a_model_holds_copies_and_whatever_it_does_to_them_reaches_nobody() -> None:
    asked = question(4, np.ones((1, 3, 3, 4)))
    with Scorer([registry.metric("mse")], 10, 3) as scorer:
        Asking(object(), WINDOWS, [scorer], keep=10).put(asked, spoil)
    assert (asked.seen[0] == 4).all()
    assert (asked.conditioning == 4).all()


def test_kept_windows_are_evenly_spaced_over_all_batches_with_the_truth_that_counts() -> None:
    """Answers are zeros: of two truths that with the smaller squares counts, window by window."""
    rng = np.random.default_rng(0)
    truths = rng.random((2, 10, 3, 4)).astype(np.float32)
    nearer = np.square(truths).mean(axis=(2, 3)).argmin(axis=0)
    assert 0 < nearer.sum() < 10
    scorers = [Scorer([registry.metric("mse")], 10, 3) for _ in range(2)]
    asking = Asking(object(), WINDOWS, scorers, keep=4)
    for first in range(0, 10, 3):
        asking.put(question(first, truths[:, first : first + 3]), spoil)
    for scorer in scorers:
        scorer.__exit__(None, None, None)
    kept = asking.kept
    assert kept is not None
    assert kept.items.tolist() == [0, 3, 6, 9]
    np.testing.assert_array_equal(kept.target, truths[nearer[kept.items], kept.items])
    assert kept.conditioning[:, 0, 0].tolist() == [0, 3, 6, 9]
    for scorer, truth in zip(scorers, truths, strict=True):
        np.testing.assert_allclose(scorer.values["mse"], np.square(truth).mean(axis=2), rtol=1e-6)


def test_a_wrong_answer_names_who_gave_it_and_the_window() -> None:
    def broken(seen: np.ndarray, horizon: int) -> np.ndarray:
        answer = spoil(seen, horizon)
        answer[1, 2] = np.nan
        return answer

    asking = Asking("some file", WINDOWS)
    with pytest.raises(StbenchError, match=r"some file predicted .* not finite for the window of sequence 5 .* time 3"):
        asking.put(question(4, np.ones((1, 3, 3, 4))), broken)


def test_progress_tells_the_windows_done_of_all() -> None:
    told: list[tuple[int, int]] = []
    asking = Asking(object(), WINDOWS, on_progress=lambda done, total: told.append((done, total)))
    for first, size in ((0, 6), (6, 4)):
        asking.put(question(first, np.ones((1, size, 3, 4))), spoil)
    assert told == [(6, 10), (10, 10)]
