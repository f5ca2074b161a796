"""What a run depends on, resolved before anything is trained: model, configuration, data, code."""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from stbench import paths, registry
from stbench.contract.datasets import Track, fingerprint, setting_words
from stbench.contract.models import ModelPlugin
from stbench.errors import StbenchError, nearest
from stbench.progress import Progress
from stbench.protocols.known import check_capability, not_applicable, protocol_of
from stbench.running.configuration import Asked, configure
from stbench.store.apart import apart
from stbench.training.settings import without_defaults

if TYPE_CHECKING:
    from stbench.store.reader import Store

TRAINED = "trained"
"""Folder of the weights of a dataset's tracks."""


def split_model_name(text: str) -> tuple[str, str]:
    """ "sepvar:without-s" -> ("sepvar", "without-s"); no colon, no variant. `StbenchError` for a colon and nothing."""
    name, colon, variant = text.partition(":")
    if colon and not variant:
        raise StbenchError(f"'{text}' names no variant behind its colon: write '{name}', or '{name}:VARIANT'")
    return name, variant


def find_track(dataset: str, name: str | None) -> Track:
    """The track of a dataset by id or by its last part ("forecast-40"); the main track for None."""
    tracks = registry.dataset(dataset).tracks
    if not tracks:
        raise StbenchError(f"the dataset '{dataset}' has no track, so no model can be run on it")
    if name is None:
        return tracks[0]
    for track in tracks:
        if name in (track.id, track.id.partition("/")[2]):
            return track
    raise StbenchError(f"there is no track '{name}' of {dataset}: {nearest(name, [track.id for track in tracks])}")


@dataclass(frozen=True)
class Choice:
    """A model, a track and a preset that exist and fit together; known before any data is made."""

    plugin: ModelPlugin
    variant: str
    track: Track
    preset: str
    """The board it belongs to: the name of a preset, or "custom..." (`Asked.label`)."""
    base: str
    """The preset whose data and judge it takes."""
    configuration: Mapping[str, Any]
    asked: Asked

    @property
    def model(self) -> str:
        return f"{self.plugin.name}:{self.variant}" if self.variant else self.plugin.name


def choose(
    model: str,
    dataset: str,
    *,
    track: str | None = None,
    preset: str = "quick",
    changes: Mapping[str, str] | None = None,
    name: str = "",
) -> Choice:
    """Resolve names; `StbenchError`, with the nearest name, for a model, variant, dataset, track or preset there is
    not. `preset` may be the file of a configuration, `changes` are on top of it, `name` is what it is ranked under."""
    plain, variant = split_model_name(model)
    plugin = registry.model(plain)
    chosen = find_track(dataset, track)
    check_capability(plugin, chosen, variant)
    asked = Asked(preset, changes or {}, name)
    found = configure(plugin, dataset, variant, asked)
    return Choice(plugin, variant, chosen, asked.label, found.base, found.tables, asked)


def choose_trained(model: str, dataset: str, *, preset: str = "quick") -> Choice:
    """`choose` for what asks the weights of a run: on the first track of the dataset that the model can be asked on,
    because one that only draws clips has no forecast. Raises `StbenchError` for a model that is fitted, too."""
    plain, variant = split_model_name(model)
    plugin = registry.model(plain)
    able = (each.id for each in registry.dataset(dataset).tracks if not not_applicable(plugin, each, variant))
    choice = choose(model, dataset, track=next(able, None), preset=preset)
    check_weights(choice)
    return choice


def check_weights(choice: Choice) -> None:
    """`StbenchError` for a model that is fitted: it leaves no weights."""
    if choice.plugin.fitted:
        raise StbenchError(
            f"the {choice.plugin.noun} '{choice.model}' has no weights to load: it is fitted in every run"
        )


