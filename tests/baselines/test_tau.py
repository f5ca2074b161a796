"""TAU against its equations in NumPy, its loss from the definition, and the published parameter counts."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from numpy_cells import weights
from numpy_feed_forward import divergence, temporal_attention
from recurrent import batch, count, generator, randomised
from stbench.baselines.tau.attention import TemporalAttention
from stbench.baselines.tau.divergence import differential_divergence
from stbench.baselines.tau.model import TAU, plugin

from stbench.contract.datasets import Track
from stbench.contract.models import Task
from stbench.errors import StbenchError

SMALL: dict[str, Any] = {
    "width": 4,
    "layers": 2,
    "hidden": 8,
    "blocks": 2,
    "ratio": 2.0,
    "drop_path": [0.0, 0.0],
    "inputs": "own",
    "loss": "mse",
    "divergence_weight": 0.1,
    "temperature": 0.1,
}


def test_temporal_attention_is_its_equation() -> None:
    attention = randomised(TemporalAttention(8))
    x = np.random.default_rng(0).standard_normal((2, 8, 7, 10))
    expected = temporal_attention(x, weights(attention))
    np.testing.assert_allclose(attention(torch.from_numpy(x)).detach(), expected, atol=1e-10, rtol=0)


def test_between_its_two_matrices_are_about_sixteen_channels_whatever_the_width() -> None:
    with torch.device("meta"):
        inner = {width: TemporalAttention(width).squeeze.out_features for width in (32, 128, 512, 640)}
    assert inner == {32: 8, 128: 16, 512: 16, 640: 16}


@pytest.mark.parametrize("length", [2, 5])
def test_divergence_is_its_definition_over_the_numbers_of_a_frame(length: int) -> None:
    """Two frames have one difference; the release says 0 there."""
    predicted, target = np.random.default_rng(1).random((2, 3, length, 2, 5, 4))
    found = differential_divergence(torch.from_numpy(predicted), torch.from_numpy(target), 0.1)
    assert float(found) == pytest.approx(divergence(predicted, target, 0.1), abs=1e-10)
    assert float(found) > 0
    shifted = differential_divergence(torch.from_numpy(target + 0.3), torch.from_numpy(target), 0.1)
    assert float(shifted) == pytest.approx(0, abs=1e-12)


def test_one_frame_has_no_differences() -> None:
    assert float(differential_divergence(torch.rand(2, 1, 2, 4, 4), torch.rand(2, 1, 2, 4, 4), 0.1)) == 0


def test_the_loss_is_the_squared_error_and_a_share_of_the_divergence() -> None:
    torch.manual_seed(0)
    net = TAU((2, 8, 12), 4, **{**SMALL, "divergence_weight": 3.0}).eval()
    clip = torch.rand(3, 9, 2, 8, 12, generator=generator())
    with torch.no_grad():
        terms, forecast = net.loss(batch(clip, 4), generator()), net(clip[:, :4], 5).numpy()
    truth = clip[:, 4:].numpy()
    frames, changes = ((forecast - truth) ** 2).mean(), divergence(forecast, truth, 0.1)
    assert float(terms["frames"]) == pytest.approx(frames, rel=1e-5)
    assert float(terms["divergence"]) == pytest.approx(changes, rel=1e-4)
    assert float(terms["total"]) == pytest.approx(frames + 3 * changes, rel=1e-5)


def test_the_divergence_is_taken_in_full_precision_under_autocast() -> None:
    predicted, target = torch.rand(2, 2, 4, 2, 16, 16, generator=generator()).unbind()
    exact = differential_divergence(predicted.double(), target.double(), 0.1)
    with torch.autocast("cpu", torch.bfloat16):
        found = differential_divergence(predicted, target, 0.1)
    assert found.dtype == torch.float32
    assert float(found) == pytest.approx(float(exact), rel=1e-4)


@pytest.mark.parametrize(
    ("frame_shape", "frames", "changes", "parameters"),
    [
        ((1, 64, 64), 10, {}, 44_656_001),
        ((2, 32, 32), 4, {"width": 32, "layers": 2, "hidden": 256}, 9_545_442),
        ((1, 64, 64), 4, {}, 37_646_081),
        ((1, 128, 128), 10, {"layers": 2, "hidden": 256, "blocks": 6}, 14_955_201),
    ],
)
def test_parameter_counts_are_those_of_later_comparisons(
    frame_shape: tuple[int, ...], frames: int, changes: dict[str, Any], parameters: int
) -> None:
    published = {**SMALL, "width": 64, "layers": 4, "hidden": 512, "blocks": 8, "ratio": 8.0}
    with torch.device("meta"):
        assert count(TAU(frame_shape, frames, **{**published, **changes})) == parameters


def test_a_temperature_of_zero_is_refused() -> None:
    task = Task(Track("any", "forecast", 4, 4, 4, ("mse",)), (2, 8, 8))
    with pytest.raises(StbenchError, match=r"the setting .temperature. of tau is 0\.0: expected `float` > 0\.0"):
        plugin.build({**SMALL, "temperature": 0.0}, task)
