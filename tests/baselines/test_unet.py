"""The U-Net against its description in NumPy, its widths, and the published parameter counts."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from numpy_cells import Weights, group_norm, weights
from numpy_feed_forward import conv, gelu, part, transposed
from recurrent import count, randomised
from stbench.baselines.unet.model import UNetForecaster
from stbench.baselines.unet.network import Residual, UNet

from stbench.errors import StbenchError

SMALL: dict[str, Any] = {"widths": [8, 12], "blocks": 1, "writes": 1, "inputs": "true", "loss": "mse"}


def residual(x: np.ndarray, w: Weights) -> np.ndarray:
    y = x
    for k in (0, 1):
        y = conv(
            gelu(group_norm(y, 1, w[f"norms.{k}.weight"], w[f"norms.{k}.bias"])),
            part(w, f"convolutions.{k}"),
            padding=1,
        )
    return y + (conv(x, part(w, "shortcut")) if "shortcut.weight" in w else x)


@pytest.mark.parametrize("outer", [3, 5])
def test_a_residual_block_is_its_equation(outer: int) -> None:
    block = randomised(Residual(3, outer))
    x = np.random.default_rng(0).standard_normal((2, 3, 5, 7))
    np.testing.assert_allclose(block(torch.from_numpy(x)).detach(), residual(x, weights(block)), atol=1e-10, rtol=0)


def test_every_stage_of_the_way_down_is_read_on_the_way_up_latest_first() -> None:
    net = randomised(UNet((2, 6, 4), 3, widths=[8, 12], blocks=2, writes=2))
    frames = np.random.default_rng(1).standard_normal((2, 3, 2, 6, 4))
    w = weights(net)
    skips = [conv(frames.reshape(2, 6, 6, 4), part(w, "first"), padding=1)]
    for name in ("down.0.0", "down.0.1"):
        skips.append(residual(skips[-1], part(w, name)))
    skips.append(conv(skips[-1], part(w, "shrink.0"), stride=2, padding=1))
    for name in ("down.1.0", "down.1.1"):
        skips.append(residual(skips[-1], part(w, name)))
    x = residual(residual(skips[-1], part(w, "middle.0")), part(w, "middle.1"))
    for level in (1, 0):
        for k in range(3):
            x = residual(np.concatenate((x, skips.pop()), 1), part(w, f"up.{level}.{k}"))
        if level:
            x = transposed(x, part(w, "grow.0"), stride=2, padding=1)
    assert not skips
    x = conv(gelu(group_norm(x, 8, w["norm.weight"], w["norm.bias"])), part(w, "last"), padding=1)
    with torch.no_grad():
        np.testing.assert_allclose(net(torch.from_numpy(frames)), x.reshape(2, 2, 2, 6, 4), atol=1e-10, rtol=0)


@pytest.mark.parametrize(
    ("widths", "parameters"),
    [
        # 64 and the factors 1, 2, 2, 4, each times the width before it.
        ([64, 128, 256, 1024], 144_261_377),
        ([32, 64, 128, 512], 36_082_817),
        ([16, 32, 64, 256], 9_029_441),
    ],
)
def test_parameter_counts_are_those_of_the_release_with_widths_that_accumulate(
    widths: list[int], parameters: int
) -> None:
    with torch.device("meta"):
        assert count(UNetForecaster((1, 64, 64), 10, **{**SMALL, "widths": widths, "blocks": 2})) == parameters


def test_the_widths_that_the_factors_suggest_are_another_network() -> None:
    with torch.device("meta"):
        suggested = UNetForecaster((1, 64, 64), 10, **{**SMALL, "widths": [64, 128, 128, 256], "blocks": 2})
    assert count(suggested) == 14_002_817


@pytest.mark.parametrize(
    ("shape", "changes", "sentence"),
    [
        ((2, 6, 7), {}, "frames of 6 x 7 pixels cannot be made 2 times smaller by unet"),
        ((2, 12, 8), {"widths": [8, 8, 8, 8]}, "frames of 12 x 8 pixels cannot be made 8 times smaller"),
        ((2, 8, 8), {"widths": [12, 8]}, "a multiple of 8"),
        ((2, 8, 8), {"widths": []}, "widths \\[\\]"),
        ((2, 8, 8), {"writes": 0}, "writes 0 frames"),
        ((9,), {}, "unet needs images"),
    ],
)
def test_what_does_not_fit_is_refused_in_a_sentence(shape: tuple[int, ...], changes: Any, sentence: str) -> None:
    with pytest.raises(StbenchError, match=sentence):
        UNetForecaster(shape, 3, **{**SMALL, **changes})
