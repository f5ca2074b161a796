"""Means per cluster: what a paired comparison of two runs needs, small enough to be published.

    m_s = S_s / n_s,    S_s = Σ of the values of the n_s windows of cluster s

A cluster is what the bootstrap of `stbench.results.aggregate` draws together: a sequence, or what several sequences
share (`Scores.cluster`). Per-sample scores take megabytes and stay with the run; these means give its values back,

    value = finish( Σ_s n_s m_s / Σ_s n_s ),

and the resamples of its interval, up to float32. They are kept of the metrics the track shows, at the lead times the
boards show, before `finish` (for rmse: of the squares), and where there is room of the ranking metric at every lead
time. Scores of all windows together (`Scores.whole`) have none.
"""

from __future__ import annotations

import hashlib
import io
import re
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import msgspec
import numpy as np

from stbench.contract.datasets import Track
from stbench.documents import Unreadable, read_bytes
from stbench.errors import StbenchError
from stbench.files import write_bytes
from stbench.metrics import current_names
from stbench.results.lead_times import columns, main_lead_times

if TYPE_CHECKING:
    from stbench.protocols.scoring import Scores

__all__ = ["CLUSTERS", "LARGEST", "ClusterMeans", "Clusters", "cluster_means", "read_clusters", "write_clusters"]

CLUSTERS = "clusters.npz"
LARGEST = 300_000
"""Bytes of the file of a run."""
UNPACKED = 64 * LARGEST
"""Bytes of its arrays: compression cannot save more of honest ones."""
MOST_WINDOWS = 10_000_000
"""Of a run: what reads a file counts them one by one."""
_ARRAYS = {"cluster": "i", "windows": "i", "metrics": "U", "lead_times": "U", "means": "f"}
"""Name -> kind of its type."""
_WHOLE = re.compile(r"1\.\.([1-9][0-9]{0,8})")

Digest = Annotated[str, msgspec.Meta(pattern=r"^[0-9a-f]{64}\Z")]
"""SHA-256."""
DigestIfAny = Annotated[str, msgspec.Meta(pattern=r"^([0-9a-f]{64})?\Z")]


@dataclass(frozen=True)
class Clusters:
    """What a record says of its `clusters.npz`."""

    sha256: DigestIfAny = ""
    """Of the file; empty where there is none."""
    missing: str = ""
    """Why there is none, in a sentence."""
    left_out: str = ""
    """What did not fit into `LARGEST` bytes, in a sentence; empty: nothing."""


@dataclass(frozen=True)
class ClusterMeans:
    """Means of the windows of each cluster, before `Metric.finish`."""

    cluster: np.ndarray
    """(k,) int64, ascending: the sequence, or what sequences share."""
    windows: np.ndarray
    """(k,) int64: n_s."""
    metrics: tuple[str, ...]
    """In the order of the track: the first one ranks."""
    lead_times: tuple[str, ...]
    """ "1..h" first, as boards name them."""
    means: np.ndarray
    """(metric, k, lead time) float32: m_s; NaN where a metric of whole clips has no single lead times."""
    curve: np.ndarray | None = None
    """(k, h) float32: m_s of the first metric at lead times 1..h. None for one of whole clips, where it did not fit,
    and in files written before it was kept."""


def cluster_means(scores: Scores, track: Track) -> ClusterMeans | None:
    """Of the metrics the track shows (all that were scored, where it names none). None where no metric has values of
    single windows."""
    metrics = tuple(name for name in track.metrics or scores.values if name in scores.values)
    if not metrics:
        return None
    timed = scores.values[metrics[0]].shape[1] == track.horizon
    lead_times = main_lead_times(track.horizon, track.reported, timed)
    ids, row = np.unique(scores.sequence if scores.cluster is None else scores.cluster, return_inverse=True)
    windows = np.bincount(row, minlength=len(ids))
    means = np.full((len(metrics), len(ids), len(lead_times)), np.nan)
    for k, name in enumerate(metrics):
        values = scores.values[name]
        for j, lead_time in enumerate(lead_times):
            if j and values.shape[1] != track.horizon:
                continue
            of_windows = values[:, columns(lead_time)].mean(axis=1)
            means[k, :, j] = np.bincount(row, of_windows, minlength=len(ids)) / windows
    with np.errstate(over="ignore"):  # An error beyond float32 is infinite for whoever compares.
        small = means.astype(np.float32)
        curve = _curve(scores.values[metrics[0]], row, windows).astype(np.float32) if timed else None
    return ClusterMeans(ids.astype(np.int64), windows.astype(np.int64), metrics, lead_times, small, curve)


