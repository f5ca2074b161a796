"""Do the numbers of a record fit each other, and are they of as many windows as they should be?

identities     between metrics at every lead time (`stbench.results.identities`); rmse ≤ 100 mae
means          value over 1..k = finish( mean of the values at 1, ..., k before `finish` )
clusters       value and interval again from the means per cluster beside the record; what a judge says has a wider one
windows        their number, as the split and the track give it, and as other rows of the board have it; of clusters, as
               rows have it that draw the same together
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np

from stbench import registry
from stbench.boards.entry import Entry
from stbench.contract.datasets import Blueprint
from stbench.errors import StbenchError
from stbench.protocols.draws import SIZES
from stbench.results.aggregate import RESULTS, ResultRow, SequenceInterval
from stbench.results.clusters import CLUSTERS, ClusterMeans
from stbench.results.identities import broken, computed
from stbench.results.lead_times import mean_of
from stbench.results.record import RunRecord
from stbench.splits.index import WindowIndex

__all__ = ["doubts", "numbers", "windows"]

MEANS, SINGLE = 1e-9, 3e-6
"""Relative: what sums in another order leave open, and what float32 does."""
LARGEST_RATIO = 100.0
"""Of rmse to mae: 1.25 for normal errors, 3 to 10 where most pixels are exact."""
JUDGED = re.compile(r"judge_\w+_accuracy")
ENDS = {"ci_low": 1, "ci_high": -1}
"""End of an interval -> the sign of what it lacks."""
NOT_NEGATIVE = ("mse", "rmse", "mae")
LARGEST_SINGLE = float(np.finfo(np.float32).max) * (1 - SINGLE)
"""A mean from here on may be infinite where it is kept in float32."""


def numbers(entry: Entry, blueprint: Blueprint | None, others: Sequence[Entry]) -> Iterator[str]:
    yield from _identities(entry, _elements(entry, blueprint, others))
    yield from _means(entry)
    yield from _intervals(entry)
    means = entry.read_means()
    yield from _unknown(entry, means)
    # Of how many windows they are is `windows`' to say: it does, where these differ.
    if isinstance(means, ClusterMeans) and int(means.windows.sum()) == entry.rows[0].n:
        yield from _clusters(entry, means)


def _unknown(entry: Entry, means: ClusterMeans | str) -> Iterator[str]:
    beside = () if isinstance(means, str) else means.metrics
    for file, names in ((RESULTS, [row.metric for row in entry.rows]), (CLUSTERS, beside)):
        for metric in dict.fromkeys(names):
            if _finish(metric) is None:
                yield f"its {file} has the metric {metric:.60}, which is not registered here: install its package"
                return


def _elements(entry: Entry, blueprint: Blueprint | None, others: Sequence[Entry]) -> int | None:
    """Numbers in a frame: of the data, or as another row of the board has them."""
    if blueprint is not None:
        return math.prod(blueprint.variables["frames"].shape[2:])
    for other in others:
        if other.record.dataset_fingerprint == entry.record.dataset_fingerprint:
            cell = mean_of(other.record.track.horizon)
            found = [other.cells.get((name, cell)) for name in ("mse", "mse_sum")]
            if (mse := found[0]) is not None and (total := found[1]) is not None and mse.value > 0:
                return round(total.value / mse.value)
    return None


def _identities(entry: Entry, elements: int | None) -> Iterator[str]:
    by_time: dict[str, dict[str, ResultRow]] = {}
    for row in entry.rows:
        by_time.setdefault(row.lead_time, {})[row.metric] = row
    for lead_time, rows in by_time.items():
        values = {name: computed(row.value) for name, row in rows.items()}
        for each in broken(values, elements=elements, whole=lead_time == mean_of(entry.record.track.horizon)):
            yield f"at lead time {lead_time} {each.identity} does not hold: {each.found}"
            break
        for name, row in rows.items():
            if name.partition("_")[0] in NOT_NEGATIVE and row.value < 0:
                yield f"{name} at lead time {lead_time} is {row.value:.4g}, and an error is not below 0"


def doubts(entry: Entry) -> Iterator[str]:
    """Numbers that are possible and that no known forecast has: predictions would tell."""
    for (metric, lead_time), rmse in entry.cells.items():
        mae = entry.cells.get(("mae", lead_time))
        if metric != "rmse" or mae is None or not math.isfinite(rmse.value):
            continue
        if rmse.value > LARGEST_RATIO * mae.value:
            yield (
                f"at lead time {lead_time} rmse is {rmse.value:.4g} and mae {mae.value:.4g}, more than "
                f"{LARGEST_RATIO:g} times less: hand in the predictions, which are scored again"
            )
            return


def _finish(metric: str) -> tuple[Callable[..., Any], Callable[..., Any]] | None:
    """What finishes a mean of a metric, and what undoes it; None where nobody here knows the metric."""
    try:
        finish = registry.metric(metric).finish
    except StbenchError:
        return None
    return finish, np.square if finish is np.sqrt else np.asarray


def _means(entry: Entry) -> Iterator[str]:
    horizon = entry.record.track.horizon
    for metric in dict.fromkeys(row.metric for row in entry.rows):
        single = [entry.cells.get((metric, str(k))) for k in range(1, horizon + 1)]
        values = np.array([row.value for row in single if row is not None])
        if len(values) != horizon or (known := _finish(metric)) is None:
            continue  # a score of whole clips
        finish, undo = known
        for k in range(1, horizon + 1):
            row = entry.cells.get((metric, mean_of(k)))
            if row is None:
                continue
            with np.errstate(invalid="ignore"):
                wanted = float(finish(np.mean(undo(values[:k]))))
            if not math.isclose(row.value, wanted, rel_tol=MEANS, abs_tol=1e-300):
                yield (
                    f"{metric} over lead times 1..{k} is {row.value:.6g}, and the mean of its single lead times is "
                    f"{wanted:.6g}"
                )
                break


def _intervals(entry: Entry) -> Iterator[str]:
    for row in entry.rows:
        if row.ci_low is None or row.ci_high is None or not math.isfinite(row.value):
            continue
        slack = MEANS * abs(row.value)
        if not row.ci_low - slack <= row.value <= row.ci_high + slack:
            yield (
                f"{row.metric} at lead time {row.lead_time} is {row.value:.6g} and lies outside its own interval "
                f"[{row.ci_low:.6g}, {row.ci_high:.6g}]"
            )
            return


def _clusters(entry: Entry, means: ClusterMeans) -> Iterator[str]:
    """The results, once more from the means per cluster: the bootstrap draws the same clusters, so its ends agree."""
    windows = np.repeat(np.arange(len(means.cluster)), means.windows)
    interval = SequenceInterval(windows)
    for k, metric in enumerate(means.metrics):
        if (known := _finish(metric)) is None:
            continue
        finish, undo = known
        values = means.means[k].astype(np.float64)
        timed = [j for j in range(len(means.lead_times)) if not np.isnan(values[:, j]).any()]
        # A score of whole clips has no single lead times.
        for lead_time in (each for j, each in enumerate(means.lead_times) if j not in timed):
            if (metric, lead_time) in entry.cells:
                yield f"{RESULTS} has {metric} at lead time {lead_time}, and {CLUSTERS} has no number there"
                return
        with np.errstate(invalid="ignore"):
            ends = np.stack(interval(values[:, timed][windows], finish))[:, 1:]
        for j, (value, low, high) in zip(timed, ends.T, strict=True):
            lead_time = means.lead_times[j]
            row = entry.cells.get((metric, lead_time))
            if row is None:
                yield f"{CLUSTERS} has {metric} at lead time {lead_time}, and {RESULTS} does not"
                return
            infinite = means.windows[np.isinf(values[:, j])].sum() / means.windows.sum()
            if math.isfinite(row.value) and abs(undo(row.value)) < infinite * LARGEST_SINGLE:
                yield f"{metric} at lead time {lead_time} is {row.value:.6g}, and the mean of a cluster is infinite"
                return
            told = {"value": (row.value, value), "ci_low": (row.ci_low, low), "ci_high": (row.ci_high, high)}
            for name, (mine, again) in told.items():
                if mine is None or not math.isfinite(again):
                    continue
                # The judge's own errors widen the interval of what it says.
                wider = (again - mine) * ENDS.get(name, 0) if JUDGED.fullmatch(metric) else 0.0
                if wider <= 0 and not math.isclose(mine, again, rel_tol=SINGLE, abs_tol=SINGLE * abs(value)):
                    yield (
                        f"{metric} at lead time {lead_time} has the {name} {mine:.6g}, and the means per cluster "
                        f"beside it give {again:.6g}"
                    )
                    return
    if means.curve is not None:
        yield from _curve(entry, means, means.curve)


def _curve(entry: Entry, means: ClusterMeans, curve: np.ndarray) -> Iterator[str]:
    """The ranking metric at every lead time."""
    metric = means.metrics[0]
    if (known := _finish(metric)) is None:
        return
    finish, _ = known
    weights = means.windows / means.windows.sum()
    again = np.asarray(finish((curve.astype(np.float64) * weights[:, None]).sum(axis=0)))
    for k, value in enumerate(again, 1):
        row = entry.cells.get((metric, str(k)))
        if row is None or not math.isclose(row.value, value, rel_tol=SINGLE):
            yield f"{metric} at lead time {k} does not follow from the curves of the clusters beside it"
            return


def windows(entry: Entry, blueprint: Blueprint | None, others: Sequence[Entry]) -> Iterator[str]:
    record = entry.record
    counts = {(row.n, row.n_sequences) for row in entry.rows}
    if len(counts) > 1:
        yield f"its rows are of different numbers of windows: {', '.join(str(n) for n, _ in sorted(counts))}"
        return
    ((n, clusters),) = counts
    means = entry.read_means()
    if isinstance(means, ClusterMeans) and (int(means.windows.sum()), len(means.cluster)) != (n, clusters):
        yield (
            f"it has {n:,} windows of {clusters:,} clusters, and the means per cluster beside it are of "
            f"{int(means.windows.sum()):,} of {len(means.cluster):,}"
        )
    if blueprint is not None and (wanted := _expected(record, blueprint)) not in (None, n):
        yield f"it has {n:,} windows, and {record.track.id} has {wanted:,} on these data: score all of them"
    drawn = record.drawn.get("members")
    size = SIZES.get(record.preset)
    if size is not None and record.track.protocol == "draws" and drawn not in (1, size.members):
        yield f"it has {drawn} members a window, and {record.preset} asks for {size.members}, or for 1"
    for other in others:
        theirs = other.record
        same = (theirs.track.id, theirs.preset, theirs.dataset_digest) == (
            record.track.id,
            record.preset,
            record.dataset_digest,
        )
        if not same or not other.rows or theirs.track.stride != record.track.stride:
            continue
        row = other.rows[0]
        # What a bootstrap draws together has changed on some tracks.
        drawn_alike = theirs.track.cluster == record.track.cluster
        if row.n != n or (drawn_alike and row.n_sequences != clusters):
            yield (
                f"it has {n:,} windows of {clusters:,} clusters, and {other.folder} has {row.n:,} of "
                f"{row.n_sequences:,} on the same track and data"
            )
            return
        if theirs.drawn.get("windows_sha256") != record.drawn.get("windows_sha256"):
            yield f"its windows are others than those of {other.folder}"
            return


def _expected(record: RunRecord, blueprint: Blueprint) -> int | None:
    """Test windows of a track of forecasts or draws; None where only the data tell."""
    track = record.track
    if track.protocol not in ("forecast", "draws"):
        return None
    rows = blueprint.coordinates.get("row_size")
    frames = blueprint.variables["frames"].shape[1]
    found = len(
        WindowIndex.of_split(
            blueprint.split,
            "test",
            frames,
            track.conditioning,
            track.horizon,
            track.stride,
            row_size=None if rows is None else rows.values,
        )
    )
    size = SIZES.get(record.preset)
    return min(found, size.windows) if track.protocol == "draws" and size is not None else found
