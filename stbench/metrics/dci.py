"""How codes and factors belong to each other, from a matrix of importances.

R_ij >= 0: importance of code i (of D) for factor j (of F), each column of sum 1; p_i. = R_i. / sum_j R_ij.

    disentanglement = sum_i w_i (1 - H_F(p_i.)),    w_i = sum_j R_ij / sum R
    completeness    = mean_j (1 - H_D(R_.j))
    modularity      = sum_b w_b (1 - H_F(P_b.)),    P_b. = sum_{i in b} R_i. / w_b sum R
    compactness     = mean_j (1 - H_B(Q_.j)),       Q_bj = sum_{i in b} R_ij

H_n: entropy with logarithms to base n. C. Eastwood and C. Williams, "A Framework for the Quantitative Evaluation of
Disentangled Representations", ICLR 2018, for single codes; the last two are those of the MSD benchmark for blocks. A
block holds the codes that matter most for one factor (of equal ones the first), so there are at most F. The published
code divides the entropy of compactness by ln D instead of the logarithm of the number of blocks, so that its smallest
value is 1 - ln B / ln D and not 0; it also puts 1e-7 for zero shares and does not normalise again. Neither is done
here. With one factor, or in one block, there is nothing to mix with: the term is 1.
"""

from __future__ import annotations

import numpy as np
from scipy.special import entr  # type: ignore[import-untyped]

from stbench.errors import StbenchError


def disentanglement(importances: np.ndarray) -> float:
    """Does a code matter for one factor only? 0 (for all alike) to 1; `importances` (codes, factors)."""
    return _weighted(_checked(importances))


def completeness(importances: np.ndarray) -> float:
    """Is a factor in one code only? 0 (in all alike) to 1."""
    return float(_purity(_checked(importances).T).mean())


def modularity(importances: np.ndarray) -> float:
    """Disentanglement of blocks of codes."""
    return _weighted(blocks(importances))


def compactness(importances: np.ndarray) -> float:
    """Completeness over blocks of codes."""
    return float(_purity(blocks(importances).T).mean())


def blocks(importances: np.ndarray) -> np.ndarray:
    """(blocks, factors): the sums over the codes that matter most for one factor; a factor without codes has none, and
    a code that matters for no factor is in none."""
    found = _checked(importances)
    found = found[found.any(axis=1)]
    owner = found.argmax(axis=1)
    return np.stack([found[owner == factor].sum(axis=0) for factor in np.unique(owner)])


def _weighted(rows: np.ndarray) -> float:
    mass = rows.sum(axis=1)
    return float((_purity(rows) * mass).sum() / mass.sum())


def _purity(rows: np.ndarray) -> np.ndarray:
    """1 - H of each row, its sum taken as 1, logarithms to the base of its length; 0 of a row that is 0."""
    mass = rows.sum(axis=1, keepdims=True)
    if rows.shape[1] == 1:
        return np.ones(len(rows))
    shares = np.divide(rows, mass, out=np.full_like(rows, 1 / rows.shape[1]), where=mass > 0)
    return np.asarray(np.clip(1 - entr(shares).sum(axis=1) / np.log(rows.shape[1]), 0, 1))


def _checked(importances: np.ndarray) -> np.ndarray:
    values = np.asarray(importances, np.float64)
    if values.ndim != 2 or not values.size or not (values >= 0).all() or not np.isfinite(values).all():
        raise StbenchError(f"importances are a matrix (codes, factors) without negative numbers, not {values.shape}")
    total = values.sum(axis=0)
    # A factor that no code tells anything about is told by all alike.
    return np.asarray(np.divide(values, total, out=np.full_like(values, 1 / len(values)), where=total > 0))


__all__ = ["blocks", "compactness", "completeness", "disentanglement", "modularity"]
