"""Which codes a forest finds the factors in: the map from codes to factors, fitted on train clips alone.

A forest of 100 trees is fitted for each factor on the codes of at most 2,000 train clips, content and motion beside one
another, standardised by nothing because trees do not care. Its importances (mean decrease of impurity) are the column
of the factor, its answers on the scored clips the explicitness. Beside each stands the same with the factors of the
train clips in another order: what a forest makes of codes that know nothing. C. Eastwood and C. Williams, ICLR 2018,
who take random forests too; the MSD benchmark takes gradient boosting, 100 trees a class, which on 2,000 codes and a
core takes minutes a factor.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from stbench.metrics.dci import compactness, completeness, disentanglement, modularity
from stbench.protocols.scoring import Whole

TREES = 100
MOST = 2000
"""Train clips, evenly spaced."""
SEED = 20_211_219
"""Any fixed number; the forests and the order that is chance follow from it."""
OF_MATRIX = {
    "dci_disentanglement": disentanglement,
    "dci_completeness": completeness,
    "block_modularity": modularity,
    "block_compactness": compactness,
}
OF_ONE = ("dci_completeness",)
"""With one factor there is nothing to mix it with: the other three are 1 whatever the codes."""
EXPLICITNESS = "dci_explicitness"
NAMES = tuple(f"{name}{end}" for name in (*OF_MATRIX, EXPLICITNESS) for end in ("", "_chance"))


def code_importances(
    known: Mapping[str, np.ndarray],
    learnt: Sequence[np.ndarray],
    asked: Mapping[str, np.ndarray],
    wanted: Sequence[np.ndarray],
) -> tuple[dict[str, np.ndarray], dict[str, Whole]]:
    """(values (n,), whole scores) of codes `asked` (n, k) by name, from those `known` (m, k) of train clips.

    `learnt`: of each factor its classes (m,) in training; `wanted`: (n,) of the clips that are scored. Of one factor
    only what says something of it (`OF_ONE`).
    """
    told = OF_MATRIX if len(learnt) > 1 else {name: OF_MATRIX[name] for name in OF_ONE}
    chosen = np.unique(np.linspace(0, len(learnt[0]) - 1, min(MOST, len(learnt[0]))).astype(np.int64))
    codes, tested = (np.concatenate([each[name] for name in sorted(each)], axis=1) for each in (known, asked))
    codes, labels = codes[chosen], [each[chosen] for each in learnt]
    order = np.random.default_rng(SEED).permutation(len(chosen))
    values: dict[str, np.ndarray] = {}
    whole: dict[str, Whole] = {}
    for end, given in (("", labels), ("_chance", [each[order] for each in labels])):
        fitted = [_fitted(codes, each, tested, right) for each, right in zip(given, wanted, strict=True)]
        matrix = np.stack([column for column, _ in fitted], axis=1)
        if matrix.any():  # codes that are the same of all clips belong to no factor
            whole |= {f"{name}{end}": Whole(measure(matrix)) for name, measure in told.items()}
        values[f"{EXPLICITNESS}{end}"] = np.mean([hits for _, hits in fitted], axis=0)
    return values, whole


def _fitted(
    codes: np.ndarray, learnt: np.ndarray, tested: np.ndarray, wanted: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Importances (k,) of the codes for one factor, and where the forest is right (n,)."""
    from sklearn.ensemble import RandomForestClassifier  # type: ignore[import-untyped]

    forest = RandomForestClassifier(TREES, random_state=0, n_jobs=1).fit(codes.astype(np.float32), learnt)
    hits = forest.predict(tested.astype(np.float32)) == wanted
    return np.asarray(forest.feature_importances_, np.float64), hits.astype(np.float64)


__all__ = ["NAMES", "code_importances"]
