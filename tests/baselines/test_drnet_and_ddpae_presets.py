"""Preset files of DrNet and DDPAE: complete, buildable, as published, and what is decided where codes differ."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import nn

from stbench import registry
from stbench.contract import presets
from stbench.contract.models import Task
from stbench.training.cost import count_parameters
from stbench.training.players import players_of
from stbench.training.settings import TrainingSettings

FRAMES = {"moving-mnist": (1, 64, 64), "moving-mnist-angle": (1, 64, 64), "chairs": (3, 64, 64), "kth": (1, 64, 64)}
DATASETS = {"drnet": ("moving-mnist", "chairs", "kth"), "ddpae": ("moving-mnist", "moving-mnist-angle")}
PAIRS = [(name, dataset) for name, datasets in DATASETS.items() for dataset in datasets]


def select(name: str, dataset: str, preset: str = "paper", variant: str | None = None) -> Any:
    return presets.select(registry.model(name), dataset, preset, variant)


def built(name: str, dataset: str, preset: str = "paper", variant: str | None = None) -> nn.Module:
    task = Task(registry.dataset(dataset).tracks[0], FRAMES[dataset])
    with torch.device("meta"):
        module: nn.Module = registry.model(name).build(select(name, dataset, preset, variant)["model"], task)
    return module


@pytest.mark.parametrize(("name", "dataset"), PAIRS)
@pytest.mark.parametrize("preset", ["paper", "cpu", "quick"])
def test_every_preset_and_variant_builds_and_its_players_fit(name: str, dataset: str, preset: str) -> None:
    for variant in (None, *registry.model(name).presets(dataset)["variants"]):
        settings = TrainingSettings.parse(select(name, dataset, preset, variant)["training"])
        assert settings.split == ("train+val" if preset == "paper" else "train")
        assert players_of(built(name, dataset, preset, variant), settings)


def test_ddpae_has_the_published_number_of_parameters_wherever_it_is_trained() -> None:
    for dataset in DATASETS["ddpae"]:
        assert count_parameters(built("ddpae", dataset)) == 706_364


PARTS = ("content", "pose", "decoder", "critic", "dynamics")
# KTH has one channel instead of three: 3 x 3 and 5 x 5 kernels of the first layers, kernels and biases of the last.
DRNET = {
    "moving-mnist": (3_280_896, 2_797_391, 3_321_665, 11_301, 1_071_877),
    "chairs": (3_807_424, 11_222_814, 6_644_547, 12_301, 1_090_826),
    "kth": (8_689_600 - 2 * 64 * 9, 11_222_814 - 2 * 64 * 25, 11_904_579 - 2 * (64 * 9 + 1), 12_301, 1_090_826),
}


@pytest.mark.parametrize("dataset", DRNET)
def test_drnet_has_the_published_numbers_of_parameters_part_by_part(dataset: str) -> None:
    net = built("drnet", dataset)
    assert tuple(count_parameters(getattr(net, part)) for part in PARTS) == DRNET[dataset]


@pytest.mark.parametrize("preset", ["paper", "cpu", "quick"])
@pytest.mark.parametrize("dataset", DATASETS["drnet"])
def test_the_second_stage_of_drnet_begins_at_the_step_that_ends_the_first(dataset: str, preset: str) -> None:
    settings = TrainingSettings.parse(select("drnet", dataset, preset)["training"])
    encoders, critic, dynamics = (settings.player(name) for name in ("encoders", "critic", "dynamics"))
    assert encoders.last_step == critic.last_step == dynamics.first_step
    assert dynamics.last_step == settings.steps
    # In that step the encoders act before the LSTM, which so never sees any but their last weights.
    assert list(built("drnet", dataset, preset).players())[-1] == "dynamics"  # type: ignore[operator]


def test_the_adversary_of_drnet_is_on_and_its_adam_is_what_the_release_ran() -> None:
    for dataset, weight in (("moving-mnist", 0.1), ("chairs", 0.1), ("kth", 1e-4)):
        found = select("drnet", dataset)
        assert found["model"]["loss_weights"] == {"reconstruction": 1, "similarity": 1, "adversarial": weight}
        training = found["training"]
        assert (training["betas"], training["learning_rate"], training["batch_size"]) == ([0.9, 0.999], 2e-3, 100)
    off = select("drnet", "moving-mnist", variant="without-adversary")
    assert off["model"]["loss_weights"]["adversarial"] == 0
    assert select("drnet", "moving-mnist")["training"]["players"]["encoders"]["last_step"] == 200 * 500
    assert select("drnet", "kth")["training"]["players"]["encoders"]["last_step"] == 200 * 600
    assert [select("drnet", name)["model"]["max_step"] for name in DATASETS["drnet"]] == [12, 12, 20]


def test_paper_of_ddpae_is_the_released_optimisation() -> None:
    found = select("ddpae", "moving-mnist")
    training = found["training"]
    assert (training["learning_rate"], training["betas"], training["batch_size"]) == (1e-3, [0.5, 0.999], 64)
    assert (training["steps"], training["milestones"], training["factor"]) == (200_000, [100_000], 0.1)
    assert (found["model"]["scale"], found["model"]["frame_std"]) == (2.0, 0.3)


@pytest.mark.parametrize("name", DATASETS)
def test_each_takes_part_in_one_quick_leaderboard(name: str) -> None:
    told = [each for each in DATASETS[name] if registry.model(name).presets(each)["quick"].get("leaderboard", True)]
    assert told == ["moving-mnist"]


def test_what_they_can_be_asked_is_listed() -> None:
    for name in DATASETS:
        assert registry.model(name).capabilities == ("forecast", "swap")
