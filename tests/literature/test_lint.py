"""What is wrong with published tables by their own arithmetic, and that nothing else in the same tables is."""

from __future__ import annotations

from pathlib import Path

import pytest

from stbench.boards.reported import Reported, read_reported
from stbench.literature.checks import lint
from stbench.literature.figures import of_reported
from stbench.literature.findings import Finding
from stbench.literature.reading import read_tables

REPORTED = Path(__file__).resolve().parents[2] / "leaderboards" / "reported.csv"
TABLES = Path(__file__).parent / "tables"

ZOO, PREDFORMER, LINE = "OpenSTL model zoo", "PredFormer", "Tables of the line of C-DSVAE to DBSE"
METHODS = f"{ZOO}: Moving MNIST, 200 epochs, table of methods"
KTH, KTH_METHODS = f"{ZOO}: KTH, 100 epochs", f"{ZOO}: KTH, 100 epochs, table of methods"

LISTED = {
    ("psnr", METHODS, "SimVP (IncepU), 200 epochs"),
    ("psnr", METHODS, "SimVP (gSTA), 200 epochs"),
    ("two-values", METHODS, "SimVP (IncepU), 200 epochs"),
    ("two-values", METHODS, "SimVP (gSTA), 200 epochs"),
    ("psnr", f"{ZOO}: Moving FMNIST, 200 epochs, table of translators", "SimVP (VAN), 200 epochs"),
    ("psnr", f"{ZOO}: Moving MNIST-CIFAR, 200 epochs, table of translators", "SimVP (VAN), 200 epochs"),
    ("psnr", f"{ZOO}: TaxiBJ, 50 epochs", "PredRNN-V2, 50 epochs"),
    ("two-values", KTH, "SimVP (IncepU), 100 epochs"),
    ("two-values", KTH_METHODS, "SimVP (gSTA), 100 epochs"),
    ("two-values", KTH_METHODS, "TAU, 100 epochs"),
    ("budget", f"{ZOO}: Moving MNIST, 2,000 epochs", "PredRNN, 2,000 epochs"),
    ("same-cost", f"{PREDFORMER}: Moving MNIST", "PredRNN-V2"),
    ("same-cost", f"{PREDFORMER}: Moving MNIST", "SimVP (Swin)"),
    ("copy", f"{PREDFORMER}: Moving MNIST", "PredRNN-V2"),
    ("exchanged", f"{PREDFORMER}: TaxiBJ", "PredRNN"),
    ("provenance", f"{PREDFORMER}: Moving MNIST", "ConvLSTM"),
    ("provenance", f"{PREDFORMER}: Moving MNIST", "PredRNN"),
    ("provenance", f"{PREDFORMER}: Moving MNIST", "PredRNN-V2"),
    ("provenance", f"{PREDFORMER}: Moving MNIST", "MIM"),
    ("provenance", f"{PREDFORMER}: Moving MNIST", ""),
    ("provenance", f"{PREDFORMER}: TaxiBJ", ""),
    ("identity", f"{LINE}: Sprites", "MoCoGAN"),
    ("identity", f"{LINE}: MUG", "MoCoGAN"),
    ("identity", f"{LINE}: Sprites", "DSVAE"),
    ("identity", f"{LINE}: MUG", "R-WAE"),
    ("identity", f"{LINE}: MUG", "S3VAE"),
    ("identity", f"{LINE}: MUG", "C-DSVAE"),
    ("identity", f"{LINE}: MUG", "DBSE"),
}
"""Errors and inconsistencies that were found by hand before."""
FOUND_HERE = {
    ("psnr", f"{ZOO}: Moving FMNIST, 200 epochs, table of methods", "PhyDNet, 200 epochs"),
    ("psnr", f"{ZOO}: Human3.6M, 50 epochs", "PhyDNet, 50 epochs"),
    ("identity", f"{ZOO}: WeatherBench t2m, 5.625 degrees, 50 epochs", "SimVP (MLP-Mixer), 50 epochs"),
}
"""Further ones, in tables that nobody had looked through."""


