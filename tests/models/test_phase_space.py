"""Claims of linear Hamiltonian dynamics, in float64, against NumPy and SciPy."""

from __future__ import annotations

import numpy as np
import pytest
import scipy.linalg
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from stbench.errors import StbenchError
from stbench.models.hamiltonian.phase_space import KINDS, HamiltonianBlocks

BLOCKS, SIZE = 3, 12
ALL = sorted(KINDS)


def blocks(kind: str, seed: int = 0) -> HamiltonianBlocks:
    torch.manual_seed(seed)
    return HamiltonianBlocks(BLOCKS, SIZE, kind=kind, gain=2**0.5).double()


def symplectic_form(size: int) -> torch.Tensor:
    """J = [[0, I], [-I, 0]], (2d, 2d) float64, for d = `size`."""
    identity, zero = torch.eye(size, dtype=torch.float64), torch.zeros(size, size, dtype=torch.float64)
    return torch.cat((torch.cat((zero, identity), 1), torch.cat((-identity, zero), 1)))


def states(seed: int = 0, batch: int = 5) -> torch.Tensor:
    return torch.randn(batch, BLOCKS, 2 * SIZE, generator=torch.Generator().manual_seed(seed)).double()


@pytest.mark.parametrize("kind", ALL)
def test_matrix_is_in_the_symplectic_algebra(kind: str) -> None:
    form = symplectic_form(SIZE)
    for matrix in blocks(kind).matrix():
        assert (matrix.mT @ form + form @ matrix).abs().max() < 1e-14


@pytest.mark.parametrize("kind", ALL)
def test_definition_1_of_the_paper_is_the_condition_of_the_exponential_not_of_the_matrix(kind: str) -> None:
    form, operator = symplectic_form(SIZE), blocks(kind)
    for matrix, step in zip(operator.matrix(), operator.propagator(torch.ones(1))[0], strict=True):
        assert (step.mT @ form @ step - form).abs().max() < 1e-12
        assert (matrix.mT @ form @ matrix - form).abs().max() > 0.1


@pytest.mark.parametrize("kind", ALL)
def test_exponential_equals_scipys(kind: str) -> None:
    operator = blocks(kind)
    matrices = operator.matrix().detach().numpy()
    times = np.array([-1.0, 0.0, 0.3, 2.0])
    found = operator.propagator(torch.from_numpy(times)).detach().numpy()
    for t, row in zip(times, found, strict=True):
        for matrix, exponential in zip(matrices, row, strict=True):
            np.testing.assert_allclose(exponential, scipy.linalg.expm(t * matrix), rtol=0, atol=1e-12)


@pytest.mark.parametrize("kind", ALL)
@pytest.mark.parametrize("n", [1, 8])
def test_going_back_undoes_going_forward(kind: str, n: int) -> None:
    operator, start = blocks(kind), states()
    there = operator.flow(start, torch.tensor([float(n)]))[:, 0]
    back = operator.flow(there, torch.tensor([-float(n)]))[:, 0]
    # Indefinite operators grow by about e^n there and again on the way back, and the rounding with them.
    growth = max(1.0, there.abs().max().item() / start.abs().max().item())
    assert (back - start).abs().max() < 1e-13 * growth**2


@pytest.mark.parametrize("kind", ALL)
def test_energy_is_constant_over_8_steps(kind: str) -> None:
    operator, start = blocks(kind), states()
    energy = operator.energy(operator.flow(start, torch.arange(9)))
    drift = (energy - energy[:, :1]).abs() / energy[:, :1].abs()
    assert drift.max() < 1e-6
    assert drift.median() < 1e-9


@pytest.mark.parametrize("kind", ["definite", "skew", "unitary"])
def test_energy_is_constant_over_1000_steps_where_orbits_are_bounded(kind: str) -> None:
    operator, state = blocks(kind), states()
    start = operator.energy(state)
    step = operator.propagator(torch.ones(1))[0]
    for _ in range(1000):
        state = torch.einsum("kij,bkj->bki", step, state)
    assert ((operator.energy(state) - start).abs() / start.abs().clamp(min=1e-3)).max() < 1e-9


