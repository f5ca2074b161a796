"""Bit flips over stores, their metadata and half-written stores: seeded, in this process, nothing left changed.

    for flip in flips(store, range(100), seed=0): ...     # while the loop's body runs, one bit of one file is another
    verified(store, range(100), seed=0)                   # outcomes of `verify`
    continued(begun, generate, whole, range(100), seed=0) # outcomes of going on from a half-written store

Each case has a number, and its bit follows from seed and number alone. A file is drawn first, each alike, then a bit of
it: metadata are small and would hardly be met otherwise.
"""

from __future__ import annotations

import json
import random
import shutil
import tempfile
import traceback
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from watch import TooLong, at_most

from stbench.errors import StbenchError
from stbench.store.integrity import OWN_FILE
from stbench.store.reader import open_store
from stbench.store.verify import verify

PATIENCE_SECONDS = 60
ROOT = "zarr.json"


@dataclass(frozen=True)
class Flip:
    case: int
    file: str
    """Path in the folder."""
    byte: int
    bit: int


@dataclass(frozen=True)
class Outcome:
    flip: Flip
    kind: str
    told: str = ""


GOOD = {"damaged", "refused", "mended"}
"""What may happen; "unnoticed", "different", "traceback" and "hang" must not."""


def flips(
    folder: Path, cases: Iterable[int], seed: int, of: Callable[[str], bool] = lambda name: True
) -> Iterator[Flip]:
    """Flip bits under `folder`, one at a time, in files `of` says yes to; each is flipped back afterwards."""
    found = sorted(each for each in folder.rglob("*") if each.is_file() and each.stat().st_size)
    files = [each for each in found if of(each.relative_to(folder).as_posix())]
    for case in cases:
        chance = random.Random(f"{seed} {case}")
        file = chance.choice(files)
        before = file.read_bytes()
        flip = Flip(case, file.relative_to(folder).as_posix(), chance.randrange(len(before)), chance.randrange(8))
        file.write_bytes(flipped(before, flip))
        try:
            yield flip
        finally:
            file.write_bytes(before)


def flipped(content: bytes, flip: Flip) -> bytes:
    changed = bytearray(content)
    changed[flip.byte] ^= 1 << flip.bit
    return bytes(changed)


def verified(
    store: Path, cases: Iterable[int], seed: int, of: Callable[[str], bool] = lambda name: True
) -> list[Outcome]:
    """What `verify` and opening make of a store with one flipped bit: "damaged" is right, "unnoticed" is not."""

    def check(flip: Flip) -> Outcome:
        with suppress(StbenchError):  # a sentence is as good as an open store: it is `verify` that must know
            open_store(store)
        report = verify(store)
        return Outcome(flip, "unnoticed" if report.ok else "damaged", "; ".join(report.damaged))

    return [_outcome(flip, check) for flip in flips(store, cases, seed, of)]


def continued(
    begun: Path,
    generate: Callable[[Path, Callable[[str], None]], Any],
    whole: Path,
    cases: Iterable[int],
    seed: int,
) -> list[Outcome]:
    """What `generate(path, on_note)` makes of a half-written store `begun` (the folder that ends with .part) with one
    flipped bit, compared with the store `whole` that was never interrupted.

    "mended": equal to it, with a note where files were made again; "refused": one sentence, and nothing under the final
    name; "different" is neither.
    """

    def check(flip: Flip) -> Outcome:
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "store.zarr"
            shutil.copytree(begun, path.with_name("store.zarr.part"))
            told: list[str] = []
            try:
                generate(path, told.append)
            except StbenchError as error:
                return Outcome(flip, "different" if path.exists() else "refused", str(error))
            wrong = difference(path, whole)
            return Outcome(flip, "different" if wrong else "mended", wrong or " ".join(told))

    return [_outcome(flip, check) for flip in flips(begun, cases, seed, lambda name: "lock" not in name)]


def difference(store: Path, whole: Path) -> str:
    """The first thing in which a store differs from one that was never interrupted; nothing where none does.

    Every byte counts but the time in `history`, and with it the two checksums of the file it stands in.
    """
    here, there = _files(store), _files(whole)
    if odd := sorted(here.keys() ^ there.keys()):
        return f"only one of them has {odd[0]}"
    for name in sorted(here.keys() - {ROOT, OWN_FILE}):
        if here[name] != there[name]:
            return f"{name} has other bytes"
    if _timeless(here) != _timeless(there):
        return "their metadata differ"
    report = verify(store)
    return "" if report.ok else f"verify says {report.damaged[0]}"


def _files(store: Path) -> dict[str, bytes]:
    return {each.relative_to(store).as_posix(): each.read_bytes() for each in store.rglob("*") if each.is_file()}


def _timeless(files: dict[str, bytes]) -> Any:
    root, own = json.loads(files[ROOT]), json.loads(files[OWN_FILE])
    del root["attributes"]["history"], own["attributes"]["own"], own["attributes"]["files"][ROOT]
    return root, own


def _outcome(flip: Flip, check: Callable[[Flip], Outcome]) -> Outcome:
    try:
        with at_most(PATIENCE_SECONDS):
            return check(flip)
    except TooLong:
        return Outcome(flip, "hang")
    except Exception:
        return Outcome(flip, "traceback", traceback.format_exc())


def summary(outcomes: Iterable[Outcome]) -> Counter[str]:
    return Counter(each.kind for each in outcomes)


def bad(outcomes: Iterable[Outcome]) -> list[Outcome]:
    return [each for each in outcomes if each.kind not in GOOD]
