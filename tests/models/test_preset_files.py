"""How a file of presets is read: what lies on top of what, shares of steps, and what is wrong with a file."""

from __future__ import annotations

import importlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from stbench import registry
from stbench.contract.datasets import Track
from stbench.contract.models import ModelPlugin
from stbench.contract.presets import PRESETS, beside, merge, on_dataset, resolve_shares, select
from stbench.errors import StbenchError
from stbench.protocols.known import capabilities_of, not_applicable


def tables(text: str) -> dict[str, Any]:
    import tomllib

    return tomllib.loads(text)


def model_of(text: str, preset: str = "quick") -> Any:
    return on_dataset(tables(text), "waveeq")[preset]["model"]


def test_a_later_table_lies_on_top_of_an_earlier_one() -> None:
    """Each layer sets its own number and all later ones' numbers; what is left is each layer's own."""
    text = ""
    order = [
        "common.model",
        "quick.model",
        "profiles.first.model",
        "profiles.first.quick.model",
        "profiles.second.model",
        "profiles.second.quick.model",
        "datasets.waveeq.model",
        "datasets.waveeq.quick.model",
    ]
    for place, name in enumerate(order):
        text += f"[{name}]\n" + "".join(f"s{later} = {place}\n" for later in range(place, len(order)))
    dataset = "[datasets.waveeq.model]"
    text = text.replace(dataset, f'[datasets.waveeq]\nprofiles = ["first", "second"]\n{dataset}')
    # s_k was set by the layers 0..k, the last of which is k.
    assert model_of(text) == {f"s{k}": k for k in range(len(order))}


def test_only_datasets_with_a_table_have_presets_and_only_presets_with_one() -> None:
    found = on_dataset(tables("[common.model]\nwidth = 3\n[quick.training]\nsteps = 7\n[datasets.waveeq]\n"), "waveeq")
    assert found == {"quick": {"model": {"width": 3}, "training": {"steps": 7}}, "variants": {}}
    assert on_dataset(tables("[common.model]\nwidth = 3\n[datasets.waveeq]\n"), "sst") == {}


def test_variants_are_collected_and_left_out() -> None:
    text = """
    [variants.wide.model]
    width = 9
    depth = 1
    [variants.odd.model]
    width = 3
    [quick]
    [profiles.deep.variants.wide.model]
    depth = 5
    [datasets.waveeq]
    profiles = ["deep"]
    without = ["odd"]
    variants.wide.headline = true
    variants.own.model.width = 1
    """
    expected = {"wide": {"model": {"width": 9, "depth": 5}, "headline": True}, "own": {"model": {"width": 1}}}
    assert on_dataset(tables(text), "waveeq")["variants"] == expected


def test_what_a_model_cannot_be_asked_holds_for_its_variants_until_one_takes_it_back() -> None:
    text = """
    [common.not_applicable]
    swap = "no reason"
    codes = "no codes"
    [quick.training]
    steps = 7
    [variants.able]
    not_applicable.swap = ""
    [variants.less]
    not_applicable.forecast = "not that either"
    [datasets.waveeq]
    """
    plugin = ModelPlugin(
        "odd",
        *("1", "", "", ""),
        build=lambda settings, task: None,  # type: ignore[arg-type, return-value]
        presets=lambda dataset: on_dataset(tables(text), dataset),
        capabilities=("forecast", "swap"),
    )
    swap, forecast = (Track("waveeq", protocol, 5, 5, 5, ("mse",)) for protocol in ("swap", "forecast"))
    assert [not_applicable(plugin, swap, variant) for variant in ("", "able", "less")] == ["no reason", "", "no reason"]
    assert [not_applicable(plugin, forecast, variant) for variant in ("", "able", "less")] == [
        "",
        "",
        "not that either",
    ]
    assert capabilities_of(plugin, "waveeq") == ("forecast",)
    assert capabilities_of(plugin, "waveeq", "able") == ("forecast", "swap")
    assert capabilities_of(plugin, "waveeq", "less") == ()
    # It says something about the model and nothing to it.
    assert select(plugin, "waveeq", "quick") == {"model": {}, "training": {"steps": 7}}


@pytest.mark.parametrize(
    ("share", "steps", "expected"),
    [
        ("1/6", 2200, 367),
        ("1/6", 140, 23),
        ("1/2", 5, 3),
        (0.6, 290, 174),
        (1, 50, 50),
        ("1/6", 2, 1),
        (["1/2", "3/4", 1], 8, [4, 6, 8]),
        (["1/2", "3/4", 1], 2, [1, 2]),
        ("1000/6003", 1_250_625, 208_333),
    ],
)
def test_shares_become_the_nearest_whole_number_of_steps(share: Any, steps: int, expected: Any) -> None:
    configuration = {"model": {"part": {"length": {"share_of_steps": share}}}, "training": {"steps": steps}}
    assert resolve_shares(configuration)["model"] == {"part": {"length": expected}}


@pytest.mark.parametrize("share", ["x", 0, "-1/2", "1/0", True, {}, "nan", "inf"])
def test_a_share_that_is_none_is_refused(share: Any) -> None:
    with pytest.raises(StbenchError, match=r"'model.length' has the share_of_steps"):
        resolve_shares({"model": {"length": {"share_of_steps": share}}, "training": {"steps": 10}})


def test_a_share_needs_steps_and_stands_alone() -> None:
    with pytest.raises(StbenchError, match=r"share of training.steps, which is None"):
        resolve_shares({"model": {"length": {"share_of_steps": 1}}, "training": {}})
    with pytest.raises(StbenchError, match="beside share_of_steps nothing else"):
        resolve_shares({"model": {"length": {"share_of_steps": 1, "more": 2}}, "training": {"steps": 10}})


