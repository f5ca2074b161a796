"""Rows of boards that follow from what was scored: the PSNR of the mean error, and the useful horizon.

Nothing is scored again. Both metrics have their cards in docs/metrics.md and their formulas in
`stbench.metrics.derived`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from stbench import registry
from stbench.errors import StbenchError
from stbench.metrics.derived import CLIMATOLOGY, MEAN, crossing, psnr_of_mean_mse, useful_horizon
from stbench.results.aggregate import BATCH_BYTES, CONFIDENCE, RESAMPLES, SEED, ResultRow
from stbench.results.clusters import CLUSTERS, ClusterMeans
from stbench.results.lead_times import mean_of

if TYPE_CHECKING:
    from stbench.boards.entry import Entry

BESIDE = {psnr_of_mean_mse.name: "psnr"}
"""Metric -> the scored one it stands beside, and with which it is shown or left to the CSV."""


def with_psnr_of_mean_mse(entry: Entry) -> Entry:
    """`psnr_of_mean_mse` behind `psnr`, where a run has that and `mse` at the same lead times."""
    if not {"psnr", "mse"} <= {metric for metric, _ in entry.cells}:
        return entry
    if (psnr_of_mean_mse.name, mean_of(entry.record.track.horizon)) in entry.cells:
        return entry
    rows: list[ResultRow] = []
    psnr = [row for row in entry.rows if row.metric == "psnr"]
    for row in entry.rows:
        rows.append(row)
        if row is psnr[-1]:
            squares = (entry.cells.get(("mse", each.lead_time)) for each in psnr)
            rows += [_in_decibel(each) for each in squares if each is not None]
    return replace(entry, rows=tuple(rows))


def _in_decibel(row: ResultRow) -> ResultRow:
    """Of a row of `mse`: larger errors are fewer decibels, so its ends change places."""
    value, low, high = (
        None if each is None else float(psnr_of_mean_mse.finish(np.array(each)))
        for each in (row.value, row.ci_high, row.ci_low)
    )
    assert value is not None
    there = low is not None and high is not None and bool(np.isfinite([low, high]).all())
    return replace(
        row,
        metric=psnr_of_mean_mse.name,
        metric_version=psnr_of_mean_mse.version,
        value=value,
        ci_low=low if there else None,
        ci_high=high if there else None,
        sd=None,
    )


def with_useful_horizons(entries: Sequence[Entry], metric: str) -> list[Entry]:
    """Runs on the same windows, with `useful_horizon` by their ranking metric, where the climatology is among them. At
    a lead time where the mean frame is among them, too, and errs less, it is what a run has to beat."""
    if not metric or registry.metric(metric).higher_is_better:
        return list(entries)
    floors = {each.record.full_model: each for each in reversed(entries) if _single(each, metric)}
    if CLIMATOLOGY not in floors:
        return list(entries)
    reference = [floors[name] for name in (CLIMATOLOGY, MEAN) if name in floors]
    errors = [_errors(each, metric) for each in reference]
    means = [_means(each) for each in reference]
    return [_with_horizon(each, metric, errors, means) for each in entries]


def _single(entry: Entry, metric: str) -> Mapping[int, ResultRow]:
    """Lead time -> row, where there are all of them."""
    horizon = entry.record.track.horizon
    found = {k: row for k in range(1, horizon + 1) if (row := entry.cells.get((metric, str(k)))) is not None}
    return found if len(found) == horizon else {}


def _errors(entry: Entry, metric: str) -> np.ndarray:
    """(h,) at lead times 1..h; empty where there are not all of them."""
    rows = _single(entry, metric)
    return np.array([rows[k].value for k in sorted(rows)])


def _with_horizon(
    entry: Entry, metric: str, floors: Sequence[np.ndarray], of_floors: Sequence[ClusterMeans | str]
) -> Entry:
    own, errors = _single(entry, metric), _errors(entry, metric)
    if not own or any(len(each) != len(errors) for each in floors):
        return entry
    ends = _interval(_means(entry), of_floors, metric)
    low, high = ends if ends is not None else (None, None)
    row = replace(
        entry.cells[metric, mean_of(len(own))] if (metric, mean_of(len(own))) in entry.cells else own[1],
        lead_time=mean_of(len(own)),
        metric=useful_horizon.name,
        metric_version=f"{useful_horizon.version}, {metric} {own[1].metric_version}",
        value=float(crossing(_skill(errors, np.min(floors, axis=0)))),
        ci_low=low,
        ci_high=high,
        sd=None,
    )
    return replace(entry, rows=(*entry.rows, row))


def _means(entry: Entry) -> ClusterMeans | str:
    """`Entry.read_means`; `StbenchError` where they are of another horizon than the record."""
    means, horizon = entry.read_means(), entry.record.track.horizon
    if isinstance(means, ClusterMeans) and means.lead_times[0] != mean_of(horizon):
        raise StbenchError(
            f"{entry.folder}/{CLUSTERS} has means over lead times {means.lead_times[0]}, and its record is of a "
            f"horizon of {horizon}: score the run again with `stbench run`"
        )
    return means


def _skill(errors: np.ndarray, reference: np.ndarray) -> np.ndarray:
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.asarray(1 - errors / reference)


def _interval(own: ClusterMeans | str, floors: Sequence[ClusterMeans | str], metric: str) -> tuple[float, float] | None:
    """Percentile bootstrap over the clusters all of them share; None where one's are not known at every lead time."""
    if isinstance(own, str) or len(own.cluster) < 2:
        return None
    curves = []
    for each in (own, *floors):
        if isinstance(each, str) or each.curve is None or each.metrics[0] != metric or not same_clusters(own, each):
            return None
        curves.append(each.curve)
    finish = registry.metric(metric).finish
    weights = own.windows.astype(np.float64)
    sums = [each.astype(np.float64) * weights[:, None] for each in curves]
    if not all(np.isfinite(each).all() for each in sums):
        return None
    drawn = []
    for times in multiplicities(len(weights)):
        n = (times @ weights)[:, None]
        errors, *reference = (finish(times @ each / n) for each in sums)
        drawn.append(crossing(_skill(errors, np.min(reference, axis=0))))
    low, high = np.percentile(np.concatenate(drawn), [50 * (1 - CONFIDENCE), 50 * (1 + CONFIDENCE)])
    return float(low), float(high)


def multiplicities(k: int, seed: int = SEED) -> Iterator[np.ndarray]:
    """How often each of k clusters is drawn: (some, k) at a time, `RESAMPLES` in all, the same on every machine."""
    rng = np.random.default_rng(seed)
    left = RESAMPLES
    while left:
        some = min(left, max(1, BATCH_BYTES // (8 * k)))
        chosen = rng.integers(0, k, (some, k)) + np.arange(some)[:, None] * k
        yield np.bincount(chosen.ravel(), minlength=some * k).reshape(some, k).astype(np.float64)
        left -= some


def same_clusters(one: ClusterMeans, other: ClusterMeans) -> bool:
    """Whether two runs were asked the same number of windows of the same clusters."""
    return np.array_equal(one.cluster, other.cluster) and np.array_equal(one.windows, other.windows)
