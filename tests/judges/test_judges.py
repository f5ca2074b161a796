"""Judges: what they learn, what they refuse."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from stbench.generators.mug.dataset import evaluation_clips

from stbench.errors import StbenchError
from stbench.judges import judge as judges
from stbench.judges.card import DOCUMENT, read_card
from stbench.judges.network import Head, JudgeNetwork
from stbench.metrics.confusion import expected_calibration_error
from stbench.protocols.sampling import resample
from stbench.running.plan import find_track
from stbench.store.build import build, resolve
from stbench.store.reader import Store
from stbench.training.cost import count_parameters

JUDGED = {"action": ("action", "view"), "hair": ("hair",)}


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Store]:
    folder = tmp_path_factory.mktemp("data")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("STBENCH_DATA", str(folder))
        patch.delenv("STBENCH_RAW", raising=False)
        yield build(resolve("sprites", {"characters": 12}, "simulated"))


@pytest.fixture(scope="module")
def trained(store: Store, tmp_path_factory: pytest.TempPathFactory) -> judges.Judge:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(judges, "presets", _small)
        return judges.train_judge(store, JUDGED, 8, runs=tmp_path_factory.mktemp("runs"))


def _small() -> dict:
    training = {"split": "train", "steps": 250, "batch_size": 8, "learning_rate": 2e-3, "betas": [0.9, 0.999]}
    training |= {"schedule": "cosine", "precision": "float32"}
    return {"quick": {"model": {"width": 8, "code": 32, "recurrent": 32}, "training": training}}


def test_class_of_a_head_is_the_product_of_its_factors() -> None:
    head = Head("action", ("action", "view"), (3, 3))
    labels = {"action": torch.tensor([0, 1, 2]), "view": torch.tensor([2, 0, 1])}
    assert head.combine(labels).tolist() == [2, 3, 7]
    assert head.classes == 9


@pytest.mark.parametrize(("classes", "published"), [((9, 6, 6, 6, 6), 5_263_073), ((6, 52), 4_875_514)])
def test_full_network_has_the_size_of_the_published_judges(classes: tuple[int, ...], published: int) -> None:
    heads = [Head(f"h{k}", (f"f{k}",), (n,)) for k, n in enumerate(classes)]
    with torch.device("meta"):
        network = JudgeNetwork((3, 64, 64), heads, **judges.presets()["paper"]["model"])
    assert count_parameters(network) == published


def test_judge_learns_what_the_frames_show(trained: judges.Judge) -> None:
    assert trained.card.accuracy["action"] > 3 / 9  # a guess is right once in nine times


def test_opinions_are_probabilities_and_do_not_depend_on_the_batch(trained: judges.Judge, store: Store) -> None:
    clips = store.normalise(store.read(slice(0, 5)))
    opinions = trained.opinions(clips)
    assert {name: each.shape for name, each in opinions.items()} == {"action": (5, 9), "hair": (5, 6)}
    for each in opinions.values():
        np.testing.assert_allclose(each.sum(1), 1)
    np.testing.assert_allclose(trained.opinions(clips[2:3])["action"][0], opinions["action"][2], atol=1e-6)
    assert np.array_equal(trained.seen(clips)[0], trained.features(clips))


def test_trained_judge_is_loaded_with_the_same_opinions(trained: judges.Judge, store: Store) -> None:
    clips = store.normalise(store.read(slice(0, 4)))
    again = judges.load_judge(trained.folder, store)
    assert again.card == trained.card
    for name, opinion in trained.opinions(clips).items():
        assert np.array_equal(again.opinions(clips)[name], opinion)


def test_judge_is_found_by_the_data_it_was_trained_on(
    trained: judges.Judge, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(judges, "presets", _small)
    runs = trained.folder.parents[2]
    assert judges.find_judge(store, "quick", runs, 8).card == trained.card
    other = Store(store.path, {**store.attributes, "digest": "0" * 64})
    with pytest.raises(
        StbenchError, match=r"no judge of 8 frames of the preset 'quick'.*stbench judge train --dataset sprites"
    ):
        judges.find_judge(other, "quick", runs, 8)
    with pytest.raises(StbenchError, match="another version, split or normaliser of sprites"):
        judges.load_judge(trained.folder, other)


def test_frames_that_are_not_shown_from_0_to_1_have_no_judge(trained: judges.Judge, store: Store) -> None:
    """What is beyond would be cut off before a judge sees it."""
    other = Store(store.path, {**store.attributes, "normaliser": {"kind": "standardise"}})
    with pytest.raises(StbenchError, match="sprites have mean 0 and deviation 1: give its frames a fixed normaliser"):
        judges.load_judge(trained.folder, other)


def test_a_judge_of_other_settings_is_not_taken_for_that_of_the_preset(trained: judges.Judge, store: Store) -> None:
    """The preset has changed since: its name is the same, and its answers are not."""
    with pytest.raises(StbenchError, match=r"no judge of 8 frames of the preset 'quick'.*8 frames, other settings\)"):
        judges.find_judge(store, "quick", trained.folder.parents[2], 8)


def test_of_several_judges_that_of_the_smallest_seed_is_taken(
    store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(judges, "presets", lambda: _with_steps(1))
    for seed in (10, 2):
        judges.train_judge(store, JUDGED, 8, runs=tmp_path, seed=seed)
    assert judges.find_judge(store, "quick", tmp_path, 8).card.seed == 2


def test_missing_judge_is_one_sentence_with_the_command(store: Store, tmp_path: Path) -> None:
    with pytest.raises(StbenchError, match=r"there is none at all: `stbench judge train --dataset sprites"):
        judges.find_judge(store, "cpu", tmp_path, 8)


def test_weights_with_a_wrong_checksum_are_refused(trained: judges.Judge, store: Store, tmp_path: Path) -> None:

    copy = tmp_path / "judge"
    shutil.copytree(trained.folder, copy)
    weights = bytearray((copy / judges.WEIGHTS).read_bytes())
    weights[-1] ^= 1
    (copy / judges.WEIGHTS).write_bytes(bytes(weights))
    with pytest.raises(StbenchError, match="checksum"):
        judges.load_judge(copy, store)
    document = json.loads((copy / DOCUMENT).read_text())
    del document["clip"]
    (copy / DOCUMENT).write_text(json.dumps(document))
    with pytest.raises(StbenchError, match="damaged"):
        judges.load_judge(copy, store)


def test_head_whose_test_classes_were_never_trained_has_no_accuracy(store: Store, tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setattr(judges, "presets", lambda: _with_steps(2))
    found = judges.train_judge(store, {"action": ("action",), "who": ("character",)}, 8, runs=tmp_path)
    assert set(found.card.accuracy) == {"action"}  # no character is in train and test


def test_head_with_a_single_test_class_that_was_never_trained_has_no_accuracy(
    store: Store, tmp_path: Path, monkeypatch
) -> None:
    """Some of the test sequences show hair that training shows, and others do not."""
    trained, tested = (set(store.factor("hair")[store.split.indices(part)].tolist()) for part in ("train", "test"))
    assert trained & tested
    assert tested - trained
    monkeypatch.setattr(judges, "presets", lambda: _with_steps(2))
    found = judges.train_judge(store, {"action": ("action",), "hair": ("hair",)}, 8, runs=tmp_path)
    assert set(found.card.accuracy) == {"action"}


def _with_steps(steps: int) -> dict:
    presets = _small()
    presets["quick"]["training"]["steps"] = steps
    return presets


def test_factor_that_is_no_class_is_refused(store: Store, tmp_path: Path) -> None:
    with pytest.raises(StbenchError, match="there is no variable 'acton'"):
        judges.train_judge(store, {"action": ("acton",)}, 8, runs=tmp_path)


def test_unknown_preset_is_refused_with_the_nearest_name(store: Store, tmp_path: Path) -> None:
    with pytest.raises(StbenchError, match="did you mean 'quick'"):
        judges.train_judge(store, JUDGED, 8, runs=tmp_path, preset="quik")


def test_a_judge_of_other_clips_is_not_the_one_a_track_asks_for(
    trained: judges.Judge, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(judges, "presets", _small)
    with pytest.raises(StbenchError, match=r"no judge of 15 frames .*8 frames\): .*--preset quick --frames 15"):
        judges.find_judge(store, "quick", trained.folder.parents[2], 15)


def test_card_tells_how_a_judge_errs_and_how_sure_it_is(trained: judges.Judge, store: Store) -> None:
    """Recounted from its opinions on the test clips."""
    card, rows = trained.card, store.split.indices("test")
    opinions = trained.opinions(store.normalise(np.stack([store.read(int(each)) for each in rows])))["action"]
    said, true = opinions.argmax(1), 3 * store.factor("action")[rows].astype(int) + store.factor("view")[rows]
    matrix = np.array(card.confusion["motion"])
    assert matrix.sum() == len(rows) == card.test_clips
    for i, j in zip(*np.nonzero(matrix), strict=True):
        assert matrix[i, j] == ((true == i) & (said == j)).sum()
    assert np.trace(matrix) / len(rows) == pytest.approx(card.accuracy["action"])
    by_action = opinions.reshape(-1, 3, 3).sum(2).argmax(1)
    assert np.trace(np.array(card.confusion["action"])) == (by_action == true // 3).sum()
    assert 0 <= card.calibration["action"] <= 1
    assert card.summary["calibration"] == card.calibration


@pytest.fixture(scope="module")
def faces(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Store]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("STBENCH_DATA", str(tmp_path_factory.mktemp("data")))
        yield build(resolve("mug", {"subjects": "008,077", "takes": 1, "size": 16, "split": "clip"}, "simulated"))


def drawn_places(faces: Store, frames: int) -> tuple[np.ndarray, np.ndarray]:
    """Test takes and first frames by the published rule."""
    assert faces.row_size is not None
    return evaluation_clips(faces.row_size, faces.split, frames)[1:]


def test_a_judge_is_tested_on_the_clips_that_models_are_scored_on(
    faces: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Those of mug begin where a rule draws, not at the first frame of a take, which shows a face at rest."""
    monkeypatch.setattr(judges, "presets", lambda: _with_steps(1))
    judge = judges.train_judge(faces, {"who": ("subject",)}, 8, runs=tmp_path)
    rows, starts = drawn_places(faces, 8)
    assert starts.any()
    clips = [faces.window(int(each), int(at), 8) for each, at in zip(rows, starts, strict=True)]
    opinions, true = judge.opinions(np.stack(clips))["who"], faces.factor("subject")[rows]
    assert judge.card.accuracy["who"] == (opinions.argmax(1) == true).mean()
    assert judge.card.calibration["who"] == expected_calibration_error(opinions, true)


