"""From per-window values to long-form result rows: means once, at the end, with an interval over sequences.

    value = finish( Σ_s S_s / Σ_s n_s ),   S_s = Σ of the values of the n_s windows of sequence s

What a judge says has its own errors in the interval, which reaches to the ends of `stbench.metrics.confusion` where
those lie further out.

Windows of one sequence overlap and share its factors, so they are no independent samples: the 95 % interval is the
percentile bootstrap over *sequences*, which are drawn with all their windows (2,000 resamples, fixed seed, the same
draws for every metric and lead time). Where sequences share what is right, it is over what they share, and s runs over
`Scores.cluster`: the chair of chairs, of their swaps the content's. Reference: B. Efron and R. J. Tibshirani, An
Introduction to the Bootstrap, 1993, section 13.3; resampling of clusters: A. C. Davison and D. V. Hinkley, Bootstrap
Methods and their Application, 1997, section 3.8.
"""

from __future__ import annotations

import csv
import hashlib
import io
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import astuple, dataclass, fields
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from stbench import registry
from stbench.documents import Unreadable, read_bytes
from stbench.errors import StbenchError
from stbench.files import atomic_file
from stbench.metrics import current_name

if TYPE_CHECKING:
    from stbench.protocols.scoring import Scores
    from stbench.results.record import RunRecord

RESULTS = "results.csv"
SCORES = "scores.npz"
LARGEST = 64_000_000
"""Bytes of `results.csv` that are read."""
LARGEST_NUMBER = 2**63
CONFIDENCE = 0.95
RESAMPLES = 2000
SEED = 20_210_503
"""Any fixed number; the same everywhere, so that intervals are reproducible."""
BATCH_BYTES = 64 * 2**20


@dataclass(frozen=True)
class ResultRow:
    """One metric of one run at one lead time, "1".."h", or over all of them, "1..h", or the first k, "1..k".

    The columns of `results.csv`.
    """

    track: str
    dataset: str
    dataset_version: str
    dataset_digest: str
    split: str
    source: str
    model: str
    preset: str
    seed: int
    lead_time: str
    metric: str
    metric_version: str
    value: float
    """Infinite where the value of one window is."""
    ci_low: float | None
    """Never infinite. None: no interval, because there is one sequence (or cluster) only or the mean is infinite."""
    ci_high: float | None
    n: int
    """Windows."""
    n_sequences: int
    """What the bootstrap draws: sequences, or clusters of them (`Scores.cluster`)."""
    sd: float | None = None
    """Standard deviation (n - 1) of the values of single windows or clips, each over all its lead times where the row
    is: how much clips differ, not how well the mean is known. None: one window, a value that is not finite, or a score
    of all clips together."""


COLUMNS = tuple(each.name for each in fields(ResultRow))
WITHOUT_SD = COLUMNS[:-1]
"""Of tables written before there was a deviation."""


