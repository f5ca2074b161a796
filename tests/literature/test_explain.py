"""Which definition, horizon, convention or row a published figure fits."""

from __future__ import annotations

from pathlib import Path

import pytest

from stbench.boards.reported import Reported, read_reported
from stbench.errors import StbenchError
from stbench.literature.explain import Explanation, Scored, explain, quantity_of

REPORTED = Path(__file__).resolve().parents[2] / "leaderboards" / "reported.csv"


@pytest.fixture(scope="module")
def reported() -> list[Reported]:
    return read_reported(REPORTED)


def fits(found: Explanation) -> set[tuple[str, str, str]]:
    return {(each.kind, each.run, each.definition) for each in found.matches}


def test_a_second_psnr_of_a_run_is_found_with_what_is_wrong_with_it(reported: list[Reported]) -> None:
    found = explain("37.97", "PSNR", reported, "moving-mnist-angle")
    (match,) = found.matches
    assert (match.kind, match.run, match.value) == ("printed", "SimVP (IncepU), 200 epochs", "37.97")
    notes = "\n".join(match.notes)
    assert "16.92 dB above the 21.05 dB of the mean error, MSE 32.15" in notes
    assert "a second value of one run" in notes
    assert "PSNR 21.84" in notes


@pytest.mark.parametrize(
    ("value", "metric", "dataset", "kind", "run", "definition"),
    [
        ("21.05", "PSNR", "moving-mnist-angle", "converted", "SimVP (IncepU), 200 epochs", "PSNR of the mean error"),
        ("0.00652", "mse", "moving-mnist-angle", "converted", "SimVP (gSTA), 200 epochs", "mean over the elements"),
        ("266.9", "MSE", "moving-mnist-angle", "converted", "SimVP (gSTA), 200 epochs", "sum over a sequence of 10"),
        ("32.46", "MSE", "taxibj", "converted", "SimVP (gSTA), 50 epochs", "100 times the sum over a frame"),
        ("0.395", "MSE", "taxibj", "converted", "Ours", "sum over a frame"),
        ("0.1623", "MSE", "taxibj", "converted", "SimVP (gSTA), 50 epochs", "mean over its channels"),
        ("5.6701", "RMSE", "moving-mnist-angle", "converted", "SimVP (IncepU), 200 epochs", "root of the sum"),
        ("0.0886", "RMSE", "moving-mnist-angle", "converted", "SimVP (IncepU), 200 epochs", "root of the mean"),
        ("5.703", "IS", "mug", "converted", "DBSE", "exp"),
        ("92.9", "accuracy", "mug", "converted", "Ours H", "in per cent"),
        ("1.43", "MSE", "sst", "printed", "Ours", "as printed"),
        ("28.13", "psnr", "kth-128", "printed", "PredRNN++, 100 epochs", "as printed"),
    ],
)
def test_a_figure_in_another_definition_is_led_back_to_its_row(
    reported: list[Reported], value: str, metric: str, dataset: str, kind: str, run: str, definition: str
) -> None:
    found = [each for each in explain(value, metric, reported, dataset).matches if (each.kind, each.run) == (kind, run)]
    assert [each for each in found if definition in each.definition]


def test_a_figure_that_no_row_gives_is_led_to_none(reported: list[Reported]) -> None:
    assert explain("0.8121", "accuracy", reported, "mug").matches == ()


def test_a_horizon_of_the_same_table_is_named(reported: list[Reported]) -> None:
    assert {each.lead_times for each in explain("0.86", "MSE", reported, "sst").matches} == {"1..6"}
    assert {each.lead_times for each in explain("0.6577", "SSIM", reported, "sst").matches} == {"1..10"}


def test_a_figure_that_fits_nothing_has_no_match_and_a_nearest_one(reported: list[Reported]) -> None:
    found = explain("55.55", "PSNR", reported, "moving-mnist-angle")
    assert found.matches == ()
    assert found.compared > 100
    assert found.nearest is not None
    assert found.nearest.value == "38.35"
    assert explain("1", "MSE", [], "nowhere") == Explanation((), 0, None)


def test_digits_say_how_exactly_a_figure_is_known(reported: list[Reported]) -> None:
    """38 fits whatever rounds to it, 38.0 does not fit 37.97."""
    assert len(explain("38", "PSNR", reported, "moving-mnist-angle").matches) == 2
    assert explain("38.0", "PSNR", reported, "moving-mnist-angle").matches[0].value == "37.97"
    assert explain("38.00", "PSNR", reported, "moving-mnist-angle").matches == ()


def test_a_run_here_explains_a_figure_too() -> None:
    scored = [
        Scored("persistence", "run here", "mse_sum", "1..10", 26.6901),
        Scored("persistence", "run here", "mse_sum", "10", 30.0),
        Scored("persistence", "run here", "mae_sum", "1..10", 26.6901),
        Scored("exact", "run here", "mse", "1", float("inf")),
    ]
    found = explain("26.69", "MSE", [], "nowhere", scored)
    assert fits(found) == {("run", "persistence", "mse_sum")}
    assert [each.lead_times for each in found.matches] == ["1..10"]
    assert found.compared == 2


def test_a_share_in_per_cent_is_found_as_printed_and_as_a_share() -> None:
    row = Reported("P", "", "1", "TAU", "digits", "", "SSIM (%)", "", "10", "91.23", "", "", "", "", "")
    assert [each.kind for each in explain("91.23", "SSIM", [row], "digits").matches] == ["printed"]
    assert fits(explain("0.9123", "SSIM", [row], "digits")) == {("converted", "TAU", "as a share")}


def test_metrics_are_known_by_the_names_of_papers_and_by_ours() -> None:
    assert {quantity_of(name) for name in ("PSNR", "psnr", "psnr_of_mean_mse", "psnr_channels")} == {"psnr"}
    assert quantity_of("mse_sum_x100") == "mse"
    assert quantity_of("judge_inter_entropy") == quantity_of("H(y)") == "marginal"
    assert quantity_of("judge_inception_score") == quantity_of("IS") == "inception"
    with pytest.raises(StbenchError, match="'taste' is none that papers print"):
        quantity_of("taste")


@pytest.mark.parametrize("value", ["x", "", "nan", "inf", "1e9999", "37,97,", "0,912", "26,69"])
def test_what_is_no_number_is_refused(value: str) -> None:
    with pytest.raises(StbenchError, match="give the figure as it is printed"):
        explain(value, "PSNR", [], "nowhere")
