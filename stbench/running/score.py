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
from stbench.protocols.known import protocol_of
from stbench.protocols.questions import check_answerable
from stbench.results.record import ELSEWHERE
from stbench.running.recording import Made, record_numbers
from stbench.running.run import RunResult, i3d_for, renderer_for
from stbench.running.stages import code_of_predictions
from stbench.running.turns import check_place, turn

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
    """Score a prediction store on all that a track asks, of draws on the selected windows, and leave a run folder.

    `name` is what the leaderboard calls the model, `parameters` the trainable numbers of all its stages, `preset` the
    board it belongs to: "paper" for whatever was trained on the canonical data; `i3d` the weights for `fvd`. The judge
    of a track that asks one is the one of the preset under `runs`. Raises `StbenchError` for an unknown track or
    preset, a track that asks for codes, a name that is taken by a model of ours, a judge that is not there, and what
    `score_predictions` refuses.
    """
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
    runs = runs or paths.runs_dir()
    check_place(runs)
    network, judge = i3d_for(found, i3d), judge_for(store, found, preset, runs)
    with progress.bar(f"scoring {name}", "windows") as advance:
        scores = scores_of(
            predictions, store, found, preset, judge=judge, i3d=network, on_progress=advance, on_note=progress.note
        )
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
        code=code_of_predictions(found, store.split) | ({"judge": judge.sha256} if judge is not None else {}),
        judge=judge.card.summary if judge is not None else {},
        command=shlex.join(words),
        identity=identity,
        started=started,
    )
    folder = runs / preset / found.id / name / f"seed-{seed}-{made.fingerprint[:8]}"
    with turn(folder, f"scoring {name} in {folder}", progress.note) as check_held:
        record, _ = record_numbers(folder, made, store, found, scores)
        check_held()
        record.write(folder)
    return RunResult(folder, record, None, reused=False)


def scores_of(
    predictions: Path, store: Store, track: Track, preset: str, *, judge: Any, i3d: Any, **told: Any
) -> Scores:
    """The scores of a prediction store on a track, by the code of its protocol."""
    from stbench.protocols.drawn_predictions import score_draws
    from stbench.protocols.given_predictions import score_given
    from stbench.protocols.predictions import score_predictions

    if track.protocol == "draws":
        return score_draws(predictions, store, track, preset=preset, **told)
    if track.protocol == "forecast":
        return score_predictions(predictions, store, track, i3d=i3d, **told)
    return score_given(predictions, store, track, judge=judge, renderer=renderer_for(store, track), i3d=i3d, **told)


def judge_for(store: Store, track: Track, preset: str, runs: Path) -> Any:
    """The judge of a track that asks one; else None. `StbenchError`, with the command that trains it, if none."""
    if not protocol_of(track).judged:
        return None
    from stbench.judges.judge import find_judge

    return find_judge(store, preset, runs, track.horizon)


def track_by_id(track: str) -> Track:
    """The track of an id such as "waveeq/forecast-40"; `StbenchError` with the nearest one when there is none, and for
    one that asks for codes."""
    dataset, _, _ = track.partition("/")
    tracks = {each.id: each for each in registry.dataset(dataset).tracks}
    if track not in tracks:
        raise StbenchError(f"there is no track '{track}': {nearest(track, tracks)}")
    check_answerable(tracks[track])
    return tracks[track]


def _digest(scores: Scores) -> str:
    digest = hashlib.sha256()
    for name, values in sorted(scores.values.items()):
        digest.update(name.encode() + np.ascontiguousarray(values).tobytes())
    return digest.hexdigest()
