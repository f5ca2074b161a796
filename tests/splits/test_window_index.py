from __future__ import annotations

import pickle
import subprocess
import sys

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stbench.contract.datasets import Split
from stbench.errors import StbenchError
from stbench.splits.index import WindowIndex


def by_hand(rows: list[tuple[int, int, int]], length: int, stride: int) -> list[tuple[int, int]]:
    """Every window, found by trying every frame."""
    return [
        (sequence, start)
        for sequence, first, last in rows
        for start in range(first, last)
        if (start - first) % stride == 0 and start + length <= last
    ]


@settings(deadline=None, max_examples=50)
@given(
    st.lists(st.integers(0, 20), unique=True, max_size=5),
    st.integers(1, 12),
    st.integers(1, 4),
    st.integers(1, 5),
    st.integers(1, 4),
)
def test_windows_are_all_that_fit_in_order(
    sequences: list[int], n_frames: int, conditioning: int, horizon: int, stride: int
) -> None:
    index = WindowIndex(np.array(sorted(sequences), np.int64), n_frames, conditioning, horizon, stride)
    expected = by_hand([(each, 0, n_frames) for each in sorted(sequences)], conditioning + horizon, stride)
    assert [index[i] for i in range(len(index))] == expected
    assert list(zip(*(each.tolist() for each in index.arrays()), strict=True)) == expected


@settings(deadline=None, max_examples=50)
@given(st.integers(0, 3), st.integers(4, 9), st.integers(10, 12), st.integers(1, 3), st.integers(1, 3))
def test_windows_never_cross_the_boundary_of_a_split_in_time(
    first: int, middle: int, last: int, horizon: int, stride: int
) -> None:
    ranges = {"train": ((0, 2, first, middle), (3, 4, middle, last)), "val": ((2, 3),), "test": ((0, 2, middle, last),)}
    split = Split("in-time", 4, ranges)
    index = WindowIndex.of_split(split, "train", 12, 2, horizon, stride)
    rows = [(0, first, middle), (1, first, middle), (3, middle, last)]
    assert [index[i] for i in range(len(index))] == by_hand(rows, 2 + horizon, stride)
    union = WindowIndex.of_split(split, "train+test", 12, 2, horizon, stride)  # abutting stretches are one
    rows = [(0, first, last), (1, first, last), (3, middle, last)]
    assert [union[i] for i in range(len(union))] == by_hand(rows, 2 + horizon, stride)


def test_the_published_forecast_has_6360_test_windows() -> None:
    split = Split("waveeq", 300, {"train": ((0, 216),), "val": ((216, 240),), "test": ((240, 300),)})
    index = WindowIndex.of_split(split, "test", 150, 5, 40)
    assert len(index) == 6360
    assert (index[0], index[-1]) == ((240, 0), (299, 105))
    assert len(WindowIndex.of_split(split, "train+val", 150, 5, 20)) == 240 * 126


def test_an_index_out_of_range_is_an_index_error_so_that_iteration_ends() -> None:
    index = WindowIndex(np.array([4, 9]), 7, 2, 3)
    assert len(index) == 6
    assert list(index) == [(4, 0), (4, 1), (4, 2), (9, 0), (9, 1), (9, 2)]
    assert index[-6] == (4, 0)
    assert index[np.int64(3)] == (9, 0)
    for item in (6, -7):
        with pytest.raises(IndexError):
            index[item]
    with pytest.raises(TypeError):
        index[1.5]  # type: ignore[index]


def test_sequences_that_are_too_short_have_no_window() -> None:
    assert len(WindowIndex(np.arange(5), 4, 2, 3)) == 0
    assert len(WindowIndex(np.empty(0, np.int64), 4, 2, 1)) == 0


def test_an_unknown_part_is_named() -> None:
    split = Split("s", 2, {"train": ((0, 1),), "test": ((1, 2),)})
    with pytest.raises(StbenchError, match="no part 'tset': did you mean 'test'"):
        WindowIndex.of_split(split, "train+tset", 5, 1, 1)


def test_a_million_sequences_are_enumerable_in_little_memory() -> None:
    code = """
import resource, numpy as np
from stbench.contract.datasets import Split
from stbench.splits.index import WindowIndex
split = Split("big", 1_000_000, {"train": ((0, 900_000),), "test": ((900_000, 1_000_000),)})
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
index = WindowIndex.of_split(split, "train", 150, 5, 40)
assert len(index) == 900_000 * 106
assert index[106 * 777_777 + 5] == (777_777, 5)
row, start = index.rows(np.array([0, len(index) - 1]))
assert row.tolist() == [0, 899_999] and start.tolist() == [0, 105]
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before)
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60)
    assert int(done.stdout) < 60_000  # kB; a table of the windows alone would be 1.5 GB


def test_the_index_is_picklable() -> None:
    index = WindowIndex(np.array([4, 9]), 7, 2, 3)
    len(index)
    assert list(pickle.loads(pickle.dumps(index))) == list(index)
