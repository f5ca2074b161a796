"""The run record: everything a number on a leaderboard depends on and cost, in one `record.json`."""

from __future__ import annotations

import dataclasses
import json
import reprlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Annotated, Any, Literal, TypeVar

import msgspec

from stbench.contract.datasets import Track
from stbench.documents import Unreadable, parse_json, read_json
from stbench.errors import StbenchError
from stbench.files import write_text
from stbench.metrics import current_name, current_names
from stbench.provenance.environment import environment
from stbench.results.clusters import Clusters, Digest, DigestIfAny
from stbench.results.migration import to_format_2

__all__ = ["FORMAT", "RECORD", "RunRecord", "environment", "find_runs", "read_record"]

FORMAT = 2
"""Bumped when an older stbench could not read the record. Format 1 is still read (`stbench.results.migration`)."""

MAY_BE_ABSENT = ("drawn", "breaks", "trust", "protocol_version", "normaliser")
"""Fields that are written only where they are not empty, so that no record of before lacks one."""

ELSEWHERE = {"predictions": "made elsewhere"}
"""The configuration of a run whose predictions were made elsewhere."""

RECORD = "record.json"
LARGEST = 4_000_000
"""Bytes of the file."""
LONGEST = 100_000
"""Frames of a horizon: boards list every lead time."""

_T = TypeVar("_T")
Count = Annotated[int, msgspec.Meta(ge=0)]
Amount = Annotated[float, msgspec.Meta(ge=0, le=1e15)]
"""Seconds, at most thirty million years: sums of them are finite."""


@dataclass(frozen=True)
class RunRecord:
    """One model, track, preset and seed. JSON-able throughout; times in seconds, sizes in bytes."""

    track: Track
    """The whole track as it was when the run was scored: boards read it here, so they do not change with code."""
    main_track: bool
    """It was its dataset's main one, whose board bears the dataset's name."""
    dataset: str
    dataset_version: str
    dataset_source: str
    dataset_digest: Digest
    dataset_fingerprint: Digest
    dataset_parameters: Mapping[str, Any]
    split: str
    """Id of the split."""
    split_digest: Digest
    model: str
    variant: str
    """Empty for the model itself."""
    model_version: str
    floor: bool
    preset: str
    seed: Count
    configuration: Mapping[str, Any]
    parameters: Count
    """Trainable numbers, summed over all stages; numbers kept by a floor."""
    macs_per_forecast: Count | None
    """Multiply-accumulates of one window's forecast; None where it was not counted."""
    training: Mapping[str, Any]
    """{"steps": int, "finished": bool, "seconds": float, "resumed_from": int, ...}."""
    inference_seconds: Amount | None
    peak_memory_bytes: Count | None
    device: str
    processor: str
    threads: Count
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
    fingerprint: Digest
    """SHA-256 of what the run depends on."""
    started: str
    """ISO 8601 with offset."""
    finished: str
    budget_seconds: Amount | None = None
    not_applicable: str = ""
    """Why the model cannot be asked this, in one sentence; then the run has no results."""
    judge: Mapping[str, Any] = field(default_factory=dict)
    """Of a track that asks a judge: {"name": str, "fingerprint": str, "accuracy": {head: its own on real test clips},
    "test_clips": int, "train_clips": int}; empty elsewhere."""
    infinite: Mapping[str, Count] = field(default_factory=dict)
    """Metric -> windows with an infinite value (psnr: a frame that is matched exactly), which make its mean infinite.
    Empty where there are none, and in records written before they were counted."""
    macs_version: Count | None = None
    """Of the way multiply-accumulates were counted (`stbench.training.cost.MACS_VERSION`): counts of different versions
    do not compare. None where nothing was counted."""
    results_sha256: DigestIfAny = ""
    """SHA-256 of `results.csv`; empty where the run has no results, and in what was read of format 1."""
    clusters: Clusters = field(default_factory=Clusters)
    """Of the means per cluster beside it, `clusters.npz`."""
    drawn: Mapping[str, Any] = field(default_factory=dict)
    """Of a track of draws: {"members": of each window, "windows": name of the selected ones, "windows_sha256": str}."""
    breaks: Mapping[str, str] = field(default_factory=dict)
    """Promise that this variant breaks, and says so -> why (`stbench.contract.presets.BREAKABLE`)."""
    protocol_version: str = ""
    """Of the protocol of the track (`stbench.protocols.known`). Empty: 1."""
    normaliser: Mapping[str, Any] = field(default_factory=dict)
    """Of frames that are stored as bytes and not divided by 255 (`stbench.store.apart`)."""
    trust: Literal["", "scored by the author", "scored here from predictions"] = ""
    """Of a run that was handed in (`stbench submit`): its rung (`stbench.results.trust`). Empty for one made here."""
    format: int = field(default=FORMAT)

    @property
    def full_model(self) -> str:
        """ "sepvar:without-s", or the name alone."""
        return f"{self.model}:{self.variant}" if self.variant else self.model

    @property
    def trained_whole(self) -> bool:
        """Whether its training, if it had one here, went to its end."""
        return bool(self.training.get("finished", True))

    @property
    def made_elsewhere(self) -> bool:
        """Is it of predictions that somebody else made (`stbench score`)? Their cost is not known here."""
        return self.configuration == ELSEWHERE

    @property
    def steps(self) -> int:
        return int(self.training.get("steps", 0))

    def write(self, folder: Path) -> Path:
        """Write `record.json` into `folder`, atomically. `StbenchError` for what `read_record` would refuse."""
        path = folder / RECORD
        content = dataclasses.asdict(self)
        content = {name: each for name, each in content.items() if each or name not in MAY_BE_ABSENT}
        if bad := _not_finite(content):
            raise StbenchError(
                f"{path} was to hold a value that is not finite, {bad}: the run diverged, mend its configuration"
            )
        text = json.dumps(_escaped(content), indent=2, allow_nan=False, ensure_ascii=False) + "\n"
        try:
            if len(encoded := text.encode("utf-8")) > LARGEST:
                raise Unreadable(f"it has more than {LARGEST:,} bytes")
            _record(parse_json(encoded))
        except Unreadable as error:
            raise StbenchError(
                f"{path} was to hold what could not be read again, {error}: mend that, then repeat the run"
            ) from None
        try:
            write_text(path, text)
        except OSError as error:
            raise StbenchError(f"cannot write {path}: {error.strerror or error}") from None
        return path


