"""Runs without a model, as fixtures."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from made_records import make_record, make_scores, name_results, to_format_1, write_numbers

from stbench.protocols.scoring import Scores
from stbench.results.record import RunRecord


@pytest.fixture(name="name_results")
def name_results_fixture() -> Callable[[Path], None]:
    return name_results


@pytest.fixture(name="to_format_1")
def to_format_1_fixture() -> Callable[..., None]:
    return to_format_1


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
        if not made.not_applicable:
            made = write_numbers(folder, made, make_scores(level, metrics=metrics, horizon=made.track.horizon))
        made.write(folder)
        return folder

    return write
