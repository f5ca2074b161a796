"""Frames that runs keep, as sheets beside the boards."""

from __future__ import annotations

import io
import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import zarr
from PIL import Image
from tables import text_of_pages

from stbench.boards.gallery import read_gallery
from stbench.boards.leaderboard import build
from stbench.boards.page import write_page
from stbench.boards.publishing import read_published
from stbench.errors import StbenchError

WINDOWS, HORIZON, SIDE = 5, 3, 8
ERRORS = np.array([3.0, 1.0, 5.0, 2.0, 4.0])
"""Of the windows: the second is best, the first the median, the third worst."""


def keep(folder: Path, level: float, *, vectors: bool = False, truth: bool = True) -> None:
    """As `stbench.protocols.kept` writes it; every pixel of window k is off by `level * ERRORS[k]`."""
    shape = (WINDOWS, HORIZON, 12) if vectors else (WINDOWS, HORIZON, 1, SIDE, SIDE)
    target = np.random.default_rng(0).normal(size=shape).astype(np.float32)
    apart = (level * ERRORS).reshape(-1, *[1] * (len(shape) - 1))
    group = zarr.open_group(folder / "predictions.zarr", mode="w", zarr_format=3)
    group.create_array("target" if truth else "shown", data=target)
    group.create_array("prediction", data=(target + apart).astype(np.float32))
    group.create_array("sequence", data=np.arange(20, 20 + WINDOWS))
    group.create_array("start", data=np.arange(WINDOWS))


@pytest.fixture
def runs(run: Any) -> dict[str, Path]:
    """Two models, of which "good" is the better one, and two floors."""
    return {
        name: run(level, model=name, floor=name.startswith("floor"), fingerprint=f"{k}" * 64)
        for k, (name, level) in enumerate({"good": 1.0, "bad": 2.0, "floor-a": 3.0, "floor-b": 4.0}.items())
    }


def built(tmp_path: Path) -> tuple[Path, Any]:
    """The folder of the gallery, and what it says of itself."""
    out = tmp_path / "out"
    build(tmp_path / "runs", out, page=out / "index.html")
    from stbench.boards.ranking import boards

    (board,) = boards(read_published(out))
    return out / "gallery" / "quick" / board.file_stem, read_gallery(board, out)


def test_best_median_and_worst_window_are_those_of_the_best_ranked_model(tmp_path: Path, runs: Any) -> None:
    for level, folder in zip((0.1, 0.001, 0.3, 0.4), runs.values(), strict=True):
        keep(folder, level)
    folder, gallery = built(tmp_path)
    assert gallery.models == ("good", "bad", "floor-a"), "every model and the best floor, by rank"
    assert [(each.rule, each.sequence, each.start) for each in gallery.windows] == [
        ("best", 21, 1),
        ("median", 20, 0),
        ("worst", 22, 2),
    ]
    assert [each.error for each in gallery.windows] == pytest.approx([0.01, 0.09, 0.25], rel=1e-5)
    assert (gallery.kept, gallery.lead_times, gallery.without_frames) == (WINDOWS, (1, 2, 3), ())
    for each in gallery.windows:
        picture = Image.open(folder / f"{each.rule}.webp")
        assert picture.size == (HORIZON * 64, len(gallery.rows) * 64), "tiles of 64 pixels at least"


def test_a_sheet_shows_truth_forecasts_and_errors_on_one_scale_each(tmp_path: Path, runs: Any) -> None:
    keep(runs["good"], 0.0)
    keep(runs["bad"], 1.0)
    keep(runs["floor-a"], 2.0)
    folder, gallery = built(tmp_path)
    assert gallery.rows == (
        "truth", "good", "good: |error|", "bad", "bad: |error|", "floor-a", "floor-a: |error|"
    )  # fmt: skip
    sheet = np.asarray(Image.open(io.BytesIO((folder / "worst.webp").read_bytes())), np.float64)
    truth, good, none, bad, some, _, most = np.split(sheet, len(gallery.rows))
    assert np.abs(truth - good).mean() < 3, "compression apart"
    assert np.abs(truth - bad).mean() > 20
    assert none.mean() < 20 < some.mean() < most.mean(), "no error is black, the largest brightest"


def test_a_gallery_stays_without_the_runs_and_yields_to_no_smaller_one(tmp_path: Path, runs: Any) -> None:
    for folder in runs.values():
        keep(folder, 0.1)
    folder, gallery = built(tmp_path)
    before = {path.name: path.read_bytes() for path in folder.iterdir()}
    shutil.rmtree(runs["bad"] / "predictions.zarr")
    assert built(tmp_path) == (folder, gallery)
    shutil.rmtree(tmp_path / "runs")
    assert built(tmp_path) == (folder, gallery)
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == before
    page = text_of_pages(tmp_path / "out" / "index.html")
    assert page.count('class="player"') == 3
    assert "Three of the 5 test windows whose frames these runs keep" in page


def test_whose_frames_are_missing_is_named(tmp_path: Path, runs: Any) -> None:
    keep(runs["bad"], 0.1)
    _, gallery = built(tmp_path)
    assert (gallery.models, gallery.without_frames) == (("bad",), ("good", "floor-a"))
    assert "No frames at hand of: good, floor-a." in text_of_pages(tmp_path / "out" / "index.html")


def files_of(folder: Path, name: str) -> list[Path]:
    """Of an array of what a run keeps, without its metadata."""
    return [
        path for path in (folder / "predictions.zarr" / name).rglob("*") if path.is_file() and path.name != "zarr.json"
    ]


