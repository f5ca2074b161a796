"""Entropies of a judge's opinions on generated sequences.

    H(y|x) = -(1/N) sum_n sum_y p_n(y) ln p_n(y)       intra-entropy: low when every sequence is recognised clearly
    H(y)   = -sum_y m(y) ln m(y),  m = (1/N) sum_n p_n    inter-entropy: high when all classes appear; at most ln C
    IS     = exp(H(y) - H(y|x))                          the inception score with this judge, exactly

Natural logarithms, 0 ln 0 = 0. Definitions as in He et al. 2018 and Khan and Storkey 2021, Table 2; IS: T. Salimans et
al., "Improved Techniques for Training GANs", NeurIPS 2016. Probabilities (n, classes), float64 inside.
"""

from __future__ import annotations

import numpy as np
from scipy.special import entr  # type: ignore[import-untyped]

from stbench.errors import StbenchError


def intra_entropy(probabilities: np.ndarray) -> np.ndarray:
    """Entropy of each opinion, (n,); their mean is H(y|x)."""
    return np.asarray(entr(_checked(probabilities)).sum(axis=1))


def inter_entropy(probabilities: np.ndarray) -> float:
    """H(y), entropy of the mean opinion: a property of the whole sample, not a mean over sequences."""
    return float(entr(_checked(probabilities).mean(axis=0)).sum())


def inception_score(probabilities: np.ndarray) -> float:
    """exp(H(y) - H(y|x)), between 1 and the number of classes."""
    return float(np.exp(inter_entropy(probabilities) - intra_entropy(probabilities).mean()))


def _checked(probabilities: np.ndarray) -> np.ndarray:
    values = np.asarray(probabilities, np.float64)
    if values.ndim != 2 or not len(values):
        raise StbenchError(f"entropies want probabilities of shape (sequence, class), not {values.shape}")
    if not (values >= 0).all() or not np.allclose(values.sum(axis=1), 1, atol=1e-4):
        raise StbenchError("entropies want probabilities: every row not negative and of sum 1")
    return values