def key(finding: Finding) -> tuple[str, str, str]:
    return finding.kind, finding.table, finding.run


@pytest.fixture(scope="module")
def findings() -> tuple[Finding, ...]:
    return lint(of_reported(read_reported(REPORTED))).findings


def test_every_listed_error_of_the_reported_tables_is_found_and_no_other_row_is_named(
    findings: tuple[Finding, ...],
) -> None:
    found = [key(each) for each in findings]
    assert len(found) == len({*found})
    assert {*found} == LISTED | FOUND_HERE


def test_findings_say_by_how_much(findings: tuple[Finding, ...]) -> None:
    said = {key(each): each.sentence for each in findings}
    assert (
        "16.92 dB above the 21.05 dB of the mean error, MSE 32.15"
        in said["psnr", METHODS, "SimVP (IncepU), 200 epochs"]
    )
    assert "PSNR 37.97" in said["two-values", METHODS, "SimVP (IncepU), 200 epochs"]
    assert "PSNR 21.84" in said["two-values", METHODS, "SimVP (IncepU), 200 epochs"]
    for dataset, run, share in (
        ("Sprites", "MoCoGAN", "+3.4"),
        ("MUG", "MoCoGAN", "-6.9"),
        ("Sprites", "DSVAE", "+0.6"),
        ("MUG", "R-WAE", "-0.12"),
        ("MUG", "S3VAE", "+1.1"),
        ("MUG", "C-DSVAE", "-0.7"),
        ("MUG", "DBSE", "-1.8"),
    ):
        assert f"({share}" in said["identity", f"{LINE}: {dataset}", run]
    assert "GPUs 4, batch per GPU 4" in said["two-values", KTH_METHODS, "TAU, 100 epochs"]
    assert "0.977" in said["exchanged", f"{PREDFORMER}: TaxiBJ", "PredRNN"]
    assert "PredRNN++" in said["exchanged", f"{PREDFORMER}: TaxiBJ", "PredRNN"]


def test_a_table_of_the_zoo_as_it_is_typed_has_its_errors_and_no_other() -> None:
    """With the shape of a frame and without it: then other rows alone say what is usual."""
    for frame in ("1x64x64", ""):
        found = lint(read_tables(TABLES / "moving_mnist.md", frame=frame).figures).findings
        assert sorted((each.kind, {figure.text for figure in each.figures} >= {"37.97"}) for each in found) == [
            ("budget", False),
            ("psnr", False),
            ("psnr", True),
            ("two-values", False),
            ("two-values", True),
        ]
        assert {each.run for each in found if each.kind == "psnr"} == {
            "SimVP+IncepU, 200 epochs",
            "SimVP+gSTA-S, 200 epochs",
        }


def test_a_psnr_that_does_not_fit_its_mse_is_found_among_twelve_that_do() -> None:
    (finding,) = lint(read_tables(TABLES / "moving_fmnist.md", frame="1x64x64").figures).findings
    assert (finding.kind, finding.run) == ("psnr", "VAN, 200 epochs")
    assert "1.66 dB above" in finding.sentence


def test_a_latex_table_of_entropies_has_the_seven_scores_that_their_entropies_do_not_give() -> None:
    found = lint(read_tables(TABLES / "entropies.tex").figures).findings
    assert [(each.run, each.dataset.split()[0], each.kind) for each in found] == [
        ("MoCoGAN", "Sprites", "identity"),
        ("MoCoGAN", "MUG", "identity"),
        ("DSVAE", "Sprites", "identity"),
        ("R-WAE", "MUG", "identity"),
        ("S3VAE", "MUG", "identity"),
        ("C-DSVAE", "MUG", "identity"),
        ("DBSE", "MUG", "identity"),
    ]
    lines = (TABLES / "entropies.tex").read_text("utf-8").splitlines()
    for each in found:
        assert lines[int(each.place.removeprefix("line ")) - 1].startswith(each.run)


