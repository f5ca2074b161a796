"""Tables of figures out of CSV, Markdown and LaTeX."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from stbench.errors import StbenchError
from stbench.literature.checks import lint
from stbench.literature.figures import (
    Figure,
    convention_of,
    elements_of,
    epochs_of,
    figure,
    quantities,
    scale_of,
    unit_of,
)
from stbench.literature.reading import read_tables

REPORTED = Path(__file__).resolve().parents[2] / "leaderboards" / "reported.csv"


def read(tmp_path: Path, name: str, text: str) -> list[Figure]:
    path = tmp_path / name
    path.write_text(text, "utf-8")
    return read_tables(path).figures


def short(figures: list[Figure]) -> list[tuple[str, str, str, str]]:
    return [(each.run, each.dataset, each.quantity, each.text) for each in figures]


@pytest.mark.parametrize(
    ("heading", "found", "rest"),
    [
        ("MSE", ["mse"], ""),
        ("RMSE ↓", ["rmse"], ""),
        ("PSNR (dB)", ["psnr"], ""),
        ("pSNR, t+10", ["psnr"], "t+10"),
        ("Moving MNIST MSE (lower is better)", ["mse"], "Moving MNIST"),
        ("Params (M)", ["params"], ""),
        ("H(y|x) of Sprites", ["conditional"], "of Sprites"),
        ("H(y)", ["marginal"], ""),
        ("IS", ["inception"], ""),
        ("what is there", [], "what is there"),
        ("action accuracy %, IS, H(y|x), H(y)", ["accuracy", "inception", "conditional", "marginal"], ""),
        ("judge inter entropy", ["marginal"], "judge"),
        ("MSE (×10⁻³)", ["mse"], ""),
        ("KTH MSE ($\\times 10^{-3}$, ↓)", ["mse"], "KTH"),
        ("MSE [10^-3]", ["mse"], ""),
        ("MSE ×10³", ["mse"], ""),
        ("SSIM (%)", ["ssim"], ""),
    ],
)
def test_a_heading_names_its_quantities(heading: str, found: list[str], rest: str) -> None:
    assert quantities(heading) == (found, rest)


@pytest.mark.parametrize(
    ("cell", "digits"),
    [
        ("58.0M", ("58.0", 1e6)),
        ("16.9.G", ("16.9", 1e9)),
        ("1,368.0G", ("1368.0", 1e9)),
        ("0.982 ± 0.005", ("0.982", None)),
        ("99.4%", ("99.4", None)),
        (".9288", (".9288", None)),
        ("1.6e-7", ("1.6e-7", None)),
        ("−0.5", ("-0.5", None)),
        ("209s", ("209", None)),
        ("1,234,567", ("1234567", None)),
        ("0,912", None),
        ("26,69", None),
        ("-0,912", None),
        ("-", None),
        ("", None),
        ("4xbs4", None),
        ("t+10", None),
    ],
)
def test_a_cell_holds_a_number_or_none(cell: str, digits: tuple[str, float | None] | None) -> None:
    assert figure(cell) == digits


@pytest.mark.parametrize(
    ("heading", "scale"),
    [
        ("MSE", 1),
        ("MSE x 100", 100),
        ("MSE×100", 100),
        ("MSE x 100 x 32 x 32 x 2", 100),
        ("MSE (×10⁻³)", 1000),
        ("MSE ($\\times 10^{-3}$)", 1000),
        ("MSE ( x 10^-3)", 1000),
        ("MSE (×10−3)", 1000),
        ("MSE (x1e-3)", 1000),
        ("MSE (10⁻³)", 1000),
        ("MSE ($10^{-3}$)", 1000),
        ("MSE ×10³", 1000),
        ("MSE (×10^12)", 10**12),
        ("MSE (max 100)", 1),
        ("MSE at learning rate 1e-3", 1),
        ("MSE of 10^2 frames", 1),
    ],
)
def test_a_heading_says_what_its_column_was_multiplied_by(heading: str, scale: int) -> None:
    """A column headed ×10⁻³ holds thousandths, as one headed x 1000 does."""
    assert scale_of(heading, "mse") == scale


def test_a_cost_in_powers_of_ten_has_them_as_its_unit() -> None:
    assert unit_of("Params (×10⁶)", "params") == unit_of("Params (M)", "params") == 1e6
    assert scale_of("Params (×10⁶)", "params") == 1


def test_a_share_in_per_cent_is_a_hundredth_where_heading_or_cell_says_so(tmp_path: Path) -> None:
    rows = "a,91.2,91.2%,0.912,0.912 (+3%),30%\nb,91.2 ± 0.3,91.2 ± 0.3%,0.912,.912,30\n"
    found = read(tmp_path, "t.csv", f"model,SSIM (%),SSIM,KTH SSIM,BAIR SSIM,MSE\n{rows}")
    values = [each.value.middle for each in found if each.value is not None]
    assert values == pytest.approx([0.912, 0.912, 0.912, 0.912, 30] * 2)
    assert lint(found).findings == ()
    (both,) = read(tmp_path, "t.md", "| acc %, SSIM | KTH |\n|---|---|\n| a | 91, 0.9 |\n")[1:]
    assert both.unit == 1, "the sign belongs to the other quantity"
    (both,) = read(tmp_path, "t.md", "| PSNR, SSIM (%) | KTH |\n|---|---|\n| a | 22.1, 91.2 |\n")[1:]
    assert both.unit == 0.01


def test_a_number_of_devices_with_a_comma_is_a_text(tmp_path: Path) -> None:
    (found,) = read(tmp_path, "t.csv", 'model,GPUs\na,"4,8"\n')
    assert (found.text, found.value) == ("4,8", None)


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("t.csv", "model,dataset,MSE\nTAU,digits,24.60\n"),
        ("t.csv", "metric,row,dataset,value\nMSE,TAU,digits,24.60\n"),
        ("t.md", "| Model | dataset | MSE |\n|---|---|---|\n| TAU | digits | 24.60 |\n"),
        ("t.tex", "\\begin{tabular}{lcc} Model & dataset & MSE \\\\ TAU & digits & 24.60 \\\\ \\end{tabular}"),
    ],
)
def test_a_byte_order_mark_is_no_part_of_a_heading(tmp_path: Path, name: str, text: str) -> None:
    assert short(read(tmp_path, name, f"\ufeff{text}")) == [("TAU", "digits", "mse", "24.60")]


def test_the_reported_numbers_are_the_same_with_a_byte_order_mark(tmp_path: Path) -> None:
    """As Excel saves them."""
    content = REPORTED.read_bytes()
    (tmp_path / "reported.csv").write_bytes(b"\xef\xbb\xbf" + content)
    assert read_tables(tmp_path / "reported.csv") == read_tables(REPORTED)


def test_epochs_are_no_part_of_a_name() -> None:
    assert epochs_of("SimVP (gSTA), 2,000 epochs") == ("SimVP (gSTA)", 2000)
    assert epochs_of("200 epoch") == ("", 200)
    assert epochs_of("TAU") == ("TAU", None)


def test_a_convention_says_what_is_summed_and_how_many_classes_there_are() -> None:
    found = convention_of("100 x sum over 2x32x32")
    assert (found.reduction, found.scale, found.elements) == ("sum", 100, 2048)
    assert convention_of("9 classes; natural logarithm").classes == 9
    assert convention_of("frames of 1x64x64").elements == elements_of("1x64x64") == 4096
    for text in ("64", "1x64x64"):
        assert elements_of(text) > 0
    for text in ("", "64 x 64", "0x64", "1x64x", "1x9999999999"):
        with pytest.raises(ValueError, match="is no shape of a frame"):
            elements_of(text)
    assert unit_of("FLOPs (G)") == 1e9


MARKDOWN = """\
# Zoo