def find_runs(runs: Path) -> list[Path]:
    """Folders under `runs` that have a record, in order of name; hidden ones are half-written."""
    found = (path.parent for path in Path(runs).rglob(RECORD))
    return sorted(each for each in found if not any(part.startswith(".") for part in each.relative_to(runs).parts))


def read_record(folder: Path) -> RunRecord:
    """The record of a run folder; of format 1 as `stbench.results.migration` reads it.

    `StbenchError`, in one sentence with the file's name, when it is missing, damaged or written by a newer stbench.
    """
    path = Path(folder) / RECORD
    try:
        return _record(read_json(path, LARGEST))
    except FileNotFoundError:
        raise StbenchError(
            f"{folder} is no finished run: it has no {RECORD}, repeat the run with `stbench run`"
        ) from None
    except OSError as error:
        raise StbenchError(f"cannot read {path}: {error.strerror or error}") from None
    except _Newer as error:
        raise StbenchError(
            f"{path} has record format {error}, this stbench reads up to {FORMAT}: update stbench"
        ) from None
    except Unreadable as error:
        raise _damaged(path, str(error)) from None


class _Newer(Exception):
    """The format of a record of a later stbench."""


def _record(content: Any) -> RunRecord:
    """A record from its JSON. `Unreadable`, `_Newer`."""
    if not isinstance(content, dict) or type(content.get("format")) is not int:
        raise Unreadable("it has no format number")
    if content["format"] > FORMAT:
        raise _Newer(content["format"])
    if content["format"] < FORMAT:
        content = to_format_2(content)
    _check_names(content, RunRecord)
    record = _converted(content, RunRecord)
    for name, kind in (("track", Track), ("clusters", Clusters)):
        _check_names(content[name], kind, f"{name}.")
    for name, schema in (("training", _Training), ("judge", _Judge), ("drawn", _Drawn)):
        if content.get(name):
            _converted(content[name], schema, f"{name}.")
    for name in ("started", "finished"):
        if not _is_time(content[name]):
            raise Unreadable(f"its field '{name}' is no ISO 8601 time with offset")
    track = _of_today(record.track)
    if track.dataset != record.dataset:
        raise Unreadable(f"its track is of the dataset {track.dataset!r:.60} and it is of {record.dataset!r:.60}")
    if not all(1 <= each <= LONGEST for each in (track.horizon, *track.reported)):
        raise Unreadable(f"a horizon of its track is not of 1 to {LONGEST:,} frames")
    if not all(0 <= each <= LONGEST for each in (track.conditioning, track.train_horizon, track.stride)):
        raise Unreadable(f"a length of its track is not of 0 to {LONGEST:,} frames")
    infinite = {current_name(name): count for name, count in record.infinite.items()}
    return dataclasses.replace(record, track=track, infinite=infinite)


