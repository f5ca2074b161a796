from __future__ import annotations

import re
from collections import Counter
from pathlib import Path

import pytest

from stbench import registry
from stbench.boards.reported import COLUMNS, Reported, default_path, read_reported, reported_for
from stbench.errors import StbenchError
from stbench.literature.figures import convention_of
from stbench.running.plan import find_track

PATH = Path(__file__).resolve().parents[2] / "leaderboards" / "reported.csv"


@pytest.fixture(scope="module")
def numbers() -> list[Reported]:
    return read_reported(PATH)


@pytest.mark.parametrize(
    ("table", "row", "track", "metric", "value"),
    [
        ("Table 1", "Ours", "waveeq-100/forecast-40", "MSE", "4.33e-5"),
        ("Table 1", "Ours (without S)", "waveeq-100/forecast-40", "MSE", "1.33e-4"),
        ("Table 1", "Ours", "waveeq/forecast-40", "MSE", "1.44e-4"),
        ("Table 1", "Ours (without S)", "waveeq/forecast-40", "MSE", "5.09e-4"),
        ("Table 1", "Ours", "sst/forecast-10", "MSE", "0.86"),
        ("Table 1", "Ours", "sst/forecast-10", "MSE", "1.43"),
        ("Table 1", "MIM", "sst/forecast-10", "SSIM", "0.6525"),
        ("Table 1", "PKnl", "sst/forecast-10", "SSIM", "0.6686"),
        ("Table 2", "Ours", "moving-mnist/forecast-10", "PSNR", "21.70"),
        ("Table 2", "Ours", "moving-mnist/forecast-10", "SSIM", "0.9088"),
        ("Table 2", "PhyDNet", "moving-mnist/forecast-95", "SSIM", "0.3878"),
        ("Table 2", "DDPAE", "moving-mnist/swap-95", "PSNR", "13.25"),
        ("Table 3", "Ours", "taxibj/forecast-4", "MSE x 100 x 32 x 32 x 2", "39.5"),
        ("Table 3", "ConvLSTM", "taxibj/forecast-4", "MSE x 100 x 32 x 32 x 2", "48.5"),
        ("Table 4", "Ours (GRU)", "moving-mnist/forecast-95", "SSIM", "0.4888"),
        ("Table 4", "Ours (lambda_reg^T = 0)", "moving-mnist/swap-95", "PSNR", "13.95"),
        ("Table 5", "SVG", "", "FVD", "375"),
        ("Table 6", "Ours (linear, without S)", "sst/forecast-10", "MSE", "2.19"),
        ("Table 1", "Skew-H", "mug/generation-16", "PSNR", "24.25"),
        ("Table 2a", "S3VAE", "", "H(y)", "1.760"),
        ("Table 2b", "Ours H", "", "Accuracy (identity)", "0.998"),
        ("Moving MNIST, 200 epochs", "SimVP (gSTA), 200 epochs", "moving-mnist-angle/forecast-10", "MSE", "26.69"),
        ("Moving MNIST, 2,000 epochs", "TAU, 2,000 epochs", "moving-mnist-angle/forecast-10", "SSIM", "0.9661"),
        ("TaxiBJ, 50 epochs", "SimVP (IncepU), 50 epochs", "taxibj/forecast-4", "MSE", "0.3282"),
    ],
)
def test_known_numbers_are_there_once(
    numbers: list[Reported], table: str, row: str, track: str, metric: str, value: str
) -> None:
    found = [each for each in numbers if (each.table, each.row, each.track, each.metric) == (table, row, track, metric)]
    assert value in [each.value for each in found]
    assert len(found) == (2 if table == "Table 2a" or track == "sst/forecast-10" else 1)  # mug and sprites; t+6, t+10


