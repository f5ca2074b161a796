"""Runs are published whole, once, and boards are rebuilt from what was published."""

from __future__ import annotations

import json
import os
import re
import shutil
from pathlib import Path
from typing import Any

import pytest
from tables import files_in, main_rows, rows_of

from stbench.boards.leaderboard import build, csv_text
from stbench.boards.overview import overview_csv, overviews
from stbench.boards.publishing import publish, read_entry, read_published
from stbench.boards.ranking import boards
from stbench.errors import StbenchError

LEADERBOARDS = Path(__file__).resolve().parents[2] / "leaderboards"


def test_published_rows_stay_when_their_run_folders_are_gone(tmp_path: Path, run: Any) -> None:
    run(1.0, model="first")
    build(tmp_path / "runs", tmp_path / "out")
    shutil.rmtree(tmp_path / "runs")
    run(2.0, model="second")
    (path,) = build(tmp_path / "runs", tmp_path / "out")
    assert list(main_rows(path)) == ["first", "second"]
    shutil.rmtree(tmp_path / "runs")
    before = path.read_bytes()
    assert build(tmp_path / "runs", tmp_path / "out") == [path]
    assert path.read_bytes() == before


def test_a_newer_run_replaces_and_an_older_or_unfinished_one_does_not(tmp_path: Path, run: Any) -> None:
    stopped = {"steps": 2, "finished": False, "seconds": 1.0}

    def value() -> float:
        (path,) = build(tmp_path / "runs", tmp_path / "out")
        (row,) = main_rows(path).values()
        shutil.rmtree(tmp_path / "runs")
        return float(row["value"])

    run(1.0, finished="2026-01-02T00:00:00+00:00", started="2026-01-01T00:00:00+00:00")
    first = value()
    run(2.0, finished="2026-01-01T12:00:00+00:00")
    assert value() == first
    run(3.0, finished="2026-01-09T00:00:00+00:00", training=stopped)
    assert value() == first
    run(4.0, finished="2026-01-02T01:00:00+02:00")
    assert value() == first
    run(5.0, finished="2026-01-03T00:00:00+00:00")
    assert value() == pytest.approx(5 * first, rel=1e-5)


def test_training_that_was_stopped_is_noted(tmp_path: Path, run: Any) -> None:
    run(training={"steps": 2, "finished": False, "seconds": 1.0}, budget_seconds=1.0)
    (path,) = build(tmp_path / "runs", tmp_path / "out")
    (row,) = main_rows(path).values()
    assert "stopped before its last step" in row["note"]
    assert row["budget_seconds"] == "1"


def test_text_depends_on_the_records_only(tmp_path: Path, run: Any) -> None:
    folders = [
        run(level, model=model, seed=seed) for level, model, seed in ((1.0, "b", 1), (2.0, "b", 0), (3.0, "a", 0))
    ]
    texts = []
    for k, order in enumerate((folders, folders[::-1])):
        for folder in order:
            publish(folder, tmp_path / str(k))
        texts.append(csv_text(*boards(reversed(read_published(tmp_path / str(k))))))
    assert texts[0] == texts[1]


@pytest.mark.parametrize("name", ["record.json", "results.csv"])
def test_a_damaged_file_of_a_published_run_is_named(tmp_path: Path, run: Any, name: str) -> None:
    run()
    build(tmp_path / "runs", tmp_path / "out")
    (path,) = (tmp_path / "out" / "records").rglob(name)
    path.write_text(path.read_text()[:40])
    shutil.rmtree(tmp_path / "runs")
    with pytest.raises(StbenchError, match=re.escape(str(path))) as caught:
        build(tmp_path / "runs", tmp_path / "out")
    assert "\n" not in str(caught.value)


def test_results_of_another_run_are_refused(tmp_path: Path, run: Any) -> None:
    one, other = run(1.0), run(2.0, seed=1)
    shutil.copy(other / "results.csv", one / "results.csv")
    with pytest.raises(StbenchError, match="belongs to another run"):
        build(tmp_path / "runs", tmp_path / "out")