def test_a_column_that_holds_the_root_of_another_is_found_once() -> None:
    (finding,) = lint(read_tables(TABLES / "weather.md").figures).findings
    assert (finding.kind, len(finding.figures)) == ("column", 20)
    assert "the column SSIM holds the root of the column MSE in all 20 rows" in finding.sentence


def test_a_cost_of_another_dataset_and_a_cost_of_another_model_are_found() -> None:
    """TAU's two costs differ, and models of one dataset may have as many parameters."""
    found = lint(read_tables(TABLES / "costs.csv").figures).findings
    assert [(each.kind, each.run) for each in found] == [("same-cost", "PredRNN-V2"), ("same-cost", "Swin")]


def table(tmp_path: Path, text: str, **options: object) -> list[tuple[str, str]]:
    path = tmp_path / "table.csv"
    path.write_text(text, "utf-8")
    return [(each.kind, each.sentence) for each in lint(read_tables(path, **options).figures).findings]  # type: ignore[arg-type]


def test_sums_and_means_in_one_row_are_told_apart(tmp_path: Path) -> None:
    """MAE² is at most MSE where both are means over the same elements: of a sum and a mean it is not."""
    sums = "model,MSE,MAE,PSNR\na,29.80,90.64,22.10\nb,27.78,86.14,22.44\n"
    assert table(tmp_path, sums, frame="1x64x64") == []
    ((kind, sentence),) = table(tmp_path, sums + "c,0.00651,77.19,22.78\n", frame="1x64x64")[:1]
    assert kind in ("identity", "psnr")
    assert "0.00651" in sentence


def test_the_root_of_an_error_is_asked_for_as_it_is_printed(tmp_path: Path) -> None:
    """Of a sum as of a mean; one digit off in the last place is rounding."""
    assert table(tmp_path, "model,MSE,RMSE\na,29.80,5.459\nb,1.521,1.233\nc,0.0100,0.100\n") == []
    ((kind, sentence),) = table(tmp_path, "model,MSE,RMSE\na,29.80,5.449\n")
    assert kind == "identity"
    assert "RMSE² = MSE" in sentence


def test_entropies_above_the_logarithm_of_the_classes_are_found(tmp_path: Path) -> None:
    text = "model,H(y|x),H(y)\na,0.1,2.197\n"
    assert table(tmp_path, text, classes=9) == []
    assert table(tmp_path, text) == []
    ((_, sentence),) = table(tmp_path, text, classes=6)
    assert "ln 6" in sentence


def test_the_same_figures_rounded_otherwise_are_no_second_value(tmp_path: Path) -> None:
    def text(psnr: str) -> str:
        head, scores = "| model | MSE | MAE | SSIM | PSNR |\n|---|---|---|---|---|\n", "15.05 | 49.80 | 0.9675"
        return f"# A\n\n{head}| x | {scores} | 25.97 |\n\n# B\n\n{head}| y | {scores} | {psnr} |\n"

    path = tmp_path / "table.md"
    for psnr, count in (("26.0", 0), ("25.9", 1)):
        path.write_text(text(psnr), "utf-8")
        assert len(lint(read_tables(path).figures).findings) == count


def test_longer_training_may_give_the_same_score(tmp_path: Path) -> None:
    text = "model,epochs,MSE,MAE\na,200,20.0,60.0\na,2000,{},{}\n"
    assert table(tmp_path, text.format("20.04", "60.0")) == []
    assert [kind for kind, _ in table(tmp_path, text.format("21.0", "61.0"))] == ["budget"]


def test_rows_that_agree_in_few_digits_are_two_runs(tmp_path: Path) -> None:
    """As two variants of PredFormer on taxis do: .277, 14.3, .986."""
    text = "model,MSE,MAE,SSIM,PSNR\nBinary-ST,.277,14.3,.986,39.9\nTriplet-STS,.277,14.3,.986,40.3\n"
    assert table(tmp_path, text) == []


