"""Prediction stores: ours come back with the same scores, somebody else's are checked before they are scored."""

from __future__ import annotations

import dataclasses
import shutil
import warnings
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import xarray as xr
import zarr

from stbench.contract.datasets import Track
from stbench.errors import StbenchError
from stbench.protocols.forecast import Scores, forecast
from stbench.protocols.predictions import PredictionWriter, score_predictions
from stbench.store.reader import Store


class Ramp:
    """Answers with something that differs at every window and lead time."""

    def forecast(self, conditioning: np.ndarray, horizon: int) -> np.ndarray:
        steps = np.arange(1, horizon + 1, dtype=np.float32).reshape(-1, *[1] * (conditioning.ndim - 2))
        return conditioning[:, -1:] * (1 - np.float32(0.1) * steps)


def written(path: Path, store: Store, track: Track) -> Scores:
    with PredictionWriter(path, store, track, "ramp") as writer:
        return forecast(Ramp(), store, track, predictions=writer, batch_size=5)


@pytest.fixture
def good(tmp_path: Path, images: Store, track: Track) -> Path:
    written(tmp_path / "predictions.zarr", images, track)
    return tmp_path / "predictions.zarr"


def assert_same(one: Scores, other: Scores) -> None:
    assert one.values.keys() == other.values.keys()
    for name in one.values:
        np.testing.assert_array_equal(one.values[name], other.values[name])


