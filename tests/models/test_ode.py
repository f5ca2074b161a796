"""The ODE integrated as one: orders, closed forms, gradients, times between frames."""

from __future__ import annotations

import math
import sys

import numpy as np
import pytest
import torch
from sepvar_tasks import task
from torch import Tensor

from stbench.contract import presets
from stbench.errors import StbenchError
from stbench.models.parts.integrator import ResidualMLP
from stbench.models.parts.ode import DormandPrince, Euler, RungeKutta38
from stbench.models.sepvar.model import SeparationOfVariables, plugin

SHAPE = {"blocks": 2, "hidden": 11, "gain": 0.71}
TURN = math.pi / 7
TIMES = [0.0, 0.3, 1.0, 2.75, 6.5]


class Rotation(torch.nn.Module):
    """A flow whose field flow(T) - T is the linear f(T) = w J T: a rotation by the angle w per frame."""

    def forward(self, state: Tensor) -> Tensor:
        return state + TURN * torch.stack((-state[:, 1], state[:, 0]), 1)


def solver(kind, **settings):
    torch.manual_seed(0)
    return kind(2, **SHAPE, gradient="direct", **settings).double()


def rotating(kind, **settings):
    integrator = solver(kind, **settings)
    integrator.field.flow = Rotation()
    return integrator


def exact(state: Tensor, times) -> Tensor:
    angle = TURN * torch.tensor(list(times), dtype=torch.double)
    c, s = angle.cos(), angle.sin()
    x, y = state[:, :1], state[:, 1:]
    return torch.stack((c * x - s * y, s * x + c * y), -1)


STATE = torch.tensor([[1.0, 0.0], [0.3, -2.0]], dtype=torch.double)


@pytest.mark.parametrize("tolerance", [1e-5, 1e-9])
def test_dopri5_meets_its_tolerance_on_a_linear_field(tolerance):
    found = rotating(DormandPrince, rtol=tolerance, atol=tolerance, evaluation=1.0).at(STATE, TIMES)
    assert (found - exact(STATE, TIMES)).abs().max() < 50 * tolerance


@pytest.mark.parametrize(("kind", "order"), [(RungeKutta38, 4), (Euler, 1)])
def test_halving_the_step_divides_the_error_by_two_to_the_order(kind, order):
    times = [0.0, 4.0]
    errors = [
        (rotating(kind, step=step).at(STATE, times) - exact(STATE, times)).abs().max().item() for step in (0.25, 0.125)
    ]
    assert math.log2(errors[0] / errors[1]) == pytest.approx(order, abs=0.15)


@pytest.mark.parametrize(("kind", "order"), [(RungeKutta38, 4), (Euler, 1)])
def test_between_two_steps_the_order_is_the_same(kind, order):
    """2.7 is on none of these grids; 4.0, asked for as well, is on all of them."""
    times = [2.7, 4.0]
    errors = [
        (rotating(kind, step=step).at(STATE, times) - exact(STATE, times))[:, 0].abs().max().item()
        for step in (1.0, 0.5, 0.25, 0.125)
    ]
    assert math.log2(errors[0] / errors[-1]) / 3 == pytest.approx(order, abs=0.35)


@pytest.mark.parametrize("kind", [RungeKutta38, Euler])
@pytest.mark.parametrize("time", [0.3, 1.5, 2.75])
def test_a_state_does_not_depend_on_which_others_are_asked_for(kind, time):
    integrator = solver(kind, step=1.0)
    alone = integrator.at(STATE, [time])[:, 0]
    torch.testing.assert_close(integrator.at(STATE, [time, 3.0])[:, 0], alone, rtol=1e-12, atol=1e-12)
    torch.testing.assert_close(integrator.at(STATE, [0.1, time, 7.9])[:, 1], alone, rtol=1e-12, atol=1e-12)


def test_rk4_is_the_three_eighths_rule():
    """One step of the tableau in NumPy; the classic rule gives another value on a nonlinear field."""
    integrator = solver(RungeKutta38, step=1.0)

    def f(x):
        with torch.no_grad():
            return integrator.field(None, torch.from_numpy(x)).numpy()

    x = STATE.numpy()
    k1 = f(x)
    k2 = f(x + k1 / 3)
    k3 = f(x + k2 - k1 / 3)
    k4 = f(x + k1 - k2 + k3)
    step = x + (k1 + 3 * k2 + 3 * k3 + k4) / 8
    np.testing.assert_allclose(integrator.roll_out(STATE, 2)[:, 1].detach().numpy(), step, rtol=1e-12)
    k2 = f(x + k1 / 2)
    k3 = f(x + k2 / 2)
    classic = x + (k1 + 2 * k2 + 2 * k3 + f(x + k3)) / 6
    assert np.abs(classic - step).max() > 1e-7


def test_an_euler_step_of_one_frame_is_the_residual_integrator():
    euler = solver(Euler, step=1.0)
    torch.manual_seed(0)
    residual = ResidualMLP(2, **SHAPE).double()
    torch.testing.assert_close(euler.roll_out(STATE, 6), residual.roll_out(STATE, 6), rtol=1e-12, atol=1e-12)


def test_finer_steps_converge_to_the_adaptive_solution():
    reference = solver(DormandPrince, rtol=1e-10, atol=1e-12, evaluation=1.0).at(STATE, TIMES)
    errors = [
        (solver(RungeKutta38, step=step).at(STATE, TIMES) - reference).abs().max().item() for step in (1.0, 0.25, 0.05)
    ]
    assert errors[0] > errors[1] > errors[2]
    assert errors[2] < 1e-4