def test_costs_that_most_models_share_are_of_frames_of_one_size(tmp_path: Path) -> None:
    """Moving MNIST and Moving FMNIST cost the same; one model alone that does is a copy."""
    rows = "a,{0},15.0,56.8,113\nb,{0},{1},{1},{1}\nc,{0},{2},{2},{2}\nd,{0},{3},{3},{3}\n"
    head = "model,dataset,params,FLOPs,FPS\n"
    assert table(tmp_path, head + rows.format("digits", 1, 2, 3) + rows.format("clothes", 1, 2, 3)) == []
    ((kind, sentence),) = table(tmp_path, head + rows.format("digits", 1, 2, 3) + rows.format("people", 4, 5, 6))
    assert kind == "same-cost"
    assert "56.8" in sentence


def test_a_copy_is_held_against_its_origin_and_not_against_another_run() -> None:
    def row(paper: str, table: str, value: str, origin: str = "") -> Reported:
        return Reported(paper, "", table, "TAU", "digits", "", "MSE", "", "10", value, "", "", origin, "", "")

    def kinds(*rows: Reported) -> list[str]:
        return [each.kind for each in lint(of_reported(rows)).findings]

    own = row("TAU", "1", "19.8")
    assert kinds(own, row("Survey", "1", "19.8", "TAU")) == []
    assert kinds(own, row("Survey", "1", "24.60")) == [], "a run of its own"
    assert kinds(own, row("Survey", "1", "24.60", "TAU")) == ["copy"]
    assert kinds(row("Survey", "1", "19.8", "TAU"), row("Survey", "2", "24.60")) == [], "two runs in two tables"
    assert kinds(row("Survey", "1", "19.8"), row("Survey", "2", "24.60")) == ["two-values"]


HEAD = "| Model | Input | MSE | MAE | SSIM | PSNR | dataset |\n|---|---|---|---|---|---|---|\n"


def markdown(tmp_path: Path, *tables: str) -> list[tuple[str, str]]:
    path = tmp_path / "table.md"
    rows = ["".join(f"{row} digits |\n" for row in each.splitlines()) for each in tables]
    path.write_text("\n".join(f"# {number}\n\n{HEAD}{each}" for number, each in enumerate(rows)), "utf-8")
    return [(each.kind, each.sentence) for each in lint(read_tables(path, frame="1x64x64").figures).findings]


@pytest.mark.parametrize(
    "rows",
    [
        "| Ours | | 20.0 | - | - | - |\n| Ours† | | 40.0 | - | - | 21.0 |\n",
        "| Ours | 10 | 20.0 | - | - | - |\n| Ours | 20 | 40.0 | - | - | 21.0 |\n",
        "| Ours | | 40.0 | 90.0 | - | - |\n| Ours† | | 2.0 | - | - | - |\n",
    ],
)
def test_metrics_of_two_rows_with_one_name_are_not_held_against_each_other(tmp_path: Path, rows: str) -> None:
    """PSNR 21.0 of an MSE of 20.0 is less than that of the mean error, 23.1 dB: but it is of the other row."""
    assert markdown(tmp_path, rows) == []
    assert markdown(tmp_path, rows, "| Ours | | 20.0 | - | - | 23.3 |\n") == [], "which of the two it is nobody knows"


def test_each_of_two_rows_with_one_name_is_held_against_itself(tmp_path: Path) -> None:
    rows = "| Ours | | 40.0 | - | - | 21.0 |\n| Ours† | | 20.0 | - | - | 21.0 |\n"
    ((kind, sentence),) = markdown(tmp_path, rows)
    assert (kind, "PSNR 21.0, MSE 20.0" in sentence) == ("identity", True)


