"""docs/python.md, as it stands there: a public model is trained, scored, written as predictions and scored again."""

from __future__ import annotations

import re
import shlex
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from click.testing import CliRunner

import stbench
from stbench.cli.main import cli

torch = pytest.importorskip("torch")
PAGE = Path(__file__).resolve().parents[2] / "docs" / "python.md"


def blocks(language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```", PAGE.read_text("utf-8"), re.MULTILINE | re.DOTALL)


def typed(line: str) -> None:
    result = CliRunner().invoke(cli, shlex.split(line.removeprefix("$ stbench ")))
    assert result.exit_code == 0, result.output


def test_the_example_is_trained_scored_and_scores_the_same_as_a_store(
    data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    generate, score = blocks("console")
    train, store = blocks("python")
    typed(generate)
    torch.manual_seed(0)
    names: dict[str, Any] = {}
    exec(compile(train, "train", "exec"), names)
    exec(compile(store, "store", "exec"), names)
    number = sum(each.numel() for each in names["network"].parameters())
    assert f"--parameters {number} " in score
    typed(score)
    theirs, ours = stbench.read_results("runs"), names["table"]
    for column in ("metric", "lead_time"):
        assert ours[column].tolist() == theirs[column].tolist()
    for column in ("value", "ci_low", "ci_high"):
        np.testing.assert_allclose(ours[column], theirs[column], rtol=1e-6)
    assert set(ours["model"]) == set(theirs["model"]) == {"gru"}


@pytest.mark.slow
def test_the_training_loop_of_the_page_has_twenty_lines_and_learns(
    data: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.chdir(tmp_path)
    typed(blocks("console")[0])
    code = blocks("python")[0]
    loop = code[code.index("small =") : code.index("table =")]
    assert len([line for line in loop.splitlines() if line.strip()]) <= 20
    names: dict[str, Any] = {}
    torch.manual_seed(0)
    exec(compile(code, "train", "exec"), names)
    value = names["table"].query("metric == 'mse'")["value"].iloc[0]
    torch.manual_seed(0)
    untrained = code.replace("    optimiser.step()\n", "")
    assert untrained != code
    exec(compile(untrained, "train", "exec"), names)
    assert value < 0.7 * names["table"].query("metric == 'mse'")["value"].iloc[0]
