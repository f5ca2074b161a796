"""Interventions and consistencies against examples counted by hand."""

from __future__ import annotations

import numpy as np
import pytest

from stbench.metrics.interventions import (
    Answers,
    blind,
    global_consistency,
    intervention,
    local_consistency,
    shuffled,
    swap_consistency,
)

RNG = np.random.default_rng(0)
KEPT, OTHER = RNG.integers(4, size=(2, 400))
ALL = np.full((1, 400), 1 / 400)


def score(*answers: Answers) -> float:
    return float(intervention(answers, ALL)[0])


def test_clips_that_show_the_kept_part_and_nothing_of_the_other_score_one() -> None:
    assert score(Answers(KEPT, KEPT, OTHER), Answers(OTHER, OTHER, KEPT)) == pytest.approx(1)


def test_clips_that_show_the_other_part_score_what_both_agree_in() -> None:
    """A_on = c and A_off = 1: 1 - ((1 - c) + (1 - c)) / 2 = c."""
    agree = float((KEPT == OTHER).mean())
    assert 0.2 < agree < 0.3
    assert score(Answers(OTHER, KEPT, OTHER)) == pytest.approx(agree)


def test_partners_of_one_class_are_no_leak() -> None:
    """Both clips show the same class: naming it is right, and no sign that it came from the other clip."""
    same = np.zeros(400, np.int64)
    assert score(Answers(same, same, same)) == pytest.approx(1)


def test_who_names_one_class_always_gets_what_is_called_chance() -> None:
    answers = [Answers(KEPT, KEPT, OTHER)]
    (told,) = blind(answers)
    mode = np.bincount(KEPT).argmax()
    assert set(told.said.tolist()) == {mode}
    on, off, agree = (mode == KEPT).mean(), (mode == OTHER).mean(), (KEPT == OTHER).mean()
    assert score(told) == pytest.approx(1 - ((1 - on) + abs(off - agree)) / 2)
    assert score(told) < 0.7


def test_weights_of_a_resample_count_clips_as_often_as_they_were_drawn() -> None:
    said = np.where(RNG.random(400) < 0.5, KEPT, OTHER)
    drawn = RNG.integers(400, size=400)
    weights = np.bincount(drawn, minlength=400)[None] / 400
    answers = [Answers(said, KEPT, OTHER)]
    again = [Answers(said[drawn], KEPT[drawn], OTHER[drawn])]
    assert intervention(answers, weights)[0] == pytest.approx(score(*again))


def test_consistencies_of_three_clips_counted_by_hand() -> None:
    frames = np.array([[1, 1, 1, 1], [1, 1, 2, 2], [0, 1, 0, 1]])
    assert swap_consistency(frames, np.array([1, 2, 3])).tolist() == [1, 0.5, 0]
    assert global_consistency(frames).tolist() == [1, 0.5, 0.5]
    assert local_consistency(frames).tolist() == pytest.approx([1, 2 / 3, 0])


def test_a_constant_wrong_answer_is_consistent_and_chance_says_so() -> None:
    frames = np.full((5, 4), 3)
    assert (global_consistency(frames) == 1).all()
    assert (global_consistency(shuffled(frames, 0)) == 1).all()
    assert (swap_consistency(frames, np.zeros(5)) == 0).all()


def test_shuffled_frames_keep_what_each_time_shows_and_lose_the_clip() -> None:
    frames = np.repeat(np.arange(300)[:, None] % 6, 8, axis=1)
    mixed = shuffled(frames, 0)
    for one, other in zip(frames.T, mixed.T, strict=True):
        assert sorted(one) == sorted(other)
    assert local_consistency(frames).mean() == 1
    assert local_consistency(mixed).mean() == pytest.approx(1 / 6, abs=0.05)


def test_one_frame_is_consistent_with_itself() -> None:
    assert local_consistency(np.array([[1], [2]])).tolist() == [1, 1]
