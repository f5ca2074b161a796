"""What judging sprites by the nearest of all renderings costs: `python benchmarks/renderer.py`.

Makes the whole dataset (from the real sheets where STBENCH_RAW has them, else from the stand-in's), then prints the
processor seconds of drawing all 11,664 renderings, and of comparing the test clips and all clips with each of them, and
whether every clip was told right, by the clip and frame by frame, with the margin 1.
"""

from __future__ import annotations

import os
import tempfile
import time
from collections.abc import Callable
from typing import TypeVar

import numpy as np

from stbench.judges.renderer import renderer_judge
from stbench.store.build import build, resolve

CLIPS = 64
Made = TypeVar("Made")


def timed(name: str, run: Callable[[], Made]) -> Made:
    began = time.process_time()
    made = run()
    print(f"{name}: {time.process_time() - began:.1f} s of processor")
    return made


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        os.environ["STBENCH_DATA"] = folder
        store = build(resolve("sprites", {}, "auto"))
        print(f"sprites, {store.source}, {store.n_sequences:,} clips")
        judge = timed("drawing the renderings", lambda: renderer_judge(store))
        assert judge is not None

        def right(rows: np.ndarray) -> int:
            count = 0
            for first in range(0, len(rows), CLIPS):
                some = rows[first : first + CLIPS]
                found = judge.nearest(np.stack([store.read(int(row)) for row in some]).astype(np.float32))
                same = found.margin == 1
                for name, values in found.factors.items():
                    same &= values == store.factor(name)[some]
                for name, values in found.by_frame.items():
                    same &= (values == store.factor(name)[some, None]).all(axis=1)
                count += int(same.sum())
            return count

        test = store.split.indices("test")
        for name, rows in (("the test clips", test), ("all clips", np.arange(store.n_sequences))):
            count = timed(f"judging {name}", lambda rows=rows: right(rows))
            print(f"  {count:,} of {len(rows):,} told right, with the margin 1")


if __name__ == "__main__":
    main()
