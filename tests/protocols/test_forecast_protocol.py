"""The forecast protocol, end to end on real stores: who scores what, and what a model can and cannot do."""

from __future__ import annotations

import dataclasses
import shutil
from pathlib import Path

import numpy as np
import pytest
from skimage.metrics import structural_similarity as skimage_ssim

from stbench.contract.datasets import Track
from stbench.errors import StbenchError
from stbench.protocols.forecast import Scores, forecast
from stbench.protocols.windows import batches, context, evenly_spaced, track_windows
from stbench.splits.index import WindowIndex
from stbench.store.reader import Store


class Persistence:
    def forecast(self, conditioning: np.ndarray, horizon: int) -> np.ndarray:
        return np.repeat(conditioning[:, -1:], horizon, axis=1)


class Vandal:
    """Persistence that ruins what it was given, and remembers nothing."""

    def forecast(self, conditioning: np.ndarray, horizon: int) -> np.ndarray:
        prediction = np.repeat(conditioning[:, -1:], horizon, axis=1)
        conditioning[:] = 1e6
        return prediction


class Oracle:
    """Knows the store and counts its way through the windows; only possible outside of the interface."""

    def __init__(self, store: Store, track: Track) -> None:
        self._store = store
        self._windows = track_windows(store, track)
        self._track, self._next = track, 0

    def forecast(self, conditioning: np.ndarray, horizon: int) -> np.ndarray:
        out = np.empty((len(conditioning), horizon, *conditioning.shape[2:]), np.float32)
        for row in range(len(conditioning)):
            first = self._windows.start[self._next] + self._track.conditioning
            frames = self._store.read(int(self._windows.sequence[self._next]), slice(first, first + horizon))
            out[row] = self._store.normalise(frames)
            self._next += 1
        return out


class Fixed:
    def __init__(self, answer: object) -> None:
        self._answer = answer

    def forecast(self, conditioning: np.ndarray, horizon: int) -> np.ndarray:
        return self._answer  # type: ignore[return-value]


def assert_equal(one: Scores, other: Scores) -> None:
    assert one.values.keys() == other.values.keys()
    for name in one.values:
        np.testing.assert_array_equal(one.values[name], other.values[name], err_msg=name)


@pytest.mark.parametrize("kind", ["images", "colours"])
def test_oracle_scores_exactly_zero_infinity_and_one(kind: str, track: Track, request: pytest.FixtureRequest) -> None:
    store = request.getfixturevalue(kind)
    scores = forecast(Oracle(store, track), store, track)
    for name, value in {"mse": 0, "rmse": 0, "mae": 0, "psnr": np.inf, "ssim_gauss11": 1}.items():
        assert (scores.values[name] == value).all(), name


def test_copy_of_the_input_scores_what_plain_numpy_says(images: Store, track: Track) -> None:
    scores = forecast(Persistence(), images, track)
    expected = {name: [] for name in ("mse", "mae", "psnr", "ssim_gauss11")}  # type: dict[str, list[float]]
    for sequence in (4, 5):
        frames = np.random.default_rng(sequence).random((20, 1, 12, 14), dtype=np.float32).astype(np.float64)
        for start in range(20 - 12 + 1):
            for lead in range(9):
                p, t = frames[start + 2, 0], frames[start + 3 + lead, 0]
                expected["mse"].append(((p - t) ** 2).mean())
                expected["mae"].append(np.abs(p - t).mean())
                expected["psnr"].append(-10 * np.log10(((p - t) ** 2).mean()))
                expected["ssim_gauss11"].append(
                    skimage_ssim(p, t, gaussian_weights=True, sigma=1.5, use_sample_covariance=False, data_range=1.0)
                )
    for name, values in expected.items():
        np.testing.assert_allclose(scores.values[name].ravel(), values, rtol=1e-9, atol=1e-12, err_msg=name)
    # Two independent uniform frames differ by 1/6 in the mean square; this is the number of these two sequences.
    assert scores.values["mse"].mean() == pytest.approx(0.1719586611, rel=1e-8)


