"""torch windows by the name of a dataset or a track, and what is taken from the track."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import numpy as np
import pytest

import stbench
from stbench.errors import StbenchError
from stbench.running.tracks import TrackOfStore
from stbench.splits.training import TrainingWindows
from stbench.store.build import build, resolve

pytest.importorskip("torch")
SMALL = {"sequences": 12, "size": 16, "points": 120}


@pytest.fixture
def waves(data: Path) -> TrackOfStore:
    build(resolve("waveeq", SMALL))
    return stbench.track("waveeq/forecast-40", **SMALL)


def test_of_a_track_windows_take_what_is_left_out(waves: TrackOfStore) -> None:
    for given, parameters in ((waves, {}), ("waveeq/forecast-40", SMALL)):
        train, test = (stbench.windows(given, split, **parameters) for split in (None, "test"))
        assert (train.index.conditioning, train.index.horizon) == (5, waves.track.train_horizon)
        assert (test.index.conditioning, test.index.horizon) == (5, 40)
        assert train.store.path == test.store.path == waves.store.path
        scored = [*waves.windows("test", batch_size=1)]
        assert [(int(each.sequence[0]), int(each.start[0])) for each in scored] == list(test.index)
        np.testing.assert_array_equal(test[3]["target"], scored[3].target[0])
        known = TrainingWindows.open(waves.store, "train", 5, waves.track.train_horizon)
        assert len(train) == len(known)
    shorter = stbench.windows(waves, "val", conditioning=3, horizon=np.int64(4), stride=2)
    assert shorter[0]["target"].shape == (4, 1, 16, 16)
    assert shorter.index[1][1] - shorter.index[0][1] == 2


def test_strides_of_a_track_hold_for_what_is_scored_alone(waves: TrackOfStore) -> None:
    strided = dataclasses.replace(waves, track=dataclasses.replace(waves.track, stride=7))
    test, train = (stbench.windows(strided, split) for split in ("test", "train"))
    assert [test.index[1][1] - test.index[0][1], train.index[1][1] - train.index[0][1]] == [7, 1]


def test_the_data_of_windows_are_named_as_the_commands_name_them(waves: TrackOfStore) -> None:
    assert stbench.windows("waveeq", source="procedural", **SMALL).index.horizon == 20
    assert stbench.open("waveeq", source="procedural", **SMALL).sizes["sequence"] == 12
    for door in (stbench.windows, stbench.open):
        with pytest.raises(StbenchError, match="did you mean 'procedural'"):
            door("waveeq", source="procedurel", **SMALL)
        with pytest.raises(StbenchError, match="of the source 'procedural', not 'official': leave it out"):
            door(waves.store.path, source="official")
        with pytest.raises(StbenchError, match="source is 3: give a text"):
            door("waveeq", source=3)
    with pytest.raises(StbenchError, match="has its data already: leave out size, source"):
        stbench.windows(waves, size=16, source="procedural")
    with pytest.raises(StbenchError, match="did you mean 'waveeq/forecast-40'"):
        stbench.windows("waveeq/forecast-4", **SMALL)
    with pytest.raises(StbenchError, match="stbench generate waveeq --set sequences=13"):
        stbench.windows("waveeq/forecast-40", sequences=13)
    with pytest.raises(StbenchError, match="there is no store"):
        stbench.windows("waveeq/forecast.zarr")
