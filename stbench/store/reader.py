"""Opens finished stores: metadata at once, arrays when they are asked for, in the process that asks."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from stbench.arguments import archive, local_path
from stbench.contract.datasets import Card, Split
from stbench.documents import Unreadable, converted, read_json
from stbench.errors import Damaged, StbenchError, nearest
from stbench.store import integrity
from stbench.store.attributes import check_attributes
from stbench.store.cards import card_of
from stbench.store.integrity import MENDED, REMEDY
from stbench.store.layout import INTEGRITY, ROW_SIZE
from stbench.store.normaliser import Normaliser
from stbench.store.texts import FORMAT, NEWEST_FORMAT, RAGGED_FORMATS, from_texts

if TYPE_CHECKING:
    import xarray as xr
    import zarr

LARGEST_METADATA = 1 << 26
"""Bytes of the file with the root attributes."""
PLACES = {"chunks", "preferred_chunks", "shards"}
"""What xarray keeps of where an array's values lie, and would ask of the array it writes."""
AGAIN = "run the `stbench generate` command that began it again, and it continues"


@dataclass(frozen=True)
class Store:
    """A finished store: its path and root attributes, decoded. Picklable; holds no open file and no zarr object."""

    path: Path
    attributes: Mapping[str, Any]

    @property
    def dataset(self) -> str:
        return str(self.attributes["dataset"])

    @property
    def version(self) -> str:
        return str(self.attributes["version"])

    @property
    def source(self) -> str:
        return str(self.attributes["source"])

    @property
    def seed(self) -> int:
        return int(self.attributes["seed"])

    @property
    def parameters(self) -> dict[str, Any]:
        return dict(self.attributes["parameters"])

    @property
    def fingerprint(self) -> str:
        return str(self.attributes["fingerprint"])

    @property
    def digest(self) -> str:
        return str(self.attributes["digest"])

    @property
    def split(self) -> Split:
        split = self.attributes["split"]
        ranges = {name: tuple(tuple(row) for row in rows) for name, rows in split["ranges"].items()}
        return Split(split["id"], split["n_sequences"], ranges)

    @property
    def card(self) -> Card:
        return card_of(self.attributes["card"])

    @property
    def frames_shape(self) -> tuple[int, ...]:
        """Shape of `frames`: (sequence, time, *frame)."""
        return tuple(self.attributes["variables"]["frames"]["shape"])

    @property
    def n_sequences(self) -> int:
        return self.frames_shape[0]

    @property
    def n_frames(self) -> int:
        """Frames of a sequence, of the longest one where they differ."""
        return self.frames_shape[1]

    @property
    def row_size(self) -> np.ndarray | None:
        """(sequence,) int64: frames of each sequence where they differ in length, read-only; None where all have
        `n_frames`."""
        if self.attributes[FORMAT] not in RAGGED_FORMATS:
            return None
        return _row_size(str(self.path), self.digest)

    @property
    def frame_shape(self) -> tuple[int, ...]:
        """(channel, y, x) or (sensor,)."""
        return self.frames_shape[2:]

    @property
    def mean(self) -> float:
        """What `normalise` subtracts: the mean of the train frames, a fixed number, or 0 where they stay as stored."""
        return self.normaliser.mean

    @property
    def std(self) -> float:
        """What `normalise` divides by: the standard deviation of the train frames (1 if they are constant), a fixed
        number (255 for bytes), or 1."""
        return self.normaliser.std

    @property
    def normaliser(self) -> Normaliser:
        """From stored values to what models see, as the dataset asks for it."""
        normaliser = self.attributes["normaliser"]
        if normaliser["kind"] == "standardise":
            train = self.attributes["statistics"]["train"]
            if train["mean"] is None:
                raise StbenchError(f"{self.path} has no finite value in its train part, so nothing to standardise with")
            return Normaliser(float(train["mean"]), float(train["std"]) or 1.0)
        if normaliser["kind"] == "fixed":
            return Normaliser(float(normaliser["mean"]), float(normaliser["std"]))
        return Normaliser()

    def normalise(self, frames: np.ndarray) -> np.ndarray:
        """(frames - mean) / std in float32."""
        return self.normaliser(frames)

    def denormalise(self, frames: np.ndarray) -> np.ndarray:
        """frames · std + mean in float32."""
        return self.normaliser.inverse(frames)

    def read(
        self, sequence: int | slice | np.ndarray, time: slice = slice(None), variable: str = "frames"
    ) -> np.ndarray:
        """Stored values of a variable: (time, ...) of one sequence, (sequence, time, ...) of several; `time` cuts only
        variables that have that dimension. `IndexError` for a sequence that is not there, `Damaged` where files of the
        store are missing or cannot be decoded, another `StbenchError` where they cannot be opened.

        Where sequences differ in length, one sequence is as long as it is, and several are padded with 0 to the longest
        of the store.
        """
        self._check_variable(variable)
        timed = "time" in self.attributes["variables"][variable]["dims"][1:2]
        if timed and not isinstance(sequence, slice | np.ndarray) and (row_size := self.row_size) is not None:
            time = slice(*time.indices(int(row_size[sequence])))
        key: tuple[Any, ...] = (sequence, time) if timed else (sequence,)
        try:
            array = _array(str(self.path), variable, self.digest, os.getpid())
            return np.asarray(array.oindex[key] if isinstance(sequence, np.ndarray) else array[key])
        except OSError as error:  # no permission, a disk that does not answer: no reason to delete anything
            raise StbenchError(f"'{variable}' of the store {self.path} cannot be read ({error}): {MENDED}") from None
        except (ValueError, RuntimeError) as error:  # of zarr and its codecs
            raise Damaged(f"'{variable}' of the store {self.path} cannot be read ({error}): {REMEDY}") from None

    def window(self, sequence: int, start: int, length: int) -> np.ndarray:
        """Frames `start` ... `start + length - 1` of a sequence, (length, *frame) float32, normalised; fewer where it
        ends before."""
        return self.normalise(self.read(int(sequence), slice(int(start), int(start) + length)))

    def factor(self, name: str) -> np.ndarray:
        """A factor: one value per sequence, (sequence,)."""
        return self.read(slice(None), variable=name)

    def factors(self) -> dict[str, np.ndarray]:
        """All variables that have the single dimension `sequence`."""
        variables = self.attributes["variables"]
        return {name: self.factor(name) for name, each in variables.items() if list(each["dims"]) == ["sequence"]}

    def to_xarray(self) -> xr.Dataset:
        """The store as a lazy Dataset: `xarray.open_zarr(path)`, of which a part can be saved: without the chunks and
        shards of the store, which do not fit a part."""
        import xarray as xr
        from zarr.storage import LocalStore

        check_files(self)
        # xarray makes a text of a path, and of "a::b" two addresses, one within the other.
        dataset: xr.Dataset = xr.open_zarr(LocalStore(self.path, read_only=True), consolidated=False)
        for array in dataset.variables.values():
            array.encoding = {name: value for name, value in array.encoding.items() if name not in PLACES}
        return dataset

    def _check_variable(self, name: str) -> None:
        if name not in self.attributes["variables"]:
            raise StbenchError(
                f"there is no variable '{name}' in {self.path}: {nearest(name, self.attributes['variables'])}"
            )


