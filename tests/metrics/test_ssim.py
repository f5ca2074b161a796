"""ssim_gauss11 against scikit-image, and the properties a similarity has."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from skimage.metrics import structural_similarity as skimage_ssim

from stbench.errors import StbenchError
from stbench.metrics.ssim import gaussian_window, ssim_gauss11, structural_similarity

seeds = st.integers(0, 2**32 - 1)
sizes = st.integers(11, 40)
# Textures from flat (where SSIM is a ratio of tiny variances) to noise, and errors of all sizes.
amplitudes = st.sampled_from([0.0, 1e-4, 1e-2, 0.3, 1.0])


def frames(
    seed: int, channels: int, height: int, width: int, texture: float, error: float
) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    target = rng.random() * (1 - texture) + texture * rng.random((1, 1, channels, height, width))
    prediction = np.clip(target + error * rng.standard_normal(target.shape), 0, 1)
    return prediction.astype(np.float32), target.astype(np.float32)


def by_skimage(p: np.ndarray, t: np.ndarray) -> float:
    # In float64: given float32 frames scikit-image computes in float32 and is itself off by up to 1e-4 on flat ones.
    return float(
        skimage_ssim(
            p.astype(np.float64),
            t.astype(np.float64),
            gaussian_weights=True,
            sigma=1.5,
            use_sample_covariance=False,
            data_range=1.0,
        )
    )


@settings(max_examples=100, deadline=None)
@given(seeds, st.integers(1, 3), sizes, sizes, amplitudes, amplitudes)
def test_agrees_with_skimage_frame_by_frame(
    seed: int, channels: int, height: int, width: int, texture: float, error: float
) -> None:
    p, t = frames(seed, channels, height, width, texture, error)
    expected = np.mean([by_skimage(a, b) for a, b in zip(p[0, 0], t[0, 0], strict=True)])
    # The bound of the metric's contract is 1e-6; both run in float64, so they agree far better.
    assert structural_similarity(p, t)[0, 0] == pytest.approx(expected, abs=1e-9)


@settings(max_examples=50, deadline=None)
@given(seeds, sizes, sizes, amplitudes, amplitudes)
def test_is_symmetric_and_bounded(seed: int, height: int, width: int, texture: float, error: float) -> None:
    p, t = frames(seed, 1, height, width, texture, error)
    value = structural_similarity(p, t)[0, 0]
    assert value == structural_similarity(t, p)[0, 0]
    assert -1 <= value <= 1


@settings(max_examples=50, deadline=None)
@given(seeds, sizes, sizes, amplitudes, st.data())
def test_is_one_for_equal_frames_and_for_no_others(
    seed: int, height: int, width: int, texture: float, data: st.DataObject
) -> None:
    _, t = frames(seed, 1, height, width, texture, 0.0)
    assert structural_similarity(t, t.copy())[0, 0] == 1.0
    p = t.copy()
    y, x = data.draw(st.integers(0, height - 1)), data.draw(st.integers(0, width - 1))
    p[0, 0, 0, y, x] += -0.1 if t[0, 0, 0, y, x] > 0.5 else 0.1  # even a corner is inside some window
    assert structural_similarity(p, t)[0, 0] < 1.0


def test_an_inverted_pattern_scores_negative() -> None:
    checks = np.indices((24, 24)).sum(axis=0)[None, None, None] % 2
    assert structural_similarity(checks.astype(np.float32), (1 - checks).astype(np.float32))[0, 0] < -0.9


def test_window_is_the_published_one() -> None:
    window = np.outer(gaussian_window(), gaussian_window())
    assert window.shape == (11, 11)
    assert window.sum() == pytest.approx(1)
    assert window[5, 5] == pytest.approx(0.0707622, abs=1e-7)


def test_channels_are_averaged_after_positions() -> None:
    p, t = frames(3, 3, 16, 20, 1.0, 0.3)
    each = [structural_similarity(p[:, :, c : c + 1], t[:, :, c : c + 1])[0, 0] for c in range(3)]
    assert structural_similarity(p, t)[0, 0] == pytest.approx(np.mean(each), abs=1e-15)
    assert ssim_gauss11.images_only


def test_frames_smaller_than_the_window_are_refused() -> None:
    small = np.zeros((1, 1, 1, 10, 64), np.float32)
    with pytest.raises(StbenchError, match=r"at least 11x11 pixels, these have 10x64"):
        structural_similarity(small, small)
