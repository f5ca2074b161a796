"""What judges say of clips, and the intervals of it."""

from __future__ import annotations

import copy
import dataclasses
import math
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from clip_players import Knower, Oracle, Repeater, mean, track

from stbench.metrics.entropy import inter_entropy
from stbench.protocols.clips import clips_of
from stbench.protocols.exchange import exchange
from stbench.protocols.judged import Opinions, _inception_scores, _inter_entropies, _interval
from stbench.protocols.sampling import sample
from stbench.protocols.scoring import Scores
from stbench.results.aggregate import rows
from stbench.store.reader import Store


def test_an_interval_over_clips_that_are_all_alike_within_a_character_is_that_over_characters(
    store: Store, judge: Any
) -> None:
    """Of whole scores, too: nine times the same clip say no more than one."""
    clips = clips_of(store, track("resample-8"), 8)
    character = store.factor("character")[clips.sequence]
    opinions = np.random.default_rng(0).dirichlet(np.ones(4), size=int(character.max()) + 1)[character]
    found = _interval(clips, opinions, inter_entropy, _inter_entropies)
    once = np.unique(character, return_index=True)[1]
    alone = dataclasses.replace(clips, sequence=clips.sequence[once], start=clips.start[once])
    wanted = _interval(alone, opinions[once], inter_entropy, _inter_entropies)
    assert (found.value, found.ci_low, found.ci_high) == pytest.approx((wanted.value, wanted.ci_low, wanted.ci_high))
    apart = dataclasses.replace(clips, track=dataclasses.replace(clips.track, cluster=""))
    narrow = _interval(apart, opinions, inter_entropy, _inter_entropies)
    assert narrow.ci_high - narrow.ci_low < 0.5 * (found.ci_high - found.ci_low)  # type: ignore[operator]


def test_an_intervention_wants_heads_of_content_and_of_motion(store: Store, judge: Any) -> None:
    """A judge that was never shown the identities of the test clips knows nothing of content."""
    blind = copy.copy(judge)
    blind.card = SimpleNamespace(**{**vars(judge.card), "accuracy": {"action": 1.0}})
    assert "judge_intervention" in exchange(Repeater(), store, track("exchange-8"), judge=judge).whole
    found = exchange(Repeater(), store, track("exchange-8"), judge=blind).whole
    assert not [name for name in found if "intervention" in name]


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
    assert entropy.ci_low < entropy.ci_high
    assert entropy.ci_low <= entropy.value
    assert next(row for row in found if row.metric == "frechet_judge").ci_low is None


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
