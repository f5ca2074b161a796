"""`stbench picture` on a hardly trained model of simulated sprites."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from stbench import registry
from stbench.cli.main import cli
from stbench.errors import StbenchError
from stbench.running.picture import picture
from stbench.running.run import run

TINY = {"characters": "12"}


@pytest.fixture
def short(monkeypatch: pytest.MonkeyPatch, data: Path) -> None:
    original, find = registry.model("hamiltonian"), registry.model

    def shortened(dataset: str) -> dict[str, object]:
        presets = json.loads(json.dumps(original.presets(dataset)))
        presets["quick"]["training"] |= {"steps": 2}
        return presets

    plugin = dataclasses.replace(original, presets=shortened)
    monkeypatch.setattr(registry, "model", lambda name: plugin if name == "hamiltonian" else find(name))


def test_pictures_are_drawn_from_the_weights_a_run_left(tmp_path: Path, short: None) -> None:
    run("hamiltonian", "sprites", source="simulated", settings=TINY, runs=tmp_path / "runs", keep=0)
    drawn = picture(
        "hamiltonian",
        "sprites",
        tmp_path / "out",
        source="simulated",
        settings=TINY,
        runs=tmp_path / "runs",
    )
    names = {"generated", "motion-swap", "all-actions", "all-actions-drawn", "unconditional"}
    assert {path.name for path in drawn} == {f"{name}{suffix}" for name in names for suffix in (".png", ".gif")}
    assert all(path.stat().st_size < 2**20 for path in drawn)


def test_without_weights_the_command_that_trains_them_is_named(tmp_path: Path, data: Path) -> None:
    words = ["picture", "--model", "hamiltonian", "--dataset", "sprites", "--source", "simulated"]
    words += ["--set", "characters=12", "--runs", str(tmp_path / "none"), "--out", str(tmp_path / "out")]
    result = CliRunner().invoke(cli, words)
    assert result.exit_code == 2
    assert "stbench run --model hamiltonian --dataset sprites --preset quick" in result.output
    assert not (tmp_path / "out").exists()


def test_model_that_swaps_is_drawn_as_every_content_in_every_motion(
    tmp_path: Path, data: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    original, find = registry.model("sepvar"), registry.model

    def shortened(dataset: str) -> dict[str, object]:
        presets = json.loads(json.dumps(original.presets(dataset)))
        presets["quick"]["training"] |= {"steps": 2}
        return presets

    plugin = dataclasses.replace(original, presets=shortened)
    monkeypatch.setattr(registry, "model", lambda name: plugin if name == "sepvar" else find(name))
    settings = {"sequences": "12", "train_sequences": "20", "val_sequences": "2"}
    run("sepvar", "moving-mnist", source="simulated", settings=settings, runs=tmp_path / "runs", keep=0)
    drawn = picture(
        "sepvar", "moving-mnist", tmp_path / "out", source="simulated", settings=settings, runs=tmp_path / "runs"
    )
    assert {path.name for path in drawn} == {"swap-grid.png", "swap-grid.gif"}
    assert all(path.stat().st_size < 2**20 for path in drawn)


def test_model_that_can_neither_generate_nor_swap_is_refused(tmp_path: Path) -> None:
    with pytest.raises(StbenchError, match="lacks the capability 'generate'"):
        picture("convlstm", "taxibj", tmp_path)
    with pytest.raises(StbenchError, match="none of swaps on 'sprites'"):
        picture("sepvar", "sprites", tmp_path)
