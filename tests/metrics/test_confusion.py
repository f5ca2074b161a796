"""A judge's own errors in what it judges, and its calibration, against closed forms."""

from __future__ import annotations

import numpy as np
import pytest

from stbench.metrics.confusion import Verdicts, confusion_matrix, expected_calibration_error

CLIPS = np.arange(400)


def test_confusion_counts_true_classes_in_rows() -> None:
    true, said = np.array([0, 0, 1, 2]), np.array([0, 1, 1, 0])
    assert confusion_matrix(true, said, 3).tolist() == [[1, 1, 0], [0, 1, 0], [1, 0, 0]]


def test_judge_without_an_error_adds_nothing_to_the_interval() -> None:
    """Half of 400 clips are right: the interval is that of a binomial share, 1.96 sqrt(1/4 / 400) to each side."""
    wanted = np.zeros(400, np.int64)
    low, high = Verdicts(CLIPS % 2, wanted, np.diag([500, 500])).interval(CLIPS)
    assert (low, high) == pytest.approx((0.451, 0.549), abs=0.01)


def test_judge_that_errs_once_in_five_cannot_be_sure_of_a_perfect_score() -> None:
    """It names class 0 of 100 clips, 80 of which are of class 0: the share is 0.8 with the error of 100 clips."""
    wanted = np.zeros(400, np.int64)
    low, high = Verdicts(wanted, wanted, np.array([[80, 20], [20, 80]])).interval(CLIPS)
    spread = 1.96 * np.sqrt(0.8 * 0.2 / 100)
    assert (low, high) == pytest.approx((0.8 - spread, 0.8 + spread), abs=0.015)


def test_clips_called_wrong_may_be_right() -> None:
    verdicts = Verdicts(np.ones(400, np.int64), np.zeros(400, np.int64), np.array([[90, 10], [10, 90]]))
    low, high = verdicts.interval(CLIPS)
    assert 0.02 < low < 0.1 < high < 0.2


def test_more_real_clips_make_the_judge_s_part_smaller() -> None:
    wanted = np.zeros(400, np.int64)
    widths = []
    for clips in (50, 5000):
        low, high = Verdicts(wanted, wanted, clips * np.array([[9, 1], [1, 9]]) // 10).interval(CLIPS)
        widths.append(high - low)
    assert widths[1] < widths[0] / 5


def test_class_the_judge_names_of_no_real_clip_is_taken_at_its_word() -> None:
    wanted = np.full(400, 2)
    assert Verdicts(wanted, wanted, np.diag([50, 50, 0])).interval(CLIPS) == (1, 1)


def test_clusters_are_drawn_together() -> None:
    """All 100 clips of a sequence are right or none is: four sequences tell no more than four coins."""
    wanted = np.zeros(400, np.int64)
    cluster = CLIPS // 100
    low, high = Verdicts(cluster % 2, wanted, np.diag([500, 500])).interval(cluster)
    assert (low, high) == (0, 1)


def test_calibration_error_is_the_gap_between_confidence_and_accuracy() -> None:
    """Ten answers of confidence 0.9, six of them right, and ten sure and right ones: (0.3 * 10 + 0) / 20."""
    opinions = np.array([[0.9, 0.1]] * 10 + [[0.0, 1.0]] * 10)
    true = np.array([0] * 6 + [1] * 4 + [1] * 10)
    assert expected_calibration_error(opinions, true) == pytest.approx(0.15)


def test_gaps_of_different_bins_do_not_cancel() -> None:
    """Too sure at 0.9, not sure enough at 0.6: 0.4 below and 0.4 above."""
    opinions = np.array([[0.9, 0.1]] * 10 + [[0.6, 0.4]] * 10)
    true = np.array([0] * 5 + [1] * 5 + [0] * 10)
    assert expected_calibration_error(opinions, true) == pytest.approx(0.4)


def test_edge_of_a_bin_belongs_to_the_lower_one() -> None:
    """0.6 = 9/15: beside 0.59 and not beside 0.61."""
    opinions = np.array([[0.6, 0.4], [0.59, 0.41]])
    assert expected_calibration_error(opinions, np.array([0, 1])) == pytest.approx(abs(1 - 0.6 - 0.59) / 2)
