"""mse, rmse, mae, psnr: values by hand, and the order in which means and roots are taken."""

from __future__ import annotations

from functools import partial

import numpy as np
import pytest
from skimage.metrics import mean_squared_error, peak_signal_noise_ratio

from stbench import registry
from stbench.metrics import applicable, pixel
from stbench.metrics.pixel import mae, mse, psnr, rmse

TARGET = np.zeros((2, 2, 1, 2, 2), np.float32)
PREDICTION = TARGET.copy()
PREDICTION[0, 0, 0] = [[1, 0], [0, 0]]  # squared error 1/4
PREDICTION[0, 1, 0] = [[0.5, 0.5], [-0.5, 0.5]]  # 1/4
PREDICTION[1, 0, 0] = [[0.5, 0], [0, -0.5]]  # 1/8
PREDICTION[1, 1, 0] = [[0.25, 0], [0, 0]]  # 1/64


def test_frame_values_are_the_means_by_hand() -> None:
    np.testing.assert_array_equal(mse.frame_values(PREDICTION, TARGET), [[1 / 4, 1 / 4], [1 / 8, 1 / 64]])
    np.testing.assert_array_equal(mae.frame_values(PREDICTION, TARGET), [[1 / 4, 1 / 2], [1 / 4, 1 / 16]])


def test_rmse_takes_one_root_of_the_mean_over_all_samples() -> None:
    values = rmse.frame_values(PREDICTION, TARGET)
    assert rmse.mean(values) == np.sqrt((1 / 4 + 1 / 4 + 1 / 8 + 1 / 64) / 4)
    assert rmse.mean(values) > np.sqrt(values).mean()  # a mean of roots is another, smaller number


def test_psnr_is_the_mean_of_frames_and_not_the_psnr_of_the_mean() -> None:
    values = psnr.frame_values(PREDICTION, TARGET)
    np.testing.assert_allclose(values, 10 * np.log10([[4, 4], [8, 64]]), rtol=1e-15)
    mean_of_psnr = psnr.mean(values)
    psnr_of_mean = -10 * np.log10(mse.mean(mse.frame_values(PREDICTION, TARGET)))
    # 10 log10 of the geometric mean of 4, 4, 8, 64 against that of 4/(1/4 + 1/4 + 1/8 + 1/64).
    assert mean_of_psnr == pytest.approx(9.7835, abs=1e-4)
    assert psnr_of_mean == pytest.approx(7.9546, abs=1e-4)


@pytest.mark.parametrize("shape", [(3, 4, 1, 16, 20), (2, 3, 3, 17, 9)])
def test_mse_and_psnr_agree_with_scikit_image(shape: tuple[int, ...]) -> None:
    rng = np.random.default_rng(1)
    p, t = rng.random((2, *shape), dtype=np.float32)
    for metric, reference in (
        (mse, mean_squared_error),
        (psnr, partial(peak_signal_noise_ratio, data_range=1.0)),
    ):
        expected = [[reference(a, b) for a, b in zip(*pair, strict=True)] for pair in zip(t, p, strict=True)]
        np.testing.assert_allclose(metric.frame_values(p, t), expected, rtol=1e-6)


def test_one_exact_frame_makes_psnr_infinite_and_never_nan() -> None:
    values = psnr.frame_values(TARGET[:1], np.concatenate([TARGET[:1, :1], PREDICTION[:1, :1]], axis=1))
    assert values[0, 0] == np.inf
    assert np.isfinite(values[0, 1])
    assert psnr.mean(values) == np.inf


def test_sums_run_in_float64() -> None:
    ones = np.ones((1, 1, 1, 4096, 4096), np.float32)
    tenth = np.full_like(ones, 0.1)
    # A float32 sum of 2^24 terms would stall; the exact value is that of the float32 nearest to 0.1.
    assert mae.frame_values(ones, tenth)[0, 0] == pytest.approx(1 - float(np.float32(0.1)), rel=1e-12)


@pytest.mark.parametrize("metric", [mse, mae])
def test_memory_layout_does_not_change_a_value(metric: object) -> None:
    rng = np.random.default_rng(0)
    p, t = rng.random((2, 3, 4, 2, 5, 6), dtype=np.float32)
    backwards = np.asfortranarray(p)[::1]
    np.testing.assert_array_equal(metric.frame_values(backwards, t), metric.frame_values(p, t))  # type: ignore[attr-defined]


def test_image_metrics_are_not_applicable_to_vectors() -> None:
    metrics = [registry.metric(name) for name in registry.names("metrics")]
    assert {m.name for m in applicable(metrics, (100,))} == {
        *("mse", "rmse", "mae"),
        *("mse_sum", "mae_sum", "mse_sum_x100"),
    }
    assert applicable(metrics, (1, 64, 64)) == metrics


@pytest.mark.parametrize("shape", [(2, 3, 2, 4, 5), (1, 2, 7)])
def test_sums_are_over_all_elements_of_a_frame(shape: tuple[int, ...]) -> None:
    p, t = np.random.default_rng(0).random((2, *shape), dtype=np.float32)
    difference = (p.astype(np.float64) - t.astype(np.float64)).reshape(*shape[:2], -1)
    np.testing.assert_allclose(pixel.squared_error_sum(p, t), (difference**2).sum(2))
    np.testing.assert_allclose(pixel.absolute_error_sum(p, t), abs(difference).sum(2))
    np.testing.assert_allclose(pixel.squared_error_sum_x100(p, t), 100 * (difference**2).sum(2))
