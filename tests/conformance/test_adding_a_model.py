"""The example of docs/adding_a_model.md, as it stands there, installed as a package of its own and run."""

from __future__ import annotations

import csv
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

PAGE = Path(__file__).resolve().parents[2] / "docs" / "adding_a_model.md"
BLOCK = re.compile(r"^(?:`([\w./]+)`:\n\n)?```(\w+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
"""The name of a file where one stands above the block, the language, the text."""


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of packages that holds the example and nothing else, made by pip from the files of the page."""
    source, site = tmp_path_factory.mktemp("source"), tmp_path_factory.mktemp("site")
    for title, _, text in BLOCK.findall(PAGE.read_text("utf-8")):
        if title:
            (source / title).parent.mkdir(exist_ok=True)
            (source / title).write_text(text, "utf-8")
    (source / "my_models" / "__init__.py").touch()
    command = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--no-build-isolation", "--no-index"]
    done = subprocess.run([*command, "--target", str(site), str(source)], capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr
    return site


def python(site: Path, folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    environment = os.environ | {
        "PYTHONPATH": str(site),
        "STBENCH_DATA": str(folder / "data"),
        "COLUMNS": "250",
        "OMP_NUM_THREADS": "1",
    }
    return subprocess.run(
        [sys.executable, *arguments], cwd=folder, env=environment, capture_output=True, text=True, timeout=300
    )


@pytest.mark.slow
def test_the_example_is_found_by_its_name_and_passes(installed: Path, tmp_path: Path) -> None:
    checked = python(installed, tmp_path, "-m", "stbench", "check-model", "change")
    assert checked.returncode == 0, checked.stdout + checked.stderr
    assert "Change for waveeq/forecast-40, frames (1, 64, 64)" in checked.stdout


@pytest.mark.slow
def test_the_example_without_torch_passes_runs_and_is_ranked_as_a_model(installed: Path, tmp_path: Path) -> None:
    checked = python(installed, tmp_path, "-m", "stbench", "check-model", "damped")
    assert checked.returncode == 0, checked.stdout + checked.stderr
    assert "Damped for waveeq/forecast-40, frames (1, 64, 64)" in checked.stdout
    words = ["-m", "stbench", "run", "--model", "damped", "--dataset", "waveeq-100", "--set", "sequences=5"]
    done = python(installed, tmp_path, *words, "--no-table", "--out", "runs")
    assert done.returncode == 0, done.stdout + done.stderr
    built = python(installed, tmp_path, "-m", "stbench", "leaderboard", "--runs", "runs", "--out", "boards")
    assert built.returncode == 0, built.stdout + built.stderr
    with (tmp_path / "boards" / "quick" / "waveeq-100.csv").open(encoding="utf-8") as file:
        assert {(row["model"], row["floor"]) for row in csv.DictReader(file) if row["rank"]} == {("damped", "no")}
    refused = python(installed, tmp_path, "-m", "stbench", "run", "--model", "damped", "--dataset", "waveeq-rich")
    assert refused.returncode == 2
    assert "it applies to waveeq, waveeq-100 only" in refused.stderr


@pytest.mark.slow
def test_the_example_is_trained_and_scored(installed: Path, tmp_path: Path) -> None:
    small = ["--set", "sequences=10", "--set", "size=16", "--set", "points=120"]
    words = ["-m", "stbench", "run", "--model", "change:wide", "--dataset", "waveeq", *small]
    done = python(installed, tmp_path, *words, "--no-table", "--out", "runs")
    assert done.returncode == 0, done.stdout + done.stderr
    assert [*tmp_path.glob("runs/quick/waveeq/forecast-40/change.wide/seed-0-*/record.json")]


def test_the_python_of_the_page_runs(installed: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(installed)
    monkeypatch.chdir(tmp_path)
    blocks = BLOCK.findall(PAGE.read_text("utf-8"))
    (script,) = (text for title, language, text in blocks if language == "python" and not title)
    exec(compile(script, str(PAGE), "exec"), {"__name__": "page"})


def test_every_check_is_explained_on_the_page() -> None:
    from stbench.conformance.clips import CAPABILITIES
    from stbench.conformance.draws import DRAWS
    from stbench.conformance.forecasts import FORECASTS, SWAPS
    from stbench.conformance.learning import LEARNING

    text = PAGE.read_text("utf-8")
    names = ("configuration", "breaks", *FORECASTS, *SWAPS, *DRAWS, *LEARNING, *CAPABILITIES, "generate-truths")
    assert [name for name in names if f"`{name}`" not in text] == []
