from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stbench.store.statistics import by_part, join, sequence_moments


def table_of(frames: np.ndarray, ranges: dict[str, list[list[int]]]) -> np.ndarray:
    rows = [row for i, each in enumerate(frames) for row in sequence_moments(each, i, ranges)]
    return np.array(rows).reshape(-1, 8)


@settings(deadline=None, max_examples=50)
@given(st.integers(0, 2**32 - 1), st.sampled_from([0.0, 1e-3, 1e4]))
def test_statistics_of_a_split_are_numpys_over_its_frames(seed: int, offset: float) -> None:
    frames = (np.random.default_rng(seed).standard_normal((7, 5, 3)) + offset).astype(np.float32)
    ranges = {"train": [[0, 3]], "val": [[3, 4]], "test": [[4, 6], [6, 7]]}
    found = by_part(table_of(frames, ranges), ranges)
    for part, rows in {"train": slice(0, 3), "val": slice(3, 4), "test": slice(4, 7), "train+val": slice(0, 4)}.items():
        values = frames[rows].astype(np.float64)
        assert found[part]["count"] == values.size
        assert found[part]["min"] == values.min()
        assert found[part]["max"] == values.max()
        assert found[part]["mean"] == pytest.approx(values.mean(), rel=1e-12, abs=1e-15)
        assert found[part]["std"] == pytest.approx(values.std(), rel=1e-9)


def test_statistics_of_a_split_in_time_leave_out_the_frames_of_other_parts() -> None:
    frames = np.arange(2 * 10 * 2, dtype=np.float32).reshape(2, 10, 2)
    ranges = {"train": [[0, 2, 0, 6]], "val": [[0, 2, 6, 8]], "test": [[0, 2, 8, 10]]}
    found = by_part(table_of(frames, ranges), ranges)
    for part, time in {
        "train": slice(0, 6),
        "val": slice(6, 8),
        "test": slice(8, 10),
        "train+val": slice(0, 8),
    }.items():
        values = frames[:, time].astype(np.float64)
        assert (found[part]["count"], found[part]["max"]) == (values.size, values.max())
        assert found[part]["mean"] == pytest.approx(values.mean(), rel=1e-14)
        assert found[part]["std"] == pytest.approx(values.std(), rel=1e-14)


def test_a_split_may_mix_whole_sequences_and_parts_of_time() -> None:
    frames = np.random.default_rng(0).random((2, 6, 1)).astype(np.float32)
    ranges = {"train": [[0, 1], [1, 2, 0, 3]], "test": [[1, 2, 3, 99]]}
    found = by_part(table_of(frames, ranges), ranges)
    assert found["train"]["mean"] == pytest.approx(np.concatenate([frames[0], frames[1, :3]]).mean(dtype=float))
    assert found["test"]["count"] == 3


def test_values_that_are_not_finite_do_not_count() -> None:
    frames = np.array([[[1.0, np.nan]], [[np.inf, 3.0]], [[np.nan, np.nan]]], np.float32)
    ranges = {"train": [[0, 3]], "test": [[2, 3]]}
    found = by_part(table_of(frames, ranges), ranges)
    assert found["train"] == {"count": 2, "min": 1.0, "max": 3.0, "mean": 2.0, "std": 1.0}
    assert found["test"] == {"count": 0, "min": None, "max": None, "mean": None, "std": None}


def test_a_large_mean_does_not_eat_the_standard_deviation() -> None:
    values = np.float64([1e8 - 1, 1e8 + 1] * 50).reshape(10, 10, 1)
    assert join(table_of(values, {"train": [[0, 10]]}))["std"] == pytest.approx(1.0, rel=1e-12)
