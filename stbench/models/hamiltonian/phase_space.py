"""Linear Hamiltonian dynamics on K blocks of phase space.

    ds/dt = H s,   H = J M,   M = M^T,   J = [[0, I], [-I, 0]],   s = (q, p) in R^2d
    s(t) = exp(t H) s(0),     E(s) = s^T M s / 2 = E(s(0))

H is a Hamiltonian matrix when J H is symmetric, that is H^T J + J H = 0: the Lie algebra sp(2d, R). Its exponential is
symplectic, S^T J S = J. (Definition 1 of the paper prints the second condition for H itself.) J M has this form for
every symmetric M, so a kind of operator is a way to write M. Source: A. Khan and A. Storkey, "Hamiltonian prior to
Disentangle Content and Motion in Image Sequences", CtrlGen workshop, NeurIPS 2021, section 3.1.1.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor, nn

from ..parts.components import choose

Symmetric = Callable[[Tensor], Tensor]
DEFINITE_FLOOR = 1e-3
"""Smallest eigenvalue of M of the kind "definite"."""


def times_form(matrix: Tensor) -> Tensor:
    """J X: the lower half of the rows of X on top, minus the upper half below; (..., 2d, m) -> (..., 2d, m)."""
    upper, lower = matrix.chunk(2, -2)
    return torch.cat((lower, -upper), -2)


def _symmetric_part(matrix: Tensor) -> Tensor:
    return 0.5 * (matrix + matrix.mT)


def _free(raw: Tensor) -> Tensor:
    """M = (W + W^T)/2, W (2d, 2d): the whole of sp(2d, R), 2 d^2 + d free numbers. Indefinite M let states grow."""
    return _symmetric_part(raw)


def _definite(raw: Tensor) -> Tensor:
    """M = W W^T + eps I: energy bounds the state for ever, |s(t)|^2 <= 2 E / eps. Ours, not the paper's."""
    return raw @ raw.mT + DEFINITE_FLOOR * torch.eye(raw.shape[-1], dtype=raw.dtype, device=raw.device)


def _skew(raw: Tensor) -> Tensor:
    """M = diag(A, A), A = (V + V^T)/2, V (d, d), so H = [[0, A], [-A, 0]]: the released skew form, d (d + 1)/2
    numbers."""
    symmetric = _symmetric_part(raw)
    zero = torch.zeros_like(symmetric)
    return torch.cat((torch.cat((symmetric, zero), -1), torch.cat((zero, symmetric), -1)), -2)


def _unitary(raw: Tensor) -> Tensor:
    """M = [[A, -B], [B, A]], A symmetric and B skew part of V, so H = [[B, A], [-A, B]]: all of u(d), d^2 numbers."""
    symmetric, skew = _symmetric_part(raw), 0.5 * (raw - raw.mT)
    return torch.cat((torch.cat((symmetric, -skew), -1), torch.cat((skew, symmetric), -1)), -2)


KINDS: dict[str, tuple[Symmetric, int]] = {
    "free": (_free, 2),
    "definite": (_definite, 2),
    "skew": (_skew, 1),
    "unitary": (_unitary, 1),
}
"""Kind -> (raw weights to M, side of the raw weights in units of d)."""


class HamiltonianBlocks(nn.Module):
    """K operators H_k = J M_k that act on K blocks of phase space, each of d positions and d momenta.

    `kind`: "free" (M symmetric), "definite" (M > 0), "skew" or "unitary" (exp(H) orthogonal and symplectic). States are
    (..., K, 2d), positions first. Raw weights start orthogonal with `gain`. Exponentials are computed in float64, where
    the paper's scheme (Bader, Blanes and Casas 2019) is `torch.linalg.matrix_exp`, and given in the dtype of the
    states.
    """

    def __init__(self, blocks: int, size: int, *, kind: str, gain: float) -> None:
        super().__init__()
        self.kind, self.size = kind, size
        self._symmetric, side = choose("kind of Hamiltonian", KINDS, kind)
        self.raw = nn.Parameter(torch.empty(blocks, side * size, side * size))
        for block in self.raw:
            nn.init.orthogonal_(block.data, gain)

    def quadratic_form(self) -> Tensor:
        """M (K, 2d, 2d), symmetric, float64."""
        return self._symmetric(self.raw.double())

    def matrix(self) -> Tensor:
        """H = J M (K, 2d, 2d), float64."""
        return times_form(self.quadratic_form())

    def propagator(self, times: Tensor) -> Tensor:
        """exp(t H) for every t of `times` (n,), of any sign and spacing: (n, K, 2d, 2d), float64."""
        scaled = times.to(self.raw.device, torch.float64)[:, None, None, None] * self.matrix()
        exponential: Tensor = torch.linalg.matrix_exp(scaled)
        return exponential

    def flow(self, states: Tensor, times: Tensor) -> Tensor:
        """s(t) = exp(t H) s: (batch, K, 2d), (n,) -> (batch, n, K, 2d). Blocks do not mix.

        Computed in the dtype of the states; autocast, which would round products to half precision, is kept out.
        """
        with torch.autocast(states.device.type, enabled=False):
            return torch.einsum("nkij,bkj->bnki", self.propagator(times).to(states.dtype), states)

    def energy(self, states: Tensor) -> Tensor:
        """E_k = s_k^T M_k s_k / 2: (..., K, 2d) -> (..., K); constant along `flow`."""
        with torch.autocast(states.device.type, enabled=False):
            form = self.quadratic_form().to(states.dtype)
            return 0.5 * torch.einsum("...ki,kij,...kj->...k", states, form, states)
