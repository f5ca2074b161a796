"""Sequences of different length: nothing ever sees the padding, and equal lengths notice nothing."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image
from toy_dataset import toy

from stbench.contract.datasets import Blueprint, Coordinate, Split, Track, Variable
from stbench.errors import StbenchError
from stbench.pictures.preview import preview
from stbench.protocols.windows import batches, track_windows
from stbench.splits.index import WindowIndex
from stbench.splits.training import TrainingWindows
from stbench.store.layout import layout_of
from stbench.store.reader import Store, open_store
from stbench.store.verify import verify
from stbench.store.writer import generate

LENGTHS = (5, 12, 3, 7, 1, 9, 12, 4, 6, 8)
SPLIT = Split("ragged", 10, {"train": ((0, 5),), "val": ((5, 6),), "test": ((6, 10),)})


@dataclass(frozen=True)
class Ramp:
    """Frame t of sequence i is everywhere 1 + 20 i + t: what is 0 is padding."""

    lengths: tuple[int, ...]
    padding: int = 0

    def __call__(self, first: int, last: int) -> dict[str, np.ndarray]:
        frames = np.full((last - first, max(self.lengths), 1, 4, 4), self.padding, np.uint8)
        clock = np.zeros((last - first, max(self.lengths)), np.float64)
        for row, sequence in enumerate(range(first, last)):
            n = self.lengths[sequence]
            frames[row, :n] = (1 + 20 * sequence + np.arange(n))[:, None, None, None]
            clock[row, :n] = np.arange(n)
        return {"frames": frames, "clock": clock}


def ragged(lengths: Sequence[int] = LENGTHS, split: Split = SPLIT, padding: int = 0) -> Blueprint:
    n, longest = len(lengths), max(lengths)
    return toy(
        n,
        longest,
        4,
        split=split,
        variables={
            "frames": Variable(
                ("sequence", "time", "channel", "y", "x"), (n, longest, 1, 4, 4), "uint8", (1, 2, 1, 4, 4)
            ),
            "clock": Variable(("sequence", "time"), (n, longest), "float64", (1, longest)),
        },
        coordinates={"row_size": Coordinate(("sequence",), np.array(lengths, np.int64), {"units": "1"})},
        produce=Ramp(tuple(lengths), padding),
        normaliser="standardise",
        dataset="toy",
    )


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Store:
    return generate(ragged(), tmp_path_factory.mktemp("stores") / "ragged.zarr", workers=1)


def test_one_sequence_is_as_long_as_it_is_and_several_are_padded_with_zero(store: Store) -> None:
    assert store.row_size is not None
    assert store.row_size.tolist() == list(LENGTHS)
    assert store.n_frames == 12
    for sequence, length in enumerate(LENGTHS):
        expected = 1 + 20 * sequence + np.arange(length)
        assert store.read(sequence)[:, 0, 0, 0].tolist() == expected.tolist()
        assert store.read(sequence, slice(2, 6))[:, 0, 0, 0].tolist() == expected[2:6].tolist()
        assert store.read(sequence, slice(-2, None))[:, 0, 0, 0].tolist() == expected[-2:].tolist()
        assert store.read(np.int64(sequence), variable="clock").tolist() == list(range(length))  # type: ignore[arg-type]
    several = store.read(np.array([0, 2]))
    assert several.shape == (2, 12, 1, 4, 4)
    assert not several[0, 5:].any()
    assert store.read(slice(0, 3)).shape == (3, 12, 1, 4, 4)


def test_xarray_gives_dense_arrays_with_row_size_as_coordinate(store: Store) -> None:
    dataset = store.to_xarray()
    assert dataset["frames"].dims == ("sequence", "time", "channel", "y", "x")
    assert dataset["frames"].coords["row_size"].values.tolist() == list(LENGTHS)


@settings(deadline=None, max_examples=100)
@given(
    st.lists(st.integers(1, 14), min_size=3, max_size=8),
    st.integers(1, 4),
    st.integers(1, 5),
    st.integers(1, 3),
    st.integers(0, 6),
    st.integers(1, 10),
)
def test_windows_are_all_that_fit_before_the_padding(
    lengths: list[int], conditioning: int, horizon: int, stride: int, first: int, extent: int
) -> None:
    n = len(lengths)
    split = Split("s", n, {"train": ((0, n - 1),), "test": ((0, n, first, first + extent),)})
    row_size = np.array(lengths, np.int64)
    for part, begin, end, last in (("train", 0, 100, n - 1), ("test", first, first + extent, n)):
        index = WindowIndex.of_split(split, part, max(lengths), conditioning, horizon, stride, row_size=row_size)
        expected = [
            (sequence, start)
            for sequence in range(last)
            for start in range(begin, lengths[sequence], stride)
            if start + conditioning + horizon <= min(end, lengths[sequence])
        ]
        assert list(index) == expected


def test_equal_row_sizes_give_the_windows_of_equal_lengths() -> None:
    split = Split("s", 4, {"train": ((0, 3), (3, 4)), "test": ((3, 4),)})
    plain = WindowIndex.of_split(split, "train", 9, 2, 3, 2)
    sized = WindowIndex.of_split(split, "train", 9, 2, 3, 2, row_size=np.full(4, 9))
    assert list(plain) == list(sized)
    assert [each.tolist() for each in plain.rows(np.arange(len(plain)))] == [
        each.tolist() for each in sized.rows(np.arange(len(sized)))
    ]


def test_statistics_do_not_count_padding(store: Store) -> None:
    for part, sequences in {"train": range(5), "val": range(5, 6), "test": range(6, 10), "train+val": range(6)}.items():
        values = np.concatenate([1.0 + 20 * i + np.arange(LENGTHS[i]) for i in sequences])
        found = store.attributes["statistics"][part]
        assert found["count"] == 16 * len(values)
        assert (found["min"], found["max"]) == (values.min(), values.max())
        assert found["mean"] == pytest.approx(values.mean(), rel=1e-12)
        assert found["std"] == pytest.approx(values.std(), rel=1e-12)


def test_training_windows_are_those_of_the_sequences_and_hold_no_padding(store: Store) -> None:
    windows = TrainingWindows.open(store, "train", 2, 2)
    assert len(windows) == sum(max(0, n - 3) for n in LENGTHS[:5])
    frames = store.denormalise(windows.frames)
    assert frames.min() > 0.5
    assert frames.shape[:2] == (1, sum(LENGTHS[:5]))
    assert [len(each) for each in windows.stretches()] == list(LENGTHS[:5])
    conditioning, target = windows.gather(np.arange(len(windows)))
    row, start = windows.rows()
    for i, (sequence, first) in enumerate(windows.index):
        expected = 1 + 20 * sequence + np.arange(first, first + 4)
        for found in (np.concatenate([conditioning[i], target[i]]), windows.frames[row[i], start[i] : start[i] + 4]):
            assert np.rint(store.denormalise(found))[:, 0, 0, 0].tolist() == expected.tolist()
    assert len(windows.with_horizon(6)) == sum(max(0, n - 7) for n in LENGTHS[:5])


def test_the_protocol_reads_exactly_the_windows_of_the_test_sequences(store: Store) -> None:
    windows = track_windows(store, Track("toy", "forecast", 3, 4, 1, ("mse",)))
    seen = []
    for _, conditioning, target in batches(store, windows, 4):
        seen += np.rint(store.denormalise(np.concatenate([conditioning, target], 1)))[:, :, 0, 0, 0].tolist()
    expected = [list(range(1 + 20 * i + s, 8 + 20 * i + s)) for i in range(6, 10) for s in range(LENGTHS[i] - 6)]
    assert seen == expected
    with pytest.raises(StbenchError, match="its sequences have at most 12 frames"):
        track_windows(store, Track("toy", "forecast", 3, 14, 1, ("mse",)))


def test_torch_windows_stop_at_the_end_of_each_sequence(store: Store) -> None:
    torch_windows = pytest.importorskip("stbench.splits.torch_windows")
    dataset = torch_windows.WindowDataset.of(store, "test", 2, 3)
    assert len(dataset) == sum(max(0, n - 4) for n in LENGTHS[6:])
    for i in range(len(dataset)):
        item = dataset[i]
        value = store.denormalise(item["target"][-1].numpy())
        assert round(float(value.max())) == 1 + 20 * item["sequence"] + item["start"] + 4


def test_padding_takes_next_to_no_room_and_the_store_verifies(tmp_path: Path) -> None:
    lengths = (1, 400, 1, 1)
    split = Split("s", 4, {"train": ((0, 2),), "val": ((2, 3),), "test": ((3, 4),)})
    store = generate(ragged(lengths, split), tmp_path / "long.zarr", workers=1)
    assert verify(store.path).ok
    index = 16 * 3 * 200  # bytes of the index of a shard of three sequences of 200 chunks
    assert (store.path / "frames/c.0.0.0.0.0").stat().st_size > index + 200 * 20
    assert (store.path / "frames/c.1.0.0.0.0").stat().st_size < index + 100  # one chunk


def test_a_shard_of_nothing_but_zeros_has_its_file(tmp_path: Path) -> None:
    blueprint = ragged()
    zeros = {
        "frames": np.zeros((3, 12, 1, 4, 4), np.uint8),
        "clock": np.zeros((3, 12)),
    }
    changed = type(blueprint)(**{**vars(blueprint), "produce": lambda a, b: {k: v[: b - a] for k, v in zeros.items()}})
    assert verify(generate(changed, tmp_path / "zeros.zarr", workers=1).path).ok


def test_the_digest_depends_on_the_lengths_and_not_on_workers(tmp_path: Path, store: Store) -> None:
    again = generate(ragged(), tmp_path / "again.zarr", workers=2, scheduler="processes")
    assert again.digest == store.digest
    other = ragged((*LENGTHS[:-1], 7))
    assert generate(other, tmp_path / "other.zarr", workers=1).digest != store.digest


def test_equal_lengths_have_no_row_size_and_a_format_of_their_own(tmp_path: Path) -> None:
    plain = generate(toy(), tmp_path / "toy.zarr", workers=1)
    assert plain.row_size is None
    assert plain.attributes["stbench_store_format"] == 3
    assert plain.digest == "b922e0989da805ab05674e1f37cfb604f2d5b49f299e776922887819034c7a0d"
    assert layout_of(toy()).describe()["format"] == 1


def test_lengths_of_their_own_have_a_format_that_older_readers_refuse(store: Store) -> None:
    assert json.loads((store.path / "zarr.json").read_text())["attributes"]["stbench_store_format"] == 4


def test_lengths_that_cannot_be_read_are_one_sentence(tmp_path: Path) -> None:
    store = generate(ragged(), tmp_path / "damaged.zarr", workers=1)
    (chunk,) = (store.path / "row_size" / "c").iterdir()
    chunk.write_bytes(chunk.read_bytes()[:3])
    with pytest.raises(StbenchError, match=r"the lengths of the sequences of .*damaged.zarr cannot be read"):
        open_store(store.path).read(0)


@pytest.mark.parametrize(
    "values", [np.array(LENGTHS, np.int32), np.array((0, *LENGTHS[1:])), np.array((13, *LENGTHS[1:])), np.arange(1, 5)]
)
def test_row_sizes_that_contradict_the_frames_are_the_authors_mistake(values: np.ndarray, tmp_path: Path) -> None:
    blueprint = ragged()
    changed = type(blueprint)(**{**vars(blueprint), "coordinates": {"row_size": Coordinate(("sequence",), values)}})
    with pytest.raises(ValueError, match="row_size of toy"):
        generate(changed, tmp_path / "toy.zarr", workers=1)


def test_values_in_the_padding_are_the_authors_mistake(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="of sequence 0 beyond its 5 frames"):
        generate(ragged(padding=1), tmp_path / "toy.zarr", workers=1)


def test_pictures_show_no_padding(store: Store, tmp_path: Path) -> None:
    strip, gif = (
        preview(store, tmp_path / "a.png", sequences=[1, 4]),
        preview(store, tmp_path / "a.gif", sequences=[4, 7]),
    )
    assert Image.open(strip).size[0] > 8 * 170
    assert getattr(Image.open(gif), "n_frames", 0) == 4  # the longer of the two, not the longest of the store


def test_info_names_the_lengths(store: Store, capsys: pytest.CaptureFixture[str]) -> None:
    from stbench.cli.info import info

    info.main([str(store.path)], standalone_mode=False)
    assert "10 x 1 to 12 x 1 x 4 x 4" in capsys.readouterr().out
