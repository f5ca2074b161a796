"""Frechet distance between two sets of features, as between two Gaussians.

    d^2 = |m1 - m2|^2 + tr(S1 + S2 - 2 (S1^(1/2) S2 S1^(1/2))^(1/2))

m, S: means and covariances (divided by n - 1), float64. The symmetric root is taken by eigenvalues, so singular
covariances (n below the number of features) are no trouble. The estimate is biased upwards: two samples of one
distribution have a positive distance that falls about as 1/n, so figures of different n must not be compared, and a
row says its n. M. Heusel et al., "GANs Trained by a Two Time-Scale Update Rule", NeurIPS 2017; T. Unterthiner et al.,
"Towards Accurate Generative Models of Video", 2018 (FVD: this formula on 400 logits of one particular I3D network;
with any other features it is not FVD and is not called so here).
"""

from __future__ import annotations

import numpy as np

from stbench.errors import StbenchError


def frechet_distance(features: np.ndarray, other: np.ndarray) -> float:
    """d^2 between features (n, k) and (m, k), n and m at least 2; 0 for a set and itself.

    Raises `StbenchError` for anything else.
    """
    first, second = (_checked(each) for each in (features, other))
    if first.shape[1] != second.shape[1]:
        raise StbenchError(
            f"the Frechet distance compares features of one kind, not of {first.shape[1]} and {second.shape[1]} numbers"
        )
    root = _root(_covariance(first))
    product = _root(root @ _covariance(second) @ root)
    shift = first.mean(axis=0) - second.mean(axis=0)
    spread = np.trace(_covariance(first)) + np.trace(_covariance(second)) - 2 * np.trace(product)
    return max(0.0, float(shift @ shift + spread))


def _covariance(features: np.ndarray) -> np.ndarray:
    return np.atleast_2d(np.cov(features, rowvar=False))


def _root(matrix: np.ndarray) -> np.ndarray:
    """The symmetric root of a symmetric matrix whose negative eigenvalues are rounding."""
    values, vectors = np.linalg.eigh((matrix + matrix.T) / 2)
    return np.asarray((vectors * np.sqrt(np.clip(values, 0, None))) @ vectors.T)


def _checked(features: np.ndarray) -> np.ndarray:
    values = np.asarray(features, np.float64)
    if values.ndim != 2 or len(values) < 2:
        raise StbenchError(f"the Frechet distance wants features (n, k) of at least two sequences, not {values.shape}")
    if not np.isfinite(values).all():
        raise StbenchError("the Frechet distance wants finite features, and some are not")
    return values
