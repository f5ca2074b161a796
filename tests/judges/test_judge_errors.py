"""What a user gets wrong about judges ends in one sentence and exit code 2, before anything is trained."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from stbench.cli.main import cli
from stbench.judges import judge as judges

SHORT = {"model": {"width": 4, "code": 8, "recurrent": 8}}


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("home")


@pytest.fixture
def ask(home: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    quick = judges.presets()["quick"]
    short = {"model": quick["model"] | SHORT["model"], "training": quick["training"] | {"steps": 2, "batch_size": 4}}
    monkeypatch.setattr(judges, "presets", lambda: {"quick": short})

    def run(*arguments: str) -> Any:
        environment = {"STBENCH_DATA": str(home / "data"), "STBENCH_RAW": "", "COLUMNS": "250"}
        return CliRunner(env=environment).invoke(cli, [*arguments, "--out", str(home / "runs")])

    return run


JUDGED = ("run", "--model", "persistence", "--dataset", "sprites", "--track", "exchange-8", "--source", "simulated")


def test_missing_judge_is_one_sentence_that_names_the_command(ask: Any, home: Path) -> None:
    found = ask(*JUDGED)
    assert found.exit_code == 2
    assert (
        "`stbench judge train --dataset sprites --preset quick --frames 8 --source simulated` trains one"
        in found.output
    )
    assert "Traceback" not in found.output
    assert not list((home / "runs").rglob("record.json"))


def test_judge_of_other_data_and_weights_with_a_wrong_checksum_are_refused(ask: Any, home: Path) -> None:
    assert ask("judge", "train", "--dataset", "sprites", "--source", "simulated").exit_code == 0
    (document,) = (home / "runs" / "judges").rglob("judge.json")
    text = document.read_text()

    other = json.loads(text) | {"dataset_digest": "0" * 64}
    document.write_text(json.dumps(other))
    found = ask(*JUDGED)
    assert found.exit_code == 2
    assert "digest 000000000000" in found.output

    document.write_text(text)
    weights = document.with_name("weights.safetensors")
    weights.write_bytes(weights.read_bytes()[:-1] + b"x")
    found = ask(*JUDGED)
    assert found.exit_code == 2
    assert "have the checksum" in found.output
    assert "Traceback" not in found.output
