from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import scipy.stats
from hypothesis import given, settings
from hypothesis import strategies as st

from stbench import registry
from stbench.boards import reported
from stbench.errors import StbenchError
from stbench.protocols.scoring import Scores
from stbench.results.aggregate import (
    COLUMNS,
    RESAMPLES,
    SEED,
    SequenceInterval,
    deviation,
    infinite_windows,
    read_results,
    rows,
    write_results,
    write_scores,
)


def _same(values: np.ndarray) -> np.ndarray:
    return values


def _clustered(rng: np.random.Generator, sequences: int, windows: int) -> tuple[np.ndarray, np.ndarray]:
    """Values whose sequences have their own skewed level, true mean 2; windows of a sequence differ little."""
    level = rng.gamma(4.0, 0.5, sequences)
    sequence = np.repeat(np.arange(sequences), windows)
    return sequence, (level[sequence] + rng.normal(0, 0.2, len(sequence)))[:, None]


def test_deviation_is_that_of_single_windows_each_over_its_lead_times(tmp_path: Path, record: Any) -> None:
    rng = np.random.default_rng(3)
    values = rng.gamma(2.0, 1.0, (12, 3))
    scores = Scores(np.repeat(np.arange(6), 2), np.zeros(12, np.int64), {"rmse": values}, 0.0)
    found = {row.lead_time: row for row in rows(scores, record(track="waveeq/forecast-3"))}
    assert found["1..3"].sd == pytest.approx(np.std(np.sqrt(values.mean(axis=1)), ddof=1), rel=1e-12)
    assert found["2"].sd == pytest.approx(np.std(np.sqrt(values[:, 1]), ddof=1), rel=1e-12)
    assert deviation(np.array([1.0])) is None
    assert deviation(np.array([1.0, np.inf])) is None


def test_tables_written_before_there_was_a_deviation_are_read(tmp_path: Path, record: Any) -> None:
    scores = Scores(np.arange(4), np.zeros(4, np.int64), {"mse": np.ones((4, 3))}, 0.0)
    path = write_results(tmp_path, rows(scores, record(track="waveeq/forecast-3")))
    path.write_text("".join(line.rpartition(",")[0] + "\n" for line in path.read_text().splitlines()))
    assert {row.sd for row in read_results(tmp_path)} == {None}


def test_columns_are_those_of_the_long_form() -> None:
    assert ",".join(COLUMNS) == (
        "track,dataset,dataset_version,dataset_digest,split,source,model,preset,seed,"
        "lead_time,metric,metric_version,value,ci_low,ci_high,n,n_sequences,sd"
    )


def test_means_are_taken_once_and_finished_once(record: Any, scores: Any) -> None:
    made = scores(metrics=("mse", "rmse"))
    found = {(row.metric, row.lead_time): row for row in rows(made, record())}
    values = made.values["mse"]
    assert found["mse", "1..3"].value == pytest.approx(values.mean(), rel=1e-14)
    assert found["rmse", "1..3"].value == pytest.approx(math.sqrt(values.mean()), rel=1e-14)
    assert found["rmse", "1..3"].value != pytest.approx(np.sqrt(values).mean(), rel=1e-6)
    for k in (1, 2, 3):
        assert found["mse", str(k)].value == pytest.approx(registry.metric("mse").mean(values[:, k - 1]), rel=1e-14)
        assert found["rmse", str(k)].ci_low == pytest.approx(math.sqrt(found["mse", str(k)].ci_low or 0.0), rel=1e-12)
    assert {row.n for row in found.values()} == {24}
    assert {row.n_sequences for row in found.values()} == {6}
    assert [row.lead_time for row in rows(made, record())][:4] == ["1..3", "1", "2", "3"]


def test_model_of_a_row_has_its_variant(record: Any, scores: Any) -> None:
    assert rows(scores(), record(variant="without-s"))[0].model == "sepvar:without-s"


