"""What a dataset plug-in hands to the core: its card, its parameters, its tracks and, resolved, a blueprint.

A sequence is a pure function of (dataset, version, source, parameters, seed, index). The blueprint is that function,
made concrete before a frame is computed: every shape, coordinate and parameter is known, so a store can be planned,
refused or resumed from it. Nothing here imports numba, zarr or torch.
"""

from __future__ import annotations

import dataclasses
import hashlib
import json
import operator
import typing
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path
from typing import Any, Protocol

import numpy as np

from stbench.errors import StbenchError, nearest

SOURCES = ("official", "simulated", "procedural")
"""`official`: the real raw files. `simulated`: our stand-in for raw files that are not at hand. `procedural`: the
dataset is *defined* by its simulator (WaveEq), so there is nothing to stand in for."""


@dataclass(frozen=True)
class Card:
    """What a reader wants to know of a dataset before using it; plain text, shown by `stbench info` and the docs."""

    title: str
    summary: str
    """One line."""
    origin: str
    """The equation or the provenance of the raw material."""
    dimensions: str
    factors: Mapping[str, str]
    """Name of a factor -> what it is, with its unit."""
    units: str
    boundary: str
    preprocessing: str
    quirks: tuple[str, ...]
    """Known defects of the published version, one sentence each."""
    licence: str
    reference: str
    bibtex: str
    cost: str
    """Measured cost of making it, with the machine."""
    keywords: str = ""
    """Apart by commas, for catalogues (ACDD)."""


@dataclass(frozen=True)
class Variable:
    """One array of the store with leading dimension `sequence`, written shard by shard.

    `shape` includes the leading number of sequences; `chunk` is the shape of one chunk (leading entry 1 for frames).
    The trailing dimensions of a shard are whole.
    """

    dims: tuple[str, ...]
    shape: tuple[int, ...]
    dtype: str
    chunk: tuple[int, ...]
    attributes: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Coordinate:
    """A small array known in advance (time, y, x, sensor positions), written once with the store."""

    dims: tuple[str, ...]
    values: np.ndarray
    attributes: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Split:
    """Which sequences, and which of their frames, are train, val and test, with a citable id.

    A range is half-open: (first sequence, last sequence + 1), or with a part of the time axis (first sequence, last
    sequence + 1, first frame, last frame + 1). `digest` is the SHA-256 of the canonical JSON of id, n_sequences and
    ranges.
    """

    id: str
    n_sequences: int
    ranges: Mapping[str, tuple[tuple[int, ...], ...]]

    @property
    def digest(self) -> str:
        return fingerprint({"id": self.id, "n_sequences": self.n_sequences, "ranges": self.ranges})

    def indices(self, name: str) -> np.ndarray:
        """Sequence indices of "train", "val", "test" or a union such as "train+val", ascending."""
        parts: list[np.ndarray] = []
        for part in name.split("+"):
            if part not in self.ranges:
                raise StbenchError(f"the split '{self.id}' has no part '{part}': {nearest(part, self.ranges)}")
            parts += [np.arange(each[0], each[1]) for each in self.ranges[part]]
        return np.unique(np.concatenate(parts)) if parts else np.empty(0, int)

    def segments(self, name: str, n_frames: int | np.ndarray) -> np.ndarray:
        """Rows (sequence, first frame, last frame + 1) of a part or a union of parts, ascending, abutting rows
        joined. `n_frames`: of every sequence, or (sequence,) of each; no row reaches beyond."""
        length = np.broadcast_to(n_frames, self.n_sequences)
        rows: list[tuple[int, int, int]] = []
        for part in name.split("+"):
            self.indices(part)
            for each in self.ranges[part]:
                for sequence, frames in zip(range(*each[:2]), length[each[0] : each[1]].tolist(), strict=True):
                    first, last = each[2:] if len(each) == 4 else (0, frames)
                    rows.append((sequence, first, max(first, min(last, frames))))
        joined: list[tuple[int, int, int]] = []
        for row in sorted(rows):
            if joined and joined[-1][0] == row[0] and joined[-1][2] >= row[1]:
                joined[-1] = (row[0], joined[-1][1], max(joined[-1][2], row[2]))
            else:
                joined.append(row)
        return np.array(joined, np.int64).reshape(-1, 3)


