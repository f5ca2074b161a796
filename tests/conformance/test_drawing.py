"""A model that draws is checked; a variant that says which promise it breaks is held to that break and no other."""

from __future__ import annotations

import re
from collections.abc import Mapping
from importlib.metadata import EntryPoint
from pathlib import Path
from typing import Any

import drawing
import numpy as np
import pytest
import toys
from click.testing import CliRunner

from stbench import registry
from stbench.cli.main import cli
from stbench.conformance.suite import Finding, check_plugin
from stbench.contract.models import ModelPlugin
from stbench.contract.presets import on_dataset
from stbench.errors import StbenchError
from stbench.training.adapter import TorchForecaster

CHECKS = {"draw", "draw-seeds", "draw-batch", "draw-learning", "draw-truths"}
WHY = {"batch": "it was published so"}


def findings(plugin: ModelPlugin, folder: Path, breaks: Mapping[str, str] = {}) -> dict[str, Finding]:
    found = check_plugin(plugin, toys.CONFIGURATION, toys.TASK, folder, breaks=breaks)
    return {each.check: each for each in found}


def failed(found: dict[str, Finding]) -> set[str]:
    return {name for name, each in found.items() if each.verdict == "fails"}


@pytest.mark.parametrize("kind", [drawing.Draws, drawing.AskedTogether, drawing.DrawFloor])
def test_a_model_that_draws_as_it_should_passes(kind: type, tmp_path: Path) -> None:
    found = findings(drawing.plugin(kind), tmp_path)
    assert not failed(found), found
    assert set(found) > CHECKS


def test_a_model_that_only_draws_is_not_asked_for_forecasts(tmp_path: Path) -> None:
    found = findings(drawing.plugin(drawing.OnlyDraws, capabilities=("draw",)), tmp_path)
    assert not failed(found), found
    assert set(found) == {"configuration", *CHECKS}


@pytest.mark.parametrize(
    ("kind", "check", "sentence"),
    [
        (drawing.Flat, "draw", "of draw has the shape .*: samples is missing"),
        (drawing.NotFinite, "draw", "2160 values of the draws are not finite"),
        (drawing.WritesSeeds, "draw", "changes the conditioning frames or the seeds"),
        (drawing.Seedless, "draw-seeds", "other draws the second time: draw from one generator a window"),
        (drawing.Deaf, "draw-seeds", "other seeds give the same draws"),
        (drawing.Copies, "draw-seeds", "the 3 draws of a window are all the same"),
        (drawing.OneGenerator, "draw-batch", "change with the number of the windows in its batch"),
        (drawing.ByPlace, "draw-batch", "change with the order of the windows in its batch"),
        (drawing.Together, "draw-batch", "change with the number of the windows in its batch"),
        (drawing.Peeks, "draw-truths", "the draws change when the test part of the store is replaced by garbage"),
        (toys.GoodFloor, "configuration", "GoodFloor has no method 'draw'"),
    ],
)
def test_a_broken_promise_of_draws_is_found_and_named(kind: type, check: str, sentence: str, tmp_path: Path) -> None:
    found = findings(drawing.plugin(kind), tmp_path)
    assert check in failed(found), found
    assert re.search(sentence, found[check].sentence), found[check].sentence


def test_a_break_that_is_declared_is_expected_and_told(tmp_path: Path) -> None:
    found = findings(drawing.plugin(drawing.Together), tmp_path, WHY)
    assert not failed(found), found
    assert {name for name, each in found.items() if each.verdict == "breaks"} == {"batch", "draw-batch"}
    assert found["draw-batch"].sentence.startswith("as it says, because it was published so: the draws of a window")


def test_a_break_beside_the_declared_one_fails(tmp_path: Path) -> None:
    found = findings(drawing.plugin(drawing.TogetherAndForgetful), tmp_path, WHY)
    assert "draw-seeds" in failed(found)
    assert found["batch"].verdict == "breaks"


def test_a_declared_break_that_nothing_shows_fails(tmp_path: Path) -> None:
    found = findings(drawing.plugin(drawing.Draws), tmp_path, WHY)
    assert failed(found) == {"breaks"}
    assert "say that it breaks 'batch' (it was published so), and no check sees that" in found["breaks"].sentence


def test_a_preset_file_can_break_only_what_published_code_may() -> None:
    tables: dict[str, Any] = {"datasets": {"sst": {}}, "variants": {"v": {"breaks": {"batch": "why"}}}}
    assert on_dataset(tables, "sst")["variants"]["v"] == {"breaks": {"batch": "why"}}
    tables["variants"]["v"] = {"breaks": {"targets": "why"}}
    with pytest.raises(StbenchError, match=r"\[variants.v.breaks\] of presets.toml has 'targets'.* batch"):
        on_dataset(tables, "sst")


@pytest.fixture
def installed(monkeypatch: pytest.MonkeyPatch) -> None:
    group = registry._group
    entries = {**group("models"), "together": EntryPoint("together", "drawing:published", "stbench.models")}
    monkeypatch.setattr(registry, "_group", lambda kind: entries if kind == "models" else group(kind))


@pytest.mark.usefixtures("installed")
def test_the_command_expects_the_break_of_a_variant_and_of_no_other() -> None:
    def run(name: str) -> Any:
        return CliRunner(env={"COLUMNS": "250"}).invoke(cli, ["check-model", name, "--dataset", "moving-mnist"])

    result = run("together:published")
    assert result.exit_code == 0, result.output
    assert "as it says, because SVG was published so" in result.stdout
    result = run("together:silent")
    assert result.exit_code == 2
    assert "fails 2 of" in result.stderr
    assert "(batch, draw-batch)" in result.stderr


def test_the_adapter_gives_every_window_a_generator_of_its_own_seed() -> None:
    import torch

    asked = []

    class Listens(drawing.Draws):
        def draw(self, conditioning: Any, horizon: int, samples: int, generators: Any) -> Any:
            asked.append([each.initial_seed() for each in generators])
            assert all(each.device == torch.device("cpu") for each in generators)
            assert not self.training
            return super().draw(conditioning, horizon, samples, generators)

    seen, seeds = np.zeros((3, 3, 1, 6, 6), np.float32), np.array([4, 2**63 - 1, 0])
    answer = TorchForecaster(Listens(toys.TASK)).draw(seen, 4, 2, seeds)
    assert (answer.shape, answer.dtype) == ((3, 2, 4, 1, 6, 6), np.float32)
    assert asked == [[4], [2**63 - 1], [0]]
    assert TorchForecaster(Listens(toys.TASK)).can_draw
    assert not TorchForecaster(toys.Good(toys.TASK)).can_draw


@pytest.mark.parametrize("seeds", [np.array([1, 2]), np.array([1.0, 2, 3]), np.array([1, 2, -3]), [1, 2, 3]])
def test_the_adapter_refuses_seeds_that_are_none(seeds: Any) -> None:
    model = TorchForecaster(drawing.Draws(toys.TASK))
    with pytest.raises(StbenchError, match=r"^seeds is .*: give a .*whole number"):
        model.draw(np.zeros((3, 3, 1, 6, 6), np.float32), 4, 2, seeds)
