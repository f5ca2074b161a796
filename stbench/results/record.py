"""The run record: everything a number on a leaderboard depends on and cost, in one `record.json`."""

from __future__ import annotations

import dataclasses
import json
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

from stbench.errors import StbenchError
from stbench.provenance.environment import environment

__all__ = ["FORMAT", "RECORD", "RunRecord", "environment", "read_record"]

FORMAT = 1
"""Bumped when an older stbench could not read the record."""

RECORD = "record.json"


@dataclass(frozen=True)
class RunRecord:
    """One model, track, preset and seed. JSON-able throughout; times in seconds, sizes in bytes."""

    track: str
    dataset: str
    dataset_version: str
    dataset_source: str
    dataset_digest: str
    dataset_fingerprint: str
    dataset_parameters: Mapping[str, Any]
    split: str
    """Id of the split."""
    split_digest: str
    model: str
    variant: str
    """Empty for the model itself."""
    model_version: str
    floor: bool
    preset: str
    seed: int
    configuration: Mapping[str, Any]
    parameters: int
    """Trainable numbers, summed over all stages; numbers kept by a floor."""
    macs_per_forecast: int | None
    """Multiply-accumulates of one window's forecast; None where it was not counted."""
    training: Mapping[str, Any]
    """{"steps": int, "finished": bool, "seconds": float, "resumed_from": int, ...}."""
    inference_seconds: float | None
    peak_memory_bytes: int | None
    device: str
    processor: str
    threads: int
    libraries: Mapping[str, str]
    python: str
    git_revision: str | None
    """None outside a git checkout."""
    git_dirty: bool | None
    stbench_version: str
    code: Mapping[str, str]
    """Name of a part ("training", "scoring", ...) -> SHA-256 of what it depends on (`stbench.running.stages`)."""
    command: str
    """Repeats the run."""
    fingerprint: str
    """SHA-256 of what the run depends on."""
    started: str
    """ISO 8601 with offset."""
    finished: str
    budget_seconds: float | None = None
    not_applicable: str = ""
    """Why the model cannot be asked this, in one sentence; then the run has no results."""
    judge: Mapping[str, Any] = field(default_factory=dict)
    """Of a track that asks a judge: {"name": str, "fingerprint": str, "accuracy": {head: its own on real test clips},
    "test_clips": int, "train_clips": int}; empty elsewhere."""
    infinite: Mapping[str, int] = field(default_factory=dict)
    """Metric -> windows with an infinite value (psnr: a frame that is matched exactly), which make its mean infinite.
    Empty where there are none, and in records written before they were counted."""
    macs_version: int | None = None
    """Of the way multiply-accumulates were counted (`stbench.training.cost.MACS_VERSION`): counts of different versions
    do not compare. None where nothing was counted."""
    format: int = field(default=FORMAT)

    @property
    def full_model(self) -> str:
        """ "sepvar:without-s", or the name alone."""
        return f"{self.model}:{self.variant}" if self.variant else self.model

    @property
    def steps(self) -> int:
        return int(self.training.get("steps", 0))

    def write(self, folder: Path) -> Path:
        """Write `record.json` into `folder`, atomically. `StbenchError` for a value that is not finite."""
        path = folder / RECORD
        content = dataclasses.asdict(self)
        if bad := _not_finite(content):
            raise StbenchError(
                f"{path} was to hold a value that is not finite, {bad}: the run diverged, mend its configuration"
            )
        try:
            folder.mkdir(parents=True, exist_ok=True)
            part = path.with_name(f".{path.name}.{os.getpid()}")
            part.write_text(json.dumps(content, indent=2, allow_nan=False, ensure_ascii=False) + "\n", encoding="utf-8")
            part.replace(path)
        except OSError as error:
            raise StbenchError(f"cannot write {path}: {error.strerror or error}") from None
        return path


def read_record(folder: Path) -> RunRecord:
    """The record of a run folder. `StbenchError` when it is missing, damaged or written by a newer stbench."""
    path = Path(folder) / RECORD
    try:
        content = json.loads(path.read_text(encoding="utf-8"), parse_constant=_refuse_constant)
    except FileNotFoundError:
        raise StbenchError(
            f"{folder} is no finished run: it has no {RECORD}, repeat the run with `stbench run`"
        ) from None
    except OSError as error:
        raise StbenchError(f"cannot read {path}: {error.strerror or error}") from None
    except ValueError:
        raise _damaged(path, "it is not strict JSON") from None
    if not isinstance(content, dict) or not isinstance(content.get("format"), int):
        raise _damaged(path, "it has no format number")
    if content["format"] > FORMAT:
        raise StbenchError(
            f"{path} has record format {content['format']}, this stbench reads up to {FORMAT}: update stbench"
        )
    names = {each.name for each in dataclasses.fields(RunRecord)}
    content.setdefault("judge", {})  # Records written before judges were named in them.
    content.setdefault("infinite", {})  # Records written before these windows were counted.
    # Records written before the second way of counting.
    content.setdefault("macs_version", None if content.get("macs_per_forecast") is None else 1)
    if missing := sorted(names - content.keys()):
        raise _damaged(path, f"it lacks {', '.join(missing)}")
    if unknown := sorted(content.keys() - names):
        raise _damaged(path, f"it has unknown fields {', '.join(unknown)}")
    for name, kinds in _KINDS.items():
        value = content[name]
        if not isinstance(value, kinds) or (isinstance(value, bool) and bool not in kinds):
            raise _damaged(path, f"its field '{name}' is {value!r}")
    if not all(type(count) is int for count in content["infinite"].values()):
        raise _damaged(path, f"its field 'infinite' is {content['infinite']!r}")
    for name in ("started", "finished"):
        if not _is_time(content[name]):
            raise _damaged(path, f"its field '{name}' is no ISO 8601 time with offset")
    return RunRecord(**content)


_KINDS_OF_ANNOTATIONS: Mapping[str, tuple[type, ...]] = {
    "str": (str,),
    "str | None": (str, type(None)),
    "int": (int,),
    "int | None": (int, type(None)),
    "bool": (bool,),
    "bool | None": (bool, type(None)),
    "float | None": (float, int, type(None)),
    "Mapping[str, Any]": (dict,),
    "Mapping[str, str]": (dict,),
    "Mapping[str, int]": (dict,),
}
_KINDS = {each.name: _KINDS_OF_ANNOTATIONS[str(each.type)] for each in dataclasses.fields(RunRecord)}
"""Field -> what JSON may hold there."""


def _damaged(path: Path, reason: str) -> StbenchError:
    return StbenchError(f"{path} is damaged, {reason}: remove it and repeat the run with `stbench run`")


def _is_time(text: str) -> bool:
    try:
        return datetime.fromisoformat(text).tzinfo is not None
    except ValueError:
        return False


def _refuse_constant(name: str) -> float:
    raise ValueError(name)


def _not_finite(value: Any, name: str = "") -> str:
    """`name = value` of the first infinite or NaN number, or nothing."""
    if isinstance(value, float) and (value != value or value in (float("inf"), float("-inf"))):
        return f"{name} = {value}"
    items = value.items() if isinstance(value, Mapping) else enumerate(value) if isinstance(value, list | tuple) else ()
    for key, each in items:
        if found := _not_finite(each, f"{name}.{key}" if name else str(key)):
            return found
    return ""
