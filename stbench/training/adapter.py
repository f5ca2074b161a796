"""A trained torch model as a forecaster of numpy arrays."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TypeVar

import numpy as np
import torch
from torch import nn

from stbench import arguments
from stbench.contract.capabilities import (
    HasConservation,
    HasDrawsTogether,
    HasForecastAt,
    HasImagine,
    HasLabel,
    HasReconstruct,
)
from stbench.contract.models import Factors, Task
from stbench.contract.modules import (
    TorchCoder,
    TorchDrawer,
    TorchResampler,
    TorchSampler,
    TorchSequencer,
    TorchSwapper,
    TorchTransferrer,
)
from stbench.errors import StbenchError

Able = TypeVar("Able")


class TorchForecaster:
    """`forecast` of a module with `forward(conditioning, horizon)`: eval mode, float32, no gradients, in batches.

    Whatever precision the model was trained with, it is evaluated in float32. Arrays are checked before the module
    sees them: `StbenchError` for another shape than those of `task` (any, without one), for what is not floating point
    and for values that are not finite.
    """

    def __init__(self, module: nn.Module, batch_size: int = 256, task: Task | None = None) -> None:
        self.module = module.eval()
        self.task = task
        self.batch_size = batch_size
        self.device = next((each.device for each in module.parameters()), torch.device("cpu"))

    def forecast(self, conditioning: np.ndarray, horizon: int) -> np.ndarray:
        """(batch, conditioning, *frame) -> (batch, horizon, *frame), float32."""
        return self._in_batches(self.module, self._windows(conditioning=conditioning), _length("horizon", horizon))

    def forecast_at(self, conditioning: np.ndarray, lead_times: Sequence[float]) -> np.ndarray:
        """Frames at increasing lead times, 1 the first one after `conditioning` and 1.5 half a frame later:
        (batch, conditioning, *frame) -> (batch, len(lead_times), *frame), float32.

        `StbenchError` from a model that knows whole frames only, for a time between them, and from one that can be
        asked for no times at all.
        """
        module: object = self.module
        if not isinstance(module, HasForecastAt):
            raise StbenchError(
                f"{type(module).__name__} has no forecast_at, so it cannot be asked for single lead times: use "
                "forecast(conditioning, horizon)"
            )
        windows = self._windows(conditioning=conditioning)
        return self._in_batches(module.forecast_at, windows, arguments.lead_times(lead_times))

    @property
    def can_draw(self) -> bool:
        return isinstance(self.module, TorchDrawer)

    def draw(self, conditioning: np.ndarray, horizon: int, samples: int, seeds: np.ndarray) -> np.ndarray:
        """`draw(conditioning, horizon, samples, generators)` of a module that has it: (batch, conditioning, *frame) ->
        (batch, samples, horizon, *frame), float32.

        A generator on the CPU for each window, seeded with its seed (batch,) int64. The module is handed one window at
        a time, so that the others cannot change a bit of its draws, not even by rounding; all of a batch where it is a
        `HasDrawsTogether`.
        """
        module = self._able(TorchDrawer)
        (windows,) = self._windows(conditioning=conditioning)
        asked = _length("horizon", horizon), _length("samples", samples)
        known = arguments.seeds("seeds", seeds, len(windows))
        together = isinstance(module, HasDrawsTogether) and module.draws_together
        size, answers = self.batch_size if together else 1, []
        self.module.eval()
        with torch.no_grad():
            for start in range(0, len(windows), size):
                generators = [torch.Generator().manual_seed(each) for each in known[start : start + size]]
                answer = module.draw(self._tensor(windows[start : start + size]), *asked, generators)
                answers.append(answer.float().cpu().numpy())
        return np.concatenate(answers)

    def swap(self, content: np.ndarray, motion: np.ndarray, horizon: int) -> np.ndarray:
        """`swap(content, motion, horizon)` of a module that has it: (batch, conditioning, *frame) twice -> (batch,
        horizon, *frame), float32."""
        module = self._able(TorchSwapper)
        return self._in_batches(module.swap, self._windows(content=content, motion=motion), _length("horizon", horizon))

    def generate(self, clip: np.ndarray, length: int, factors: Factors) -> np.ndarray:
        """`generate(clip, length, action)` of a module that has it."""
        module, clips = self._able(TorchSequencer), self._clips(clip=clip)
        return self._in_batches(module.generate, clips, _length("length", length), action=self._action(factors))

    def transfer(self, content: np.ndarray, motion: np.ndarray, length: int, factors: Factors) -> np.ndarray:
        """`transfer(content, motion, length, action)` of a module that has it."""
        module, clips = self._able(TorchTransferrer), self._clips(content=content, motion=motion)
        return self._in_batches(module.transfer, clips, _length("length", length), action=self._action(factors))

    def sample(self, content: np.ndarray, length: int, factors: Factors, seed: int) -> np.ndarray:
        """`sample(content, length, action, generator)` of a module that has it."""
        return self._drawn(self._able(TorchSampler).sample, self._clips(content=content)[0], length, factors, seed)

    def resample(self, motion: np.ndarray, length: int, factors: Factors, seed: int) -> np.ndarray:
        """`resample(motion, length, action, generator)` of a module that has it."""
        return self._drawn(self._able(TorchResampler).resample, self._clips(motion=motion)[0], length, factors, seed)

    def reconstruct(self, clip: np.ndarray, factors: Factors) -> np.ndarray:
        """`reconstruct(clip, action)` of a module that has it: (batch, n, *frame), float32."""
        module = self._able(HasReconstruct)
        self.module.eval()
        with torch.no_grad():
            answer = module.reconstruct(self._tensor(self._clips(clip=clip)[0]), self._action(factors))
        return answer.float().cpu().numpy()

    def imagine(self, length: int, factors: Factors, seed: int) -> np.ndarray:
        """`imagine(length, action, generator)` of a module that has it: (batch, length, *frame), float32."""
        module, action = self._able(HasImagine), self._action(factors)
        if action is None:
            raise StbenchError(f"{type(module).__name__} draws sequences of an action, and none was named")
        self.module.eval()
        with torch.no_grad():
            generator = torch.Generator().manual_seed(arguments.seed(seed))
            answer = module.imagine(_length("length", length), action, generator)
        return answer.float().cpu().numpy()

    def codes(self, clip: np.ndarray, factors: Factors) -> dict[str, np.ndarray]:
        """`codes(clip, action)` of a module that has it, float64."""
        module = self._able(TorchCoder)
        self.module.eval()
        with torch.no_grad():
            found = module.codes(self._tensor(self._clips(clip=clip)[0]), self._action(factors))
        return {name: each.double().flatten(1).cpu().numpy() for name, each in found.items()}

    @property
    def has_energy(self) -> bool:
        return isinstance(self.module, HasConservation)

    def conservation(self, clip: np.ndarray, steps: int, factors: Factors) -> dict[str, np.ndarray]:
        """`conservation(clip, steps, action)` of a module that has it, float64."""
        module, frames = self._able(HasConservation), self._tensor(self._clips(clip=clip)[0])
        self.module.eval()
        with torch.no_grad():
            found = module.conservation(frames, _length("steps", steps), self._action(factors))
        return {name: each.double().cpu().numpy() for name, each in found.items()}

    def _able(self, kind: type[Able]) -> Able:
        """The module, which can be asked what `kind` says; `StbenchError` where it has no such method."""
        module: object = self.module
        if not isinstance(module, kind):
            (method,) = (name for name in vars(kind) if not name.startswith("_"))
            raise StbenchError(
                f"{type(module).__name__} has no method '{method}': ask for what its plug-in lists in `capabilities`"
            )
        return module

    def _windows(self, **frames: np.ndarray) -> tuple[np.ndarray, ...]:
        wanted = None if self.task is None else (self.task.conditioning, *self.task.frame_shape)
        return _alike({name: arguments.frames(name, each, wanted) for name, each in frames.items()})

    def _clips(self, **frames: np.ndarray) -> tuple[np.ndarray, ...]:
        wanted = None if self.task is None else (-1, *self.task.frame_shape)
        return _alike({name: arguments.frames(name, each, wanted) for name, each in frames.items()})

    def _drawn(
        self, ask: Callable[..., torch.Tensor], clip: np.ndarray, length: int, factors: Factors, seed: int
    ) -> np.ndarray:
        self.module.eval()
        with torch.no_grad():
            generator = torch.Generator().manual_seed(arguments.seed(seed))
            answer = ask(self._tensor(clip), _length("length", length), self._action(factors), generator)
        return answer.float().cpu().numpy()

    def _tensor(self, frames: np.ndarray) -> torch.Tensor:
        return tensor(frames).to(self.device)

    def _action(self, factors: Factors) -> torch.Tensor | None:
        """The factor the module calls its `label`; None where it has no label, or is not told."""
        found = factors.get(self.module.label) if isinstance(self.module, HasLabel) else None
        return None if found is None else torch.from_numpy(np.asarray(found, np.int64)).to(self.device)

    def _in_batches(
        self,
        ask: Callable[..., torch.Tensor],
        windows: tuple[np.ndarray, ...],
        asked: int | Sequence[float],
        **labels: torch.Tensor | None,
    ) -> np.ndarray:
        answers = []
        self.module.eval()
        with torch.no_grad():
            for start in range(0, len(windows[0]), self.batch_size):
                parts = [self._tensor(each[start : start + self.batch_size]) for each in windows]
                known = {
                    name: each if each is None else each[start : start + self.batch_size]
                    for name, each in labels.items()
                }
                answer = ask(*parts, asked, **known)
                answers.append(answer.float().cpu().numpy())
        return np.concatenate(answers)


def tensor(frames: np.ndarray) -> torch.Tensor:
    """A float32 copy where torch places its own tensors. A matrix product may have other last bits where an array does
    not begin at a multiple of 64 bytes, and NumPy's begin wherever there is room."""
    return torch.from_numpy(np.ascontiguousarray(frames, np.float32)).clone()


def _length(name: str, value: int) -> int:
    return arguments.whole(name, value, 1)


def _alike(frames: dict[str, np.ndarray]) -> tuple[np.ndarray, ...]:
    """The arrays, one row of each for one answer."""
    if len({len(each) for each in frames.values()}) > 1:
        rows = ", ".join(f"{name} {len(each)}" for name, each in frames.items())
        raise StbenchError(f"the batches differ ({rows}): give as many of one as of the other")
    return (*frames.values(),)
