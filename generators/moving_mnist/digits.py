"""The digits: which files, checked and read once per process, brought to another size."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np

from stbench.raw.files import RawFile, read, require

from .idx import parse_digits
from .stand_in import strokes

LICENCE = "CC BY-SA 3.0, copyright Yann LeCun and Corinna Cortes"
ALIASES = ("mnist", "MNIST", "MNIST/raw", "mnist/MNIST/raw")
_MIRRORS = (
    "https://ossci-datasets.s3.amazonaws.com/mnist",
    "https://storage.googleapis.com/cvdf-datasets/mnist",
    "http://yann.lecun.com/exdb/mnist",
)


def _official(name: str, size: int, md5: str) -> RawFile:
    # The md5 is of the uncompressed bytes; that of a .gz file depends on its header.
    urls = tuple(f"{mirror}/{name}.gz" for mirror in _MIRRORS)
    # As Kaggle and 7-Zip call it, and in a folder of its own; the checksum decides.
    dotted = name.replace("-idx", ".idx")
    also = (dotted, *(f"{above}/{each}" for above in (name, dotted) for each in (name, dotted)))
    return RawFile(name, size, f"md5:{md5}", "content", urls, LICENCE, also)


OFFICIAL = (
    _official("train-images-idx3-ubyte", 47_040_016, "6bbc9ace898e44ae57da46a324031adb"),
    _official("train-labels-idx1-ubyte", 60_008, "a25bea736e30d166cdddb491f175f624"),
    _official("t10k-images-idx3-ubyte", 7_840_016, "2646ac647ad5339dbf082846283269ea"),
    _official("t10k-labels-idx1-ubyte", 10_008, "27ae3e4e09519cfbb04c329615203637"),
)


@dataclass(frozen=True)
class DigitFiles:
    """Four IDX files of one source, in the order train images, train labels, test images, test labels."""

    specs: tuple[RawFile, ...]
    paths: tuple[Path, ...]

    def of(self, parts: Sequence[str]) -> list[Path]:
        """The files of "train" and "test", as far as they are among `parts`."""
        return [path for k, part in enumerate(("train", "test")) if part in parts for path in self.paths[2 * k :][:2]]

    def load(self, part: str) -> tuple[np.ndarray, np.ndarray]:
        """Digits (n, 28, 28) and labels (n,) of "train" or "test", uint8; `StbenchError` for a wrong file."""
        with _LOADING:
            return _load(self, ("train", "test").index(part))


_LOADING = threading.Lock()
"""Two threads that need the digits at once read them once."""


@lru_cache(maxsize=4)
def _load(files: DigitFiles, part: int) -> tuple[np.ndarray, np.ndarray]:
    (images, labels), (images_path, labels_path) = files.specs[2 * part :][:2], files.paths[2 * part :][:2]
    return parse_digits(read(images_path, images), read(labels_path, labels), str(images_path), str(labels_path))


def official_files(dataset: str, raw: Path | None) -> DigitFiles:
    """Where the four MNIST files lie; nothing is opened. `StbenchError` says what is missing."""
    found = require(OFFICIAL, dataset, raw, ALIASES)
    return DigitFiles(OFFICIAL, tuple(found[spec.name] for spec in OFFICIAL))


def simulated_files() -> DigitFiles:
    """Where the stand-in's four files lie, written or not (`strokes.prepare` writes them)."""
    folder = strokes.raw_folder()
    return DigitFiles(strokes.FILES, tuple(folder / f"{spec.name}.gz" for spec in strokes.FILES))


def prepare(files: DigitFiles, parts: Sequence[str]) -> None:
    """Before the first frame: write the stand-in's files if they are missing, read and check all that is needed."""
    if files.specs == strokes.FILES:
        strokes.prepare()
    for part in parts:
        files.load(part)


def resize(digits: np.ndarray, size: int) -> np.ndarray:
    """Digits (..., 28, 28) uint8 resampled to (..., size, size): linear, antialiased, exact because in integers."""
    if size == digits.shape[-1]:
        return digits
    weights = _weights(digits.shape[-1], size)
    total = np.einsum("yi,...ij,xj->...yx", weights, digits.astype(np.int64), weights, optimize=True)
    return np.asarray((total + (1 << 2 * _BITS >> 1)) >> 2 * _BITS, np.uint8)


_BITS = 14


def _weights(old: int, new: int) -> np.ndarray:
    """Integer weights (new, old) of a triangle filter at least one source pixel wide; each row sums to 2^14."""
    scale = old / new
    centre = (np.arange(new) + 0.5) * scale
    tent = np.maximum(0.0, 1.0 - np.abs(np.arange(old) + 0.5 - centre[:, None]) / max(scale, 1.0))
    weights = np.asarray(np.rint(tent / tent.sum(1, keepdims=True) * (1 << _BITS)), np.int64)
    weights[np.arange(new), weights.argmax(1)] += (1 << _BITS) - weights.sum(1)
    return weights
