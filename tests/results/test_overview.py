"""Skill over the best floor and win rate, by hand; only among models with the same tracks."""

from __future__ import annotations

import importlib.util
import io
import re
import sys
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from click.testing import CliRunner
from made_records import make_record, write_numbers
from tables import rows_of

from stbench.boards.floors import read_floors, write_floors
from stbench.boards.glance import skills_of
from stbench.boards.leaderboard import build
from stbench.boards.overview import Overview, overviews, track_skill
from stbench.boards.publishing import find_runs, read_entry, read_published
from stbench.boards.ranking import boards
from stbench.boards.table import board_tables
from stbench.cli.main import cli
from stbench.errors import StbenchError
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
    assert place.skill_high - place.skill_low > 1.3 * spread, "tracks alone give the spread"
    assert place.skill_low < place.skill < place.skill_high


@pytest.mark.parametrize("level", [-1.0, np.inf])
def test_a_track_with_a_value_that_has_no_ratio_is_left_out(made: Any, level: float) -> None:
    (suite,) = made({"good": (1.0, 1.0, level), "other": (1.0, 3.0, 2.0), "mean": (2.0, 2.0, 2.0)}).suites
    assert [each.track for each in suite.tracks] == [*TRACKS[:2]]


def test_ratios_are_clipped_at_a_hundred(made: Any) -> None:
    (suite,) = made({"good": (1.0, 1.0), "bad": (1000.0, 2.0), "mean": (2.0, 2.0)}).suites
    assert next(place for place in suite.places if place.model == "bad").by_track == pytest.approx((-99, 0))


def test_the_overview_is_published_and_does_not_depend_on_the_order_of_runs(tmp_path: Path, made: Any) -> None:
    overview = made(ERRORS, noise=0.3)
    build(tmp_path / "runs", tmp_path / "out")
    rows = rows_of(tmp_path / "out" / "quick" / "overview.csv")
    assert [row["model"] for row in rows] == [place.model for place in overview.suites[0].places]
    assert {(row["n_tracks"], row["n_models"], row["format"]) for row in rows} == {("3", "4", "1")}
    assert float(rows[0]["skill"]) == pytest.approx(overview.suites[0].places[0].skill, rel=1e-3)
    entries = [read_entry(each) for each in find_runs(tmp_path / "runs")]
    assert overviews(boards(entries[::-1])) == [overview]


FLOORS_OF_SPRITES = ("climatology", "dmd", "linear", "mean", "nearest-neighbour", "persistence")
LACKING = "not all floors were run: dmd, nearest-neighbour"


@pytest.fixture
def sprites(run: Any) -> Callable[..., None]:
    """`sprites(*floors)`: a model, and these floors, on three tracks; of the first one, sprites/forecast-4, boards know
    which floors apply. There each floor errs less than those before it."""

    def make(*floors: str, **changes: Any) -> None:
        for track in ("sprites/forecast-4", "aa/forecast-3", "bb/forecast-3"):
            where = {"track": track, "dataset": track.partition("/")[0], **changes}
            run(1.0, **where, model="model")
            for place, floor in enumerate(floors):
                run(20.0 / (1 + place), **where, model=floor, floor=True)

    return make


def test_a_picture_of_boards_without_a_skill_is_refused_in_a_sentence(tmp_path: Path, run: Any) -> None:
    run(1.0, model="model", track="aa/forecast-3", dataset="aa")
    for preset, wanted in (("quick", 1), ("cpu", 0)):
        words = ["leaderboard", "--runs", str(tmp_path / "runs"), "--out", str(tmp_path / "out"), "--preset", preset]
        result = CliRunner().invoke(cli, [*words, "--picture", str(tmp_path / "o.png")])
        assert result.exit_code == 2, result.output
        assert "there is no model with a skill to draw into" in result.stderr.replace("\n", " ")
        shown = [each for each in boards(read_published(tmp_path / "out")) if each.preset == preset]
        assert (len(shown), skills_of(shown).values.shape) == (wanted, (0, 0))
        assert not (tmp_path / "o.png").exists()


def test_without_a_floor_that_applies_there_is_no_skill_and_page_and_terminal_name_it(
    tmp_path: Path, sprites: Any
) -> None:
    from rich.console import Console

    sprites("climatology", "linear", "mean", "persistence")
    build(tmp_path / "runs", tmp_path / "out", page=tmp_path / "out" / "index.html")
    board, *others = sorted(boards(read_published(tmp_path / "out")), key=lambda each: -len(each.floors))
    assert (board.track.id, board.floors, board.floors_note) == ("sprites/forecast-4", FLOORS_OF_SPRITES, LACKING)
    assert track_skill(board) is None
    assert all(track_skill(each) is not None for each in others), "nobody says which floors apply to foreign data"
    (overview,) = overviews([board, *others])
    assert [track.track for suite in overview.suites for track in suite.tracks] == ["aa/forecast-3", "bb/forecast-3"]
    assert "sprites" not in (tmp_path / "out" / "quick" / "overview.csv").read_text()
    assert skills_of([board, *others]).tracks == ("aa/forecast-3", "bb/forecast-3")

    page, pages = tmp_path / "out" / "index.html", tmp_path / "out" / "pages"
    text = page.read_text("utf-8")
    assert re.search(
        rf'sprites/forecast-4</a></th>.*\n.*\n<td>{LACKING}</td><td class="number" data-sort=""></td>', text
    )
    assert re.search(r"not all floors that apply were run: <a [^>]*>sprites/forecast-4</a> \(dmd, nearest-neighb", text)
    assert f"{LACKING.capitalize()}. Without them there is no skill" in (
        pages / "track-sprites-forecast-4.html"
    ).read_text("utf-8")
    assert (pages / "model-model.html").read_text("utf-8").count(LACKING) == 1
    console = Console(width=200, record=True, file=io.StringIO())
    for each in board_tables(board, width=200):
        console.print(each)
    assert LACKING in console.export_text()


