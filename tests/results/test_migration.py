"""Records of format 1: published ones are rewritten by a script, run folders on publishing."""

from __future__ import annotations

import dataclasses
import hashlib
import importlib.util
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from stbench import registry
from stbench.boards.leaderboard import build
from stbench.boards.page import write_page
from stbench.boards.publishing import find_runs, publish
from stbench.errors import StbenchError
from stbench.results.clusters import read_clusters
from stbench.results.record import FORMAT, read_record

ROOT = Path(__file__).resolve().parents[2]
SST = {"track": "sst/forecast-10", "dataset": "sst", "metrics": ("mse", "rmse", "psnr")}


@pytest.fixture(scope="module")
def migrate() -> Any:
    spec = importlib.util.spec_from_file_location("migrate_records", ROOT / "docs" / "migrate_records.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module.migrate


def contents(folder: Path) -> dict[str, bytes]:
    found = sorted(path for path in folder.rglob("*") if path.is_file())
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in found}


def test_a_run_folder_of_format_1_is_published_as_if_it_were_of_today(
    tmp_path: Path, run: Any, to_format_1: Any
) -> None:
    folder = run(**SST)
    build(tmp_path / "runs", tmp_path / "today")
    to_format_1(folder)
    before = contents(folder)
    build(tmp_path / "runs", tmp_path / "older")
    assert contents(folder) == before
    assert contents(tmp_path / "older") == contents(tmp_path / "today")
    (place,) = find_runs(tmp_path / "older" / "records")
    means = read_clusters(place, read_record(place).clusters)
    with np.load(folder / "scores.npz") as scores:
        own = scores["mse"][scores["sequence"] == 12]
    row = means.cluster.tolist().index(12)
    metric, lead_time = means.metrics.index("mse"), means.lead_times.index("1..6")
    assert means.means[metric, row, lead_time] == np.float32(own[:, :6].mean())


def test_a_run_folder_of_format_1_without_its_scores_is_published_with_its_means_marked_missing(
    tmp_path: Path, run: Any, to_format_1: Any
) -> None:
    folder = run(**SST)
    to_format_1(folder, published=True)
    place = publish(folder, tmp_path / "out")
    record = read_record(place)
    assert json.loads((place / "record.json").read_text())["format"] == FORMAT
    assert "gone" in record.clusters.missing
    assert record.results_sha256
    with pytest.raises(StbenchError, match="score the run again"):
        read_clusters(place, record.clusters)


def test_scores_of_another_run_give_no_means(tmp_path: Path, run: Any, to_format_1: Any) -> None:
    folder, other = run(1.0, **SST), run(1.001, seed=1, **SST)
    to_format_1(folder)
    (folder / "scores.npz").write_bytes((other / "scores.npz").read_bytes())
    with pytest.raises(StbenchError, match=r"scores\.npz does not belong to the results"):
        publish(folder, tmp_path / "out")
    (folder / "scores.npz").write_bytes(b"PK\x03\x04")
    with pytest.raises(StbenchError, match=r"scores\.npz is damaged"):
        publish(folder, tmp_path / "out")


def test_the_script_rewrites_records_and_nothing_else(tmp_path: Path, run: Any, to_format_1: Any, migrate: Any) -> None:
    for k in range(3):
        run(1.0 + k, seed=k, command=f"stbench run --seed {k}", **SST)
    run(model="none", not_applicable="it cannot", **{name: SST[name] for name in ("track", "dataset")})
    out = tmp_path / "out"
    build(tmp_path / "runs", out)
    for folder in find_runs(out / "records"):
        to_format_1(folder)
    (tmp_path / "none").mkdir()

    def boards() -> dict[str, bytes]:
        build(tmp_path / "none", out)
        write_page(out, out / "index.html")
        return contents(out)

    before = boards()
    assert len(migrate(out)) == 4
    after = boards()
    assert {name for name in after if after[name] != before.get(name)} == {
        name for name in before if name.endswith("record.json")
    }
    for name in after:
        if name.endswith("record.json"):
            old, new = json.loads(before[name]), json.loads(after[name])
            assert {field: new[field] for field in old if field not in ("format", "track")} == {
                field: value for field, value in old.items() if field not in ("format", "track")
            }
            assert new["format"] == FORMAT
            table = after.get(name.replace("record.json", "results.csv"))
            assert new["results_sha256"] == ("" if table is None else hashlib.sha256(table).hexdigest())
    assert migrate(out) == []
    assert contents(out) == after


def test_a_bad_record_stops_the_script_before_it_writes(
    tmp_path: Path, run: Any, to_format_1: Any, migrate: Any
) -> None:
    for seed in range(2):
        run(seed=seed, **SST)
    build(tmp_path / "runs", tmp_path / "out")
    folders = find_runs(tmp_path / "out" / "records")
    for folder in folders:
        to_format_1(folder)
    (folders[1] / "record.json").write_text("{")
    before = contents(tmp_path / "out")
    with pytest.raises(StbenchError, match="is damaged"):
        migrate(tmp_path / "out")
    assert contents(tmp_path / "out") == before


def test_every_published_record_is_of_todays_format_and_names_its_results() -> None:
    folders = find_runs(ROOT / "leaderboards" / "records")
    assert folders
    for folder in folders:
        assert json.loads((folder / "record.json").read_text())["format"] == FORMAT
        record = read_record(folder)
        assert record.results_sha256 or record.not_applicable
        assert record.clusters.sha256 or record.clusters.missing or record.not_applicable


@pytest.mark.parametrize(
    "change",
    [
        lambda track: dataclasses.replace(track, metrics=track.metrics[::-1]),
        lambda track: dataclasses.replace(track, metrics=track.metrics[:1], further=track.metrics[1:]),
        lambda track: dataclasses.replace(track, reported=(2, 3)),
        None,
    ],
)
def test_boards_of_published_runs_do_not_change_with_the_registered_track(
    tmp_path: Path, run: Any, monkeypatch: pytest.MonkeyPatch, change: Any
) -> None:
    plugin = registry.dataset("sst")
    main = plugin.tracks[0]
    run(**{**SST, "track": main.id, "metrics": main.metrics})
    out = tmp_path / "out"

    def boards() -> dict[str, bytes]:
        build(tmp_path / "runs", out)
        write_page(out, out / "index.html")
        return contents(out)

    before = boards()
    assert "quick/sst.csv" in before
    if change is None:  # Another main track: the board of old runs keeps its name.
        tracks = (*plugin.tracks[1:], main)
    else:
        tracks = (change(main), *plugin.tracks[1:])
        assert tracks[0] != main
    changed = dataclasses.replace(plugin, tracks=tracks)
    real = registry.dataset
    monkeypatch.setattr(registry, "dataset", lambda name: changed if name == "sst" else real(name))
    assert boards() == before
