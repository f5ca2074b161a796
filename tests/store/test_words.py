"""Commands that are named where data, or a judge of them, are missing: with the settings and the source of the data."""

from __future__ import annotations

import shlex
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from click.testing import CliRunner

from stbench import registry
from stbench.cli.main import cli
from stbench.contract.datasets import parse_parameters
from stbench.store.words import judge_command

ASKED = ["--set", "years=2", "--source", "simulated"]


@pytest.mark.parametrize("words", [["cite", "sst"], ["info", "sst"], ["preview", "sst", "--out", "sst.gif"]])
def test_the_command_that_makes_missing_data_has_their_settings_and_source(
    words: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("STBENCH_DATA", str(tmp_path))
    result = CliRunner().invoke(cli, [*words, *ASKED])
    assert "stbench generate sst --set years=2 --source simulated" in result.output, result.output


def test_the_command_that_trains_a_judge_makes_the_same_data() -> None:
    parameters = registry.dataset("sprites").parameters
    store: Any = SimpleNamespace(
        dataset="sprites", source="simulated", parameters={"characters": 12, "divisor": 255, "sheets": "a, b"}
    )
    words = shlex.split(judge_command(store, {"characters": 60}, "--preset", "quick"))
    assert words[:7] == ["stbench", "judge", "train", "--dataset", "sprites", "--preset", "quick"]
    assert words[7:] == ["--source", "simulated", "--set", "characters=12"]
    settings = dict(word.split("=", 1) for word in words if "=" in word)
    assert parse_parameters(parameters, settings).characters == 12
    assert "--set" not in judge_command(store, {"characters": 12})


def test_waves_have_no_source_to_name() -> None:
    store: Any = SimpleNamespace(dataset="waveeq", source="procedural", parameters={"sequences": 12})
    assert "--source" not in judge_command(store, {})
