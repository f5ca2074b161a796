"""Checkpoints: weights and state as safetensors, the rest as JSON, in one folder that is replaced as a whole.

    checkpoint/weights.safetensors   the model's state_dict (the averaged one where weights are averaged)
    checkpoint/state.safetensors     moments of the optimisers, random generators, raw weights where they are averaged
    checkpoint/state.json            step, seconds, identity, SHA-256 of the two files above

A new checkpoint is written and synced beside the old one and takes its place by renaming; whatever moment the
process dies, a complete one is found:

    checkpoint.new         being written; never read
    checkpoint.previous    what `checkpoint` was until a moment ago; counts only where there is no `checkpoint`
    checkpoint.set-aside   what training that was started again did not go on from; never read

`current` alone decides which one counts. No pickles: nothing in a checkpoint can run code.
"""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec
from torch import Tensor

from stbench.contract.datasets import canonical_json
from stbench.documents import Unreadable, converted, read_json
from stbench.errors import StbenchError
from stbench.files import atomic_file, sync, write_json

from .migration import FORMATS, identity_of_today, scalars_of_today, state_of_today

LARGEST_STATE = 1 << 26
"""Bytes of `state.json`."""


class _Frame(msgspec.Struct):
    """What `state.json` holds beside the scalars."""

    format: int
    identity: dict[str, Any]
    sha256: dict[str, str]


@dataclass(frozen=True)
class Checkpoint:
    weights: Mapping[str, Tensor]
    state: Mapping[str, Tensor]
    scalars: Mapping[str, Any]
    """JSON-able."""


CURRENT, NEW, PREVIOUS, ASIDE = "checkpoint", "checkpoint.new", "checkpoint.previous", "checkpoint.set-aside"
SNAPSHOTS = "snapshots"


def current(folder: Path) -> Path | None:
    """The checkpoint of a folder that counts; None where training has none to go on from. Nothing is changed."""
    # Without the first one the process died between the two renames of `save`.
    return next((folder / name for name in (CURRENT, PREVIOUS) if (folder / name).exists()), None)


def set_aside(folder: Path) -> None:
    """Leave a folder without a checkpoint that counts and without snapshots, so that training starts at its first step.

    The one that counted is kept with its snapshots as `checkpoint.set-aside`: it may have cost hours. Whatever moment
    the process dies, either that one still counts or none does. `StbenchError` when the folder cannot be written.
    """
    place, aside, snapshots = current(folder), folder / ASIDE, folder / SNAPSHOTS
    try:
        if place is None:
            _remove(folder / NEW, snapshots)
        else:
            _remove(*(folder / name for name in (NEW, PREVIOUS, ASIDE) if name != place.name))
            place.rename(aside)
            if snapshots.exists():
                snapshots.rename(aside / SNAPSHOTS)
            sync(folder)
    except OSError as error:
        raise _unwritable(folder, error) from error


def save(folder: Path, checkpoint: Checkpoint, identity: Mapping[str, Any]) -> None:
    """Replace `folder/checkpoint`; `StbenchError` when it cannot be written (then the old one stays)."""
    new, place, previous = (folder / name for name in (NEW, CURRENT, PREVIOUS))
    try:
        shutil.rmtree(new, ignore_errors=True)
        new.mkdir(parents=True)
        digests = {}
        for name, tensors in (("weights", checkpoint.weights), ("state", checkpoint.state)):
            write_tensors(new / f"{name}.safetensors", tensors)
            digests[name] = _digest(new / f"{name}.safetensors")
        document = {"format": FORMATS[-1], "identity": identity, "sha256": digests, **checkpoint.scalars}
        write_json(new / "state.json", document, allow_nan=True)  # a term beside the total may be anything
        if place.exists():
            shutil.rmtree(previous, ignore_errors=True)
            place.rename(previous)
        new.rename(place)
        sync(folder)
    except OSError as error:
        raise _unwritable(folder, error) from error
    shutil.rmtree(previous, ignore_errors=True)