def test_interval_equals_a_paired_bootstrap_of_sums_and_counts() -> None:
    rng = np.random.default_rng(1)
    counts = rng.integers(1, 9, 12)
    sequence = np.repeat(np.arange(12), counts)
    values = rng.gamma(2.0, 1.0, (len(sequence), 2))
    _, low, high = SequenceInterval(sequence)(values, _same)
    for k in range(2):
        sums = np.array([values[sequence == each, k].sum() for each in range(12)])
        reference = scipy.stats.bootstrap(
            (sums, counts.astype(float)),
            lambda s, n, axis: s.sum(axis=axis) / n.sum(axis=axis),
            paired=True,
            vectorized=True,
            n_resamples=RESAMPLES,
            method="percentile",
            random_state=np.random.default_rng(SEED),
        ).confidence_interval
        assert low[1 + k] == pytest.approx(reference.low, rel=1e-12)
        assert high[1 + k] == pytest.approx(reference.high, rel=1e-12)


def test_interval_covers_the_mean_in_95_of_100_cases_only_if_sequences_are_drawn() -> None:
    # Each column is a case of its own: 60 sequences of 6 windows, skewed levels of mean 2, windows that differ little.
    rng, cases = np.random.default_rng(2), 1500
    sequence = np.repeat(np.arange(60), 6)
    values = rng.gamma(4.0, 0.5, (60, cases))[sequence] + rng.normal(0, 0.2, (len(sequence), cases))

    def coverage(drawn: np.ndarray) -> float:
        _, low, high = SequenceInterval(drawn)(values, _same)
        return float(np.mean((low <= 2.0) & (high >= 2.0)))

    # Three binomial standard deviations about 95 %, less what the percentile interval of 60 skewed samples lacks, 1 %.
    assert 0.95 - 0.015 - 3 * 0.0056 <= coverage(sequence) <= 0.95 + 3 * 0.0056
    # Six nearly equal windows a sequence shrink the interval by a factor of about sqrt(6).
    assert coverage(np.arange(len(sequence))) < 0.65


def test_swaps_that_share_a_content_are_drawn_together(record: Any) -> None:
    """50 contents, each in 20 of 1,000 swaps with motions of their own; the error is the content's."""
    rng = np.random.default_rng(5)
    content = rng.permutation(np.repeat(np.arange(50), 20))
    values = rng.gamma(2.0, 1.0, 50)[content][:, None]
    level = values[np.argsort(content, kind="stable")][::20]
    reference = scipy.stats.bootstrap(
        (level[:, 0],), np.mean, n_resamples=RESAMPLES, method="percentile", random_state=np.random.default_rng(SEED)
    ).confidence_interval
    motion, start = np.arange(1000), np.zeros(1000, np.int64)
    swapped = record(track="chairs/swap-1")
    row = rows(Scores(motion, start, {"mse": values}, 0.0, cluster=content), swapped)[0]
    assert (row.ci_low, row.ci_high) == pytest.approx((reference.low, reference.high), rel=1e-12)
    assert (row.n, row.n_sequences) == (1000, 50)
    apart = rows(Scores(motion, start, {"mse": values}, 0.0), swapped)[0]
    assert row.ci_high - row.ci_low > 3 * (apart.ci_high - apart.ci_low)
    assert row.value == apart.value


@given(seed=st.integers(0, 2**31), order=st.randoms(use_true_random=False))
@settings(max_examples=15, deadline=None)
def test_interval_does_not_depend_on_the_order_of_windows(seed: int, order: Any) -> None:
    rng = np.random.default_rng(seed)
    sequence, values = _clustered(rng, sequences=7, windows=3)
    shuffled = list(range(len(sequence)))
    order.shuffle(shuffled)
    for one, other in zip(
        SequenceInterval(sequence)(values, _same),
        SequenceInterval(sequence[shuffled])(values[shuffled], _same),
        strict=True,
    ):
        np.testing.assert_allclose(one, other, rtol=1e-12)


def test_one_sequence_has_no_interval(record: Any) -> None:
    found = rows(Scores(np.full(5, 3), np.arange(5), {"mse": np.random.default_rng(0).random((5, 2))}, 0.0), record())
    assert {(row.ci_low, row.ci_high, row.n_sequences) for row in found} == {(None, None, 1)}


@pytest.mark.parametrize("value", [0.0, 0.1, 1e-9, 12345.678])
def test_constant_values_have_an_interval_of_no_width(record: Any, value: float) -> None:
    found = rows(
        Scores(np.repeat(np.arange(7), 3), np.tile(np.arange(3), 7), {"mse": np.full((21, 2), value)}, 0.0), record()
    )
    assert {(row.ci_low, row.ci_high) for row in found} == {(value, value)}
    assert all(row.value == pytest.approx(value, rel=1e-15) for row in found)


