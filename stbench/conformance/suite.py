"""Does a model keep the promises the protocol builds on? A suite for any model, a foreign package's too.

Every check is run on a small store of its own: moving bumps in the frame shape of the dataset that is named, so
nothing has to be generated. A learned model is trained for four steps of its preset. A check that holds says what was
found; one that does not raises `StbenchError` with what was expected.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from stbench import registry
from stbench.errors import StbenchError
from stbench.generator import Track
from stbench.model import Forecaster, ModelPlugin, Task
from stbench.protocols.peeking import reacts_to_targets
from stbench.report import Reporter, Silent
from stbench.splits.training import TrainingWindows

if TYPE_CHECKING:
    from stbench.store.reader import Store

BATCH = 5
"""Windows of a forecast."""
ROUNDING = 1e-5
"""Forecasts of a window in different batches may differ by so much of the largest value, or by a thousandth of what
differs from window to window: the order of sums depends on the size of the batch."""


@dataclass(frozen=True)
class Finding:
    check: str
    verdict: str
    """"holds", "fails", or "note" for what is neither right nor wrong."""
    sentence: str


@dataclass(frozen=True)
class Subject:
    """A model and the small store it is checked on."""

    plugin: ModelPlugin
    configuration: Mapping[str, Any]
    task: Task
    store: Store
    scratch: Path
    _numbers: count[int] = field(default_factory=count, repr=False)

    def folder(self) -> Path:
        """A path in `scratch` that nobody has used."""
        return self.scratch / str(next(self._numbers))

    def windows(self, store: Store) -> TrainingWindows:
        return TrainingWindows.open(store, "train", self.task.conditioning, self.task.train_horizon)

    def ready(self, store: Store) -> Forecaster:
        """The model as a run has it after learning from the train part of a store."""
        if self.plugin.floor:
            model: Any = self.plugin.build(self.configuration["model"], self.task)
            model.fit(self.windows(store))
            return model  # type: ignore[no-any-return]
        from stbench.training.conformance import trained

        return trained(self.plugin, self.configuration, self.task, self.windows(store), self.folder())

    @cached_property
    def model(self) -> Forecaster:
        return self.ready(self.store)

    @cached_property
    def conditioning(self) -> np.ndarray:
        """(BATCH, conditioning, *frame) of the test part."""
        rows = [self.store.normalise(self.store.read(sequence)) for sequence in self.store.split.indices("test")]
        return np.stack([rows[i % len(rows)][i // len(rows) :][: self.task.conditioning] for i in range(BATCH)])

    def forecast(self, horizon: int | None = None, rows: slice = slice(None)) -> np.ndarray:
        return self.model.forecast(self.conditioning[rows].copy(), horizon or self.task.track.horizon)


def shape(subject: Subject) -> str:
    found = np.shape(subject.forecast())
    wanted = (BATCH, subject.task.track.horizon, *subject.task.frame_shape)
    if found != wanted:
        raise StbenchError(f"the forecast has shape {found}, not (batch, horizon, *frame) = {wanted}")
    return f"{wanted}"


def dtype(subject: Subject) -> str:
    found = subject.forecast()
    if not isinstance(found, np.ndarray) or found.dtype != np.float32:
        raise StbenchError(
            f"the forecast is {getattr(found, 'dtype', type(found).__name__)}, not a float32 array: convert it before "
            "it is returned"
        )
    return "float32"


def finite(subject: Subject) -> str:
    bad = int((~np.isfinite(subject.forecast())).sum())
    if bad:
        raise StbenchError(f"{bad} values of the forecast are not finite")
    return "every value is finite"


def input_untouched(subject: Subject) -> str:
    handed = subject.conditioning.copy()
    subject.model.forecast(handed, subject.task.track.horizon)
    if handed.tobytes() != subject.conditioning.tobytes():
        raise StbenchError("forecast changes the conditioning frames it is handed: work on a copy")
    return "the conditioning frames stay as they were"


def repeatable(subject: Subject) -> str:
    first = subject.forecast()
    subject.model.forecast(subject.conditioning[::-1].copy() + np.float32(1), subject.task.track.horizon)
    if subject.forecast().tobytes() != first.tobytes():
        raise StbenchError(
            "the same windows are forecast differently after another batch: reset every state at the start of a "
            "forecast and draw nothing from a global random generator"
        )
    return "the same windows give the same bits, whatever was forecast in between"


def learning_repeatable(subject: Subject) -> str:
    again = subject.ready(subject.store).forecast(subject.conditioning.copy(), subject.task.track.horizon)
    if np.asarray(again).tobytes() != subject.forecast().tobytes():
        raise StbenchError("two models that learnt from the same data with the same seed forecast differently")
    return "learnt twice with one seed, the forecasts are the same bits"


def batch_independent(subject: Subject) -> str:
    together = subject.forecast()
    alone = np.concatenate([subject.forecast(rows=slice(i, i + 1)) for i in range(BATCH)])
    difference, allowed = _difference(alone, together), _rounding(together)
    if not difference <= allowed:
        raise StbenchError(
            f"the forecast of a window changes by up to {difference:.2g} with the other windows of its batch "
            f"(rounding allows {allowed:.2g}): use no statistics of the batch in a forecast"
        )
    return f"alone or among others, up to {difference:.1g}"


def horizon_consistent(subject: Subject) -> str:
    horizon = subject.task.track.horizon
    shorter = max(1, horizon // 2)
    whole, part = subject.forecast(), subject.forecast(shorter)
    if part.shape[1] != shorter:
        raise StbenchError(f"a forecast over {shorter} frames has {part.shape[1]}")
    difference = _difference(whole[:, :shorter], part)
    begins = "begins with" if difference <= _rounding(whole) else f"differs by up to {difference:.2g} from"
    return f"a forecast over {horizon} frames {begins} the one over {shorter}"


def no_target_leak(subject: Subject) -> str:
    if reacts_to_targets(subject.ready, subject.store, subject.task.track, subject.folder()):
        raise StbenchError(
            "the forecast changes when the test targets in the store are replaced by garbage: the model reads the "
            "store, but conditioning frames are all it may see"
        )
    return "replacing all test targets in the store by garbage changes no bit"


def swap(subject: Subject) -> str:
    """For a model with this capability: content of one window, motion of another."""
    content, motion = subject.conditioning, subject.conditioning[::-1].copy()
    horizon = subject.task.track.horizon
    answers = [subject.model.swap(content.copy(), motion.copy(), horizon) for _ in range(2)]  # type: ignore[attr-defined]
    wanted = (BATCH, horizon, *subject.task.frame_shape)
    if np.shape(answers[0]) != wanted or answers[0].dtype != np.float32:
        raise StbenchError(f"swap answers {answers[0].dtype} {np.shape(answers[0])}, not float32 {wanted}")
    if not np.isfinite(answers[0]).all():
        raise StbenchError(f"{int((~np.isfinite(answers[0])).sum())} values of the swap are not finite")
    if answers[0].tobytes() != answers[1].tobytes():
        raise StbenchError("the same windows are swapped differently the second time: draw nothing, keep no state")
    return f"{wanted}, the same bits twice"


FORECASTS: dict[str, Callable[[Subject], str]] = {
    "shape": shape,
    "dtype": dtype,
    "finite": finite,
    "input": input_untouched,
    "repeatable": repeatable,
    "learning": learning_repeatable,
    "batch": batch_independent,
    "horizon": horizon_consistent,
    "targets": no_target_leak,
}
NOTES = ("horizon", "parameters")
"""Checks that tell something where they hold."""


def check_model(
    model: str, dataset: str | None = None, preset: str = "quick", *, scratch: Path, report: Reporter | None = None
) -> list[Finding]:
    """Check `NAME[:VARIANT]` as it would run on the main track of a dataset, without that dataset.

    Without `dataset`: a learned model on the first one it has presets for, a floor on images of 16 x 16 pixels.
    `scratch` is a folder for what is written. Raises `StbenchError` for a name there is not; what fails is a finding.
    """
    from stbench.plan import choose, split_model_name

    plugin = registry.model(split_model_name(model)[0])
    if plugin.floor and dataset is None:
        track = Track("moving-bumps", "forecast", 4, 8, 5, ("mse",))
        configuration: Mapping[str, Any] = {"model": {}, "training": {"split": "train"}}
        return check_plugin(plugin, configuration, Task(track, (1, 16, 16)), scratch, report)
    choice = choose(model, dataset or _first_dataset(plugin), preset=preset)
    task = Task(choice.track, _frame_shape(choice.track.dataset))
    return check_plugin(plugin, choice.configuration, task, scratch, report)


def check_plugin(
    plugin: ModelPlugin,
    configuration: Mapping[str, Any],
    task: Task,
    scratch: Path,
    report: Reporter | None = None,
) -> list[Finding]:
    """Check a plug-in that need not be registered: `configuration` is {"model": ..., "training": ...} of a preset."""
    from stbench.conformance.bumps import moving_bumps

    subject = Subject(plugin, configuration, task, moving_bumps(task, scratch / "bumps.zarr"), scratch)
    todo = {**FORECASTS, "swap": swap} if "swap" in plugin.capabilities else dict(FORECASTS)
    if not plugin.floor:
        from stbench.training.conformance import LEARNING

        todo = {**LEARNING, **todo}
    found = [_verdict("configuration", _configured, subject)]
    if found[0].verdict == "fails":
        return found
    with (report or Silent()).progress(f"{plugin.name}: checking", "checks") as advance:
        for number, (name, check) in enumerate(todo.items(), 1):
            found.append(_verdict(name, check, subject))
            advance(number, len(todo))
    return found


def _configured(subject: Subject) -> str:
    model = subject.plugin.build(subject.configuration["model"], subject.task)
    wanted = {"fit", *subject.plugin.capabilities} if subject.plugin.floor else {"loss", "forward"}
    wanted |= {*subject.plugin.capabilities} - {"forecast"}
    for name in sorted(wanted):
        if not callable(getattr(model, name, None)):
            kind = "floor" if subject.plugin.floor else "learned model"
            raise StbenchError(
                f"{type(model).__name__} has no method '{name}', which this {kind} needs (stbench.model)"
            )
    if not subject.plugin.floor:
        from stbench.training.settings import TrainingSettings

        TrainingSettings.parse(subject.configuration["training"])
    return f"{type(model).__name__} for {subject.task.track.id}, frames {subject.task.frame_shape}"


def _verdict(name: str, check: Callable[[Subject], str], subject: Subject) -> Finding:
    try:
        sentence = check(subject)
    except StbenchError as error:
        return Finding(name, "fails", str(error))
    except Exception as error:  # a foreign model may raise anything, and the other checks still say something
        return Finding(name, "fails", f"{type(error).__name__}: {(str(error).splitlines() or [''])[0]}")
    return Finding(name, "note" if name in NOTES else "holds", sentence)


def _difference(one: np.ndarray, other: np.ndarray) -> float:
    """The largest one; not a number where a forecast is not finite."""
    with np.errstate(invalid="ignore"):
        return float(np.abs(one - other).max())


def _rounding(forecast: np.ndarray) -> float:
    with np.errstate(invalid="ignore"):
        return max(ROUNDING * float(np.abs(forecast).max()), 1e-3 * float(forecast.std(axis=0).max()))


def _first_dataset(plugin: ModelPlugin) -> str:
    for name in registry.names("datasets"):
        if registry.dataset(name).tracks and plugin.presets(name):
            return name
    raise StbenchError(f"'{plugin.name}' has presets for no dataset that is registered: it needs a preset file")


def _frame_shape(dataset: str) -> tuple[int, ...]:
    from stbench.store.build import resolve

    blueprint = resolve(dataset, registry.dataset(dataset).presets.get("quick", {}), "auto")
    return tuple(blueprint.variables["frames"].shape[2:])