def load(folder: Path, identity: Mapping[str, Any]) -> Checkpoint | None:
    """The checkpoint of a folder, or None where there is none.

    Raises `StbenchError` for one of another identity (naming what differs), of a newer format, or damaged.
    """
    place = current(folder)
    if place is None:
        return None
    try:
        scalars = read_json(place / "state.json", LARGEST_STATE, nan=True)
        frame = converted(scalars, _Frame)
    except (OSError, Unreadable):
        raise _damaged(place, "state.json") from None
    found, form, digests = frame.identity, frame.format, frame.sha256
    scalars = {name: each for name, each in scalars.items() if name not in _Frame.__struct_fields__}
    if form not in FORMATS:
        raise StbenchError(
            f"the checkpoint {place} has format {form}, this stbench reads up to {FORMATS[-1]}: use another folder"
        )
    try:
        found, scalars = identity_of_today(found, form), scalars_of_today(scalars, form)
    except (KeyError, TypeError, AttributeError):
        raise _damaged(place, "state.json") from None
    if canonical_json(found) != canonical_json(identity):
        raise StbenchError(
            f"the checkpoint {place} belongs to another run ({_difference(found, identity)}): "
            "choose another folder, or delete this one to start afresh"
        )
    tensors = {}
    for name in ("weights", "state"):
        file = place / f"{name}.safetensors"
        if not file.exists() or _digest(file) != digests.get(name):
            raise _damaged(place, file.name)
        tensors[name] = read_tensors(file)
    return Checkpoint(tensors["weights"], state_of_today(tensors["state"], form), scalars)


def save_snapshot(folder: Path, step: int, weights: Mapping[str, Tensor]) -> None:
    """Keep the weights of a step in `folder/snapshots/`; `StbenchError` when they cannot be written."""
    try:
        write_tensors(folder / SNAPSHOTS / f"step-{step:05d}.safetensors", weights)
    except OSError as error:
        raise _unwritable(folder, error) from error


def write_tensors(path: Path, tensors: Mapping[str, Tensor]) -> None:
    """Write a safetensors file under its final name only when it is complete and on disk; `OSError` when that fails."""
    from safetensors import SafetensorError
    from safetensors.torch import save_file

    with atomic_file(path) as part:
        try:
            save_file(_apart(tensors), part)
        except SafetensorError as error:
            raise OSError(f"writing {path.name}: {error}") from error


def _apart(tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """On the processor, none in the memory of another: a file has no two names for one tensor."""
    found: dict[str, Tensor] = {}
    places: set[int] = set()
    for name, tensor in tensors.items():
        each = tensor.detach().cpu().contiguous()
        place = each.untyped_storage().data_ptr()
        found[name] = each.clone() if place in places else each
        places.add(place)
    return found


def read_tensors(path: Path) -> dict[str, Tensor]:
    """Read a safetensors file; `StbenchError` when it is not one or is damaged."""
    from safetensors import SafetensorError
    from safetensors.torch import load_file

    try:
        return load_file(path)
    except (OSError, SafetensorError):
        raise StbenchError(f"{path} is not a readable safetensors file: train again to make it") from None


def _digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _remove(*folders: Path) -> None:
    """Remove those that are there; `OSError` when one stays."""
    for folder in folders:
        if folder.exists():
            shutil.rmtree(folder)


def _unwritable(folder: Path, error: OSError) -> StbenchError:
    return StbenchError(
        f"the weights could not be written to {folder} ({error.strerror or error}): "
        "make room or permission and run the same command again; it continues from the last checkpoint there"
    )


def _damaged(place: Path, name: str) -> StbenchError:
    return StbenchError(f"the checkpoint {place} is damaged ({name}): delete that folder and run again to start afresh")


def _difference(found: Any, wanted: Any, path: str = "") -> str:
    """The first place where two JSON-able values differ, in words."""
    if isinstance(found, dict) and isinstance(wanted, dict):
        for key in sorted({*found, *wanted}):
            if key not in found or key not in wanted or canonical_json(found[key]) != canonical_json(wanted[key]):
                return _difference(found.get(key), wanted.get(key), f"{path}.{key}" if path else key)
    return f"{path} is {json.dumps(found)} there and {json.dumps(wanted)} here"
