"""Names and configurations are resolved before any work."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from stbench import registry
from stbench.contract.datasets import fingerprint
from stbench.errors import StbenchError
from stbench.protocols.known import has_capability
from stbench.running.plan import Plan, choose, find_track, plan, split_model_name
from stbench.running.suite import Job, everything, floors, tracks_of
from stbench.store.apart import BEFORE

PUBLISHED = {"split": SimpleNamespace(digest=min(BEFORE)), "attributes": {"normaliser": {"kind": "identity"}}}
"""Of a store whose runs were published before identities named a split."""


@pytest.mark.parametrize(
    ("model", "dataset", "preset", "sentence"),
    [
        ("sepva", "waveeq", "quick", "did you mean 'sepvar'"),
        ("sepvar:without", "waveeq", "quick", "did you mean 'without-s'"),
        ("sepvar", "wavee", "quick", "did you mean 'waveeq'"),
        ("sepvar", "waveeq", "quik", "did you mean 'quick'"),
        ("mean:x", "waveeq", "quick", "has no variants"),
        ("convlstm", "sprites", "quick", "has no presets for the dataset 'sprites'"),
        (
            "convlstm",
            "waveeq-100",
            "quick",
            "presets for the dataset 'waveeq-100': did you mean 'waveeq'.*known: chairs, kth",
        ),
    ],
)
def test_an_unknown_name_is_refused_with_the_nearest_one(model: str, dataset: str, preset: str, sentence: str) -> None:
    with pytest.raises(StbenchError, match=sentence):
        choose(model, dataset, preset=preset)


def test_a_variant_is_named_after_a_colon() -> None:
    assert split_model_name("sepvar:without-s") == ("sepvar", "without-s")
    with pytest.raises(StbenchError, match="'sepvar:' names no variant behind its colon: write 'sepvar'"):
        split_model_name("sepvar:")
    assert choose("sepvar:without-s", "waveeq-100", preset="paper").configuration["model"]["static_size"] == 0
    assert choose("sepvar", "waveeq-100", preset="paper").configuration["model"]["static_size"] == 32


def test_a_track_is_found_by_id_or_by_its_last_part() -> None:
    main = registry.dataset("waveeq").tracks[0]
    assert find_track("waveeq", None) == find_track("waveeq", "forecast-40") == find_track("waveeq", main.id) == main
    with pytest.raises(StbenchError, match=r"no track 'forecast-4'.*did you mean"):
        find_track("waveeq", "forecast-4")


def test_floors_learn_from_all_training_data_only_in_the_paper_preset() -> None:
    assert choose("mean", "waveeq", preset="paper").configuration["training"]["split"] == "train+val"
    assert choose("mean", "waveeq", preset="quick").configuration["training"]["split"] == "train"


def test_everything_has_all_floors_and_no_two_equal_configurations() -> None:
    jobs = everything("quick")
    places = {(job.dataset, job.track) for job in jobs}
    assert {("waveeq", None), ("waveeq-100", None), ("waveeq-rich", None), ("moving-mnist", "swap-10")} <= places
    for place in places:
        models = [job.model for job in jobs if (job.dataset, job.track) == place]
        assert {"mean", "persistence", "climatology", "linear", "nearest-neighbour", "dmd"} <= set(models)
        learned = [each for each in models if not registry.model(each.partition(":")[0]).floor]
        chosen = [choose(each, place[0], track=place[1]) for each in learned]
        told = [(each.plugin.name, each.configuration) for each in chosen]
        assert all(told.count(each) == 1 for each in told)


def test_what_is_played_beside_the_main_track_needs_no_training_of_its_own() -> None:
    assert tracks_of("moving-mnist", "quick") == [None, "swap-10"]
    assert tracks_of("moving-mnist", "cpu") == [None, "forecast-95", "draws-10", "swap-10", "swap-95"]
    for dataset in registry.names("datasets"):
        asked = [find_track(dataset, name) for name in tracks_of(dataset, "cpu")]
        assert len({(track.conditioning, track.train_horizon) for track in asked}) <= 1, dataset
        assert {track.protocol for track in asked} <= {"forecast", "draws", "swap"}


def test_a_track_that_floors_alone_would_play_is_left_out() -> None:
    played: dict[tuple[str, str | None], set[str]] = {}
    for job in everything("quick"):
        played.setdefault((job.dataset, job.track), set()).add(job.model.partition(":")[0])
    assert all(any(not registry.model(name).floor for name in names) for names in played.values())
    assert ("kth-128", None) not in played, "its presets are for more than a quick look"
    assert ("taxibj", None) in played


def test_everything_plays_a_swap_with_those_that_can_only() -> None:
    played = {job.model for job in everything("cpu") if (job.dataset, job.track) == ("moving-mnist", "swap-95")}
    assert {"sepvar", "phydnet"} <= played
    assert not {model for model in played if model.split(":")[0] == "convlstm" or ":without-s" in model}


def _planned(track: str | None) -> Plan:
    store: Any = SimpleNamespace(dataset="moving-mnist", digest="00", **PUBLISHED)
    return plan(choose("mean", "moving-mnist", track=track), store, 0)


def test_swaps_and_horizons_share_their_weights_and_not_their_results() -> None:
    plans = [_planned(track) for track in (None, "forecast-95", "swap-10", "swap-95")]
    assert all(each.trained == plans[0].trained for each in plans)
    assert len({str(each.identity) for each in plans}) == 4


def test_a_variant_says_what_it_cannot_be_asked() -> None:
    with pytest.raises(StbenchError, match=r"'sepvar:without-s' is not applicable on .*swap-10: S is 1 whatever"):
        choose("sepvar:without-s", "moving-mnist", track="swap-10")
    assert set(choose("sepvar:without-s", "moving-mnist").configuration) == {"model", "training"}


def test_floors_beside_a_job_are_asked_for_the_same_data() -> None:
    beside = Job("sepvar", "waveeq", "cpu", settings={"sequences": "12"})
    assert {(job.dataset, job.preset, job.settings["sequences"]) for job in floors(beside)} == {("waveeq", "cpu", "12")}


def as_it_was(todo: Plan, track: str | None = None) -> str:
    """End of a folder's name when an identity was the whole configuration; `track` for that of a run."""
    identity = {
        "model": todo.plugin.name,
        "variant": todo.variant,
        "model_version": todo.plugin.version,
        "configuration": todo.configuration,
        "dataset": todo.store.dataset,
        "conditioning": todo.track.conditioning,
        "train_horizon": todo.track.train_horizon,
        "dataset_digest": todo.store.digest,
        "preset": todo.preset,
        "seed": 0,
        **({"track": track} if track else {}),
    }
    return f"seed-0-{fingerprint(identity)[:8]}"