@dataclass(frozen=True)
class Track:
    """dataset + protocol + horizon: one leaderboard."""

    dataset: str
    protocol: str
    conditioning: int
    horizon: int
    train_horizon: int
    """Target frames a model may train on in one window (its own tests are always at `horizon`)."""
    metrics: tuple[str, ...]
    """Registered metric names; the first one ranks the board, the others stand beside it in this order."""
    stride: int = 1
    reported: tuple[int, ...] = ()
    """Shorter horizons k that papers report of the same forecasts: "1..k" stands beside "1..h"."""
    further: tuple[str, ...] = ()
    """Of forecasts and swaps: registered metric names that are scored too, but stand in results and CSV alone. The same
    error in other units, or what other code prints under the same name, would make tables too wide to read."""
    cluster: str = ""
    """Of forecasts: a whole-number factor of the store. Sequences that share its value are no independent samples (one
    chair from two elevations), and the bootstrap draws them together; empty: every sequence by itself."""

    @property
    def id(self) -> str:
        return f"{self.dataset}/{self.protocol}-{self.horizon}"

    @property
    def scored(self) -> tuple[str, ...]:
        """Everything a run is scored with: `metrics`, then `further`."""
        return (*self.metrics, *self.further)


@dataclass(frozen=True)
class Blueprint:
    """A dataset with all its parameters resolved: enough to write the store, sequence range by sequence range."""

    dataset: str
    version: str
    source: str
    seed: int
    parameters: Mapping[str, Any]
    """Complete and JSON-able; with dataset, version, source and seed they are the identity of the store."""
    card: Card
    split: Split
    n_sequences: int
    sequences_per_shard: int
    variables: Mapping[str, Variable]
    coordinates: Mapping[str, Coordinate]
    """Where sequences differ in length, `row_size` (sequence,) int64 is one of them: frames of each sequence. `time` is
    then as long as the longest one, and every timed variable is 0 behind the last frame of a sequence."""
    produce: Callable[[int, int], Mapping[str, np.ndarray]]
    """`produce(start, stop)` gives every variable for sequences start..stop-1. Pure and picklable; called in any order,
    in any process. Arrays have exactly the dtype and trailing shape of the variable."""
    normaliser: Mapping[str, Any] = field(default_factory=lambda: {"kind": "identity"})
    """What models see of `frames`, in float32. {"kind": "identity"}: as stored; {"kind": "standardise"}: (x - mean)/std
    with the train statistics the store carries; {"kind": "fixed", "mean": 0.0, "std": 255.0}: with numbers known
    beforehand."""
    certificate: Callable[[], Mapping[str, Any]] | None = None
    """Computes the numerics certificate on a small sample; JSON-able."""
    prepare: Callable[[], None] | None = None
    """Called before a store is begun, in the process that generates: a stand-in writes its raw files here (atomically,
    and not again when they are already there), official ones are looked at to the end. `StbenchError` for a damaged
    one: a store that is begun is not continued with other raw files."""
    raw_files: Callable[[], Sequence[Path]] | None = None
    """After `prepare`, every file that `produce` reads; None where it reads none."""

    @property
    def identity(self) -> dict[str, Any]:
        return {
            "dataset": self.dataset,
            "version": self.version,
            "source": self.source,
            "seed": self.seed,
            "parameters": dict(self.parameters),
        }

    @property
    def fingerprint(self) -> str:
        """SHA-256 of the canonical JSON of the identity."""
        return fingerprint(self.identity)

    @property
    def store_name(self) -> str:
        """Folder name under `STBENCH_DATA`; two different identities never share one."""
        return f"{self.dataset}-v{self.version}-{self.source}-{self.fingerprint[:8]}.zarr"


@dataclass(frozen=True)
class SwapCases:
    """Content of one sequence on the motion of another, with every ground truth that is right.

    A dataset plug-in that can draw them is a `stbench.contract.capabilities.HasSwapCases`.
    """

    sequence: np.ndarray
    """(n,) int64: where the motion comes from."""
    start: np.ndarray
    """(n,) int64: its first conditioning frame."""
    orders: int
    """How many ground truths each case has."""
    read: Callable[[np.ndarray], tuple[np.ndarray, np.ndarray, np.ndarray]]
    """`read(items (b,))` gives the content and the motion window, (b, conditioning, *frame), and the ground truths,
    (orders, b, horizon, *frame), which show what follows the motion window; normalised, float32. The windows depend on
    conditioning frames alone."""
    cluster: np.ndarray | None = None
    """(n,) int64: cases of one number are no independent samples, and the bootstrap draws them together; None: those
    whose motion comes from one sequence."""

    def __len__(self) -> int:
        return len(self.sequence)


