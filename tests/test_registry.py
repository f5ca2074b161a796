"""A package that is broken spoils its own plug-in and nobody else's."""

from __future__ import annotations

import sys
from importlib.metadata import EntryPoint
from pathlib import Path

import pytest
from click.testing import CliRunner

from stbench import registry
from stbench.cli.main import cli
from stbench.errors import StbenchError

BROKEN = {
    "raises": ("raise RuntimeError('no licence\\nfor this host')", "RuntimeError: no licence)"),
    "imports": ("import a_package_nobody_has", "No module named 'a_package_nobody_has'"),
    "lacks": ("other = 1", "has no attribute 'plugin'"),
    "other": ("plugin = {'name': 'other'}", "is a dict, not a stbench.contract.models.ModelPlugin"),
}
PRESETS = """
from dataclasses import replace
from stbench.baselines.convlstm.model import plugin as convlstm

def presets(dataset):
    raise KeyError(dataset)

plugin = replace(convlstm, name="presets", presets=presets)
"""


@pytest.fixture
def installed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every broken plug-in beside ours, as an entry point of the group `stbench.models`."""
    entries = dict(registry._group("models"))
    for name, (text, _) in {**BROKEN, "presets": (PRESETS, "")}.items():
        (tmp_path / f"broken_{name}.py").write_text(text, "utf-8")
        entries[name] = EntryPoint(name, f"broken_{name}:plugin", "stbench.models")
    monkeypatch.syspath_prepend(tmp_path)
    group = registry._group
    monkeypatch.setattr(registry, "_group", lambda kind: entries if kind == "models" else group(kind))
    yield
    for name in [each for each in sys.modules if each.startswith("broken_")]:
        del sys.modules[name]


@pytest.mark.parametrize("name", BROKEN)
def test_a_broken_model_is_told_in_a_sentence(name: str, installed: None) -> None:
    with pytest.raises(StbenchError, match="mend or uninstall it") as told:
        registry.model(name)
    assert BROKEN[name][1] in str(told.value)
    assert "\n" not in str(told.value)


def test_presets_that_raise_are_told_in_a_sentence(installed: None) -> None:
    with pytest.raises(StbenchError, match=r"'presets' cannot tell its presets for sst \(KeyError: 'sst'\): mend"):
        registry.model("presets").presets("sst")


def test_the_other_models_are_still_at_hand(installed: None) -> None:
    names = {each.name for each in registry.models_at_hand()}
    assert {"sepvar", "persistence", "convlstm"} <= names
    assert not names & set(BROKEN)


@pytest.mark.parametrize("name", [*BROKEN, "presets"])
def test_check_model_of_a_broken_model_ends_with_exit_code_2_and_no_traceback(name: str, installed: None) -> None:
    done = CliRunner().invoke(cli, ["check-model", name])
    assert done.exit_code == 2
    assert "Traceback" not in done.output


def test_the_list_of_models_says_which_are_broken(installed: None) -> None:
    done = CliRunner().invoke(cli, ["models", "--dataset", "taxibj"], env={"COLUMNS": "400"})
    assert done.exit_code == 0, done.output
    for name in (*BROKEN, "presets", "sepvar", "persistence"):
        assert f" {name} " in done.output