def test_everything_a_run_depends_on_names_its_folder(tmp_path: Path) -> None:
    store: Any = SimpleNamespace(dataset="any", digest="ab" * 32, **PUBLISHED)
    todo = plan(choose("sepvar", "waveeq-100"), store, 0)
    assert todo.folder(tmp_path).name == as_it_was(todo, todo.track.id)
    assert todo.training_folder(tmp_path).name == as_it_was(todo)
    version = dataclasses.replace(todo.plugin, version="another")
    for changes in ({"variant": "x"}, {"seed": 1}, {"plugin": version}, {"card": "cuda"}, {"preset": "custom-mine"}):
        other = dataclasses.replace(todo, **changes)
        assert fingerprint(other.trained) != fingerprint(todo.trained), changes
        assert other.folder(tmp_path) != todo.folder(tmp_path)
        assert other.training_folder(tmp_path) != todo.training_folder(tmp_path)


@pytest.mark.slow
def test_every_preset_names_its_folders_as_before_defaults_were_left_out(tmp_path: Path) -> None:
    store: Any = SimpleNamespace(dataset="any", digest="ab" * 32, **PUBLISHED)
    seen = 0
    for name in registry.names("models"):
        plugin = registry.model(name)
        for dataset in registry.names("datasets"):
            presets = dict(plugin.presets(dataset))
            for variant in ("", *presets.pop("variants", {})):
                model = f"{name}:{variant}" if variant else name
                able = [each for each in registry.dataset(dataset).tracks if has_capability(plugin, each, variant)]
                for preset in presets if able else ():
                    track = able[0].id.partition("/")[2]
                    todo = plan(choose(model, dataset, track=track, preset=preset), store, 0)
                    assert todo.trained["configuration"] == todo.configuration
                    assert todo.folder(tmp_path).name == as_it_was(todo, todo.track.id)
                    assert todo.training_folder(tmp_path).name == as_it_was(todo)
                    seen += 1
    assert seen > 100


def test_saying_what_is_the_default_names_the_same_folder(tmp_path: Path) -> None:
    store: Any = SimpleNamespace(dataset="any", digest="ab" * 32, **PUBLISHED)
    todo = plan(choose("sepvar", "waveeq-100"), store, 0)
    training = {**todo.configuration["training"], "average_decay": 0.0, "weight_decay": 0.0}
    said = dataclasses.replace(todo, configuration={**todo.configuration, "training": training})
    assert (said.identity, said.folder(tmp_path)) == (todo.identity, todo.folder(tmp_path))
    assert said.training_folder(tmp_path) == todo.training_folder(tmp_path)
    other = dataclasses.replace(todo, configuration={**todo.configuration, "training": {**training, "clip_norm": 1.0}})
    assert other.folder(tmp_path) != todo.folder(tmp_path)


def test_a_folder_from_before_defaults_were_left_out_is_found(tmp_path: Path) -> None:
    store: Any = SimpleNamespace(dataset="any", digest="ab" * 32, **PUBLISHED)
    todo = plan(choose("sepvar", "waveeq-100"), store, 0)
    training = {**todo.configuration["training"], "average_decay": 0.0}
    said = dataclasses.replace(todo, configuration={**todo.configuration, "training": training})
    for place, track in ((said.folder, todo.track.id), (said.training_folder, None)):
        today = place(tmp_path)
        before = today.with_name(as_it_was(said, track))
        assert before != today
        before.mkdir(parents=True)
        assert place(tmp_path) == before
        today.mkdir()
        assert place(tmp_path) == today
