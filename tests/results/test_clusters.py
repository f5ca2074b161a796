from __future__ import annotations

import dataclasses
import hashlib
import io
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from stbench.contract.datasets import Track
from stbench.errors import StbenchError
from stbench.protocols.scoring import Scores, Whole
from stbench.results.clusters import (
    CLUSTERS,
    LARGEST,
    MOST_WINDOWS,
    ClusterMeans,
    cluster_means,
    read_clusters,
    write_clusters,
)

TRACK = Track("d", "forecast", 5, 12, 10, ("psnr", "mse"), reported=(4,), further=("mae",))


def scores_of(n: int = 40, horizon: int = 12, clusters: int = 7) -> Scores:
    draws = np.random.default_rng(3)
    sequence = draws.integers(0, 20, n)
    values = {name: draws.gamma(2.0, size=(n, horizon)) for name in ("mse", "psnr", "mae")}
    return Scores(sequence, np.arange(n), values, None, cluster=draws.permutation(n) % clusters)


@pytest.mark.parametrize("shared", [False, True])
def test_means_are_those_of_the_windows_of_each_cluster(shared: bool) -> None:
    scores = scores_of()
    scores = scores if shared else dataclasses.replace(scores, cluster=None)
    found = cluster_means(scores, TRACK)
    assert found is not None
    assert found.metrics == ("psnr", "mse")
    assert found.lead_times == ("1..12", "1..4", "1", "4", "12")
    drawn = scores.cluster if scores.cluster is not None else scores.sequence
    assert found.cluster.tolist() == sorted(set(drawn.tolist()))
    assert found.means.dtype == np.float32
    for i, name in enumerate(found.metrics):
        for k, cluster in enumerate(found.cluster):
            own = scores.values[name][drawn == cluster]
            assert found.windows[k] == len(own)
            expected = [own.mean(), own[:, :4].mean(), own[:, 0].mean(), own[:, 3].mean(), own[:, 11].mean()]
            # Half a last place of float32.
            np.testing.assert_allclose(found.means[i, k], expected, rtol=6e-8)


def test_means_weighted_by_their_windows_give_the_rows_of_the_results(record: Any) -> None:
    from stbench.results.aggregate import rows

    scores = scores_of()
    found = cluster_means(scores, TRACK)
    assert found is not None
    results = {(row.metric, row.lead_time): row for row in rows(scores, record(track=TRACK, dataset="d"))}
    weights = found.windows / found.windows.sum()
    for i, name in enumerate(found.metrics):
        for j, lead_time in enumerate(found.lead_times):
            row = results[name, lead_time]
            assert weights @ found.means[i, :, j] == pytest.approx(row.value, rel=1e-6)
            assert row.n_sequences == len(found.cluster)


def test_an_exact_frame_makes_the_mean_of_its_cluster_infinite_and_no_other(record: Any) -> None:
    scores = scores_of()
    assert scores.cluster is not None
    scores.values["psnr"][5, 11] = np.inf
    found = cluster_means(scores, TRACK)
    assert found is not None
    there = found.cluster == scores.cluster[5]
    infinite = np.isinf(found.means[0])
    assert infinite[there].tolist() == [[True, False, False, False, True]]
    assert not infinite[~there].any()


def test_metrics_of_whole_clips_have_the_mean_alone() -> None:
    scores = scores_of(horizon=1)
    found = cluster_means(scores, TRACK)
    assert found is not None
    assert found.lead_times == ("1..12",)
    beside = {**scores_of().values, "mse": scores.values["mse"]}
    found = cluster_means(dataclasses.replace(scores, values=beside), TRACK)
    assert found is not None
    assert np.isnan(found.means[1, :, 1:]).all()
    assert np.isfinite(found.means[1, :, 0]).all()