@dataclass(frozen=True)
class Plan(Choice):
    """What a run depends on, known before anything is trained: a choice, the data, a seed and the kind of device."""

    store: Store
    seed: int
    card: str = ""
    """ "cuda" or "cuda, deterministic"; empty on the processor, the reference, so that no identity of a run there
    names it. What was trained on a card has folders of its own and is never continued elsewhere."""

    @property
    def trained(self) -> dict[str, Any]:
        """What the weights depend on, JSON-able; a checkpoint of another identity is refused. Not the horizon of the
        track: tracks that train on the same windows share their weights. Not a training setting that equals its
        default: one that is new in stbench changes no identity."""
        return {
            "model": self.plugin.name,
            "variant": self.variant,
            "model_version": self.plugin.version,
            "configuration": {**self.configuration, "training": without_defaults(self.configuration["training"])},
            "dataset": self.store.dataset,
            "conditioning": self.track.conditioning,
            "train_horizon": self.track.train_horizon,
            "dataset_digest": self.store.digest,
            "preset": self.preset,
            "seed": self.seed,
            **({"device": self.card} if self.card else {}),
            **apart(self.store),
        }

    @property
    def identity(self) -> dict[str, Any]:
        """What the result depends on beside the code, JSON-able; its fingerprint names the run folder."""
        return {**self.trained, **self._asked}

    @property
    def _asked(self) -> dict[str, Any]:
        """The track, and the preset that says how much of it is asked where the name of the configuration does not."""
        sized = protocol_of(self.track).sized and self.base != self.preset
        return {"track": self.track.id, **({"sized_by": self.base} if sized else {})}

    def folder(self, runs: Path) -> Path:
        """Record, results and pictures of the run."""
        return self._place(runs, self.track.id, self._asked)

    def training_folder(self, runs: Path) -> Path:
        """Checkpoint, snapshots and log of the training."""
        return self._place(runs, f"{self.store.dataset}/{TRAINED}", {})

    def _place(self, runs: Path, under: str, further: Mapping[str, Any]) -> Path:
        """The folder of this identity, `further` beside what the weights depend on. One from the time when an identity
        held what equals a default is found, too, where a preset says such a thing."""
        room = runs / self.preset / under / paths.file_name(self.model)
        identities = {**self.trained, **further}, {**self.trained, "configuration": self.configuration, **further}
        today, before = (room / f"seed-{self.seed}-{fingerprint(identity)[:8]}" for identity in identities)
        return before if before.exists() and not today.exists() else today


def plan(choice: Choice, store: Store, seed: int, card: str = "") -> Plan:
    return Plan(**vars(choice), store=store, seed=seed, card=card)


def dataset_for(
    dataset: str,
    preset: str,
    *,
    source: str = "auto",
    settings: Mapping[str, str],
    raw: Path | None = None,
    progress: Progress,
) -> Store:
    """The store a preset asks for, generated if it is missing; where another process generates it, its end is waited
    for."""
    from stbench.store.build import build, resolve

    of_preset = registry.dataset(dataset).presets.get(preset, {})
    less = {name: value for name, value in of_preset.items() if name not in settings}
    blueprint = resolve(dataset, {**less, **settings}, source, raw)
    if less:
        progress.note(f"the preset '{preset}' takes less of {dataset} than there is: {' '.join(setting_words(less))}")
    if blueprint.source == "simulated" and source == "auto":
        progress.note(f"{dataset} is simulated here: the official files were not found, see `stbench fetch {dataset}`")
    if (paths.data_dir() / blueprint.store_name).exists():
        return build(blueprint)
    with progress.bar(f"generating {dataset}", "sequences") as advance:
        return build(blueprint, on_progress=advance, on_note=progress.note, waiting=progress.note)


def command_line(choice: Choice, source: str, settings: Mapping[str, Any], seed: int = 0) -> str:
    """The command that repeats a run on any machine, so the source that was found on this one is named."""
    dataset = choice.track.dataset
    words = ["stbench", "run", "--model", choice.model, "--dataset", dataset, *choice.asked.words]
    if choice.track != registry.dataset(dataset).tracks[0]:
        words += ["--track", choice.track.id.partition("/")[2]]
    if seed:
        words += ["--seed", str(seed)]
    if source != "procedural":
        words += ["--source", source]
    return shlex.join([*words, *setting_words(settings)])
