"""What boards add from what was scored: the PSNR of the mean error, the useful horizon."""

from __future__ import annotations

import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from made_records import make_record, write_numbers
from tables import rows_of

from stbench import registry
from stbench.boards.leaderboard import build
from stbench.boards.publishing import read_published
from stbench.boards.ranking import boards
from stbench.metrics.derived import crossing
from stbench.protocols.scoring import Scores


def cells(path: Path, model: str, metric: str) -> dict[str, dict[str, str]]:
    return {row["lead_time"]: row for row in rows_of(path) if (row["model"], row["metric"]) == (model, metric)}


@pytest.fixture
def scored(tmp_path: Path) -> Callable[..., Path]:
    """`scored(model, mse, ...)`: a run with mse, and psnr of each window, (k, h)."""

    def write(model: str, mse: np.ndarray, *, psnr: bool = True, **changes: Any) -> Path:
        record = make_record(model=model, **{"track": f"waveeq-100/forecast-{mse.shape[1]}", **changes})
        with np.errstate(divide="ignore"):
            values = {"mse": mse} | ({"psnr": -10 * np.log10(mse)} if psnr else {})
        folder = tmp_path / "runs" / f"{model}-{record.seed}"
        write_numbers(folder, record, Scores(np.arange(len(mse)), np.zeros(len(mse), int), values, 0.5)).write(folder)
        return folder

    return write


def test_an_exact_frame_empties_the_mean_of_decibels_and_not_the_decibels_of_the_mean(
    tmp_path: Path, scored: Any
) -> None:
    mse = np.random.default_rng(0).gamma(2, 0.01, size=(30, 3))
    mse[4, 1] = 0
    scored("exact", mse)
    (path,) = build(tmp_path / "runs", tmp_path / "out")
    per_frame, of_mean = cells(path, "exact", "psnr"), cells(path, "exact", "psnr_of_mean_mse")
    assert per_frame["1..3"]["value"] == "inf"
    assert float(of_mean["1..3"]["value"]) == pytest.approx(-10 * math.log10(mse.mean()), rel=1e-5)
    assert float(of_mean["3"]["value"]) == pytest.approx(-10 * math.log10(mse[:, 2].mean()), rel=1e-5)
    error = cells(path, "exact", "mse")["1..3"]
    for end, other in (("ci_low", "ci_high"), ("ci_high", "ci_low")):
        assert float(of_mean["1..3"][end]) == pytest.approx(-10 * math.log10(float(error[other])), rel=1e-4)
    (board,) = boards(read_published(tmp_path / "out"))
    assert board.shown == ("mse", "psnr", "psnr_of_mean_mse"), "it stands beside the mean of frames"


def test_a_run_without_psnr_gets_no_decibels_and_one_without_any_error_infinitely_many(
    tmp_path: Path, scored: Any
) -> None:
    scored("vectors", np.ones((3, 3)), psnr=False)
    scored("perfect", np.zeros((3, 3)))
    (path,) = build(tmp_path / "runs", tmp_path / "out")
    assert cells(path, "vectors", "psnr_of_mean_mse")["1..3"]["value"] == "not scored"
    assert cells(path, "perfect", "psnr_of_mean_mse")["1..3"]["value"] == "inf"


def test_decibels_of_the_mean_are_what_the_metric_gives_of_frames() -> None:
    metric, frames = (
        registry.metric("psnr_of_mean_mse"),
        np.random.default_rng(1).random((2, 4, 3, 1, 8, 8), np.float32),
    )
    expected = -10 * np.log10(((frames[0].astype(float) - frames[1]) ** 2).mean())
    assert metric.mean(metric.frame_values(frames[0], frames[1])) == pytest.approx(expected, rel=1e-12)


@pytest.mark.parametrize(
    ("skill", "expected"),
    [
        ([0.5, 0.25, -0.25, 0.9], 2.5),
        ([0.5, 0.0, 0.5, 0.5], 2.0),
        ([-0.1, 0.5, 0.5, 0.5], 0.0),
        ([0.0, 0.5, 0.5, 0.5], 0.0),
        ([0.5, 0.4, 0.3, 0.2], 4.0),
        ([0.5, 0.4, 0.3, -0.1], 3.75),
        ([0.5, -np.inf, 0.1, 0.1], 1.0),
        ([0.5, np.nan, 0.1, 0.1], 1.0),
    ],
)
def test_the_horizon_ends_where_skill_first_falls_to_zero(skill: list[float], expected: float) -> None:
    assert float(crossing(np.array(skill))) == pytest.approx(expected)


