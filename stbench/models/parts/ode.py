"""True integration of dT/dt = f(T) (Eq. 7) with torchdiffeq, beside the residual steps of the published model. Ours.

    f(T) = (id + g_K) o ... o (id + g_1) (T) - T

so one Euler step of one frame is the residual integrator, parameter for parameter; between frames the ODE is defined
too, and a forecast may be asked for at any times (Chen et al. 2018).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn

from stbench.contract.settings import Positive, Size, Weight
from stbench.devices import moved
from stbench.errors import StbenchError

from .components import choose
from .integrator import ResidualMLP, check_times


class _Field(nn.Module):
    """f(t, T), independent of t."""

    def __init__(self, flow: ResidualMLP) -> None:
        super().__init__()
        self.flow = flow

    def forward(self, time: Tensor, state: Tensor) -> Tensor:
        increment: Tensor = self.flow(state) - state
        return increment


def _torchdiffeq() -> Any:
    try:
        import torchdiffeq  # type: ignore[import-untyped]
    except ModuleNotFoundError:
        raise StbenchError(
            "the integrators of the ODE need torchdiffeq, which is not installed: pip install 'stbench[torch]'"
        ) from None
    return torchdiffeq


def _direct(field: nn.Module, state: Tensor, times: Tensor, **options: Any) -> Tensor:
    states: Tensor = _torchdiffeq().odeint(field, state, times, **options)
    return states


def _adjoint(field: nn.Module, state: Tensor, times: Tensor, **options: Any) -> Tensor:
    # The error of the weights' gradient needs no control: nothing else depends on it (Kidger et al. 2021).
    backward = {**options.get("options", {}), "norm": "seminorm"}
    states: Tensor = _torchdiffeq().odeint_adjoint(field, state, times, adjoint_options=backward, **options)
    return states


GRADIENTS = {"direct": _direct, "adjoint": _adjoint}
"""Through the solver's steps, or by the adjoint ODE backwards in time: constant memory, accurate to the tolerance where
f is smooth. f here has kinks (ReLU), which no tolerance resolves in its derivative: the two differ by some 1e-3."""


class _OdeIntegrator(nn.Module):
    """Field, gradient and solver options; float32 whatever autocast says, because solvers control or add up small
    differences."""

    def __init__(self, state_size: int, blocks: int, hidden: int, gain: float, gradient: str, **solver: Any) -> None:
        super().__init__()
        self.field = _Field(ResidualMLP(state_size, blocks=blocks, hidden=hidden, gain=gain))
        self.solve, self.solver = choose("gradient", GRADIENTS, gradient), solver

    def roll_out(self, state: Tensor, n_states: int) -> Tensor:
        """T_0 (batch, p) -> T at 0, 1, ..., n_states - 1 frames, (batch, n_states, p)."""
        return self.at(state, range(n_states))

    def at(self, state: Tensor, times: Sequence[float]) -> Tensor:
        """T at increasing `times` >= 0 in frames, not necessarily whole: (batch, p) -> (batch, len(times), p).

        Raises `StbenchError` for times that do not increase or lie before T_0.
        """
        check_times(times)
        # As the solver sees them: times apart by less than the precision of a state are one time.
        check_times(torch.tensor([*times], dtype=state.dtype).tolist())
        if len(times) == 1 and times[0] == 0:
            return state.unsqueeze(1)
        begin = () if times[0] == 0 else (0.0,)
        asked = [*begin, *times, *self._beyond(times[-1])]
        grid = moved(torch.tensor(asked, dtype=state.dtype), state.device)
        with torch.autocast(state.device.type, enabled=False):
            states = self.solve(self.field, state, grid, **self._options(times))
        return states[len(begin) : len(begin) + len(times)].transpose(0, 1)

    def _options(self, times: Sequence[float]) -> dict[str, Any]:
        """Of the solver, for states at `times`."""
        return self.solver

    def _beyond(self, last: float) -> tuple[float, ...]:
        """A time the solver has to reach after the last one asked for."""
        return ()


class DormandPrince(_OdeIntegrator):
    """Adaptive Runge-Kutta 5(4) of Dormand and Prince, local error below `atol` + `rtol` |T|.

    The step is chosen for the batch as a whole, so states depend on their batch within the tolerance. A forecast must
    not: in eval mode the tolerances are `evaluation` times as large; at 1e-6 they are about what float32 resolves.
    """

    def __init__(
        self,
        state_size: int,
        *,
        blocks: Size,
        hidden: Size,
        gain: Weight,
        rtol: Positive,
        atol: Positive,
        evaluation: Positive,
        gradient: str,
    ) -> None:
        super().__init__(state_size, blocks, hidden, gain, gradient, method="dopri5", rtol=rtol, atol=atol)
        self.evaluation = evaluation

    def _options(self, times: Sequence[float]) -> dict[str, Any]:
        factor = 1.0 if self.training else self.evaluation
        return {**self.solver, "rtol": factor * self.solver["rtol"], "atol": factor * self.solver["atol"]}


class _FixedStep(_OdeIntegrator):
    """Whole steps of `step` frames, whatever is asked for: a state does not depend on which others are."""

    METHOD = ""
    BETWEEN = "linear"
    """How torchdiffeq finds a state within a step."""

    def __init__(
        self, state_size: int, *, blocks: Size, hidden: Size, gain: Weight, step: Positive, gradient: str
    ) -> None:
        options = {"step_size": step}
        super().__init__(state_size, blocks, hidden, gain, gradient, method=self.METHOD, options=options)
        self.step = step

    def _on_grid(self, time: float) -> bool:
        steps = time / self.step
        return math.isclose(steps, round(steps), rel_tol=0.0, abs_tol=1e-6)

    def _options(self, times: Sequence[float]) -> dict[str, Any]:
        if all(map(self._on_grid, times)):
            return self.solver
        return {**self.solver, "options": {**self.solver["options"], "interp": self.BETWEEN}}

    def _beyond(self, last: float) -> tuple[float, ...]:
        return () if self._on_grid(last) else (math.ceil(last / self.step) * self.step,)


class RungeKutta38(_FixedStep):
    """Classic fourth order, 3/8 rule (Kutta 1901), in steps of `step` frames.

    Within a step: the cubic through both its ends and both derivatives there, of fourth order as well; one f more for
    each such state.
    """

    METHOD, BETWEEN = "rk4", "cubic"


class Euler(_FixedStep):
    """T(t + s) = T(t) + s f(T(t)), s = `step` frames; s = 1 is the residual integrator. Within a step, too: a shorter
    step of the same f."""

    METHOD = "euler"