@pytest.mark.parametrize("kind", ["skew", "unitary"])
def test_skew_operators_keep_the_norm_of_a_state(kind: str) -> None:
    operator = blocks(kind)
    for step in operator.propagator(torch.ones(1))[0]:
        torch.testing.assert_close(step @ step.mT, torch.eye(2 * SIZE, dtype=torch.float64), atol=1e-12, rtol=0)
    matrix = operator.matrix()
    assert (matrix + matrix.mT).abs().max() < 1e-15


def test_definite_operators_have_imaginary_eigenvalues_and_free_ones_have_not() -> None:
    definite = torch.linalg.eigvals(blocks("definite").matrix())
    free = torch.linalg.eigvals(blocks("free").matrix())
    assert definite.real.abs().max() < 1e-10 * definite.abs().max()
    assert free.real.max() > 0.5


def test_released_skew_form_is_cosine_and_sine_of_a() -> None:
    operator = blocks("skew")
    step = operator.propagator(torch.ones(1))[0].detach().numpy()
    for raw, found in zip(operator.raw.detach().numpy(), step, strict=True):
        symmetric = (raw + raw.T) / 2
        cosine, sine = scipy.linalg.cosm(symmetric), scipy.linalg.sinm(symmetric)
        np.testing.assert_allclose(found, np.block([[cosine, sine], [-sine, cosine]]), atol=1e-12)


@pytest.mark.parametrize(("kind", "numbers"), [("free", 2 * SIZE**2 + SIZE), ("skew", SIZE * (SIZE + 1) // 2)])
def test_free_numbers_of_a_kind_are_those_of_its_algebra(kind: str, numbers: int) -> None:
    assert _rank(blocks(kind)) == numbers


def test_unitary_kind_spans_the_whole_of_u_d() -> None:
    assert _rank(blocks("unitary")) == SIZE**2


def _rank(operator: HamiltonianBlocks) -> int:
    """Dimension of the span of the matrices, by their (linear) dependence on the raw weights."""
    raw = operator.raw[0].detach()
    jacobian = torch.autograd.functional.jacobian(lambda weights: operator._symmetric(weights), raw)
    return int(torch.linalg.matrix_rank(jacobian.reshape(-1, raw.numel())))


@pytest.mark.parametrize("kind", ALL)
def test_blocks_do_not_mix(kind: str) -> None:
    operator, start = blocks(kind), states()
    start[:, 1] = 0
    rolled = operator.flow(start, torch.arange(4))
    assert not rolled[:, :, 1].any()
    alone = start.clone()
    alone[:, 2] = 0
    assert torch.equal(operator.flow(alone, torch.arange(4))[:, :, 0], rolled[:, :, 0])


@given(times=st.lists(st.floats(-4, 4), min_size=1, max_size=6), seed=st.integers(0, 99))
@settings(max_examples=25, deadline=None)
def test_times_may_be_unequal_and_negative(times: list[float], seed: int) -> None:
    operator, start = blocks("definite", seed), states(seed)
    found = operator.flow(start, torch.tensor(times, dtype=torch.float64)).detach().numpy()
    matrix = operator.matrix().detach().numpy()
    for k, t in enumerate(times):
        for block in range(BLOCKS):
            expected = start.numpy()[:, block] @ scipy.linalg.expm(t * matrix[block]).T
            np.testing.assert_allclose(found[:, k, block], expected, atol=1e-9)


def test_equations_of_motion_are_hamiltons() -> None:
    operator, start = blocks("free"), states()
    form, h = operator.quadratic_form(), 1e-5
    ahead, behind = operator.flow(start, torch.tensor([h, -h], dtype=torch.float64)).unbind(1)
    velocity = (ahead - behind) / (2 * h)
    gradient = torch.einsum("kij,bkj->bki", form, start)
    torch.testing.assert_close(velocity[..., :SIZE], gradient[..., SIZE:], atol=1e-7, rtol=1e-7)
    torch.testing.assert_close(velocity[..., SIZE:], -gradient[..., :SIZE], atol=1e-7, rtol=1e-7)


def test_unknown_kind_is_refused_with_the_nearest_name() -> None:
    with pytest.raises(StbenchError, match="unitary"):
        HamiltonianBlocks(1, 2, kind="unitry", gain=1.0)