def _curve(values: np.ndarray, row: np.ndarray, windows: np.ndarray) -> np.ndarray:
    """(n, h) of windows that lie in clusters `row` -> (k, h)."""
    columns = [np.bincount(row, column, minlength=len(windows)) for column in values.T]
    return np.asarray(np.stack(columns, axis=1) / windows[:, None])


def write_clusters(folder: Path, means: ClusterMeans | None) -> Clusters:
    """Write `clusters.npz` into a run folder, atomically, and say what the record has to hold of it.

    Where it would take more than `LARGEST` bytes, the curve of the ranking metric is left out, then the last lead time
    until it does not; where one lead time is still too much, the last metric. Without means there is no file.
    """
    path = folder / CLUSTERS
    if means is None:
        return _none(path, "no metric that the track shows has values of single windows")
    if (windows := int(means.windows.sum())) > MOST_WINDOWS:
        return _none(path, f"it has {windows:,} windows, more than {MOST_WINDOWS:,}")
    fitted, content = _fitted(means)
    count = f"means of {len(means.cluster):,} clusters take more than {LARGEST:,} bytes"
    if len(content) > LARGEST:
        return _none(path, count)
    try:
        write_bytes(path, content)
    except OSError as error:
        raise StbenchError(f"cannot write {path}: {error.strerror or error}") from None
    left_out = [f"lead time {each}" for each in means.lead_times if each not in fitted.lead_times]
    left_out += [each for each in means.metrics if each not in fitted.metrics]
    left_out += [f"{means.metrics[0]} at every lead time"] if means.curve is not None and fitted.curve is None else []
    told = f"{', '.join(left_out)}: {count}" if left_out else ""
    return Clusters(sha256=hashlib.sha256(content).hexdigest(), left_out=told)


def _none(path: Path, reason: str) -> Clusters:
    try:
        path.unlink(missing_ok=True)
    except OSError as error:
        raise StbenchError(f"cannot remove {path}: {error.strerror or error}") from None
    return Clusters(missing=reason)


def _fitted(means: ClusterMeans) -> tuple[ClusterMeans, bytes]:
    """As much of it as fits, and its file; at least one metric at one lead time, even where that does not."""
    content = _encoded(means)
    if len(content) > LARGEST and means.curve is not None:
        means = replace(means, curve=None)
        content = _encoded(means)
    while len(content) > LARGEST and means.means.shape[::2] != (1, 1):
        metrics, lead_times = len(means.metrics), len(means.lead_times)
        if lead_times > 1:
            lead_times -= 1
        else:
            metrics -= 1
        means = replace(
            means,
            metrics=means.metrics[:metrics],
            lead_times=means.lead_times[:lead_times],
            means=means.means[:metrics, :, :lead_times],
        )
        content = _encoded(means)
    return means, content


def _encoded(means: ClusterMeans) -> bytes:
    file = io.BytesIO()
    arrays = {
        "cluster": means.cluster,
        "windows": means.windows,
        "metrics": np.array(means.metrics),
        "lead_times": np.array(means.lead_times),
        "means": means.means,
    }
    if means.curve is not None:
        arrays["curve"] = means.curve
    np.savez_compressed(file, **arrays)  # type: ignore[arg-type]
    return file.getvalue()


def check_clusters(folder: Path, named: Clusters) -> None:
    """`StbenchError` where the file of a run folder is not the one its record names."""
    _content(folder / CLUSTERS, named)