@dataclass(frozen=True)
class Renderings:
    """Every clip that a dataset's factors can make: one for each combination of their values.

    A dataset plug-in that can draw them is a `stbench.contract.capabilities.HasRenderings`.
    """

    motion: Mapping[str, int]
    """Factor -> number of values 0, 1, ...: how a clip moves."""
    content: Mapping[str, int]
    """Factor -> number of values 0, 1, ...: what it shows."""
    draw: Callable[[tuple[int, ...]], np.ndarray]
    """`draw(values of the motion factors)` gives the clips (combinations, time, *frame), uint8 as stored, of every
    combination of the content factors, the last one running fastest."""


class Generator(Protocol):
    """A dataset plug-in: what an entry point of the group `stbench.datasets` names.

    What it may have beside this stands in `stbench.contract.capabilities`."""

    name: str
    version: str
    card: Card
    parameters: type[Any]
    """A frozen dataclass with defaults: the canonical dataset. Field metadata {"help": ...} documents each; a help that
    begins with "simulated: " or "official: " is of a parameter without effect on the other of the two sources."""
    tracks: tuple[Track, ...]
    """The first one is the main track."""
    presets: Mapping[str, Mapping[str, Any]]
    """Preset name -> parameters a run with that preset asks for, e.g. {"quick": {"sequences": 40}}."""

    def sources(self, raw: Path | None) -> tuple[str, ...]:
        """Sources available right now, best first."""
        ...

    def blueprint(self, parameters: Any, source: str, raw: Path | None) -> Blueprint:
        """Resolve and validate. Cheap: no frame is computed, nothing heavy imported. Raises `StbenchError`."""
        ...


def canonical_json(value: Any) -> str:
    """JSON with sorted keys and no spaces; floats by shortest repr, so equal values give equal text."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), allow_nan=False)


def fingerprint(value: Any) -> str:
    """SHA-256 of `canonical_json(value)`, in hexadecimal."""
    return hashlib.sha256(canonical_json(value).encode()).hexdigest()


def parse_parameters(dataclass_type: type[Any], settings: Mapping[str, Any]) -> Any:
    """Build a parameter dataclass from `key=value` settings, strings or typed values.

    Strings are read by the field's type: int, float, str, bool, tuples of them as comma-separated text ("300,400").
    Raises `StbenchError` for an unknown key (nearest name suggested) or a text that does not parse.
    """
    types = typing.get_type_hints(dataclass_type)
    known = {f.name for f in dataclasses.fields(dataclass_type)}
    values: dict[str, Any] = {}
    for key, value in settings.items():
        name = key.replace("-", "_")
        if name not in known:
            raise StbenchError(f"there is no parameter '{key}': {nearest(name, known)}")
        values[name] = _convert(key, value, types[name])
    return dataclass_type(**values)


def setting_words(settings: Mapping[str, Any]) -> list[str]:
    """The words of a command line that ask for these settings; several values of one stand behind commas."""
    texts = {
        key: ",".join(map(str, value)) if isinstance(value, list | tuple) else str(value)
        for key, value in settings.items()
    }
    return [word for key, text in texts.items() for word in ("--set", f"{key}={text}")]


def _convert(key: str, value: Any, kind: Any) -> Any:
    origin, arguments = typing.get_origin(kind), typing.get_args(kind)
    try:
        if origin is tuple:
            items = value.split(",") if isinstance(value, str) else list(value)
            if arguments[-1] is Ellipsis:
                return tuple(_convert(key, item, arguments[0]) for item in items)
            if len(items) != len(arguments):
                raise ValueError
            return tuple(_convert(key, item, each) for item, each in zip(items, arguments, strict=True))
        if kind is bool:
            if isinstance(value, bool):
                return value
            return {"true": True, "1": True, "yes": True, "false": False, "0": False, "no": False}[str(value).lower()]
        if kind is int:
            return _whole_number(value)
        if kind is float:
            number = float(value)
            if not np.isfinite(number):
                raise ValueError
            return number
        return str(value)
    except (ValueError, KeyError, TypeError, OverflowError):
        wanted = "comma-separated values" if origin is tuple else getattr(kind, "__name__", str(kind))
        raise StbenchError(f"the parameter '{key}' wants {wanted}, not '{value}'") from None


def _whole_number(value: Any) -> int:
    """The integer that a value means, to its last digit: floats skip every other one from 2^53 on. `ValueError`,
    `TypeError` and `OverflowError` for what is none."""
    try:
        return operator.index(value)  # of Python and of NumPy; a bool counts as 0 or 1
    except TypeError:
        number = float(value)
    if not np.isfinite(number):
        raise ValueError
    exact: Decimal | float = Decimal(value) if isinstance(value, str) else number  # "1e3" is one
    if exact != int(exact):
        raise ValueError
    return int(exact)
