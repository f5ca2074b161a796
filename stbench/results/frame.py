"""Result rows as a pandas table, for whoever wants to plot or compare them in a notebook."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

from stbench.errors import StbenchError
from stbench.results.aggregate import COLUMNS, RESULTS, read_results

if TYPE_CHECKING:
    import pandas as pd  # type: ignore[import-untyped]


def results_frame(folders: Iterable[Path]) -> pd.DataFrame:
    """Rows of `results.csv` of every run found in or below `folders`, in the order of their paths.

    One row for each run, metric and lead time ("1..h" is the mean over lead times 1 to h); columns as in
    `stbench.results.aggregate.ResultRow`, ends of an interval that does not exist as NaN. Raises `StbenchError` where
    a folder holds no run, or a run's table is damaged.
    """
    import pandas as pd

    rows = []
    for folder in folders:
        found = sorted(path.parent for path in Path(folder).rglob(RESULTS))
        if not found:
            raise StbenchError(f"there is no {RESULTS} in {folder} or below it: make one with `stbench run`")
        rows += [asdict(row) for each in found for row in read_results(each)]
    frame = pd.DataFrame(rows, columns=list(COLUMNS))
    return frame.astype({"value": float, "ci_low": float, "ci_high": float})
