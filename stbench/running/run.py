"""One run, from a preset to a record: the only place that knows the whole way.

    store ──▶ training windows ──▶ model ──▶ predictions ──▶ scores ──▶ run folder

A run folder is named by what the run depends on (`<preset>/<track>/<model>/seed-<k>-<fingerprint>`): model, variant,
version, configuration, track, dataset digest, seed. Its weights lie in `<preset>/<dataset>/trained/<model>/...`, one
folder for all tracks that train on the same windows. The digest of the source code is kept inside the record, so a
change of code is noticed: training code changed -> train again, scoring code changed -> score again, nothing changed ->
nothing to do.
"""

from __future__ import annotations

import shlex
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from stbench import arguments, paths, registry
from stbench.contract.datasets import Track
from stbench.contract.models import Forecaster, Task
from stbench.contract.presets import breaks_of
from stbench.devices import REFERENCE, arithmetic, card, find_device
from stbench.errors import StbenchError
from stbench.metrics.rendered import wants_renderings
from stbench.progress import Progress, Silent
from stbench.protocols.known import protocol_of
from stbench.running.plan import Choice, Plan, choose, command_line, dataset_for, plan
from stbench.running.recording import Made
from stbench.running.stages import code_of
from stbench.running.turns import turn

if TYPE_CHECKING:
    from stbench.protocols.scoring import Scores
    from stbench.results.record import RunRecord
    from stbench.running.fit import Trained
    from stbench.store.reader import Store


@dataclass(frozen=True)
class RunResult:
    folder: Path
    record: RunRecord
    weights: Path | None
    """Folder of checkpoint, snapshots and log; None for what is fitted in every run and predictions made elsewhere."""
    reused: bool
    """True when the finished run was already there and depends on the same code, configuration and data."""


def run(
    model: str,
    dataset: str,
    *,
    track: str | None = None,
    preset: str = "quick",
    changes: Mapping[str, str] | None = None,
    name: str = "",
    seed: int = 0,
    source: str = "auto",
    settings: Mapping[str, str] | None = None,
    raw: Path | None = None,
    runs: Path | None = None,
    i3d: Path | None = None,
    budget_seconds: float | None = None,
    device: str = REFERENCE,
    deterministic: bool = False,
    keep: int = 64,
    predictions: Path | None = None,
    reuse_checkpoint: bool = False,
    force: bool = False,
    progress: Progress | None = None,
) -> RunResult:
    """Generate what is missing, train, predict, score, and leave a run folder.

    `preset` is a preset's name or the TOML file of a configuration, `changes` ("training.steps" -> "100") are on top of
    it. Such a run belongs to no ranking, unless it has a `name`: then it is ranked among those of this name.
    `settings` are dataset parameters on top of those the preset asks for; `i3d` are the weights for `fvd`, for tracks
    that ask for it. A finished run that depends on the same code, configuration and data is returned as it is, unless
    `force`. With `predictions` a forecast of every test window is written there (`PredictionWriter`), for which a
    finished run predicts once more. Training that was interrupted continues; when the code it depends on has changed
    since, it starts again, unless `reuse_checkpoint`. With `budget_seconds` training stops after that time, the model
    is scored as it is, and the same command goes on from there. While another process makes the same run, trains the
    same weights or makes the same data, its end is waited for, which `progress` is told. `device` is the torch name of
    where a torch model is trained and asked, or "auto": a CUDA card where there is one. What a card trains has folders
    of its own, so nothing of the processor's is mixed with it; `deterministic` asks it for the same bits every time.
    Raises `StbenchError` for whatever a user can get wrong and KeyboardInterrupt, with a checkpoint on disk, when it
    was interrupted.
    """
    progress = progress or Silent()
    started = datetime.now(UTC)
    seed = arguments.seed(seed)
    choice = choose(model, dataset, track=track, preset=preset, changes=changes, name=name)
    if choice.preset != choice.base:
        _check_configuration(choice, source, settings or {}, raw)
    device = _device(choice, device, progress)
    if predictions is not None:
        _check_predictions(choice.track, predictions)
    store = dataset_for(dataset, choice.base, source=source, settings=settings or {}, raw=raw, progress=progress)
    todo = plan(choice, store, seed, card(device, deterministic))
    runs = runs or paths.runs_dir()
    folder, weights = todo.folder(runs), todo.training_folder(runs)
    kept = None if todo.plugin.fitted else weights
    asked = _also_asked(todo, runs, i3d)
    # A judge is weights, not code, but as decisive for the scores.
    code = code_of(todo) | {name: each.sha256 for name, each in asked.items()}
    named = asked["judge"].card.summary if "judge" in asked else {}
    if protocol_of(todo.track).sized:
        asked["preset"] = todo.base
    repeat = force or predictions is not None
    if not repeat and (before := finished(folder, code)):
        return RunResult(folder, before, kept, reused=True)

    from stbench.provenance.environment import peak_memory
    from stbench.running.outcome import write_run

    with turn(folder, f"running {todo.model} in {folder}", progress.note) as check_held:
        if not repeat and (before := finished(folder, code)):  # by the process that was waited for
            return RunResult(folder, before, kept, reused=True)
        if renderer := renderer_for(todo.store, todo.track, raw):
            asked["renderer"] = renderer
        if predictions is not None:
            _check_predictions(choice.track, predictions)
        how = _How(budget_seconds, device, deterministic, keep, predictions, reuse_checkpoint, force)
        trained, scores = _train_and_score(todo, weights, code["training"], how, asked, progress)
        command = command_line(todo, store.source, settings or {}, seed)
        command += f" --i3d {shlex.quote(str(i3d))}" if "i3d" in asked else ""
        command += f" --device {shlex.quote(device)}" if device != REFERENCE else ""
        command += " --deterministic" if todo.card and deterministic else ""
        made = Made(
            model=todo.plugin.name,
            variant=todo.variant,
            model_version=todo.plugin.version,
            floor=todo.plugin.floor,
            preset=todo.preset,
            seed=seed,
            configuration=todo.configuration,
            parameters=trained.parameters,
            macs_per_forecast=trained.macs,
            macs_version=trained.macs_version,
            peak_memory_bytes=peak_memory(),
            training=trained.training,
            code={**code, "training": trained.code},
            command=command,
            identity=todo.identity,
            device=device,
            started=started,
            budget_seconds=budget_seconds,
            judge=named,
            breaks=breaks_of(todo.plugin, dataset, todo.variant),
        )
        check_held()
        record = write_run(todo, folder, made, scores)
        return RunResult(folder, record, kept, reused=False)