def test_frames_are_compared_in_normalised_units(colours: Store, track: Track) -> None:
    scores = forecast(Persistence(), colours, dataclasses.replace(track, metrics=("mse",)))
    raw = colours.read(4)
    assert colours.std != 1
    error = ((raw[2].astype(np.float64) - raw[3]) ** 2).mean() / colours.std**2
    assert scores.values["mse"][0, 0] == pytest.approx(error, rel=1e-5)


def test_windows_come_in_index_order_and_all_of_them(images: Store, track: Track) -> None:
    scores = forecast(Persistence(), images, track)
    index = WindowIndex(np.array([4, 5]), 20, 3, 9)
    assert list(zip(scores.sequence.tolist(), scores.start.tolist(), strict=True)) == [index[i] for i in range(18)]
    assert scores.values["mse"].shape == (18, 9)
    assert scores.inference_seconds is not None


def test_a_vector_track_drops_image_metrics_instead_of_scoring_zero(vectors: Store, track: Track) -> None:
    assert set(forecast(Persistence(), vectors, track).values) == {"mse", "rmse", "mae"}


@pytest.mark.parametrize("batch_size", [1, 4, 7, 100])
def test_scores_do_not_depend_on_the_batch_size(images: Store, track: Track, batch_size: int) -> None:
    assert_equal(forecast(Persistence(), images, track, batch_size=batch_size), forecast(Persistence(), images, track))


def test_ruining_the_conditioning_frames_changes_nothing(images: Store, track: Track) -> None:
    honest = forecast(Persistence(), images, track, batch_size=4, keep=18)
    ruined = forecast(Vandal(), images, track, batch_size=4, keep=18)
    assert_equal(honest, ruined)
    assert honest.predictions_kept is not None
    assert ruined.predictions_kept is not None
    np.testing.assert_array_equal(ruined.predictions_kept.conditioning, honest.predictions_kept.conditioning)


def test_every_sequence_is_read_once(images: Store, track: Track, monkeypatch: pytest.MonkeyPatch) -> None:
    reads = []
    original = Store.read
    monkeypatch.setattr(Store, "read", lambda self, sequence: reads.append(sequence) or original(self, sequence))
    for _ in batches(images, track_windows(images, track), 4):
        pass
    assert reads == [4, 5]


def test_kept_windows_are_evenly_spaced_rows_of_the_scores(images: Store, track: Track) -> None:
    scores = forecast(Persistence(), images, track, batch_size=5, keep=4)
    kept = scores.predictions_kept
    assert kept is not None
    assert kept.items.tolist() == evenly_spaced(18, 4).tolist() == [0, 6, 11, 17]
    error = ((kept.prediction.astype(np.float64) - kept.target) ** 2).mean(axis=(2, 3, 4))
    np.testing.assert_allclose(error, scores.values["mse"][kept.items], rtol=1e-12)
    first = images.read(4, slice(0, 3))
    np.testing.assert_array_equal(kept.conditioning[0], first)


def test_limit_scores_evenly_spaced_windows_with_their_own_values(images: Store, track: Track) -> None:
    whole, some = forecast(Persistence(), images, track), forecast(Persistence(), images, track, limit=5)
    chosen = evenly_spaced(18, 5)
    assert len(chosen) == 5
    np.testing.assert_array_equal(some.values["ssim_gauss11"], whole.values["ssim_gauss11"][chosen])
    np.testing.assert_array_equal(some.start, whole.start[chosen])


def test_progress_ends_at_the_number_of_windows(images: Store, track: Track) -> None:
    seen: list[tuple[int, int]] = []
    forecast(Persistence(), images, track, batch_size=7, on_progress=lambda done, n: seen.append((done, n)))
    assert seen == [(7, 18), (14, 18), (18, 18)]


