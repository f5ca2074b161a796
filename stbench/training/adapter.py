"""A trained torch model as a forecaster of numpy arrays."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from torch import nn


class TorchForecaster:
    """`forecast` of a module with `forward(conditioning, horizon)`: eval mode, float32, no gradients, in batches.

    Whatever precision the model was trained with, it is evaluated in float32.
    """

    def __init__(self, module: nn.Module, batch_size: int = 256) -> None:
        self.module = module.eval()
        self.batch_size = batch_size
        self.device = next(module.parameters()).device

    def forecast(self, conditioning: np.ndarray, horizon: int) -> np.ndarray:
        """(batch, conditioning, *frame) -> (batch, horizon, *frame), float32."""
        return self._in_batches(self.module, (conditioning,), horizon)

    def swap(self, content: np.ndarray, motion: np.ndarray, horizon: int) -> np.ndarray:
        """`swap(content, motion, horizon)` of a module that has it: (batch, conditioning, *frame) twice -> (batch,
        horizon, *frame), float32."""
        ask: Any = self.module.swap
        return self._in_batches(ask, (content, motion), horizon)

    def _in_batches(self, ask: Callable[..., Any], windows: tuple[np.ndarray, ...], horizon: int) -> np.ndarray:
        answers = []
        self.module.eval()
        with torch.no_grad():
            for start in range(0, len(windows[0]), self.batch_size):
                parts = [np.ascontiguousarray(each[start : start + self.batch_size], np.float32) for each in windows]
                answer = ask(*(torch.from_numpy(part).to(self.device) for part in parts), horizon)
                answers.append(answer.float().cpu().numpy())
        return np.concatenate(answers)