@dataclass(frozen=True)
class _How:
    """Options of `run` that training and scoring ask for."""

    budget_seconds: float | None
    device: str
    deterministic: bool
    keep: int
    predictions: Path | None
    reuse_checkpoint: bool
    force: bool


def _train_and_score(
    todo: Plan, weights: Path, code: str, how: _How, asked: Mapping[str, Any], progress: Progress
) -> tuple[Trained, Scores]:
    """The trained model and its scores. Tracks share trainings, so one process at a time is in the folder `weights`,
    until training is done and nothing more is read there."""
    from stbench.running.fit import fit

    with ExitStack() as training:
        check_held: Callable[[], None] = lambda: None  # noqa: E731
        if not todo.plugin.fitted:
            check_held = training.enter_context(turn(weights, f"training {todo.model} in {weights}", progress.note))
        trained = fit(
            todo,
            weights,
            code,
            budget_seconds=how.budget_seconds,
            device=how.device,
            deterministic=how.deterministic,
            reuse_checkpoint=how.reuse_checkpoint,
            force=how.force,
            check_held=check_held,
            progress=progress,
        )
        if not _kept_snapshots(todo, weights):
            training.close()
        with progress.bar(f"{todo.model}: scoring", "windows") as advance, ExitStack() as stack:
            stack.enter_context(arithmetic(how.device, how.deterministic))
            further = dict(asked)
            if how.predictions is not None:
                from stbench.protocols.predictions import PredictionWriter

                writer = PredictionWriter(how.predictions, todo.store, todo.track, todo.model)
                further["predictions"] = stack.enter_context(writer)
            play = protocol_of(todo.track).play
            scores = play(trained.model, todo.store, todo.track, keep=how.keep, on_progress=advance, **further)
        score_snapshots = arithmetic(how.device, how.deterministic)(_snapshot_scores)
        if not todo.plugin.fitted and (spread := score_snapshots(todo, trained.model, weights, asked, progress)):
            trained = replace(trained, training={**trained.training, "snapshot_scores": spread})
    return trained, scores


