"""Optimisers, weight decay and clipping against their formulas in NumPy."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import nn

from stbench.training.loop import train

START, PULL = np.array([2.0, -1.0]), np.array([3.0, 0.5])
STEPS, RATE = 12, 0.05


class Bowl(nn.Module):
    """sum_i c_i x_i^2 / 2 with two parameters of one number each, so that a norm is over both."""

    def __init__(self):
        super().__init__()
        self.x, self.y = (nn.Parameter(torch.tensor([each], dtype=torch.float64)) for each in START)

    def loss(self, batch, generator):
        return {"total": 0.5 * (PULL[0] * self.x**2 + PULL[1] * self.y**2).sum()}


def trained(tmp_path, windows, settings, **changes):
    table = {**settings, "steps": STEPS, "learning_rate": RATE, **changes}
    module = Bowl()
    train(module, windows, {k: v for k, v in table.items() if v is not None}, tmp_path, seed=0, identity={})
    return np.array([module.x.item(), module.y.item()])


def adam(decay=0.0, decoupled=False, clip=0.0, betas=(0.9, 0.99)):
    x, m, v = START.copy(), np.zeros(2), np.zeros(2)
    for step in range(1, STEPS + 1):
        gradient = PULL * x + (0.0 if decoupled else decay * x)
        if clip:
            # torch adds 1e-6 to the norm.
            gradient = gradient * min(1.0, clip / (np.linalg.norm(gradient) + 1e-6))
        if decoupled:
            x = x - RATE * decay * x
        m, v = betas[0] * m + (1 - betas[0]) * gradient, betas[1] * v + (1 - betas[1]) * gradient**2
        x = x - RATE * (m / (1 - betas[0] ** step)) / (np.sqrt(v / (1 - betas[1] ** step)) + 1e-8)
    return x


def rmsprop(alpha=0.99, momentum=0.0, decay=0.0):
    x, v, b = START.copy(), np.zeros(2), np.zeros(2)
    for _ in range(STEPS):
        gradient = PULL * x + decay * x
        v = alpha * v + (1 - alpha) * gradient**2
        b = momentum * b + gradient / (np.sqrt(v) + 1e-8)
        x = x - RATE * b
    return x


def test_weight_decay_of_adam_goes_through_its_moments(tmp_path, windows, settings):
    found = trained(tmp_path, windows, settings, weight_decay=0.7)
    np.testing.assert_allclose(found, adam(decay=0.7), rtol=1e-9)
    assert not np.allclose(found, adam(decay=0.7, decoupled=True), rtol=1e-3)


def test_weight_decay_of_adamw_is_taken_off_the_weights(tmp_path, windows, settings):
    found = trained(tmp_path, windows, settings, optimiser="adamw", weight_decay=0.7)
    np.testing.assert_allclose(found, adam(decay=0.7, decoupled=True), rtol=1e-9)


def test_a_gradient_longer_than_clip_norm_is_shortened_over_all_parameters(tmp_path, windows, settings):
    """Gradients go from length 6 down to below 5, so that some are clipped and some are not."""
    found = trained(tmp_path, windows, settings, clip_norm=5.0)
    np.testing.assert_allclose(found, adam(clip=5.0), rtol=1e-9)
    assert not np.allclose(found, adam(), rtol=1e-4)


@pytest.mark.parametrize("own", [{}, {"alpha": 0.9, "momentum": 0.8}, {"weight_decay": 0.4}])
def test_rmsprop_equals_its_formula(tmp_path, windows, settings, own):
    found = trained(tmp_path, windows, settings, optimiser="rmsprop", betas=None, **own)
    names = {"weight_decay": "decay"}
    np.testing.assert_allclose(found, rmsprop(**{names.get(k, k): v for k, v in own.items()}), rtol=1e-7)


def test_one_cycle_momentum_reaches_the_optimiser(tmp_path, windows, settings):
    cycle = {"schedule": "one-cycle", "pct_start": 0.5, "div_factor": 1.0, "final_div_factor": 1.0}
    fixed, cycled = (trained(tmp_path / str(on), windows, settings, **cycle, cycle_momentum=on) for on in (False, True))
    same = trained(
        tmp_path / "same", windows, settings, **cycle, cycle_momentum=True, base_momentum=0.9, max_momentum=0.9
    )
    np.testing.assert_array_equal(fixed, same)
    assert not np.allclose(fixed, cycled, rtol=1e-3)
