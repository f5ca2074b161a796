"""How far two samples of one distribution seem to lie apart: `python benchmarks/frechet_bias.py [--runs RUNS]`.

Prints a table for docs/metrics.md: the Frechet distance between two samples of n each that differ by nothing but
chance. Gaussian: both of N(0, I_k). Judge: features of real clips, two disjoint sets of train clips of the same
distribution, drawn without replacement; needs a judge of full sprites in RUNS (`stbench judge train --dataset sprites
--preset cpu`). Mean and standard deviation over draws.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterable
from pathlib import Path

import numpy as np

from stbench.metrics.frechet import frechet_distance

SIZES = (64, 256, 512, 1024, 2048, 2664, 5000)
DRAWS = 5

Pair = Callable[[int, np.random.Generator], tuple[np.ndarray, np.ndarray]]


def gaussian(k: int) -> Pair:
    def pair(n: int, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
        one, other = rng.standard_normal((2, n, k))
        return one, other

    return pair


def disjoint(features: np.ndarray) -> Pair:
    def pair(n: int, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
        order = rng.permutation(len(features))
        return features[order[:n]], features[order[n : 2 * n]]

    return pair


def line(name: str, pair: Pair, sizes: Iterable[int]) -> str:
    cells = []
    for n in sizes:
        if not n:
            cells.append("-")
            continue
        drawn = [frechet_distance(*pair(n, np.random.default_rng([n, draw]))) for draw in range(DRAWS)]
        cells.append(f"{np.mean(drawn):.3g} ± {np.std(drawn, ddof=1):.1g}")
    return f"| {name} | " + " | ".join(cells) + " |"


def judge_features(runs: Path, preset: str, source: str) -> tuple[np.ndarray, str]:
    """Features of the first clip of every train sequence of sprites."""
    from stbench.judges.judge import find_judge, judged_by
    from stbench.progress import Silent
    from stbench.running.plan import dataset_for

    store = dataset_for("sprites", preset, source=source, settings={}, progress=Silent())
    _, clip = judged_by("sprites")
    judge = find_judge(store, preset, runs, clip)
    sequences = store.split.indices("train")
    parts = []
    for start in range(0, len(sequences), 64):
        clips = [store.read(int(each), slice(0, judge.card.clip)) for each in sequences[start : start + 64]]
        parts.append(judge.features(store.normalise(np.stack(clips))))
    return np.concatenate(parts), judge.card.name


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=Path, help="folder of runs with a judge of sprites")
    parser.add_argument("--preset", default="cpu")
    parser.add_argument("--source", default="auto")
    asked = parser.parse_args()
    print("| features | " + " | ".join(f"n = {n:,}" for n in SIZES) + " |")
    print("|---" * (len(SIZES) + 1) + "|")
    for k in (40, 400):
        print(line(f"N(0, I), {k} numbers", gaussian(k), SIZES), flush=True)
    if asked.runs is not None:
        features, name = judge_features(asked.runs, asked.preset, asked.source)
        possible = [n if 2 * n <= len(features) else 0 for n in SIZES]
        print(line(f"judge {name}, {features.shape[1]} numbers", disjoint(features), possible), flush=True)
        print(f"(trace of the covariance of the judge's features: {np.trace(np.cov(features.T)):.3g})")


if __name__ == "__main__":
    main()
