"""The stage of a run that makes a model ready to forecast: a numpy model is fitted, a torch model trained or loaded."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from stbench.contract.models import Forecaster, Task
from stbench.devices import CARDS
from stbench.errors import StbenchError
from stbench.progress import Progress
from stbench.running.plan import Plan, check_weights, command_line
from stbench.running.weights import code_of_weights

if TYPE_CHECKING:
    from stbench.training.adapter import TorchForecaster


@dataclass(frozen=True)
class Trained:
    model: Forecaster
    training: Mapping[str, Any]
    parameters: int
    macs: int | None
    macs_version: int | None
    code: str
    """Digest of the training code the weights were made with."""


def fit(
    todo: Plan,
    folder: Path,
    code: str,
    *,
    budget_seconds: float | None,
    device: str,
    reuse_checkpoint: bool,
    force: bool,
    check_held: Callable[[], None],
    progress: Progress,
    deterministic: bool = False,
) -> Trained:
    """Fit or train what `todo` says, continuing from the checkpoint in `folder`; `code` is the digest of the training
    code, `check_held` is called after every step (`stbench.running.turns`).

    `device` and `deterministic` are for torch models; a numpy model stays on the processor. Raises `StbenchError` for
    an unknown device and whatever training refuses, KeyboardInterrupt when a signal stopped it.
    """
    from stbench.splits.training import TrainingWindows

    task = Task(todo.track, todo.store.frame_shape)
    split = todo.configuration["training"]["split"]
    windows = TrainingWindows.open(todo.store, split, task.conditioning, task.train_horizon)
    if todo.plugin.fitted:
        model: Any = todo.plugin.build(todo.configuration["model"], task)
        begun = time.perf_counter()
        model.fit(windows)
        seconds = time.perf_counter() - begun
        training = {"steps": 0, "finished": True, "seconds": seconds, "resumed_from": 0, "split": split}
        return Trained(model, training, _kept_numbers(model), None, None, code)

    import torch

    from stbench.devices import ROUNDED, facts, find_device, rounds_bfloat16
    from stbench.training.adapter import TorchForecaster
    from stbench.training.cost import MACS_VERSION, count_macs, count_parameters
    from stbench.training.loop import train

    trained_with = code_of_weights(folder, code, reuse=reuse_checkpoint, force=force, note=progress.note)
    torch.manual_seed(todo.seed)
    place = find_device(device)
    rounded = rounds_bfloat16(todo.configuration["training"], place)
    if rounded:
        progress.note(ROUNDED)
    module = _module(todo, task).to(place)
    with progress.bar(f"{todo.model}: training", "steps") as advance:

        def on_progress(step: int, steps: int, losses: Mapping[str, float]) -> None:
            check_held()
            advance(step, steps)

        summary = train(
            module,
            windows,
            todo.configuration["training"],
            folder,
            seed=todo.seed,
            identity=todo.trained,
            budget_seconds=budget_seconds,
            deterministic=deterministic,
            on_progress=on_progress,
        )
    if summary.stopped_by == "signal":
        raise KeyboardInterrupt
    progress.note(str(summary))
    training = {
        "steps": summary.steps,
        "finished": summary.finished,
        "seconds": summary.seconds,
        "cpu_seconds": summary.cpu_seconds,
        "resumed_from": summary.resumed_from,
        "loader_share": summary.loader_share,
        "losses": summary.losses,
        "split": split,
        **({"bfloat16": "rounded"} if rounded else {}),
        **facts(place, deterministic),
    }
    macs = count_macs(module, (task.conditioning, *task.frame_shape), task.track.horizon)
    forecaster, parameters = TorchForecaster(module, task=task), count_parameters(module)
    return Trained(forecaster, training, parameters, macs, MACS_VERSION, trained_with)


def load_trained(todo: Plan, runs: Path, settings: Mapping[str, Any] | None = None) -> TorchForecaster:
    """The model of a plan, on the processor, with the weights a run left under `runs`: of a training on the processor,
    or where there is none of one on a card. `StbenchError` for one that is fitted, which has none, and where there are
    none: it names the command that trains them, on data of these settings."""
    check_weights(todo)
    import torch

    from stbench.training import checkpoint as checkpoints
    from stbench.training.adapter import TorchForecaster
    from stbench.training.modules import torch_module

    folders = [replace(todo, card=card).training_folder(runs) for card in ("", *CARDS)]
    found = [place for folder in folders if (place := checkpoints.current(folder)) is not None]
    weights = (found[0] if found else folders[0] / checkpoints.CURRENT) / "weights.safetensors"
    if not weights.exists():
        command = command_line(todo, todo.store.source, settings or {}, todo.seed)
        raise StbenchError(
            f"there are no weights of {todo.model} on {todo.store.dataset}, preset {todo.preset}, in {weights.parent}: "
            f"`{command}` trains them"
        )
    task = Task(todo.track, todo.store.frame_shape)
    with torch.random.fork_rng():
        module = torch_module(todo.plugin.build(todo.configuration["model"], task))
    module.load_state_dict(checkpoints.read_tensors(weights))
    return TorchForecaster(module, task=task)


def each_snapshot(model: Forecaster, folder: Path) -> Iterator[tuple[int, Forecaster]]:
    """(step, the model as it was then) for every snapshot training left in `folder`; afterwards the model is itself
    again.

    With a constant learning rate the last weights are one draw of many; the spread of the last snapshots' scores says
    how much that matters.
    """
    from stbench.training.adapter import TorchForecaster
    from stbench.training.checkpoint import SNAPSHOTS, read_tensors

    if not isinstance(model, TorchForecaster):
        return
    final = {name: each.clone() for name, each in model.module.state_dict().items()}
    for path in sorted((folder / SNAPSHOTS).glob("step-*.safetensors")):
        model.module.load_state_dict(read_tensors(path))
        yield int(path.stem.removeprefix("step-")), model
    model.module.load_state_dict(final)


def _module(todo: Plan, task: Task) -> Any:
    import torch

    module = todo.plugin.build(todo.configuration["model"], task)
    if not isinstance(module, torch.nn.Module):
        raise StbenchError(
            f"the model '{todo.plugin.name}' builds a {type(module).__name__}, and a learned model must be a "
            "torch.nn.Module: a numpy model with `fit` says kind='classical' in its plug-in"
        )
    return module


def _kept_numbers(model: Any) -> int:
    """How many numbers a fitted model holds."""
    return sum(value.size for value in vars(model).values() if isinstance(value, np.ndarray))
