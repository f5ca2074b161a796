"""What to run where a CUDA card is at hand: does every torch model compute there what it computes on the processor, how
long does a step of every `paper` preset take, and then a `paper` training in the minutes left.

    python benchmarks/gpu.py [--minutes 8] [--out gpu]

It needs this package with its extra `torch`, torch with CUDA, and nothing from outside: frames for losses and steps are
random numbers, and the training's data is generated into OUT/data (the 300 sequences of WaveEq in seconds). Written
line by line, so that what was measured stays whatever ends the script:

OUT/losses.csv   first ten losses of every torch model (preset `quick`, float32) on the device and on the processor. The
                 first one, before any weight has changed, may differ by FIRST of its size, rounding of sums in another
                 order; the others by LATER, because Adam divides by gradients, small ones too. Last column: does the
                 same training give the same bits twice with deterministic operations?
OUT/steps.csv    seconds of a training step and peak memory of every `paper` preset, in the preset's own precision.
OUT/runs         the training, as `stbench run --device` leaves it: the same command goes on from there.

A model that fails is a row with the reason. Losses may take a quarter of the minutes and steps half of them; what was
not reached is said. Rows that are there already are not measured again, so a second call has its minutes for training.
"""

from __future__ import annotations

import argparse
import csv
import gc
import os
import time
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from itertools import zip_longest
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import torch

from stbench import registry
from stbench.contract.models import Task
from stbench.contract.presets import select
from stbench.devices import REFERENCE, arithmetic, find_device
from stbench.provenance.environment import device_name, peak_memory
from stbench.training.batches import Batches
from stbench.training.settings import TrainingSettings
from stbench.training.state import TrainingState

FIRST, LATER = 1e-4, 1e-2
"""Largest difference between a loss of the device and one of the processor, relative to its size."""
LOSSES = ("model", "dataset", "device", "status", "first", "later", "device_losses", "cpu_losses", "repeats")
STEPS = (
    "model",
    "dataset",
    "preset",
    "device",
    "status",
    "precision",
    "batch",
    "seconds",
    "peak_memory_mb",
    "resident",
)
PARTS = {"losses": 0.25, "steps": 0.75}
"""Share of the minutes that is gone when a part ends."""
ROWS = 4
"""Sequences of random frames."""


class Clock:
    def __init__(self, minutes: float) -> None:
        self.end, self.seconds = time.monotonic() + 60 * minutes, 60 * minutes

    def left(self, share: float = 1.0) -> float:
        """Seconds until this share of the minutes is gone."""
        return self.end - (1 - share) * self.seconds - time.monotonic()


class Table:
    """A CSV that grows by a line at a time and knows the rows it has."""

    def __init__(self, path: Path, columns: Sequence[str], keys: Sequence[str]) -> None:
        self.path, self.columns, self.keys = path, columns, keys
        found = list(csv.DictReader(path.open(encoding="utf-8"))) if path.exists() else []
        kept = [each for each in found if each["status"] in ("ok", "differs")]
        self.known = {tuple(each[key] for key in keys) for each in kept}
        with path.open("w", encoding="utf-8", newline="") as file:
            writer = csv.DictWriter(file, columns)
            writer.writeheader()
            writer.writerows(kept)

    def add(self, **cells: Any) -> None:
        with self.path.open("a", encoding="utf-8", newline="") as file:
            csv.DictWriter(file, self.columns).writerow(cells)
        shown = {key: value for key, value in cells.items() if not str(key).endswith("_losses")}
        print(
            "  ".join(f"{value:.4g}" if isinstance(value, float) else str(value) for value in shown.values()),
            flush=True,
        )

    def fill(self, share: float, clock: Clock, place: dict[str, str], measure: Callable[[], dict[str, Any]]) -> None:
        """One row: what `measure` gives, or why there is nothing."""
        if tuple(place[key] for key in self.keys) in self.known:
            return
        if clock.left(share) <= 0:
            self.add(**place, status="not reached in time")
            return
        try:
            found = measure()
        except Exception as error:  # of a model that may be anybody's: the others are measured all the same
            found = {"status": f"{type(error).__name__}: {(str(error).splitlines() or [''])[0]}"}
        self.add(**place, **found)
        gc.collect()
        if torch.cuda.is_available():
            torch.cuda.empty_cache()


