"""A model cannot know a target; if it finds a way, it is found. Every registered model, in all it can be asked."""

from __future__ import annotations

import dataclasses
import shutil
import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from stbench import registry
from stbench.conformance import clips as whole
from stbench.conformance.bumps import moving_bumps
from stbench.contract.datasets import Track
from stbench.contract.models import Task
from stbench.protocols.forecast import forecast
from stbench.protocols.known import KNOWN
from stbench.protocols.peeking import (
    poison_targets,
    poison_test_part,
    predictions,
    reacts_to_targets,
    reacts_to_test_part,
    separated,
)
from stbench.protocols.windows import track_windows
from stbench.running.plan import choose
from stbench.splits.training import TrainingWindows
from stbench.store.reader import Store

MODELS = registry.names("models")
ASKED = [
    (name, protocol)
    for name in MODELS
    for protocol in KNOWN
    if KNOWN[protocol].capability in registry.model(name).capabilities
]
FRAMES = {
    "waveeq-100": (100,),
    "taxibj": (2, 32, 32),
    "sprites": (3, 64, 64),
    "sst": (1, 64, 64),
    "chairs": (3, 64, 64),
    "moving-mnist": (1, 64, 64),
}
"""Perceptrons, VGG, DCGAN, maps, ResNet: a learned model is built for each of these it knows, for the last one only
where it knows no other."""
VARIANTS = {"mocogan": "mocogan:encoder"}
"""Where the model itself has no encoder, and so can be shown nothing."""
PRESET = {"chairs": "cpu"}
"""Quick but for these; the quick preset of chairs has no ResNet."""
FLOOR_TASKS = [Task(Track("bumps", "forecast", 3, 5, 4, ("mse",)), shape) for shape in ((1, 12, 14), (7,))]


def tasks(name: str, protocol: str) -> list[Task]:
    if registry.model(name).floor:
        return FLOOR_TASKS
    # On sea surface states start after the window and cannot show a clip.
    left_out = () if protocol in ("forecast", "draws", "swap") else ("sst",)
    known = [each for each in FRAMES if each not in left_out and "quick" in registry.model(name).presets(each)]
    known = [each for each in known if each != "moving-mnist"] or known
    assert known, name
    tracks = [choose(VARIANTS.get(name, name), dataset).track for dataset in known]
    return [Task(dataclasses.replace(each, horizon=4, train_horizon=4), FRAMES[each.dataset]) for each in tracks]


def configuration(name: str, dataset: str) -> Mapping[str, Any]:
    return choose(VARIANTS.get(name, name), dataset, preset=PRESET.get(dataset, "quick")).configuration


def maker(name: str, task: Task) -> Callable[[Store], Any]:
    """The model after it has learnt from a store: fitted, or trained for a few steps."""
    plugin = registry.model(name)

    def windows(store: Store) -> TrainingWindows:
        return TrainingWindows.open(store, "train", task.conditioning, task.train_horizon)

    def fitted(store: Store) -> Any:
        model = plugin.build({} if plugin.floor else configuration(name, task.track.dataset)["model"], task)
        model.fit(windows(store))
        return model

    def learned(store: Store) -> Any:
        from stbench.conformance.training import trained

        with tempfile.TemporaryDirectory() as folder:
            return trained(plugin, configuration(name, task.track.dataset), task, windows(store), Path(folder))

    return fitted if plugin.fitted else learned


def last_windows(store: Store, task: Task) -> tuple[np.ndarray, np.ndarray]:
    """The last windows of the two test sequences, as content and as motion, both ways round."""
    windows = track_windows(store, task.track)
    last = [windows.start[windows.sequence == k].max() for k in (6, 7)]
    seen = [store.normalise(store.read(k))[s : s + task.conditioning] for k, s in zip((6, 7), last, strict=True)]
    return np.stack(seen), np.stack(seen[::-1])


def whole_clips(store: Store) -> whole.Clips:
    """The first frames of both test sequences, and their actions."""
    n = min(8, store.n_frames)
    frames = np.stack([store.normalise(store.read(k))[:n] for k in (6, 7)])
    return whole.Clips(frames, {"action": store.factor("action")[6:8].astype(np.int64)}, length=10)