def test_a_run_without_values_of_windows_says_so(tmp_path: Path) -> None:
    scores = dataclasses.replace(scores_of(), values={}, whole={"psnr": Whole(1.0)})
    (tmp_path / CLUSTERS).write_bytes(b"of a run before")
    named = write_clusters(tmp_path, cluster_means(scores, TRACK))
    assert named.sha256 == ""
    assert "single windows" in named.missing
    assert list(tmp_path.iterdir()) == []
    with pytest.raises(StbenchError, match="has no means per cluster, no metric"):
        read_clusters(tmp_path, named)


def means_of(clusters: int, metrics: int = 2, lead_times: int = 3) -> ClusterMeans:
    draws = np.random.default_rng(0)
    return ClusterMeans(
        np.arange(clusters),
        np.full(clusters, 4),
        tuple(f"metric_{k}" for k in range(metrics)),
        ("1..9", "1", "9")[:lead_times],
        draws.gamma(2.0, size=(metrics, clusters, lead_times)).astype(np.float32),
    )


def test_the_ranking_metric_is_kept_at_every_lead_time_where_it_fits(tmp_path: Path) -> None:
    small = dataclasses.replace(means_of(50), curve=np.arange(450, dtype=np.float32).reshape(50, 9))
    back = read_clusters(tmp_path, write_clusters(tmp_path, small))
    assert back.curve is not None
    np.testing.assert_array_equal(back.curve, small.curve)
    noise = np.random.default_rng(1).random((5000, 20)).astype(np.float32)
    named = write_clusters(tmp_path, dataclasses.replace(means_of(5000), curve=noise))
    assert named.left_out.startswith("metric_0 at every lead time: means of 5,000 clusters")
    back = read_clusters(tmp_path, named)
    assert back.curve is None
    assert back.lead_times == ("1..9", "1", "9"), "the curve goes before a lead time does"


def test_means_survive_the_file(tmp_path: Path) -> None:
    made = means_of(50)
    named = write_clusters(tmp_path, made)
    content = (tmp_path / CLUSTERS).read_bytes()
    assert [path.name for path in tmp_path.iterdir()] == [CLUSTERS]
    assert (named.sha256, named.missing, named.left_out) == (hashlib.sha256(content).hexdigest(), "", "")
    found = read_clusters(tmp_path, named)
    assert (found.metrics, found.lead_times) == (made.metrics, made.lead_times)
    for name in ("cluster", "windows", "means"):
        np.testing.assert_array_equal(getattr(found, name), getattr(made, name))
    assert write_clusters(tmp_path, made) == named


def test_metrics_bear_the_names_they_have_now(tmp_path: Path) -> None:
    made = dataclasses.replace(means_of(5), metrics=("mse", "psnr_best"))
    assert read_clusters(tmp_path, write_clusters(tmp_path, made)).metrics == ("mse", "psnr_best_truth")


@pytest.mark.parametrize(
    ("clusters", "metrics", "kept_metrics", "kept_lead_times", "left_out"),
    [
        (15_000, 2, 2, 2, "lead time 9: "),
        (30_000, 2, 2, 1, "lead time 1, lead time 9: "),
        (50_000, 2, 1, 1, "lead time 1, lead time 9, metric_1: "),
    ],
)
def test_what_exceeds_the_size_is_left_out_from_the_end_and_named(
    tmp_path: Path, clusters: int, metrics: int, kept_metrics: int, kept_lead_times: int, left_out: str
) -> None:
    made = means_of(clusters, metrics)
    named = write_clusters(tmp_path, made)
    assert (tmp_path / CLUSTERS).stat().st_size <= LARGEST
    found = read_clusters(tmp_path, named)
    assert found.metrics == made.metrics[:kept_metrics]
    assert found.lead_times == made.lead_times[:kept_lead_times]
    np.testing.assert_array_equal(found.means, made.means[:kept_metrics, :, :kept_lead_times])
    assert named.left_out.startswith(left_out)
    assert f"{clusters:,} clusters take more than 300,000 bytes" in named.left_out


