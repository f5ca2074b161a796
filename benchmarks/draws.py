"""Processor time to score drawn forecasts, metric by metric, on one thread: `python benchmarks/draws.py [WINDOWS]`.

Members are noise of the shape of `moving-mnist/draws-10`: 100 members, 10 frames of 64 x 64 pixels. The time of every
window is measured by the processor's clock, so that other work on the machine counts little; the last column is what
the 256 windows of the preset `paper` take.
"""

from __future__ import annotations

import statistics
import sys
import time

import numpy as np

from stbench import registry
from stbench.protocols.draws import SIZES

SHAPE = (10, 1, 64, 64)


def main(windows: int) -> None:
    (track,) = (each for each in registry.dataset("moving-mnist").tracks if each.protocol == "draws")
    functions = {}
    for name in track.scored:
        if (metric := registry.metric(name)).by_frame:
            functions.setdefault(metric.frame_values, name)
    size, rng = SIZES["paper"], np.random.default_rng(0)
    spent: dict[str, list[float]] = {name: [] for name in functions.values()}
    for window in range(windows + 1):
        members = rng.random((1, size.members, *SHAPE), np.float32)
        target = rng.random((1, *SHAPE), np.float32)
        for values_of, name in functions.items():
            begun = time.process_time()
            values_of(members, target)
            if window:  # the first call compiles
                spent[name].append(time.process_time() - begun)
    print(f"| metric | ms a window | s for {size.windows} windows |\n|---|---|---|")
    for name, times in spent.items():
        middle = statistics.median(times)
        print(f"| `{name}` | {1e3 * middle:.1f} | {size.windows * middle:.1f} |")
    total = sum(map(statistics.median, spent.values()))
    print(f"| together | {1e3 * total:.0f} | {size.windows * total:.0f} |")


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 20)