## Digits

| **Method** | Setting | Params | MSE ↓ | PSNR | Download |
|:--|:-:|:-:|--:|--:|---|
| SimVP+*IncepU* | 200 epoch | 58.0M | **32.15** | 37.97 | [model](http://example.org/a_b) \\| [log](x) |
| TAU\\* | 200 epoch | 44.7M | 24.60 |  | |
<!-- | hidden | 200 epoch | 1M | 1 | 2 | | -->

No table: a | b.

| action accuracy %, IS, H(y\\|x), H(y) | Sprites | MUG | printed IS |
|---|---|---|---|
| MoCoGAN | 92.8, 8.461, .090, 2.192 | 63.1, -, .183, 1.721 | +3.4 %; -6.9 % |
"""


def test_markdown_tables_are_read_under_their_headings(tmp_path: Path) -> None:
    found = read(tmp_path, "table.md", MARKDOWN)
    assert short(found) == [
        ("SimVP+IncepU", "Zoo: Digits", "params", "58.0"),
        ("SimVP+IncepU", "Zoo: Digits", "mse", "32.15"),
        ("SimVP+IncepU", "Zoo: Digits", "psnr", "37.97"),
        ("TAU", "Zoo: Digits", "params", "44.7"),
        ("TAU", "Zoo: Digits", "mse", "24.60"),
        ("MoCoGAN", "Sprites", "accuracy", "92.8"),
        ("MoCoGAN", "Sprites", "inception", "8.461"),
        ("MoCoGAN", "Sprites", "conditional", ".090"),
        ("MoCoGAN", "Sprites", "marginal", "2.192"),
        ("MoCoGAN", "MUG", "accuracy", "63.1"),
        ("MoCoGAN", "MUG", "conditional", ".183"),
        ("MoCoGAN", "MUG", "marginal", "1.721"),
    ]
    assert {each.place for each in found} == {"line 7", "line 8", "line 15"}
    assert {each.epochs for each in found[:5]} == {200}


LATEX = r"""
\begin{table}
  \caption{On \textbf{digits} and taxis.}
  \begin{tabularx}{\textwidth}{l|cc|c} % columns
    \toprule
    \multirow{2}{*}{Method} & \multicolumn{2}{c|}{Moving MNIST} & TaxiBJ \\
    \cmidrule(lr){2-3}
      & MSE $\downarrow$ & PSNR $\uparrow$ & MSE$\times$100 \\ \midrule
    \multicolumn{4}{l}{\textit{recurrent}} \\
    ConvLSTM~\cite{shi2015} & 29.80 & $22.10 \pm 0.1$ & 48.5 \\[2pt]
    \multicolumn{4}{l}{\textit{others}} \\
    TAU & \underline{\textbf{24.60}} & -- & 34.4\% \\
    \bottomrule
  \end{tabularx}
\end{table}
"""


def test_latex_tables_are_read_with_headings_of_several_lines(tmp_path: Path) -> None:
    found = read(tmp_path, "table.tex", LATEX)
    assert short(found) == [
        ("ConvLSTM", "Moving MNIST", "mse", "29.80"),
        ("ConvLSTM", "Moving MNIST", "psnr", "22.10"),
        ("ConvLSTM", "TaxiBJ", "mse", "48.5"),
        ("TAU", "Moving MNIST", "mse", "24.60"),
        ("TAU", "TaxiBJ", "mse", "34.4"),
    ]
    assert [each.convention.scale for each in found] == [1, 1, 100, 1, 100]
    assert [each.place for each in found][::3] == ["line 10", "line 12"]
    assert {each.table for each in found} == {"On digits and taxis."}


def test_sections_tell_rows_apart_where_one_model_stands_in_several(tmp_path: Path) -> None:
    rows = "MNIST & & \\\\ TAU & 24.60 & 23.19 \\\\ TaxiBJ & & \\\\ TAU & 0.3108 & 39.74 \\\\"
    found = read(tmp_path, "t.tex", f"\\begin{{tabular}}{{lcc}} Model & MSE & PSNR \\\\ {rows} \\end{{tabular}}")
    assert [each.dataset for each in found] == ["MNIST", "MNIST", "TaxiBJ", "TaxiBJ"]


def test_csv_has_a_row_a_run_or_a_row_a_figure(tmp_path: Path) -> None:
    wide = read(tmp_path, "wide.csv", 'model,dataset,epochs,MSE,PSNR\n"TAU",digits,200,24.60,23.19\n')
    long = read(tmp_path, "long.csv", "row,dataset,metric,value\nTAU,digits,MSE,24.60\nTAU,digits,PSNR,23.19\n")
    assert short(wide) == short(long) == [("TAU", "digits", "mse", "24.60"), ("TAU", "digits", "psnr", "23.19")]
    assert wide[0].epochs == 200


def test_columns_of_the_same_name_are_of_two_datasets(tmp_path: Path) -> None:
    found = read(tmp_path, "two.csv", "model,MSE,PSNR,MSE,PSNR\nTAU,24.60,23.19,0.3108,39.74\n")
    assert len({each.dataset for each in found}) == 2


@pytest.mark.parametrize(
    ("name", "text", "sentence"),
    [
        ("table.xlsx", "", "no table that is read here"),
        ("table.csv", "", "there is no table in"),
        ("table.md", "# Nothing\n", "there is no table in"),
        ("table.tex", "\\begin{tabular}{l} a \\\\ \\end{tabular}", "there is no table in"),
        ("table.tex", "\\begin{tabular}{l} a", r"is no table, Unexpected end of stream, .* in line 1: mend it"),
        ("table.csv", "a,b\n1,2\n", "no column of a table"),
        ("table.csv", "model,MSE\nx\n", "1 cells in line 2 and 2 headings"),
        ("table.csv", 'model,MSE\n"x,1\n', "is no CSV"),
    ],
)
def test_what_is_no_table_is_refused_in_a_sentence(tmp_path: Path, name: str, text: str, sentence: str) -> None:
    with pytest.raises(StbenchError, match=sentence):
        read(tmp_path, name, text)


def test_missing_and_damaged_files_are_refused_in_a_sentence(tmp_path: Path) -> None:
    with pytest.raises(StbenchError, match="there is no file"):
        read_tables(tmp_path / "missing.csv")
    (tmp_path / "bytes.csv").write_bytes(b"model,MSE\n\xff,1\n")
    with pytest.raises(StbenchError, match="is no table, it is not UTF-8"):
        read_tables(tmp_path / "bytes.csv")
    (tmp_path / "folder.csv").mkdir()
    with pytest.raises(StbenchError, match="no regular file"):
        read_tables(tmp_path / "folder.csv")


def test_more_figures_than_can_be_compared_are_refused(tmp_path: Path) -> None:
    with pytest.raises(StbenchError, match="give one table at a time"):
        read(tmp_path, "table.csv", "model,MSE\n" + "".join(f"m{k},1\n" for k in range(10_001)))


PIECES = (
    *(
        "| ",
        " |",
        "\n",
        "|---|---|",
        "\\|",
        "# ",
        "<!--",
        "-->",
        "model",
        "MSE",
        "PSNR",
        "IS",
        "H(y)",
        "H(y|x)",
        "SSIM",
    ),
    *(
        "params",
        "FPS",
        "epochs",
        "200 epochs",
        "a",
        "b",
        "0",
        "1",
        "-1",
        "1e308",
        "1e-320",
        "1e99999",
        "0.5",
        "9" * 400,
    ),
    *("\\begin{tabular}{ll}", "\\end{tabular}", "&", "\\\\", "\\multicolumn{2}{c}{", "\\multirow{2}{*}{", "}", "{"),
    *(
        "\\makecell{",
        "\\begin{tabular}[c]{l}",
        "\\multirow{-2}*{",
        "\\phantom{",
        "\\textsuperscript{",
        "\\cmidrule(lr){1-2}",
    ),
    *("<sup>", "</sup>", "<br>", "|-|:-:|", "×10⁻³", "(", ")", "]", "0,912", "†", "\ufeff"),
    *("\\textbf{", "$", "%", "\\pm", ",", '"', "x 100", "9 classes", "٣", "\x00", "±", "["),
)


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.sampled_from(PIECES), max_size=60), st.sampled_from((".csv", ".md", ".tex")), st.booleans())
def test_whatever_a_file_holds_it_is_read_or_refused(
    tmp_path: Path, pieces: list[str], suffix: str, headed: bool
) -> None:
    """Tables of others are not to be trusted: no text of table pieces ends in anything but figures or a sentence."""
    heads = {
        ".csv": "model,MSE,PSNR,IS,H(y)\n",
        ".md": "| model | MSE | PSNR | FPS |\n|---|---|---|---|\n| a | ",
        ".tex": "\\begin{tabular}{lll} model & MSE & H(y) \\\\ a & ",
    }
    path = tmp_path / f"table{suffix}"
    path.write_text((heads[suffix] if headed else "") + "".join(pieces), "utf-8")
    with suppress(StbenchError):
        lint(read_tables(path, frame="1x64x64", classes=9).figures)


@pytest.mark.parametrize(
    ("suffix", "piece"),
    [
        (".md", "<!--"),
        (".md", "| [ "),
        (".tex", "\\begin{tabular}"),
        (".tex", "\\cite["),
        (".tex", "\\textbf{"),
        (".csv", "x" * 100 + ","),
        (".csv", "1" * 100),
    ],
)
def test_what_is_opened_and_never_closed_does_not_hang(tmp_path: Path, suffix: str, piece: str) -> None:
    path = tmp_path / f"table{suffix}"
    path.write_text("| a | MSE |\n|---|---|\n" * (suffix == ".md") + piece * (400_000 // len(piece)), "utf-8")
    with suppress(StbenchError):
        lint(read_tables(path).figures)


@pytest.mark.parametrize(
    ("row", "piece"),
    [
        ("a,1{},2.5", "1"),
        ("a,1{},2.5", " "),
        ("{},1,2.5", "["),
        ("{},1,2.5", "*"),
    ],
)
def test_what_is_repeated_without_an_end_is_read_past(tmp_path: Path, row: str, piece: str) -> None:
    """A search that begins anew at each piece, or tries every way to share them out, would not come to an end."""
    before, _, after = row.partition("{}")
    head, _, cell = before.rpartition(",")
    repeated = f'{head}{"," * bool(head)}"{cell}{piece * (130_000 // len(piece))}z"{after}'
    found = read(tmp_path, "t.csv", f"model,MSE,PSNR\n{repeated}\nb,1,2.5\n")
    assert [(each.run, each.text) for each in found][-2:] == [("b", "1"), ("b", "2.5")]


@pytest.mark.parametrize(
    ("cell", "digits"),
    [
        ("1.0×10⁻²", "1.0e-2"),
        ("4.33 × 10⁻⁵", "4.33e-5"),
        ("2x10^-3", "2e-3"),
        ("1.5×10^{12}", "1.5e12"),
        ("7×10⁻¹²", "7e-12"),
    ],
)
def test_powers_of_ten_are_read_as_they_are_printed_here(cell: str, digits: str) -> None:
    assert figure(cell) == (digits, None)
    assert figure("5 x 100") is None, "a scale and no power"
