"""Does a model keep the promises the protocol builds on? A suite for any model, a foreign package's too.

Every check is run on a small store of its own: moving bumps in the frame shape of the dataset that is named, so
nothing has to be generated. A learned model is trained for four steps of its preset. A check that holds says what was
found; one that does not raises `StbenchError` with what was expected.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from stbench import registry
from stbench.conformance.clips import checks_of
from stbench.conformance.draws import DRAWS
from stbench.conformance.forecasts import FORECASTS, SWAPS
from stbench.conformance.subject import PromiseBroken, Subject
from stbench.contract.capabilities import HasFit
from stbench.contract.datasets import Track
from stbench.contract.models import ModelPlugin, Task
from stbench.contract.presets import breaks_of
from stbench.errors import StbenchError
from stbench.progress import Progress, Silent
from stbench.protocols.known import capabilities_of, has_capability

NOTES = ("horizon", "parameters")
"""Checks that tell something where they hold."""


@dataclass(frozen=True)
class Finding:
    check: str
    verdict: str
    """"holds", "fails", "breaks" for a promise that the variant says it breaks, or "note" for what is neither right nor
    wrong."""
    sentence: str


def check_model(
    model: str, dataset: str | None = None, preset: str = "quick", *, scratch: Path, progress: Progress | None = None
) -> list[Finding]:
    """Check `NAME[:VARIANT]` as it would run on the first track of a dataset that asks what it can, without that
    dataset.

    It is held to what it can be asked. Without `dataset`: on the first one it has presets for, or applies to where it
    has none; a floor, and a classical model that runs everywhere, on images of 16 x 16 pixels.
    `scratch` is a folder for what is written. Raises `StbenchError` for a name there is not; what fails is a finding.
    """
    from stbench.running.plan import choose, split_model_name

    plugin = registry.model(split_model_name(model)[0])
    if dataset is None and _runs_everywhere(plugin):
        track = Track("moving-bumps", "forecast", 4, 8, 5, ("mse",))
        configuration: Mapping[str, Any] = {"model": {}, "training": {"split": "train"}}
        return check_plugin(plugin, configuration, Task(track, (1, 16, 16)), scratch, progress)
    name, variant = dataset or _first_dataset(plugin), split_model_name(model)[1]
    asked = next((each.id for each in registry.dataset(name).tracks if has_capability(plugin, each, variant)), None)
    choice = choose(model, name, track=asked, preset=preset)
    task = Task(choice.track, _frame_shape(choice.track.dataset))
    able = replace(plugin, capabilities=capabilities_of(plugin, name, variant))
    return check_plugin(able, choice.configuration, task, scratch, progress, breaks_of(plugin, name, variant))


def check_plugin(
    plugin: ModelPlugin,
    configuration: Mapping[str, Any],
    task: Task,
    scratch: Path,
    progress: Progress | None = None,
    breaks: Mapping[str, str] = {},
) -> list[Finding]:
    """Check a plug-in that need not be registered: `configuration` is {"model": ..., "training": ...} of a preset.

    `breaks`: promise of `stbench.contract.presets.BREAKABLE` -> why it is not kept; then it must be seen broken, and
    every other one kept.
    """
    subject, can = Subject(plugin, configuration, task, scratch), plugin.capabilities
    # One that draws may do nothing else; every other one forecasts, too.
    todo = {**({} if "draw" in can and "forecast" not in can else FORECASTS), **(DRAWS if "draw" in can else {})}
    todo |= (SWAPS if "swap" in can else {}) | checks_of(can)
    if not plugin.fitted:
        from stbench.conformance.learning import LEARNING

        todo = {**LEARNING, **todo}
    declared = _Declared(breaks)
    found = [_verdict("configuration", _configured, subject, declared)]
    if found[0].verdict == "fails":
        return found
    with (progress or Silent()).bar(f"{plugin.name}: checking", "checks") as advance:
        for number, (name, check) in enumerate(todo.items(), 1):
            found.append(_verdict(name, check, subject, declared))
            advance(number, len(todo))
    return found + declared.unseen()


@dataclass(frozen=True)
class _Declared:
    """The promises that a variant says it breaks, and those that a check has seen broken."""

    breaks: Mapping[str, str]
    seen: set[str] = field(default_factory=set)

    def unseen(self) -> list[Finding]:
        left = {promise: why for promise, why in self.breaks.items() if promise not in self.seen}
        sentence = "its presets say that it breaks '{}' ({}), and no check sees that: remove it there"
        return [Finding("breaks", "fails", sentence.format(promise, why)) for promise, why in left.items()]


def _configured(subject: Subject) -> str:
    model = subject.plugin.build(subject.configuration["model"], subject.task)
    wanted = {"fit", *subject.plugin.capabilities} if subject.plugin.fitted else {"loss", "forward"}
    wanted |= {*subject.plugin.capabilities} - {"forecast"}
    for name in sorted(wanted):
        if not callable(getattr(model, name, None)):
            numpy = (
                "; one with `fit` is kind='classical'"
                if isinstance(model, HasFit) and not subject.plugin.fitted
                else ""
            )
            raise StbenchError(
                f"{type(model).__name__} has no method '{name}', which this {subject.plugin.noun} needs "
                f"(stbench.contract.models){numpy}"
            )
    if not subject.plugin.fitted:
        from stbench.training.modules import torch_module
        from stbench.training.players import players_of
        from stbench.training.settings import TrainingSettings

        players_of(torch_module(model), TrainingSettings.parse(subject.configuration["training"]))
    return f"{type(model).__name__} for {subject.task.track.id}, frames {subject.task.frame_shape}"


def _verdict(name: str, check: Callable[[Subject], str], subject: Subject, declared: _Declared) -> Finding:
    try:
        sentence = check(subject)
    except PromiseBroken as error:
        if error.promise not in declared.breaks:
            return Finding(name, "fails", str(error))
        declared.seen.add(error.promise)
        return Finding(name, "breaks", f"as it says, because {declared.breaks[error.promise]}: {error}")
    except StbenchError as error:
        return Finding(name, "fails", str(error))
    # A foreign model may raise anything, even ask Python to end, and the other checks still say something.
    except (Exception, SystemExit) as error:
        return Finding(name, "fails", f"{type(error).__name__}: {(str(error).splitlines() or [''])[0]}")
    return Finding(name, "note" if name in NOTES else "holds", sentence)


def _runs_everywhere(plugin: ModelPlugin) -> bool:
    return not plugin.datasets and all(plugin.in_every_preset(name) for name in registry.names("datasets"))


def _first_dataset(plugin: ModelPlugin) -> str:
    for name in plugin.datasets or registry.names("datasets"):
        if registry.dataset(name).tracks and (plugin.fitted or plugin.presets(name)):
            return name
    raise StbenchError(f"'{plugin.name}' has presets for no dataset that is registered: it needs a preset file")


def _frame_shape(dataset: str) -> tuple[int, ...]:
    from stbench.store.build import resolve

    blueprint = resolve(dataset, registry.dataset(dataset).presets.get("quick", {}), "auto")
    return tuple(blueprint.variables["frames"].shape[2:])
