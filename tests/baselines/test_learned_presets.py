"""Preset files of the learned baselines: complete, buildable, and as published where something is published."""

from __future__ import annotations

from typing import Any

import pytest
import torch

from stbench import registry
from stbench.contract import presets
from stbench.contract.models import Task
from stbench.training.settings import TrainingSettings

FRAMES = {
    "moving-mnist": (1, 64, 64),
    "sst": (1, 64, 64),
    "taxibj": (2, 32, 32),
    "kth": (1, 64, 64),
    "chairs": (3, 64, 64),
    "waveeq": (1, 64, 64),
    "waveeq-rich": (1, 64, 64),
}
CONFIGURATIONS = [
    (name, dataset, preset, variant)
    for name in ("convlstm", "phydnet")
    for dataset in FRAMES
    for preset in ("paper", "cpu", "quick")
    for variant in (None, *registry.model(name).presets(dataset)["variants"])
]


def select(name: str, dataset: str, preset: str, variant: str | None = None) -> Any:
    return presets.select(registry.model(name), dataset, preset, variant)


def built(name: str, dataset: str, preset: str, variant: str | None = None) -> torch.nn.Module:
    task = Task(registry.dataset(dataset).tracks[0], FRAMES[dataset])
    with torch.device("meta"):
        module: torch.nn.Module = registry.model(name).build(select(name, dataset, preset, variant)["model"], task)
    return module


@pytest.mark.parametrize(("name", "dataset", "preset", "variant"), CONFIGURATIONS)
def test_every_preset_and_variant_builds_and_parses(name: str, dataset: str, preset: str, variant: str | None) -> None:
    settings = TrainingSettings.parse(select(name, dataset, preset, variant)["training"])
    assert settings.split == ("train+val" if preset == "paper" else "train")
    assert sum(each.numel() for each in built(name, dataset, preset, variant).parameters()) > 10_000


@pytest.mark.parametrize(
    ("name", "dataset", "variant", "parameters"),
    [
        ("convlstm", "moving-mnist", None, 7_585_296),
        ("convlstm", "moving-mnist", "field", 11_675_648),
        ("convlstm", "taxibj", "field", 14_980_096 - 3_407_872),
        ("phydnet", "moving-mnist", None, 3_091_732),
        ("phydnet", "taxibj", None, 3_092_309),
        ("phydnet", "kth", None, 3_091_732),
    ],
)
def test_paper_presets_have_the_published_numbers_of_parameters(
    name: str, dataset: str, variant: str | None, parameters: int
) -> None:
    assert sum(each.numel() for each in built(name, dataset, "paper", variant).parameters()) == parameters


def test_paper_presets_are_the_published_optimisation() -> None:
    shi = select("convlstm", "moving-mnist", "paper")["training"]
    # RMSProp with decay 0.9 is Adam without a first moment.
    assert (shi["learning_rate"], shi["betas"], shi["schedule"]) == (1e-3, [0.0, 0.9], "constant")
    field = select("convlstm", "moving-mnist", "paper", "field")
    assert (field["training"]["learning_rate"], field["training"]["steps"]) == (5e-4, 200 * 10_000 // 16)
    assert field["model"]["sampling_steps"] == 50_000
    phydnet = select("phydnet", "moving-mnist", "paper")
    assert (phydnet["training"]["learning_rate"], phydnet["training"]["batch_size"]) == (1e-3, 16)
    assert phydnet["training"]["steps"] == 2001 * 625
    assert phydnet["model"]["moment_weight"] == 1.0
    assert phydnet["model"]["teacher_steps"] == round(625 / 0.003)


@pytest.mark.parametrize("dataset", FRAMES)
def test_schedules_of_short_presets_end_within_the_training(dataset: str) -> None:
    for preset in ("cpu", "quick"):
        field, phydnet = select("convlstm", dataset, preset, "field"), select("phydnet", dataset, preset)
        assert field["model"]["sampling_steps"] < field["training"]["steps"]
        assert phydnet["model"]["teacher_steps"] < phydnet["training"]["steps"]


def test_frames_that_are_no_shares_of_one_get_a_linear_output_and_the_squared_error() -> None:
    for dataset in ("sst", "waveeq-rich"):
        assert select("phydnet", dataset, "paper")["model"]["output"] == "identity"
        assert select("convlstm", dataset, "paper")["model"]["loss"] == "mse"
    for dataset in ("moving-mnist", "kth", "chairs"):
        assert select("phydnet", dataset, "paper")["model"]["output"] == "sigmoid"
        assert select("convlstm", dataset, "paper")["model"]["loss"] == "cross_entropy"


def test_vectors_have_no_presets_of_convolutional_models() -> None:
    for name in ("convlstm", "phydnet"):
        assert not registry.model(name).presets("waveeq-100")
