"""The one training loop: optimisers on `module.loss(batch, generator)["total"]`, interruptible and repeatable."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from torch import nn

from stbench.contract.capabilities import HasLabels
from stbench.devices import arithmetic
from stbench.errors import StbenchError
from stbench.training import checkpoint as checkpoints

from .batches import Batches
from .cost import peak_memory
from .interruption import Interruption
from .log import TrainingLog
from .memory import keep_freed_memory
from .settings import TrainingSettings
from .state import TrainingState

if TYPE_CHECKING:
    from stbench.splits.training import TrainingWindows


@dataclass(frozen=True)
class TrainingSummary:
    steps: int
    """Steps done so far, over all sessions."""
    finished: bool
    seconds: float
    """Wall time of training over all sessions, checkpoints included."""
    cpu_seconds: float
    """Processor time of the same, over all threads: what the run costs on a machine that has other work too."""
    resumed_from: int
    """Step of the checkpoint this session started at; 0 for a fresh start."""
    losses: dict[str, float]
    """Each term, averaged over the steps since the last line of the log, at the latest full line."""
    loader_share: float
    """Part of the stepping time spent on gathering batches, over all sessions."""
    peak_memory: int
    """Largest resident memory of the process, bytes."""
    stopped_by: str | None
    """None when finished, else "budget", "signal" or "request"."""

    def __str__(self) -> str:
        if self.finished:
            return f"trained {self.steps:,} steps in {self.seconds:,.0f} s"
        return f"stopped by {self.stopped_by} after {self.steps:,} steps; the same command continues from there"


def train(
    module: nn.Module,
    windows: TrainingWindows,
    configuration: Mapping[str, Any],
    folder: Path,
    *,
    seed: int,
    identity: Mapping[str, Any],
    budget_seconds: float | None = None,
    deterministic: bool = False,
    on_progress: Callable[[int, int, Mapping[str, float]], None] | None = None,
    stop: Callable[[], bool] | None = None,
) -> TrainingSummary:
    """Train `module` in place on the device it is on, from the checkpoint in `folder` if there is one.

    `configuration` is the preset's `training` table (`TrainingSettings`). A module may consist of players
    (`stbench.training.players`): in each step those that act in it learn one after the other, on the same batch; a run
    stops between steps and never between players. Writes `checkpoint/`, `snapshots/` and
    `log.jsonl` to `folder`. The result depends on the module's initial weights, windows, decisive settings and
    `seed` alone: interrupted anywhere and continued, it is the same bit for bit on a CPU. Ends early, with a
    checkpoint and `finished=False`, when `budget_seconds` of this session are used up, on SIGINT or SIGTERM, or
    when `stop()` says so. A finished folder is only loaded. `deterministic` is for a card, see
    `stbench.devices.arithmetic`. `on_progress(step, steps, losses)` is told the terms of the latest step whose losses
    are known: on a processor each step's, on a card those of the last line of the log.

    Raises `StbenchError` for impossible settings, players that do not fit them, a damaged checkpoint or one of another
    `identity`, a loss or weights that are not finite (naming the step), a folder that cannot be written, and a card
    without the memory or the deterministic operation that is needed.
    """
    settings = TrainingSettings.parse(configuration)
    _refuse_batch_of_one(module, settings)
    keep_freed_memory()
    device = next(module.parameters()).device
    labels = module.labels if isinstance(module, HasLabels) else ()
    batches = Batches(windows, settings.batch_size, seed, device, labels)
    if settings.batch_size > len(batches):
        raise StbenchError(
            f"a batch of {settings.batch_size:,} windows would show some of the {len(batches):,} there are to learn "
            f"from twice: set batch_size to at most {len(batches):,}"
        )
    identity = {
        "run": dict(identity),
        "seed": seed,
        "training": settings.decisive,
        "windows": {"number": len(batches), "conditioning": windows.conditioning, "horizon": windows.horizon},
    }
    # Whatever is drawn in here leaves the caller's generator as it was.
    forked = torch.random.fork_rng(devices=[device] if device.type == "cuda" else [])
    with forked, arithmetic(str(device), deterministic):
        session = _Session(module, batches, settings, folder, seed, identity)
        with Interruption() as interruption:
            stopped_by = session.run(budget_seconds, on_progress, stop, interruption)
    return session.summary(stopped_by)


def _refuse_batch_of_one(module: nn.Module, settings: TrainingSettings) -> None:
    """A code vector less its mean over a batch of one is zero, whatever was shown."""
    if settings.batch_size == 1 and any(isinstance(each, nn.modules.batchnorm._BatchNorm) for each in module.modules()):
        raise StbenchError(
            "batch normalisation takes its statistics from a batch, and the batch_size of this preset is 1: set it to "
            "2 or more"
        )


class _Session:
    """One call of `train`: state, log and clock of a run while it is being worked on."""

    def __init__(
        self,
        module: nn.Module,
        batches: Batches,
        settings: TrainingSettings,
        folder: Path,
        seed: int,
        identity: Mapping[str, Any],
    ) -> None:
        self.batches, self.settings, self.folder, self.identity = batches, settings, folder, identity
        self.state = TrainingState(module, settings, seed)
        found = checkpoints.load(folder, identity)
        if found is not None:
            self.state.restore(found, folder)
        self.resumed_from = self.state.step
        players = {each.name: each.settings for each in self.state.players}
        self.log = TrainingLog(folder / "log.jsonl", self.state.clock, settings, players, self.resumed_from)
        self.saved_at = self.state.step if found is not None else -1
        self.known: Mapping[str, float] = {}
        """Terms of the latest step whose losses were read."""

    def run(
        self,
        budget_seconds: float | None,
        on_progress: Callable[[int, int, Mapping[str, float]], None] | None,
        stop: Callable[[], bool] | None,
        interruption: Interruption,
    ) -> str | None:
        """Step until finished or stopped; says what stopped it. A checkpoint is left in every case but an error."""
        state, settings = self.state, self.settings
        began = last_save = time.monotonic()
        stopped_by = None
        state.module.train()
        while state.step < settings.steps:
            if interruption.asked:
                stopped_by = "signal"
            elif stop is not None and stop():
                stopped_by = "request"
            elif budget_seconds is not None and time.monotonic() - began >= budget_seconds:
                stopped_by = "budget"
            if stopped_by:
                break
            self._step()
            if on_progress is not None:
                on_progress(state.step, settings.steps, self.known)
            if state.step in settings.snapshots:
                self._read()
                state.check()
                checkpoints.save_snapshot(self.folder, state.step, state.weights())
            if time.monotonic() - last_save >= settings.checkpoint_seconds:
                self._save()
                last_save = time.monotonic()
        if self.saved_at != state.step:
            self._save()
        state.hand_over()
        return stopped_by

    def _step(self) -> None:
        state, clock = self.state, self.state.clock
        start, busy = time.perf_counter(), time.process_time()
        batch = self.batches.batch(state.step)
        loaded = time.perf_counter()
        state.advance(batch)
        # On a card the time of a step shows where its losses are waited for.
        losses = state.losses.read() if state.losses.at_hand or self.log.due(state.step) else {}
        clock.loading += loaded - start
        clock.stepping += time.perf_counter() - start
        clock.processor += time.process_time() - busy
        self._note(losses)

    def _read(self) -> None:
        """Before anything is kept: weights that a loss without a finite value has touched are not."""
        start = time.perf_counter()
        losses = self.state.losses.read()
        self.state.clock.stepping += time.perf_counter() - start
        self._note(losses)

    def _note(self, losses: Mapping[int, Mapping[str, float]]) -> None:
        for step, terms in losses.items():
            self.log.add(step, terms)
            self.known = terms

    def _save(self) -> None:
        self._read()
        self.state.check()
        start = time.perf_counter()
        checkpoints.save(self.folder, self.state.checkpoint(), self.identity)
        self.saved_at = self.state.step
        self.state.clock.saving += time.perf_counter() - start

    def summary(self, stopped_by: str | None) -> TrainingSummary:
        clock = self.state.clock
        return TrainingSummary(
            steps=self.state.step,
            finished=self.state.step >= self.settings.steps,
            seconds=clock.stepping + clock.saving,
            cpu_seconds=clock.processor,
            resumed_from=self.resumed_from,
            losses=self.log.latest(),
            loader_share=clock.loading / clock.stepping if clock.stepping else 0.0,
            peak_memory=peak_memory(),
            stopped_by=stopped_by,
        )
