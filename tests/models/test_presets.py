"""Preset files and how a variant changes one."""

from __future__ import annotations

import re
import tomllib
from importlib.resources import files

import pytest
import torch
from click.testing import CliRunner
from sepvar_tasks import FRAMES, task

from stbench.cli.main import cli
from stbench.contract import presets
from stbench.contract.models import ModelPlugin
from stbench.errors import StbenchError
from stbench.models.sepvar.model import plugin
from stbench.training.settings import TrainingSettings

CONFIGURATIONS = [
    (dataset, preset, variant)
    for dataset in FRAMES
    for preset in ("paper", "cpu", "quick")
    for variant in (None, *plugin.presets(dataset)["variants"])
]


@pytest.mark.parametrize(("dataset", "preset", "variant"), CONFIGURATIONS)
def test_every_preset_and_variant_builds_and_parses(dataset, preset, variant):
    configuration = presets.select(plugin, dataset, preset, variant)
    TrainingSettings.parse(configuration["training"])
    with torch.device("meta"):
        plugin.build(configuration["model"], task(dataset))


def test_every_published_dataset_and_ablation_has_its_preset():
    variants = {dataset: set(plugin.presets(dataset)["variants"]) for dataset in FRAMES}
    assert all("without-s" in each for each in variants.values())
    assert all({"lambda-ae-0", "lambda-s-0", "lambda-t-0"} <= each for each in variants.values())
    assert {"linear", "linear-without-s", "published-code"} <= variants["sst"]
    assert all("all-windows" in each for each in variants.values())
    for dataset in set(FRAMES) - {"sst"}:
        assert {"gru", "ode-dopri5", "ode-rk4", "ode-adjoint"} <= variants[dataset]


def test_every_dataset_and_variant_is_listed_whole_on_a_terminal_of_80_columns():
    done = CliRunner().invoke(cli, ["models"], env={"COLUMNS": "80"})
    listed = set(re.split(r"[\s,]+", done.output))
    assert max(map(len, done.output.splitlines())) <= 80
    for dataset in FRAMES:
        assert {dataset, *plugin.presets(dataset)["variants"]} <= listed


WAVES = (18_750, 128, 4e-4, [0.9, 0.99])
PAPER = {
    ("waveeq-100", None): WAVES,
    ("waveeq", None): WAVES,
    ("moving-mnist", None): (1_250_400, 128, 4e-4, [0.5, 0.99]),
    ("moving-mnist-angle", None): (1_250_400, 128, 4e-4, [0.5, 0.99]),
    ("chairs", None): (68_880, 128, 4e-4, [0.9, 0.99]),
    ("taxibj", None): (106_700, 100, 4e-5, [0.9, 0.99]),
    ("sst", None): (25_920, 100, 4e-4, [0.9, 0.99]),
    ("sst", "published-code"): (20_250, 128, 4e-4, [0.9, 0.99]),
    ("sst", "linear"): (69_120, 100, 4e-4, [0.9, 0.99]),
    ("sst", "linear-without-s"): (69_120, 100, 4e-4, [0.9, 0.99]),
    ("kth", None): (125_000, 100, 2e-4, [0.9, 0.99]),
    # Ours: as waves, and as chairs with fewer steps.
    ("waveeq-rich", None): WAVES,
    ("sprites", None): (30_000, 128, 4e-4, [0.9, 0.99]),
    ("mug", None): (60_000, 128, 4e-4, [0.9, 0.99]),
}
"""Steps, batch, rate and betas of Adam; what else a `paper` preset holds is in `test_published_readings.py`."""


def test_every_dataset_has_its_row_of_the_paper_s_optimisation():
    file = files("stbench.models.sepvar").joinpath("presets.toml")
    assert {dataset for dataset, _ in PAPER} == set(FRAMES) == set(tomllib.loads(file.read_text("utf-8"))["datasets"])


@pytest.mark.parametrize(("dataset", "variant"), PAPER)
def test_paper_presets_are_the_published_optimisation(dataset, variant):
    training = presets.select(plugin, dataset, "paper", variant)["training"]
    names = ("steps", "batch_size", "learning_rate", "betas", "split")
    assert tuple(training[name] for name in names) == (*PAPER[dataset, variant], "train+val")


@pytest.mark.parametrize("dataset", [each for each in FRAMES if each.startswith("waveeq")])
def test_snapshots_of_a_constant_rate_are_seven_over_the_last_fifth_of_training(dataset):
    training = presets.select(plugin, dataset, "paper")["training"]
    steps = training["steps"]
    assert training["snapshots"] == [steps * 4 // 5 + each * steps // 30 for each in range(7)]


def test_rate_falls_at_the_published_epochs():
    for dataset, epoch, factor, epochs in (
        ("moving-mnist", 1563, 0.5, (300, 400, 500, 600, 700)),
        ("taxibj", 194, 0.2, (250, 300, 350, 400, 450)),
    ):
        settings = TrainingSettings.parse(presets.select(plugin, dataset, "paper")["training"])
        for number, each in enumerate(epochs):
            last, first = settings.rate(each * epoch), settings.rate(each * epoch + 1)
            assert last == pytest.approx(settings.learning_rate * factor**number)
            assert first == pytest.approx(last * factor)


def test_a_variant_may_change_one_preset_more_than_the_others():
    tables = {
        "small": {"model": {"width": 3}},
        "large": {"model": {"width": 9}},
        "variants": {"deep": {"model": {"depth": 2}, "large": {"model": {"depth": 5}}}},
    }
    foreign = ModelPlugin("foreign", "1", "", "", "", build=lambda settings, task: None, presets=lambda dataset: tables)
    assert presets.select(foreign, "anything", "small", "deep")["model"] == {"width": 3, "depth": 2}
    assert presets.select(foreign, "anything", "large", "deep")["model"] == {"width": 9, "depth": 5}


@pytest.mark.parametrize("preset", ["cpu", "quick"])
@pytest.mark.parametrize("dataset", FRAMES)
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
        (("waveq-100", "paper"), "'sepvar' has no presets for the dataset 'waveq-100'"),
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
