"""Seconds of publishing many runs and building their boards and page, and how they grow with the number of runs.

    python benchmarks/boards.py [--records 150 600 3000] [--models 30]

Synthetic records on the registered tracks: the published record of a run with its name, seed and values changed, so
that every board has as many models as asked for and every model several seeds. Columns: records, boards, lines of the
CSVs; seconds of `leaderboard.build` with the page, from run folders (reading, checking, publishing, tables) and again
from what is published alone; of both the processor's seconds, which other work on the machine and a busy disk do not
change, and of the second the milliseconds a record.
"""

from __future__ import annotations

import argparse
import dataclasses
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from stbench.boards.leaderboard import build
from stbench.boards.publishing import find_runs, read_entry
from stbench.results.aggregate import results_digest, write_results
from stbench.results.clusters import Clusters

PUBLISHED = Path(__file__).resolve().parents[1] / "leaderboards" / "records"


def make_runs(folder: Path, number: int, models: int) -> None:
    """`number` run folders: every published board in turn, with `models` models, then their next seed."""
    tracks = {}
    for place in find_runs(PUBLISHED):
        entry = read_entry(place)
        if entry.rows:
            tracks.setdefault((entry.record.preset, entry.record.track.id), entry)
    originals = list(tracks.values())
    for k in range(number):
        round_, board = divmod(k, len(originals))
        seed, model = divmod(round_, models)
        entry = originals[board]
        record = dataclasses.replace(
            entry.record, model=f"model{model}", variant="", seed=seed, configuration={"model": model}, floor=False
        )
        factor = 1 + model / 7 + seed / 1000
        rows = [
            dataclasses.replace(row, model=record.full_model, seed=seed, value=row.value * factor) for row in entry.rows
        ]
        run = folder / f"{k:06d}"
        write_results(run, rows)
        dataclasses.replace(record, results_sha256=results_digest(run), clusters=Clusters(missing="synthetic")).write(
            run
        )


def seconds(work: Callable[[], object]) -> tuple[float, float]:
    """By the clock and of the processor."""
    begun = time.perf_counter(), time.process_time()
    work()
    return time.perf_counter() - begun[0], time.process_time() - begun[1]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--records", type=int, nargs="+", default=[150, 600, 3000])
    parser.add_argument("--models", type=int, default=30)
    options = parser.parse_args()
    columns = ("records", "boards", "lines", "publish", "processor", "again", "processor", "ms each")
    print("".join(f"{column:>10}" for column in columns))
    for number in options.records:
        with tempfile.TemporaryDirectory() as temporary:
            runs, out = Path(temporary, "runs"), Path(temporary, "out")
            make_runs(runs, number, options.models)
            times = [
                *seconds(lambda runs=runs, out=out: build(runs, out, page=out / "index.html")),  # type: ignore[misc]
                *seconds(lambda out=out: build(out / "none", out, page=out / "index.html")),  # type: ignore[misc]
            ]
            tables = [*out.glob("*/*.csv")]
            lines = sum(path.read_text("utf-8").count("\n") for path in tables)
            figures = "".join(f"{each:10.2f}" for each in (*times, 1000 * times[3] / number))
            print(f"{number:10}{len(tables):10}{lines:10}{figures}", flush=True)


if __name__ == "__main__":
    main()