def test_too_many_clusters_for_one_mean_each_are_missing_and_say_why(tmp_path: Path) -> None:
    named = write_clusters(tmp_path, means_of(200_000, 1, 1))
    assert named.sha256 == ""
    assert "200,000 clusters take more than 300,000 bytes" in named.missing
    assert list(tmp_path.iterdir()) == []


def test_more_windows_than_are_read_are_not_written(tmp_path: Path) -> None:
    most = dataclasses.replace(means_of(2), windows=np.array([1, MOST_WINDOWS - 1]))
    assert read_clusters(tmp_path, write_clusters(tmp_path, most)).windows.tolist() == most.windows.tolist()
    named = write_clusters(tmp_path, dataclasses.replace(most, windows=np.array([2, MOST_WINDOWS - 1])))
    assert (named.sha256, named.missing) == ("", "it has 10,000,001 windows, more than 10,000,000")
    assert list(tmp_path.iterdir()) == []


def packed(**changes: Any) -> bytes:
    made = vars(means_of(5)) | changes
    file = io.BytesIO()
    np.savez_compressed(file, **{name: each for name, each in made.items() if each is not ... and each is not None})
    return file.getvalue()


def flagged(offset: int, value: int) -> bytes:
    """An archive whose first file says something else of itself, in its own header and in the directory."""
    content = bytearray(packed())
    for sign, at in ((b"PK\x03\x04", offset), (b"PK\x01\x02", offset + 2)):
        content[content.index(sign) + at] = value
    return bytes(content)


def bomb() -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("means.npy", bytes(100_000_000))
    return file.getvalue()


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (lambda: b"", "is no table of means"),
        (lambda: b"PK\x03\x04 no archive", "is no table of means"),
        (lambda: packed()[:-40], "is no table of means"),
        (lambda: flagged(6, 1), "is no table of means (RuntimeError)"),
        (lambda: flagged(8, 99), "is no table of means (NotImplementedError)"),
        (lambda: packed(means=...), "is no table of means"),
        (lambda: packed(means=np.array([{}])), "is no table of means"),
        (lambda: packed(means=np.zeros((2, 4, 3), np.float32)), "do not fit together"),
        (lambda: packed(windows=np.ones(4, int)), "do not fit together"),
        (lambda: packed(cluster=np.array(5)), "do not fit together"),
        (lambda: packed(curve=np.zeros((4, 9), np.float32)), "its curve does not fit its clusters"),
        (lambda: packed(means=np.zeros((2, 5, 3), int)), "have other types"),
        (lambda: packed(metrics=np.arange(2)), "have other types"),
        (bomb, "more than"),
        (lambda: bytes(LARGEST + 1), "more than 300,000 bytes"),
    ],
)
def test_a_damaged_file_is_one_sentence_naming_it(tmp_path: Path, content: Any, said: str) -> None:
    named = write_clusters(tmp_path, means_of(5))
    made = content()
    (tmp_path / CLUSTERS).write_bytes(made)
    named = dataclasses.replace(named, sha256=hashlib.sha256(made).hexdigest())
    with pytest.raises(StbenchError) as caught:
        read_clusters(tmp_path, named)
    assert said in str(caught.value)
    assert str(tmp_path / CLUSTERS) in str(caught.value)
    assert "\n" not in str(caught.value)


def test_another_file_than_the_record_names_is_refused(tmp_path: Path) -> None:
    write_clusters(tmp_path, means_of(6))
    other = (tmp_path / CLUSTERS).read_bytes()
    named = write_clusters(tmp_path, means_of(5))
    (tmp_path / CLUSTERS).write_bytes(other)
    with pytest.raises(StbenchError, match="SHA-256 is another"):
        read_clusters(tmp_path, named)
    (tmp_path / CLUSTERS).unlink()
    with pytest.raises(StbenchError, match="an installed package leaves it out"):
        read_clusters(tmp_path, named)