def read_clusters(folder: Path, named: Clusters) -> ClusterMeans:
    """The means per cluster of a run folder, of whose file the record says `named`.

    `StbenchError` in one sentence where there are none, or the file is missing, damaged, or not the one the record
    names.
    """
    path = folder / CLUSTERS
    if not named.sha256:
        reason = named.missing or "the run has no scores"
        raise StbenchError(f"{folder} has no means per cluster, {reason}: score the run again with `stbench run`")
    content = _content(path, named)
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            if sum(each.file_size for each in archive.infolist()) > UNPACKED:
                raise Unreadable(f"its arrays have more than {UNPACKED:,} bytes")
        with np.load(io.BytesIO(content), allow_pickle=False) as arrays:
            found = {name: np.asarray(arrays[name]) for name in _ARRAYS}
            curve = np.asarray(arrays["curve"]) if "curve" in arrays.files else None
    except Unreadable as error:
        raise _damaged(path, str(error)) from None
    except Exception as error:  # somebody else's file: whatever zipfile, its codecs and NumPy raise
        raise _damaged(path, f"it is no table of means ({type(error).__name__})") from None
    if flaw := _flaw(found, curve):
        raise _damaged(path, flaw)
    return ClusterMeans(
        found["cluster"].astype(np.int64),
        found["windows"].astype(np.int64),
        current_names(found["metrics"].tolist()),
        tuple(found["lead_times"].tolist()),
        found["means"],
        curve,
    )


def _flaw(arrays: Mapping[str, np.ndarray], curve: np.ndarray | None) -> str:
    """Why arrays are not what `cluster_means` makes, as the rest of a sentence; empty: they are."""
    if {name: each.dtype.kind for name, each in arrays.items()} != _ARRAYS:
        return "its arrays have other types"
    cluster, windows, metrics, lead_times, means = (arrays[name] for name in _ARRAYS)
    if any(each.ndim != 1 or not each.size for each in (cluster, windows, metrics, lead_times)):
        return "its arrays do not fit together"
    if windows.shape != cluster.shape or means.shape != (len(metrics), len(cluster), len(lead_times)):
        return "its arrays do not fit together"
    if (cluster[1:] <= cluster[:-1]).any():
        return "its clusters are not in ascending order"
    if (windows < 1).any() or (windows > MOST_WINDOWS).any() or windows.sum() > MOST_WINDOWS:
        return f"its windows are not at least 1 of each cluster and {MOST_WINDOWS:,} in all"
    for what, names in (("metric", current_names(metrics.tolist())), ("lead time", lead_times.tolist())):
        if len(set(names)) < len(names):
            return f"it has a {what} twice"
    if (whole := _WHOLE.fullmatch(lead_times[0])) is None:
        return f"its first lead time is {str(lead_times[0])!r:.40} and no mean over all of them"
    # A metric of whole clips has no single lead times; one that ranks and is of whole clips, the mean alone.
    absent = np.isnan(means)
    single = absent[:, :, 1:].reshape(len(metrics), -1)
    if absent[0].any() or absent[:, :, 0].any() or (single.any(axis=1) & ~single.all(axis=1)).any():
        return "some of its means are not numbers"
    if curve is None:
        return ""
    if curve.dtype.kind != "f" or curve.shape != (len(cluster), int(whole[1])):
        return "its curve does not fit its clusters and lead times"
    return "its curve is not of numbers" if np.isnan(curve).any() else ""


def _content(path: Path, named: Clusters) -> bytes:
    try:
        content = read_bytes(path, LARGEST)
    except FileNotFoundError:
        raise StbenchError(
            f"{path.parent} has no {CLUSTERS}, which its record names (an installed package leaves it out): use the "
            "repository's leaderboards/, or score the run again with `stbench run`"
        ) from None
    except OSError as error:
        raise StbenchError(f"cannot read {path}: {error.strerror or error}") from None
    except Unreadable as error:
        raise _damaged(path, str(error)) from None
    if hashlib.sha256(content).hexdigest() != named.sha256:
        raise StbenchError(f"{path} is not the file its record names, its SHA-256 is another: score the run again")
    return content


def _damaged(path: Path, reason: str) -> StbenchError:
    return StbenchError(f"{path} is damaged, {reason}: remove it and score the run again with `stbench run`")
