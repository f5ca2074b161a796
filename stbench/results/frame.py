"""Result rows as a pandas table, for whoever wants to plot or compare them in a notebook."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

from stbench.errors import StbenchError
from stbench.results.aggregate import COLUMNS, RESULTS, read_results
from stbench.results.record import RECORD, find_runs

if TYPE_CHECKING:
    import pandas as pd  # type: ignore[import-untyped]


def results_frame(folders: Iterable[Path]) -> pd.DataFrame:
    """Rows of `results.csv` of every finished run in or below `folders`, in the order of their paths: what has no
    record is being scored, what is hidden half-written.

    One row for each run, metric and lead time ("1..h" is the mean over lead times 1 to h); columns as in
    `stbench.results.aggregate.ResultRow`, ends of an interval that does not exist as NaN. Raises `StbenchError` where
    a folder holds no run, or a run's table is damaged.
    """
    import pandas as pd

    rows = []
    for folder in folders:
        # A model that cannot be asked has a record and no results.
        found = [each for each in find_runs(Path(folder)) if (each / RESULTS).exists()]
        if not found:
            raise StbenchError(
                f"there is no {RESULTS} in {folder} or below it with a {RECORD} beside it: make one with `stbench run`"
            )
        rows += [asdict(row) for each in found for row in read_results(each)]
    frame = pd.DataFrame(rows, columns=list(COLUMNS))
    return frame.astype({"value": float, "ci_low": float, "ci_high": float})
