"""Settings become keyword arguments through one helper: what is unknown, missing or mistyped is one sentence."""

from __future__ import annotations

import copy
from collections.abc import Iterator, Sequence
from typing import Any

import pytest

from stbench import registry
from stbench.contract.models import Task
from stbench.contract.presets import select
from stbench.contract.settings import construct
from stbench.errors import StbenchError
from stbench.judges import judge as judges
from stbench.judges.network import Head, JudgeNetwork
from stbench.training.settings import TrainingSettings

LEARNED = {
    "sepvar": ("waveeq-100", (100,)),
    "hamiltonian": ("sprites", (3, 64, 64)),
    "convlstm": ("moving-mnist", (1, 64, 64)),
    "phydnet": ("moving-mnist", (1, 64, 64)),
}
FLOORS = ("climatology", "dmd", "linear", "mean", "nearest-neighbour", "persistence")
OPTIONAL = {"name"}
"""Of convlstm: it picks the architecture, and is named in a sentence of its own."""


def settings_of(name: str) -> dict[str, Any]:
    table: dict[str, Any] = select(registry.model(name), LEARNED[name][0], "quick")["model"]
    return table


def build(name: str, settings: dict[str, Any]) -> Any:
    dataset, shape = LEARNED.get(name, ("waveeq", (1, 16, 16)))
    return registry.model(name).build(settings, Task(registry.dataset(dataset).tracks[0], shape))


@pytest.mark.parametrize(
    ("name", "wrong", "right"),
    [
        ("sepvar", "ofset", "offset"),
        ("hamiltonian", "blcks", "blocks"),
        ("convlstm", "kernl", "kernel"),
        ("phydnet", "widht", "width"),
    ],
)
def test_an_unknown_setting_of_a_model_is_answered_with_the_nearest_one(name: str, wrong: str, right: str) -> None:
    with pytest.raises(StbenchError, match=f"no setting '{wrong}': did you mean '{right}'"):
        build(name, settings_of(name) | {wrong: 1})


@pytest.mark.parametrize(("name", "key"), [(name, key) for name in LEARNED for key in settings_of(name)])
def test_every_setting_of_a_quick_preset_is_missed_in_one_sentence(name: str, key: str) -> None:
    settings = settings_of(name)
    del settings[key]
    expected = "has no name" if key in OPTIONAL else f"lacks the setting '{key}'"
    with pytest.raises(StbenchError, match=expected):
        build(name, settings)


@pytest.mark.parametrize("part", ["encoder", "decoder"])
@pytest.mark.parametrize("name", ["sepvar", "hamiltonian"])
def test_settings_of_a_model_s_parts_are_checked_too(name: str, part: str) -> None:
    settings = settings_of(name)
    with pytest.raises(StbenchError, match=f"the {part} .*has no setting 'deph'"):
        build(name, settings | {part: settings[part] | {"deph": 1}})
    key = next(each for each in settings[part] if each != "name")
    with pytest.raises(StbenchError, match=f"the {part} .*lacks the setting '{key}'"):
        build(name, settings | {part: {k: v for k, v in settings[part].items() if k != key}})


def test_terms_of_sepvar_s_loss_are_checked_before_training() -> None:
    settings = settings_of("sepvar")
    weights = settings["loss_weights"]
    with pytest.raises(StbenchError, match=r"no loss term 'priors': did you mean 'prior'"):
        build("sepvar", settings | {"loss_weights": weights | {"priors": 1.0}})
    for term in weights:
        with pytest.raises(StbenchError, match=f"lacks the loss weight of '{term}'"):
            build("sepvar", settings | {"loss_weights": {k: v for k, v in weights.items() if k != term}})


@pytest.mark.parametrize(("name", "dataset"), [("dbse", "sprites"), ("drnet", "chairs"), ("s3vae", "mug")])
def test_a_term_without_a_weight_is_not_left_out_silently(name: str, dataset: str) -> None:
    plugin, task = registry.model(name), Task(registry.dataset(dataset).tracks[0], (3, 64, 64))
    settings = select(plugin, dataset, "quick")["model"]
    for term, weights in ((each, settings["loss_weights"].copy()) for each in settings["loss_weights"]):
        del weights[term]
        with pytest.raises(StbenchError, match=f"{name} lacks the loss weight of '{term}'"):
            plugin.build(settings | {"loss_weights": weights}, task)
    with pytest.raises(StbenchError, match=f"all loss weights of {name} are 0"):
        plugin.build(settings | {"loss_weights": dict.fromkeys(settings["loss_weights"], 0.0)}, task)


@pytest.mark.parametrize("name", FLOORS)
def test_a_floor_has_no_setting(name: str) -> None:
    build(name, {})
    with pytest.raises(StbenchError, match=f"{name} has no setting 'width'"):
        build(name, {"width": 3})


