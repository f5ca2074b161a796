"""What a forecast of the wave solver costs on each grid, and how far off it is.

`benchmarks/wave_solver.py [DATASET] [--every N] [--nodes 16,24,32,48,64]`: every N-th test window of waveeq-100 (or
waveeq), whose store has to be there (`stbench generate`), one by one on one thread. Processor time, so that other work
on the machine counts little. Rows go into docs/solver_cost.csv, in the place of earlier ones of the same grid;
`docs/make_solver_cost.py` writes the page from them.
"""

from __future__ import annotations

import argparse
import csv
import time
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
from stbench.baselines.wave_solver.model import plugin

from stbench import paths, registry
from stbench.contract.models import Task
from stbench.protocols.windows import track_windows
from stbench.splits.training import TrainingWindows
from stbench.store.build import resolve
from stbench.store.reader import Store, open_store

TABLE = Path(__file__).resolve().parents[1] / "docs" / "solver_cost.csv"
COLUMNS = ("dataset", "nodes", "windows", "mse", "median", "largest", "below_1e-14", "ready_s", "forecast_s", "date")
ROUNDING = 1e-14


def measure(store: Store, nodes: int, every: int) -> dict[str, str]:
    """One row: mean, median and largest error of a window, processor seconds of the table and of a forecast."""
    track = registry.dataset(store.dataset).tracks[0]
    model = plugin.build({"nodes": nodes}, Task(track, store.frame_shape))
    train = TrainingWindows.open(store, "train", track.conditioning, track.train_horizon)
    # Compiled code is loaded before the clock starts.
    plugin.build({"nodes": 8}, Task(track, store.frame_shape)).fit(train)
    began = time.process_time()
    model.fit(train)
    ready = time.process_time() - began
    windows = track_windows(store, track)
    errors, seconds = [], 0.0
    for item in range(0, len(windows), every):
        place = int(windows.sequence[item]), int(windows.start[item])
        frames = store.window(*place, track.conditioning + track.horizon)
        began = time.process_time()
        forecast = model.forecast(frames[None, : track.conditioning], track.horizon)[0]
        seconds += time.process_time() - began
        errors.append(np.square(forecast.astype(np.float64) - frames[track.conditioning :]).mean())
    found = np.array(errors)
    values = (
        *(store.dataset, nodes, len(found)),
        *(f"{each:.3g}" for each in (found.mean(), np.median(found), found.max())),
        f"{(found < ROUNDING).mean():.4f}",
        f"{ready:.3g}",
        f"{seconds / len(found):.3g}",
        f"{datetime.now(UTC):%Y-%m-%d}",
    )
    return {key: str(value) for key, value in zip(COLUMNS, values, strict=True)}


def write(row: dict[str, str]) -> None:
    """Put a row into the table, in the place of an earlier one of the same dataset and grid."""
    rows = list(csv.DictReader(TABLE.open(encoding="utf-8"))) if TABLE.exists() else []
    rows = [each for each in rows if (each["dataset"], each["nodes"]) != (row["dataset"], row["nodes"])] + [row]
    with TABLE.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, COLUMNS, lineterminator="\n")
        writer.writeheader()
        writer.writerows(sorted(rows, key=lambda each: (each["dataset"], int(each["nodes"]))))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("dataset", nargs="?", default="waveeq-100", choices=plugin.datasets)
    parser.add_argument("--every", type=int, default=13)
    parser.add_argument("--nodes", default="16,24,32,48,64")
    options = parser.parse_args()
    store = open_store(paths.data_dir() / resolve(options.dataset, {}).store_name)
    print("".join(f"{name:>14}" for name in COLUMNS))
    for nodes in map(int, options.nodes.split(",")):
        row = measure(store, nodes, options.every)
        print("".join(f"{value:>14}" for value in row.values()), flush=True)
        write(row)


if __name__ == "__main__":
    main()
