"""What a prediction store of somebody else claims is checked: lead times, units, sizes, chunks that are not there."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import zarr

from stbench.contract.datasets import Track
from stbench.errors import StbenchError
from stbench.protocols.predictions import score_predictions
from stbench.protocols.windows import batches, track_windows
from stbench.store.reader import Store

Spoil = Callable[[Path], None]


@pytest.fixture
def foreign(tmp_path: Path, images: Store, track: Track) -> Path:
    """The truth, written with zarr alone, fill value 0 and one window a chunk."""
    windows = track_windows(images, track)
    truth = np.concatenate([target for _, _, target in batches(images, windows, 4)])
    path = tmp_path / "foreign.zarr"
    group = zarr.create_group(path, attributes={"track": track.id, "dataset_digest": images.digest})
    frames = group.create_array("frames", shape=truth.shape, chunks=(1, *truth.shape[1:]), dtype="float32")
    frames[:] = truth
    group.create_array("sequence", data=windows.sequence)
    group.create_array("start", data=windows.start)
    return path


def lead_times(values: Any, **attributes: str) -> Spoil:
    def spoil(path: Path) -> None:
        group = zarr.open_group(path, mode="a")
        group.create_array("lead_time", data=np.asarray(values), attributes=attributes)

    return spoil


def metadata(array: str, **changes: Any) -> Spoil:
    def spoil(path: Path) -> None:
        file = path / array / "zarr.json"
        file.write_text(json.dumps(json.loads(file.read_text()) | changes))

    return spoil


def claims(count: int) -> Spoil:
    """As many windows as one likes, in three files of metadata."""

    def spoil(path: Path) -> None:
        for array, trailing in (("frames", [9, 1, 12, 14]), ("sequence", []), ("start", [])):
            metadata(array, shape=[count, *trailing])(path)

    return spoil


def chunks_of(count: int) -> Spoil:
    grid = {"name": "regular", "configuration": {"chunk_shape": [count, 9, 1, 12, 14]}}
    return metadata("frames", chunk_grid=grid)


def lose_chunk(path: Path) -> None:
    (path / "frames" / "c" / "11" / "0" / "0" / "0" / "0").unlink()


def lose_chunk_in_shard(path: Path) -> None:
    group = zarr.open_group(path, mode="a")
    frames = np.asarray(group["frames"][...])  # type: ignore[index]
    frames[11] = 0
    shape = frames.shape
    group.create_array("frames", data=frames, chunks=(1, *shape[1:]), shards=(6, *shape[1:]), overwrite=True)


def say(units: str) -> Spoil:
    return lambda path: zarr.open_group(path, mode="a").attrs.update({"units": units})  # type: ignore[return-value]


@pytest.mark.parametrize(
    ("spoil", "sentence"),
    [
        (lead_times(range(9)), r"has the lead times 0, 1, 2, ..., 8, and wanted are 1 to 9"),
        (lead_times(range(9, 0, -1)), r"lead times 9, 8, 7, ..., 1,"),
        (lead_times(np.arange(2, 20, 2)), r"lead times 2, 4, 6, ..., 18,"),
        (lead_times(np.arange(9) * 0.5, units="seconds"), r"lead times 0.0, 0.5, 1.0, ..., 4.0 \(seconds\)"),
        (lead_times(np.arange(2, 20, 2), units="1"), r"lead times 2, 4, 6, ..., 18 \(1\)"),
        (lead_times(np.full(9, np.nan)), r"lead times nan"),
        (lead_times(range(1, 9)), r"lead_time of shape \(8,\)"),
        (lead_times([*"123456789"]), r"wanted are 1 to 9"),
        (
            claims(10**10),
            r"has frames of shape \(10000000000, 9, 1, 12, 14\), the track \S+ wants \(18, 9, 1, 12, 14\)",
        ),
        (chunks_of(10**8), r"in chunks of \(100000000, 9, 1, 12, 14\), 604.8 GB each, where 0.000 GB are wanted"),
        (metadata("frames", dimension_names=["window", "lead_time", "channel", "x", "y"]), r"over .*channel, x, y"),
        (lose_chunk, r"lacks a chunk of 'frames' with the window of sequence 5 starting at frame 2"),
        (lose_chunk_in_shard, r"lacks a chunk of 'frames' with the window of sequence 5 starting at frame 2"),
        (say("kelvin"), r"the units 'kelvin'"),
    ],
)
def test_a_false_claim_is_refused_in_one_sentence(
    foreign: Path, images: Store, track: Track, spoil: Spoil, sentence: str
) -> None:
    spoil(foreign)
    with pytest.raises(StbenchError, match=sentence) as caught:
        score_predictions(foreign, images, track)
    assert str(foreign) in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    "spoil",
    [
        lambda path: None,
        lead_times(range(1, 10)),
        lead_times(np.arange(1.0, 10)),
        lead_times(np.arange(1, 10) * 3600, units="seconds"),
        lead_times(np.arange(1, 10) * 0.1, units="s"),
        say("normalised"),
    ],
)
def test_a_true_claim_is_scored_by_position(foreign: Path, images: Store, track: Track, spoil: Spoil) -> None:
    spoil(foreign)
    assert not score_predictions(foreign, images, track).values["mse"].any()


@pytest.mark.parametrize(
    ("scale", "shift", "remarked"), [(1, 0, False), (2, -0.5, False), (255, 0, True), (1, 9, True)]
)
def test_forecasts_far_from_the_range_of_the_frames_get_a_remark(
    foreign: Path, images: Store, track: Track, scale: float, shift: float, remarked: bool
) -> None:
    frames: Any = zarr.open_array(foreign, path="frames", mode="r+")
    frames[:] = np.asarray(frames[:]) * scale + shift
    notes: list[str] = []
    score_predictions(foreign, images, track, on_note=notes.append)
    assert len(notes) == remarked
    if remarked:
        found = np.asarray(frames[:])
        assert f"between {found.min():.4g} and {found.max():.4g}" in notes[0]
        assert "normalised units" in notes[0]
