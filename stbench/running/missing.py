"""The commands of runs that are not finished, found without making data or training: one a task of a job array."""

from __future__ import annotations

import os
import shlex
from collections.abc import Iterator, Sequence
from pathlib import Path

from stbench import paths, registry
from stbench.running.plan import choose, command_line, plan
from stbench.running.suite import Job
from stbench.store.build import resolve
from stbench.store.reader import open_store


def missing(todo: Sequence[Job], *, runs: Path | None = None) -> Iterator[str]:
    """The command of every job that is not finished under `runs`; where the data are not made yet, of every job.

    Each makes its data if they are missing, runs itself alone and shows no table. Raises `StbenchError` for names there
    are not and data of which no source is at hand.
    """
    runs = runs or paths.runs_dir()
    for job in todo:
        choice = choose(job.model, job.dataset, track=job.track, preset=job.preset, changes=job.changes, name=job.name)
        settings = {**registry.dataset(job.dataset).presets.get(choice.base, {}), **job.settings}
        blueprint = resolve(job.dataset, settings, job.source, job.raw)
        path = paths.data_dir() / blueprint.store_name
        if os.path.lexists(path):
            planned = plan(choice, open_store(path), seed=0)
            if job.is_done(planned, runs):
                continue
        yield f"{command_line(choice, blueprint.source, job.settings)} {shlex.join(job.words(runs))}"
