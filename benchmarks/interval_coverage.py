"""How often do 95 % intervals of a mean over few clusters hold the truth: percentile, BCa or t?

    python benchmarks/interval_coverage.py [--samples 4000] [--resamples 1999]

Draws samples of 4, 8, 20 and 60 paired differences from a normal and from a skewed distribution (log-normal, σ = 0.75,
as errors are), and of 3 or 5 seeds over 8, 20 and 60 clusters; prints the share of intervals that hold the mean they
were drawn from. docs/statistics.md has the figures. Same seed, same figures.
"""

from __future__ import annotations

import argparse

import numpy as np
from scipy.stats import bootstrap

from stbench.results.paired import paired_difference

CLUSTERS = (4, 8, 20, 60)
SIGMA = 0.75
SEED = 20_261_128


def draw(kind: str, rng: np.random.Generator, shape: tuple[int, ...]) -> np.ndarray:
    """Differences of clusters with mean 0: `normal`, or `skewed`."""
    if kind == "normal":
        return rng.standard_normal(shape)
    return rng.lognormal(0.0, SIGMA, shape) - np.exp(SIGMA**2 / 2)


def coverage(kind: str, clusters: int, *, samples: int, resamples: int, seed: int = SEED) -> dict[str, float]:
    """Method -> share of `samples` intervals that hold 0."""
    rng = np.random.default_rng([seed, clusters, kind == "skewed"])
    data = draw(kind, rng, (samples, clusters))
    found = {}
    for method in ("percentile", "BCa"):
        held = 0
        # A few samples at a time: scipy draws one set of resamples for all samples of a call.
        for part in np.array_split(data, max(1, samples // 50)):
            with np.errstate(invalid="ignore", divide="ignore"):
                ends = bootstrap(
                    (part,), np.mean, axis=-1, n_resamples=resamples, method=method, batch=200, random_state=rng
                ).confidence_interval
            held += int(((ends.low <= 0) & (ends.high >= 0)).sum())
        found[method] = held / samples
    zero, ones = np.zeros((1, clusters)), np.ones(clusters)
    each = [paired_difference(row[None], zero, ones) for row in data]
    found["t"] = sum(each is not None and each.low <= 0 <= each.high for each in each) / samples
    return found


def coverage_with_seeds(
    seeds: int, clusters: int, *, samples: int, resamples: int, share: float = 1.0, seed: int = SEED
) -> dict[str, float]:
    """Of the difference of a model with `seeds` seeds and one without luck, whose mean moves from seed to seed by
    `share` times the standard error over clusters."""
    rng = np.random.default_rng([seed, seeds, clusters])
    held = dict.fromkeys(("hierarchical percentile", "clusters alone, t", "two levels, t"), 0)
    ones, zero = np.ones(clusters), np.zeros((1, clusters))
    for _ in range(samples):
        common = rng.standard_normal(clusters)
        moved = share * clusters**-0.5 * rng.standard_normal((seeds, 1))
        data = common + moved + 0.3 * rng.standard_normal((seeds, clusters))
        chosen = rng.integers(0, seeds, (resamples, seeds))
        times = rng.multinomial(clusters, ones / clusters, resamples) / clusters
        means = np.einsum("rk,rk->r", times, data[chosen].mean(axis=1))
        low, high = np.percentile(means, [2.5, 97.5])
        held["hierarchical percentile"] += low <= 0 <= high
        for name, each in (("clusters alone, t", data.mean(axis=0, keepdims=True)), ("two levels, t", data)):
            found = paired_difference(each, zero, ones)
            held[name] += found is not None and found.low <= 0 <= found.high
    return {name: count / samples for name, count in held.items()}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--samples", type=int, default=4000)
    parser.add_argument("--resamples", type=int, default=1999)
    options = parser.parse_args()
    print("| distribution | clusters | percentile | BCa | t |\n|---|---|---|---|---|")
    for kind in ("normal", "skewed"):
        for clusters in CLUSTERS:
            found = coverage(kind, clusters, samples=options.samples, resamples=options.resamples)
            print(f"| {kind} | {clusters} |" + "".join(f" {100 * each:.1f} % |" for each in found.values()), flush=True)
    print("\n| seeds | clusters | hierarchical percentile | clusters alone, t | two levels, t |\n|---|---|---|---|---|")
    for seeds in (3, 5):
        for clusters in CLUSTERS[1:]:
            found = coverage_with_seeds(seeds, clusters, samples=options.samples // 4, resamples=options.resamples // 4)
            print(
                f"| {seeds} | {clusters} |" + "".join(f" {100 * each:.1f} % |" for each in found.values()), flush=True
            )


if __name__ == "__main__":
    main()
