"""`stbench lint-table` and `stbench explain-number` at the prompt, and the page that is made of them."""

from __future__ import annotations

import json
import re
import runpy
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from stbench.cli.main import cli

ROOT = Path(__file__).resolve().parents[2]
TABLES = Path(__file__).parent / "tables"
CLEAN = "model,MSE,MAE,PSNR\na,29.80,90.64,22.10\nb,27.78,86.14,22.44\n"


def run(*words: Any) -> Result:
    return CliRunner().invoke(cli, [*map(str, words)])


@pytest.mark.parametrize("name", ["entropies.tex", "moving_mnist.md", "costs.csv"])
def test_a_table_with_findings_ends_with_1_and_names_the_line(name: str) -> None:
    result = run("lint-table", TABLES / name)
    assert result.exit_code == 1
    assert re.match(r"line \d+, ", result.stdout)
    assert re.search(r"\d+ findings; \d+ of \d+ figures were held against others", result.stdout)
    assert "not thereby right" in result.stdout


def test_a_table_without_findings_ends_with_0_and_says_that_this_does_not_make_it_right(tmp_path: Path) -> None:
    (tmp_path / "table.csv").write_text(CLEAN)
    result = run("lint-table", tmp_path / "table.csv", "--frame", "1x64x64")
    assert result.exit_code == 0
    assert result.stdout.startswith("no findings; ")
    assert "A figure without a finding is not thereby right" in result.stdout


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (("missing.csv",), "there is no file"),
        (("table.csv", "--frame", "64 by 64"), "is no shape of a frame"),
        (("table.xlsx",), "no table that is read here"),
        (("table.csv", "--classes", "1"), "classes"),
    ],
)
def test_bad_input_ends_with_2_and_one_sentence(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, words: tuple[str, ...], sentence: str
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("table.csv").write_text(CLEAN)
    result = run("lint-table", *words)
    assert (result.exit_code, result.stdout, result.stderr.count("\n")) == (2, "", 1)
    assert result.stderr.startswith("stbench: error: ")
    assert sentence in result.stderr


def test_json_of_a_table_has_the_documented_keys() -> None:
    result = run("lint-table", TABLES / "weather.md", "--json")
    assert result.exit_code == 1
    document = json.loads(result.stdout)
    assert document.keys() == {"findings", "figures", "compared", "unread", "note"}
    (finding,) = document["findings"]
    assert finding.keys() == {"kind", "table", "dataset", "run", "sentence", "figures"}
    assert finding["run"] is None
    assert finding["figures"][0] == {"place": "line 8", "quantity": "ssim", "printed": "1.233", "run": "ConvLSTM"}


def test_a_cell_that_is_no_number_is_named_with_its_line_and_column(tmp_path: Path) -> None:
    (tmp_path / "table.csv").write_text(f"{CLEAN}c,27.10,about 85,-\n")
    result = run("lint-table", tmp_path / "table.csv")
    assert result.exit_code == 0
    assert "1 cell could not be read as a number: 'about 85' (line 4, MAE)" in result.stdout
    assert "could not be read" not in run("lint-table", TABLES / "weather.md").stdout


def test_a_table_of_which_no_cell_is_a_number_is_refused_with_the_first(tmp_path: Path) -> None:
    (tmp_path / "table.csv").write_text("model,MSE\na,about 30\nb,-\n")
    result = run("lint-table", tmp_path / "table.csv")
    assert (result.exit_code, result.stdout) == (2, "")
    assert "no figure that can be read: 'about 30' in line 2" in result.stderr


def test_a_number_is_explained_from_any_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    result = run("explain-number", "37.97", "--metric", "PSNR", "--track", "moving-mnist-angle/forecast-10")
    assert result.exit_code == 0
    assert "37.97 of SimVP (IncepU), 200 epochs" in result.stdout
    assert "16.92 dB above the 21.05 dB of the mean error, MSE 32.15" in result.stdout
    assert "a second value of one run" in result.stdout
    assert "no match" not in result.stdout


def test_a_number_of_a_published_run_is_explained_by_it() -> None:
    result = run("explain-number", "2.43471e-05", "--metric", "mse", "--track", "waveeq-100", "--json")
    document = json.loads(result.stdout)
    assert document["track"] == "waveeq-100/forecast-40"
    (match,) = document["matches"]
    assert (match["kind"], match["run"], match["definition"]) == ("run", "sepvar", "mse")
    assert match["where"] == "run here: preset paper, source procedural"


def test_a_number_that_fits_nothing_has_no_match() -> None:
    words = ("explain-number", "55.55", "--metric", "PSNR", "--track", "moving-mnist-angle/forecast-10")
    result = run(*words)
    assert result.exit_code == 0
    assert result.stdout.startswith("no match: PSNR 55.55 on moving-mnist-angle/forecast-10 fits none of ")
    document = json.loads(run(*words, "--json").stdout)
    assert document.keys() == {"value", "metric", "track", "matches", "compared", "nearest"}
    assert document["matches"] == []
    assert document["nearest"]["value"] == "38.35"


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (("x", "--metric", "PSNR", "--track", "taxibj"), "'x' is no number"),
        (("1", "--metric", "taste", "--track", "taxibj"), "none that papers print"),
        (("1", "--metric", "PSNR", "--track", "taxibus"), "there is no dataset 'taxibus'"),
        (("1", "--metric", "PSNR", "--track", "taxibj/forecast-5"), "there is no track 'forecast-5'"),
        (("1", "--metric", "PSNR", "--track", "taxibj", "--reported", "none.csv"), "there is no table"),
    ],
)
def test_a_question_that_cannot_be_asked_ends_with_2(words: tuple[str, ...], sentence: str) -> None:
    result = run("explain-number", *words)
    assert (result.exit_code, result.stdout) == (2, "")
    assert sentence in result.stderr


def test_the_page_of_findings_says_what_the_reported_tables_give(capsys: pytest.CaptureFixture[str]) -> None:
    """And `make lint` asks the same."""
    script = runpy.run_path(str(ROOT / "docs" / "make_published_tables.py"))
    assert script["PAGE"].read_text("utf-8") == script["page"](), "run .venv/bin/python docs/make_published_tables.py"
    assert script["main"](["--check"]) == 0
    assert capsys.readouterr().out == ""
    assert "docs/make_published_tables.py --check" in (ROOT / "Makefile").read_text("utf-8")
