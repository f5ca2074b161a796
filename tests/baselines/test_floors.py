"""Each floor does exactly what its sentence says, on data where the answer is known."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from scipy.ndimage import correlate
from stbench.baselines.floors.modes import Directions

from stbench import registry
from stbench.contract.datasets import Track
from stbench.contract.models import Forecaster, Task
from stbench.errors import StbenchError
from stbench.splits.training import TrainingWindows

FLOORS = ("climatology", "dmd", "linear", "mean", "nearest-neighbour", "persistence")
Train = Callable[[np.ndarray, int, int], TrainingWindows]


def floor(name: str, train: TrainingWindows, horizon: int) -> Any:
    track = Track("toy", "forecast", train.conditioning, horizon, train.horizon, ("mse",))
    model = registry.model(name).build({}, Task(track, train.frame_shape))
    model.fit(train)
    return model


def test_floors_are_floors_and_need_no_preset() -> None:
    for name in FLOORS:
        plugin = registry.model(name)
        assert plugin.name == name
        assert plugin.floor
        assert not plugin.presets("waveeq")


@pytest.mark.parametrize("name", FLOORS)
@pytest.mark.parametrize("frame_shape", [(6,), (2, 7, 9)])
def test_forecast_has_the_shape_and_type_asked_for_and_leaves_its_input_alone(
    name: str, frame_shape: tuple[int, ...], train_on: Train
) -> None:
    rng = np.random.default_rng(0)
    model = floor(name, train_on(rng.random((3, 30, *frame_shape)), 4, 5), 8)
    assert isinstance(model, Forecaster)
    conditioning = rng.random((11, 4, *frame_shape), dtype=np.float32)
    before = conditioning.copy()
    prediction = model.forecast(conditioning, 8)
    assert prediction.shape == (11, 8, *frame_shape)
    assert prediction.dtype == np.float32
    assert np.isfinite(prediction).all()
    assert not np.shares_memory(prediction, conditioning)
    np.testing.assert_array_equal(conditioning, before)


@pytest.mark.parametrize("name", FLOORS)
def test_forecast_of_a_window_does_not_depend_on_its_batch(name: str, train_on: Train) -> None:
    rng = np.random.default_rng(1)
    model = floor(name, train_on(rng.random((4, 30, 1, 12, 12)), 3, 5), 6)
    conditioning = rng.random((9, 3, 1, 12, 12), dtype=np.float32)
    single = np.concatenate([model.forecast(conditioning[i : i + 1], 6) for i in range(9)])
    np.testing.assert_array_equal(model.forecast(conditioning, 6), single)


def test_mean_is_the_mean_over_sequences_and_times_of_each_pixel(train_on: Train) -> None:
    frames = np.random.default_rng(2).random((5, 12, 1, 3, 4), dtype=np.float32)
    prediction = floor("mean", train_on(frames, 3, 4), 4).forecast(np.zeros((2, 3, 1, 3, 4), np.float32), 4)
    expected = frames.astype(np.float64).reshape(60, 1, 3, 4).mean(axis=0)
    np.testing.assert_allclose(prediction, np.broadcast_to(expected, prediction.shape), rtol=1e-7)


def test_the_mean_counts_a_frame_as_often_as_it_stands_in_training_sequences(train_on: Train) -> None:
    """Days of taxibj begin with the last frames of the day before, chairs end with their first views again."""
    frames = np.random.default_rng(20).random((2, 9, 5), dtype=np.float32)
    frames[1, :3], frames[1, 8] = frames[0, -3:], frames[1, 3]
    train, once = train_on(frames, 3, 4), np.concatenate([frames[0], frames[1, 3:8]]).astype(np.float64)
    times = np.array([1] * 6 + [2] * 3 + [2] + [1] * 4)
    expected = (times[:, None] * once).sum(axis=0) / times.sum()
    assert not np.allclose(expected, once.mean(axis=0), rtol=1e-3)
    np.testing.assert_allclose(floor("mean", train, 4).forecast(frames[:1, :3], 1)[0, 0], expected, rtol=1e-6)
    np.testing.assert_allclose(Directions.of(train).mean, expected, rtol=1e-6)


def test_persistence_repeats_the_last_frame_bit_for_bit(train_on: Train) -> None:
    conditioning = np.random.default_rng(3).random((2, 3, 5), dtype=np.float32)
    prediction = floor("persistence", train_on(np.zeros((1, 9, 5)), 3, 4), 6).forecast(conditioning, 6)
    assert (prediction == conditioning[:, 2:3]).all()


# --- climatology ---


def daily(days: int, seed: int) -> np.ndarray:
    """(day, hour, 2, 4, 4): the same course every day, a little noise."""
    rng = np.random.default_rng(seed)
    course = np.random.default_rng(0).random((24, 2, 4, 4))
    return course + 0.02 * rng.standard_normal((days, 24, 2, 4, 4))


def test_climatology_finds_the_hour_and_continues_with_the_mean_of_each_hour(train_on: Train) -> None:
    train, test = daily(30, 1).astype(np.float32), daily(5, 2).astype(np.float32)
    model = floor("climatology", train_on(train, 3, 4), 4)
    hours = [0, 3, 9, 14, 17]  # 17 is the last hour with 3 + 4 frames
    conditioning = np.stack([test[day, hour : hour + 3] for day, hour in enumerate(hours)])
    course = train.astype(np.float64).mean(axis=0)
    expected = np.stack([course[hour + 3 : hour + 7] for hour in hours])
    np.testing.assert_allclose(model.forecast(conditioning, 4), expected, rtol=1e-6)


def test_climatology_keeps_the_hour_of_days_that_begin_late(train_on: Train) -> None:
    """After a gap in the record a day begins at midnight, not with the hours before: frame 0 is not hour 0."""
    days, spans = daily(30, 1).astype(np.float32), np.tile([0, 24], (30, 1))
    spans[::4] = 5, 24
    spans[3] = 0, 20
    hour = np.arange(24)
    had = (spans[:, :1] <= hour) & (hour < spans[:, 1:])
    course = (days.astype(np.float64) * had[:, :, None, None, None]).sum(axis=0) / had.sum(axis=0)[:, None, None, None]
    model = floor("climatology", train_on(days, 3, 4, spans), 4)
    hours = [0, 4, 6, 17]
    conditioning = np.stack([days[1, first : first + 3] for first in hours])
    expected = np.stack([course[first + 3 : first + 7] for first in hours])
    np.testing.assert_allclose(model.forecast(conditioning, 4), expected, rtol=1e-6)


def test_climatology_never_continues_into_hours_that_nobody_has_seen(train_on: Train) -> None:
    days = daily(6, 1).astype(np.float32)
    spans = np.array([[0, 10], [0, 10], [0, 10], [14, 24], [14, 24], [14, 24]])
    model = floor("climatology", train_on(days, 3, 4, spans), 4)
    prediction = model.forecast(np.stack([days[0, 7:10], days[0, 14:17]]), 4)
    course = np.concatenate([days[:3, :14], days[3:, 14:]], axis=1).astype(np.float64).mean(axis=0)
    np.testing.assert_allclose(prediction[1], course[17:21], rtol=1e-6)
    seen = [course[first + 3 : first + 7] for first in (0, 1, 2, 3, 14, 15, 16, 17)]
    assert any(np.allclose(prediction[0], each, rtol=1e-6) for each in seen)
    with pytest.raises(StbenchError, match=r"cover at most 10 frames in a row, fewer than the 3 \+ 8"):
        model.forecast(days[:1, :3], 8)


def test_climatology_without_a_clock_is_near_the_mean(train_on: Train) -> None:
    frames = np.random.default_rng(3).random((400, 12, 6), dtype=np.float32)
    prediction = floor("climatology", train_on(frames, 3, 4), 4).forecast(frames[:9, :3], 4)
    np.testing.assert_allclose(prediction, np.full((9, 4, 6), 0.5), atol=0.1)


def test_climatology_says_when_a_forecast_is_longer_than_any_training_sequence(train_on: Train) -> None:
    model = floor("climatology", train_on(np.zeros((2, 8, 5)), 3, 4), 4)
    with pytest.raises(StbenchError, match=r"at most 8 frames in a row, fewer than the 3 \+ 6 of a forecast"):
        model.forecast(np.zeros((1, 3, 5), np.float32), 6)


# --- bytes ---


@pytest.mark.parametrize("name", FLOORS)
@pytest.mark.parametrize("frame_shape", [(6,), (2, 20, 18)])
def test_floors_of_bytes_are_those_of_the_same_frames_in_float32(
    name: str, frame_shape: tuple[int, ...], train_on: Train, train_on_bytes: Train, monkeypatch: pytest.MonkeyPatch
) -> None:
    frames = np.random.default_rng(4).integers(0, 256, (5, 30, *frame_shape), np.uint8)
    conditioning = frames[:, 3:7].astype(np.float32) / np.float32(255)
    of_bytes = floor(name, train_on_bytes(frames, 4, 5), 6).forecast(conditioning, 6)
    of_floats = floor(name, train_on(frames.astype(np.float32) / np.float32(255), 4, 5), 6).forecast(conditioning, 6)
    np.testing.assert_array_equal(of_bytes, of_floats)
    # Normalised a few frames at a time.
    from stbench.baselines.floors import frames as module

    monkeypatch.setattr(module, "BLOCK_BYTES", 4 * 7 * frames[0, 0].size)
    in_blocks = floor(name, train_on_bytes(frames, 4, 5), 6).forecast(conditioning, 6)
    np.testing.assert_allclose(in_blocks, of_bytes, atol=1e-5)


@pytest.mark.parametrize("name", FLOORS)
def test_no_floor_asks_for_all_frames_of_bytes_in_float32(name: str, train_on_bytes: Train) -> None:
    train = train_on_bytes(np.random.default_rng(5).integers(0, 256, (4, 20, 1, 9, 8), np.uint8), 3, 5)
    floor(name, train, 5).forecast(np.zeros((2, 3, 1, 9, 8), np.float32), 5)
    assert "values" not in vars(train._frames)


# --- linear ---


def rotations(size: int) -> np.ndarray:
    """An orthogonal matrix: the system neither grows nor decays, so errors stay where they arise."""
    return np.linalg.qr(np.random.default_rng(4).standard_normal((size, size)))[0]


def test_linear_recovers_a_linear_system_of_second_order(train_on: Train) -> None:
    matrix, offset = rotations(6), np.arange(6) / 10
    sequences = np.random.default_rng(5).standard_normal((20, 60, 6))
    for t in range(2, 60):
        sequences[:, t] = 0.5 * sequences[:, t - 1] @ matrix.T + 0.5 * sequences[:, t - 2] + offset
    model = floor("linear", train_on(sequences[:16], 3, 10), 20)
    prediction = model.forecast(sequences[16:, :3].astype(np.float32), 20)
    # float32 frames carry 1e-7 relative error, sixteen sequences of noiseless data leave nothing else to learn from.
    np.testing.assert_allclose(prediction, sequences[16:, 3:23], atol=2e-4)
    assert np.abs(sequences[16:, 3:23] - sequences[16:, 2:3]).mean() > 0.3


def test_linear_recovers_a_local_translation_invariant_system_with_coupled_channels(train_on: Train) -> None:
    own = np.array([[0.0, 0.1, 0.0], [0.2, 0.3, 0.1], [0.0, 0.3, 0.0]])
    other = np.array([[0.1, 0.0, 0.0], [0.0, 0.0, 0.0], [0.0, 0.0, -0.2]])
    sequences = np.random.default_rng(6).standard_normal((12, 24, 2, 20, 18))
    for t in range(2, 24):
        for i in range(12):
            a, b = sequences[i, t - 1]
            past = 0.4 * sequences[i, t - 2]
            sequences[i, t, 0] = correlate(a, own, mode="nearest") + correlate(b, other, mode="nearest") - past[0]
            sequences[i, t, 1] = correlate(b, own.T, mode="nearest") - past[1] + 0.05
    model = floor("linear", train_on(sequences[:10], 2, 6), 10)
    prediction = model.forecast(sequences[10:, :2].astype(np.float32), 10)
    np.testing.assert_allclose(prediction, sequences[10:, 2:12], atol=1e-4)
    assert np.abs(sequences[10:, 2:12]).mean() > 0.1


@pytest.mark.parametrize("frame_shape", [(4,), (1, 6, 6)])
def test_linear_roll_out_of_an_explosive_system_stays_in_the_training_range(
    frame_shape: tuple[int, ...], train_on: Train
) -> None:
    start = np.random.default_rng(7).random((8, 1, *frame_shape)) + 0.5
    sequences = start * 1.3 ** np.arange(16).reshape(1, 16, *[1] * len(frame_shape))
    model = floor("linear", train_on(sequences, 2, 6), 14)
    prediction = model.forecast(sequences[:, -2:].astype(np.float32), 200)
    assert np.isfinite(prediction).all()
    assert prediction.max() <= sequences.max().astype(np.float32)
    assert prediction[:, -1].max() > 0.9 * sequences.max()  # it did try to leave


def test_linear_is_the_same_for_every_fit(train_on: Train) -> None:
    frames = np.random.default_rng(8).random((4, 20, 1, 8, 8))
    one, other = (floor("linear", train_on(frames, 3, 5), 7) for _ in range(2))
    conditioning = frames[:, :3].astype(np.float32)
    np.testing.assert_array_equal(one.forecast(conditioning, 7), other.forecast(conditioning, 7))


def test_linear_draws_a_bounded_number_of_pixels_whatever_the_number_of_sequences(
    train_on: Train, monkeypatch: pytest.MonkeyPatch
) -> None:
    from stbench.baselines.floors import linear

    monkeypatch.setattr(linear, "SAMPLES", 2_000)
    model = floor("linear", train_on(np.random.default_rng(6).random((20, 9, 1, 6, 6)), 3, 4), 5)
    assert model._samples == 100


def test_linear_learns_from_a_single_sequence(train_on: Train) -> None:
    wave = np.sin(0.3 * np.arange(60)[None, :, None] + np.arange(3))
    prediction = floor("linear", train_on(wave, 2, 5), 10).forecast(wave[:, 20:22].astype(np.float32), 10)
    np.testing.assert_allclose(prediction, wave[:, 22:32], atol=1e-3)


# --- nearest neighbour ---


@pytest.mark.parametrize("frame_shape", [(10,), (1, 40, 36), (3, 8, 20)])
def test_nearest_neighbour_finds_planted_windows_and_copies_what_follows(
    frame_shape: tuple[int, ...], train_on: Train
) -> None:
    rng = np.random.default_rng(9)
    frames = rng.random((6, 25, *frame_shape)).astype(np.float32)
    model = floor("nearest-neighbour", train_on(frames, 3, 5), 8)
    planted = [(0, 0), (2, 7), (5, 14)]  # 14 is the last start with 3 + 8 frames
    conditioning = np.stack([frames[s, t : t + 3] for s, t in planted])
    conditioning += 1e-3 * rng.standard_normal(conditioning.shape).astype(np.float32)
    expected = np.stack([frames[s, t + 3 : t + 11] for s, t in planted])
    np.testing.assert_array_equal(model.forecast(conditioning, 8), expected)


def test_nearest_neighbour_of_vectors_is_that_of_a_plain_search(train_on: Train) -> None:
    rng = np.random.default_rng(10)
    # A slow random walk far from the origin: neighbours in time are nearly as near as the nearest.
    frames = (100 + np.cumsum(1e-3 * rng.standard_normal((5, 60, 7)), axis=1)).astype(np.float32)
    conditioning = (100 + np.cumsum(1e-3 * rng.standard_normal((40, 4, 7)), axis=1)).astype(np.float32)
    prediction = floor("nearest-neighbour", train_on(frames, 4, 5), 9).forecast(conditioning, 9)
    for seen, answer in zip(conditioning, prediction, strict=True):
        distance = {
            (s, t): ((frames[s, t : t + 4].astype(np.float64) - seen) ** 2).sum()
            for s in range(5)
            for t in range(60 - 13 + 1)
        }
        s, t = min(distance, key=lambda window: distance[window])
        np.testing.assert_array_equal(answer, frames[s, t + 4 : t + 13])


def test_nearest_neighbour_ranks_candidates_on_whole_frames(train_on: Train) -> None:
    rng = np.random.default_rng(11)
    frames = np.repeat(rng.random((1, 30, 1, 32, 32)), 3, axis=0).astype(np.float32)
    # The sequences agree on every second pixel, so the 16x16 search cannot tell them apart; whole frames can.
    frames[1:, :, :, 1::2] = rng.random((2, 30, 1, 16, 32))
    model = floor("nearest-neighbour", train_on(frames, 3, 5), 6)
    for s in range(3):
        np.testing.assert_array_equal(model.forecast(frames[s : s + 1, 9:12], 6)[0], frames[s, 12:18])


def test_nearest_neighbour_blocks_do_not_change_the_answer(train_on: Train, monkeypatch: pytest.MonkeyPatch) -> None:
    from stbench.baselines.floors import nearest_neighbour

    rng = np.random.default_rng(12)
    frames, conditioning = rng.random((4, 40, 5)), rng.random((30, 3, 5), dtype=np.float32)
    whole = floor("nearest-neighbour", train_on(frames, 3, 5), 6).forecast(conditioning, 6)
    monkeypatch.setattr(nearest_neighbour, "BLOCK", 7)
    blocked = floor("nearest-neighbour", train_on(frames, 3, 5), 6).forecast(conditioning, 6)
    np.testing.assert_array_equal(blocked, whole)
