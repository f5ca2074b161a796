"""Runs without a model: records and scores with chosen values."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from stbench.protocols.scoring import Scores
from stbench.results.aggregate import rows, write_results
from stbench.results.record import RunRecord

DIGEST = "ab" * 32


def make_record(**changes: Any) -> RunRecord:
    record = RunRecord(
        track="waveeq-100/forecast-3",
        dataset="waveeq-100",
        dataset_version="1",
        dataset_source="procedural",
        dataset_digest=DIGEST,
        dataset_fingerprint="cd" * 32,
        dataset_parameters={"sequences": 6},
        split="waveeq-1",
        split_digest="ef" * 32,
        model="sepvar",
        variant="",
        model_version="1",
        floor=False,
        preset="quick",
        seed=0,
        configuration={"model": {"width": 8}, "training": {"steps": 5}},
        parameters=15_013_868,
        macs_per_forecast=1_200_000,
        training={"steps": 5, "finished": True, "seconds": 1.5, "resumed_from": 0},
        inference_seconds=0.25,
        peak_memory_bytes=123_000_000,
        device="cpu",
        processor="a processor, 2 cores",
        threads=2,
        libraries={"numpy": "2.0"},
        python="3.11.0",
        git_revision="12" * 20,
        git_dirty=False,
        stbench_version="0.1.0",
        code={"training": "34" * 32},
        command="stbench run --model sepvar --dataset waveeq-100",
        fingerprint="56" * 32,
        started="2026-01-02T03:04:05+00:00",
        finished="2026-01-02T03:05:05+00:00",
    )
    return dataclasses.replace(record, **changes)


def make_scores(level: float = 1.0, *, metrics: tuple[str, ...] = ("mse",), horizon: int = 3) -> Scores:
    """Six sequences of four windows; values grow with lead time and differ between sequences."""
    sequence, start = np.repeat(np.arange(10, 16), 4), np.tile(np.arange(4), 6)
    values = level * (1 + 0.1 * sequence[:, None] + 0.01 * start[:, None]) * np.arange(1, horizon + 1)
    return Scores(sequence, start, {name: values for name in metrics}, 0.5)


@pytest.fixture(scope="session")
def record() -> Callable[..., RunRecord]:
    return make_record


@pytest.fixture
def scores() -> Callable[..., Scores]:
    return make_scores


@pytest.fixture
def run(tmp_path: Path) -> Callable[..., Path]:
    """`run(level, metrics=..., **record fields)` writes a finished run folder under tmp_path/runs."""
    count = iter(range(1000))

    def write(level: float = 1.0, *, metrics: tuple[str, ...] = ("mse",), **changes: Any) -> Path:
        made = make_record(**changes)
        folder = tmp_path / "runs" / made.preset / f"run-{next(count)}"
        made.write(folder)
        if not made.not_applicable:
            write_results(
                folder, rows(make_scores(level, metrics=metrics, horizon=int(made.track.rpartition("-")[2])), made)
            )
        return folder

    return write