@pytest.mark.parametrize("frames", [8, 15])
def test_the_tracks_of_mug_are_played_by_the_judge_of_their_length(
    faces: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, frames: int
) -> None:
    monkeypatch.setattr(judges, "presets", lambda: _with_steps(1))
    judged = {"action": ("expression",), "identity": ("subject",)}
    judges.train_judge(faces, judged, frames, runs=tmp_path)
    found = judges.find_judge(faces, "quick", tmp_path, frames)
    track = find_track("mug", f"resample-{frames}")
    seen = []

    class Showing:
        """Shows the clip it was handed."""

        def resample(self, motion: np.ndarray, length: int, factors: Any, seed: int) -> np.ndarray:
            seen.append(motion)
            return motion[:, :length]

    scores = resample(Showing(), faces, track, judge=found)
    rows, starts = drawn_places(faces, frames)
    clips = [faces.window(int(each), int(at), frames) for each, at in zip(rows, starts, strict=True)]
    assert np.array_equal(np.concatenate(seen), np.stack(clips))
    said = found.opinions(np.stack(clips))["action"].argmax(1)
    right = said == faces.factor("expression")[rows]
    np.testing.assert_array_equal(scores.values["judge_action_accuracy"][:, 0], right)


def test_a_judge_that_was_tested_otherwise_is_tested_again_where_it_lies(
    trained: judges.Judge, store: Store, tmp_path: Path
) -> None:

    copy = tmp_path / "judge"
    shutil.copytree(trained.folder, copy)
    document = json.loads((copy / DOCUMENT).read_text())
    document |= {"tests": "1", "accuracy": {"action": 0.0}, "confusion": {}, "calibration": {}, "test_clips": 1}
    (copy / DOCUMENT).write_text(json.dumps(document))
    assert judges.load_judge(copy, store).card == trained.card
    assert read_card(copy) == trained.card


def test_a_judge_whose_products_are_rounded_to_bfloat16_is_another_one(
    store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    small = _small()
    small["quick"]["training"] |= {"precision": "bfloat16", "steps": 1}
    monkeypatch.setattr(judges, "presets", lambda: small)
    found = []
    for has in (True, False):
        monkeypatch.setattr("stbench.devices.has_bfloat16", lambda device, has=has: has)
        found.append(judges.train_judge(store, JUDGED, 8, runs=tmp_path).card.fingerprint)
    assert found[0] != found[1]
