from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

import stbench
from stbench.errors import StbenchError
from stbench.results.aggregate import COLUMNS, read_results


def test_frame_has_every_row_of_every_run(run: Any, tmp_path: Path) -> None:
    folders = [run(1.0), run(2.0, seed=1)]
    frame = stbench.read_results(tmp_path / "runs")
    assert tuple(frame.columns) == COLUMNS
    rows = [row for folder in sorted(folders) for row in read_results(folder)]
    assert list(frame.value) == [row.value for row in rows]
    assert set(frame.seed) == {0, 1}


def test_frame_groups_to_the_same_means_as_the_rows(run: Any) -> None:
    folder = run(1.0)
    frame = stbench.read_results(folder)
    single = frame[frame.lead_time.str.isdigit()]
    over_all = frame[~frame.lead_time.str.isdigit()]
    assert single.value.mean() == pytest.approx(float(over_all.value.iloc[0]))


def test_missing_interval_is_nan(run: Any) -> None:
    folder = run(1.0)
    table = (folder / "results.csv").read_text().splitlines()
    cells = table[1].split(",")
    cells[COLUMNS.index("ci_low")] = cells[COLUMNS.index("ci_high")] = ""
    (folder / "results.csv").write_text("\n".join([table[0], ",".join(cells)]) + "\n")
    assert pd.isna(stbench.read_results(folder).ci_low).all()


def test_folder_without_a_run_is_refused(tmp_path: Path) -> None:
    with pytest.raises(StbenchError, match=r"there is no results.csv in .*: make one with `stbench run`"):
        stbench.read_results(tmp_path)


def test_what_is_half_written_or_being_scored_is_no_run(run: Any, tmp_path: Path) -> None:
    whole = run(1.0)
    shutil.copytree(whole, whole.with_name(".0123.partial.seed-0"))
    scored = run(2.0, seed=1)
    (scored / "record.json").unlink()
    frame = stbench.read_results(tmp_path / "runs")
    assert list(frame.value) == [row.value for row in read_results(whole)]
    (whole / "record.json").unlink()
    with pytest.raises(StbenchError, match=r"there is no results\.csv in .* with a record\.json beside it"):
        stbench.read_results(tmp_path / "runs")


def test_a_model_that_was_not_asked_has_no_rows(run: Any, tmp_path: Path) -> None:
    run(not_applicable="it cannot swap", model="other")
    asked = run(1.0)
    assert set(stbench.read_results(tmp_path / "runs").model) == {read_results(asked)[0].model}
