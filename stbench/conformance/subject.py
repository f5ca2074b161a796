"""A model under check and the small store it is checked on."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from stbench.conformance.bumps import moving_bumps
from stbench.contract.capabilities import HasLabels
from stbench.contract.models import Forecaster, ModelPlugin, Task
from stbench.errors import StbenchError
from stbench.splits.training import TrainingWindows

if TYPE_CHECKING:
    from stbench.store.reader import Store

BATCH = 5
"""Windows of a forecast."""


class PromiseBroken(StbenchError):
    """A promise is not kept that a variant may say it breaks (`stbench.contract.presets.BREAKABLE`)."""

    def __init__(self, promise: str, sentence: str) -> None:
        super().__init__(sentence)
        self.promise = promise


@dataclass(frozen=True)
class Subject:
    """A model and, in `scratch`, the small store it is checked on."""

    plugin: ModelPlugin
    configuration: Mapping[str, Any]
    task: Task
    scratch: Path
    _numbers: count[int] = field(default_factory=count, repr=False)

    def folder(self) -> Path:
        """A path in `scratch` that nobody has used."""
        return self.scratch / str(next(self._numbers))

    @cached_property
    def store(self) -> Store:
        """Moving bumps, with the labels the model learns from."""
        built = self.plugin.build(self.configuration["model"], self.task)
        labels = built.labels if isinstance(built, HasLabels) else ()
        return moving_bumps(self.task, self.folder(), labels)

    def windows(self, store: Store) -> TrainingWindows:
        return TrainingWindows.open(store, "train", self.task.conditioning, self.task.train_horizon)

    def ready(self, store: Store) -> Forecaster:
        """The model as a run has it after learning from the train part of a store."""
        if self.plugin.fitted:
            model: Any = self.plugin.build(self.configuration["model"], self.task)
            model.fit(self.windows(store))
            return model  # type: ignore[no-any-return]
        from stbench.conformance.training import trained

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
