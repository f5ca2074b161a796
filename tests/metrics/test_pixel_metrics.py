"""mse, rmse, mae, psnr: values by hand, and the order in which sums, means and roots are taken."""

from __future__ import annotations

from functools import partial

import numpy as np
import pytest
from skimage.metrics import mean_squared_error, peak_signal_noise_ratio

from stbench import registry
from stbench.metrics import applicable, pixel
from stbench.metrics.pixel import mae, mse, psnr, psnr_channels, rmse
from stbench.protocols.scoring import Scorer

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


@pytest.mark.parametrize("shape", [(3, 4, 1, 16, 20), (2, 3, 3, 17, 9), (1, 2, 1, 64, 64), (1, 1, 1, 2, 3)])
def test_mse_and_psnr_agree_with_scikit_image_on_float64_frames(shape: tuple[int, ...]) -> None:
    rng = np.random.default_rng(1)
    p, t = rng.random((2, *shape), dtype=np.float32)
    for metric, reference in (
        (mse, mean_squared_error),
        (psnr, partial(peak_signal_noise_ratio, data_range=1.0)),
    ):
        pairs = zip(t.astype(np.float64), p.astype(np.float64), strict=True)
        expected = [[reference(a, b) for a, b in zip(*pair, strict=True)] for pair in pairs]
        np.testing.assert_allclose(metric.frame_values(p, t), expected, rtol=1e-12)


@pytest.mark.parametrize("elements", [1, 31, 32, 33, 100, 4096])
def test_sums_run_in_one_fixed_order_to_the_last_bit(elements: int) -> None:
    """The order that the module states, written out: no CPU, compiler or number of frames may change it."""
    p, t = np.random.default_rng(elements).random((2, 1, 3, elements), dtype=np.float32)
    difference = p.astype(np.float64) - t.astype(np.float64)
    for values_of, terms in ((mse.frame_values, difference**2), (mae.frame_values, abs(difference))):
        for k in range(3):
            lanes = np.zeros(32)
            for first in range(0, elements, 32):
                block = terms[0, k, first : first + 32]
                lanes[: len(block)] += block
            total = 0.0
            for lane in lanes:
                total += lane
            assert values_of(p, t)[0, k] == total / elements


ALL_ALIKE = [
    name
    for name in registry.names("metrics")
    if (each := registry.metric(name)).by_frame and not (each.needs or each.of_members or each.own_truth)
]


@pytest.mark.parametrize("name", ALL_ALIKE)
def test_a_value_depends_on_neither_batch_nor_slice_nor_threads(name: str) -> None:
    p, t = np.random.default_rng(2).random((2, 21, 3, 2, 17, 13), dtype=np.float32)
    metric = registry.metric(name)
    alone = np.stack([metric.frame_values(p[i : i + 1], t[i : i + 1])[0] for i in range(len(p))])
    for threads, batch in ((1, 21), (2, 21), (3, 5), (2, 1)):
        with Scorer([metric], len(p), 3, threads=threads) as scorer:
            for first in range(0, len(p), batch):
                scorer.score(first, p[first : first + batch], t[first : first + batch])
        np.testing.assert_array_equal(scorer.values[name], alone)


def test_psnr_channels_is_the_mean_of_the_channels_decibels_and_not_that_of_their_pooled_error() -> None:
    t = np.zeros((1, 1, 3, 2, 2), np.float32)
    p = t.copy()
    p[0, 0, 0, 0, 0], p[0, 0, 1], p[0, 0, 2] = 1, 0.5, 0.25  # squared errors 1/4, 1/4, 1/16
    assert psnr_channels.frame_values(p, t)[0, 0] == pytest.approx(10 * np.log10(4 * 4 * 16) / 3, rel=1e-14)
    assert psnr.frame_values(p, t)[0, 0] == pytest.approx(10 * np.log10(3 / (1 / 4 + 1 / 4 + 1 / 16)), rel=1e-14)


@pytest.mark.parametrize("shape", [(2, 3, 3, 17, 9), (3, 2, 1, 8, 8)])
def test_psnr_channels_agrees_with_scikit_image_channel_by_channel(shape: tuple[int, ...]) -> None:
    p, t = np.random.default_rng(3).random((2, *shape), dtype=np.float32)
    planes = [each.astype(np.float64).reshape(-1, *shape[3:]) for each in (t, p)]
    decibels = [peak_signal_noise_ratio(a, b, data_range=1.0) for a, b in zip(*planes, strict=True)]
    found = psnr_channels.frame_values(p, t)
    np.testing.assert_allclose(found, np.reshape(decibels, shape[:3]).mean(axis=2), rtol=1e-12)
    if shape[2] == 1:
        np.testing.assert_array_equal(found, psnr.frame_values(p, t))


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
    left_out = {m.name for m in metrics} - {m.name for m in applicable(metrics, (100,))}
    assert {"psnr", "psnr_channels", "ssim_gauss11", "psnr_of_mean_mse"} <= left_out
    assert not left_out & {"mse", "rmse", "mae", "mse_sum", "mae_sum", "mse_sum_x100", "crps", "useful_horizon"}
    assert applicable(metrics, (1, 64, 64)) == metrics


@pytest.mark.parametrize("shape", [(2, 3, 2, 4, 5), (1, 2, 7)])
def test_sums_are_over_all_elements_of_a_frame(shape: tuple[int, ...]) -> None:
    p, t = np.random.default_rng(0).random((2, *shape), dtype=np.float32)
    difference = (p.astype(np.float64) - t.astype(np.float64)).reshape(*shape[:2], -1)
    np.testing.assert_allclose(pixel.squared_error_sum(p, t), (difference**2).sum(2))
    np.testing.assert_allclose(pixel.absolute_error_sum(p, t), abs(difference).sum(2))
    np.testing.assert_allclose(pixel.squared_error_sum_x100(p, t), 100 * (difference**2).sum(2))
