from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import entropy

from stbench.errors import StbenchError
from stbench.metrics.entropy import inception_score, inter_entropy, intra_entropy


def opinions(seed: int, n: int = 40, classes: int = 6) -> np.ndarray:
    return np.random.default_rng(seed).dirichlet(np.full(classes, 0.3), n)


@given(st.integers(0, 10_000), st.integers(1, 50), st.integers(2, 9))
@settings(max_examples=40, deadline=None)
def test_entropies_equal_scipys(seed: int, n: int, classes: int) -> None:
    p = opinions(seed, n, classes)
    np.testing.assert_allclose(intra_entropy(p), entropy(p, axis=1), atol=1e-12)
    assert inter_entropy(p) == pytest.approx(entropy(p.mean(axis=0)), abs=1e-12)


@given(st.integers(0, 10_000))
@settings(max_examples=30, deadline=None)
def test_inception_score_is_the_exponential_of_the_mean_divergence(seed: int) -> None:
    p = opinions(seed)
    divergence = np.mean([entropy(row, p.mean(axis=0)) for row in p])
    assert inception_score(p) == pytest.approx(np.exp(divergence))
    assert 1 - 1e-12 <= inception_score(p) <= p.shape[1]


def test_confident_and_diverse_opinions_have_no_intra_and_full_inter_entropy() -> None:
    p = np.tile(np.eye(6), (5, 1))
    assert intra_entropy(p).max() == 0
    assert inter_entropy(p) == pytest.approx(np.log(6))
    assert inception_score(p) == pytest.approx(6)


def test_clueless_opinions_score_one() -> None:
    assert inception_score(np.full((10, 4), 0.25)) == pytest.approx(1)


@pytest.mark.parametrize("bad", [np.ones(4), np.ones((3, 2)), np.array([[1.5, -0.5]]), np.empty((0, 3))])
def test_what_is_not_a_table_of_probabilities_is_refused(bad: np.ndarray) -> None:
    with pytest.raises(StbenchError, match="probabilities"):
        intra_entropy(bad)