def test_every_cell_of_every_table_is_there(numbers: list[Reported]) -> None:
    pde, hamiltonian, zoo = "dona2021pde", "khan2021hamiltonian", "tan2023openstl"
    formers, older, simvp, disentangled = (
        "tang2024predformer",
        "leguen2020phydnet",
        "gao2022simvp",
        "berman2024sequential",
    )
    assert Counter((each.bibtex_key, each.table) for each in numbers) == {
        (pde, "Table 1"): 6 * 4 + 2 * 2,
        (pde, "Table 2"): 6 * 4 + 4 * 4,
        (pde, "Table 3"): 8,
        (pde, "Table 4"): 6 * 4 + 5 * 4,
        (pde, "Table 5"): 4,
        (pde, "Table 6"): 8 * 4,
        (pde, "Section 5.3"): 4,
        (hamiltonian, "Table 1"): 4 * 3,
        (hamiltonian, "Table 2a"): 8 * 3,
        (hamiltonian, "Table 2b"): 5,
        (zoo, "Moving MNIST, 200 epochs"): 24 * 4 + 3 + 9 * 3,  # one row without PSNR; costs of nine
        (zoo, "Moving MNIST, 200 epochs, table of methods"): 2,
        (zoo, "Moving MNIST, 2,000 epochs"): 22 * 4,
        (zoo, "TaxiBJ, 50 epochs"): 23 * 4,
        (zoo, "KTH, 100 epochs"): 23 * 5 + 1 + 2 * 2,
        (zoo, "KTH, 100 epochs, table of methods"): 2 * 2,
        (zoo, "KTH, released settings"): 1,
        (zoo, "Human3.6M, 50 epochs"): 12 * 5 + 3,
        (zoo, "Moving FMNIST, 200 epochs, table of methods"): 11 * 4,
        (zoo, "Moving FMNIST, 200 epochs, table of translators"): 13 * 4,
        (zoo, "Moving MNIST-CIFAR, 200 epochs, table of methods"): 11 * 4,
        (zoo, "Moving MNIST-CIFAR, 200 epochs, table of translators"): 13 * 4,
        (zoo, "WeatherBench t2m, 5.625 degrees, 50 epochs"): 20 * 3,
        (older, "Moving MNIST"): 6 * 3,
        (older, "TaxiBJ"): 6 * 3,
        (simvp, "Moving MNIST"): 3,
        (simvp, "TaxiBJ"): 3,
        ("wang2019e3dlstm", "KTH, 10 to 20"): 4 * 2,
        (formers, "Moving MNIST"): 9 * 5 + 7 * 3 - 1 + 3 + 1 + 3 + 2 * 2 + 3 * 2,
        (formers, "TaxiBJ"): 9 * 3 + 8 * 2 + 6 * 3 + 1 + 4,
        (disentangled, "Sprites"): 8 * 4 + 3,
        (disentangled, "MUG"): 8 * 4 + 3,
    }


def test_every_number_of_the_zoo_says_how_it_was_computed_and_every_number_where_it_was_read(
    numbers: list[Reported],
) -> None:
    for each in numbers:
        assert each.source
        if each.bibtex_key == "tan2023openstl" and each.metric in ("MSE", "MAE"):
            assert convention_of(each.convention).elements
    recalled = {each.paper for each in numbers if "recalled" in each.source}
    assert recalled == {"Original papers", "Tables of the line of C-DSVAE to DBSE"}


def test_table_is_well_formed(numbers: list[Reported]) -> None:
    assert PATH.read_text(encoding="utf-8").splitlines()[0] == ",".join(COLUMNS)
    keys = [
        (each.bibtex_key, each.table, each.row, each.dataset, each.track, each.metric, each.horizon) for each in numbers
    ]
    assert len(keys) == len(set(keys))
    for each in numbers:
        assert re.fullmatch(r"\d+(\.\d+)?(e-\d)?", each.value)
        assert re.fullmatch(r"(\d+\.\d+)?", each.std)
        assert each.track == "" or re.fullmatch(rf"{each.dataset}/(forecast|swap|generation)-\d+", each.track)
        if each.track:
            track = find_track(each.dataset, each.track.partition("/")[2])
            assert int(each.horizon) in (track.horizon, *track.reported), "a mean that stands on the board"
        assert each.metric_here == "" or each.metric_here in registry.names("metrics")
        assert each.note == each.note.strip()


def test_tables_that_repeat_a_number_agree(numbers: list[Reported]) -> None:
    seen: dict[tuple[str, ...], str] = {}
    for each in numbers:
        if each.track:
            key = (each.bibtex_key, each.row, each.track, each.metric, each.horizon)
            assert seen.setdefault(key, each.value) == each.value


def test_numbers_of_another_definition_are_held_against_the_metric_that_has_it(numbers: list[Reported]) -> None:
    """SST with the future's statistics, TaxiBJ scaled, swaps with the best of two, PSNR of each colour: never our plain
    metrics."""
    named = {(each.track, each.metric): each.metric_here for each in numbers if each.metric_here}
    assert named["sst/forecast-10", "MSE"] == "mse_celsius_broadcast"
    assert named["sst/forecast-10", "SSIM"] == "ssim_gauss11_celsius_broadcast"
    assert named["chairs/swap-15", "PSNR"] == "psnr_channels"
    for horizon in (10, 95):
        assert named[f"moving-mnist/swap-{horizon}", "PSNR"] == "psnr_best_truth"
        assert named[f"moving-mnist/swap-{horizon}", "SSIM"] == "ssim_gauss11_best_truth"
    assert named["taxibj/forecast-4", "MSE x 100 x 32 x 32 x 2"] == "mse_sum_x100"
    assert named["waveeq-100/forecast-40", "MSE"] == "mse"


