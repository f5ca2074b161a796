"""DCI and its block forms against examples whose values can be written down."""

from __future__ import annotations

import numpy as np
import pytest

from stbench.errors import StbenchError
from stbench.metrics.dci import blocks, compactness, completeness, disentanglement, modularity


def test_one_code_for_each_factor_is_perfect_on_every_count() -> None:
    own = np.eye(3)
    for measure in (disentanglement, completeness, modularity, compactness):
        assert measure(own) == pytest.approx(1)


def test_codes_that_matter_for_all_factors_alike_are_worth_nothing() -> None:
    alike = np.full((4, 3), 0.25)
    assert disentanglement(alike) == pytest.approx(0)
    assert completeness(alike) == pytest.approx(0)
    assert modularity(alike) == pytest.approx(0)


def test_two_codes_a_factor_are_disentangled_and_half_complete() -> None:
    """H_4 of (1/2, 1/2, 0, 0) is 1/2; as blocks they are whole again."""
    pairs = np.array([[0.5, 0], [0.5, 0], [0, 0.5], [0, 0.5]])
    assert disentanglement(pairs) == pytest.approx(1)
    assert completeness(pairs) == pytest.approx(0.5)
    assert modularity(pairs) == compactness(pairs) == pytest.approx(1)


def test_mixed_blocks_have_the_entropy_of_their_shares() -> None:
    """Blocks of mass 1 with shares 3/4 and 1/4: both measures are 1 - H_2(3/4) = 0.18872."""
    mixed = np.array([[0.75, 0.25], [0.25, 0.75]])
    left = 1 + (0.75 * np.log(0.75) + 0.25 * np.log(0.25)) / np.log(2)
    assert left == pytest.approx(0.18872, abs=1e-5)
    assert modularity(mixed) == pytest.approx(left)
    assert compactness(mixed) == pytest.approx(left)


def test_a_code_that_matters_for_no_factor_makes_no_block() -> None:
    """The first factor owns no code: two that are dead must not stand for it."""
    alive = np.array([[0.5, 0.9, 0.1], [0.5, 0.1, 0.9]])
    found = blocks(np.concatenate([np.zeros((2, 3)), alive]))
    np.testing.assert_allclose(found, blocks(alive))
    assert len(found) == 2
    assert compactness(np.concatenate([np.zeros((2, 3)), alive])) == pytest.approx(compactness(alive))


def test_compactness_counts_blocks_and_not_codes() -> None:
    """Split into many codes, the same two blocks keep their value; divided by ln 8 it would be 1 - H/ln 8 = 0.73."""
    mixed = np.array([[0.75, 0.25], [0.25, 0.75]])
    many = np.repeat(mixed / 4, 4, axis=0)
    assert compactness(many) == pytest.approx(compactness(mixed))
    assert compactness(many) < 0.2


def test_disentanglement_weighs_codes_by_their_mass() -> None:
    """A pure code of mass 0.9 + a mixed one of mass 0.1 + 1.0 (shares 1/11, 10/11), as by the formula."""
    importances = np.array([[0.9, 0.0], [0.1, 1.0]])
    p = 1 / 11
    mixed = 1 + (p * np.log(p) + (1 - p) * np.log(1 - p)) / np.log(2)
    assert disentanglement(importances) == pytest.approx((0.9 * 1 + 1.1 * mixed) / 2)


def test_factor_without_codes_has_no_block() -> None:
    importances = np.array([[0.6, 0.5, 0.0], [0.4, 0.3, 0.4], [0.0, 0.2, 0.6]])
    assert blocks(importances).shape == (2, 3)
    assert compactness(importances) < 1


def test_unknown_columns_are_spread_over_all_codes() -> None:
    assert completeness(np.array([[1.0, 0.0], [0.0, 0.0]])) == pytest.approx(0.5)


@pytest.mark.parametrize("bad", [np.ones(3), np.empty((0, 2)), np.array([[-1.0, 2.0]]), np.array([[np.nan, 1.0]])])
def test_what_is_no_matrix_of_importances_is_refused(bad: np.ndarray) -> None:
    with pytest.raises(StbenchError, match="importances are a matrix"):
        disentanglement(bad)