def test_an_infinite_mean_is_kept_without_interval_and_spares_the_other_lead_times(record: Any, scores: Any) -> None:
    made = scores(metrics=("psnr",))
    made.values["psnr"][3, 1] = math.inf
    found = {row.lead_time: row for row in rows(made, record())}
    for lead_time in ("1..3", "2"):
        assert found[lead_time].value == math.inf
        assert found[lead_time].ci_low is None
    assert found["1"].ci_low is not None
    assert math.isfinite(found["1"].value)


def test_windows_that_make_a_mean_infinite_are_counted_once_each() -> None:
    made = Scores(np.arange(5), np.arange(5), {"mse": np.ones((5, 3)), "psnr": np.ones((5, 3))}, 0.0)
    assert infinite_windows(made) == {}
    made.values["psnr"][[0, 0, 3], [0, 1, 2]] = math.inf
    assert infinite_windows(made) == {"psnr": 2}


def test_a_value_that_is_no_number_is_refused(record: Any, scores: Any) -> None:
    made = scores()
    made.values["mse"][0, 0] = math.nan
    with pytest.raises(StbenchError, match="not numbers"):
        rows(made, record())


def test_intervals_are_reproducible_and_the_same_in_any_batch(monkeypatch: pytest.MonkeyPatch) -> None:
    sequence, values = _clustered(np.random.default_rng(3), sequences=20, windows=4)
    first = SequenceInterval(sequence)(values, _same)
    monkeypatch.setattr("stbench.results.aggregate.BATCH_BYTES", 8 * 20 * 13)
    second = SequenceInterval(sequence)(values, _same)
    for one, other in zip(first, second, strict=True):
        np.testing.assert_array_equal(one, other)


def test_rows_survive_the_file_to_the_last_digit(tmp_path: Path, record: Any, scores: Any) -> None:
    made = scores(1 / 3, metrics=("mse", "psnr"))
    made.values["psnr"][:] = math.inf
    found = rows(made, record())
    write_results(tmp_path, found)
    assert read_results(tmp_path) == found
    assert [path.name for path in tmp_path.iterdir()] == ["results.csv"]


@pytest.mark.parametrize(
    "damage",
    [
        lambda text: text.replace("lead_time", "horizon"),
        lambda text: text[: len(text) // 2],
        lambda text: text + "one,cell\n",
        lambda text: text.replace(",24,", ",many,"),
        lambda text: "",
    ],
)
def test_a_damaged_table_is_one_sentence(tmp_path: Path, record: Any, scores: Any, damage: Any) -> None:
    path = write_results(tmp_path, rows(scores(), record()))
    path.write_text(damage(path.read_text()))
    with pytest.raises(StbenchError, match=r"results\.csv is damaged"):
        read_results(tmp_path)


def test_scores_file_keeps_every_value(tmp_path: Path, scores: Any) -> None:
    made = scores(metrics=("mse", "mae"))
    path = write_scores(tmp_path, made)
    with np.load(path) as loaded:
        assert set(loaded) == {"sequence", "start", "mse", "mae"}
        np.testing.assert_array_equal(loaded["mse"], made.values["mse"])
        np.testing.assert_array_equal(loaded["start"], made.start)
    before = path.read_bytes()
    assert write_scores(tmp_path, made).read_bytes() == before


@pytest.mark.parametrize("old", ["psnr_best", "ssim_gauss11_best"])
def test_a_former_name_of_a_metric_is_read_as_the_name_of_today(tmp_path: Path, old: str) -> None:
    """In results on disk, where a metric is asked for, and in the table of reported numbers."""
    texts = dict.fromkeys(COLUMNS, "1") | {"metric": old, "value": "20.5"}
    (tmp_path / "results.csv").write_text(f"{','.join(COLUMNS)}\n{','.join(texts.values())}\n", "utf-8")
    (row,) = read_results(tmp_path)
    assert row.metric == f"{old}_truth"
    assert row.value == 20.5
    assert registry.metric(old).name == f"{old}_truth"
    assert registry.metric(old).own_truth
    table = tmp_path / "reported.csv"
    cells = dict.fromkeys(reported.COLUMNS, "1") | {"metric_here": old}
    table.write_text(f"{','.join(reported.COLUMNS)}\n{','.join(cells.values())}\n", "utf-8")
    assert [each.metric_here for each in reported.read_reported(table)] == [f"{old}_truth"]
