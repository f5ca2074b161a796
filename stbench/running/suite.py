"""Several runs, each in a process of its own: one's memory and failure are its own, and its peak memory is too."""

from __future__ import annotations

import os
import shlex
import signal
import tempfile
import time
from collections.abc import Mapping, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from stbench import paths, registry
from stbench.arguments import whole
from stbench.errors import StbenchError
from stbench.progress import Progress, Silent
from stbench.protocols.known import has_capability
from stbench.running.configuration import Asked
from stbench.running.plan import Plan, choose, command_line, dataset_for, find_track, plan
from stbench.running.processes import Processes
from stbench.running.run import finished
from stbench.running.stages import code_of

if TYPE_CHECKING:
    from stbench.store.reader import Store

BESIDE = ("forecast", "draws", "swap")
"""Protocols that ask a forecaster's weights for more, at no training: no judge, no labels."""

THREADS = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS", "NUMBA_NUM_THREADS")
"""What libraries read the number of their threads from."""


@dataclass(frozen=True)
class Job:
    """A run as `stbench run` would be asked for it; `track` None is the dataset's main track."""

    model: str
    dataset: str
    preset: str
    track: str | None = None
    source: str = "auto"
    settings: Mapping[str, str] = field(default_factory=dict)
    raw: Path | None = None
    changes: Mapping[str, str] = field(default_factory=dict)
    name: str = ""
    i3d: Path | None = None

    def words(self, runs: Path) -> list[str]:
        """What its command line has beside `command_line`: it runs alone, under `runs`, and shows no table."""
        words = ["--out", str(runs), "--no-table"]
        words += ["--raw", str(self.raw)] if self.raw else []
        return words + (["--i3d", str(self.i3d)] if self.i3d else [])

    def is_done(self, planned: Plan, runs: Path) -> bool:
        """Whether its run is finished. Where `fvd` is asked for, with which weights the run itself finds out."""
        asks_fvd = self.i3d is not None and "fvd" in planned.track.metrics
        return not asks_fvd and finished(planned.folder(runs), code_of(planned)) is not None


def everything(preset: str, i3d: Path | None = None) -> list[Job]:
    """All there is of a preset: on the tracks of every dataset (`tracks_of`) all floors, then every model and its
    headline variants, those that are applicable. A track that no model has a preset for is left out: floors alone
    would say nothing of models.

    A variant that changes nothing in this preset (a cosine schedule where the preset has one already) is left out.
    """
    found = []
    for dataset in registry.names("datasets"):
        for track in tracks_of(dataset, preset):
            beside = Job("", dataset, preset, track, i3d=i3d)
            if models := _models(dataset, preset, track):
                found += floors(beside)
                found += [Job(**{**vars(beside), "model": model}) for model in models]
    return found


def tracks_of(dataset: str, preset: str) -> list[str | None]:
    """The main track, None, and those that its trainings are asked for beside it: other horizons and swaps.

    In `quick` that is the shortest swap alone: further horizons would tell nothing of models that are hardly trained.
    """
    tracks = registry.dataset(dataset).tracks
    if not tracks:
        return []
    others = [track for track in tracks[1:] if track.protocol in BESIDE]
    if preset == "quick":
        swaps = [track for track in others if track.protocol == "swap"]
        others = sorted(swaps, key=lambda track: track.horizon)[:1]
    return [None, *(track.id.partition("/")[2] for track in others)]


def _models(dataset: str, preset: str, track: str | None) -> list[str]:
    """Names of the models, floors apart, and headline variants that a preset has for the leaderboard of a track."""
    found: list[str] = []
    asked = find_track(dataset, track)
    for name in registry.names("models"):
        try:
            plugin = registry.model(name)
            presets = plugin.presets(dataset)
        except registry.BrokenPlugin:  # somebody else's: `stbench models` says what is wrong with it
            continue
        if plugin.in_every_preset(dataset):
            found += [name] * (not plugin.floor and has_capability(plugin, asked))
            continue
        if preset not in presets or not presets[preset].get("leaderboard", True):
            continue
        headline = [variant for variant, table in presets.get("variants", {}).items() if table.get("headline")]
        variants = [variant for variant in ("", *headline) if has_capability(plugin, asked, variant)]
        models = [f"{name}:{variant}" if variant else name for variant in variants]
        chosen = {model: choose(model, dataset, track=track, preset=preset).configuration for model in models}
        found += [model for model in models if model == name or chosen[model] != chosen.get(name)]
    return found