def finds(make: Callable[[Store], Any], protocol: str, task: Task, folder: Path) -> bool:
    """Does an answer change with the targets?"""
    store = moving_bumps(task, folder / "bumps.zarr", labels=("action",))
    if protocol == "forecast":
        return reacts_to_targets(make, store, task.track, folder / "copy")
    capability = KNOWN[protocol].capability
    if protocol == "draws":
        seen, _ = last_windows(store, task)

        def ask(model: Any) -> bytes:
            return np.asarray(model.draw(seen.copy(), task.track.horizon, 3, np.array([5, 6]))).tobytes()

    elif protocol == "swap":
        content, motion = last_windows(store, task)

        def ask(model: Any) -> bytes:
            return np.asarray(model.swap(content.copy(), motion.copy(), task.track.horizon)).tobytes()

    else:
        clips = whole_clips(store)

        def ask(model: Any) -> bytes:
            return whole.as_bytes(whole.ask(capability, model, clips))

    return reacts_to_test_part(make, store, ask, folder / "copy")


def unless_slow(name: str, *more: str) -> Any:
    """Floors and one reference's forecast in every test run, the others in the whole one."""
    quick = registry.model(name).floor or (name == "sepvar" and more in ((), ("forecast",)))
    return pytest.param(name, *more, marks=() if quick else pytest.mark.slow, id="-".join((name, *more)))


@pytest.mark.parametrize(("name", "protocol"), [unless_slow(*each) for each in ASKED])
def test_no_registered_model_finds_anything_in_poisoned_targets(name: str, protocol: str, tmp_path: Path) -> None:
    for number, task in enumerate(tasks(name, protocol)):
        folder = tmp_path / str(number)
        folder.mkdir()
        assert not finds(maker(name, task), protocol, task, folder)


def test_every_registered_model_is_asked_for_forecasts_and_those_that_can_for_the_rest() -> None:
    def asked(protocol: str) -> set[str]:
        return {name for name, each in ASKED if each == protocol}

    assert asked("forecast") | asked("draws") == set(MODELS)
    assert "analogue" in asked("draws")
    assert {"sepvar", "hamiltonian", "persistence", "mean"} <= asked("swap")
    assert {"hamiltonian", "persistence", "mean"} <= asked("generation")
    assert {"sepvar", "hamiltonian", "persistence"} <= asked("exchange")
    assert {"sepvar", "hamiltonian"} <= asked("probe")
    assert "hamiltonian" in asked("sample") & asked("resample")


def test_the_separating_model_is_asked_in_each_of_its_architectures() -> None:
    encoders = {configuration("sepvar", each)["model"]["encoder"]["name"] for each in FRAMES}
    assert encoders == {"mlp", "vgg", "dcgan", "maps", "resnet"}


@pytest.mark.parametrize("name", [unless_slow(name) for name, protocol in ASKED if protocol == "forecast"])
def test_a_registered_model_is_the_same_one_every_time(name: str, tmp_path: Path) -> None:
    """Else no answer could be compared with that of a model that learnt from poisoned data."""
    task = tasks(name, "forecast")[0]
    store = moving_bumps(task, tmp_path / "bumps.zarr", labels=("action",))
    one, two = (predictions(maker(name, task)(store), store, separated(store, task.track)[0]) for _ in range(2))
    assert one.tobytes() == two.tobytes()