def test_shares_follow_a_change_of_the_steps_and_are_replaced_whole() -> None:
    plugin = registry.model("phydnet")
    changed = select(plugin, "kth", "cpu", changes={"training": {"steps": 60}})
    assert (changed["model"]["teacher_steps"], changed["training"]["steps"]) == (10, 60)
    assert select(plugin, "kth", "cpu", changes={"model": {"teacher_steps": 3}})["model"]["teacher_steps"] == 3
    assert merge({"a": {"b": 1}}, {"a": {"share_of_steps": 1}}) == {"a": {"share_of_steps": 1}}


@pytest.mark.parametrize("name", [pytest.param("sepvar", marks=pytest.mark.slow), "hamiltonian", "convlstm", "phydnet"])
def test_lengths_of_schedules_keep_their_place_in_a_training_of_any_length(name: str) -> None:
    """Twice the steps, and every sampling, teacher, milestone and snapshot step is twice as late."""
    plugin = registry.model(name)
    lengths = {"model": ("sampling_steps", "teacher_steps"), "training": ("milestones", "snapshots")}
    for dataset in registry.names("datasets"):
        presets = dict(plugin.presets(dataset))
        variants = presets.pop("variants", {})
        for preset in presets:
            for variant in (None, *variants):
                plain = select(plugin, dataset, preset, variant)
                steps = plain["training"]["steps"]
                double = select(plugin, dataset, preset, variant, {"training": {"steps": 2 * steps}})
                for part, keys in lengths.items():
                    for key in keys:
                        if key in plain[part]:
                            before, after = np.array(plain[part][key]), np.array(double[part][key])
                            assert np.all(abs(after - 2 * before) <= 1), (dataset, preset, variant, key)


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("[comon.model]\nwidth = 3\n", "has 'comon', which nothing reads: did you mean 'common'"),
        ("[qick.model]\nwidth = 3\n", "has 'qick', which nothing reads: did you mean 'quick'"),
        ("[quick.modle]\nwidth = 3\n[datasets.waveeq]\n", r"\[quick\] of .* has 'modle', .*did you mean 'model'"),
        ("[quick]\n[datasets.waveeq]\nprofile = ['a']\n", "has 'profile', .*did you mean 'profiles'"),
        ("[datasets.waveeq]\nprofiles = ['wave']\n[profiles.waves]\n", "no profile 'wave' in .*did you mean 'waves'"),
        ("[profiles.a.qick]\n[datasets.waveeq]\nprofiles = ['a']\n", r"\[profiles.a\].*did you mean 'quick'"),
        ("[variants.wide.modl]\n[datasets.waveeq]\n", r"\[variants.wide\].*did you mean 'model'"),
        ("[variants.wide]\n[datasets.waveeq]\nwithout = ['wid']\n", "no variant 'wid' in .*did you mean 'wide'"),
        ("[common\n", "is no TOML"),
    ],
)
def test_what_is_wrong_with_a_file_is_one_sentence(foreign: Callable[[str], Any], text: str, sentence: str) -> None:
    with pytest.raises(StbenchError, match=sentence) as told:
        foreign(text)("waveeq")
    assert "presets.toml" in str(told.value)


@pytest.fixture
def foreign(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], Any]:
    """A package with a module that says `presets = beside(__name__)`, and a file beside it."""

    def made(text: str | None) -> Any:
        folder = tmp_path / "foreign_models"
        folder.mkdir()
        (folder / "__init__.py").touch()
        (folder / "mine.py").write_text("from stbench.contract.presets import beside\npresets = beside(__name__)\n")
        if text is not None:
            (folder / "presets.toml").write_text(text)
        monkeypatch.syspath_prepend(tmp_path)
        for name in ("foreign_models", "foreign_models.mine"):
            monkeypatch.delitem(importlib.import_module("sys").modules, name, raising=False)
        importlib.invalidate_caches()
        return importlib.import_module("foreign_models.mine").presets

    return made


def test_a_foreign_package_ships_its_own_file(foreign: Callable[[str], Any]) -> None:
    presets = foreign("[common.model]\nwidth = 3\n[quick.training]\nsteps = 7\n[datasets.waveeq]\n")
    assert presets("waveeq") == {"quick": {"model": {"width": 3}, "training": {"steps": 7}}, "variants": {}}
    assert presets("sst") == {}


def test_a_file_that_is_missing_is_named(foreign: Callable[..., Any]) -> None:
    with pytest.raises(StbenchError, match=r"there is no .*foreign_models/presets.toml"):
        foreign(None)("waveeq")


def test_a_module_outside_a_package_is_told() -> None:
    with pytest.raises(StbenchError, match=r"lies in no package"):
        beside("inspect")("waveeq")


def test_names_of_presets_are_written_once() -> None:
    """No other module lists them, but for the one that says how many draws each has."""
    root = Path(__file__).resolve().parents[2]
    several = [
        path.relative_to(root).as_posix()
        for folder in ("stbench", "baselines", "docs", "benchmarks")
        for path in (root / folder).rglob("*.py")
        if all(f'"{name}"' in path.read_text("utf-8") for name in PRESETS)
    ]
    assert sorted(several) == ["stbench/contract/presets.py", "stbench/protocols/draws.py"]


def test_no_quick_preset_asks_for_bfloat16_which_many_a_laptop_has_not() -> None:
    asked = []
    for name in registry.names("models"):
        plugin = registry.model(name)
        for dataset in registry.names("datasets"):
            presets = dict(plugin.presets(dataset))
            for variant in ("", *presets.pop("variants", {})):
                found = select(plugin, dataset, "quick", variant) if "quick" in presets else {}
                if found.get("training", {}).get("precision", "float32") != "float32":
                    asked.append((name, dataset, variant))
    assert asked == []
