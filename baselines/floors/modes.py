"""Exact dynamic mode decomposition from products of snapshots, and the frames' own directions it works in."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from stbench.splits.training import TrainingWindows

from .frames import mean_frame

SMALLEST = 1e-6
"""Singular values below this share of the largest are round-off: frames are float32, and products square them."""
DIRECTIONS = 64
"""Most directions of frames that are kept."""
SNAPSHOTS = 1024
"""Training frames, evenly apart, that the directions are found from."""


def _above_rounding(squared: np.ndarray) -> np.ndarray:
    """Which of the squared singular values are more than round-off, falling; none of zeros."""
    least = max(SMALLEST**2 * float(np.max(squared, initial=0.0)), float(np.finfo(float).tiny))
    order = np.argsort(squared)[::-1]
    return np.asarray(order[squared[order] > least])


@dataclass(frozen=True)
class Directions:
    """v ≈ v̄ + Σ_i a_i u_i: proper orthogonal decomposition of frames."""

    mean: np.ndarray
    """(D,) v̄, over the frames of all training sequences (`frames.mean_frame`)."""
    basis: np.ndarray
    """(p, D) orthonormal u_i, by falling variance."""

    @classmethod
    def of(cls, train: TrainingWindows) -> Directions:
        """The left singular vectors of at most 1,024 training frames without their mean, 64 at most."""
        mean = mean_frame(train).reshape(-1)
        stored = train.stored[0].reshape(-1, *train.frame_shape)
        chosen = np.linspace(0, len(stored) - 1, min(len(stored), SNAPSHOTS)).astype(int)
        snapshots = train.normaliser(stored[chosen]).reshape(len(chosen), -1) - mean
        wide = snapshots.shape[1] > len(snapshots)
        squared, vectors = np.linalg.eigh(snapshots @ snapshots.T if wide else snapshots.T @ snapshots)
        kept = _above_rounding(squared)[:DIRECTIONS]
        basis = vectors[:, kept].T @ snapshots / np.sqrt(squared[kept])[:, None] if wide else vectors[:, kept].T
        return cls(mean, np.ascontiguousarray(basis))

    def coordinates(self, frames: np.ndarray) -> np.ndarray:
        """(n, *frame) -> (n, p) float64."""
        return np.asarray((frames.reshape(len(frames), -1) - self.mean) @ self.basis.T)

    def frames(self, coordinates: np.ndarray) -> np.ndarray:
        """(n, p) -> (n, D)."""
        return np.asarray(self.mean + coordinates @ self.basis)


@dataclass(frozen=True)
class Modes:
    """x_k = Φ Λ^{k-1} b, k = 1, 2, ..., with b = (W⁻¹ Uᵀ) x_0."""

    eigenvalues: np.ndarray
    """(r,) λ, those outside the unit circle included."""
    modes: np.ndarray
    """(m, r) Φ, exact modes: eigenvectors of Y X⁺ times λ."""
    amplitudes: np.ndarray
    """(r, m): W⁻¹ Uᵀ."""

    def advance(self, state: np.ndarray, steps: int) -> np.ndarray:
        """x_1 .. x_steps from x_0 = `state` (m,): (steps, m). A mode outside the unit circle keeps its phase and does
        not grow: λ/|λ| stands for its λ, but in the first step, which Φ has in it."""
        bounded = self.eigenvalues / np.maximum(np.abs(self.eigenvalues), 1.0)
        powers = bounded[None, :] ** np.arange(steps)[:, None]
        return np.asarray(((powers * (self.amplitudes @ state)) @ self.modes.T).real)


@dataclass
class Products:
    """X Xᵀ and Y Xᵀ of snapshot pairs, columns x_i -> y_i, added up."""

    size: int

    def __post_init__(self) -> None:
        self.xx, self.yx = np.zeros((self.size, self.size)), np.zeros((self.size, self.size))

    def add(self, x: np.ndarray, y: np.ndarray) -> None:
        """Rows of `x` and `y` (pairs, size) are snapshots."""
        self.xx += x.T @ x
        self.yx += y.T @ x

    def spectrum(self) -> tuple[np.ndarray, np.ndarray]:
        """Squared singular values of X, falling, without round-off, (r,), and its left singular vectors (size, r)."""
        squared, vectors = np.linalg.eigh(self.xx)
        kept = _above_rounding(squared)
        return squared[kept], vectors[:, kept]

    def decompose(self, rank: int) -> Modes:
        """Exact DMD (Tu et al. 2014, definition 1 and algorithm 2) of `rank` r, fewer where X has fewer:

        X = U Σ Vᵀ,    Ã = Uᵀ Y V Σ⁻¹ = Uᵀ (Y Xᵀ) U Σ⁻²,    Ã W = W Λ,    Φ = Y V Σ⁻¹ W = (Y Xᵀ) U Σ⁻² W
        """
        squared, left = self.spectrum()
        squared, left = squared[:rank], left[:, :rank]
        lifted = self.yx @ left / squared
        eigenvalues, vectors = np.linalg.eig(left.T @ lifted)
        return Modes(eigenvalues, lifted @ vectors, np.linalg.pinv(vectors) @ left.T)