@pytest.mark.parametrize(
    "names",
    [
        {"model": "../../evil"},
        {"preset": ".."},
        {"preset": "/tmp/evil"},
        {"dataset": "../../../evil"},
        {"dataset": ""},
        {"protocol": "../../forecast"},
        {"protocol": ""},
    ],
)
def test_names_in_a_record_cannot_lead_out_of_the_folder(tmp_path: Path, run: Any, names: dict[str, str]) -> None:
    folder = run()
    content = json.loads((folder / "record.json").read_text())
    content["track"] |= {name: text for name, text in names.items() if name in ("dataset", "protocol")}
    content |= {name: text for name, text in names.items() if name != "protocol"}
    (folder / "record.json").write_text(json.dumps(content))
    before = sorted(tmp_path.rglob("*"))
    with pytest.raises(StbenchError, match="cannot be a file name"):
        build(tmp_path / "runs", tmp_path / "deep" / "out")
    assert sorted(tmp_path.rglob("*")) == before


def test_half_copied_runs_are_passed_over(tmp_path: Path, run: Any) -> None:
    run()
    build(tmp_path / "runs", tmp_path / "out")
    half = tmp_path / "out" / "records" / ".seed-0.part"
    half.mkdir()
    (half / "record.json").write_text("{")
    assert len(build(tmp_path / "runs", tmp_path / "out")) == 1


def test_nothing_to_build_from_says_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(StbenchError, match="stbench run"):
        build(tmp_path / "runs", tmp_path / "out")


def test_reported_numbers_are_put_beside_the_boards_and_not_into_them(tmp_path: Path, run: Any) -> None:
    run()
    (path,) = build(tmp_path / "runs", tmp_path / "out", LEADERBOARDS / "reported.csv")
    assert (tmp_path / "out" / "reported.csv").read_bytes() == (LEADERBOARDS / "reported.csv").read_bytes()
    assert "4.33e-5" not in path.read_text()


def test_committed_boards_are_rebuilt_byte_for_byte_from_their_records() -> None:
    found = boards(read_published(LEADERBOARDS))
    rebuilt = {f"{board.preset}/{board.file_stem}.csv": csv_text(board) for board in found}
    assert files_in(LEADERBOARDS) == sorted(rebuilt)
    for name, text in rebuilt.items():
        assert (LEADERBOARDS / name).read_bytes() == text.encode(), name
    published = {path.parent.name: path.read_text("utf-8") for path in LEADERBOARDS.glob("*/overview.csv")}
    assert published == {each.preset: overview_csv(each) for each in overviews(found)}


def test_a_results_table_other_than_its_record_names_is_refused(tmp_path: Path, run: Any) -> None:
    path = run() / "results.csv"
    text = path.read_text()
    (value,) = {row["value"] for row in rows_of(path) if row["lead_time"] == "1..3"}
    path.write_text(text.replace(f",{value},", f",{float(value) / 1000},"))
    with pytest.raises(StbenchError, match=r"results\.csv is not the table its record\.json names") as caught:
        build(tmp_path / "runs", tmp_path / "out")
    assert str(path) in str(caught.value)
    path.unlink()
    os.mkfifo(path)
    with pytest.raises(StbenchError, match=r"results\.csv is damaged, it is no regular file"):
        build(tmp_path / "runs", tmp_path / "out")


def test_one_bad_run_and_nothing_is_published(tmp_path: Path, run: Any) -> None:
    run(seed=0)
    bad = run(seed=1) / "record.json"
    bad.write_text(json.dumps(json.loads(bad.read_text()) | {"training": {"seconds": "long"}}))
    with pytest.raises(StbenchError, match=re.escape(str(bad))):
        build(tmp_path / "runs", tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_means_per_cluster_are_published_and_others_than_the_record_names_refused(tmp_path: Path, run: Any) -> None:
    folder, other = run(1.0), run(2.0, seed=1)
    place = publish(folder, tmp_path / "out")
    assert (place / "clusters.npz").read_bytes() == (folder / "clusters.npz").read_bytes()
    assert (place / "record.json").read_bytes() == (folder / "record.json").read_bytes()
    shutil.copy(other / "clusters.npz", folder / "clusters.npz")
    with pytest.raises(StbenchError, match=r"clusters\.npz is not the file its record names"):
        publish(folder, tmp_path / "out")
    (folder / "clusters.npz").unlink()
    with pytest.raises(StbenchError, match=r"has no clusters\.npz"):
        publish(folder, tmp_path / "out")
    assert read_entry(place).record.clusters.sha256