def _of_today(track: Track) -> Track:
    """A track whose metrics bear the names they have now."""
    return dataclasses.replace(track, metrics=current_names(track.metrics), further=current_names(track.further))


def _check_names(content: Mapping[str, Any], kind: type[Any], within: str = "") -> None:
    """A record is written whole: every field is there, or may be absent, and no other. `Unreadable`."""
    names = {each.name for each in dataclasses.fields(kind)}
    if missing := sorted(names - content.keys() - {*MAY_BE_ABSENT}):
        raise Unreadable(f"it lacks {', '.join(within + each for each in missing)}")
    if unknown := sorted(content.keys() - names):
        raise Unreadable(f"it has unknown fields {', '.join(within + each for each in unknown)[:200]}")


def _converted(content: Any, kind: type[_T], within: str = "") -> _T:
    """`content` as a `kind`, every value of it checked. `Unreadable` names the first field that is something else."""
    try:
        return msgspec.convert(content, kind)
    except msgspec.ValidationError as error:
        expected, _, place = str(error).partition(" - at ")
    if "matching regex" in expected:
        expected = "expected a SHA-256, 64 of the digits 0-9 and a-f"
    # The library gives a place as `$.training.losses[...]`.
    names = place.strip("`").removeprefix("$").partition("[")[0].strip(".")
    for name in names.split(".") if names else ():
        content = content.get(name) if isinstance(content, Mapping) else None
    field_name = f"{within}{names}".rstrip(".")
    raise Unreadable(f"its field '{field_name}' is {reprlib.repr(content)}: {expected[:1].lower()}{expected[1:]}")


class _Training(msgspec.Struct):
    """What boards read of `RunRecord.training`; more may be there."""

    steps: Count = 0
    finished: bool = True
    seconds: Amount = 0.0
    cpu_seconds: Amount = 0.0
    resumed_from: Count = 0
    loader_share: float = 0.0
    losses: dict[str, Any] = {}
    snapshot_scores: dict[str, float] = {}
    split: str = ""


class _Judge(msgspec.Struct):
    """What boards read of `RunRecord.judge`; more may be there."""

    name: str = ""
    fingerprint: DigestIfAny = ""
    accuracy: dict[str, float] = {}
    test_clips: Count = 0
    train_clips: Count = 0


class _Drawn(msgspec.Struct):
    """`RunRecord.drawn` of a track of draws, where it is not empty: all of it."""

    members: Annotated[int, msgspec.Meta(ge=1)]
    windows: Annotated[str, msgspec.Meta(min_length=1)]
    windows_sha256: Digest


def _damaged(path: Path, reason: str) -> StbenchError:
    return StbenchError(f"{path} is damaged, {reason}: remove it and repeat the run with `stbench run`")


def _is_time(text: str) -> bool:
    try:
        return datetime.fromisoformat(text).tzinfo is not None
    except ValueError:
        return False


def _escaped(value: Any) -> Any:
    """`value` with what UTF-8 has no bytes for written out, `\\udce9`: the name of a file may be of any bytes."""
    if isinstance(value, str):
        return value.encode("utf-8", "backslashreplace").decode("utf-8")
    if isinstance(value, Mapping):
        return {_escaped(name): _escaped(each) for name, each in value.items()}
    return [_escaped(each) for each in value] if isinstance(value, list | tuple) else value


def _not_finite(value: Any, name: str = "") -> str:
    """`name = value` of the first infinite or NaN number, or nothing."""
    if isinstance(value, float) and (value != value or value in (float("inf"), float("-inf"))):
        return f"{name} = {value}"
    items = value.items() if isinstance(value, Mapping) else enumerate(value) if isinstance(value, list | tuple) else ()
    for key, each in items:
        if found := _not_finite(each, f"{name}.{key}" if name else str(key)):
            return found
    return ""