def test_tables_go_across_only_where_one_has_no_figure_of_its_own(tmp_path: Path) -> None:
    """The second table's PSNR is held against its own MSE, and against that of the first where it has none."""
    first = "| Ours | | 20.0 | - | - | - |\n"
    ((kind, sentence),) = markdown(tmp_path, first, "| Ours | | - | - | - | 21.0 |\n")
    assert (kind, "PSNR 21.0, MSE 20.0" in sentence) == ("identity", True)
    found = markdown(tmp_path, first, "| Ours | | 40.0 | - | - | 21.0 |\n")
    assert [kind for kind, _ in found] == ["two-values"], "and MSE 40.0 is a second value"
    ours = "| Ours | | 40.0 | - | - | {} |\n"
    assert [kind for kind, _ in markdown(tmp_path, ours.format(21.0), ours.format(20.7))] == ["two-values"]
    (identity, _), (values, _) = sorted(markdown(tmp_path, ours.format(21.0), ours.format(19.9)))
    assert (identity, values) == ("identity", "two-values"), "the second PSNR is asked too: 20.1 dB is the least"


def test_a_second_value_is_told_by_the_row_that_shares_the_scores(tmp_path: Path) -> None:
    """The PSNR beside the same MSE, MAE and SSIM, not the first of that name."""
    same = "15.05 | 49.80 | 0.9675"
    other = f"| Theirs | | {same} | 25.97 |\n"
    for psnr, count in (("25.97", 0), ("26.50", 1)):
        found = markdown(tmp_path, f"| Ours | | 31.0 | 90.0 | 0.91 | 22.00 |\n| Ours† | | {same} | {psnr} |\n", other)
        assert [kind for kind, _ in found] == ["two-values"] * count


def test_rows_with_one_name_and_two_origins_are_not_one_row_of_two_runs(tmp_path: Path) -> None:
    text = "model,params,FPS,source\nOurs,{0},20,{1}\nOurs†,{0},30,{2}\n"
    assert table(tmp_path, text.format(1, "A", "B")) == []


def test_rows_with_one_name_are_no_two_budgets(tmp_path: Path) -> None:
    """Two rows of 200 epochs and one of 2,000: which of the two went on nobody knows."""
    rows = "a,200,20.0,60.0\na†,200,30.0,70.0\na,2000,25.0,65.0\n"
    assert table(tmp_path, "model,epochs,MSE,MAE\n" + rows) == []


def test_a_column_of_roots_is_one_in_rows_with_one_name_too(tmp_path: Path) -> None:
    rows = "".join(f"Ours,{error},{error**0.5:.3f}\n" for error in (1.521, 2.331, 1.634, 1.784, 1.251))
    assert [kind for kind, _ in table(tmp_path, "model,MSE,SSIM\n" + rows)] == ["column"]


def test_costs_are_of_one_row_each(tmp_path: Path) -> None:
    """FLOPs of one row and FPS of another are no third model's."""
    rows = "Ours,40,16.9,\nOurs†,40,,290\nSwin,46,16.9,290\n"
    assert table(tmp_path, "model,params,FLOPs,FPS\n" + rows) == []
    assert [kind for kind, _ in table(tmp_path, "model,params,FLOPs,FPS\nOurs,40,16.9,290\nSwin,46,16.9,290\n")] == [
        "same-cost"
    ]


def test_figures_of_a_long_table_are_of_one_run_though_each_has_a_row(tmp_path: Path) -> None:
    text = "row,dataset,metric,value\nTAU,digits,MSE,20.0\nTAU,digits,PSNR,21.0\n"
    assert [kind for kind, _ in table(tmp_path, text, frame="1x64x64")] == ["identity"]


def test_a_copy_agrees_with_its_origin_where_it_agrees_with_one_of_its_tables() -> None:
    def row(paper: str, table: str, value: str, origin: str = "", horizon: str = "10") -> Reported:
        return Reported(paper, "", table, "TAU", "digits", "", "MSE", "", horizon, value, "", "", origin, "", "")

    def kinds(*rows: Reported) -> list[str]:
        return [each.kind for each in lint(of_reported(rows)).findings]

    own = row("TAU", "1", "19.8"), row("TAU", "2", "24.60")
    assert kinds(*own, row("Survey", "1", "24.60", "TAU")) == ["two-values"]
    assert kinds(*own, row("Survey", "1", "22.0", "TAU")) == ["two-values", "copy"]
    assert kinds(own[0], row("TAU", "1", "40.1", "", "95"), row("Survey", "1", "19.8", "TAU")) == []
