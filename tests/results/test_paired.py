"""Differences of two runs: Student's t where it is one, else the jackknife by hand; coverage by simulation."""

from __future__ import annotations

import math
import sys
from pathlib import Path

import numpy as np
import pytest
from scipy.stats import norm, t, ttest_rel

from stbench.results.paired import clusters_needed, holm, paired_difference, seeds_needed

sys.path.insert(0, str(Path(__file__).parents[2] / "benchmarks"))


def test_one_seed_and_equal_windows_is_the_paired_t_test() -> None:
    rng = np.random.default_rng(1)
    a, b = rng.gamma(2, size=(1, 9)), rng.gamma(3, size=(1, 9))
    found = paired_difference(a, b, np.full(9, 4))
    expected = ttest_rel(a[0], b[0])
    assert found is not None
    low, high = expected.confidence_interval(0.95)
    assert (found.value, found.p, found.freedom) == pytest.approx((a.mean() - b.mean(), expected.pvalue, 8))
    assert (found.low, found.high) == pytest.approx((low, high))
    assert found.cluster_sd == pytest.approx((a - b).std(ddof=1))


def test_clusters_weigh_by_their_windows_and_a_root_is_taken_last() -> None:
    rng = np.random.default_rng(2)
    a, b, n = rng.gamma(2, size=7), rng.gamma(3, size=7), np.array([1, 2, 3, 4, 5, 6, 7])
    found = paired_difference(a[None], b[None], n, np.sqrt)

    def value(keep: np.ndarray) -> float:
        return math.sqrt(np.average(a[keep], weights=n[keep])) - math.sqrt(np.average(b[keep], weights=n[keep]))

    without = np.array([value(np.arange(7) != s) for s in range(7)])
    error = math.sqrt(6 / 7 * ((without - without.mean()) ** 2).sum())
    assert found is not None
    assert found.value == pytest.approx(value(np.arange(7)))
    assert (found.high - found.low) / 2 == pytest.approx(t.ppf(0.975, 6) * error)


def test_seeds_add_their_own_variance_and_few_of_them_few_degrees_of_freedom() -> None:
    rng = np.random.default_rng(3)
    a, b, n = rng.normal(size=(3, 30)) + np.array([[0.0], [2.0], [5.0]]), rng.normal(size=(1, 30)), np.ones(30)
    found = paired_difference(a, b, n)
    clusters, seeds = (a.mean(axis=0) - b[0]).var(ddof=1) / 30, a.mean(axis=1).var(ddof=1) / 3
    freedom = (clusters + seeds) ** 2 / (clusters**2 / 29 + seeds**2 / 2)
    assert found is not None
    assert found.freedom == pytest.approx(freedom)
    assert found.high - found.value == pytest.approx(t.ppf(0.975, freedom) * math.sqrt(clusters + seeds))
    assert found.freedom < 3 < 29, "what three seeds say is not known better because there are many clusters"


def test_the_same_numbers_are_no_difference_and_one_cluster_or_an_infinite_mean_is_no_comparison() -> None:
    values = np.array([[0.1, 0.7, 0.3]])
    same = paired_difference(values, values.copy(), np.ones(3))
    assert same is not None
    assert (same.low, same.high, same.p) == (0, 0, 1)
    assert paired_difference(values[:, :1], values[:, :1], np.ones(1)) is None
    assert paired_difference(np.array([[1.0, np.inf, 2.0]]), values, np.ones(3)) is None


def test_holm_multiplies_the_smallest_first_and_never_decreases() -> None:
    assert holm([0.01, 0.04, 0.03, 0.005]) == pytest.approx([0.03, 0.06, 0.06, 0.02])
    assert holm([0.9, 0.8]) == [1.0, 1.0]
    assert holm([]) == []


def test_so_many_clusters_or_seeds_separate_four_of_five_times() -> None:
    z = norm.ppf(0.975) + norm.ppf(0.8)
    b = np.zeros((1, 10))
    one = np.array([[0.0, 1.0, 2.0, 1.0, 0.0, 3.0, -1.0, 1.0, -2.0, 0.5]])
    found = paired_difference(one, b, np.ones(10))
    assert found is not None
    assert clusters_needed(found) == math.ceil((z * one.std(ddof=1) / one.mean()) ** 2)
    assert seeds_needed(found) is None, "one seed does not tell"
    several = one / 10 + np.array([[0.0], [0.4], [-0.2]])
    lucky = paired_difference(several, b, np.ones(10))
    assert lucky is not None
    assert clusters_needed(lucky) is None, "three such seeds can never do, over whatever clusters"
    room = (lucky.value / z) ** 2 - several.mean(axis=0).var(ddof=1) / 10
    assert (seeds_needed(lucky) is None) == (room <= 0)
    steady = paired_difference(2 + several, b, np.ones(10))
    assert steady is not None
    room = (steady.value / z) ** 2 - several.mean(axis=0).var(ddof=1) / 10
    assert seeds_needed(steady) == max(2, math.ceil(several.mean(axis=1).var(ddof=1) / room))


def test_power_is_what_it_says() -> None:
    """Of studies with so many clusters, four of five tell the difference apart."""
    rng = np.random.default_rng(4)
    pilot = paired_difference(0.5 + rng.standard_normal((1, 400)), np.zeros((1, 400)), np.ones(400))
    assert pilot is not None
    k = clusters_needed(pilot)
    assert k is not None
    truth, sd = pilot.value, pilot.cluster_sd
    studies = truth + sd * rng.standard_normal((400, 1, k))
    told = [paired_difference(each, np.zeros((1, k)), np.ones(k)) for each in studies]
    # Four standard errors of a share of 400.
    assert np.mean([each is not None and each.low > 0 for each in told]) == pytest.approx(0.8, abs=0.08)


@pytest.mark.parametrize("kind", ["normal", "skewed"])
def test_over_four_clusters_t_covers_most_and_a_bootstrap_far_less_than_it_says(kind: str) -> None:
    from interval_coverage import coverage  # type: ignore[import-not-found]

    found = coverage(kind, 4, samples=400, resamples=199)
    assert found["t"] > found["percentile"] + 0.05
    assert found["t"] > found["BCa"] + 0.05
    assert found["percentile"] < 0.88


def test_over_sixty_clusters_all_are_alike() -> None:
    from interval_coverage import coverage

    found = coverage("normal", 60, samples=300, resamples=199)
    # Four standard errors of a share of 300.
    assert all(each == pytest.approx(0.945, abs=0.055) for each in found.values())


def test_with_seeds_two_levels_cover_and_clusters_alone_do_not_where_luck_is_large() -> None:
    from interval_coverage import coverage_with_seeds

    found = coverage_with_seeds(3, 20, samples=200, resamples=99, share=4.0)
    assert found["clusters alone, t"] < 0.75
    assert found["hierarchical percentile"] < found["two levels, t"] - 0.05
    assert found["two levels, t"] > 0.9