def lose(folder: Path, name: str) -> None:
    for path in files_of(folder, name):
        path.unlink()


def cut(folder: Path, name: str) -> None:
    for path in files_of(folder, name):
        path.write_bytes(path.read_bytes()[:200])


def changed(folder: Path, name: str, values: Any) -> None:
    """An array is replaced by `values` of what it was."""
    group: Any = zarr.open_group(folder / "predictions.zarr", mode="a", zarr_format=3)
    made = np.asarray(values(np.asarray(group[name])))
    group.create_array(name, data=made, overwrite=True)


DAMAGE: dict[str, Any] = {
    "a forecast whose file is gone": lambda folder: lose(folder, "prediction"),
    "a truth whose file is gone": lambda folder: lose(folder, "target"),
    "a forecast that is cut": lambda folder: cut(folder, "prediction"),
    "sequences that are cut": lambda folder: changed(folder, "sequence", lambda found: found[:-1]),
    "a window twice": lambda folder: (
        changed(folder, "sequence", lambda found: 0 * found), changed(folder, "start", lambda found: 0 * found)
    ),
    "places in a square": lambda folder: changed(folder, "sequence", lambda found: found[:, None]),
    "places before the first": lambda folder: changed(folder, "start", lambda found: found - 1),
    "fewer lead times": lambda folder: changed(folder, "prediction", lambda found: found[:, :-1]),
    "frames of another size": lambda folder: [
        changed(folder, name, lambda found: found[..., :-1]) for name in ("prediction", "target")
    ],
    "values that are no numbers": lambda folder: changed(folder, "prediction", lambda found: found * np.nan),
    "an array without metadata": lambda folder: (folder / "predictions.zarr" / "start" / "zarr.json").unlink(),
}  # fmt: skip


@pytest.mark.parametrize("damage", DAMAGE.values(), ids=DAMAGE)
def test_damaged_frames_are_not_at_hand_and_the_rest_is_published(tmp_path: Path, runs: Any, damage: Any) -> None:
    keep(runs["good"], 0.1)
    keep(runs["bad"], 0.2)
    damage(runs["bad"])
    folder, gallery = built(tmp_path)
    assert (gallery.models, gallery.without_frames) == (("good",), ("bad", "floor-a"))
    assert len([*folder.glob("*.webp")]) == 3
    assert "No frames at hand of: bad, floor-a." in text_of_pages(tmp_path / "out" / "index.html")


@pytest.mark.parametrize("what", ["prediction", "target"])
@pytest.mark.parametrize("damage", [lose, cut])
def test_where_the_best_model_has_damaged_frames_the_next_one_leads(
    tmp_path: Path, runs: Any, what: str, damage: Any
) -> None:
    for folder in runs.values():
        keep(folder, 0.1)
    damage(runs["good"], what)
    _, gallery = built(tmp_path)
    assert (gallery.models, gallery.without_frames) == (("bad", "floor-a"), ("good",))


def test_where_all_frames_are_damaged_the_published_gallery_stays(tmp_path: Path, runs: Any) -> None:
    keep(runs["good"], 0.1)
    before = built(tmp_path)
    cut(runs["good"], "prediction")
    assert built(tmp_path) == before


def test_a_forecast_that_diverged_is_shown(tmp_path: Path, runs: Any) -> None:
    """Its squares are beyond float32, and infinity is no JSON."""
    keep(runs["good"], 1e25)
    _, gallery = built(tmp_path)
    assert [each.error for each in gallery.windows] == pytest.approx([1e50, 9e50, 25e50], rel=1e-5)


def test_sensors_are_drawn_against_time_in_one_tile(tmp_path: Path, runs: Any) -> None:
    keep(runs["good"], 0.1, vectors=True)
    folder, gallery = built(tmp_path)
    assert gallery.lead_times == (1,)
    height, width = np.asarray(Image.open(folder / "best.webp")).shape[:2]
    assert height / len(gallery.rows) / width == pytest.approx(12 / HORIZON)


def test_without_a_truth_or_frames_the_page_says_so(tmp_path: Path, runs: Any) -> None:
    keep(runs["good"], 0.1, truth=False)
    folder, gallery = built(tmp_path)
    assert gallery is None
    assert not folder.exists()
    assert "No gallery: these runs kept no frames" in text_of_pages(tmp_path / "out" / "index.html")


def test_an_older_picture_is_shown_as_what_it_is(tmp_path: Path, runs: Any) -> None:
    built(tmp_path)
    pictures = tmp_path / "pictures"
    (pictures / "quick").mkdir(parents=True)
    (pictures / "quick" / "waveeq-100-forecast-3-forecast.png").write_bytes(b"")
    write_page(tmp_path / "out", tmp_path / "out" / "index.html", pictures=pictures)
    page = text_of_pages(tmp_path / "out" / "index.html")
    assert 'src="../../pictures/quick/waveeq-100-forecast-3-forecast.png"' in page
    assert "there is no best, median and worst window" in page


def test_a_damaged_description_is_one_sentence(tmp_path: Path, runs: Any) -> None:
    keep(runs["good"], 0.1)
    folder, _ = built(tmp_path)
    shutil.rmtree(tmp_path / "runs")
    path = folder / "gallery.json"
    content = json.loads(path.read_text())
    for damage in ({"kept": -1}, {"models": "good"}, {"windows": [{"rule": "../../secret"}]}):
        path.write_text(json.dumps(content | damage))
        with pytest.raises(StbenchError, match=r"gallery\.json describes no gallery"):
            built(tmp_path)
