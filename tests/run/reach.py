"""Plays runs on tiny stores and prints which modules of stbench they loaded and the digest does not know.

`python reach.py '[[model, dataset, track or null, store], ...]' FOLDER`; a process each, so that no run sees what
another one loaded.
"""

from __future__ import annotations

import ast
import json
import multiprocessing
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

# Loaded once; every run's process starts with them, and with nothing of stbench.
import numpy  # noqa: F401
import scipy.stats  # noqa: F401
import torch  # noqa: F401
import xarray  # noqa: F401
import zarr  # noqa: F401


def loaded() -> set[str]:
    return {name for name in sys.modules if name == "stbench" or name.startswith("stbench.")}


def shortened(configuration: Any) -> dict[str, Any]:
    training = {**configuration["training"]}
    if "players" in training:  # all from the first step to the last one
        kept = {
            name: {key: value for key, value in player.items() if key not in ("first_step", "last_step")}
            for name, player in training["players"].items()
        }
        training["players"] = kept
    for name, value in {"steps": 1, "batch_size": 2, "log_every": 1, "snapshots": [], "warmup_steps": 0}.items():
        if name in training:
            training[name] = value
    return {**configuration, "training": training}


def judge_of(store: Any, runs: Path) -> Any:
    from stbench.judges import judge

    settings = {
        name: {**table, "training": {**table["training"], "steps": 1}} for name, table in judge.presets().items()
    }
    judge.presets = lambda: settings  # type: ignore[assignment]
    judged, clip = judge.judged_by(store.dataset)
    return judge.train_judge(store, judged, clip, runs=runs)


def play(case: tuple[str, str, str | None, str], folder: Path) -> dict[str, list[str]]:
    """Stage -> modules that were loaded by its end and are neither in its closure nor left out."""
    import dataclasses

    from stbench.metrics.rendered import wants_renderings
    from stbench.progress import Silent
    from stbench.protocols.known import protocol_of
    from stbench.running.fit import fit
    from stbench.running.plan import choose, plan
    from stbench.store.reader import open_store

    model, dataset, track, path = case
    choice = choose(model, dataset, track=track)
    choice = dataclasses.replace(choice, configuration=shortened(choice.configuration))
    todo = plan(choice, open_store(path), 0)
    trained = fit(
        todo,
        folder,
        "",
        budget_seconds=None,
        device="cpu",
        reuse_checkpoint=False,
        force=False,
        progress=Silent(),
        check_held=lambda: None,
    )
    found = {"training": loaded()}
    protocol = protocol_of(todo.track)
    asked = {"judge": judge_of(todo.store, folder / "runs")} if protocol.judged else {}
    if wants_renderings(todo.track.scored):
        from stbench.judges.renderer import renderer_judge

        asked["renderer"] = renderer_judge(todo.store, None)
    scores = protocol.play(trained.model, todo.store, todo.track, **asked)

    from stbench.running.recording import Made, record_numbers

    made = Made(
        model=todo.plugin.name,
        preset=todo.preset,
        seed=todo.seed,
        configuration=todo.configuration,
        parameters=trained.parameters,
        training=trained.training,
        code={"training": trained.code},
        command="",
        identity=todo.identity,
        started=datetime.now(UTC),
    )
    record_numbers(folder / "numbers", made, todo.store, todo.track, scores)
    found["scoring"] = loaded()

    from stbench.provenance.code import closure
    from stbench.running.stages import ASKS, LEFT_OUT, SCORING, TRAINING, model_modules, scoring_modules

    own = model_modules(todo.plugin)
    known = {
        "training": closure([*TRAINING, *own], without={*LEFT_OUT, *ASKS}),
        "scoring": closure([*SCORING, *scoring_modules(todo.track), *ASKS, *own], without=LEFT_OUT),
    }
    # What the model was trained with, is in the digest of training.
    known["scoring"] |= known["training"]
    # The data is in the identity of a run, by the digest of its values; its plug-in was loaded to find the track.
    made = {"stbench.generators": "", "stbench.raw": ""}
    # `stbench.running` asks there whether a track wants renderings, and needs nothing else of metrics to train.
    asked_of = {} if wants_renderings(todo.track.scored) else {"stbench.metrics.rendered": ""}
    apart = {
        "training": {**LEFT_OUT, **ASKS, **made, "stbench.metrics": ""},
        "scoring": {**LEFT_OUT, **asked_of, **(_of_others(dataset) if protocol.asks_dataset else made)},
    }
    return {
        stage: sorted(
            name for name in found[stage] - set(known[stage]) if has_code(name) and not is_in(name, apart[stage])
        )
        for stage in found
    }


def _of_others(dataset: str) -> dict[str, str]:
    """Every dataset is asked for its questions where a metric is named after one; what they make is not."""
    from stbench import registry

    own = registry.module("datasets", dataset).rpartition(".")[0]
    made = {name for name in loaded() if is_in(name, ("stbench.generators",)) and not is_in(name, (own,))}
    return {**dict.fromkeys(made, ""), "stbench.raw": ""}


def is_in(name: str, rooms: Any) -> bool:
    return any(name == room or (room != "stbench" and name.startswith(f"{room}.")) for room in rooms)


def has_code(name: str) -> bool:
    """A folder's `__init__` with a docstring alone decides nothing."""
    tree = ast.parse(Path(str(sys.modules[name].__file__)).read_text("utf-8"))
    return any(not (isinstance(each, ast.Expr) and isinstance(each.value, ast.Constant)) for each in tree.body)


def numbered(job: tuple[int, Any, str]) -> dict[str, list[str]]:
    number, case, folder = job
    return play(case, Path(folder) / str(number))


if __name__ == "__main__":
    assert not loaded()
    jobs = [(number, case, sys.argv[2]) for number, case in enumerate(json.loads(sys.argv[1]))]
    with multiprocessing.get_context("fork").Pool(1, maxtasksperchild=1) as pool:
        print(json.dumps(pool.map(numbered, jobs, chunksize=1)))
