"""A track from Python: its windows as numpy arrays, and the score of anything that answers what it asks."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from stbench import arguments, registry
from stbench.contract.datasets import Track
from stbench.contract.models import Task
from stbench.contract.presets import PRESETS
from stbench.errors import StbenchError, nearest
from stbench.protocols.draws import SIZES
from stbench.protocols.known import has_capability, protocol_of
from stbench.protocols.questions import Asked, questions
from stbench.protocols.windows import automatic_batch_size, batches, track_windows
from stbench.running.recording import Made, record_of
from stbench.store.named import open_named
from stbench.store.reader import Store

if TYPE_CHECKING:
    import pandas as pd  # type: ignore[import-untyped]

COLUMNS = ["model", "metric", "lead_time", "value", "ci_low", "ci_high", "n", "n_sequences"]
LEARNT_FROM = "train+val"
"""What floors are fitted on, as on the boards of the canonical data."""


class Batch(NamedTuple):
    """Some windows of a track, float32, normalised."""

    conditioning: np.ndarray
    """(b, conditioning, *frame)."""
    target: np.ndarray
    """(b, horizon, *frame): lead times 1..horizon."""
    sequence: np.ndarray
    """(b,) int64."""
    start: np.ndarray
    """(b,) int64: first conditioning frame."""


@dataclass(frozen=True)
class TrackOfStore:
    """A track and the data it is played on."""

    track: Track
    store: Store

    def windows(self, split: str = "test", batch_size: int | None = None, limit: int | None = None) -> Iterator[Batch]:
        """The windows of a split in the order they are scored in, batch by batch; every sequence is read once.

        On a forecast track these are what is scored. Other tracks score less (of draws the selection of a preset) or
        something else (cases of a swap, whole clips): `questions` gives it.

        `limit`: that many of them, evenly spaced. `StbenchError` for a split there is not.
        """
        _check_count("batch_size", batch_size)
        _check_count("limit", limit)
        split = arguments.text("split", split)
        found = track_windows(self.store, self.track, split, limit)
        size = batch_size or automatic_batch_size(self.store.frame_shape, self.track.horizon)
        for items, conditioning, target in batches(self.store, found, size):
            yield Batch(conditioning, target, found.sequence[items], found.start[items])

    def questions(self, split: str = "test", preset: str = "paper") -> Iterator[Asked]:
        """What the track asks, batch by batch, in the order it is scored in: `model(*asked.handed)` gives frames
        (b, horizon, *frame), of draws (b, members, horizon, *frame).

        `sequence` and `start` of a batch name its answers in a prediction store (docs/submitting.md). `preset` says
        how many draws of how many windows are asked for. `StbenchError` for a track that asks for codes, and a split
        there is not.
        """
        arguments.one_of("preset", preset, [*SIZES])
        return questions(self.store, self.track, preset=preset, split=arguments.text("split", split))

    def evaluate(self, model: Any, *, name: str = "model", limit: int | None = None) -> pd.DataFrame:
        """Score on all test windows, or `limit` evenly spaced ones: one row for each metric and lead time.

        `model`: a callable, `forecast(conditioning, horizon)` on a forecast track, `swap(content, motion, horizon)` on
        a swap track, `draw(conditioning, horizon, samples, seeds)` on a track of draws; or an object with the method
        that the track asks for. Arrays are float32 as `windows` gives them.
        Columns: model, metric, lead_time ("1..h" is the mean over lead times 1 to h), value, ends of the 95 %
        interval, windows, and what the bootstrap draws. `StbenchError` for an answer of another shape or dtype, a
        value that is not finite, and a track whose scores need a judge.
        """
        import pandas as pd

        from stbench.results.aggregate import rows

        _check_count("limit", limit)
        name = arguments.text("name", name)
        protocol = protocol_of(self.track)
        if protocol.judged:
            raise StbenchError(
                f"the track {self.track.id} is scored by a judge, which belongs to a run: register the model "
                "(docs/adding_a_model.md) and use `stbench run`"
            )
        asked = _asked(model, protocol.capability, protocol.instead, self.track)
        scores = protocol.play(asked, self.store, self.track, limit=limit)
        found = rows(scores, record_of(_made(name), self.store, self.track, scores))
        return pd.DataFrame([{column: getattr(row, column) for column in COLUMNS} for row in found], columns=COLUMNS)

    def floors(self, limit: int | None = None) -> pd.DataFrame:
        """What `evaluate` gives of every floor that the track can be asked of, fitted here."""
        import pandas as pd

        from stbench.splits.training import TrainingWindows

        task = Task(self.track, self.store.frame_shape)
        known = TrainingWindows.open(self.store, LEARNT_FROM, task.conditioning, task.train_horizon)
        tables = []
        for plugin in registry.models_at_hand():
            if plugin.floor and has_capability(plugin, self.track):
                model: Any = plugin.build({}, task)
                model.fit(known)
                tables.append(self.evaluate(model, name=plugin.name, limit=limit))
        return pd.concat(tables, ignore_index=True) if tables else pd.DataFrame(columns=COLUMNS)


def open_track(
    name: str, *, preset: str = "paper", source: str = "auto", parameters: Mapping[str, Any]
) -> TrackOfStore:
    """The track of an id such as "sst/forecast-6", or the main one of a dataset's name, and its store.

    `preset`: whose data, those of "paper" are the canonical ones; `parameters` go on top. `StbenchError` for unknown
    names, and where the data are not there, with the command that makes them.
    """
    for what, value in {"name": name, "preset": preset, "source": source}.items():
        arguments.text(what, value)
    arguments.one_of("preset", preset, [*PRESETS])
    dataset, _, _ = name.partition("/")
    generator = registry.dataset(dataset)
    tracks = {each.id: each for each in generator.tracks}
    if name != dataset and name not in tracks:
        raise StbenchError(f"there is no track '{name}': {nearest(name, tracks)}")
    if not tracks:
        raise StbenchError(f"the dataset '{dataset}' has no track")
    chosen = tracks[name] if name in tracks else generator.tracks[0]
    return TrackOfStore(chosen, open_named(dataset, {**generator.presets.get(preset, {}), **parameters}, source))


def _asked(model: Any, capability: str, instead: str, track: Track) -> Any:
    if any(callable(getattr(model, name, None)) for name in (capability, instead) if name):
        return model
    if not callable(model):
        raise StbenchError(
            f"the track {track.id} asks for `{capability}`, and a {type(model).__name__} is neither callable nor has it"
        )
    return SimpleNamespace(**{capability: model})


def _check_count(name: str, value: int | None) -> None:
    if value is not None:
        arguments.whole(name, value, 1)


def _made(name: str) -> Made:
    """What a record must say of numbers that are shown and not kept."""
    nothing: Mapping[str, Any] = {}
    now = datetime.now(UTC)
    return Made(name, "", 0, nothing, 0, nothing, nothing, "", nothing, now)
