"""The configuration of a run: that of a preset, or one of the user's own."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from stbench import arguments, registry
from stbench.contract.models import ModelPlugin, Task
from stbench.contract.presets import ABOUT_VARIANTS, CUSTOM, PARTS, PRESETS, merge, resolve_shares, select
from stbench.documents import Unreadable, parse_toml, read_toml
from stbench.errors import StbenchError, nearest
from stbench.splits.index import check_learnt

_FILE = ".toml"
_SPLIT = "training.split"
SAYS_MORE = {*ABOUT_VARIANTS} - {"headline"}
"""What a variant says beside its configuration, so that it is named beside a file, too."""


@dataclass(frozen=True)
class Asked:
    """What a user asked for: a preset or a file with a whole configuration, changes to it, a name for the result."""

    preset: str = "quick"
    """Name of a preset, or the path of a file that ends with `.toml`."""
    changes: Mapping[str, str] = field(default_factory=dict)
    """ "training.steps" -> "100": dotted name of a setting and its value, as TOML has it."""
    name: str = ""

    @property
    def is_file(self) -> bool:
        return self.preset.endswith(_FILE)

    @property
    def label(self) -> str:
        """The board a run belongs to: the preset, "custom-NAME", or "custom", which is never ranked."""
        if self.name:
            return f"{CUSTOM}-{self.name}"
        return CUSTOM if self.is_file or self.changes else self.preset

    @property
    def words(self) -> list[str]:
        """The options of `stbench run` that ask for it."""
        changes = [word for key, value in self.changes.items() for word in ("--set-model", f"{key}={value}")]
        return ["--preset", self.preset, *changes, *(["--name", self.name] if self.name else [])]

    def for_floor(self) -> Asked:
        """The same for a floor, which has none of a model's settings: it learns from the same split."""
        return Asked(self.preset, {key: value for key, value in self.changes.items() if key == _SPLIT}, self.name)


@dataclass(frozen=True)
class Configured:
    base: str
    """The preset whose data and judge the run takes."""
    tables: Mapping[str, Any]
    """{"model": ..., "training": ...}."""

    def __post_init__(self) -> None:
        check_learnt(self.tables["training"]["split"])


def configure(plugin: ModelPlugin, dataset: str, variant: str, asked: Asked) -> Configured:
    """Resolve what is asked of a model on a dataset.

    Raises `StbenchError` for an unknown preset, a file that is missing, damaged or has unknown parts, a change that
    names no setting, and a name that cannot be one. Settings are checked when the model is built (`check_built`).
    """
    if asked.name and arguments.name(asked.name, "a configuration") in PRESETS:
        raise StbenchError(f"'{asked.name}' cannot name a configuration: it is the name of a preset")
    base, tables = _read(Path(asked.preset)) if asked.is_file else (asked.preset, None)
    if base not in PRESETS:
        hint = "" if asked.is_file else f"; a file of your own ends with {_FILE}"
        raise StbenchError(f"there is no preset '{base}': {nearest(base, PRESETS)}{hint}")
    changes = _changes(asked.changes)
    if plugin.in_every_preset(dataset):
        if variant:
            raise StbenchError(
                f"the {plugin.noun} '{plugin.name}' has no variants on '{dataset}', so there is no "
                f"'{plugin.name}:{variant}'"
            )
        return Configured(base, _without_presets(plugin, base, tables, changes))
    if tables is None:
        if not plugin.presets(dataset):
            known = [each for each in registry.names("datasets") if plugin.presets(each)]
            raise StbenchError(f"'{plugin.name}' has no presets for the dataset '{dataset}': {nearest(dataset, known)}")
        return Configured(base, _with_split(plugin, asked, base, select(plugin, dataset, base, variant, changes)))
    if variant:
        select(plugin, dataset, base, variant)  # refuses one there is not
        if not SAYS_MORE & plugin.presets(dataset)["variants"][variant].keys():
            raise StbenchError(
                f"{asked.preset} holds a whole configuration, so the variant '{variant}' would change nothing: leave "
                "it out"
            )
    return Configured(base, _with_split(plugin, asked, base, resolve_shares(merge(tables, changes))))


