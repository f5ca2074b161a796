"""What the core may find on a plug-in stands in one file, and our own plug-ins have it."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

import stbench
from stbench import registry
from stbench.contract import capabilities
from stbench.contract.capabilities import (
    HasClips,
    HasExchanged,
    HasJudgedFactors,
    HasJudgedFrames,
    HasPeriod,
    HasRenderings,
    HasSwapCases,
)

NO_PLUGIN = {"sched_getaffinity", "__module__", "__name__", "__file__", "dtype", "dimension_names", "window"}
"""Attributes of Python, the system, arrays and the stacks of `stbench.models.parts`."""


def asked_by_name() -> dict[str, str]:
    """Attribute in quotes -> a file of the core that looks for it with getattr or hasattr."""
    found = {}
    for path in Path(stbench.__file__).parent.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if not (isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and len(node.args) > 1):
                continue
            name = node.args[1]
            if node.func.id in ("getattr", "hasattr") and isinstance(name, ast.Constant):
                found[str(name.value)] = str(path)
    return found


def test_the_core_looks_for_nothing_on_a_plug_in_that_is_no_named_capability() -> None:
    assert asked_by_name().keys() <= NO_PLUGIN


@pytest.mark.parametrize(
    ("capability", "datasets"),
    [
        (HasSwapCases, {"chairs", "moving-mnist", "moving-mnist-angle"}),
        (HasClips, {"mug"}),
        (HasPeriod, {"sprites"}),
        (HasExchanged, {"sprites"}),
        (HasJudgedFactors, {"mug", "sprites"}),
        (HasJudgedFrames, set()),
        (HasRenderings, {"sprites"}),
    ],
)
def test_datasets_have_the_capabilities_their_tracks_ask_for(capability: type, datasets: set[str]) -> None:
    assert {name for name in registry.names("datasets") if isinstance(registry.dataset(name), capability)} == datasets


def test_every_capability_says_what_a_plug_in_gains_by_it() -> None:
    found = {name: each for name, each in vars(capabilities).items() if name.startswith("Has")}
    assert found
    assert all(each.__doc__ and not each.__doc__.startswith("Protocol") for each in found.values())
