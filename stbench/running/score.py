"""Predictions made elsewhere, in any framework, become a run like every other: same windows, same scoring code."""

from __future__ import annotations

import hashlib
import shlex
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from stbench import arguments, paths, registry
from stbench.contract.datasets import Track
from stbench.contract.presets import PRESETS
from stbench.errors import StbenchError, nearest
from stbench.progress import Progress, Silent
from stbench.results.record import ELSEWHERE
from stbench.running.recording import Made, record_numbers
from stbench.running.run import RunResult, i3d_for
from stbench.running.stages import code_of_predictions
from stbench.running.turns import turn

if TYPE_CHECKING:
    from stbench.protocols.scoring import Scores
    from stbench.store.reader import Store


def score(
    track: str,
    predictions: Path,
    name: str,
    *,
    parameters: int,
    preset: str = "paper",
    seed: int = 0,
    store: Store,
    runs: Path | None = None,
    i3d: Path | None = None,
    progress: Progress | None = None,
) -> RunResult:
    """Score a prediction store on all test windows of a track, of draws on the selected ones, and leave a run folder.

    `name` is what the leaderboard calls the model, `parameters` the trainable numbers of all its stages, `preset` the
    board it belongs to: "paper" for whatever was trained on the canonical data; `i3d` the weights for `fvd`.
    Raises `StbenchError` for an unknown
    track or preset, a name that is taken by a model of ours, and what `score_predictions` refuses.
    """
    from stbench.protocols.drawn_predictions import score_draws
    from stbench.protocols.predictions import score_predictions

    progress, started = progress or Silent(), datetime.now(UTC)
    found = track_by_id(track)
    if preset not in PRESETS:
        raise StbenchError(f"there is no preset '{preset}': {nearest(preset, PRESETS)}")
    name, seed = arguments.name(name, "a model"), arguments.seed(seed)
    parameters = arguments.whole("parameters", parameters, 0, arguments.LARGEST_SEED)
    # A variant's colon is a dot in the names of folders.
    if (taken := name.partition(".")[0]) in registry.names("models"):
        raise StbenchError(f"'{taken}' is a model of stbench, whose runs come from `stbench run`: choose another name")
    if store.dataset != found.dataset:
        raise StbenchError(f"the track {track} is of the dataset {found.dataset}, but {store.path} is {store.dataset}")
    network = i3d_for(found, i3d)
    with progress.bar(f"scoring {name}", "windows") as advance:
        told: dict[str, Any] = {"on_progress": advance, "on_note": progress.note}
        if found.protocol == "draws":
            scores = score_draws(predictions, store, found, preset=preset, **told)
        else:
            scores = score_predictions(predictions, store, found, i3d=network, **told)
    words = ["stbench", "score", "--track", track, "--name", name, "--predictions", str(predictions)]
    words += ["--data", str(store.path), "--parameters", str(parameters), "--preset", preset, "--seed", str(seed)]
    words += ["--i3d", str(i3d)] if network else []
    identity = {
        "model": name,
        "track": found.id,
        "dataset_digest": store.digest,
        "preset": preset,
        "seed": seed,
        "scores": _digest(scores),
    }
    made = Made(
        model=name,
        preset=preset,
        seed=seed,
        configuration=ELSEWHERE,
        parameters=parameters,
        training={"finished": True},
        code=code_of_predictions(found, store.split),
        command=shlex.join(words),
        identity=identity,
        started=started,
    )
    folder = (runs or paths.runs_dir()) / preset / found.id / name / f"seed-{seed}-{made.fingerprint[:8]}"
    with turn(folder, f"scoring {name} in {folder}", progress.note) as check_held:
        record, _ = record_numbers(folder, made, store, found, scores)
        check_held()
        record.write(folder)
    return RunResult(folder, record, None, reused=False)


def track_by_id(track: str) -> Track:
    """The track of an id such as "waveeq/forecast-40"; `StbenchError` with the nearest one when there is none, and for
    one that asks for no forecasts or draws."""
    dataset, _, _ = track.partition("/")
    tracks = {each.id: each for each in registry.dataset(dataset).tracks}
    if track not in tracks:
        raise StbenchError(f"there is no track '{track}': {nearest(track, tracks)}")
    if tracks[track].protocol not in ("forecast", "draws"):
        raise StbenchError(
            f"predictions made elsewhere are scored on tracks of forecasts and draws only, and {track} is none: a "
            "model in Python can be asked for it, see docs/adding_a_model.md"
        )
    return tracks[track]


def _digest(scores: Scores) -> str:
    digest = hashlib.sha256()
    for name, values in sorted(scores.values.items()):
        digest.update(name.encode() + np.ascontiguousarray(values).tobytes())
    return digest.hexdigest()