@lru_cache(maxsize=64)
def _array(path: str, variable: str, digest: str, process: int) -> zarr.Array[Any]:
    """An open array, kept for the process that opened it: a forked one must not go on with its parent's."""
    import zarr

    _check_files(path, digest)
    return zarr.open_array(Path(path), path=variable, mode="r")  # of a text "a::b" it would open b


def check_files(store: Store) -> None:
    """`Damaged` where a file of the store is missing or empty. zarr would take it for one full of 0 (or NaN), and
    whoever forecasts frames of 0 would be right."""
    _check_files(str(store.path), store.digest)


@lru_cache(maxsize=64)
def _check_files(path: str, digest: str) -> None:
    tables = integrity.read(Path(path))
    names = [*tables.files, *(name for name, _ in tables.shards())]
    try:
        missing = [name for name in names if not _holds_something(Path(path, name))]
    except OSError as error:
        raise StbenchError(f"the files of the store {path} cannot be looked at ({error}): {MENDED}") from None
    if missing:
        raise Damaged(
            f"of the {len(names)} files of the store {path} {len(missing)} are missing or empty, {missing[0]} first: "
            f"{REMEDY}"
        )


def _holds_something(file: Path) -> bool:
    try:
        return file.stat().st_size > 0
    except (FileNotFoundError, NotADirectoryError):
        return False


@lru_cache(maxsize=64)
def _row_size(path: str, digest: str) -> np.ndarray:
    import zarr

    _check_files(path, digest)
    try:
        values = np.asarray(zarr.open_array(Path(path), path=ROW_SIZE, mode="r")[...])
    except OSError as error:
        raise StbenchError(f"the lengths of the sequences of {path} cannot be read ({error}): {MENDED}") from None
    except (ValueError, RuntimeError) as error:
        raise Damaged(f"the lengths of the sequences of {path} cannot be read ({error}): {REMEDY}") from None
    values.setflags(write=False)
    return values


def open_store(path: str | os.PathLike[str]) -> Store:
    """Open a finished store. `StbenchError` if there is none, it is half-written or of a newer format, `Damaged` where
    its metadata are.

    Reads one small JSON file: no array is opened, no zarr imported.
    """
    path = local_path(path).absolute()
    unfinished = path.with_name(path.name + ".part")
    if path.name.endswith(".part"):
        raise StbenchError(f"{path} is a half-written store: {AGAIN}")
    if not os.path.lexists(path):
        if unfinished.exists():
            raise StbenchError(f"the store {path} is half-written: {AGAIN}")
        raise StbenchError(f"there is no store at {path}: make one with `stbench generate NAME --out {path}`")
    file = path / "zarr.json"
    if kind := archive(path):
        raise StbenchError(f"{path} is a {kind} archive and not a store: unpack it, then give the folder")
    if not file.is_file() and (path / INTEGRITY).is_dir():
        raise Damaged(f"the metadata of the store {path} are damaged (it has no zarr.json): {REMEDY}")
    if not file.is_file():
        raise StbenchError(f"{path} is not a store (it has no zarr.json): give the path of one")
    try:
        metadata = converted(read_json(file, LARGEST_METADATA), dict[str, Any])
        attributes = converted(metadata.get("attributes"), dict[str, Any], "attributes")
        store_format = attributes.get(FORMAT)
    except OSError as error:
        raise StbenchError(f"the metadata of the store {path} cannot be read: {error.strerror or error}") from None
    except Unreadable as error:
        raise Damaged(f"the metadata of the store {path} are damaged ({error}): {REMEDY}") from None
    if store_format is None:
        raise StbenchError(f"{path} is a zarr group, but not a finished stbench store: give the path of one")
    if not isinstance(store_format, int) or store_format > NEWEST_FORMAT:
        raise StbenchError(
            f"{path} has store format {store_format} and this stbench reads up to {NEWEST_FORMAT}: upgrade stbench"
        )
    try:
        attributes = from_texts(attributes)
        check_attributes(attributes)
    except Unreadable as error:
        raise Damaged(f"the metadata of the store {path} are damaged ({error}): {REMEDY}") from None
    return Store(path, attributes)
