"""A trained torch model as a forecaster of numpy arrays."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from torch import nn

from stbench.contract.capabilities import HasConservation, HasForecastAt, HasLabel
from stbench.contract.models import Factors
from stbench.errors import StbenchError


class TorchForecaster:
    """`forecast` of a module with `forward(conditioning, horizon)`: eval mode, float32, no gradients, in batches.

    Whatever precision the model was trained with, it is evaluated in float32.
    """

    def __init__(self, module: nn.Module, batch_size: int = 256) -> None:
        self.module = module.eval()
        self.batch_size = batch_size
        self.device = next((each.device for each in module.parameters()), torch.device("cpu"))

    def forecast(self, conditioning: np.ndarray, horizon: int) -> np.ndarray:
        """(batch, conditioning, *frame) -> (batch, horizon, *frame), float32."""
        return self._in_batches(self.module, (conditioning,), horizon)

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
        return self._in_batches(module.forecast_at, (conditioning,), lead_times)

    def swap(self, content: np.ndarray, motion: np.ndarray, horizon: int) -> np.ndarray:
        """`swap(content, motion, horizon)` of a module that has it: (batch, conditioning, *frame) twice -> (batch,
        horizon, *frame), float32."""
        ask: Any = self.module.swap
        return self._in_batches(ask, (content, motion), horizon)

    def generate(self, clip: np.ndarray, length: int, factors: Factors) -> np.ndarray:
        """`generate(clip, length, action)` of a module that has it."""
        return self._in_batches(self.module.generate, (clip,), length, action=self._action(factors))

    def transfer(self, content: np.ndarray, motion: np.ndarray, length: int, factors: Factors) -> np.ndarray:
        """`transfer(content, motion, length, action)` of a module that has it."""
        return self._in_batches(self.module.transfer, (content, motion), length, action=self._action(factors))

    def sample(self, content: np.ndarray, length: int, factors: Factors, seed: int) -> np.ndarray:
        """`sample(content, action, length, generator)` of a module that has it."""
        return self._drawn(self.module.sample, content, length, factors, seed)

    def resample(self, motion: np.ndarray, length: int, factors: Factors, seed: int) -> np.ndarray:
        """`resample(motion, action, length, generator)` of a module that has it."""
        return self._drawn(self.module.resample, motion, length, factors, seed)

    def reconstruct(self, clip: np.ndarray, factors: Factors) -> np.ndarray:
        """`reconstruct(clip, action)` of a module that has it: (batch, n, *frame), float32."""
        ask: Any = self.module.reconstruct
        self.module.eval()
        with torch.no_grad():
            answer: torch.Tensor = ask(self._tensor(clip), self._action(factors))
        return answer.float().cpu().numpy()

    def imagine(self, factors: Factors, length: int, seed: int) -> np.ndarray:
        """`imagine(action, length, generator)` of a module that has it: (batch, length, *frame), float32."""
        ask: Any = self.module.imagine
        self.module.eval()
        with torch.no_grad():
            answer: torch.Tensor = ask(self._action(factors), length, torch.Generator().manual_seed(seed))
        return answer.float().cpu().numpy()

    def codes(self, clip: np.ndarray, factors: Factors) -> dict[str, np.ndarray]:
        """`codes(clip, action)` of a module that has it, float64."""
        ask: Any = self.module.codes
        self.module.eval()
        with torch.no_grad():
            found = ask(self._tensor(clip), self._action(factors))
        return {name: each.double().flatten(1).cpu().numpy() for name, each in found.items()}

    @property
    def has_energy(self) -> bool:
        return isinstance(self.module, HasConservation)

    def conservation(self, clip: np.ndarray, factors: Factors, steps: int) -> dict[str, np.ndarray]:
        """`conservation(clip, action, steps)` of a module that has it, float64."""
        ask: Any = self.module.conservation
        self.module.eval()
        with torch.no_grad():
            found = ask(self._tensor(clip), self._action(factors), steps)
        return {name: each.double().cpu().numpy() for name, each in found.items()}

    def _drawn(self, ask: Any, clip: np.ndarray, length: int, factors: Factors, seed: int) -> np.ndarray:
        self.module.eval()
        with torch.no_grad():
            generator = torch.Generator().manual_seed(seed)
            answer: torch.Tensor = ask(self._tensor(clip), self._action(factors), length, generator)
        return answer.float().cpu().numpy()

    def _tensor(self, frames: np.ndarray) -> torch.Tensor:
        return torch.from_numpy(np.ascontiguousarray(frames, np.float32)).to(self.device)

    def _action(self, factors: Factors) -> torch.Tensor | None:
        """The factor the module calls its `label`; None where it has no label, or is not told."""
        found = factors.get(self.module.label) if isinstance(self.module, HasLabel) else None
        return None if found is None else torch.from_numpy(np.asarray(found, np.int64)).to(self.device)

    def _in_batches(
        self, ask: Any, windows: tuple[np.ndarray, ...], asked: int | Sequence[float], **labels: torch.Tensor | None
    ) -> np.ndarray:
        answers = []
        self.module.eval()
        with torch.no_grad():
            for start in range(0, len(windows[0]), self.batch_size):
                parts = [np.ascontiguousarray(each[start : start + self.batch_size], np.float32) for each in windows]
                known = {
                    name: each if each is None else each[start : start + self.batch_size]
                    for name, each in labels.items()
                }
                answer = ask(*(torch.from_numpy(part).to(self.device) for part in parts), asked, **known)
                answers.append(answer.float().cpu().numpy())
        return np.concatenate(answers)