class Cheat:
    """Adds up what one frame of the store shows, behind the protocol's back."""

    def __init__(self, store: Store, sequence: int, frame: int, variable: str = "frames") -> None:
        self._store, self._variable = store, variable
        self._place = (sequence, slice(frame, frame + 1)) if variable == "frames" else (sequence,)

    def forecast(self, conditioning: np.ndarray, horizon: int) -> np.ndarray:
        found = np.float32(self._store.read(*self._place, variable=self._variable).sum())
        return found + np.repeat(conditioning[:, -1:], horizon, axis=1)

    def draw(self, conditioning: np.ndarray, horizon: int, samples: int, seeds: np.ndarray) -> np.ndarray:
        return np.repeat(self.forecast(conditioning, horizon)[:, None], samples, axis=1)

    def swap(self, content: np.ndarray, motion: np.ndarray, horizon: int) -> np.ndarray:
        return self.forecast(content, horizon)

    def generate(self, clip: np.ndarray, length: int, factors: Any) -> np.ndarray:
        return self.forecast(clip, length)

    def transfer(self, content: np.ndarray, motion: np.ndarray, length: int, factors: Any) -> np.ndarray:
        return self.forecast(content, length)

    def sample(self, content: np.ndarray, length: int, factors: Any, seed: int) -> np.ndarray:
        return self.forecast(content, length)

    def resample(self, motion: np.ndarray, length: int, factors: Any, seed: int) -> np.ndarray:
        return self.forecast(motion, length)

    def codes(self, clip: np.ndarray, factors: Any) -> dict[str, np.ndarray]:
        found = self.forecast(clip, 1).reshape(len(clip), -1)
        return {"content": found, "motion": 0 * found}


class Memory(Cheat):
    """Adds up what one frame of the store showed while it learnt."""

    def __init__(self, store: Store, sequence: int, frame: int, variable: str = "frames") -> None:
        super().__init__(store, sequence, frame, variable)
        self._found = np.float32(store.read(*self._place, variable=variable).sum())

    def forecast(self, conditioning: np.ndarray, horizon: int) -> np.ndarray:
        return self._found + np.repeat(conditioning[:, -1:], horizon, axis=1)


TASK = FLOOR_TASKS[0]
CONDITIONING, LENGTH = TASK.conditioning, TASK.conditioning + TASK.track.horizon + 4
"""`moving_bumps` has four frames more than one window."""


@pytest.mark.parametrize("frame", [CONDITIONING, LENGTH - 1])
def test_a_forecast_that_reads_the_first_or_the_last_target_of_a_test_sequence_is_found(
    frame: int, tmp_path: Path
) -> None:
    assert finds(lambda store: Cheat(store, 7, frame), "forecast", TASK, tmp_path)


@pytest.mark.parametrize("sequence", [6, 7])
@pytest.mark.parametrize("frame", [4 + CONDITIONING, LENGTH - 1, 0])
def test_a_swap_that_reads_what_follows_or_precedes_either_window_is_found(
    sequence: int, frame: int, tmp_path: Path
) -> None:
    assert finds(lambda store: Cheat(store, sequence, frame), "swap", TASK, tmp_path)


def test_a_swap_that_reads_a_factor_of_a_test_sequence_is_found(tmp_path: Path) -> None:
    assert finds(lambda store: Cheat(store, 7, 0, "action"), "swap", TASK, tmp_path)


CLIPS = [each for each in KNOWN if each not in ("forecast", "draws", "swap")]


@pytest.mark.parametrize("protocol", CLIPS)
@pytest.mark.parametrize(("sequence", "frame", "variable"), [(6, LENGTH - 1, "frames"), (7, 0, "action")])
def test_an_answer_about_clips_that_reads_later_frames_or_a_factor_of_a_test_sequence_is_found(
    protocol: str, sequence: int, frame: int, variable: str, tmp_path: Path
) -> None:
    assert finds(lambda store: Cheat(store, sequence, frame, variable), protocol, TASK, tmp_path)


@pytest.mark.parametrize("protocol", KNOWN)
@pytest.mark.parametrize(("frame", "variable"), [(CONDITIONING, "frames"), (LENGTH - 1, "frames"), (0, "action")])
def test_a_model_that_remembers_what_it_read_of_the_test_part_while_it_learnt_is_found(
    protocol: str, frame: int, variable: str, tmp_path: Path
) -> None:
    assert finds(lambda store: Memory(store, 7, frame, variable), protocol, TASK, tmp_path)


