"""Skill over the best floor and win rate, by hand; only among models with the same tracks."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from made_records import make_record, write_numbers
from tables import rows_of

from stbench.boards.board import boards
from stbench.boards.leaderboard import build
from stbench.boards.overview import Overview, overviews
from stbench.boards.publishing import find_runs, read_entry
from stbench.protocols.scoring import Scores

TRACKS = ("aa/forecast-3", "bb/forecast-3", "cc/forecast-3")
ERRORS = {
    "good": (1.0, 2.0, 0.0),
    "other": (4.0, 2.0, 8.0),
    "mean": (2.0, 9.0, 8.0),
    "linear": (5.0, 4.0, 16.0),
}
FLOORS = ("mean", "linear")


@pytest.fixture
def made(tmp_path: Path) -> Callable[..., Overview]:
    """`made(errors by model)`: the overview of runs with these errors on `TRACKS`; None: no run there."""

    def make(errors: Any, noise: float = 0.0, k: int = 6, metric: str = "mse") -> Overview:
        rng = np.random.default_rng(7)
        for model, levels in errors.items():
            for track, level in zip(TRACKS, levels, strict=False):
                if level is None:
                    continue
                values = level * np.exp(noise * rng.standard_normal((k, 3)))
                record = make_record(model=model, floor=model in FLOORS, track=track, dataset=track.partition("/")[0])
                folder = tmp_path / "runs" / f"{model}-{record.dataset}"
                scores = Scores(np.arange(k), np.zeros(k, int), {metric: values}, 0.5)
                write_numbers(folder, record, scores).write(folder)
        (found,) = overviews(boards(read_entry(each) for each in find_runs(tmp_path / "runs")))
        return found

    return make


def test_skill_is_one_less_the_geometric_mean_of_clipped_ratios_to_the_best_floor(made: Any) -> None:
    (suite,) = made(ERRORS).suites
    found = {place.model: place for place in suite.places}
    # The best floors: mean with 2, linear with 4, mean with 8. A perfect forecast counts as a hundredth.
    ratios = {
        "good": (1 / 2, 2 / 4, 0.01),
        "other": (4 / 2, 2 / 4, 8 / 8),
        "mean": (1, 9 / 4, 1),
        "linear": (5 / 2, 1, 2),
    }
    for model, each in ratios.items():
        assert found[model].skill == pytest.approx(1 - np.prod(each) ** (1 / 3))
        assert found[model].by_track == pytest.approx([1 - ratio for ratio in each])
    assert [track.floor for track in suite.tracks] == ["mean", "linear", "mean"]
    assert [place.model for place in suite.places] == sorted(found, key=lambda model: -found[model].skill)


def test_win_rate_counts_the_others_on_every_track_and_a_tie_half(made: Any) -> None:
    (suite,) = made(ERRORS).suites
    found = {place.model: place.win_rate for place in suite.places}
    assert found == pytest.approx(
        {"good": (3 + 2.5 + 3) / 9, "other": (1 + 2.5 + 1.5) / 9, "mean": (2 + 0 + 1.5) / 9, "linear": (0 + 1 + 0) / 9}
    )


def test_models_are_compared_on_tracks_all_of_them_were_run_on(made: Any) -> None:
    errors = {**ERRORS, "picky": (0.1, 0.1, None), "once": (0.1, None, None)}
    found = made(errors).suites
    assert [len(suite.tracks) for suite in found] == [3, 2]
    assert {place.model for place in found[0].places} == {*ERRORS}
    assert {place.model for place in found[1].places} == {*ERRORS, "picky"}
    assert found[1].places[0].model == "picky"


def test_of_a_metric_where_higher_is_better_the_floor_is_divided_by_the_model(made: Any) -> None:
    (suite,) = made({"good": (0.8, 0.5), "mean": (0.4, 0.5), "linear": (0.2, 0.25)}, metric="ssim_gauss11").suites
    found = {place.model: place for place in suite.places}
    assert found["good"].by_track == pytest.approx((1 - 0.4 / 0.8, 0))
    assert found["good"].win_rate == pytest.approx((2 + 1.5) / 4)


def test_intervals_go_over_tracks_and_then_over_clusters(made: Any) -> None:
    (exact,) = made(ERRORS).suites
    place = next(each for each in exact.places if each.model == "linear")
    # Over tracks alone: the values of a track have no spread. Three of 27 draws take one track three times.
    assert (place.skill_low, place.skill_high) == pytest.approx((1 - 5 / 2, 0))
    assert place.skill_low < place.skill < place.skill_high
    assert place.resampled == 3


def test_clusters_widen_the_interval_where_they_differ(made: Any) -> None:
    same = {"good": (1.0, 1.0, 1.0), "mean": (2.0, 2.0, 2.0)}
    (noisy,) = made(same, noise=1.0).suites
    place = noisy.places[0]
    spread = max(place.by_track) - min(place.by_track)
    assert place.skill_high - place.skill_low > spread / 2
    assert place.skill_low < place.skill < place.skill_high


def test_the_overview_is_published_and_does_not_depend_on_the_order_of_runs(tmp_path: Path, made: Any) -> None:
    overview = made(ERRORS, noise=0.3)
    build(tmp_path / "runs", tmp_path / "out")
    rows = rows_of(tmp_path / "out" / "quick" / "overview.csv")
    assert [row["model"] for row in rows] == [place.model for place in overview.suites[0].places]
    assert {(row["n_tracks"], row["n_models"], row["format"]) for row in rows} == {("3", "4", "1")}
    assert float(rows[0]["skill"]) == pytest.approx(overview.suites[0].places[0].skill, rel=1e-3)
    entries = [read_entry(each) for each in find_runs(tmp_path / "runs")]
    assert overviews(boards(entries[::-1])) == [overview]
