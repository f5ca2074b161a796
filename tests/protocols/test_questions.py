"""What a track asks of whoever is no model of stbench, and answers of theirs that come back in a store."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import clip_players
import numpy as np
import pytest
import xarray as xr

from stbench import registry
from stbench.contract.datasets import SwapCases, Track
from stbench.errors import StbenchError
from stbench.protocols.draws import SIZES, Size
from stbench.protocols.given_predictions import score_given
from stbench.protocols.known import KNOWN, protocol_of
from stbench.protocols.questions import asked_windows, questions
from stbench.protocols.scoring import Scores
from stbench.store.build import build, resolve
from stbench.store.reader import Store

FRAMES = ("window", "lead_time", "channel", "y", "x")
SWAP = Track("toy", "swap", 3, 9, train_horizon=5, metrics=("mse", "psnr", "psnr_best_truth"))


@pytest.fixture(scope="module")
def sprites(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Store]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("STBENCH_DATA", str(tmp_path_factory.mktemp("data")))
        patch.delenv("STBENCH_RAW", raising=False)
        yield build(resolve("sprites", {"characters": 10}, "simulated"))


@pytest.fixture(scope="module")
def judge(sprites: Store) -> Any:
    return clip_players.Knower(sprites)


@pytest.fixture
def swappable(images: Store, monkeypatch: pytest.MonkeyPatch) -> Store:
    """Five cases of test sequences, two truths each."""
    frames = images.normalise(images.read(slice(4, 6)))

    def read(items: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        content, motion = (np.stack([frames[k % 2, k : k + 3] for k in items + shift]) for shift in (1, 0))
        truth = np.stack([frames[k % 2, k + 3 : k + 12] for k in items])
        return content, motion, np.stack([truth, 1 - truth])

    cases = SwapCases(np.array([4, 5, 4, 5, 4]), np.arange(5), 2, read, cluster=np.array([0, 0, 1, 1, 2]))
    plugin = SimpleNamespace(swap_cases=lambda store, track, split: cases)
    monkeypatch.setattr(registry, "dataset", lambda name: plugin)
    return images


class Remembering:
    """Answers with something of what it was handed, and remembers that."""

    def __init__(self) -> None:
        self.asked: list[tuple[Any, ...]] = []

    def _any(self, *handed: Any) -> np.ndarray:
        self.asked.append(tuple(each.copy() if isinstance(each, np.ndarray) else each for each in handed))
        first, length = handed[0], next(each for each in handed if isinstance(each, int))
        return 0.9 * np.repeat(first[:, -1:], length, axis=1)

    forecast = swap = generate = sample = resample = transfer = _any

    def draw(self, *handed: Any) -> np.ndarray:
        return np.repeat(self._any(*handed)[:, None], handed[2], axis=1)


def equal(one: Any, other: Any) -> bool:
    if isinstance(one, dict):
        return one.keys() == other.keys() and all(equal(one[name], other[name]) for name in one)
    return np.array_equal(one, other) and np.asarray(one).dtype == np.asarray(other).dtype


def check(store: Store, track: Track, **more: Any) -> Scores:
    """Everything that the protocol hands to a model is handed out, batch by batch, and nothing else."""
    model = Remembering()
    scores = protocol_of(track).play(model, store, track, **more)
    asked = list(questions(store, track))
    assert len(asked) == len(model.asked)
    for mine, theirs in zip(asked, model.asked, strict=True):
        assert len(mine.handed) == len(theirs)
        assert all(equal(one, other) for one, other in zip(mine.handed, theirs, strict=True))
    windows = asked_windows(store, track)
    for name in ("sequence", "start"):
        together = np.concatenate([getattr(each, name) for each in asked])
        assert together.tolist() == getattr(windows, name).tolist() == getattr(scores, name).tolist()
    return scores


def test_forecasts_and_draws_are_asked_as_their_protocols_ask(
    images: Store, track: Track, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(SIZES, "paper", Size(3, 7))  # type: ignore[arg-type]
    check(images, track)
    check(images, Track("toy", "draws", 3, 9, train_horizon=5, metrics=("crps",)))


def test_swaps_are_asked_as_their_protocol_asks(swappable: Store) -> None:
    check(swappable, SWAP)


@pytest.mark.parametrize("name", ["generation-16", "sample-8", "resample-8", "exchange-8"])
def test_clips_are_asked_as_their_protocols_ask(sprites: Store, judge: Any, name: str) -> None:
    track = clip_players.track(name)
    check(sprites, track, **({"judge": judge} if KNOWN[track.protocol].judged else {}))


def test_codes_are_asked_of_a_model_that_is_at_hand_alone(sprites: Store) -> None:
    with pytest.raises(StbenchError, match="asks for codes and not for frames"):
        next(questions(sprites, clip_players.track("probe-8")))


def write(path: Path, store: Store, track: Track, model: Any, shuffled: bool = True) -> Path:
    """A prediction store by xarray alone, its windows in another order."""
    asked = list(questions(store, track))
    frames = np.concatenate([model(*each.handed) for each in asked])
    order = np.random.default_rng(0).permutation(len(frames)) if shuffled else np.arange(len(frames))
    names = {name: np.concatenate([getattr(each, name) for each in asked])[order] for name in ("sequence", "start")}
    variables = {"frames": (FRAMES, frames[order]), **{name: ("window", each) for name, each in names.items()}}
    about = {"track": track.id, "dataset_digest": store.digest}
    xr.Dataset(variables, attrs=about).to_zarr(path, zarr_format=3, consolidated=False)
    return path


def check_given(path: Path, store: Store, track: Track, model: Callable[..., Any], **more: Any) -> None:
    played = protocol_of(track).play(SimpleNamespace(**{protocol_of(track).capability: model}), store, track, **more)
    given = score_given(write(path, store, track, model), store, track, **more)
    assert given.inference_seconds is None
    assert given.values.keys() == played.values.keys()
    for name, values in played.values.items():
        np.testing.assert_array_equal(given.values[name], values)
    assert given.whole == played.whole
    assert given.judge == played.judge


def test_a_store_of_swaps_scores_as_the_model_that_made_it(swappable: Store, tmp_path: Path) -> None:
    check_given(tmp_path / "swaps.zarr", swappable, SWAP, Remembering().swap)


@pytest.mark.parametrize("name", ["generation-16", "exchange-8", "sample-8"])
def test_a_store_of_clips_scores_as_the_model_that_made_it(
    sprites: Store, judge: Any, tmp_path: Path, name: str
) -> None:
    track = clip_players.track(name)
    protocol = protocol_of(track)
    model = getattr(clip_players.Repeater(), protocol.capability)
    check_given(tmp_path / "clips.zarr", sprites, track, model, **({"judge": judge} if protocol.judged else {}))


def test_a_store_that_lacks_a_swap_and_a_judge_of_other_clips_are_refused(swappable: Store, tmp_path: Path) -> None:
    path = write(tmp_path / "swaps.zarr", swappable, SWAP, Remembering().swap, shuffled=False)
    part = xr.open_zarr(path, consolidated=False).isel(window=slice(1, None)).load()
    for variable in part.variables.values():
        variable.encoding.clear()
    part.to_zarr(tmp_path / "part.zarr", zarr_format=3, consolidated=False)
    with pytest.raises(StbenchError, match="lacks 1 of the 5 test windows"):
        score_given(tmp_path / "part.zarr", swappable, SWAP)
    longer = SimpleNamespace(card=SimpleNamespace(clip=10, name="long"))
    with pytest.raises(StbenchError, match="the judge long sees clips of 10 frames"):
        score_given(path, swappable, SWAP, judge=longer)
