"""A track from Python: windows in numpy, the table of any callable, floors."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import stbench
from stbench import registry
from stbench.errors import StbenchError
from stbench.protocols.forecast import forecast
from stbench.running.run import run
from stbench.running.tracks import TrackOfStore
from stbench.store.build import build, resolve

SMALL = {"sequences": 12, "size": 16, "points": 120}


@pytest.fixture
def waves(data: Path) -> TrackOfStore:
    build(resolve("waveeq", SMALL))
    return stbench.track("waveeq/forecast-40", **SMALL)


def repeat_last(conditioning: np.ndarray, horizon: int) -> np.ndarray:
    return np.repeat(conditioning[:, -1:], horizon, axis=1)


def test_windows_are_those_that_are_scored(waves: TrackOfStore) -> None:
    found = list(waves.windows("test", batch_size=7))
    sequence, start = (np.concatenate([getattr(each, name) for each in found]) for name in ("sequence", "start"))
    assert [len(each.start) for each in found[:-1]] == [7] * (len(found) - 1)
    frames = waves.store.normalise(waves.store.read(int(sequence[9]), slice(int(start[9]), int(start[9]) + 45)))
    at = found[1]
    np.testing.assert_array_equal(np.concatenate([at.conditioning[2], at.target[2]]), frames)
    asked: list[int] = []

    def counting(conditioning: np.ndarray, horizon: int) -> np.ndarray:
        asked.append(len(conditioning))
        return repeat_last(conditioning, horizon)

    waves.evaluate(counting)
    assert sum(asked) == len(sequence)


def test_the_table_of_a_callable_is_that_of_the_same_model_run_by_the_suite(
    waves: TrackOfStore, tmp_path: Path
) -> None:
    settings = {name: str(value) for name, value in SMALL.items()}
    result = run("persistence", "waveeq", preset="paper", settings=settings, runs=tmp_path)
    theirs = stbench.read_results(result.folder)
    ours = waves.evaluate(repeat_last, name="mine")
    for column in ("metric", "lead_time", "value", "ci_low", "ci_high", "n", "n_sequences"):
        assert ours[column].equals(theirs[column].astype(ours[column].dtype)), column
    assert set(ours["model"]) == {"mine"}


def test_where_no_floor_can_be_asked_the_table_is_empty(data: Path) -> None:
    build(resolve("sprites", {"characters": 12}, "simulated"))
    found = stbench.track("sprites/probe-8", source="simulated", characters=12).floors()
    assert len(found) == 0
    assert "value" in found.columns


def test_floors_are_fitted_and_stand_in_one_table(waves: TrackOfStore) -> None:
    table = waves.floors(limit=6)
    assert {"persistence", "mean", "linear"} <= set(table["model"])
    mse = table[(table["metric"] == "mse") & (table["lead_time"] == "1..40")].set_index("model")["value"]
    assert mse["persistence"] == waves.evaluate(repeat_last, limit=6).query("metric == 'mse'")["value"].iloc[0]
    assert (mse > 0).all()


def test_an_object_with_the_method_of_the_track_is_asked_by_it(waves: TrackOfStore) -> None:
    class Model:
        def forecast(self, conditioning: np.ndarray, horizon: int) -> np.ndarray:
            return repeat_last(conditioning, horizon)

        def __call__(self, *_: object) -> None:
            raise AssertionError("the method of the track was there")

    values = waves.evaluate(Model(), limit=5)["value"]
    expected = forecast(Model(), waves.store, waves.track, limit=5).values["mse"].mean()
    assert values.iloc[0] == pytest.approx(expected, rel=1e-12)


@pytest.mark.parametrize(
    ("model", "sentence"),
    [
        (lambda conditioning, horizon: conditioning, r"shape"),
        (lambda conditioning, horizon: repeat_last(conditioning, horizon).astype(np.float64), r"float64"),
        (lambda conditioning, horizon: repeat_last(conditioning, horizon) * np.nan, r"finite"),
        (3, r"neither callable"),
    ],
)
def test_what_is_no_forecast_is_refused(waves: TrackOfStore, model: object, sentence: str) -> None:
    with pytest.raises(StbenchError, match=sentence):
        waves.evaluate(model, limit=3)


def test_unknown_names_missing_data_and_odd_counts_are_one_sentence(waves: TrackOfStore) -> None:
    with pytest.raises(StbenchError, match="did you mean 'waveeq/forecast-40'"):
        stbench.track("waveeq/forecast-4")
    with pytest.raises(StbenchError, match="did you mean 'waveeq'"):
        stbench.track("wavee")
    with pytest.raises(StbenchError, match="stbench generate waveeq --set sequences=13"):
        stbench.track("waveeq", sequences=13)
    with pytest.raises(StbenchError, match="batch_size is 0: give a whole number of at least 1"):
        next(waves.windows(batch_size=0))
    with pytest.raises(StbenchError, match="name is 3: give a text"):
        stbench.track(3)
    with pytest.raises(StbenchError, match="there is no preset 'papers': did you mean 'paper'"):
        stbench.track("waveeq", preset="papers")
    with pytest.raises(StbenchError, match="split is 3: give a text"):
        next(waves.windows(3))
    judged = next(each for each in registry.dataset("sprites").tracks if each.protocol == "sample")
    with pytest.raises(StbenchError, match="judge"):
        TrackOfStore(judged, waves.store).evaluate(repeat_last)
