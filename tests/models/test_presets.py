"""Preset files and how a variant changes one."""

from __future__ import annotations

import pytest

from stbench.errors import StbenchError
from stbench.generator import Track
from stbench.model import ModelPlugin, Task
from stbench.models import presets
from stbench.models.sepvar import plugin
from stbench.training.settings import TrainingSettings

DATASETS = {"waveeq-100": (100,), "waveeq": (1, 64, 64), "waveeq-rich": (1, 64, 64)}


@pytest.mark.parametrize("dataset", DATASETS)
@pytest.mark.parametrize("preset", ["paper", "cpu", "quick"])
@pytest.mark.parametrize("variant", [None, "without-s", "averaged", "annealed"])
def test_every_preset_and_variant_builds_and_parses(dataset, preset, variant):
    import torch

    configuration = presets.select(plugin, dataset, preset, variant)
    TrainingSettings.parse(configuration["training"])
    with torch.device("meta"):
        plugin.build(configuration["model"], Task(Track(dataset, "forecast", 5, 40, 20, ("mse",)), DATASETS[dataset]))


@pytest.mark.parametrize("dataset", ["waveeq-100", "waveeq"])
def test_paper_preset_is_the_published_optimisation(dataset):
    training = presets.select(plugin, dataset, "paper")["training"]
    published = {
        "steps": 18750,
        "batch_size": 128,
        "learning_rate": 4e-4,
        "betas": [0.9, 0.99],
        "schedule": "constant",
        "split": "train+val",
    }
    assert {name: training[name] for name in published} == published
    weights = presets.select(plugin, dataset, "paper")["model"]["loss_weights"]
    assert weights == {"prediction": 45.0, "autoencoding": 1.0, "static": 45.0, "prior": 1e-3}


@pytest.mark.parametrize("preset", ["cpu", "quick"])
@pytest.mark.parametrize("dataset", DATASETS)
def test_only_the_paper_preset_trains_on_val(dataset, preset):
    assert presets.select(plugin, dataset, preset)["training"]["split"] == "train"


def test_variant_overrides_deeply_and_leaves_the_preset_as_it_was():
    plain = presets.select(plugin, "waveeq-100", "paper")
    changed = presets.select(plugin, "waveeq-100", "paper", "without-s")
    assert changed["model"]["loss_weights"] == {**plain["model"]["loss_weights"], "prior": 0.0}
    assert changed["model"]["encoder"] == plain["model"]["encoder"]
    assert changed["training"] == plain["training"]
    assert plain == presets.select(plugin, "waveeq-100", "paper")


def test_merge_replaces_lists_whole_and_copies_tables():
    base = {"a": {"b": [1, 2], "c": 3}}
    merged = presets.merge(base, {"a": {"b": [9]}, "d": {"e": 1}})
    assert merged == {"a": {"b": [9], "c": 3}, "d": {"e": 1}}
    merged["a"]["c"] = 0
    assert base == {"a": {"b": [1, 2], "c": 3}}


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (("waveq-100", "paper"), "dataset 'waveq-100'.*did you mean 'waveeq-100'"),
        (("waveeq-100", "papr"), "preset 'papr'.*did you mean 'paper'.*cpu, paper, quick"),
        (("waveeq-100", "paper", "without_s"), "variant 'without_s'.*did you mean 'without-s'"),
    ],
)
def test_unknown_names_are_answered_with_the_nearest_one(arguments, sentence):
    with pytest.raises(StbenchError, match=sentence):
        presets.select(plugin, *arguments)


def test_a_foreign_plugin_brings_its_own_presets():
    tables = {"own": {"model": {"width": 3}}, "variants": {"wide": {"model": {"width": 9}}}}
    foreign = ModelPlugin("foreign", "1", "", "", "", build=lambda settings, task: None, presets=lambda dataset: tables)
    assert presets.select(foreign, "anything", "own", "wide") == {"model": {"width": 9}, "training": {}}