def rows(scores: Scores, record: RunRecord) -> list[ResultRow]:
    """Result rows of a run: metrics in the order of the scores, lead times "1..h" first, then "1".."h".

    Last the means over shorter horizons that a track has `reported`. A score of whole clips has "1..h" alone, h the
    track's horizon. The version of a metric that asks a judge names the judge; that of one whose value depends on how
    many forecasts were drawn names the number. Raises `StbenchError` for a value that is not a number, and for a metric
    that is not registered.
    """
    interval = SequenceInterval(scores.sequence if scores.cluster is None else scores.cluster)
    horizon = record.track.horizon
    found: list[ResultRow] = []

    def add(
        name: str, lead_time: str, value: float, low: float | None, high: float | None, sd: float | None = None
    ) -> None:
        metric = registry.metric(name)
        of_what = [f"judge {scores.judge}"] if scores.judge and not (metric.by_frame or metric.judge_free) else []
        if scores.drawn is not None and metric.counts_members:
            of_what.append(f"N = {scores.drawn.members}")
        found.append(
            ResultRow(
                track=record.track.id,
                dataset=record.dataset,
                dataset_version=record.dataset_version,
                dataset_digest=record.dataset_digest,
                split=record.split,
                source=record.dataset_source,
                model=record.full_model,
                preset=record.preset,
                seed=record.seed,
                lead_time=lead_time,
                metric=name,
                metric_version=", ".join([metric.version, *of_what]),
                value=value,
                ci_low=low if low is not None and math.isfinite(low) else None,
                ci_high=high if high is not None and math.isfinite(high) else None,
                n=len(scores.sequence),
                n_sequences=interval.n_sequences,
                sd=sd,
            )
        )

    for name, values in scores.values.items():
        if np.isnan(values).any():
            raise _not_a_number(name, record)
        finish = registry.metric(name).finish
        ends = interval(values, finish)
        each = map(str, range(1, horizon + 1)) if values.shape[1] == horizon else ()
        for place, (lead_time, cell) in enumerate(zip([f"1..{horizon}", *each], zip(*ends, strict=True), strict=False)):
            own = values[:, place - 1] if place else values.mean(axis=1)
            value, low, high = map(float, cell)
            if name in scores.verdicts and interval.n_sequences > 1:
                ends_of_truth = scores.verdicts[name].interval(interval.cluster)
                low, high = min(low, ends_of_truth[0]), max(high, ends_of_truth[1])
            add(name, lead_time, value, low, high, deviation(finish(own)))
        for shorter in record.track.reported if values.shape[1] == horizon else ():
            ends = interval(values[:, :shorter], finish)
            value, low, high = (float(each[0]) for each in ends)
            add(name, f"1..{shorter}", value, low, high, deviation(finish(values[:, :shorter].mean(axis=1))))
    for name, score in scores.whole.items():
        if math.isnan(score.value):
            raise _not_a_number(name, record)
        add(name, f"1..{horizon}", score.value, score.ci_low, score.ci_high)
    return found


def infinite_windows(scores: Scores) -> dict[str, int]:
    """Metric -> windows with an infinite value at some lead time, for those metrics that have any."""
    counts = {name: int(np.isinf(values).any(axis=1).sum()) for name, values in scores.values.items()}
    return {name: count for name, count in counts.items() if count}


def deviation(values: np.ndarray) -> float | None:
    """sqrt(sum_i (v_i - mean v)² / (n - 1)) of (n,); None for one value or where one is infinite."""
    return float(values.std(ddof=1)) if len(values) > 1 and np.isfinite(values).all() else None


def _not_a_number(name: str, record: RunRecord) -> StbenchError:
    return StbenchError(
        f"{name} of {record.full_model} on {record.track.id} has values that are not numbers: score it again"
    )