class LookUp:
    """Keeps, while it is fitted, what follows every window of the test part."""

    def fit(self, train: TrainingWindows) -> None:
        store, n = train.store, train.conditioning
        self._followed = {}
        for sequence in map(int, store.split.indices("test")):
            frames = store.normalise(store.read(sequence))
            for start in range(len(frames) - n):
                self._followed[frames[start : start + n].tobytes()] = frames[start + n :]

    def forecast(self, conditioning: np.ndarray, horizon: int) -> np.ndarray:
        answer = np.repeat(conditioning[:, -1:], horizon, axis=1)
        for row, seen in enumerate(conditioning):
            followed = self._followed.get(seen.tobytes(), answer[row])[:horizon]
            answer[row, : len(followed)] = followed
        return answer


def test_a_floor_that_looks_up_what_it_kept_of_the_test_part_scores_zero_and_is_found(tmp_path: Path) -> None:
    def fitted(store: Store) -> LookUp:
        model = LookUp()
        model.fit(TrainingWindows.open(store, "train", CONDITIONING, TASK.train_horizon))
        return model

    store = moving_bumps(TASK, tmp_path / "whole.zarr")
    assert forecast(fitted(store), store, TASK.track).values["mse"].max() == 0
    assert finds(fitted, "forecast", TASK, tmp_path)


@pytest.mark.parametrize("kind", [Cheat, Memory])
@pytest.mark.parametrize("protocol", KNOWN)
def test_a_model_that_reads_training_frames_is_no_cheat(kind: type[Cheat], protocol: str, tmp_path: Path) -> None:
    assert not finds(lambda store: kind(store, 0, LENGTH - 1), protocol, TASK, tmp_path)


def test_a_model_that_is_another_one_every_time_is_not_called_a_cheat(tmp_path: Path) -> None:
    """That it is not repeatable is what another check says."""
    drawn = iter(range(100))

    class Random(Cheat):
        def __init__(self, store: Store) -> None:
            self._found = np.float32(next(drawn))

        def forecast(self, conditioning: np.ndarray, horizon: int) -> np.ndarray:
            return self._found + np.repeat(conditioning[:, -1:], horizon, axis=1)

    assert not finds(Random, "forecast", TASK, tmp_path)


def test_separated_windows_share_no_frame_and_the_first_and_last_ones_are_among_them(
    images: Store, track: Track
) -> None:
    short = dataclasses.replace(track, horizon=4)
    first, last = separated(images, short)
    for sequence in (4, 5):
        assert first.start[first.sequence == sequence].tolist() == [0, 7]
        assert last.start[last.sequence == sequence].tolist() == [6, 13]
    assert 13 + short.conditioning + short.horizon == images.n_frames


def test_poisoning_leaves_conditioning_and_training_frames_alone(images: Store, track: Track, tmp_path: Path) -> None:
    shutil.copytree(images.path, tmp_path / "copy")
    copy = dataclasses.replace(images, path=tmp_path / "copy")
    windows = separated(images, dataclasses.replace(track, horizon=4))[0]
    poison_targets(copy, windows)
    changed = copy.read(slice(None)) != images.read(slice(None))
    targets = np.zeros(changed.shape[:2], bool)
    for sequence, start in zip(windows.sequence, windows.start, strict=True):
        targets[sequence, start + 3 : start + 7] = True
    np.testing.assert_array_equal(changed.all(axis=(2, 3, 4)), targets)
    np.testing.assert_array_equal(changed.any(axis=(2, 3, 4)), targets)


def test_poisoning_the_test_part_leaves_what_models_learn_from(tmp_path: Path) -> None:
    store = moving_bumps(TASK, tmp_path / "bumps.zarr", labels=("action",))
    shutil.copytree(store.path, tmp_path / "copy.zarr")
    copy = dataclasses.replace(store, path=tmp_path / "copy.zarr")
    poison_test_part(copy)
    changed = copy.read(slice(None)) != store.read(slice(None))
    assert changed.all(axis=(1, 2, 3, 4)).tolist() == [False] * 6 + [True] * 2
    assert not changed[:6].any()
    assert (copy.factor("action") != store.factor("action")).tolist() == [False] * 6 + [True] * 2
