"""Tabulars of LaTeX: what a cell prints, where a row ends, which arguments are no cells."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from stbench.errors import StbenchError
from stbench.literature.checks import lint
from stbench.literature.reading import Reading, read_tables


def read(tmp_path: Path, body: str, columns: str = "{lccc}") -> Reading:
    path = tmp_path / "table.tex"
    path.write_text(f"\\begin{{tabular}}{columns}\n{body}\n\\end{{tabular}}\n", "utf-8")
    return read_tables(path)


def short(found: Reading) -> list[tuple[str, str, str, str]]:
    return [(each.place, each.run, each.quantity, each.text) for each in found.figures]


@pytest.mark.parametrize(
    ("cell", "digits"),
    [
        # What is not printed.
        (r"\phantom{-}20.1", "20.1"),
        (r"\phantom{1}9.12", "9.12"),
        (r"\hphantom{0}9.12", "9.12"),
        (r"\phantom19.12", "9.12"),
        (r"\phantom{\textbf{1}}9.12", "9.12"),
        (r"\phantom{{1}}9.12", "9.12"),
        (r"0.9\phantom{0}", "0.9"),
        (r"\vphantom{1}\textbf{9.12}", "9.12"),
        # What is printed small.
        (r"26.69\textsuperscript{1}", "26.69"),
        (r"26.69\textsuperscript{\textbf{1}}", "26.69"),
        (r"0.91\tnote{2}", "0.91"),
        (r"0.91\footnotemark[3]", "0.91"),
        (r"0.91~\cite{a2015}", "0.91"),
        (r"0.91\tiny{3}", None),
        (r"0.91{\tiny$3$}", None),
        (r"0.91\textsubscript{3}", None),
        (r"26.69\rlap{1}", None),
        (r"26.69\textsubscript{$\pm$0.1}", "26.69"),
        # Arguments that say how another one is set.
        (r"\scalebox{1}{20.1}", "20.1"),
        (r"\textcolor{red}{0.91}", "0.91"),
        (r"\textcolor[rgb]{1,0,0}{0.91}", "0.91"),
        (r"\cellcolor{gray!25}0.91", "0.91"),
        (r"{\fontsize{8}{9}\selectfont 0.91}", "0.91"),
        # Two arguments are two words.
        (r"\ms{9}{12}", None),
        (r"\ms{0.9}{12}", None),
        (r"0.9\hspace{2pt}1", None),
        (r"0.9\quad1", None),
        # Macros and braces around a number, or around no digit, leave it whole.
        (r"\underline{\textbf{24.60}}", "24.60"),
        (r"{\bf 24.60}", "24.60"),
        (r"\num{24.60}", "24.60"),
        (r"\textbf{24.60}$\pm$0.1", "24.60"),
        (r"$-$\textbf{0.91}", "-0.91"),
        (r"\textminus{}0.91", "-0.91"),
        (r"1{,}234", "1234"),
        (r"1\,234.5", "1234.5"),
        (r"0{,}912", None),
        (r"$2.5\times10^{-3}$", "2.5e-3"),
        (r"$2.5\cdot10^{-3}$", "2.5e-3"),
        (r"2.5$\times$10\textsuperscript{-3}", "2.5e-3"),
    ],
)
def test_a_cell_is_the_number_that_is_printed_or_is_listed_as_unread(
    tmp_path: Path, cell: str, digits: str | None
) -> None:
    found = read(tmp_path, f"Method & MSE & PSNR \\\\\nMIM & {cell} & 20.1 \\\\")
    assert [each.text for each in found.figures if each.quantity == "mse"] == ([digits] if digits else [])
    assert [(each.place, each.heading) for each in found.unread] == ([] if digits else [("line 3", "MSE")])


@pytest.mark.parametrize(
    "heading",
    [
        r"\makecell{Params\\(M)}",
        r"\makecell[c]{Params\\[2pt](M)}",
        r"\shortstack{Params\\ (M)}",
        r"\begin{tabular}[c]{@{}c@{}}Params\\ (M)\end{tabular}",
        r"{\begin{tabular}{c}Params \tabularnewline (M)\end{tabular}}",
    ],
)
def test_a_heading_of_two_lines_is_one_cell(tmp_path: Path, heading: str) -> None:
    found = read(tmp_path, f"Method & {heading} & MSE & PSNR \\\\ \\midrule\nMIM & 38.0 & 25.1 & 20.9 \\\\")
    assert short(found) == [
        ("line 3", "MIM", "params", "38.0"),
        ("line 3", "MIM", "mse", "25.1"),
        ("line 3", "MIM", "psnr", "20.9"),
    ]
    assert found.figures[0].unit == 1e6
    assert not found.unread


def test_a_label_of_two_lines_is_one_cell_and_the_rows_below_are_read(tmp_path: Path) -> None:
    label = "\\begin{tabular}[c]{@{}l@{}}Pred\\textbf{RNN}\\\\\n (2017)\\end{tabular}"
    found = read(tmp_path, f"Method & MSE \\\\\nMIM & 2.5 \\\\\n{label} & 2.3 \\\\\nTAU & 2.4 \\\\")
    assert short(found) == [
        ("line 3", "MIM", "mse", "2.5"),
        ("line 4", "PredRNN (2017)", "mse", "2.3"),
        ("line 6", "TAU", "mse", "2.4"),
    ]


def test_a_tabular_with_columns_inside_another_is_a_table_of_its_own(tmp_path: Path) -> None:
    inner = "\\begin{{tabular}}{{lc}}\nMethod & {} \\\\\nMIM & {} \\\\\n\\end{{tabular}}"
    found = read(tmp_path, f"{inner.format('MSE', 2.5)}\n&\n{inner.format('PSNR', 26.3)}")
    assert short(found) == [("line 4", "MIM", "mse", "2.5"), ("line 9", "MIM", "psnr", "26.3")]


def test_tabulars_nested_too_deep_are_refused(tmp_path: Path) -> None:
    with pytest.raises(StbenchError, match="is no table, tabulars in it are nested more than 32 levels deep"):
        read(tmp_path, "\\begin{tabular}{l}" * 40 + "\\end{tabular}" * 40)


@pytest.mark.parametrize("piece", ["\\begin{tabular}{l}", "{", "\\textbf{", "\\cite[", "\\\\["])
def test_what_is_nested_too_deep_is_refused(tmp_path: Path, piece: str) -> None:
    with pytest.raises(StbenchError, match="is no table, what begins in line 1 is nested too deep"):
        read(tmp_path, piece * 20_000)


def test_a_row_whose_cells_stand_under_no_certain_heading_is_told_and_not_read(tmp_path: Path) -> None:
    rows = ("MIM & 2.5 & 26.3 & 0.9", "PHY & 2.6", "TAU & 2.4 & 26.5 &", "\\textit{recurrent}")
    found = read(tmp_path, "Method & MSE & PSNR \\\\\n" + "\n".join(f"{row} \\\\" for row in rows))
    assert [each.run for each in found.figures] == ["TAU", "TAU"]
    assert [(each.place, each.heading, each.text) for each in found.unread] == [
        ("line 3", "4 cells under 3 headings", "MIM | 2.5 | 26.3 | 0.9"),
        ("line 4", "2 cells under 3 headings", "PHY | 2.6"),
    ]
    with pytest.raises(StbenchError, match=r"'MIM \| 2.5' in line 3, 2 cells under 3 headings, is none"):
        read(tmp_path, "Method & MSE & PSNR \\\\\nMIM & 2.5 \\\\")


def test_a_comment_after_a_line_end_is_one_and_a_percent_sign_is_none(tmp_path: Path) -> None:
    body = r"""Method & MSE & PSNR \\% old: & 9 & 9 \\
