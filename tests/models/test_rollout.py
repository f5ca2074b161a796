"""The roll-out in one node of the graph is the plain one, values and gradients."""

import pytest
import torch
from torch import Tensor

from stbench.models.parts.integrator import ResidualMLP


def plain(integrator: ResidualMLP, state: Tensor, n_states: int) -> Tensor:
    states = [state]
    for _ in range(n_states - 1):
        states.append(integrator(states[-1]))
    return torch.stack(states, 1)


@pytest.fixture
def integrator() -> ResidualMLP:
    torch.manual_seed(0)
    return ResidualMLP(5, blocks=2, hidden=11, gain=0.71).double()


def test_values_and_gradients_equal_the_plain_roll_out(integrator: ResidualMLP) -> None:
    state = torch.randn(4, 5, dtype=torch.double, requires_grad=True)
    weight = torch.randn(4, 7, 5, dtype=torch.double)
    leaves = [state, *integrator.parameters()]
    found, expected = integrator.roll_out(state, 7), plain(integrator, state, 7)
    torch.testing.assert_close(found, expected, rtol=1e-13, atol=1e-13)
    gradients = torch.autograd.grad((found * weight).sum(), leaves)
    for ours, theirs in zip(gradients, torch.autograd.grad((expected * weight).sum(), leaves), strict=True):
        torch.testing.assert_close(ours, theirs, rtol=1e-11, atol=1e-12)


def test_gradients_equal_finite_differences(integrator: ResidualMLP) -> None:
    state = torch.randn(2, 5, dtype=torch.double, requires_grad=True)
    assert torch.autograd.gradcheck(lambda x: integrator.roll_out(x, 4), (state,))


def test_state_and_gradients_stay_float32_under_autocast(integrator: ResidualMLP) -> None:
    integrator.float()
    state = torch.randn(3, 5, requires_grad=True)
    with torch.autocast("cpu", torch.bfloat16):
        states = integrator.roll_out(state, 6)
    assert states.dtype == torch.float32
    torch.testing.assert_close(states, plain(integrator, state, 6), rtol=0.05, atol=0.05)
    states.sum().backward()
    assert {each.grad.dtype for each in [state, *integrator.parameters()] if each.grad is not None} == {torch.float32}


def test_one_state_is_the_initial_one(integrator: ResidualMLP) -> None:
    state = torch.randn(3, 5, dtype=torch.double, requires_grad=True)
    assert torch.equal(integrator.roll_out(state, 1)[:, 0], state)
