"""Is one run better than another on the same clusters of windows? Differences of means, their interval and test.

    D = A - B,    A = mean_i f( Σ_s n_s a_is / Σ_s n_s ),    i over seeds, s over clusters, B alike
    D ± t_ν V^½,  V = V_c + V_A + V_B
    V_c = (k - 1)/k Σ_s (D_(s) - mean_s D_(s))²                 D_(s): D without cluster s (delete-one jackknife)
    V_A = sd_i(A_i)² / m_A, 0 for one seed;  V_B alike
    ν   = V² / (V_c²/(k - 1) + V_A²/(m_A - 1) + V_B²/(m_B - 1))

a_is is the mean over the n_s windows of cluster s under seed i, f what finishes a mean (`Metric.finish`). Clusters are
paired: both runs were asked the same windows. Seeds are not: two trainings share nothing. For one seed, windows of
equal number and f(x) = x it is Student's paired t interval. Why t and not a bootstrap: with few clusters a percentile
or BCa bootstrap covers far less than it says (`benchmarks/interval_coverage.py`, docs/statistics.md).

References: B. Efron and C. Stein, The jackknife estimate of variance, Annals of Statistics 9, 1981; F. E.
Satterthwaite, An approximate distribution of estimates of variance components, Biometrics Bulletin 2, 1946; S. Holm, A
simple sequentially rejective multiple test procedure, Scandinavian Journal of Statistics 6, 1979.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

__all__ = ["CONFIDENCE", "FEW", "POWER", "Difference", "clusters_needed", "holm", "paired_difference", "seeds_needed"]

CONFIDENCE = 0.95
POWER = 0.8
"""Of the test whose size `clusters_needed` and `seeds_needed` tell."""
FEW = 20
"""Clusters below which a percentile interval is called too narrow."""


@dataclass(frozen=True)
class Difference:
    """A - B with its 95 % interval."""

    value: float
    low: float
    high: float
    p: float
    """Two-sided, of A = B."""
    freedom: float
    """ν."""
    clusters: int
    """k."""
    seeds: tuple[int, int]
    """m_A, m_B."""
    cluster_variance: float
    """V_c."""
    seed_variances: tuple[float, float]
    """sd_i(A_i)², sd_i(B_i)²; 0 for one seed."""

    @property
    def cluster_sd(self) -> float:
        """Of the paired difference in one cluster: (k V_c)^½."""
        return math.sqrt(self.clusters * self.cluster_variance)


def paired_difference(
    a: np.ndarray, b: np.ndarray, windows: np.ndarray, finish: Callable[[np.ndarray], np.ndarray] = np.asarray
) -> Difference | None:
    """`a` (m_A, k) and `b` (m_B, k) means of clusters by seed, `windows` (k,) their windows.

    None where no interval can be given: one cluster, or a value that is not finite.
    """
    k = len(windows)
    if k < 2:
        return None
    (whole_a, without_a), (whole_b, without_b) = (_values(each, windows, finish) for each in (a, b))
    value = float(whole_a.mean() - whole_b.mean())
    without = without_a.mean(axis=0) - without_b.mean(axis=0)
    if not (math.isfinite(value) and np.isfinite(without).all()):
        return None
    cluster = float((k - 1) / k * ((without - without.mean()) ** 2).sum())
    seed = tuple(float(each.var(ddof=1)) if len(each) > 1 else 0.0 for each in (whole_a, whole_b))
    parts = [(cluster, k - 1), *((s / len(x), len(x) - 1) for s, x in zip(seed, (whole_a, whole_b), strict=True))]
    total = sum(part for part, _ in parts)
    if total == 0:
        return Difference(value, value, value, float(value == 0), k - 1, k, (len(a), len(b)), 0.0, (0.0, 0.0))
    freedom = total**2 / sum(part**2 / free for part, free in parts if free)
    low, high, p = _student(value, math.sqrt(total), freedom)
    return Difference(value, low, high, p, freedom, k, (len(a), len(b)), cluster, (seed[0], seed[1]))


def _values(
    means: np.ndarray, windows: np.ndarray, finish: Callable[[np.ndarray], np.ndarray]
) -> tuple[np.ndarray, np.ndarray]:
    """(m, k) -> values of the seeds (m,), and without each of the clusters (m, k)."""
    with np.errstate(invalid="ignore", divide="ignore", over="ignore"):
        # Deviations from the first cluster, so that clusters that are all equal leave no rounding behind.
        first = means[:, :1].astype(np.float64)
        sums = (means.astype(np.float64) - first) * windows
        total, n = sums.sum(axis=1, keepdims=True), windows.sum()
        return np.asarray(finish(first + total / n))[:, 0], np.asarray(finish(first + (total - sums) / (n - windows)))


def _student(value: float, error: float, freedom: float) -> tuple[float, float, float]:
    from scipy.stats import t  # type: ignore[import-untyped]

    half = float(t.ppf(0.5 + CONFIDENCE / 2, freedom)) * error
    return value - half, value + half, float(2 * t.sf(abs(value) / error, freedom))


def holm(p: Sequence[float]) -> list[float]:
    """Adjusted p of n tests, in their order: p_(i) -> max_{j ≤ i} min(1, (n - j + 1) p_(j))."""
    order = np.argsort(p, kind="stable")
    adjusted = np.empty(len(p))
    adjusted[order] = np.minimum(1, np.maximum.accumulate(np.asarray(p)[order] * np.arange(len(p), 0, -1)))
    return [float(each) for each in adjusted]


def _separable(found: Difference, known: float) -> float | None:
    """(D / (z_0.975 + z_0.8))² less the variance that is there anyway; None where nothing is left."""
    from scipy.stats import norm

    z = norm.ppf(0.5 + CONFIDENCE / 2) + norm.ppf(POWER)
    room = float((found.value / z) ** 2 - known)
    return room if room > 0 else None


def clusters_needed(found: Difference) -> int | None:
    """k' = s² / ((D / (z_0.975 + z_0.8))² - V_A - V_B): clusters that tell a true difference of D apart in four of five
    studies, with the seeds there are; s the sd of the paired difference in one cluster. None: no number does."""
    (m_a, m_b), (s_a, s_b) = found.seeds, found.seed_variances
    room = _separable(found, s_a / m_a + s_b / m_b)
    return None if room is None else max(2, math.ceil(found.cluster_sd**2 / room))


def seeds_needed(found: Difference) -> int | None:
    """m' = (s_A² + s_B²) / ((D / (z_0.975 + z_0.8))² - V_c): seeds of each model, with the clusters there are; s_A and
    s_B the sd over seeds. None: no number does, or no model has several seeds that tell."""
    room = _separable(found, found.cluster_variance)
    if room is None or not any(found.seed_variances):
        return None
    return max(2, math.ceil(sum(found.seed_variances) / room))
