from __future__ import annotations

import io
import math
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.console import Console

from stbench.boards.curves import curves_of_block
from stbench.boards.leaderboard import build
from stbench.boards.publishing import read_published
from stbench.boards.ranking import boards
from stbench.boards.reported import reported_for
from stbench.boards.svg import svg_curves
from stbench.boards.table import board_tables, reported_table
from stbench.pictures.curves import Curve, curve_of_rows, logarithmic
from stbench.results.numbers import count_text, interval_text, score_text, seconds_text

SUPERSCRIPT = str.maketrans("⁻⁰¹²³⁴⁵⁶⁷⁸⁹", "-0123456789")


@given(st.floats(1e-12, 1e12) | st.floats(-1e12, -1e-12))
def test_score_text_keeps_three_digits_after_the_first(value: float) -> None:
    mantissa, _, exponent = score_text(value).replace("×10", " ").partition(" ")
    shown = float(mantissa) * 10.0 ** int((exponent or "0").translate(SUPERSCRIPT))
    assert shown == pytest.approx(value, rel=6e-4)


def test_texts_read_as_people_write_them() -> None:
    assert score_text(4.33e-5) == "4.330×10⁻⁵"
    assert score_text(24.16) == "24.16"
    assert score_text(0.9088) == "0.9088"
    assert score_text(0.0) == "0"
    assert score_text(math.inf) == "∞"
    assert interval_text(4.33e-5, 4.2e-5, 1.1e-4) == "[4.200, 11.000]×10⁻⁵"
    assert interval_text(1.0, None, None) == ""
    assert (count_text(15_013_868), count_text(999), count_text(None)) == ("15 M", "999", "")
    assert [seconds_text(s) for s in (0.25, 12.0, 120.0, 5760.0, None)] == ["250 ms", "12.0 s", "2.0 min", "1.6 h", ""]


def _curve(value: list[float], low: list[float], high: list[float], *, floor: bool = False) -> Curve:
    return Curve("<b>", np.array(value), np.array(low), np.array(high), floor)


def test_errors_over_a_factor_of_ten_go_on_a_logarithmic_axis() -> None:
    wide = _curve([1e-5, 1.0], [1e-5, 1.0], [1e-5, 1.0])
    assert logarithmic([wide], "mse")
    assert not logarithmic([wide], "psnr")
    assert not logarithmic([_curve([0.5, 1.0], [0.5, 1.0], [0.5, 1.0])], "mse")
    assert not logarithmic([_curve([0.0, 0.0], [0.0, 0.0], [0.0, 0.0])], "mse")


def test_svg_stays_in_its_box_and_keeps_labels_out() -> None:
    curves = [
        _curve([1e-5, 1e-4, 1e-3], [9e-6, 9e-5, 9e-4], [2e-5, 2e-4, 2e-3]),
        _curve([1, 1, 1], [1] * 3, [1] * 3, floor=True),
    ]
    text = svg_curves(curves, "mse")
    assert "<b>" not in text
    for path in re.findall(r'class="(?:line|band) [^>]* d="M([^"Z]*)Z?"', text):
        for point in path.split("L"):
            x, y = map(float, point.split())
            assert 0 <= x <= 720
            assert 0 <= y <= 300
    first = re.search(r'class="line c\d d\d"[^>]* d="M([^"]*)"', text)
    assert first is not None
    heights = [float(point.split()[1]) for point in first[1].split("L")]
    # Equal ratios are equal distances on a logarithmic axis, and a larger error stands higher.
    assert heights[0] - heights[1] == pytest.approx(heights[1] - heights[2], abs=0.2)
    assert heights[0] > heights[1]


def test_svg_leaves_a_gap_where_nothing_can_be_drawn() -> None:
    nan, inf = math.nan, math.inf
    text = svg_curves([_curve([1.0, 2.0, inf, 4.0], [nan] * 4, [nan] * 4)], "psnr")
    assert text.count('class="line') == 1
    assert text.count("<circle") == 1
    assert "band" not in text
    assert svg_curves([_curve([inf, nan], [nan, nan], [nan, nan])], "psnr") == ""
    assert svg_curves([], "mse") == ""


def test_curves_of_a_board_are_those_of_its_runs(tmp_path: Path, run: Any) -> None:
    run(1.0, seed=0)
    run(3.0, seed=1)
    run(9.0, model="mean", floor=True)
    build(tmp_path / "runs", tmp_path / "out")
    entries = read_published(tmp_path / "out")
    (board,) = boards(entries)
    mean_of_seeds, floor = curves_of_block(board, board.blocks[0], "mse")
    single = curve_of_rows(next(e.rows for e in entries if (e.record.model, e.record.seed) == ("sepvar", 0)), "mse")
    assert single is not None
    np.testing.assert_allclose(mean_of_seeds.value, 2 * single.value, rtol=1e-12)
    np.testing.assert_allclose(mean_of_seeds.low, 2 * single.low, rtol=1e-12)
    assert (mean_of_seeds.floor, floor.floor) == (False, True)
    assert curve_of_rows([], "mse") is None


def test_terminal_table_shows_models_floors_and_papers(tmp_path: Path, run: Any) -> None:
    run(1e-4, track="waveeq-100/forecast-40", variant="without-s")
    run(2.0, track="waveeq-100/forecast-40", model="[red]mean[/red]", floor=True)
    (board,) = boards([*map(_entry, sorted((tmp_path / "runs").rglob("run-*")))])
    console = Console(width=170, record=True, file=(tmp_path / "out.txt").open("w"))
    for each in board_tables(board, highlight="sepvar:without-s"):
        console.print(each)
    console.print(reported_table(reported_for(board.track.id)))
    text = console.export_text()
    assert text.index("sepvar:without-s") < text.index("[red]mean[/red] (floor)") < text.index("4.33e-5")
    assert "Table 1" in text
    assert re.search(r"\[\d\.\d+, \d\.\d+\]×10", text)


def test_a_row_of_a_paper_takes_one_line_with_all_its_metrics() -> None:
    console = Console(width=170, record=True, file=io.StringIO())
    console.print(reported_table(reported_for("taxibj/forecast-4")))
    lines = [line for line in console.export_text().splitlines() if "SimVP (gSTA), 50 epochs" in line]
    assert len(lines) == 1
    assert "MSE 0.3246, MAE 15.03, SSIM 0.9844, PSNR 39.71" in lines[0]
    assert "OpenSTL model zoo" in lines[0]


def _entry(folder: Path) -> Any:
    from stbench.boards.entry import Entry
    from stbench.results.aggregate import read_results
    from stbench.results.record import read_record

    return Entry(read_record(folder), tuple(read_results(folder)))