def _device(choice: Choice, asked: str, progress: Progress) -> str:
    """Name of the device that is used, before any data are made, in one line where it is not the default."""
    from stbench.provenance.environment import device_name

    if asked == REFERENCE:
        return asked
    if choice.plugin.fitted:
        progress.note(f"{choice.model} is a numpy model: it stays on the processor")
        return REFERENCE
    found = str(find_device(asked))
    progress.note(f"{choice.model} runs on {device_name(found)}")
    return found


def _also_asked(todo: Plan, runs: Path, i3d: Path | None) -> dict[str, Any]:
    """The judge, where the protocol asks for one, and the network of `fvd`, where the track does and there is one.

    `StbenchError`, before anything is trained, when one is missing or not what it should be.
    """
    found: dict[str, Any] = {}
    if protocol_of(todo.track).judged:
        from stbench.judges.judge import find_judge

        found["judge"] = find_judge(todo.store, todo.base, runs, todo.track.horizon)
    if network := i3d_for(todo.track, i3d):
        found["i3d"] = network
    return found


def _check_configuration(choice: Choice, source: str, settings: Mapping[str, str], raw: Path | None) -> None:
    """Before any data are made: can the model be built and trained as the user wants it?"""
    from stbench.running.configuration import check_built
    from stbench.store.build import resolve

    dataset = choice.track.dataset
    asked = {**registry.dataset(dataset).presets.get(choice.base, {}), **settings}
    shape = resolve(dataset, asked, source, raw).variables["frames"].shape[2:]
    check_built(choice.plugin, choice.configuration, Task(choice.track, tuple(shape)))


def _check_predictions(track: Track, path: Path) -> None:
    """Before anything is made: can the forecasts of a track be written there?"""
    if track.protocol != "forecast":
        asks = "draws, which are scored as they come" if track.protocol == "draws" else "something else"
        raise StbenchError(
            f"a prediction store holds forecasts, and {track.id} asks for {asks}: leave out the predictions"
        )
    if path.exists():
        raise StbenchError(f"{path} exists already: choose another name or remove it")


def i3d_for(track: Track, path: Path | None) -> Any:
    """The network in the file `path`, for a track that asks for `fvd`; None for others, or without a path."""
    if path is None or "fvd" not in track.metrics:
        return None
    from stbench.judges.i3d import load_i3d

    return load_i3d(path)


def renderer_for(store: Store, track: Track, raw: Path | None = None) -> Any:
    """The judge without weights of a track with metrics of renderings; else None."""
    if not wants_renderings(track.scored):
        return None
    from stbench.judges.renderer import renderer_judge

    return renderer_judge(store, raw)


def _kept_snapshots(todo: Plan, weights: Path) -> bool:
    """Are there weights that training kept on its way? Of what is fitted there are none, and no torch to ask with."""
    if todo.plugin.fitted:
        return False
    from stbench.training.checkpoint import SNAPSHOTS

    return (weights / SNAPSHOTS).exists()


def _snapshot_scores(
    todo: Plan, model: Forecaster, folder: Path, asked: Mapping[str, Any], progress: Progress
) -> dict[str, float]:
    """Step -> mean over all lead times of the ranking metric, for the weights training kept on its way."""
    from stbench.running.fit import each_snapshot

    play = protocol_of(todo.track).play
    ranking = registry.metric(todo.track.metrics[0])
    found = {}
    for step, then in each_snapshot(model, folder):
        with progress.bar(f"{todo.model}: scoring step {step}", "windows") as advance:
            values = play(then, todo.store, todo.track, on_progress=advance, **asked).values[ranking.name]
        found[str(step)] = ranking.mean(values)
    return found


def finished(folder: Path, code: Mapping[str, str]) -> RunRecord | None:
    """The record of a run that was trained to its end with this code, and whose files are as it names them; None when
    there is none. One that has `fvd`, too, is as good where nobody asks for it."""
    from stbench.results.record import RECORD, read_record

    if not (folder / RECORD).exists():
        return None
    record = read_record(folder)
    also = {name: digest for name, digest in record.code.items() if name == "i3d"}
    same = record.training.get("finished") and record.code == {**also, **code}
    return record if same and _is_whole(folder, record) else None


def _is_whole(folder: Path, record: RunRecord) -> bool:
    from stbench.results.aggregate import results_digest
    from stbench.results.clusters import check_clusters

    try:
        if record.clusters.sha256:
            check_clusters(folder, record.clusters)
        return not record.results_sha256 or results_digest(folder) == record.results_sha256
    except (StbenchError, OSError):
        return False
