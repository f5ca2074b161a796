"""What WaveEq costs: the compiled kernel, the whole command and plain NumPy side by side.

    python benchmarks/waveeq.py [--sequences 300] [--workers N]

Prints one table; writes only to a temporary folder. The kernel is compiled (or read from numba's cache) before any
clock starts, and the command is run once before it is timed. On a busy machine read the processor seconds.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
from rich.console import Console
from rich.table import Table
from stbench.generators.waveeq.dataset import waveeq
from stbench.generators.waveeq.draws import draw
from stbench.generators.waveeq.parameters import WaveParameters
from stbench.generators.waveeq.solver import solve

# The plain NumPy solver is the independent reference of the tests.
sys.path.insert(0, str(Path(__file__).parents[1] / "tests" / "generators"))
from wave_reference import disc, laplacian, runge_kutta_38

PUBLISHED_SECONDS_PER_SEQUENCE = 3.47
"""The published script (float32, torch), two cores of the machine the card names."""


def clock(work: Callable[[], object]) -> tuple[float, float]:
    """Wall and processor seconds of `work`."""
    wall, processor = time.perf_counter(), time.process_time()
    work()
    return time.perf_counter() - wall, time.process_time() - processor


def plain_numpy(index: int) -> np.ndarray:
    drawn = draw(WaveParameters(), index)
    source = drawn.sources[0]
    mask = disc(64, source.x, source.y, source.radius)

    def acceleration(w: np.ndarray, t: float, n: int) -> np.ndarray:
        return drawn.speed**2 * laplacian(w, "frozen_frame") + source.amplitude * np.exp(-source.decay * t) * mask

    return runge_kutta_38(64, acceleration, 0.001, 300)


def command(sequences: int, workers: int, folder: Path) -> tuple[float, float, float]:
    """Wall seconds, processor seconds and peak resident megabytes of `stbench generate waveeq`."""
    program = str(Path(sys.executable).with_name("stbench"))
    arguments = ["generate", "waveeq", "--set", f"sequences={sequences}", "--workers", str(workers)]
    environment = os.environ | {"STBENCH_DATA": str(folder)}
    start = time.perf_counter()
    quiet = subprocess.DEVNULL
    process = subprocess.Popen([program, *arguments], env=environment, stdout=quiet, stderr=quiet)
    _, status, usage = os.wait4(process.pid, 0)
    if status:
        raise SystemExit(f"stbench generate failed with status {status}")
    return time.perf_counter() - start, usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sequences", type=int, default=300)
    parser.add_argument("--workers", type=int, default=os.cpu_count() or 1)
    options = parser.parse_args()
    n, workers = options.sequences, options.workers

    # First, while this process is small: a child's peak memory starts at that of the process which started it.
    with tempfile.TemporaryDirectory() as folder:
        command(3, workers, Path(folder) / "warm")
        *whole, peak = command(n, workers, Path(folder) / "timed")

    p = WaveParameters(sequences=n)
    plan = waveeq.blueprint(p)
    plan.produce(0, 1)
    drawn = [draw(p, index) for index in range(n)]
    shards = [(start, min(start + plan.sequences_per_shard, n)) for start in range(0, n, plan.sequences_per_shard)]

    def kernel() -> None:
        for each in drawn:
            solve(p, each.speed, each.sources)

    def frames() -> None:
        for shard in shards:
            plan.produce(*shard)

    def frames_in_threads() -> None:
        with ThreadPoolExecutor(workers) as pool:
            for _ in pool.map(lambda shard: plan.produce(*shard) and None, shards):
                pass

    title = f"WaveEq, {n} sequences of 150 frames of 64 x 64, {os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}"
    table = Table("what", title=title)
    for column in ("wall s", "processor s", "wall ms / sequence", "peak MB"):
        table.add_column(column, justify="right")

    def row(what: str, wall: float, processor: float | None = None, memory: str = "") -> None:
        cost = "" if processor is None else f"{processor:,.2f}"
        table.add_row(what, f"{wall:,.2f}", cost, f"{1000 * wall / n:,.1f}", memory)

    row("kernel, 1 thread", *clock(kernel))
    row("kernel + min-max + float32, 1 thread", *clock(frames))
    row(f"the same, {workers} threads", *clock(frames_in_threads))
    row(f"stbench generate waveeq, {workers} workers", *whole, memory=f"{peak:,.0f}")
    row("plain NumPy, from 1 sequence", *(n * each for each in clock(lambda: plain_numpy(0))))
    row("published script, as reported", n * PUBLISHED_SECONDS_PER_SEQUENCE)
    Console().print(table)


if __name__ == "__main__":
    main()
