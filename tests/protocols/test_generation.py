"""Protocols of whole clips on small simulated sprites, with models and a judge whose answers are known."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Iterator, Mapping
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from stbench import registry
from stbench.contract.datasets import Renderings
from stbench.errors import StbenchError
from stbench.judges.network import Head
from stbench.judges.renderer import RendererJudge
from stbench.protocols import probe as probing
from stbench.protocols.clips import SEEN, clips_of
from stbench.protocols.exchange import SEED, exchange, motion_donors
from stbench.protocols.generation import generation
from stbench.protocols.importances import code_importances
from stbench.protocols.judged import Opinions, _inception_scores, _inter_entropies
from stbench.protocols.known import KNOWN
from stbench.protocols.probe import probe, temporal_variance
from stbench.protocols.questions import Asked, questions
from stbench.protocols.sampling import asked_actions, resample, sample
from stbench.protocols.scoring import Scores
from stbench.results.aggregate import rows
from stbench.running.plan import choose, find_track
from stbench.store.build import build, resolve
from stbench.store.reader import Store

HEADS = (Head("action", ("action", "view"), (3, 3)), Head("hair", ("hair",), (6,)))


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Store]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("STBENCH_DATA", str(tmp_path_factory.mktemp("data")))
        patch.delenv("STBENCH_RAW", raising=False)
        yield build(resolve("sprites", {"characters": 20}, "simulated"))


class Knower:
    """A judge that knows every clip by heart: what it says of a clip are the factors of the nearest real one."""

    card = SimpleNamespace(clip=8, name="knower", accuracy={"action": 1.0, "hair": 1.0}, confusion={})
    heads = HEADS

    def __init__(self, store: Store) -> None:
        self._frames = np.stack([store.normalise(store.read(k)) for k in range(store.n_sequences)])[
            :, :, :, ::8, ::8
        ].copy()
        self._classes = self.classes({name: store.factor(name) for name in ("action", "view", "hair")})

    def classes(self, factors: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
        whole = {name: values.astype(np.int64) for name, values in factors.items()}
        return {"action": 3 * whole["action"] + whole["view"], "hair": whole["hair"]}

    def _nearest(self, clips: np.ndarray) -> np.ndarray:
        small = clips[:, :, :, ::8, ::8]
        return np.array([np.square(self._frames - each).sum(axis=(1, 2, 3, 4)).argmin() for each in small])

    def opinions(self, clips: np.ndarray) -> dict[str, np.ndarray]:
        nearest = self._nearest(clips)
        return {head.name: np.eye(head.classes)[self._classes[head.name][nearest]] for head in HEADS}

    def features(self, clips: np.ndarray) -> np.ndarray:
        return clips.reshape(len(clips), -1)[:, ::9973].astype(np.float64)


@pytest.fixture(scope="module")
def judge(store: Store) -> Any:
    return Knower(store)


def track(name: str) -> Any:
    return find_track("sprites", name)


class Repeater:
    """Knows that sprites are periodic; content and motion are those of the clip it sees first."""

    def generate(self, clip: np.ndarray, length: int, factors: Mapping[str, np.ndarray]) -> np.ndarray:
        return np.ascontiguousarray(clip[:, np.arange(length) % SEEN])

    def transfer(self, content: np.ndarray, motion: np.ndarray, length: int, factors: Any) -> np.ndarray:
        return self.generate(content, length, factors)

    def sample(self, content: np.ndarray, length: int, factors: Any, seed: int) -> np.ndarray:
        return self.generate(content, length, factors)

    def resample(self, motion: np.ndarray, length: int, factors: Any, seed: int) -> np.ndarray:
        return self.generate(motion, length, factors)


class Oracle(Repeater):
    """Looks the asked clip up: the character of `content` in the asked action, or in action and view of `motion`."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._frames = np.stack([store.normalise(store.read(k)) for k in range(store.n_sequences)])
        self._small = self._frames[..., ::8, ::8].copy()

    def _find(self, clips: np.ndarray) -> np.ndarray:
        small = clips[..., ::8, ::8]
        return np.array([np.square(self._small - each).sum(axis=(1, 2, 3, 4)).argmin() for each in small])

    def transfer(self, content: np.ndarray, motion: np.ndarray, length: int, factors: Any) -> np.ndarray:
        found = self._find(content) // 9 * 9 + self._find(motion) % 9
        return np.asarray(self._frames[found][:, :length])

    def sample(self, content: np.ndarray, length: int, factors: Any, seed: int) -> np.ndarray:
        view = np.random.default_rng(seed).integers(3, size=len(content))
        return np.asarray(self._frames[self._find(content) // 9 * 9 + 3 * factors["action"] + view][:, :length])


def mean(scores: Scores, name: str) -> float:
    return float(scores.values[name].mean())


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


def asked_of(name: str, store: Store) -> list[Asked]:
    return [*questions(store, track(name))]


def test_batch_of_one_and_a_limit_are_played(store: Store, judge: Any) -> None:
    for name, play in (("sample-8", sample), ("resample-8", resample)):
        scores = play(Repeater(), store, track(name), judge=judge, limit=1)  # type: ignore[operator]
        assert len(scores.sequence) == 1
        assert "frechet_judge" not in scores.whole
    assert generation(Repeater(), store, track("generation-16"), limit=1).values["mse"].shape == (1, 16)


def test_scores_of_drawn_samples_equal_those_computed_one_by_one() -> None:
    rng = np.random.default_rng(0)
    opinions = rng.dirichlet(np.ones(5), size=20)
    drawn = rng.integers(20, size=(3, 20))
    weights = np.stack([np.bincount(row, minlength=20) for row in drawn]) / 20
    for row, entropy, score in zip(
        drawn, _inter_entropies(weights, opinions), _inception_scores(weights, opinions), strict=True
    ):
        marginal = opinions[row].mean(axis=0)
        assert entropy == pytest.approx(-(marginal * np.log(marginal)).sum())
        intra = -(opinions[row] * np.log(opinions[row])).sum(axis=1).mean()
        assert score == pytest.approx(np.exp(entropy - intra))


def test_opinions_on_the_action_are_summed_over_the_view(judge: Any) -> None:
    opinions = Opinions(judge)
    judge_says = np.zeros((1, 9))
    judge_says[0, [3, 4, 8]] = 0.3, 0.3, 0.4
    opinions._opinions.append({"action": judge_says})
    np.testing.assert_allclose(opinions.actions(), [[0.0, 0.6, 0.4]])


class Coded:
    """Codes that are what a probe asks for."""

    def __init__(self, store: Store, content: str, motion: str) -> None:
        self._store, self._names = store, {"content": content, "motion": motion}
        self._frames = np.stack([store.normalise(store.read(k)) for k in range(store.n_sequences)])[
            ..., ::8, ::8
        ].copy()

    def codes(self, clip: np.ndarray, factors: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
        small = clip[..., ::8, ::8]
        errors = [np.square(self._frames - each).sum(axis=(1, 2, 3, 4)) for each in small]
        rolled = [np.square(np.roll(self._frames, -4, axis=1) - each).sum(axis=(1, 2, 3, 4)) for each in small]
        found = [
            int((one if one.min() <= other.min() else other).argmin())
            for one, other in zip(errors, rolled, strict=True)
        ]
        return {code: np.eye(9)[self._store.factor(name)[found]] for code, name in self._names.items()}


@pytest.mark.slow
def test_probes_find_what_is_in_a_code_and_nothing_else(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(probing, "_targets", lambda train, test: {"action": ["action"], "attributes": ["hair"]})
    scores = probe(Coded(store, "hair", "action"), store, track("probe-8"))
    for kind in ("linear", "mlp"):
        assert mean(scores, f"probe_{kind}_action_from_motion") == 1
        assert mean(scores, f"probe_{kind}_attributes_from_content") > 0.6
        assert mean(scores, f"probe_{kind}_action_from_content") < 0.5
        assert mean(scores, f"probe_{kind}_attributes_from_motion") < 0.5
    assert mean(scores, "probe_chance_action") == pytest.approx(1 / 3)
    assert mean(scores, "content_temporal_variance") == 0
    again = probe(Coded(store, "hair", "action"), store, track("probe-8"))
    for name, values in scores.values.items():
        np.testing.assert_array_equal(values, again.values[name])


def test_attributes_with_a_test_class_that_training_never_shows_are_no_question(store: Store) -> None:
    """Told by the chance beside the probes: the share of the most frequent class, averaged over the attributes left."""
    train, test = (store.split.indices(part) for part in ("train", "test"))
    chances = {}
    for name in ("body", "bottomwear", "topwear", "hair"):
        learnt, wanted = (store.factor(name)[part] for part in (train, test))
        assert set(learnt) & set(wanted)
        if set(wanted) <= set(learnt):
            chances[name] = (wanted == np.bincount(learnt).argmax()).mean()
    assert 0 < len(chances) < 4
    scores = probe(Coded(store, "hair", "action"), store, track("probe-8"))
    assert mean(scores, "probe_chance_attributes") == pytest.approx(np.mean(list(chances.values())))


def test_codes_that_are_not_finite_are_refused(store: Store) -> None:
    class Broken:
        def codes(self, clip: np.ndarray, factors: Any) -> dict[str, np.ndarray]:
            return {"content": np.full((len(clip), 2), np.nan), "motion": np.zeros((len(clip), 2))}

    with pytest.raises(StbenchError, match="content code of the model Broken"):
        probe(Broken(), store, track("probe-8"))


def test_temporal_variance_is_zero_for_constant_content_and_about_one_for_noise() -> None:
    rng = np.random.default_rng(1)
    codes = rng.normal(size=(400, 6))
    assert temporal_variance(codes, codes).max() == 0  # type: ignore[union-attr]
    assert temporal_variance(codes, rng.normal(size=(400, 6))).mean() == pytest.approx(1, abs=0.1)  # type: ignore[union-attr]


def test_temporal_variance_is_that_of_all_pairs_whatever_their_order() -> None:
    """Neighbours in a store share their character, so a mean over neighbours would say little of different clips."""
    rng = np.random.default_rng(2)
    character = np.repeat(rng.normal(size=(7, 3)), 9, axis=0)
    one, other = (character + 0.1 * rng.normal(size=(63, 3)) for _ in range(2))
    apart = [np.square(one[i] - other[j]).sum() for i in range(63) for j in range(63) if i != j]
    found = temporal_variance(one, other)
    np.testing.assert_allclose(found, np.square(one - other).sum(axis=1) / np.mean(apart))
    order = rng.permutation(63)
    np.testing.assert_allclose(temporal_variance(one[order], other[order]), np.asarray(found)[order])
    far = temporal_variance(one + 1e6, other + 1e6)
    np.testing.assert_allclose(far, found, rtol=1e-6)


def test_temporal_variance_of_codes_that_are_all_alike_is_not_a_number_that_could_be_mistaken_for_one() -> None:
    alike = np.full((20, 3), 0.1)
    assert temporal_variance(alike, alike) is None
    assert temporal_variance(alike[:1], alike[:1] + 1) is None


def test_codes_that_are_all_alike_belong_to_no_factor(store: Store) -> None:
    class Constant:
        def codes(self, clip: np.ndarray, factors: Any) -> dict[str, np.ndarray]:
            return {name: np.ones((len(clip), 2)) for name in ("content", "motion")}

    scores = probe(Constant(), store, track("probe-8"))
    assert "content_temporal_variance" not in scores.values
    assert scores.whole == {}
    assert "dci_explicitness" in scores.values


def test_scores_of_whole_clips_become_one_row_that_names_the_judge(store: Store, judge: Any) -> None:
    scores = sample(Repeater(), store, track("sample-8"), judge=judge, limit=20)
    record: Any = SimpleNamespace(
        **{"track": track("sample-8"), "dataset": "sprites", "dataset_version": "1", "dataset_digest": "d"},
        **{"split": "s", "dataset_source": "simulated", "full_model": "repeater", "preset": "quick", "seed": 0},
    )
    found = rows(scores, record)
    assert {row.lead_time for row in found} == {"1..8"}
    assert {row.metric_version for row in found} == {"1, judge knower"}
    entropy = next(row for row in found if row.metric == "judge_inter_entropy")
    assert entropy.ci_low is not None
    assert entropy.ci_low <= entropy.value + 0.2
    assert next(row for row in found if row.metric == "frechet_judge").ci_low is None


def test_every_protocol_of_a_track_is_known_and_every_reference_model_says_what_it_can() -> None:
    for dataset in ("sprites", "mug"):
        for each in registry.dataset(dataset).tracks:
            assert each.protocol in KNOWN
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


@pytest.fixture(scope="module")
def renderer(store: Store) -> Any:
    """Renderings of the characters of the store, a pixel in sixteen; everybody else is white."""
    character, pose = store.factor("character"), 3 * store.factor("action") + store.factor("view")

    def draw(motion: tuple[int, ...]) -> np.ndarray:
        clips = np.full((1296, 8, 3, 16, 16), 255, np.uint8)
        for row in np.flatnonzero(pose == 3 * motion[0] + motion[1]):
            clips[character[row]] = store.read(int(row))[..., ::4, ::4]
        return clips

    content = dict.fromkeys(("body", "bottomwear", "topwear", "hair"), 6)
    found = RendererJudge(Renderings({"action": 3, "view": 3}, content, draw))
    return SimpleNamespace(nearest=lambda clips: found.nearest(clips[..., ::4, ::4]))


def test_nearest_renderings_and_judge_agree_that_an_oracle_is_right(store: Store, judge: Any, renderer: Any) -> None:
    scores = exchange(Oracle(store), store, track("exchange-8"), judge=judge, renderer=renderer)
    for name in ("action", "motion", "attributes"):
        assert mean(scores, f"renderer_{name}_accuracy") == 1
    assert mean(scores, "judge_agreement") == 1
    assert mean(scores, "renderer_margin") == 1
    assert mean(scores, "renderer_distance") == 0
    for kind in ("swap", "global", "local"):
        assert mean(scores, f"renderer_{kind}_consistency") == 1
        assert mean(scores, f"renderer_{kind}_consistency_chance") < 0.9
    for who in ("judge", "renderer"):
        assert scores.whole[f"{who}_intervention"].value == pytest.approx(1)
        assert scores.whole[f"{who}_intervention_chance"].value < 0.8


def test_motion_that_brings_its_content_along_is_an_intervention_that_failed(
    store: Store, judge: Any, renderer: Any
) -> None:
    class Leaky(Repeater):
        def transfer(self, content: np.ndarray, motion: np.ndarray, length: int, factors: Any) -> np.ndarray:
            return self.generate(motion, length, factors)

    scores = exchange(Leaky(), store, track("exchange-8"), judge=judge, renderer=renderer)
    assert mean(scores, "renderer_motion_accuracy") == 1
    assert mean(scores, "renderer_attributes_accuracy") < 0.5
    low, high = scores.whole["renderer_intervention"].ci_low, scores.whole["renderer_intervention"].ci_high
    assert low is not None
    assert high is not None
    assert low < scores.whole["renderer_intervention"].value < high < 0.7


def test_inception_score_is_the_exponential_of_the_two_entropies_beside_it(store: Store, judge: Any) -> None:
    """IS = exp(H(y) - H(y|x)), of opinions that are not certain: a table that breaks it mixes sample sets."""

    class Unsure(Knower):
        def opinions(self, clips: np.ndarray) -> dict[str, np.ndarray]:
            return {name: 0.8 * each + 0.2 / each.shape[1] for name, each in super().opinions(clips).items()}

    scores = sample(Repeater(), store, track("sample-8"), judge=Unsure(store))
    inter, score = scores.whole["judge_inter_entropy"].value, scores.whole["judge_inception_score"].value
    intra = mean(scores, "judge_intra_entropy")
    assert intra > 0.5
    assert score == pytest.approx(math.exp(inter - intra), rel=1e-12)


def test_errors_of_the_judge_reach_the_result_rows(store: Store, judge: Any) -> None:
    """The same opinions, of a judge that errs in a fifth of 300 real clips."""
    clean = sample(Oracle(store), store, track("sample-8"), judge=judge)
    doubtful = Knower(store)
    matrix = ((80, 10, 10), (10, 80, 10), (10, 10, 80))
    doubtful.card = SimpleNamespace(**{**vars(judge.card), "confusion": {"action": matrix}})
    blurred = sample(Oracle(store), store, track("sample-8"), judge=doubtful)
    one, other = (_rows_of(scores)["judge_action_accuracy"] for scores in (clean, blurred))
    assert (one.value, one.ci_low, one.ci_high) == (1, 1, 1)
    assert other.value == 1
    assert other.ci_high == 1
    assert other.ci_low == pytest.approx(0.8 - 1.96 * np.sqrt(0.16 / 300), abs=0.01)
    hair = [_rows_of(scores)["judge_hair_accuracy"] for scores in (clean, blurred)]
    assert hair[0] == hair[1]


def _rows_of(scores: Scores) -> dict[str, Any]:
    record: Any = SimpleNamespace(
        track=track("sample-8"),
        dataset="sprites",
        dataset_version="1",
        dataset_digest="",
        split="",
        dataset_source="simulated",
        full_model="oracle",
        preset="quick",
        seed=0,
    )
    return {row.metric: row for row in rows(scores, record)}


def test_rows_of_the_renderer_name_no_judge(store: Store, judge: Any, renderer: Any) -> None:
    found = _rows_of(sample(Oracle(store), store, track("sample-8"), judge=judge, renderer=renderer))
    assert found["renderer_action_accuracy"].metric_version == "1"
    assert found["judge_agreement"].metric_version == "1, judge knower"


def test_forests_find_each_factor_in_the_code_that_holds_it(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(probing, "_targets", lambda train, test: {"action": ["action"], "attributes": ["hair"]})
    scores = probe(Coded(store, "hair", "action"), store, track("probe-8"))
    assert scores.whole["dci_disentanglement"].value > 0.8
    assert scores.whole["block_modularity"].value > 0.8
    assert scores.whole["block_modularity_chance"].value < 0.5
    assert mean(scores, "dci_explicitness") > 0.8
    assert mean(scores, "dci_explicitness_chance") < 0.6


def test_forests_are_fitted_on_train_clips_alone(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    """Labels of the scored clips change what is found right, and nothing of the maps."""
    rng = np.random.default_rng(0)
    known, asked = ({"content": rng.normal(size=(60, 3)), "motion": rng.normal(size=(60, 3))} for _ in range(2))
    learnt = [(known["content"][:, 0] > 0).astype(np.int64)]
    wanted = [(asked["content"][:, 0] > 0).astype(np.int64)]
    values, whole = code_importances(known, learnt, asked, wanted)
    turned, again = code_importances(known, learnt, asked, [1 - wanted[0]])
    assert again == whole
    assert values["dci_explicitness"].mean() > 0.8
    assert np.array_equal(turned["dci_explicitness"], 1 - values["dci_explicitness"])
    assert set(whole) == {"dci_completeness", "dci_completeness_chance"}, "of one factor the others are 1 for any codes"


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
