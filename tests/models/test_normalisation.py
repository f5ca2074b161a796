"""Batch statistics of one time step at a time, in one call."""

from __future__ import annotations

import pytest
import torch
from torch import nn
from torch.nn import functional as F

from stbench.models.parts.normalisation import StepNorm, Steps

STEPS, BATCH, CHANNELS = 5, 3, 4


def layers(slope):
    torch.manual_seed(0)
    ours, plain = StepNorm(CHANNELS, slope).double(), nn.BatchNorm2d(CHANNELS).double()
    with torch.no_grad():
        for each in (ours, plain):
            torch.manual_seed(1)
            each.weight.normal_(1.0, 0.5)
            each.bias.normal_()
            each.running_mean.normal_()
    return ours, plain


def one_call_a_step(plain, x, slope, order):
    """The published way: batch normalisation is called for one time step after another."""
    parts = list(x.chunk(STEPS))
    for step in order:
        parts[step] = F.leaky_relu(plain(parts[step]), slope)
    return torch.cat(parts)


@pytest.mark.parametrize("layout", [torch.contiguous_format, torch.channels_last])
@pytest.mark.parametrize("slope", [1.0, 0.2, 0.0])
def test_values_gradients_and_running_statistics_equal_one_call_a_step(slope, layout):
    ours, plain = layers(slope)
    x = (3 * torch.randn(STEPS * BATCH, CHANNELS, 6, 7, dtype=torch.double) + 1).contiguous(memory_format=layout)
    first, second = (x.clone().requires_grad_() for _ in range(2))
    weight = torch.randn_like(x)
    found = ours(first, Steps(STEPS, earliest=4))
    expected = one_call_a_step(plain, second, slope, [4, 0, 1, 2, 3])
    torch.testing.assert_close(found, expected, rtol=1e-12, atol=1e-12)
    (found * weight).sum().backward()
    (expected * weight).sum().backward()
    torch.testing.assert_close(first.grad, second.grad, rtol=1e-10, atol=1e-12)
    for name in ("weight", "bias"):
        torch.testing.assert_close(getattr(ours, name).grad, getattr(plain, name).grad, rtol=1e-10, atol=1e-12)
    for name in ("running_mean", "running_var"):
        torch.testing.assert_close(getattr(ours, name), getattr(plain, name), rtol=1e-12, atol=1e-12)
    assert ours.num_batches_tracked == plain.num_batches_tracked == STEPS
    assert set(ours.state_dict()) == set(plain.state_dict())


def test_order_of_the_steps_matters_to_the_running_statistics_alone():
    x = torch.randn(STEPS * BATCH, CHANNELS, 6, 7, dtype=torch.double)
    one, other = layers(0.2)[0], layers(0.2)[0]
    assert torch.equal(one(x, Steps(STEPS)), other(x, Steps(STEPS, earliest=2)))
    assert not torch.allclose(one.running_mean, other.running_mean)


def test_folded_statistics_are_those_of_all_steps_together():
    ours, plain = layers(1.0)
    x = torch.randn(STEPS * BATCH, CHANNELS, 6, 7, dtype=torch.double)
    torch.testing.assert_close(ours(x), plain(x), rtol=1e-12, atol=1e-12)


def test_running_statistics_are_used_in_eval_mode_whatever_the_steps():
    ours, plain = layers(0.2)
    x = torch.randn(STEPS * BATCH, CHANNELS, 6, 7, dtype=torch.double)
    for each in (ours, plain):
        each.eval()
    assert torch.equal(ours(x, Steps(STEPS)), ours(x))
    torch.testing.assert_close(ours(x), F.leaky_relu(plain(x), 0.2), rtol=1e-12, atol=1e-12)


def test_a_bias_left_out_moves_the_running_mean_and_nothing_else():
    with_bias, without = layers(0.2)[0], layers(0.2)[0]
    x, bias = torch.randn(STEPS * BATCH, CHANNELS, 6, 7, dtype=torch.double), torch.randn(CHANNELS, dtype=torch.double)
    shifted = with_bias(x + bias[:, None, None], Steps(STEPS))
    torch.testing.assert_close(shifted, without(x, Steps(STEPS), bias), rtol=1e-10, atol=1e-12)
    torch.testing.assert_close(with_bias.running_mean, without.running_mean, rtol=1e-12, atol=1e-12)
    torch.testing.assert_close(with_bias.running_var, without.running_var, rtol=1e-10, atol=1e-12)


def test_statistics_of_bfloat16_input_are_float32():
    norm = StepNorm(CHANNELS, 0.2)
    x = (100 + torch.randn(STEPS * 64, CHANNELS, 6, 7)).bfloat16().requires_grad_()
    y = norm(x, Steps(STEPS))
    assert y.dtype == torch.bfloat16
    assert norm.running_mean.dtype == torch.float32
    torch.testing.assert_close(norm.running_mean, torch.full((CHANNELS,), 100 * (1 - 0.9**STEPS)), rtol=1e-3, atol=0)
    y.float().square().sum().backward()
    assert norm.weight.grad.dtype == torch.float32
    assert x.grad.dtype == torch.bfloat16