def test_with_all_floors_skill_is_over_the_best_of_them(tmp_path: Path, sprites: Any) -> None:
    sprites(*FLOORS_OF_SPRITES)
    entries = [read_entry(each) for each in find_runs(tmp_path / "runs")]
    found = {board.track.id: board for board in boards(entries)}
    skill = track_skill(found["sprites/forecast-4"])
    assert skill is not None
    assert not found["sprites/forecast-4"].floors_note
    assert skill.about.floor == "persistence"
    assert skill.skill["model"] == pytest.approx(1 - 6 / 20)
    other = {"sprites/forecast-4": ("mean", "of-tomorrow")}
    assert [board.floors_note for board in boards(entries, other) if board.floors] == [
        "not all floors were run: of-tomorrow"
    ], "the list decides, and not what is registered"


def test_a_floor_that_could_not_be_asked_is_not_lacking_and_one_on_older_data_is(tmp_path: Path, run: Any) -> None:
    floors = {"aa/forecast-3": ("mean", "linear", "dmd")}
    where = {"track": "aa/forecast-3", "dataset": "aa"}
    run(1.0, **where, dataset_version="2")
    run(2.0, **where, dataset_version="2", model="mean", floor=True)
    run(2.0, **where, dataset_version="1", model="linear", floor=True)
    run(**where, dataset_version="2", model="dmd", floor=True, not_applicable="it cannot")
    (board,) = boards([read_entry(each) for each in find_runs(tmp_path / "runs")], floors)
    assert board.lacking == ("linear",)


def test_boards_without_any_floor_are_built_and_an_overview_of_before_goes(tmp_path: Path, run: Any) -> None:
    (tmp_path / "out" / "quick").mkdir(parents=True)
    (tmp_path / "out" / "quick" / "overview.csv").write_text("of before\n")
    for preset in ("quick", "custom-mine"):
        for dataset, track in (("sst", "sst/forecast-6"), ("taxibj", "taxibj/forecast-4")):
            run(1.0, track=track, dataset=dataset, preset=preset)
    page = build(tmp_path / "runs", tmp_path / "out", page=tmp_path / "out" / "index.html")[-1]
    text = page.read_text("utf-8")
    missing = ", ".join(FLOORS_OF_SPRITES)
    assert text.count(f"({missing})") == 4
    assert not (tmp_path / "out" / "quick" / "overview.csv").exists()


def test_the_reproduction_page_names_no_best_floor_where_one_is_missing(
    tmp_path: Path, run: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = Path(__file__).resolve().parents[2] / "docs" / "make_reproduction.py"
    spec = importlib.util.spec_from_file_location("make_reproduction", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    monkeypatch.setitem(sys.modules, spec.name, module)  # its dataclasses look there
    spec.loader.exec_module(module)
    where = {"track": "taxibj/forecast-4", "dataset": "taxibj", "preset": "cpu"}
    run(1.0, **where)
    for place, floor in enumerate(FLOORS_OF_SPRITES):
        if floor != "dmd":
            run(2.0 + place, **where, model=floor, floor=True)
    found = {("cpu", board.track.id): board for board in boards(map(read_entry, find_runs(tmp_path / "runs")))}
    row = module.quarter(SimpleNamespace(boards=found)).splitlines()[-1]
    assert "| not all floors were run: dmd |" in row
    assert "`climatology`" not in row


def test_the_committed_list_of_floors_is_what_the_floors_of_today_say(tmp_path: Path) -> None:
    """Else: `stbench leaderboard --update-not-applicable`."""
    path = Path(__file__).resolve().parents[2] / "leaderboards" / "floors.csv"
    assert write_floors(tmp_path / "list.csv").read_bytes() == path.read_bytes()
    found = read_floors(path)
    assert found["moving-mnist/draws-10"] == ("analogue", *FLOORS_OF_SPRITES), "a forecast is one draw"
    assert found["sprites/generation-16"] == ("mean", "persistence")
    assert "sprites/probe-8" not in found


def test_a_damaged_list_of_floors_is_one_sentence(tmp_path: Path) -> None:
    for text in ("a,b\n", "track,floor\nonly\n"):
        (tmp_path / "list.csv").write_text(text)
        with pytest.raises(StbenchError, match=r"list\.csv is no list of floors that apply .*--update-not-applicable"):
            read_floors(tmp_path / "list.csv")


def test_floors_alone_are_no_suite(tmp_path: Path) -> None:
    """Two tracks on which no model but the floors met: nothing to average."""
    for model, tracks in {"mean": TRACKS[:2], "linear": TRACKS[:2], "good": TRACKS[:1], "other": TRACKS[1:2]}.items():
        for track in tracks:
            record = make_record(model=model, floor=model in FLOORS, track=track, dataset=track.partition("/")[0])
            scores = Scores(np.arange(6), np.zeros(6, int), {"mse": np.ones((6, 3))}, 0.5)
            folder = tmp_path / f"{model}-{record.dataset}"
            write_numbers(folder, record, scores).write(folder)
    assert overviews(boards(read_entry(each) for each in find_runs(tmp_path))) == []