def windows(dataset: str, task: Task, actions: int) -> Any:
    """Random frames in place of a dataset: bytes, as most stores have them."""
    length = task.conditioning + task.train_horizon + 4
    frames = np.random.default_rng(0).integers(0, 256, (ROWS, length, *task.frame_shape), dtype=np.uint8)
    rows = np.repeat(np.arange(ROWS), 5), np.tile(np.arange(5), ROWS)
    return SimpleNamespace(
        stored=(frames, 0.0, 255.0),
        rows=lambda: rows,
        conditioning=task.conditioning,
        horizon=task.train_horizon,
        labels=lambda factor: rows[0] % actions,
    )


class Subject:
    """A model in a preset, on random frames of a dataset's shape."""

    def __init__(self, model: str, dataset: str, preset: str, batch: int | None = None) -> None:
        from stbench.store.build import resolve

        self.plugin, self.dataset = registry.model(model), dataset
        tables = select(self.plugin, dataset, preset)
        self.model = tables["model"]
        self.training = tables["training"] | ({"batch_size": batch} if batch else {})
        shape = resolve(dataset, {}, "auto", None).variables["frames"].shape[2:]
        self.task = Task(registry.dataset(dataset).tracks[0], tuple(shape))

    def state(self, device: torch.device, precision: str | None = None) -> tuple[TrainingState, Batches]:
        torch.manual_seed(0)
        module: Any = self.plugin.build(self.model, self.task).to(device).train()
        training = self.training | ({"precision": precision} if precision else {})
        settings = TrainingSettings.parse(training)
        source = windows(self.dataset, self.task, int(self.model.get("blocks", 2)))
        labels = getattr(module, "labels", ())
        return TrainingState(module, settings, 0), Batches(source, settings.batch_size, 0, device, labels)

    def losses(self, device: torch.device, steps: int, deterministic: bool) -> list[float]:
        state, batches = self.state(device, "float32")
        found = []
        with arithmetic(str(device), deterministic):
            for step in range(steps):
                state.advance(batches.batch(step))
                (terms,) = state.losses.read().values()
                found.append(next(value for name, value in terms.items() if name.rpartition("/")[2] == "total"))
        return found


def compare(make: Callable[[], Subject], device: torch.device, steps: int) -> dict[str, Any]:
    """The first losses on the device and on the processor."""
    subject = make()
    ours, theirs = (subject.losses(each, steps, deterministic=False) for each in (device, torch.device(REFERENCE)))
    gaps = [abs(one - other) / max(abs(other), 1e-12) for one, other in zip(ours, theirs, strict=True)]
    largest = float(np.max(gaps))  # nan where one is
    same = gaps[0] <= FIRST and largest <= LATER
    return {
        "status": "ok" if same else "differs",
        "first": gaps[0],
        "later": largest,
        "device_losses": " ".join(f"{each:.9g}" for each in ours),
        "cpu_losses": " ".join(f"{each:.9g}" for each in theirs),
        "repeats": repeats(subject, device, steps),
    }


def repeats(subject: Subject, device: torch.device, steps: int) -> str:
    """Does a training repeat its bits with deterministic operations? "yes", "no", or why it has none."""
    try:
        first, second = (subject.losses(device, steps, deterministic=True) for _ in range(2))
    except Exception as error:
        return str(error).splitlines()[0]
    return "yes" if first == second else "no"


def step_time(make: Callable[[], Subject], device: torch.device, steps: int) -> dict[str, Any]:
    """Seconds of a step, without two of warming up, and the most memory the device had to give."""
    subject = make()
    if device.type == "cuda":
        torch.cuda.reset_peak_memory_stats(device)
    with arithmetic(str(device)):
        state, batches = subject.state(device)
        for step in range(2):
            state.advance(batches.batch(step))
        state.losses.read()
        begun = time.perf_counter()
        for step in range(2, 2 + steps):
            state.advance(batches.batch(step))
        # Reading the losses waits for all steps.
        state.losses.read()
        if device.type == "cuda":
            torch.cuda.synchronize(device)
        seconds = (time.perf_counter() - begun) / steps
    peak = torch.cuda.max_memory_allocated(device) if device.type == "cuda" else peak_memory()
    return {
        "status": "ok",
        "precision": state.settings.precision,
        "batch": state.settings.batch_size,
        "seconds": seconds,
        "peak_memory_mb": round(peak / 1e6),
        "resident": batches.frames[0].device.type == device.type,
    }


