"""Which chair is where in the store, and the split.

    models sorted by name, shuffled by NumPy's legacy RandomState(42); the first int(0.85 n) train, the others test

The last tenth of train is val. Within a chair: the ring at 20 degrees, then the one at 30; or its one walk.
Source: the code of J. Donà et al., ICLR 2021.
"""

from __future__ import annotations

import numpy as np

from stbench.contract.datasets import Split

from .files import MODELS
from .views import walks

SEED = 42
TRAIN_SHARE = 0.85
VAL_SHARE = 0.1


def counts(n: int) -> tuple[int, int, int]:
    """Chairs in train, val and test."""
    train = int(TRAIN_SHARE * n)
    val = max(1, int(VAL_SHARE * train))
    return train - val, val, n - train


def published_order(n: int, chairs: int) -> np.ndarray:
    """(chairs,): place among the n sorted models of each chair of the store, the train part first, then test."""
    order = np.arange(n)
    np.random.RandomState(SEED).shuffle(order)
    train, val, test = counts(chairs)
    first_test = int(TRAIN_SHARE * n)
    return np.concatenate([order[: train + val], order[first_test : first_test + test]])


def split_of(chairs: int, order: str) -> Split:
    """`chairs/canonical-1` for all of them in rings, `chairs/official-1` for all in the published order."""
    per_chair = len(walks(order, 0))
    edges = (per_chair * np.cumsum((0, *counts(chairs)))).tolist()
    ranges = {part: ((edges[k], edges[k + 1]),) for k, part in enumerate(("train", "val", "test"))}
    names = {"rings": "canonical", "official": "official"}
    name = names[order] if chairs == MODELS else f"by-chair-{order}"
    return Split(f"chairs/{name}-1", edges[-1], ranges)
