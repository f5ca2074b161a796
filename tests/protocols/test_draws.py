"""The draws protocol: what a model is handed, which windows, how many members; and stores with members."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import zarr

from stbench import registry
from stbench.contract.datasets import Track
from stbench.errors import StbenchError
from stbench.protocols.drawn_predictions import score_draws
from stbench.protocols.draws import SIZES, Size, batch_windows, draws, window_seeds
from stbench.protocols.forecast import forecast
from stbench.protocols.predictions import score_predictions
from stbench.protocols.ratio import root_ratio
from stbench.protocols.scoring import Scores
from stbench.protocols.selection import select
from stbench.store.reader import Store

METRICS = ("crps", "spread_skill", "mse_of_mean", "mse_best_member", "psnr_best_member")
FURTHER = ("spread", "rmse_of_mean")
SMALL = Size(6, 7)


@pytest.fixture(autouse=True)
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(SIZES, "paper", SMALL)  # type: ignore[arg-type]


@pytest.fixture
def drawn(track: Track) -> Track:
    return dataclasses.replace(track, protocol="draws", metrics=METRICS, further=FURTHER)


class Noise:
    """The last frame and noise from a generator a window."""

    def __init__(self) -> None:
        self.asked: list[tuple[np.ndarray, int, int, np.ndarray]] = []

    def draw(self, conditioning: np.ndarray, horizon: int, samples: int, seeds: np.ndarray) -> np.ndarray:
        self.asked.append((conditioning.copy(), horizon, samples, seeds.copy()))
        shape = (samples, horizon, *conditioning.shape[2:])
        noise = np.stack([np.random.default_rng(seed).random(shape, np.float32) for seed in seeds])
        answer = conditioning[:, None, -1:] + noise
        conditioning[:], seeds[:] = 0, 0
        return answer


class Last:
    def forecast(self, conditioning: np.ndarray, horizon: int) -> np.ndarray:
        return np.repeat(conditioning[:, -1:], horizon, axis=1)


def members_of(store: Store, track: Track) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """(sequence, start, members, target) of the selected windows, by hand."""
    windows = select(store, track, "test", SMALL.windows).windows
    model, seeds, n = Noise(), window_seeds(windows), track.conditioning
    frames = [store.normalise(store.read(int(k)))[s:] for k, s in zip(windows.sequence, windows.start, strict=True)]
    made = model.draw(np.stack([each[:n] for each in frames]), track.horizon, SMALL.members, seeds)
    return windows.sequence, windows.start, made, np.stack([each[n : n + track.horizon] for each in frames])


@pytest.mark.parametrize("kind", ["images", "vectors"])
def test_every_selected_window_is_drawn_and_scored_with_every_metric(
    kind: str, drawn: Track, request: pytest.FixtureRequest
) -> None:
    store = request.getfixturevalue(kind)
    sequence, start, made, target = members_of(store, drawn)
    scores = draws(Noise(), store, drawn)
    assert (scores.sequence.tolist(), scores.start.tolist()) == (sequence.tolist(), start.tolist())
    assert scores.drawn is not None
    assert scores.drawn.members == SMALL.members
    named = [name for name in drawn.scored if name != "spread_skill"]
    for name in (each for each in named if kind == "images" or not registry.metric(each).images_only):
        assert scores.values[name].tobytes() == registry.metric(name).frame_values(made, target).tobytes(), name
    ratio = np.sqrt(scores.values["spread"].mean() / scores.values["rmse_of_mean"].mean())
    assert scores.whole["spread_skill"].value == pytest.approx(ratio, rel=1e-12)


def test_neither_the_size_of_a_batch_nor_a_model_that_writes_changes_a_score(images: Store, drawn: Track) -> None:
    whole, single = (draws(Noise(), images, drawn, batch_size=size) for size in (7, 1))
    for name in whole.values:
        assert whole.values[name].tobytes() == single.values[name].tobytes()


def test_a_window_keeps_its_draws_when_fewer_windows_are_asked(images: Store, drawn: Track) -> None:
    every, few = draws(Noise(), images, drawn), draws(Noise(), images, drawn, limit=3)
    places = [list(zip(each.sequence.tolist(), each.start.tolist(), strict=True)) for each in (every, few)]
    assert len(places[1]) == 3
    both = [place for place in places[1] if place in places[0]]
    assert len(both) >= 2
    for place in both:
        one, other = (each.values["crps"][where.index(place)] for each, where in zip((every, few), places, strict=True))
        assert one.tobytes() == other.tobytes()


def test_a_model_is_handed_copies_a_horizon_a_number_and_a_seed_a_window(images: Store, drawn: Track) -> None:
    model = Noise()
    draws(model, images, drawn, batch_size=4)
    assert [len(each[0]) for each in model.asked] == [4, 3]
    assert all(each[1:3] == (drawn.horizon, SMALL.members) for each in model.asked)
    seeds = np.concatenate([each[3] for each in model.asked])
    assert seeds.dtype == np.int64
    assert seeds.min() >= 0
    assert len({*seeds.tolist()}) == len(seeds)


def test_a_model_that_does_not_draw_enters_with_one_member_whose_crps_is_its_mae(images: Store, drawn: Track) -> None:
    plain = dataclasses.replace(drawn, protocol="forecast", metrics=("mae", "mse"), further=())
    chosen = select(images, drawn, "test", SMALL.windows).windows
    every = forecast(Last(), images, plain)
    rows = [
        np.flatnonzero((every.sequence == k) & (every.start == s))[0]
        for k, s in zip(chosen.sequence, chosen.start, strict=True)
    ]
    scores = draws(Last(), images, drawn)
    assert scores.values["crps"].tobytes() == every.values["mae"][rows].tobytes()
    for name in ("mse_of_mean", "mse_best_member"):
        assert scores.values[name].tobytes() == every.values["mse"][rows].tobytes()
    assert "spread" not in scores.values
    assert not scores.whole
    assert scores.drawn is not None
    assert scores.drawn.members == 1


def test_a_wrapper_that_says_that_it_cannot_draw_is_asked_for_a_forecast(images: Store, drawn: Track) -> None:
    wrapper = SimpleNamespace(forecast=Last().forecast, draw=Noise().draw, can_draw=False)
    assert (
        draws(wrapper, images, drawn).values["crps"].tobytes() == draws(Last(), images, drawn).values["crps"].tobytes()
    )


def test_kept_are_the_mean_the_best_and_the_first_members(images: Store, drawn: Track) -> None:
    _, _, made, target = members_of(images, drawn)
    kept = draws(Noise(), images, drawn, keep=2, batch_size=3).predictions_kept
    assert kept is not None
    assert kept.items.tolist() == [0, 6]
    np.testing.assert_allclose(kept.prediction, made[[0, 6]].mean(axis=1), rtol=1e-6)
    errors = np.square(made - target[:, None]).mean(axis=(2, 3, 4, 5))
    assert kept.best is not None
    assert kept.best.tobytes() == made[[0, 6], errors[[0, 6]].argmin(axis=1)].tobytes()
    assert kept.members is not None
    assert kept.members.tobytes() == np.ascontiguousarray(made[[0, 6], :2]).tobytes()
    assert draws(Last(), images, drawn, keep=2).predictions_kept.best is None  # type: ignore[union-attr]


def test_what_is_kept_is_of_its_window_where_a_model_answers_in_one_memory(images: Store, drawn: Track) -> None:
    model, memory = Noise(), np.empty(0, np.float32)

    def draw(*asked: Any) -> np.ndarray:
        nonlocal memory
        made = model.draw(*asked)
        if memory.shape != made.shape:
            memory = np.empty_like(made)
        memory[...] = made
        return memory

    kept, again = (
        draws(each, images, drawn, keep=3, batch_size=1).predictions_kept
        for each in (Noise(), SimpleNamespace(draw=draw))
    )
    assert kept is not None
    assert again is not None
    for name in ("prediction", "best", "members"):
        np.testing.assert_array_equal(getattr(again, name), getattr(kept, name))


def refused(answer: Any, store: Store, track: Track) -> str:
    with pytest.raises(StbenchError) as caught:
        draws(SimpleNamespace(draw=lambda *_: answer), store, track)
    return str(caught.value)


def test_a_wrong_answer_is_refused_in_one_sentence(images: Store, drawn: Track) -> None:
    right = np.zeros((7, 6, 9, 1, 12, 14), np.float32)
    assert "(7, 5, 9, 1, 12, 14) where (7, 6, 9, 1, 12, 14) (window, member, lead time" in refused(
        right[:, 1:], images, drawn
    )
    assert "convert them to float32" in refused(right.astype(np.float64), images, drawn)
    right[3, 4, 2, 0, 5, 5] = np.nan
    assert place_of(images, drawn, 3) + ", member 5, lead time 3" in refused(right, images, drawn)


def place_of(store: Store, track: Track, item: int) -> str:
    return select(store, track, "test", SMALL.windows).windows.name(item)


def test_a_metric_of_the_other_kind_is_refused_on_a_track(images: Store, drawn: Track, track: Track) -> None:
    with pytest.raises(StbenchError, match=r"mse scores one forecast of a window, and the track toy/draws-9 asks for"):
        draws(Last(), images, dataclasses.replace(drawn, metrics=("crps", "mse")))
    with pytest.raises(StbenchError, match=r"crps scores several drawn forecasts of a window, and the track toy/fore"):
        forecast(Last(), images, dataclasses.replace(track, metrics=("mse", "crps")))


def test_memory_bounds_the_windows_drawn_at_a_time() -> None:
    assert batch_windows((1, 64, 64), 10, 100) == 16
    assert batch_windows((1, 64, 64), 30, 100) == 5
    assert batch_windows((3, 1024, 1024), 10, 100) == 1


def test_the_interval_of_a_ratio_is_over_groups_and_holds_its_value() -> None:
    rng = np.random.default_rng(0)
    above, below = rng.random(60) + 1, rng.random(60) + 2
    found = root_ratio(above, below, np.arange(60) // 3)
    assert found is not None
    assert found.ci_low is not None
    assert found.ci_high is not None
    assert found.value == pytest.approx(np.sqrt(above.sum() / below.sum()))
    assert found.ci_low < found.value < found.ci_high
    together = root_ratio(above, below, np.zeros(60))
    assert together is not None
    assert together.ci_low is None
    assert root_ratio(above, 0 * below, np.arange(60)) is None


@pytest.mark.parametrize(
    ("dataset", "name", "of", "digest"),
    [
        ("moving-mnist", "moving-mnist/canonical-1/windows-256-1", 5000, "81d071620ee102cb"),
        ("kth", "kth/1/windows-256-1", 0, "138f4b878ac5c92a"),
    ],
)
def test_the_selected_windows_of_a_published_split_are_fixed(dataset: str, name: str, of: int, digest: str) -> None:
    """Another rule or split changes the digest: then the version of the rule or the split has to change, too."""
    plugin = registry.dataset(dataset)
    made = plugin.blueprint(plugin.parameters(), "simulated", None)
    rows = made.coordinates.get("row_size")
    store: Any = SimpleNamespace(
        dataset=dataset,
        split=made.split,
        n_frames=made.variables["frames"].shape[1],
        row_size=None if rows is None else rows.values,
    )
    (track,) = (each for each in plugin.tracks if each.protocol == "draws")
    found = select(store, track, "test", 256)
    assert (found.id, len(found.windows), found.sha256[:16]) == (name, 256, digest)
    if of:
        places = (np.arange(256) * (of - 1) / 255).round()
        assert found.windows.sequence.tolist() == places.tolist()
        assert not found.windows.start.any()


def store_of(path: Path, store: Store, track: Track, frames: np.ndarray, dims: tuple[str, ...]) -> Path:
    chosen = select(store, track, "test", SMALL.windows).windows
    group = zarr.create_group(path, zarr_format=3)
    group.attrs.update({"track": track.id, "dataset_digest": store.digest})
    group.create_array("frames", data=frames, chunks=(1, *frames.shape[1:]), dimension_names=dims)
    group.create_array("sequence", data=chosen.sequence)
    group.create_array("start", data=chosen.start)
    return path


DIMS = ("window", "member", "lead_time", "channel", "y", "x")


def same(one: Scores, other: Scores) -> bool:
    return one.drawn == other.drawn and all(one.values[k].tobytes() == other.values[k].tobytes() for k in one.values)


def test_a_store_with_members_scores_what_the_model_scores(images: Store, drawn: Track, tmp_path: Path) -> None:
    made = members_of(images, drawn)[2]
    found = score_draws(store_of(tmp_path / "p.zarr", images, drawn, made, DIMS), images, drawn)
    assert same(found, draws(Noise(), images, drawn))
    assert found.inference_seconds is None
    assert found.whole["spread_skill"] == draws(Noise(), images, drawn).whole["spread_skill"]


@pytest.mark.parametrize("dims", [DIMS, (DIMS[0], *DIMS[2:])])
def test_a_store_of_one_member_or_without_that_dimension_is_one_member(
    dims: tuple[str, ...], images: Store, drawn: Track, tmp_path: Path
) -> None:
    made = np.repeat(members_of(images, drawn)[2][:, :1, :1] * 0 + 0.5, drawn.horizon, axis=2)
    frames = made if len(dims) == 6 else made[:, 0]
    found = score_draws(store_of(tmp_path / "p.zarr", images, drawn, frames, dims), images, drawn)
    assert found.drawn is not None
    assert found.drawn.members == 1
    assert "spread" not in found.values


def test_another_number_of_members_is_refused(images: Store, drawn: Track, tmp_path: Path) -> None:
    path = store_of(tmp_path / "p.zarr", images, drawn, members_of(images, drawn)[2][:, :4], DIMS)
    with pytest.raises(StbenchError, match=r"has 4 members a window, and toy/draws-9 asks for 6 of a model that draws"):
        score_draws(path, images, drawn)


def test_members_on_a_forecast_track_are_refused(images: Store, drawn: Track, track: Track, tmp_path: Path) -> None:
    path = store_of(tmp_path / "p.zarr", images, drawn, members_of(images, drawn)[2], DIMS)
    zarr.open_group(path).attrs["track"] = track.id
    with pytest.raises(StbenchError, match=r"6 members a window, and the track toy/forecast-9 asks for one forecast"):
        score_predictions(path, images, track)


def test_members_before_windows_are_told_by_their_names(images: Store, drawn: Track, tmp_path: Path) -> None:
    frames, dims = np.swapaxes(members_of(images, drawn)[2], 0, 1), ("member", "window", *DIMS[2:])
    with pytest.raises(StbenchError, match=r"over member, window, lead_time, channel, y, x: wanted is window, member"):
        score_draws(store_of(tmp_path / "p.zarr", images, drawn, np.ascontiguousarray(frames), dims), images, drawn)