def test_a_figure_that_cannot_be_is_held_against_no_track(numbers: list[Reported]) -> None:
    """PSNR 16 dB above what the MSE of its row gives, from bytes subtracted modulo 256: explained, never on a board."""
    wrong = [each for each in numbers if each.value in ("37.97", "38.35")]
    assert [(each.metric, each.track, each.metric_here) for each in wrong] == [("PSNR", "", "")] * 2
    assert not {"37.97", "38.35"} & {each.value for each in reported_for("moving-mnist-angle/forecast-10", PATH)}


def test_the_zoo_of_people_stands_beside_its_track() -> None:
    found = {(each.row, each.metric): each for each in reported_for("kth-128/forecast-20", PATH)}
    assert len({row for row, _ in found if row.endswith("epochs")}) == 23
    for metric, value, here in (
        ("MSE", "45.02", "mse_sum"),
        ("MAE", "417.8", "mae_sum"),
        ("SSIM", "0.9049", "ssim_uniform7_range2"),
        ("PSNR", "27.04", ""),
        ("LPIPS", "0.2524", ""),
    ):
        row = found["SimVP (gSTA), 100 epochs", metric]
        assert (row.value, row.metric_here, row.lead_times) == (value, here, "1..20")


def test_numbers_are_held_against_metrics_their_track_has_and_vague_ones_against_none(numbers: list[Reported]) -> None:
    """A paper that does not say which SSIM it means has none of ours."""
    for each in numbers:
        if each.metric_here:
            track = find_track(each.dataset, each.track.partition("/")[2])
            assert each.metric_here in track.scored, each.track
        if each.bibtex_key == "khan2021hamiltonian":
            assert each.metric_here == ""


def test_reported_for_a_track_lists_a_number_once_from_its_first_table() -> None:
    found = reported_for("sst/forecast-10", PATH)
    assert len(found) == len({(each.row, each.metric, each.horizon) for each in found}) == 8 * 2 * 2
    assert {each.table for each in found if each.row == "Ours"} == {"Table 1"}
    assert reported_for("nothing/forecast-1", PATH) == []


def test_the_published_t6_of_sea_surface_temperature_is_the_mean_over_the_first_six_of_ten_days() -> None:
    """The published test rolls out ten days, and its broadcasting lets all ten enter the mean over six."""
    assert reported_for("sst/forecast-6", PATH) == []
    found = {(each.row, each.metric, each.lead_times): each.value for each in reported_for("sst/forecast-10", PATH)}
    assert (found["Ours", "MSE", "1..6"], found["Ours", "MSE", "1..10"]) == ("0.86", "1.43")
    assert (found["Ours", "SSIM", "1..6"], found["Ours", "SSIM", "1..10"]) == ("0.7466", "0.6577")


def test_the_file_is_found_from_any_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert default_path() is not None
    assert [each.value for each in reported_for("waveeq-100/forecast-40")] == ["4.33e-5", "1.33e-4"]


def test_a_byte_order_mark_changes_no_number(tmp_path: Path, numbers: list[Reported]) -> None:
    """As Excel saves a CSV."""
    path = tmp_path / "reported.csv"
    path.write_bytes(b"\xef\xbb\xbf" + PATH.read_bytes())
    assert read_reported(path) == numbers


@pytest.mark.parametrize("text", ["", "a,b\n1,2\n", ",".join(COLUMNS) + "\n" + ",".join("x" * len(COLUMNS)) + "\n"])
def test_another_table_is_refused_in_one_sentence(tmp_path: Path, text: str) -> None:
    path = tmp_path / "reported.csv"
    path.write_text(text)
    with pytest.raises(StbenchError, match=r"reported\.csv is no table of reported numbers"):
        read_reported(path)
    with pytest.raises(StbenchError, match="there is no table"):
        read_reported(tmp_path / "missing.csv")


def test_the_page_of_reproduction_prints_what_the_table_of_reported_numbers_has(numbers: list[Reported]) -> None:
    page = (PATH.parents[1] / "docs" / "reproduction.md").read_text("utf-8")
    section = page.partition("## Forecasting baselines: the field's own tables")[2].partition("\n## ")[0]
    head, _, *rows = [line.split("|")[2:-1] for line in section.splitlines() if line.startswith("|")]
    checked = 0
    for name, *cells in zip(head, *rows, strict=True):
        if "here" in name:
            continue
        (track,) = re.findall(r"`([^`]+)`", name)
        papers = {"leguen2020phydnet", "gao2022simvp"} if "older" in name else {"tan2023openstl"}
        asked = [each for each in numbers if each.bibtex_key in papers and each.track == track]
        known = {each.value for each in asked if each.metric == "MSE"}
        values = {value for cell in cells for value in re.findall(r"\d+\.\d+", cell)}
        assert values <= known, (track, values - known)
        checked += len(values)
    assert checked > 30