def cases(models: Sequence[str], datasets: Sequence[str], preset: str) -> Iterator[tuple[str, str]]:
    """Model and dataset of every preset of this name; each model once before any of them a second time."""
    found = [
        [(model, dataset) for dataset in datasets if preset in registry.model(model).presets(dataset)]
        for model in models
    ]
    for turn in zip_longest(*found):
        yield from (each for each in turn if each is not None)


def first_of_each(found: Iterator[tuple[str, str]]) -> Iterator[tuple[str, str]]:
    """Each model on the first dataset that it has the preset for."""
    seen: set[str] = set()
    for model, dataset in found:
        if model not in seen:
            seen.add(model)
            yield model, dataset


def train(options: argparse.Namespace, device: torch.device, clock: Clock) -> None:
    """A training in the minutes left, scored as it is at the end; a fifth of them is for scoring."""
    from stbench.cli import console
    from stbench.running.run import run

    model, dataset = options.train
    budget = 0.8 * clock.left()
    if budget < options.least:
        print(f"no time is left to train {model} on {dataset}: the same command goes on with it")
        return
    settings = dict(each.split("=", 1) for each in options.set)
    result = run(
        model,
        dataset,
        preset=options.preset,
        settings=settings,
        runs=options.out / "runs",
        budget_seconds=budget,
        device=str(device),
        keep=0,
        progress=console,
    )
    training = result.record.training
    print(f"{model} on {dataset}: {training['steps']} steps, finished: {training['finished']}, {result.folder}")


def parse(words: Sequence[str] | None) -> argparse.Namespace:
    learned = [name for name in registry.names("models") if not registry.model(name).fitted]
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--minutes", type=float, default=8.0)
    parser.add_argument("--out", type=Path, default=Path("gpu"))
    parser.add_argument("--device", default="auto")
    parser.add_argument("--models", nargs="+", default=learned, choices=learned)
    parser.add_argument("--datasets", nargs="+", default=registry.names("datasets"))
    parser.add_argument("--preset", default="paper", help="whose steps are measured and which is trained")
    parser.add_argument("--steps", type=int, default=10, help="losses that are compared, and steps that are measured")
    parser.add_argument("--batch", type=int, help="in place of the presets' batches, for losses and steps")
    parser.add_argument("--train", nargs=2, default=("sepvar", "waveeq"), metavar=("MODEL", "DATASET"))
    parser.add_argument("--set", action="append", default=[], metavar="KEY=VALUE", help="of the trained dataset")
    parser.add_argument("--least", type=float, default=20.0, help="seconds below which nothing is trained")
    return parser.parse_args(words)


def main(words: Sequence[str] | None = None) -> None:
    options = parse(words)
    clock, out = Clock(options.minutes), options.out
    out.mkdir(parents=True, exist_ok=True)
    os.environ.setdefault("STBENCH_DATA", str(out / "data"))
    device = find_device(options.device)
    name = device_name(str(device))
    print(f"{name}, torch {torch.__version__}, CUDA {torch.version.cuda}, TF32 off, {options.minutes:g} minutes")
    print(f"losses: tolerance {FIRST:g} of the first, {LATER:g} of the others", flush=True)
    losses = Table(out / "losses.csv", LOSSES, ("model", "device"))
    for model, dataset in first_of_each(cases(options.models, options.datasets, "quick")):
        place = {"model": model, "dataset": dataset, "device": name}
        subject = partial(Subject, model, dataset, "quick", options.batch)
        losses.fill(PARTS["losses"], clock, place, partial(compare, subject, device, options.steps))
    steps = Table(out / "steps.csv", STEPS, ("model", "dataset", "preset", "device"))
    for model, dataset in cases(options.models, options.datasets, options.preset):
        place = {"model": model, "dataset": dataset, "preset": options.preset, "device": name}
        subject = partial(Subject, model, dataset, options.preset, options.batch)
        steps.fill(PARTS["steps"], clock, place, partial(step_time, subject, device, options.steps))
    train(options, device, clock)


if __name__ == "__main__":
    main()
