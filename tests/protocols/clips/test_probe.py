"""What probes and forests find in codes, and how much content moves in time."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from clip_players import Coded, mean, track

from stbench.errors import StbenchError
from stbench.protocols import importances
from stbench.protocols import probe as probing
from stbench.protocols.importances import code_importances
from stbench.protocols.probe import probe, temporal_variance
from stbench.store.reader import Store


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
    still, other = temporal_variance(codes, codes), temporal_variance(codes, rng.normal(size=(400, 6)))
    assert still is not None
    assert other is not None
    assert still.max() == 0
    assert other.mean() == pytest.approx(1, abs=0.1)


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


def test_forests_are_fitted_on_2000_clips_from_the_first_to_the_last(monkeypatch: pytest.MonkeyPatch) -> None:
    fitted: list[tuple[np.ndarray, np.ndarray]] = []

    def record(codes: np.ndarray, learnt: np.ndarray, *asked: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        fitted.append((codes, learnt))
        return np.ones(codes.shape[1]), np.ones(len(asked[1]))

    monkeypatch.setattr(importances, "_fitted", record)
    clip = np.arange(2500)
    known = {name: clip[:, None].astype(float) for name in ("content", "motion")}
    code_importances(known, [clip, clip], {name: each[:3] for name, each in known.items()}, [clip[:3]] * 2)
    assert {len(each) for pair in fitted for each in pair} == {2000}
    for codes, _ in fitted:
        assert (codes[0, 0], codes[-1, 0]) == (0, 2499)
        assert {*np.diff(codes[:, 0])} == {1, 2}
    # Both factors, each as it is and in another order.
    as_they_are = [np.array_equal(codes[:, 0], learnt) for codes, learnt in fitted]
    assert as_they_are == [True, True, False, False]
    assert all(np.array_equal(codes[:, 0], np.sort(learnt)) for codes, learnt in fitted)