def _without_presets(
    plugin: ModelPlugin, base: str, tables: Mapping[str, Any] | None, changes: Mapping[str, Any]
) -> dict[str, Any]:
    """Of a floor, and of a classical model on a dataset that it has no presets for: where it learns from, and of the
    second the settings of a file."""
    split = _split(base)
    model: Mapping[str, Any] = {}
    if tables is not None:
        split, model = tables["training"].get("split", split), {} if plugin.floor else tables["model"]
    for name in changes.get("training", {}):
        if name != "split":
            raise StbenchError(f"the {plugin.noun} '{plugin.name}' has no training setting '{name}': known: split")
    return merge({"model": model, "training": {"split": split}}, changes)


def _with_split(plugin: ModelPlugin, asked: Asked, base: str, tables: dict[str, Any]) -> dict[str, Any]:
    """Tables that say what to learn from, which those of a classical model may leave out."""
    if plugin.fitted:
        return merge({"training": {"split": _split(base)}}, tables)
    if "split" not in tables["training"]:
        raise StbenchError(
            f"the configuration '{asked.preset}' of '{plugin.name}' does not say what to train on: its table "
            "[training] needs 'split' (\"train\") beside the settings of the training; a numpy model that learns by "
            "itself says kind='classical' in its plug-in"
        )
    return tables


def _split(base: str) -> str:
    return "train+val" if base == "paper" else "train"


def _read(path: Path) -> tuple[str, dict[str, Any]]:
    """The preset whose data it takes and the tables of a configuration's file."""
    try:
        content = read_toml(path)
    except OSError as error:
        raise StbenchError(
            f"cannot read the configuration {path} ({error.strerror or error}): `stbench models --show MODEL DATASET "
            "PRESET` prints one to begin with"
        ) from None
    except Unreadable as error:
        raise StbenchError(f"the configuration {path} cannot be used, {error}: mend it") from None
    known = ("preset", *PARTS)
    for name in content:
        if name not in known:
            raise StbenchError(f"the configuration {path} has '{name}', which nothing reads: {nearest(name, known)}")
    for name in PARTS:
        if not isinstance(content.get(name), dict):
            raise StbenchError(f"the configuration {path} lacks the table [{name}]")
    if not isinstance(base := content.pop("preset", None), str):
        raise StbenchError(
            f"the configuration {path} lacks the line preset = ..., the one of {', '.join(PRESETS)} whose data it takes"
        )
    return base, content


def _changes(texts: Mapping[str, str]) -> dict[str, Any]:
    """{"training.steps": "100"} -> {"training": {"steps": 100}}; what is no TOML value is text."""
    found: dict[str, Any] = {}
    for key, text in texts.items():
        part, *names = key.split(".")
        if part not in PARTS:
            raise StbenchError(f"there is no setting '{key}': its part '{part}' is none, {nearest(part, PARTS)}")
        if not names or not all(names):
            raise StbenchError(f"'{key}' names no setting: write for example {PARTS[1]}.steps=100")
        table: Any = _value(text)
        for name in reversed(names):
            table = {name: table}
        found = merge(found, {part: table})
    return found


def _value(text: str) -> Any:
    """As TOML has it, "0.9,0.99" as the list of its numbers; what is neither is text."""
    for written in (text, f"[{text}]"):
        try:
            read = parse_toml(f"value = {written}".encode())
        except Unreadable:
            continue
        if len(read) == 1:
            return read["value"]
    return text


def check_built(plugin: ModelPlugin, configuration: Mapping[str, Any], task: Task) -> None:
    """Build the model once and read the training settings, before data are made for a configuration of a user's own.

    Raises `StbenchError` for a setting that is unknown, missing, of a wrong type, impossible, or of a player that the
    model does not have.
    """
    try:
        if plugin.fitted:
            plugin.build(configuration["model"], task)
        else:
            _check_learned(plugin, configuration, task)
    except StbenchError:
        raise
    except Exception as error:  # what numbers a layer of somebody's model cannot have, torch says in its own way
        told = (str(error).splitlines() or [""])[0]
        raise StbenchError(
            f"{plugin.name} cannot be built with these settings ({type(error).__name__}: {told}): change them"
        ) from error


def _check_learned(plugin: ModelPlugin, configuration: Mapping[str, Any], task: Task) -> None:
    import torch

    from stbench.training.modules import torch_module
    from stbench.training.players import players_of
    from stbench.training.settings import TrainingSettings

    settings = TrainingSettings.parse(configuration["training"])
    with torch.random.fork_rng():
        module = torch_module(plugin.build(configuration["model"], task))
    players_of(module, settings)
