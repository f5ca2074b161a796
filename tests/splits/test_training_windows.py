from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from toy_dataset import toy

from stbench.contract.datasets import Split
from stbench.errors import StbenchError
from stbench.splits import training
from stbench.splits.training import TrainingWindows
from stbench.store.reader import Store
from stbench.store.writer import generate


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Store:
    return generate(toy(normaliser="standardise"), tmp_path_factory.mktemp("stores") / "toy.zarr", workers=1)


@pytest.mark.parametrize("part", ["train", "val", "train+val"])
def test_frames_are_the_normalised_sequences_of_the_split(store: Store, part: str) -> None:
    windows = TrainingWindows.open(store, part, 2, 3)
    assert np.array_equal(windows.sequences, store.split.indices(part))
    assert np.array_equal(windows.frames, store.normalise(store.read(windows.sequences)))
    assert windows.frames.dtype == np.float32
    assert (windows.n_frames, windows.frame_shape) == (12, (1, 8, 8))


def test_gathered_windows_are_consecutive_frames_of_one_sequence(store: Store) -> None:
    windows = TrainingWindows.open(store, "train+val", 2, 3, stride=2)
    items = np.array([0, len(windows) - 1, 7, 7])
    conditioning, target = windows.gather(items)
    assert (conditioning.shape, target.shape) == ((4, 2, 1, 8, 8), (4, 3, 1, 8, 8))
    for i, item in enumerate(items):
        sequence, start = windows.index[int(item)]
        expected = store.normalise(store.read(sequence, slice(start, start + 5)))
        assert np.array_equal(np.concatenate([conditioning[i], target[i]]), expected)
    row, start = windows.rows()
    assert np.array_equal(windows.sequences[row], windows.index.arrays()[0])
    assert np.array_equal(start, windows.index.arrays()[1])


def test_a_gathered_batch_is_a_copy(store: Store) -> None:
    windows = TrainingWindows.open(store, "train", 2, 3)
    before = windows.frames.copy()
    windows.gather(np.array([0]))[0][...] = 7
    assert np.array_equal(windows.frames, before)


@pytest.mark.parametrize("items", [[-1], [0, 10**6]])
def test_windows_outside_the_split_are_an_index_error(store: Store, items: list[int]) -> None:
    with pytest.raises(IndexError):
        TrainingWindows.open(store, "train", 2, 3).gather(np.array(items))


def test_another_horizon_shares_the_frames_in_memory(store: Store) -> None:
    windows = TrainingWindows.open(store, "train", 2, 3)
    longer = windows.with_horizon(7)
    assert longer.frames is windows.frames
    assert (longer.horizon, len(longer.index)) == (7, 9 * 4)
    with pytest.raises(StbenchError, match=r"2 \+ 11 frames"):
        windows.with_horizon(11)


def test_reading_in_blocks_gives_the_same_frames(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = TrainingWindows.open(store, "train+val", 2, 3).frames
    monkeypatch.setattr(training, "BLOCK_BYTES", 4 * 12 * 64 * 4)
    assert np.array_equal(TrainingWindows.open(store, "train+val", 2, 3).frames, whole)


def test_scattered_sequences_are_read_in_their_order(tmp_path: Path) -> None:
    split = Split("scattered", 13, {"train": ((0, 3), (7, 9), (12, 13)), "test": ((3, 7), (9, 12))})
    store = generate(toy(split=split), tmp_path / "toy.zarr", workers=1)
    windows = TrainingWindows.open(store, "train", 2, 3)
    assert windows.sequences.tolist() == [0, 1, 2, 7, 8, 12]
    assert np.array_equal(windows.frames, store.read(windows.sequences))


def test_a_split_in_time_shows_no_frame_of_the_other_parts(tmp_path: Path) -> None:
    ranges = {"train": ((0, 4, 0, 8), (4, 13, 1, 9)), "test": ((0, 13, 9, 12),)}
    store = generate(toy(split=Split("in-time", 13, ranges)), tmp_path / "toy.zarr", workers=1)
    windows = TrainingWindows.open(store, "train", 2, 3)
    assert windows.frames.shape == (13, 8, 1, 8, 8)
    frames = store.read(slice(None))
    assert np.array_equal(windows.frames, np.concatenate([frames[:4, :8], frames[4:, 1:9]]))
    conditioning, target = windows.gather(np.arange(len(windows)))
    for i in range(len(windows)):
        sequence, start = windows.index[i]
        assert np.array_equal(np.concatenate([conditioning[i], target[i]]), frames[sequence, start : start + 5])


def test_stretches_of_different_length_lie_end_to_end_and_no_window_crosses_them(tmp_path: Path) -> None:
    ranges = {"train": ((0, 4, 2, 8), (4, 12, 0, 9), (12, 13, 3, 7)), "test": ((0, 13, 9, 12),)}
    store = generate(toy(split=Split("in-time", 13, ranges)), tmp_path / "toy.zarr", workers=1)
    windows = TrainingWindows.open(store, "train", 2, 3)
    frames = store.read(slice(None))
    stretches = [*frames[:4, 2:8], *frames[4:12, :9], frames[12, 3:7]]
    assert windows.frames.shape == (1, 4 * 6 + 8 * 9 + 4, 1, 8, 8)
    assert [each.tolist() for each in windows.stretches()] == [each.tolist() for each in stretches]
    assert np.array_equal(windows.frames[0], np.concatenate(stretches))
    assert len(windows) == 4 * 2 + 8 * 5
    conditioning, target = windows.gather(np.arange(len(windows)))
    row, start = windows.rows()
    for i in range(len(windows)):
        sequence, first = windows.index[i]
        expected = frames[sequence, first : first + 5]
        assert np.array_equal(np.concatenate([conditioning[i], target[i]]), expected)
        assert np.array_equal(windows.frames[row[i], start[i] : start[i] + 5], expected)


def test_too_large_a_split_is_refused_before_it_is_read(store: Store) -> None:
    windows = TrainingWindows.open(store, "train", 2, 3, memory_limit=1000)
    with pytest.raises(StbenchError, match="GiB of memory and the limit is"):
        _ = windows.frames


def test_windows_longer_than_the_sequences_are_refused(store: Store) -> None:
    with pytest.raises(StbenchError, match=r"has 5 \+ 8 frames, one window"):
        TrainingWindows.open(store, "train", 5, 8)


def test_the_places_of_windows_are_their_frames_in_the_order_of_all(store: Store) -> None:
    windows = TrainingWindows.open(store, "train", 2, 3)
    items = np.array([0, 5, len(windows) - 1])
    flat = windows.frames.reshape(-1, *windows.frame_shape)
    conditioning, target = windows.gather(items)
    np.testing.assert_array_equal(flat[windows.places(items)], np.concatenate([conditioning, target], axis=1))
    for place, (sequence, start) in zip(windows.places(items), (windows.index[int(k)] for k in items), strict=True):
        np.testing.assert_array_equal(flat[place], store.window(sequence, start, 5))
