"""Protocols of whole clips on small simulated sprites, with models and a judge whose answers are known."""

from __future__ import annotations

import dataclasses
import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from clip_players import Coded, Knower, Oracle, Repeater, mean, track

from stbench import registry
from stbench.errors import StbenchError
from stbench.protocols.clips import SEEN, clips_of
from stbench.protocols.exchange import SEED, exchange, motion_donors
from stbench.protocols.generation import generation
from stbench.protocols.known import KNOWN
from stbench.protocols.probe import probe
from stbench.protocols.questions import Asked, questions
from stbench.protocols.sampling import asked_actions, resample, sample
from stbench.running.plan import choose
from stbench.store.reader import Store


def test_periodic_truth_is_the_clip_twice_and_whoever_repeats_it_is_exact(store: Store) -> None:
    scores = generation(Repeater(), store, track("generation-16"), keep=3)
    assert scores.values["mse"].shape == (len(store.split.indices("test")), 16)
    assert scores.values["mse"].max() == 0
    kept = scores.predictions_kept
    assert kept is not None
    np.testing.assert_array_equal(kept.target[:, :8], kept.target[:, 8:])


def test_floors_play_generation_and_exchange(store: Store, judge: Any) -> None:
    floors = [each for each in registry.models_at_hand() if each.floor and "generate" in each.capabilities]
    assert {"mean", "persistence"} <= {each.name for each in floors}
    still = registry.model("persistence").build({}, None)  # type: ignore[arg-type]
    errors = generation(still, store, track("generation-16")).values["mse"]
    assert errors[:, 0].max() == 0
    assert errors[:, 3].mean() > 0
    np.testing.assert_array_equal(errors[:, 0], errors[:, 8])
    assert mean(exchange(still, store, track("exchange-8"), judge=judge), "judge_hair_accuracy") == 1