@pytest.mark.parametrize("kind", ["images", "colours", "vectors"])
def test_round_trip_gives_identical_scores(
    kind: str, track: Track, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    store = request.getfixturevalue(kind)
    scores = written(tmp_path / "p.zarr", store, track)
    again = score_predictions(tmp_path / "p.zarr", store, track)
    assert_same(scores, again)
    np.testing.assert_array_equal(again.start, scores.start)
    assert again.inference_seconds is None
    assert [each.name for each in tmp_path.iterdir()] == ["p.zarr"]


def test_opens_with_plain_xarray(good: Path, images: Store, track: Track) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")  # xarray warns where metadata are not consolidated
        dataset = xr.open_zarr(good)
    assert dataset.frames.dims == ("window", "lead_time", "channel", "y", "x")
    assert set(dataset.coords) == {"sequence", "start", "lead_time"}
    assert dataset.lead_time.values.tolist() == list(range(1, 10))
    assert dataset.attrs["track"] == track.id
    assert dataset.attrs["dataset_digest"] == images.digest
    assert dataset.attrs["model"] == "ramp"


def test_predictions_written_by_xarray_in_another_order_and_precision_score_the_same(
    good: Path, images: Store, track: Track, tmp_path: Path
) -> None:
    shuffled = xr.open_zarr(good, consolidated=False).load().isel(window=np.random.default_rng(0).permutation(18))
    foreign = xr.Dataset(
        {
            "frames": shuffled.frames.drop_vars(["sequence", "start"]).astype(np.float64),
            "sequence": ("window", shuffled.sequence.values.astype(np.int32)),
            "start": ("window", shuffled.start.values.astype(np.uint8)),
        },
        attrs={"track": track.id, "dataset_digest": images.digest},
    )
    foreign.to_zarr(tmp_path / "foreign.zarr", zarr_format=3)
    assert_same(score_predictions(tmp_path / "foreign.zarr", images, track), score_predictions(good, images, track))


def without_first(path: Path) -> None:
    rewrite(path, lambda arrays: {name: values[1:] for name, values in arrays.items()})


def twice(path: Path) -> None:
    rewrite(path, lambda arrays: {name: values[[0, *range(18)]] for name, values in arrays.items()})


def foreign_window(path: Path) -> None:
    def add(arrays: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
        more = {name: np.concatenate([values, values[:1]]) for name, values in arrays.items()}
        more["sequence"][-1] = 2
        return more

    rewrite(path, add)


def rewrite(path: Path, change: Callable[[dict[str, np.ndarray]], dict[str, np.ndarray]]) -> None:
    group = zarr.open_group(path, mode="a")
    for name, values in change({n: np.asarray(group[n][...]) for n in ("frames", "sequence", "start")}).items():  # type: ignore[index]
        group.create_array(name, data=values, overwrite=True)


def poke(value: float) -> Callable[[Path], None]:
    def change(path: Path) -> None:
        zarr.open_array(path, path="frames", mode="r+")[10, 6, 0, 3, 3] = value

    return change


def attribute(name: str, value: str | None) -> Callable[[Path], None]:
    def change(path: Path) -> None:
        group = zarr.open_group(path, mode="a")
        if value is None:
            del group.attrs[name]
        else:
            group.attrs[name] = value

    return change


def lose_chunk(path: Path) -> None:
    shutil.rmtree(path / "frames" / "c")


def damage_chunk(path: Path) -> None:
    chunk = next(file for file in (path / "frames" / "c").rglob("*") if file.is_file())
    chunk.write_bytes(chunk.read_bytes()[:40])


def overwritten(place: str, text: str) -> Callable[[Path], None]:
    return lambda path: (path / place).write_text(text)  # type: ignore[return-value]


def replaced(place: str, old: str, new: str) -> Callable[[Path], None]:
    def change(path: Path) -> None:
        text = (path / place).read_text()
        assert old in text
        (path / place).write_text(text.replace(old, new))

    return change


def gzipped_and_cut(path: Path) -> None:
    group = zarr.open_group(path, mode="a")
    frames = np.asarray(group["frames"][...])  # type: ignore[index]
    codec = zarr.codecs.GzipCodec()
    group.create_array("frames", data=frames, compressors=codec, overwrite=True)
    damage_chunk(path)


def huge(path: Path) -> None:
    rewrite(path, lambda arrays: arrays | {"frames": np.full(arrays["frames"].shape, 1e300)})


def huge_of_both_signs(path: Path) -> None:
    signs = np.resize([1e300, -1e300], (12, 14))
    rewrite(path, lambda arrays: arrays | {"frames": np.broadcast_to(signs, arrays["frames"].shape)})


def remove(name: str) -> Callable[[Path], None]:
    return lambda path: shutil.rmtree(path / name)


@pytest.mark.parametrize(
    ("spoil", "sentence"),
    [
        (without_first, r"lacks 1 of the 18 test windows .* the first is the window of sequence 4 starting at frame 0"),
        (twice, r"has the window of sequence 4 starting at frame 0 twice"),
        (foreign_window, r"has 1 windows that are no test windows .* the first is sequence 2 starting at frame 0"),
        (poke(np.nan), r"not finite for the window of sequence 5 starting at frame 1, lead time 7"),
        (poke(np.inf), r"not finite for the window of sequence 5 starting at frame 1, lead time 7"),
        (attribute("dataset_digest", "0" * 64), r"predicted for dataset_digest '0{64}'"),
        (attribute("dataset_digest", None), r"has no attribute 'dataset_digest'"),
        (attribute("track", "toy/forecast-3"), r"predicted for track 'toy/forecast-3'"),
        (lose_chunk, r"not finite for the window of sequence 4 starting at frame 0, lead time 1"),
        (damage_chunk, r"is damaged: 'frames' cannot be read"),
        (remove("start"), r"has no array 'start'"),
        (remove("frames"), r"has no array 'frames'"),
        (lambda path: rewrite(path, lambda a: a | {"frames": a["frames"][:, :8]}), r"shape \(18, 8, 1, 12, 14\)"),
        (lambda path: rewrite(path, lambda a: a | {"frames": a["frames"][..., 0]}), r"shape \(18, 9, 1, 12\)"),
        (lambda path: rewrite(path, lambda a: a | {"frames": np.uint8(a["frames"] > 0)}), r"frames of type uint8"),
        (
            lambda path: rewrite(path, lambda a: a | {"start": a["start"].astype(float)}),
            r"start of shape \(18,\), float64",
        ),
        (lambda path: rewrite(path, lambda a: a | {"start": a["start"][1:]}), r"start of shape \(17,\), int64"),
        (lambda path: shutil.rmtree(path), r"there is no prediction store"),
        (lambda path: (path / "zarr.json").write_text("{"), r"is not a prediction store"),
        (lambda path: (path / "zarr.json").unlink(), r"is not a prediction store"),
        (overwritten("zarr.json", "[]"), r"is not a prediction store"),
        (overwritten("frames/zarr.json", "{"), r"is damaged: 'frames' cannot be read"),
        (overwritten("sequence/zarr.json", "{"), r"is damaged: 'sequence' cannot be read"),
        (overwritten("frames/zarr.json", "[]"), r"is damaged: 'frames' cannot be read"),
        (replaced("frames/zarr.json", '"zstd"', '"nobodys"'), r"is damaged: 'frames' cannot be read"),
        (replaced("frames/zarr.json", '"float32"', '"float31"'), r"is damaged: 'frames' cannot be read"),
        (gzipped_and_cut, r"is damaged: 'frames' cannot be read"),
        (huge, r"not finite for the window of sequence 4 starting at frame 0, lead time 1"),
        (huge_of_both_signs, r"not finite for the window of sequence 4 starting at frame 0, lead time 1"),
    ],
)
def test_bad_predictions_are_refused_in_one_sentence(
    good: Path, images: Store, track: Track, spoil: Callable[[Path], None], sentence: str
) -> None:
    spoil(good)
    with warnings.catch_warnings():
        warnings.simplefilter("error")  # what numpy would print before the sentence
        with pytest.raises(StbenchError, match=sentence) as caught:
            score_predictions(good, images, track)
    assert str(good) in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_file_is_not_a_prediction_store(tmp_path: Path, images: Store, track: Track) -> None:
    (tmp_path / "p.zarr").write_text("frames")
    with pytest.raises(StbenchError, match="is not a prediction store"):
        score_predictions(tmp_path / "p.zarr", images, track)


def test_an_exception_leaves_nothing_behind(tmp_path: Path, images: Store, track: Track) -> None:
    def fail(done: int, n: int) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt), PredictionWriter(tmp_path / "p.zarr", images, track, "ramp") as writer:
        forecast(Ramp(), images, track, predictions=writer, on_progress=fail)
    assert list(tmp_path.iterdir()) == []


def test_missing_windows_are_refused_when_writing_ends(tmp_path: Path, images: Store, track: Track) -> None:
    with (
        pytest.raises(StbenchError, match="would lack 15 of 18 windows"),
        PredictionWriter(tmp_path / "p.zarr", images, track, "ramp") as writer,
    ):
        writer.write(np.array([4, 4, 4]), np.arange(3), np.zeros((3, 9, 1, 12, 14), np.float32))
    assert list(tmp_path.iterdir()) == []


def test_an_existing_path_is_left_alone(tmp_path: Path, images: Store, track: Track) -> None:
    (tmp_path / "p.zarr").write_text("mine")
    with pytest.raises(StbenchError, match="exists already"):
        PredictionWriter(tmp_path / "p.zarr", images, track, "ramp")
    assert (tmp_path / "p.zarr").read_text() == "mine"


def test_a_limit_and_a_prediction_store_exclude_each_other(tmp_path: Path, images: Store, track: Track) -> None:
    with (
        pytest.raises(StbenchError, match="only 3 are predicted"),
        PredictionWriter(tmp_path / "p.zarr", images, track, "ramp") as writer,
    ):
        forecast(Ramp(), images, track, predictions=writer, limit=3)


def test_another_store_of_the_same_dataset_is_refused(good: Path, colours: Store, track: Track) -> None:
    with pytest.raises(StbenchError, match="dataset_digest"):
        score_predictions(good, colours, dataclasses.replace(track))
