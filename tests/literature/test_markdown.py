"""Tables of Markdown: what a cell shows, and what a line of dashes is."""

from __future__ import annotations

from pathlib import Path

import pytest

from stbench.literature.reading import Reading, read_tables


def read(tmp_path: Path, text: str) -> Reading:
    path = tmp_path / "table.md"
    path.write_text(text, "utf-8")
    return read_tables(path)


@pytest.mark.parametrize(
    ("cell", "digits"),
    [
        ("26.69<sup>1</sup>", "26.69"),
        ('26.69<sup><a href="#one">1</a></sup>', "26.69"),
        ("26.69[^1]", None),
        ("26.69[1](#one)", None),
        ("26.69<sub>3</sub>", None),
        ("26.69<sub>±0.1</sub>", "26.69"),
        ("26<br>0.1", None),
        ("26<br />0.1", None),
        ("26.69**1**", None),
        ("**26.69**", "26.69"),
        ('<span style="color: red">26.69</span>', "26.69"),
        ("[26.69](http://example.org/a_1)", "26.69"),
        ("2.5×10<sup>-3</sup>", "2.5e-3"),
        ("26.10<sup>1</sup>", "26.10"),
    ],
)
def test_a_cell_is_the_number_that_is_shown_or_is_listed_as_unread(
    tmp_path: Path, cell: str, digits: str | None
) -> None:
    found = read(tmp_path, f"| Model | MSE | PSNR |\n|---|---|---|\n| MIM | {cell} | 20.1 |\n")
    assert [each.text for each in found.figures if each.quantity == "mse"] == ([digits] if digits else [])
    assert [(each.place, each.heading) for each in found.unread] == ([] if digits else [("line 3", "MSE")])


@pytest.mark.parametrize(
    "rule",
    ["|---|---|---|", "|-|-|-|", "|:-:|:-:|:-:|", "| :- | -: | :-: |", ":--|-|--:", "  |---|---|---|  ", "|---|---| |"],
)
def test_a_table_begins_above_a_rule_of_any_form(tmp_path: Path, rule: str) -> None:
    found = read(tmp_path, f"| Model | MSE | PSNR |\n{rule}\n| MIM | 26.69 | 22.1 |\n")
    assert [(each.place, each.text) for each in found.figures] == [("line 3", "26.69"), ("line 3", "22.1")]


def test_a_row_of_single_dashes_is_a_run_without_figures_and_a_rule_among_rows_is_none(tmp_path: Path) -> None:
    rows = "| - | - | - |\n| TAU | - | 23.2 |\n| --- | :--: | |\n| MIM | 26.69 | - |\n"
    found = read(tmp_path, f"| Model | MSE | PSNR |\n|-|-|-|\n{rows}")
    assert [(each.run, each.text) for each in found.figures] == [("TAU", "23.2"), ("MIM", "26.69")]
    assert not found.unread


def test_a_row_of_many_empty_cells_is_read(tmp_path: Path) -> None:
    """A search that tries every way to share the spaces among 40 cells would not come to an end."""
    head = "| Model |" + " MSE |" * 40 + " PSNR |\n"
    rule = "|" + "---|" * 42 + "\n"
    found = read(tmp_path, f"{head}{rule}| -- |{(' ' * 10 + '|') * 40} 0.91 |\n")
    assert [(each.run, each.quantity, each.text) for each in found.figures] == [("--", "psnr", "0.91")]


def test_a_row_with_more_or_fewer_cells_than_headings_is_told(tmp_path: Path) -> None:
    rows = "| MIM | 26.69 |\n| TAU | 24.60 | 23.19 | |\n| PHY | 1 | 28.19 | 22.6 |\n| *others* |\n"
    found = read(tmp_path, f"| Model | MSE | PSNR |\n|---|---|---|\n{rows}")
    assert [each.run for each in found.figures] == ["TAU", "TAU"]
    assert [(each.place, each.heading) for each in found.unread] == [
        ("line 3", "2 cells under 3 headings"),
        ("line 5", "4 cells under 3 headings"),
    ]


def test_a_heading_of_many_open_brackets_is_read(tmp_path: Path) -> None:
    found = read(tmp_path, f"| Model | MSE {'(higher' * 100_000} |\n|---|---|\n| MIM | 26.69 |\n")
    assert [each.text for each in found.figures] == ["26.69"]