def test_truths_a_model_has_not_seen_change_nothing_it_makes(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    """Frames behind the `SEEN` ones, of a dataset without a period, are poisoned: the same generations come back."""
    clips = clips_of(store, track("generation-16"), 16)
    honest = generation(Repeater(), store, track("generation-16"), keep=5).predictions_kept
    read = type(clips).frames

    def poisoned(self: Any, items: np.ndarray, length: int) -> np.ndarray:
        frames = read(self, items, length)
        frames[:, SEEN:] = np.float32(7)
        return frames

    monkeypatch.setattr(type(clips), "frames", poisoned)
    again = generation(Repeater(), store, track("generation-16"), keep=5)
    assert honest is not None
    assert again.predictions_kept is not None
    np.testing.assert_array_equal(honest.prediction, again.predictions_kept.prediction)
    assert again.values["mse"][:, SEEN:].min() > 1


def test_oracle_that_draws_the_asked_action_is_judged_right_on_everything(store: Store, judge: Any) -> None:
    scores = sample(Oracle(store), store, track("sample-8"), judge=judge)
    assert mean(scores, "judge_action_accuracy") == 1
    assert mean(scores, "judge_hair_accuracy") == 1
    assert mean(scores, "judge_intra_entropy") == 0
    assert scores.whole["judge_inter_entropy"].value == pytest.approx(math.log(9), abs=0.1)
    assert scores.whole["judge_inception_score"].value == pytest.approx(
        math.exp(scores.whole["judge_inter_entropy"].value)
    )
    assert scores.judge == "knower"


def test_model_that_ignores_the_asked_action_is_right_by_chance(store: Store, judge: Any) -> None:
    scores = sample(Repeater(), store, track("sample-8"), judge=judge)
    own = clips_of(store, track("sample-8"), 8)
    # What it shows is the clip's own action: right where that happens to be the asked one.
    assert mean(scores, "judge_action_accuracy") == (asked_actions(own) == own.factors["action"]).mean() < 0.5
    assert mean(scores, "judge_hair_accuracy") == 1
    assert scores.whole["frechet_judge"].value == pytest.approx(0, abs=1e-6)


def test_every_action_is_asked_equally_often_whatever_the_clips_show(store: Store) -> None:
    clips = clips_of(store, track("sample-8"), 8)
    asked = asked_actions(clips)
    counts = np.bincount(asked, minlength=3)
    assert counts.max() - counts.min() <= 1
    own = clips.factors["action"]
    assert float((asked == own).mean()) < 0.5


def test_inferred_motion_is_judged_by_the_clip_it_came_from(store: Store, judge: Any) -> None:
    scores = resample(Repeater(), store, track("resample-8"), judge=judge)
    assert mean(scores, "judge_motion_accuracy") == 1
    assert "judge_hair_accuracy" not in scores.values


def test_exchange_asks_for_the_motion_of_one_clip_and_the_attributes_of_another(store: Store, judge: Any) -> None:
    right = exchange(Oracle(store), store, track("exchange-8"), judge=judge)
    assert mean(right, "judge_motion_accuracy") == 1
    assert mean(right, "judge_hair_accuracy") == 1
    assert right.values["mse"].max() == 0
    copied = exchange(Repeater(), store, track("exchange-8"), judge=judge, keep=2)
    assert mean(copied, "judge_hair_accuracy") == 1
    assert mean(copied, "judge_motion_accuracy") < 0.2
    assert mean(copied, "mse") > 0
    assert copied.predictions_kept is not None
    assert copied.predictions_kept.content is not None


def test_everybody_gives_content_once_and_motion_once_and_nobody_keeps_its_own(store: Store, judge: Any) -> None:
    clips = clips_of(store, track("exchange-8"), 8)
    donor = motion_donors(clips, judge)
    assert sorted(donor) == list(range(len(clips)))
    assert (donor != np.arange(len(clips))).all()


def test_no_other_shift_leaves_fewer_clips_with_a_donor_of_their_own_motion(store: Store, judge: Any) -> None:
    """Counted clip by clip. The cycle is that of the drawn order; shifts lie within 8 of half its length."""
    clips = clips_of(store, track("exchange-8"), 8)
    n = len(clips)
    action, view = (store.factor(name)[clips.sequence] for name in ("action", "view"))
    cycle = np.random.default_rng(np.random.SeedSequence(SEED)).permutation(n)

    def keeps_motion(donor_of: dict[int, int]) -> int:
        return sum((action[k], view[k]) == (action[d], view[d]) for k, d in donor_of.items())

    counts = [
        keeps_motion({int(cycle[k]): int(cycle[(k + shift) % n]) for k in range(n)})
        for shift in range(n // 2 - 8, n // 2 + 9)
    ]
    assert min(counts) < max(counts)
    assert keeps_motion(dict(enumerate(motion_donors(clips, judge)))) == min(counts)


def test_a_model_is_not_told_what_the_judge_or_the_probe_asks_for(store: Store, judge: Any) -> None:
    told: dict[str, list[dict[str, np.ndarray]]] = {}

    class Listening(Coded):
        def transfer(self, content: np.ndarray, motion: np.ndarray, length: int, factors: Any) -> np.ndarray:
            told.setdefault("exchange", []).append(factors)
            return content

        def resample(self, motion: np.ndarray, length: int, factors: Any, seed: int) -> np.ndarray:
            told.setdefault("resample", []).append(factors)
            return motion

        def codes(self, clip: np.ndarray, factors: Any) -> dict[str, np.ndarray]:
            told.setdefault("probe", []).append(factors)
            return super().codes(clip, factors)

        def conservation(self, clip: np.ndarray, steps: int, factors: Any) -> dict[str, np.ndarray]:
            told.setdefault("energy", []).append(factors)
            return {"energy_drift": np.zeros(len(clip)), "reversibility_error": np.zeros(len(clip))}

    model = Listening(store, "hair", "action")
    exchange(model, store, track("exchange-8"), judge=judge)
    resample(model, store, track("resample-8"), judge=judge)
    probe(model, store, track("probe-8"))
    assert told.keys() == {"exchange", "resample", "probe", "energy"}
    assert all(each == {} for calls in told.values() for each in calls)
    for name in ("exchange-8", "resample-8"):
        assert all(each.handed[len(each.handed) - 1 - (name == "resample-8")] == {} for each in asked_of(name, store))


def test_the_clips_of_one_character_are_one_sample(store: Store, judge: Any) -> None:
    """Nine clips each: an interval over clips would be up to three times too narrow."""
    model = Coded(store, "hair", "action")
    scores = {
        "generation-16": generation(Repeater(), store, track("generation-16")),
        "sample-8": sample(Repeater(), store, track("sample-8"), judge=judge),
        "resample-8": resample(Repeater(), store, track("resample-8"), judge=judge),
        "exchange-8": exchange(Repeater(), store, track("exchange-8"), judge=judge),
        "probe-8": probe(model, store, track("probe-8")),
    }
    for name, found in scores.items():
        assert track(name).cluster == "character"
        np.testing.assert_array_equal(found.cluster, store.factor("character")[found.sequence])


def asked_of(name: str, store: Store) -> list[Asked]:
    return [*questions(store, track(name))]


def test_batch_of_one_and_a_limit_are_played(store: Store, judge: Any) -> None:
    for name, play in (("sample-8", sample), ("resample-8", resample)):
        scores = play(Repeater(), store, track(name), judge=judge, limit=1)  # type: ignore[operator]
        assert len(scores.sequence) == 1
        assert "frechet_judge" not in scores.whole
    assert generation(Repeater(), store, track("generation-16"), limit=1).values["mse"].shape == (1, 16)


def test_every_protocol_of_a_track_is_known_and_every_reference_model_says_what_it_can() -> None:
    for dataset in registry.names("datasets"):
        for each in registry.dataset(dataset).tracks:
            assert each.protocol in KNOWN
            if dataset in ("sprites", "mug"):
                assert choose("hamiltonian", dataset, track=each.id, preset="quick").plugin.name == "hamiltonian"
    with pytest.raises(StbenchError, match="not applicable"):
        choose("persistence", "sprites", track="sample-8")


def test_pictures_call_truth_only_what_is_true(store: Store, judge: Any, tmp_path: Path) -> None:
    """Drawn motions have no right answer, exchanged sprites have one."""
    from stbench.protocols.kept import write_kept

    drawn = sample(Repeater(), store, track("sample-8"), judge=judge, keep=2, limit=4)
    again = resample(Repeater(), store, track("resample-8"), judge=judge, keep=2, limit=4)
    exchanged = exchange(Oracle(store), store, track("exchange-8"), judge=judge, keep=2)
    for name, scores, known in (
        ("sample-8", drawn, False),
        ("resample-8", again, False),
        ("exchange-8", exchanged, True),
    ):
        kept = scores.predictions_kept
        assert kept is not None
        assert kept.truth is known
        write_kept(tmp_path / name, scores, track(name), store, "some model")
        assert (tmp_path / name / "target").exists() is known
        assert (tmp_path / name / "shown").exists() is not known


def test_judged_clips_are_as_long_as_the_track_asks(store: Store) -> None:
    """Tracks of one dataset may ask for clips of another length than 8, each before a judge of its own."""
    seen = []

    class Counting(Knower):
        def opinions(self, clips: np.ndarray) -> dict[str, np.ndarray]:
            seen.append(clips.shape[1])
            return super().opinions(clips[:, :8])

    long = dataclasses.replace(track("sample-8"), horizon=15)
    sample(Repeater(), store, long, judge=Counting(store))
    assert set(seen) == {15}