def test_the_useful_horizon_is_where_the_curve_of_a_model_meets_that_of_the_climatology(
    tmp_path: Path, scored: Any
) -> None:
    hard = np.random.default_rng(2).gamma(9, 1 / 9, size=(40, 1))
    lead = np.arange(1, 7)
    scored("climatology", hard * np.full(6, 3.5), floor=True)
    own = hard * lead * (1 + 0.2 * np.random.default_rng(3).standard_normal((40, 6)))
    scored("model", own)
    scored("always", hard * np.full(6, 0.1))
    scored("never", hard * np.full(6, 9.0))
    (path,) = build(tmp_path / "runs", tmp_path / "out")
    found = {
        model: cells(path, model, "useful_horizon")["1..6"] for model in ("model", "always", "never", "climatology")
    }
    skill = 1 - own.mean(axis=0) / (3.5 * hard.mean())
    k = int(np.argmax(skill <= 0))
    assert float(found["model"]["value"]) == pytest.approx(k + skill[k - 1] / (skill[k - 1] - skill[k]), rel=1e-5)
    low, high = float(found["model"]["ci_low"]), float(found["model"]["ci_high"])
    assert 2.5 < low < float(found["model"]["value"]) < high < 4.5
    assert [float(found["always"][name]) for name in ("value", "ci_low", "ci_high")] == [6, 6, 6]
    assert [float(found["never"][name]) for name in ("value", "ci_low", "ci_high")] == [0, 0, 0]
    assert float(found["climatology"]["value"]) == 0
    assert found["model"]["metric_version"] == "2, mse 1"


def test_the_useful_horizon_ends_at_the_mean_frame_where_that_errs_less_than_the_climatology(
    tmp_path: Path, scored: Any, to_format_1: Any
) -> None:
    rng = np.random.default_rng(4)
    hard, lead = rng.gamma(9, 1 / 9, size=(40, 1)), np.arange(1, 5)
    where = {"track": "sprites/forecast-4", "dataset": "sprites"}
    climatology, mean = np.array([1.0, 2.0, 9.0, 9.0]), np.full(4, 2.5)
    scored("climatology", hard * climatology, floor=True, **where)
    floor = scored("mean", hard * mean, floor=True, **where)
    own = hard * lead * 0.7 * (1 + 0.2 * rng.standard_normal((40, 4)))
    scored("model", own, **where)
    (path,) = build(tmp_path / "runs", tmp_path / "out")
    found = {each: cells(path, each, "useful_horizon")["1..4"] for each in ("model", "mean", "climatology")}
    assert [float(found[each]["value"]) for each in ("mean", "climatology")] == [0, 0], "neither beats the better one"
    skill = 1 - own.mean(axis=0) / (np.minimum(climatology, mean) * hard.mean())
    k = int(np.argmax(skill <= 0))
    expected = k + skill[k - 1] / (skill[k - 1] - skill[k])
    assert 3 < expected < 4, "the climatology is beaten at every lead time, the mean frame is not"
    assert float(found["model"]["value"]) == pytest.approx(expected, rel=1e-5)
    low, high = float(found["model"]["ci_low"]), float(found["model"]["ci_high"])
    assert low < expected < high < 4
    to_format_1(floor, published=True)
    (path,) = build(tmp_path / "runs", tmp_path / "other")
    row = cells(path, "model", "useful_horizon")["1..4"]
    assert (float(row["value"]), row["ci_low"]) == (pytest.approx(expected, rel=1e-5), ""), "no curve of the mean"


def test_without_climatology_there_is_no_horizon_and_without_curves_no_interval(
    tmp_path: Path, scored: Any, to_format_1: Any
) -> None:
    where = {"track": "sprites/forecast-4", "dataset": "sprites"}
    model = scored("model", np.full((30, 4), 0.2), **where)
    (path,) = build(tmp_path / "runs", tmp_path / "out")
    assert not cells(path, "model", "useful_horizon")
    to_format_1(model, published=True)
    to_format_1(scored("climatology", np.full((30, 4), 0.5), floor=True, **where), published=True)
    (path,) = build(tmp_path / "runs", tmp_path / "other")
    row = cells(path, "model", "useful_horizon")["1..4"]
    assert (row["value"], row["ci_low"]) == ("4", "")
