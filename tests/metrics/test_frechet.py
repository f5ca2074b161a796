from __future__ import annotations

import numpy as np
import pytest
import scipy.linalg
from hypothesis import given, settings
from hypothesis import strategies as st

from stbench.errors import StbenchError
from stbench.metrics.frechet import frechet_distance


def features(seed: int, n: int = 200, k: int = 5, shift: float = 0.0) -> np.ndarray:
    rng = np.random.default_rng(seed)
    return rng.standard_normal((n, k)) @ rng.standard_normal((k, k)) + shift


@given(st.integers(0, 1000))
@settings(max_examples=25, deadline=None)
def test_distance_equals_the_definition_with_scipys_root(seed: int) -> None:
    a, b = features(seed), features(seed + 1, 150, shift=0.5)
    s, t = np.cov(a.T), np.cov(b.T)
    root = scipy.linalg.sqrtm(s @ t).real
    expected = ((a.mean(0) - b.mean(0)) ** 2).sum() + np.trace(s + t - 2 * root)
    assert frechet_distance(a, b) == pytest.approx(expected, rel=1e-7)
    assert frechet_distance(b, a) == pytest.approx(expected, rel=1e-7)


def test_distance_of_a_set_to_itself_is_zero_also_with_singular_covariance() -> None:
    for n in (200, 3):
        assert frechet_distance(features(0, n), features(0, n)) == pytest.approx(0, abs=1e-9)


def test_shift_of_one_set_adds_its_square() -> None:
    a = features(1)
    assert frechet_distance(a, a + 2.0) == pytest.approx(4 * a.shape[1])


def test_distance_of_two_samples_of_one_distribution_falls_about_as_one_over_n() -> None:
    rng = np.random.default_rng(0)
    few, many = (frechet_distance(*rng.standard_normal((2, n, 40))) for n in (200, 1600))
    assert 0 < many < few
    assert few / many == pytest.approx(8, rel=0.4)


def test_gaussians_of_one_dimension_have_the_closed_form() -> None:
    a, b = np.array([[0.0], [2.0]]), np.array([[5.0], [5.0], [11.0]])
    expected = (1 - 7) ** 2 + (np.std(a, ddof=1) - np.std(b, ddof=1)) ** 2
    assert frechet_distance(a, b) == pytest.approx(expected)


@pytest.mark.parametrize(
    ("a", "b", "reason"),
    [
        (np.ones((4, 3)), np.ones((4, 2)), "one kind"),
        (np.ones((1, 3)), np.ones((4, 3)), "at least two"),
        (np.full((4, 3), np.nan), np.ones((4, 3)), "finite"),
    ],
)
def test_features_that_cannot_be_compared_are_refused(a: np.ndarray, b: np.ndarray, reason: str) -> None:
    with pytest.raises(StbenchError, match=reason):
        frechet_distance(a, b)
