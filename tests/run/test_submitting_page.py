"""docs/submitting.md, as it stands there: a model without torch, from the windows to a row that was checked."""

from __future__ import annotations

import csv
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner

from stbench.cli.main import cli
from stbench.results.card import read_card
from stbench.results.record import read_record

PAGE = Path(__file__).resolve().parents[2] / "docs" / "submitting.md"
WITHOUT_TORCH = """
import sys
class NoTorch:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in ("torch", "jax", "tensorflow"):
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)
sys.meta_path.insert(0, NoTorch())
exec(compile(open("example.py").read(), "example.py", "exec"))
"""


def blocks(language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```", PAGE.read_text("utf-8"), re.MULTILINE | re.DOTALL)


def typed(line: str) -> str:
    words = shlex.split(line.removeprefix("$ stbench "))
    expanded = [str(found) for word in words for found in (sorted(Path().glob(word)) if "*" in word else [word])]
    result = CliRunner().invoke(cli, expanded)
    assert result.exit_code == 0, result.output
    return result.stdout


def row(path: str) -> dict[str, str]:
    with Path(path).open(newline="") as file:
        return next(each for each in csv.DictReader(file) if each["model"] == "damped-copy")


def test_the_example_goes_from_windows_to_a_checked_row(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, data: Path
) -> None:
    monkeypatch.chdir(tmp_path)
    lines = [line for block in blocks("console") for line in block.splitlines()]
    generate, score, leaderboard, submit, check, again = lines
    typed(generate)
    (example,) = blocks("python")
    Path("example.py").write_text(example, "utf-8")
    subprocess.run([sys.executable, "-c", WITHOUT_TORCH], check=True, env=None)
    typed(score)
    assert "quick/waveeq-100.csv" in typed(leaderboard)
    assert row("leaderboards/quick/waveeq-100.csv")["trust"] == "scored here from predictions"
    place = Path(typed(submit).strip())
    assert sorted(path.name for path in place.iterdir()) == ["card.toml", "clusters.npz", "record.json", "results.csv"]
    card = read_card(place)
    assert card is not None
    assert (card.authors, card.code, card.hardware) == ("A. Author", "https://example.org/damped", "a laptop")
    assert str(tmp_path) not in (place / "record.json").read_text()
    assert "holds: damped-copy on waveeq-100/forecast-40" in typed(check)
    typed(leaderboard)
    found = row("leaderboards/quick/waveeq-100.csv")
    assert found["trust"] == "scored by the author"
    assert found["train_seconds"] == found["inference_seconds"] == found["device"] == ""
    assert "as stated by its authors: authors A. Author; code https://example.org/damped" in found["note"]
    assert "scored again here, give the same" in typed(f"{again} --accept")
    typed(leaderboard)
    assert row("leaderboards/quick/waveeq-100.csv")["trust"] == "scored here from predictions"
    # The command of the record makes the same results, on any machine that has the predictions.
    runs = list(Path("runs").rglob("record.json"))
    typed(f"$ {read_record(place).command}")
    assert list(Path("runs").rglob("record.json")) == runs
