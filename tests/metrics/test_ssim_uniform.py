"""The uniform-window similarities against scikit-image, frame by frame."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from skimage.metrics import structural_similarity as skimage_ssim

from stbench import registry
from stbench.errors import StbenchError
from stbench.metrics.ssim_uniform import byte_similarity, uniform_similarity

seeds = st.integers(0, 2**32 - 1)
amplitudes = st.sampled_from([0.0, 1e-3, 0.05, 0.5])


def frames(seed: int, height: int, width: int, texture: float, error: float) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    target = rng.random() * (1 - texture) + texture * rng.random((1, 2, 3, height, width))
    prediction = np.clip(target + error * rng.standard_normal(target.shape), 0, 1)
    return prediction.astype(np.float32), target.astype(np.float32)


@pytest.mark.parametrize("data_range", [1.0, 2.0])
@given(seeds, st.integers(7, 24), st.integers(7, 24), amplitudes, amplitudes)
@settings(max_examples=40, deadline=None)
def test_equals_skimages_default_window(
    data_range: float, seed: int, height: int, width: int, texture: float, error: float
) -> None:
    p, t = frames(seed, height, width, texture, error)
    found = uniform_similarity(p, t, data_range)
    for k in range(2):
        pairs = zip(p[0, k].astype(np.float64), t[0, k].astype(np.float64), strict=True)
        expected = np.mean([skimage_ssim(a, b, data_range=data_range) for a, b in pairs])
        assert found[0, k] == pytest.approx(expected, abs=1e-9)


@given(seeds, amplitudes, amplitudes)
@settings(max_examples=30, deadline=None)
def test_byte_variant_equals_skimage_on_truncated_bytes(seed: int, texture: float, error: float) -> None:
    p, t = frames(seed, 16, 12, texture, error)
    levels = [np.floor(255 * each.astype(np.float64)).astype(np.uint8) for each in (p, t)]
    pairs = zip(levels[0][0, 0], levels[1][0, 0], strict=True)
    expected = np.mean([skimage_ssim(a, b, data_range=255) for a, b in pairs])
    assert byte_similarity(p, t)[0, 0] == pytest.approx(expected, abs=1e-6)


def test_equal_frames_score_one_and_the_three_ranges_differ() -> None:
    p, t = frames(0, 20, 20, 0.5, 0.2)
    assert uniform_similarity(t, t)[0, 0] == 1
    values = {
        float(each[0, 0]) for each in (uniform_similarity(p, t), uniform_similarity(p, t, 2.0), byte_similarity(p, t))
    }
    assert len(values) == 3
    assert uniform_similarity(p, t, 2.0)[0, 0] > uniform_similarity(p, t)[0, 0]


def test_frames_smaller_than_the_window_are_refused() -> None:
    with pytest.raises(StbenchError, match="7x7"):
        uniform_similarity(np.zeros((1, 1, 1, 6, 9)), np.zeros((1, 1, 1, 6, 9)))


def test_the_card_has_the_numbers_of_a_disc_drawn_late_and_faintly() -> None:
    """docs/metrics.md, `ssim_uniform7`."""
    y, x = np.mgrid[:64, :64]
    step = np.arange(10)[:, None, None]

    def disc(late: int) -> np.ndarray:
        inside = (y - 32) ** 2 + (x - 22 - 2 * step + late) ** 2 < 64
        return inside.astype(np.float32)[None, :, None]

    target, prediction = disc(0), np.float32(0.9) * disc(1) + np.float32(0.02)
    for name, value in (
        ("ssim_gauss11", 0.253),
        ("ssim_uniform7", 0.255),
        ("ssim_uniform7_range2", 0.518),
        ("ssim_uniform7_uint8", 0.261),
    ):
        assert registry.metric(name).frame_values(prediction, target).mean() == pytest.approx(value, abs=5e-4), name