@pytest.mark.parametrize(
    ("kind", "settings", "tolerance"),
    [(DormandPrince, {"rtol": 1e-8, "atol": 1e-9, "evaluation": 1.0}, 1e-6), (RungeKutta38, {"step": 0.05}, 1e-5)],
)
def test_adjoint_gradient_equals_the_one_through_the_solver_on_a_smooth_field(kind, settings, tolerance):
    gradients = []
    for gradient in ("direct", "adjoint"):
        torch.manual_seed(0)
        integrator = kind(2, **SHAPE, **settings, gradient=gradient).double()
        for block in integrator.field.flow.blocks:
            block[1] = block[3] = torch.nn.Tanh()
        state = STATE.clone().requires_grad_()
        integrator.at(state, TIMES).square().sum().backward()
        gradients.append([state.grad, *(each.grad for each in integrator.parameters())])
    for direct, adjoint in zip(*gradients, strict=True):
        torch.testing.assert_close(direct, adjoint, rtol=tolerance, atol=tolerance)


def test_whole_frames_are_the_same_whether_asked_alone_or_among_others():
    integrator = solver(RungeKutta38, step=0.5)
    among = integrator.at(STATE, [0.5, 1.0, 1.5, 2.0, 3.0])
    torch.testing.assert_close(among[:, [1, 3, 4]], integrator.roll_out(STATE, 4)[:, 1:], rtol=1e-10, atol=1e-12)


@pytest.mark.parametrize("times", [[], [-0.5, 1.0], [2.0, 1.0], [1.0, 1.0], [1.0, math.nan], [1.0, math.inf]])
def test_times_that_do_not_increase_are_refused_by_the_ode_and_by_residual_steps(times):
    for integrator in (solver(RungeKutta38, step=1.0), ResidualMLP(2, **SHAPE).double()):
        with pytest.raises(StbenchError, match="must increase and not lie before 0"):
            integrator.at(STATE, times)


def test_times_that_are_one_in_the_precision_of_a_state_are_refused():
    integrator = solver(RungeKutta38, step=1.0)
    assert integrator.at(STATE, [1.0, 1.00000001]).shape[1] == 2
    with pytest.raises(StbenchError, match="must increase and not lie before 0"):
        integrator.float().at(STATE.float(), [1.0, 1.00000001])


def test_a_missing_solver_package_is_told_in_a_sentence(monkeypatch):
    monkeypatch.setitem(sys.modules, "torchdiffeq", None)
    with pytest.raises(StbenchError, match="need torchdiffeq, which is not installed: pip install"):
        solver(RungeKutta38, step=1.0).roll_out(STATE, 3)


def model(variant):
    torch.manual_seed(0)
    return plugin.build(presets.select(plugin, "waveeq-100", "quick", variant)["model"], task("waveeq-100")).eval()


def lively(variant):
    """As `model`, with weights so large that windows and lead times differ."""
    module = model(variant)
    with torch.no_grad():
        for part in (module.static_encoder, module.temporal_encoder, module.decoder):
            for parameter in part.parameters():
                parameter.mul_(2.5)
        for parameter in module.integrator.parameters():
            parameter.mul_(1.5)
    return module


@pytest.mark.parametrize("variant", ["ode-dopri5", "ode-rk4", "ode-adjoint"])
def test_forecast_at_whole_lead_times_is_the_forecast_and_at_no_other_times(variant):
    conditioning = torch.rand(3, 5, 100)
    module = lively(variant)
    with torch.no_grad():
        forecast = module(conditioning, 3)
        asked = module.forecast_at(conditioning, [1.0, 1.5, 2.0, 3.0])
    tolerance = 1e-4
    assert (forecast[:, 1:] - forecast[:, :-1]).abs().amax((0, 2)).min() > 100 * tolerance
    torch.testing.assert_close(asked[:, [0, 2, 3]], forecast, rtol=0, atol=tolerance)
    assert all((asked[:, 1] - asked[:, k]).abs().max() > 100 * tolerance for k in (0, 2))


def test_residual_steps_know_whole_lead_times_only():
    conditioning = torch.rand(3, 5, 100)
    module = model(None)
    with torch.no_grad():
        torch.testing.assert_close(module.forecast_at(conditioning, [1, 3]), module(conditioning, 3)[:, [0, 2]])
        with pytest.raises(
            StbenchError, match=r"asked for at 5.5 frames after the initial one.*choose an integrator of the ODE"
        ):
            module.forecast_at(conditioning, [1.5])


@pytest.mark.parametrize("variant", ["ode-dopri5", "ode-rk4", "ode-adjoint"])
def test_a_training_step_of_the_ode_moves_every_weight_and_keeps_the_state_float32(variant):
    module = model(variant).train()
    frames = torch.rand(4, 12, 100)
    with torch.autocast("cpu", torch.bfloat16):
        terms = module.loss({"frames": frames}, torch.Generator().manual_seed(0))
        assert module.integrator.roll_out(torch.rand(2, 32), 3).dtype == torch.float32
    terms["total"].backward()
    for name, parameter in module.named_parameters():
        assert parameter.grad is not None, name
        assert parameter.grad.isfinite().all(), name
    assert isinstance(module, SeparationOfVariables)


@pytest.mark.parametrize("variant", ["ode-dopri5", "ode-adjoint"])
def test_forecast_of_a_window_does_not_depend_on_its_batch_where_the_step_is_adaptive(variant):
    """Steps are chosen for a batch as a whole: in eval mode so small that it makes no difference."""
    integrator = model(variant).integrator
    states = 3 * torch.randn(6, 32, generator=torch.Generator().manual_seed(0))

    def difference():
        with torch.no_grad():
            return (integrator.roll_out(states, 10)[2:3] - integrator.roll_out(states[2:3], 10)).abs().max().item()

    evaluated = difference()
    integrator.train()
    assert evaluated < min(3e-5 * states.abs().max(), 0.05 * difference())