def test_a_value_that_is_not_finite_is_named_with_its_window_and_lead_time(images: Store, track: Track) -> None:
    class Faulty(Persistence):
        calls = 0

        def forecast(self, conditioning: np.ndarray, horizon: int) -> np.ndarray:
            prediction = super().forecast(conditioning, horizon)
            self.calls += 1
            if self.calls == 3:  # windows 8-11; its third is number 10, sequence 5, start 1
                prediction[2, 6, 0, 3, 3] = self.value
            return prediction

        value = np.nan

    for Faulty.value in (np.nan, np.inf, -np.inf):
        with pytest.raises(
            StbenchError,
            match=r"the model Faulty predicted a value that is not finite for the window of sequence 5 starting at "
            r"frame 1, lead time 7$",
        ):
            forecast(Faulty(), images, track, batch_size=4)


@pytest.mark.parametrize(
    ("answer", "sentence"),
    [
        (np.zeros((18, 9, 12, 14), np.float32), r"shape \(18, 9, 12, 14\) where \(18, 9, 1, 12, 14\)"),
        (np.zeros((18, 8, 1, 12, 14), np.float32), r"shape \(18, 8, 1, 12, 14\) where"),
        (np.zeros((17, 9, 1, 12, 14), np.float32), r"shape \(17, 9, 1, 12, 14\) where"),
        (np.zeros((18, 9, 1, 12, 14)), r"returned float64 frames: convert them to float32"),
        (np.zeros((18, 9, 1, 12, 14), np.uint8), r"returned uint8 frames"),
        ([[0.0]], r"returned a list, not a numpy array"),
        (None, r"returned a NoneType"),
    ],
)
def test_wrong_shape_or_type_is_refused_in_one_sentence(
    images: Store, track: Track, answer: object, sentence: str
) -> None:
    with pytest.raises(StbenchError, match=sentence) as caught:
        forecast(Fixed(answer), images, track)
    assert "the model Fixed" in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_track_of_another_dataset_or_without_windows_is_refused(images: Store, track: Track) -> None:
    with pytest.raises(StbenchError, match=r"is played on the dataset 'waves'.*holds 'toy': stbench generate waves"):
        forecast(Persistence(), images, dataclasses.replace(track, dataset="waves"))
    with pytest.raises(StbenchError, match=r"no window of 3\+18 frames"):
        forecast(Persistence(), images, dataclasses.replace(track, horizon=18))


def test_a_metric_that_needs_a_variable_is_handed_its_values_at_the_target_frames(
    images: Store, track: Track, tmp_path: Path
) -> None:
    import zarr

    with pytest.raises(StbenchError, match="no variable 'scale'"):
        forecast(Persistence(), images, dataclasses.replace(track, metrics=("mse_celsius",)))
    shutil.copytree(images.path, tmp_path / "scaled.zarr")
    scale = np.random.default_rng(0).uniform(1, 2, (6, 20))
    zarr.open_group(tmp_path / "scaled.zarr", mode="r+").create_array("scale", data=scale)
    variables = images.attributes["variables"] | {"scale": {"dims": ["sequence", "time"]}}
    store = Store(tmp_path / "scaled.zarr", {**images.attributes, "variables": variables})
    scores = forecast(Persistence(), store, dataclasses.replace(track, metrics=("mse", "mse_celsius")), batch_size=5)
    for row, (sequence, start) in enumerate(zip(scores.sequence, scores.start, strict=True)):
        expected = scores.values["mse"][row] * scale[sequence, start + 3 : start + 12] ** 2
        np.testing.assert_allclose(scores.values["mse_celsius"][row], expected, rtol=1e-12)
    with pytest.raises(StbenchError, match="needs one 'frames' a frame"):
        context(store, track_windows(store, track), ["frames"])


def test_extremes_a_metric_needs_are_those_of_the_whole_normalised_sequence(colours: Store, track: Track) -> None:
    windows = track_windows(colours, dataclasses.replace(track, horizon=4))
    found = context(colours, windows, ("lowest", "highest"))
    frames = {k: colours.normalise(colours.read(k)) for k in (4, 5)}
    for name, end in (("lowest", np.min), ("highest", np.max)):
        assert found[name].shape == (len(windows), 4)
        for row, sequence in zip(found[name], windows.sequence, strict=True):
            assert set(row) == {float(end(frames[int(sequence)]))}
