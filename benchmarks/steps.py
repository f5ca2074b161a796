"""Processor seconds of a training step of models of one dataset, in turns, and how many steps take as long as sepvar's.

    python benchmarks/steps.py [taxibj] [--models sepvar predrnn ...] [--preset cpu] [--turns 3] [--steps 3]

One thread, random frames of the dataset's shape, the presets' own batches and precision, the first steps of a training
(what changes along the way, as true frames giving way to forecasts, is that of its beginning). Each turn times all
models one after the other; the least of the turns counts, since other work on a machine only adds. Without --models:
all that have the preset. Columns: batch, precision, seconds of a step, steps of the preset, what they take together,
and the steps that would take as long as the preset of sepvar.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Sequence

import torch
from gpu import Subject

from stbench import registry
from stbench.devices import REFERENCE

YARDSTICK = "sepvar"


def learned(dataset: str, preset: str) -> list[str]:
    """All learned models with the preset on the dataset."""
    found = [registry.model(name) for name in registry.names("models")]
    return [each.name for each in found if each.kind == "learned" and preset in each.presets(dataset)]


def main(words: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("dataset", nargs="?", default="taxibj")
    parser.add_argument("--models", nargs="*", default=[])
    parser.add_argument("--preset", default="cpu")
    parser.add_argument("--turns", type=int, default=3)
    parser.add_argument("--steps", type=int, default=3)
    options = parser.parse_args(words)
    torch.set_num_threads(1)
    names = dict.fromkeys([YARDSTICK, *(options.models or learned(options.dataset, options.preset))])
    running = {name: Subject(name, options.dataset, options.preset).state(torch.device(REFERENCE)) for name in names}
    found: dict[str, list[float]] = {name: [] for name in running}
    step = dict.fromkeys(running, 0)
    for turn in range(options.turns + 1):
        for name, (state, batches) in running.items():
            began = time.process_time()
            for _ in range(options.steps):
                state.advance(batches.batch(step[name]))
                step[name] += 1
            state.losses.read()
            if turn:
                found[name].append((time.process_time() - began) / options.steps)
    least = {name: min(seconds) for name, seconds in found.items()}
    whole = least[YARDSTICK] * running[YARDSTICK][0].settings.steps
    print("| model | batch | precision | step, s | steps | minutes | steps as long as those of `sepvar` |")
    print("|" + "---|" * 7)
    for name, (state, _) in running.items():
        settings, seconds = state.settings, least[name]
        cells = [f"`{name}`", settings.batch_size, settings.precision, f"{seconds:.3f}", f"{settings.steps:,}"]
        cells += [f"{seconds * settings.steps / 60:.1f}", f"{whole / seconds:,.0f}"]
        print("| " + " | ".join(str(each) for each in cells) + " |")


if __name__ == "__main__":
    main()
