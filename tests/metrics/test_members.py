"""Scores of several draws equal scoringrules and NumPy; of one draw they are those of a forecast."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
import scoringrules

from stbench import registry
from stbench.metrics import Metric
from stbench.metrics.members import fair_crps, fair_variance
from stbench.metrics.pixel import absolute_error, mse, psnr
from stbench.metrics.ssim import ssim_gauss11
from stbench.metrics.ssim_uniform import ssim_uniform7_range2

SHAPES = {"images": (2, 13, 14), "vectors": (7,)}


def drawn(shape: tuple[int, ...], members: int, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """3 windows of 4 frames; values cross the target, and some are equal."""
    rng = np.random.default_rng(seed)
    x = rng.normal(0.5, 0.3, (3, members, 4, *shape)).round(2).astype(np.float32)
    return x, rng.normal(0.4, 0.3, (3, 4, *shape)).astype(np.float32)


@pytest.mark.parametrize("shape", SHAPES.values(), ids=[*SHAPES])
@pytest.mark.parametrize("members", [2, 3, 17, 100])
def test_crps_is_the_fair_estimator_of_scoringrules(shape: tuple[int, ...], members: int) -> None:
    x, y = drawn(shape, members)
    wide = x.astype(np.float64)
    each = scoringrules.crps_ensemble(y.astype(np.float64), wide, m_axis=1, estimator="fair")
    expected = np.asarray(each).reshape(3, 4, -1).mean(axis=2)
    np.testing.assert_allclose(fair_crps(x, y), expected, rtol=0, atol=1e-13)


def test_crps_of_one_member_is_its_mae_to_the_last_bit() -> None:
    x, y = drawn((1, 12, 12), 1)
    assert fair_crps(x, y).tobytes() == absolute_error(x[:, 0], y).tobytes()


def test_the_expectation_of_the_crps_does_not_depend_on_the_number_of_members() -> None:
    """X, Y ~ N(0, 1): E|X - Y| - E|X - X'|/2 = 1/√π. 200,000 pixels: five standard errors are 0.01 with 2 members."""
    rng = np.random.default_rng(1)
    target = rng.standard_normal((1, 1, 200_000)).astype(np.float32)
    for members in (2, 5, 30):
        x = rng.standard_normal((1, members, 1, 200_000)).astype(np.float32)
        assert fair_crps(x, target)[0, 0] == pytest.approx(1 / np.sqrt(np.pi), abs=0.01)


@pytest.mark.parametrize("shape", SHAPES.values(), ids=[*SHAPES])
def test_spread_is_the_unbiased_variance_times_n_plus_1_over_n(shape: tuple[int, ...]) -> None:
    x, y = drawn(shape, 9)
    variance = x.astype(np.float64).var(axis=1, ddof=1).reshape(3, 4, -1).mean(axis=2)
    np.testing.assert_allclose(fair_variance(x, y), variance * 10 / 9, rtol=1e-13)


def test_spread_equals_the_error_of_the_mean_where_truth_is_one_more_member() -> None:
    """Of N(0, 1) both are (N + 1)/N. 200,000 pixels: five standard errors are 0.03."""
    rng = np.random.default_rng(2)
    for members in (2, 10):
        x = rng.standard_normal((1, members, 1, 200_000)).astype(np.float32)
        y = rng.standard_normal((1, 1, 200_000)).astype(np.float32)
        error = registry.metric("mse_of_mean").frame_values(x, y)[0, 0]
        assert error == pytest.approx((members + 1) / members, abs=0.03)
        assert fair_variance(x, y)[0, 0] == pytest.approx((members + 1) / members, abs=0.03)


@pytest.mark.parametrize("metric", [mse, psnr, ssim_gauss11, ssim_uniform7_range2], ids=lambda each: each.name)
def test_best_of_n_takes_the_member_that_is_best_over_its_whole_window(metric: Metric) -> None:
    """Chosen for each metric and window by itself, not for each lead time."""
    x, y = drawn((1, 13, 14), 6)
    x[0, 2, 0], x[0, 4] = y[0, 0] + np.float32(0.05), 0.5 * (x[0, 4] + y[0])
    found = registry.metric(f"{metric.name}_best_member").frame_values(x, y)
    best: Callable[..., int] = max if metric.higher_is_better else min
    for k in range(3):
        values = [metric.frame_values(x[k : k + 1, m], y[k : k + 1])[0] for m in range(6)]
        chosen = best(range(6), key=lambda m: values[m].mean())
        np.testing.assert_array_equal(found[k], values[chosen])
    assert np.array_equal(found[0], metric.frame_values(x[:1, 4], y[:1])[0])


@pytest.mark.parametrize("metric", [mse, psnr, ssim_gauss11], ids=lambda each: each.name)
def test_the_mean_of_the_members_is_scored_as_a_forecast(metric: Metric) -> None:
    x, y = drawn((1, 13, 14), 6)
    mean = x.astype(np.float64).mean(axis=1).astype(np.float32)
    found = registry.metric(f"{metric.name}_of_mean").frame_values(x, y)
    np.testing.assert_allclose(found, metric.frame_values(mean, y), rtol=1e-6)


@pytest.mark.parametrize("name", ["mse_best_member", "mse_of_mean", "psnr_best_member", "psnr_of_mean"])
def test_with_one_member_best_and_mean_are_the_metric_itself(name: str) -> None:
    x, y = drawn((1, 13, 14), 1)
    metric = registry.metric(name.partition("_")[0])
    assert registry.metric(name).frame_values(x, y).tobytes() == metric.frame_values(x[:, 0], y).tobytes()


def test_what_depends_on_the_number_of_members_says_so() -> None:
    found = {name: registry.metric(name) for name in registry.names("metrics")}
    members = {name for name, metric in found.items() if metric.of_members}
    assert {name for name in members if not found[name].counts_members} == {"crps", "spread", "spread_skill"}
    assert found["spread_skill"].better == "closer to 1"
