"""Values of files that were handed in: what no run of ours writes is found by the check and refused by every build."""

from __future__ import annotations

import dataclasses
import hashlib
import io
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from stbench.boards.checking import check
from stbench.boards.leaderboard import build
from stbench.errors import StbenchError
from stbench.results.aggregate import read_results, results_digest, write_results
from stbench.results.clusters import CLUSTERS, read_clusters
from stbench.results.record import read_record

METRICS = ("mse", "psnr")
K, LEAD_TIMES = 6, ("1..3", "1", "3")
"""Clusters and lead times of the runs that the fixture `run` makes."""


def change_arrays(folder: Path, **changes: Any) -> None:
    """Other arrays in `clusters.npz`, which the record names as it is then."""
    with np.load(folder / CLUSTERS) as arrays:
        kept = dict(arrays)
    assert (len(kept["cluster"]), tuple(kept["lead_times"].tolist())) == (K, LEAD_TIMES)
    file = io.BytesIO()
    np.savez_compressed(file, **{name: each for name, each in (kept | changes).items() if each is not None})
    (folder / CLUSTERS).write_bytes(file.getvalue())
    record = read_record(folder)
    named = dataclasses.replace(record.clusters, sha256=hashlib.sha256(file.getvalue()).hexdigest())
    dataclasses.replace(record, clusters=named).write(folder)


def changed(folder: Path, name: str, place: Any, value: Any) -> np.ndarray:
    """An array of `clusters.npz` that is `value` at a place."""
    with np.load(folder / CLUSTERS) as arrays:
        found = np.array(arrays[name])
    found[place] = value
    return found


def two(run: Any, **changes: Any) -> Path:
    """Two runs of a board; the second one, which is changed."""
    run(1.0, model="one", metrics=METRICS)
    folder: Path = run(2.0, model="two", metrics=METRICS, **changes)
    return folder


DAMAGED: dict[str, dict[str, Any]] = {
    "windows below 1": {"windows": -np.ones(K, int)},
    "a cluster of no windows": {"windows": np.array([4, 4, 0, 4, 4, 4])},
    "more windows than memory holds": {"windows": np.full(K, 10**12)},
    "windows whose sum is no number of 64 bits": {"windows": np.full(K, 2**62)},
    "metrics in a square": {"metrics": np.array([METRICS])},
    "lead times in a square": {"lead_times": np.array([LEAD_TIMES])},
    "clusters in a column": {"cluster": np.arange(K)[:, None]},
    "clusters twice": {"cluster": np.zeros(K, int)},
    "a metric twice": {"metrics": np.array(["mse", "mse"])},
    "a lead time twice": {"lead_times": np.array(["1..3", "1", "1"])},
    "no mean over all lead times": {"lead_times": np.array(["3", "1", "1..3"])},
    "no metric": {"metrics": np.array([], "U3"), "means": np.zeros((0, K, 3), np.float32)},
    "no numbers": {"means": np.full((2, K, 3), np.nan, np.float32)},
    "a curve of fewer lead times": {"curve": np.ones((K, 2), np.float32)},
    "a curve of more lead times": {"curve": np.ones((K, 4), np.float32)},
    "a curve without numbers": {"curve": np.full((K, 3), np.nan, np.float32)},
}


@pytest.mark.parametrize("changes", DAMAGED.values(), ids=DAMAGED)
def test_means_that_no_run_has_are_one_sentence_for_the_check_and_for_a_build(
    tmp_path: Path, run: Any, changes: dict[str, Any]
) -> None:
    folder = two(run)
    change_arrays(folder, **changes)
    (finding,) = check(folder).findings
    assert finding.startswith(f"{folder / CLUSTERS} is damaged, ")
    with pytest.raises(StbenchError, match=rf"{CLUSTERS} is damaged, [^\n]+$"):
        build(tmp_path / "runs", tmp_path / "out", page=tmp_path / "out" / "index.html")
    assert not [path for path in (tmp_path / "out").rglob("*") if path.is_file()]


def test_a_metric_of_whole_clips_has_one_number_a_cluster_and_no_other_has_fewer(run: Any) -> None:
    folder = two(run)
    bad = [changed(folder, "means", place, np.nan) for place in ((1, 0, 1), (1, 0, 0), (0, slice(None), 1))]
    change_arrays(folder, means=changed(folder, "means", (1, slice(None), slice(1, None)), np.nan))
    read_clusters(folder, read_record(folder).clusters)
    assert "results.csv has psnr at lead time 1, and clusters.npz has no number there" in check(folder).findings
    for means in bad:
        change_arrays(folder, means=means)
        with pytest.raises(StbenchError, match="some of its means are not numbers"):
            read_clusters(folder, read_record(folder).clusters)


def test_a_finite_score_has_no_infinite_clusters_but_of_errors_beyond_float32(run: Any, tmp_path: Path) -> None:
    folder = two(run)
    change_arrays(folder, means=changed(folder, "means", (0, 2, 1), np.inf))
    assert any("mse at lead time 1 is " in each and "infinite" in each for each in check(folder).findings)
    beyond = run(1e39, model="far", metrics=("mse",))
    assert np.isinf(read_clusters(beyond, read_record(beyond).clusters).means).all()
    assert not any("infinite" in each for each in check(beyond).findings)


@pytest.mark.parametrize("name", ["clusters.npz", "results.csv"])
def test_a_metric_nobody_knows_is_a_finding_about_the_folder(run: Any, name: str) -> None:
    folder = two(run)
    if name == CLUSTERS:
        change_arrays(folder, metrics=np.array(["mse", "nonsense"]))
    else:
        rows = read_results(folder)
        write_results(folder, [dataclasses.replace(row, metric=row.metric.replace("psnr", "nonsense")) for row in rows])
        dataclasses.replace(read_record(folder), results_sha256=results_digest(folder)).write(folder)
    found = check(folder)
    assert found.folder == folder
    assert f"its {name} has the metric nonsense, which is not registered here: install its package" in found.findings


def test_means_of_another_number_of_windows_than_the_results_are_not_counted_one_by_one(
    run: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = two(run)
    change_arrays(folder, windows=np.full(K, 10**6))

    def never(*_: Any, **__: Any) -> None:
        raise AssertionError("the windows of the means are counted")

    monkeypatch.setattr("stbench.boards.consistency.SequenceInterval", never)
    assert any("the means per cluster beside it are of 6,000,000 of 6" in each for each in check(folder).findings)


def test_curves_of_another_horizon_than_the_record_are_refused(tmp_path: Path, run: Any) -> None:
    """They fit their own file, so it takes the record to see it."""
    for model, level in (("climatology", 2.0), ("mean", 3.0)):
        run(level, model=model, floor=True)
    folder = run(1.0)
    change_arrays(folder, lead_times=np.array(["1..2", "1", "2"]), curve=np.ones((K, 2), np.float32))
    assert "clusters.npz has mse at lead time 1..2, and results.csv does not" in check(folder).findings
    with pytest.raises(StbenchError, match=rf"{CLUSTERS} has means over lead times 1\.\.2, and its record is of a "):
        build(tmp_path / "runs", tmp_path / "out")