MIM & 9.1\% & 20.1 \\% old: 9.2
TAU & 8.1 & 20.3 \\%\hline
PHY & 7.1 & 20.5 % \\ ABC & 1.0 & 99 \\
\\"""
    found = read(tmp_path, body)
    assert [(each.place, each.run) for each in found.figures[::2]] == [
        ("line 3", "MIM"),
        ("line 4", "TAU"),
        ("line 5", "PHY"),
    ]
    assert [each.text for each in found.figures] == ["9.1", "20.1", "8.1", "20.3", "7.1", "20.5"]


@pytest.mark.parametrize("columns", ["c", "c|", r"c@{\hskip 4pt}", r">{\columncolor{gray}}c"])
def test_a_heading_over_two_columns_counts_as_two_whatever_its_columns_say(tmp_path: Path, columns: str) -> None:
    over = "".join(f" & \\multicolumn{{2}}{{{columns}}}{{{name}}}" for name in ("KTH", r"\textbf{Human}"))
    rows = "Method & MSE & PSNR & MSE & PSNR \\\\\nMIM & 38.0 & 25.1 & 20.9 & 3 \\\\"
    found = read(tmp_path, f"{over} \\\\\n{rows}", "{lcccc}")
    assert [(each.dataset, each.quantity, each.text) for each in found.figures] == [
        ("KTH", "mse", "38.0"),
        ("KTH", "psnr", "25.1"),
        ("Human", "mse", "20.9"),
        ("Human", "psnr", "3"),
    ]


@pytest.mark.parametrize(
    "label", [r"\multirow{2}*{MIM}", r"\multirow[t]{2}[3pt]{2cm}[-1pt]{MIM}", r"{\multirow{2}{=}{\textbf{MIM}}}"]
)
def test_a_label_over_two_rows_is_the_name_of_both(tmp_path: Path, label: str) -> None:
    rows = f"{label} & 100 & 26.0 \\\\\n & 200 & 25.0 \\\\\nTAU & 200 & 24.0 \\\\"
    found = read(tmp_path, f"Method & Epochs & MSE \\\\\n{rows}")
    assert [(each.run, each.epochs) for each in found.figures] == [("MIM", 100), ("MIM", 200), ("TAU", 200)]


def test_a_label_that_counts_upwards_is_the_name_of_the_rows_above(tmp_path: Path) -> None:
    rows = "TAU & 200 & 24.0 \\\\\n & 100 & 26.0 \\\\\n\\multirow{-2}{*}{MIM} & 200 & 25.0 \\\\"
    found = read(tmp_path, f"Method & Epochs & MSE \\\\\n{rows}")
    assert [(each.run, each.epochs) for each in found.figures] == [("TAU", 200), ("MIM", 100), ("MIM", 200)]


@pytest.mark.parametrize(
    ("name", "arguments"),
    [
        ("tabular", "{lcc}"),
        ("tabular", r"[t]{l*{2}{>{\centering\arraybackslash}p{2cm}}}"),
        ("tabular*", r"{\textwidth}{@{\extracolsep{\fill}}lcc}"),
        ("tabularx", r"{\dimexpr\textwidth-2pt}[t]{lXX}"),
        ("longtable", "[c]{lcc}"),
    ],
)
def test_the_arguments_of_a_tabular_are_no_cells_and_a_heading_in_braces_is_one(
    tmp_path: Path, name: str, arguments: str
) -> None:
    path = tmp_path / "table.tex"
    rows = "{Dataset} & {Method} & {MSE} \\\\\nKTH & MIM & 38.0 \\\\\nBAIR & MIM & 37.0 \\\\"
    path.write_text(f"\\begin{{{name}}}{arguments}\n{rows}\n\\end{{{name}}}\n", "utf-8")
    found = read_tables(path)
    assert [(each.place, each.run, each.dataset) for each in found.figures] == [
        ("line 3", "MIM", "KTH"),
        ("line 4", "MIM", "BAIR"),
    ]


def test_a_column_in_thousandths_is_held_against_its_psnr_as_one(tmp_path: Path) -> None:
    rows = "Method & MSE ($\\times 10^{-3}$) & PSNR \\\\\nMIM & 2.50 & 20.0 \\\\"
    (finding,) = lint(read(tmp_path, rows).figures).findings
    assert "20 dB is less than the 26.01 dB" in finding.sentence


@pytest.mark.parametrize(
    ("opened", "found"),
    [
        ("{", "Unexpected closing environment: 'tabular' in line 4"),
        ("\\cite[", "Unexpected closing environment: 'tabular' in line 4"),
        ("}", "Unexpected mismatching closing brace: '}' in line 3"),
        ("\\begin{center}", "Unexpected mismatching closing environment: 'tabular', was expecting 'center' in line 4"),
    ],
)
def test_a_tabular_that_is_no_latex_is_refused_with_its_line(tmp_path: Path, opened: str, found: str) -> None:
    with pytest.raises(StbenchError, match=re.escape(f"table.tex is no table, {found}: mend it")):
        read(tmp_path, f"Method & MSE \\\\ TAU & 2.4 \\\\\nMIM & {opened} 2.5")


@pytest.mark.parametrize("piece", ["\\cmidrule(", "\\phantom", "\\textbf[", "{}", "& "])
def test_a_long_line_is_read_in_a_time_that_grows_with_it(tmp_path: Path, piece: str) -> None:
    """A search for an end from every beginning would not come to one."""
    found = read(tmp_path, f"Method & MSE \\\\ TAU & 2.4 \\\\ MIM & {piece * 20_000}")
    assert short(found) == [("line 2", "TAU", "mse", "2.4")]


def test_many_tables_with_captions_are_read(tmp_path: Path) -> None:
    """Each asks for the float around it and the line it stands in."""
    path = tmp_path / "table.tex"
    table = "\\begin{table}\\caption{C}\\begin{tabular}{ll}M&n\\\\a&1\\\\\\end{tabular}\\end{table}\n"
    last = table.replace("&n", "&MSE").replace("{C}", "{Last}")
    path.write_text(table * 5_000 + last, "utf-8")
    (figure,) = read_tables(path).figures
    assert (figure.table, figure.place) == ("Last", "line 5001")
