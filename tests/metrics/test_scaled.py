"""Errors in degrees: against temperatures denormalised one by one, and against the broadcasting of the test code."""

from __future__ import annotations

import numpy as np
import pytest
from skimage.metrics import structural_similarity as skimage_ssim

from stbench.metrics.scaled import broadcast_similarity, broadcast_squared_error, range_similarity, scaled_squared_error
from stbench.metrics.ssim import structural_similarity

RNG = np.random.default_rng(0)
PREDICTION, TARGET = RNG.normal(size=(2, 3, 10, 1, 6, 7)).astype(np.float32)
OFFSET, SCALE = RNG.uniform(10, 20, (3, 10)), RNG.uniform(0.5, 3, (3, 10))


def test_mse_celsius_is_the_squared_error_of_temperatures() -> None:
    p, t = (each * SCALE[..., None, None, None] + OFFSET[..., None, None, None] for each in (PREDICTION, TARGET))
    expected = ((p - t) ** 2).mean(axis=(2, 3, 4))
    np.testing.assert_allclose(scaled_squared_error(PREDICTION, TARGET, SCALE), expected, rtol=1e-6)


@pytest.mark.parametrize("n", range(3))
def test_mse_celsius_broadcast_is_what_constants_of_shape_10_1_1_give(n: int) -> None:
    scale, offset = SCALE[n][:, None, None], OFFSET[n][:, None, None]
    p, t = PREDICTION[n] * scale + offset, TARGET[n] * scale + offset
    assert p.shape == (10, 10, 6, 7)
    expected = ((p - t) ** 2).mean(axis=(1, 2, 3))
    found = broadcast_squared_error(PREDICTION[n : n + 1], TARGET[n : n + 1], SCALE[n : n + 1])[0]
    np.testing.assert_allclose(found, expected, rtol=1e-6)


def test_with_one_scale_for_all_days_both_agree() -> None:
    scale = np.full((3, 10), 1.7)
    one, other = (each(PREDICTION, TARGET, scale) for each in (scaled_squared_error, broadcast_squared_error))
    np.testing.assert_allclose(one, other, rtol=1e-12)


def test_ssim_celsius_broadcast_is_what_constants_of_shape_10_1_1_and_extremes_of_normalised_frames_give() -> None:
    p, t = np.random.default_rng(1).normal(size=(2, 10, 1, 12, 13))
    scale, offset, low, high = SCALE[0][:, None, None], OFFSET[0][:, None, None], -2.7, 3.1
    scaled = [(each * scale + offset - low) / (high - low) for each in (p, t)]
    assert scaled[0].shape == (10, 10, 12, 13)
    setting = {"gaussian_weights": True, "sigma": 1.5, "use_sample_covariance": False, "data_range": 1.0}
    expected = [np.mean([skimage_ssim(*pair, **setting) for pair in zip(*day, strict=True)]) for day in zip(*scaled)]  # noqa: B905
    ends = [np.full((1, 10), each) for each in (low, high)]
    found = broadcast_similarity(p[None], t[None], SCALE[:1], OFFSET[:1], *ends)
    np.testing.assert_allclose(found[0], expected, atol=1e-6)


def test_ssim_range_is_scikit_images_with_the_range_of_the_sequence() -> None:
    p, t = np.random.default_rng(2).normal(size=(2, 3, 4, 1, 12, 13)).astype(np.float32)
    low, high = np.array([[-2.0], [-3.0], [-4.0]]), np.array([[2.5], [3.0], [5.0]])
    found = range_similarity(p, t, np.broadcast_to(low, (3, 4)), np.broadcast_to(high, (3, 4)))
    for n in range(3):
        setting = {"gaussian_weights": True, "sigma": 1.5, "use_sample_covariance": False}
        shifted = [each[n, :, 0].astype(np.float64) - low[n, 0] for each in (p, t)]
        expected = [skimage_ssim(*pair, data_range=high[n, 0] - low[n, 0], **setting) for pair in zip(*shifted)]  # noqa: B905
        np.testing.assert_allclose(found[n], expected, rtol=1e-12)


def test_ssim_range_is_that_of_temperatures_on_the_range_of_their_day() -> None:
    p, t = np.random.default_rng(3).normal(size=(2, 3, 10, 1, 12, 13))
    scale, offset = SCALE[..., None, None, None], OFFSET[..., None, None, None]
    low, high = np.full((3, 10), -3.2), np.full((3, 10), 4.1)
    coldest, warmest = scale * -3.2 + offset, scale * 4.1 + offset
    degrees = [(each * scale + offset - coldest) / (warmest - coldest) for each in (p, t)]
    np.testing.assert_allclose(range_similarity(p, t, low, high), structural_similarity(*degrees), rtol=1e-9)
