"""Split files: JSON shipped as data beside the generators, with an id to cite and a digest to check."""

from __future__ import annotations

import importlib.resources
from dataclasses import dataclass

from stbench.contract.datasets import Split
from stbench.documents import Unreadable, converted, parse_json
from stbench.errors import StbenchError


@dataclass(frozen=True)
class _File:
    id: str
    n_sequences: int
    ranges: dict[str, tuple[tuple[int, ...], ...]]
    digest: str


def load_split(package: str, filename: str) -> Split:
    """Read a split file `{"id", "dataset", "n_sequences", "ranges": {"train": [[0, 216]], ...}, "digest"}`.

    `StbenchError` where the file is missing, not of that form, or its digest is not that of its ranges.
    """
    where = f"{filename} in {package}"
    try:
        content = (importlib.resources.files(package) / filename).read_bytes()
        file = converted(parse_json(content), _File)
    except (OSError, ModuleNotFoundError, Unreadable) as error:
        raise StbenchError(f"the split file {where} cannot be read ({error}): install stbench again") from None
    split = Split(file.id, file.n_sequences, file.ranges)
    if split.digest != file.digest:
        raise StbenchError(
            f"the split file {where} says digest {file.digest} and its ranges have {split.digest}: install stbench "
            "again"
        )
    return split


def proportional_split(split_id: str, n_sequences: int, test: float = 0.2, val: float = 0.08) -> Split:
    """Contiguous parts in the order train, val, test, with the given shares of all sequences, rounded, none empty.

    300 sequences give 216, 24 and 60, the official parts of WaveEq. `StbenchError` for fewer than three sequences.
    """
    if not (test >= 0 and val >= 0 and test + val < 1):
        raise ValueError(f"shares {test} and {val} leave nothing to train on")
    if n_sequences < 3:
        raise StbenchError(
            f"{n_sequences} sequences cannot be split in train, val and test: ask for at least 3 (`--set sequences=3`)"
        )
    n_test = max(1, min(round(test * n_sequences), n_sequences - 2))
    n_val = max(1, min(round(val * n_sequences), n_sequences - n_test - 1))
    n_train = n_sequences - n_val - n_test
    ranges = {
        "train": ((0, n_train),),
        "val": ((n_train, n_train + n_val),),
        "test": ((n_train + n_val, n_sequences),),
    }
    return Split(split_id, n_sequences, ranges)