def floors(beside: Job) -> list[Job]:
    """Every floor that is applicable on the data and track of a job."""
    track = find_track(beside.dataset, beside.track)
    names = [each.name for each in registry.models_at_hand() if each.floor and has_capability(each, track)]
    split = Asked(beside.preset, beside.changes).for_floor().changes
    return [Job(**{**vars(beside), "model": name, "changes": split}) for name in names]


def run_all(todo: Sequence[Job], *, runs: Path | None = None, jobs: int = 1, progress: Progress | None = None) -> None:
    """Run every job that is not finished, `jobs` at a time.

    One at a time shows what it tells and has all cores. Several share the cores evenly, and what one tells is shown if
    it fails. Data are made here, before the first run that needs them. Raises `StbenchError` naming the runs that
    failed, after all were tried.
    """
    progress = progress or Silent()
    runs = runs or paths.runs_dir()
    failed: list[str] = []
    stores: dict[Any, Store] = {}
    running: set[Future[str]] = set()
    processes: Processes | None = None
    with ThreadPoolExecutor(whole("jobs", jobs, 1)) as pool:
        try:
            for number, job in enumerate(todo, 1):
                if len(running) == jobs:
                    done, running = wait(running, return_when=FIRST_COMPLETED)
                    failed += filter(None, (each.result() for each in done))
                choice = choose(
                    job.model, job.dataset, track=job.track, preset=job.preset, changes=job.changes, name=job.name
                )
                asked = job.dataset, choice.base, job.source, tuple(sorted(job.settings.items())), job.raw
                if asked not in stores:
                    stores[asked] = dataset_for(
                        *asked[:2], source=job.source, settings=job.settings, raw=job.raw, progress=progress
                    )
                planned = plan(choice, stores[asked], seed=0)
                if job.is_done(planned, runs):
                    continue
                command = command_line(planned, planned.store.source, job.settings)
                label = f"[{number}/{len(todo)}]"
                progress.note(f"{label} {command}")
                words = [*shlex.split(command)[1:], *job.words(runs)]
                name = f"{job.model} on {planned.track.id}"
                processes = processes or Processes(_share(jobs) if jobs > 1 else os.environ)
                running.add(pool.submit(_run, processes, name, words, jobs > 1, label, progress))
            failed += filter(None, (each.result() for each in running))
        except BaseException:
            pool.shutdown(cancel_futures=True)
            raise
    if failed:
        raise StbenchError(f"{len(failed)} of {len(todo)} runs failed ({', '.join(failed)}): see their messages above")


def _run(processes: Processes, name: str, words: list[str], beside: bool, label: str, progress: Progress) -> str:
    """Run `stbench` with some words in a process of its own; the name if that failed. Where it runs beside others its
    messages are kept, and shown on failure."""
    begun = time.monotonic()
    if not beside:
        code, messages = processes.call(words), ""
    else:
        with tempfile.TemporaryDirectory(prefix="stbench-") as folder:
            code = processes.call(words, out := Path(folder) / "messages")
            messages = out.read_text(errors="replace") if out.exists() else ""
    if code in (-signal.SIGINT, 128 + signal.SIGINT):
        raise KeyboardInterrupt
    if beside:
        took = f"{time.monotonic() - begun:.0f} s"
        progress.note(f"{label} failed after {took}: {messages}" if code else f"{label} done in {took}")
    return name if code else ""


def _share(jobs: int) -> dict[str, str]:
    """The environment of one of `jobs` processes that share the cores evenly."""
    threads = str(max(1, (os.cpu_count() or 1) // jobs))
    return {**dict.fromkeys(THREADS, threads), **os.environ}
