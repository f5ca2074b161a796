"""How far a judge's own errors blur what it judges, and how well it knows them.

    T* = sum_n w_n P*(wanted_n | said_n),    P*(i | j) = C*_ij / sum_i C*_ij

C: clips of the real test split, by true class i and class j the judge names. One resample draws the judged clips anew
(w, by clusters) and the real ones (C*, with replacement), so that T* is the share of clips that truly show what was
asked, with the error of the judge in it. A class that the judge names of no real clip is taken at its word.
"Error of the classifier as in the estimation of a prevalence": W. J. Rogan and B. Gladen, American Journal of
Epidemiology 107, 1978; the resampling: B. Efron and R. J. Tibshirani, An Introduction to the Bootstrap, 1993.

    ECE = sum_b (n_b / n) |accuracy_b - mean confidence_b|

over 15 bins of equal width of the largest probability: C. Guo et al., On Calibration of Modern Neural Networks, ICML
2017.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

BINS = 15
RESAMPLES = 2000
CONFIDENCE = 0.95
SEED = 20_211_217
"""Any fixed number; the same everywhere, so that intervals are reproducible."""
CELLS = 2**22
"""Numbers a step of the bootstrap holds."""


@dataclass(frozen=True)
class Verdicts:
    """What a judge says of clips, what is right, and how it errs."""

    said: np.ndarray
    """(n,) int64."""
    wanted: np.ndarray
    """(n,) int64."""
    confusion: np.ndarray
    """(classes, classes): real test clips by true class (rows) and class named (columns)."""

    def interval(self, cluster: np.ndarray) -> tuple[float, float]:
        """The 95 % percentile interval of the share of clips that truly show what is wanted.

        `cluster` (n,): clips of one number are drawn together.
        """
        classes = len(self.confusion)
        cells, pair = np.unique(self.wanted * classes + self.said, return_inverse=True)
        wanted, said = np.divmod(cells, classes)
        ids, row = np.unique(cluster, return_inverse=True)
        counts = np.zeros((len(ids), len(cells)))
        np.add.at(counts, (row, pair), 1.0)
        real, total = self.confusion.ravel() / max(1, self.confusion.sum()), int(self.confusion.sum())
        rng = np.random.default_rng(SEED)
        shares = []
        batch = max(1, CELLS // max(classes**2, len(ids)))
        for first in range(0, RESAMPLES, batch):
            draws = min(batch, RESAMPLES - first)
            times = rng.multinomial(len(ids), np.full(len(ids), 1 / len(ids)), draws).astype(np.float64) @ counts
            drawn = rng.multinomial(total, real, draws).reshape(draws, classes, classes)
            named = drawn.sum(axis=1)[:, said]
            trust = np.divide(drawn[:, wanted, said], named, out=np.zeros(named.shape), where=named > 0)
            trust = np.where(named > 0, trust, wanted == said)
            shares.append((times * trust).sum(axis=1) / times.sum(axis=1))
        low, high = np.quantile(np.concatenate(shares), [(1 - CONFIDENCE) / 2, (1 + CONFIDENCE) / 2])
        return float(low), float(high)


def confusion_matrix(true: np.ndarray, said: np.ndarray, classes: int) -> np.ndarray:
    """(classes, classes) int64: how many of the class of the row are named that of the column."""
    return np.bincount(true * classes + said, minlength=classes**2).reshape(classes, classes).astype(np.int64)


def expected_calibration_error(opinions: np.ndarray, true: np.ndarray) -> float:
    """ECE of probabilities (n, classes) against classes (n,); 0 where confidence is what it is worth, at most 1."""
    confidence, right = opinions.max(axis=1), opinions.argmax(axis=1) == true
    # The k-th bin is ((k-1)/15, k/15].
    bins = np.clip(np.ceil(confidence * BINS).astype(np.int64) - 1, 0, BINS - 1)
    gaps = np.bincount(bins, right - confidence, BINS)
    return float(np.abs(gaps).sum() / len(true))


__all__ = ["Verdicts", "confusion_matrix", "expected_calibration_error"]
