"""A trained torch model as a forecaster of numpy arrays."""

from __future__ import annotations

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
        forecasts = []
        self.module.eval()
        with torch.no_grad():
            for start in range(0, len(conditioning), self.batch_size):
                part = np.ascontiguousarray(conditioning[start : start + self.batch_size], np.float32)
                forecast = self.module(torch.from_numpy(part).to(self.device), horizon)
                forecasts.append(forecast.float().cpu().numpy())
        return np.concatenate(forecasts)