class SequenceInterval:
    """Mean and bootstrap interval of per-window values whose windows come from the sequences `sequence` (n,)."""

    def __init__(self, sequence: np.ndarray) -> None:
        self.cluster = sequence
        ids, self._row = np.unique(sequence, return_inverse=True)
        self.n_sequences = len(ids)
        self._counts = np.bincount(self._row, minlength=self.n_sequences).astype(np.float64)

    def __call__(
        self, values: np.ndarray, finish: Callable[[np.ndarray], np.ndarray]
    ) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """`values` (n, horizon) -> value, low end, high end, each (1 + horizon,): over all lead times, then each one.

        The ends are NaN where there is no interval.
        """
        columns = np.concatenate([values.mean(axis=1, keepdims=True), values], axis=1)
        mean = columns.mean(axis=0)
        low, high = np.full(len(mean), np.nan), np.full(len(mean), np.nan)
        finite = np.isfinite(mean)
        if self.n_sequences > 1 and finite.any():
            low[finite], high[finite] = self._bootstrap(columns[:, finite])
        # A function that finishes a mean is monotone (rmse: the root), so it may be applied to the ends.
        ends = np.stack([finish(low), finish(high)])
        return np.asarray(finish(mean)), ends.min(axis=0), ends.max(axis=0)

    def _bootstrap(self, columns: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        from scipy.stats import bootstrap  # type: ignore[import-untyped]

        # Deviations from the first window, so that values that are all equal have equal means to the last bit.
        shift = columns[0]
        sums = np.zeros((self.n_sequences, columns.shape[1]))
        np.add.at(sums, self._row, columns - shift)

        def mean_of_drawn(drawn: np.ndarray, axis: int = -1) -> np.ndarray:
            """Sequence numbers (..., n_sequences) -> means (columns, ...): multiplicities times sums, one product."""
            flat = drawn.reshape(-1, self.n_sequences)
            offset = np.arange(len(flat))[:, None] * self.n_sequences
            times = np.bincount((flat + offset).ravel(), minlength=flat.size).reshape(flat.shape).astype(np.float64)
            return np.asarray(((times @ sums) / (times @ self._counts)[:, None]).T.reshape(-1, *drawn.shape[:-1]))

        drawn = bootstrap(
            (np.arange(self.n_sequences),),
            mean_of_drawn,
            n_resamples=RESAMPLES,
            batch=max(1, BATCH_BYTES // (8 * self.n_sequences)),
            vectorized=True,
            confidence_level=CONFIDENCE,
            method="percentile",
            random_state=np.random.default_rng(SEED),
        ).confidence_interval
        # Rounding may leave the range of the values by a last bit, below zero for errors; a mean cannot.
        low, high = (np.clip(shift + end, columns.min(axis=0), columns.max(axis=0)) for end in (drawn.low, drawn.high))
        return low, high


def write_results(folder: Path, results: Sequence[ResultRow]) -> Path:
    """Write `results.csv` (long form, full precision) into a run folder, atomically."""
    path = folder / RESULTS
    try:
        with atomic_file(path) as part, part.open("w", newline="", encoding="utf-8") as file:
            writer = csv.writer(file, lineterminator="\n")
            writer.writerow(COLUMNS)
            writer.writerows(["" if cell is None else cell for cell in astuple(row)] for row in results)
    except OSError as error:
        raise StbenchError(f"cannot write {path}: {error.strerror or error}") from None
    return path


def results_digest(folder: Path) -> str:
    """SHA-256 of `results.csv` of a run folder."""
    return hashlib.sha256(_content(Path(folder) / RESULTS)).hexdigest()


def read_results(folder: Path) -> list[ResultRow]:
    """Rows of `results.csv` of a run folder, metrics by their names of today. `StbenchError` when it is missing or not
    such a table."""
    path = Path(folder) / RESULTS
    try:
        text = _content(path).decode("utf-8")
        if not text.endswith("\n"):
            raise ValueError("its last line is cut")
        reader = csv.DictReader(io.StringIO(text, newline=""), strict=True)
        if tuple(reader.fieldnames or ()) not in (COLUMNS, WITHOUT_SD):
            raise ValueError(f"its columns are not {', '.join(COLUMNS)}")
        return [_row(cells) for cells in reader]
    except (ValueError, csv.Error, TypeError) as error:
        raise _damaged(path, error) from None


def _content(path: Path) -> bytes:
    try:
        return read_bytes(path, LARGEST)
    except FileNotFoundError:
        raise StbenchError(f"{path.parent} has no {RESULTS}: score the run again with `stbench run`") from None
    except OSError as error:
        raise StbenchError(f"cannot read {path}: {error.strerror or error}") from None
    except Unreadable as error:
        raise _damaged(path, error) from None


def _damaged(path: Path, error: Exception) -> StbenchError:
    return StbenchError(f"{path} is damaged, {error}: remove it and score the run again with `stbench run`")


def _row(cells: Mapping[str, str]) -> ResultRow:
    texts = dict(cells)
    if None in texts or None in texts.values():
        raise ValueError("a line has another number of cells")
    numbers = {name: int(texts.pop(name)) for name in ("seed", "n", "n_sequences")}
    if not all(0 <= number < LARGEST_NUMBER for number in numbers.values()):
        raise ValueError(f"a count is not of 0 to {LARGEST_NUMBER:,}")
    texts["metric"] = current_name(texts["metric"])
    value = float(texts.pop("value"))
    ends = {name: float(text) if (text := texts.pop(name, "")) else None for name in ("ci_low", "ci_high", "sd")}
    if value != value:
        raise ValueError("a value is not a number")
    return ResultRow(**texts, **numbers, value=value, **ends)  # type: ignore[arg-type]


def write_scores(folder: Path, scores: Scores) -> Path:
    """Write `scores.npz`: `sequence` (n,), `start` (n,), `cluster` (n,) where the scores have one, and per metric
    (n, horizon), nothing averaged."""
    path = folder / SCORES
    kept = {"sequence": scores.sequence, "start": scores.start, **scores.values}
    if scores.cluster is not None:
        kept["cluster"] = scores.cluster
    try:
        with atomic_file(path) as part:
            np.savez_compressed(part, **kept)  # type: ignore[arg-type]
    except OSError as error:
        raise StbenchError(f"cannot write {path}: {error.strerror or error}") from None
    return path