def test_a_judge_s_settings_are_checked(monkeypatch: pytest.MonkeyPatch) -> None:
    settings = judges.presets()["quick"]["model"]
    heads = (Head("action", ("action",), (3,)),)
    with pytest.raises(StbenchError, match=r"the judge has no setting 'cod': did you mean 'code'"):
        construct("the judge", JudgeNetwork, settings | {"cod": 3}, (3, 16, 16), heads)
    construct("the judge", JudgeNetwork, settings, (3, 16, 16), heads)


@pytest.mark.parametrize(
    ("name", "change", "sentence"),
    [
        ("sepvar", {"static_size": 1.5}, "'static_size' of sepvar is 1.5: expected `int`, got `float`"),
        ("sepvar", {"static_size": True}, "expected `int`, got `bool`"),
        ("sepvar", {"mixing": ["concat"]}, "expected `str`, got `array`"),
        ("phydnet", {"width": "32"}, "'width' of phydnet is '32': expected `int`, got `str`"),
        ("phydnet", {"residual": 32}, "'residual' of phydnet is 32: expected `array`, got `int`"),
        ("hamiltonian", {"unit_norm": "no"}, "expected `bool`, got `str`"),
        ("convlstm", {"hidden": [16, "wide"]}, "'hidden' of the architecture 'encoder-forecaster'.*expected `int`"),
    ],
)
def test_a_value_of_a_wrong_type_is_one_sentence(name: str, change: dict[str, Any], sentence: str) -> None:
    with pytest.raises(StbenchError, match=sentence):
        build(name, settings_of(name) | change)


def test_a_whole_number_is_a_number_and_a_default_may_be_left_out() -> None:
    def made(first: int, *, rate: float, widths: Sequence[int] = (1,)) -> tuple[Any, ...]:
        return first, rate, widths

    assert construct("it", made, {"rate": 2}, 7) == (7, 2, (1,))
    assert construct("it", made, {"rate": 2.5, "widths": [3]}, 7) == (7, 2.5, [3])


@pytest.mark.parametrize(
    ("name", "value"),
    [("betas", 3), ("betas", [0.9]), ("betas", [0.9, 1.0]), ("snapshots", 3), ("steps", True), ("split", 1)],
)
def test_a_training_setting_of_a_wrong_type_is_one_sentence(name: str, value: Any) -> None:
    training = select(registry.model("sepvar"), "waveeq-100", "quick")["training"]
    TrainingSettings.parse(training)
    with pytest.raises(StbenchError, match=f"the training setting '{name}'"):
        TrainingSettings.parse(training | {name: value})


SHAPES = {
    "waveeq-100": (100,),
    "taxibj": (2, 32, 32),
    "kth-128": (1, 128, 128),
    **dict.fromkeys(("chairs", "sprites", "mug"), (3, 64, 64)),
}
SIGNED = ("magnitude",)
"""A weight of pknl that is negative in the released code: it asks for a larger flow."""
NOT_FINITE = (float("nan"), float("inf"))


def numbers_in(table: Any, path: tuple[str | int, ...] = ()) -> Iterator[tuple[str | int, ...]]:
    """Where the numbers of a table stand."""
    if isinstance(table, int | float) and not isinstance(table, bool):
        yield path
    elif isinstance(table, dict | list):
        for key, value in table.items() if isinstance(table, dict) else enumerate(table):
            yield from numbers_in(value, (*path, key))


def with_number(table: Any, path: tuple[Any, ...], number: float) -> Any:
    found = copy.deepcopy(table)
    place = found
    for key in path[:-1]:
        place = place[key]
    place[path[-1]] = number
    return found


def learned_here() -> list[tuple[str, str]]:
    """Every learned model, on a dataset of each shape it has presets for."""
    found = []
    for name in registry.names("models"):
        plugin = registry.model(name)
        if not plugin.fitted:
            chosen = [each for each in registry.names("datasets") if plugin.presets(each)]
            found += [(name, each) for each in (chosen[0], chosen[-1])]
    return sorted({*found})


@pytest.mark.parametrize(("name", "dataset"), learned_here())
def test_no_number_of_a_model_may_be_negative_or_not_finite(name: str, dataset: str) -> None:
    plugin, shape = registry.model(name), SHAPES.get(dataset, (1, 64, 64))
    task = Task(registry.dataset(dataset).tracks[0], shape)
    settings = select(plugin, dataset, "quick")["model"]
    plugin.build(settings, task)
    for path in numbers_in(settings):
        for number in NOT_FINITE if path[-1] in SIGNED else (-1, *NOT_FINITE):
            with pytest.raises(StbenchError, match=f"{path[0]}|{path[-1]}"):
                plugin.build(with_number(settings, path, number), task)
