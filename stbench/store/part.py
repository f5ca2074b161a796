"""A store that is still growing: the folder `<path>.part`, renamed away in one step when it is complete.

lock, lease   held by the process that generates (`stbench.locks`)
plan.json     identity and layout; written when store/ has its empty arrays
store/        the growing store
done/N.npz    shard N is on disk: its digests, moments, gathered values, file sizes and checksums
"""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from stbench.contract.datasets import Coordinate, canonical_json
from stbench.errors import StbenchError
from stbench.files import is_partial, remove_locked, write_bytes
from stbench.locks import is_of_lock
from stbench.store.layout import Layout, create

SUFFIX = ".part"
CONTENT = {"plan.json", "store", "done"}


@dataclass(frozen=True)
class Part:
    path: Path
    """Final path of the store."""

    @property
    def folder(self) -> Path:
        return self.path.with_name(self.path.name + SUFFIX)

    @property
    def store(self) -> Path:
        return self.folder / "store"

    def marker(self, shard: int) -> Path:
        return self.folder / "done" / f"{shard:07d}.npz"

    def begin(self, identity: Mapping[str, Any], layout: Layout, coordinates: Mapping[str, Coordinate]) -> None:
        """Lay out an empty store, or make sure that the one begun here is of the same identity and layout."""
        plan = {"identity": identity, "layout": layout.describe()}
        file = self.folder / "plan.json"
        if file.exists():
            self._compare(json.loads(file.read_text()), plan)
            return
        if foreign := sorted(each.name for each in self.folder.iterdir() if not _is_own(each)):
            raise StbenchError(
                f"{self.folder}, where {self.path} would grow, holds something else ({foreign[0]}): move it away or "
                "choose another --out"
            )
        create(self.store, layout, coordinates)
        (self.folder / "done").mkdir(exist_ok=True)
        write_bytes(file, canonical_json(plan).encode())

    def _compare(self, begun: Mapping[str, Any], plan: Mapping[str, Any]) -> None:
        remedy = f"finish it as it was begun, choose another --out, or delete {self.folder}"
        if canonical_json(begun["identity"]) != canonical_json(plan["identity"]):
            difference = describe_difference(begun["identity"], plan["identity"])
            raise StbenchError(f"{self.path} was begun with other parameters ({difference}): {remedy}")
        if canonical_json(begun["layout"]) != canonical_json(plan["layout"]):
            raise StbenchError(
                f"{self.path} was begun by a version of stbench that lays out shards otherwise: {remedy}"
            )

    def record(self, shard: int, arrays: Mapping[str, np.ndarray]) -> None:
        """Leave the done-marker of a shard whose files are on disk."""
        buffer = io.BytesIO()
        np.savez(buffer, **arrays)  # type: ignore[arg-type]
        write_bytes(self.marker(shard), buffer.getvalue())

    def recorded(self, shard: int) -> dict[str, np.ndarray]:
        """What the done-marker of a shard says."""
        with np.load(self.marker(shard), allow_pickle=False) as content:
            return dict(content)

    def marked(self) -> list[int]:
        """Shards that have a marker, ascending; one listing of a folder, however many there are in all."""
        names = [each.stem for each in (self.folder / "done").glob("*.npz")]
        return sorted(int(name) for name in names if name.isdecimal())

    def is_done(self, shard: int, layout: Layout) -> bool:
        """Whether a shard has a readable marker and files of the recorded size."""
        try:
            sizes = self.recorded(shard)["sizes"]
            return all(
                (self.store / layout.shard_file(name, shard)).stat().st_size == size
                for name, size in zip(layout.sharded, sizes, strict=True)
            )
        except (OSError, ValueError, KeyError, zipfile.BadZipFile):
            return False

    def remove(self) -> None:
        remove_locked(self.folder)


def _is_own(path: Path) -> bool:
    return path.name in CONTENT or is_of_lock(path.name) or is_partial(path)


def describe_difference(there: Mapping[str, Any], here: Mapping[str, Any]) -> str:
    """The entries in which two identities differ: "sequences: 40 there, 300 here; seed: ..."."""
    flat = [{**each, **each["parameters"]} for each in (there, here)]
    keys = sorted((flat[0].keys() | flat[1].keys()) - {"parameters"})
    pairs = [(key, *(json.dumps(each.get(key)) for each in flat)) for key in keys]
    return "; ".join(f"{key}: {old} there, {new} here" for key, old, new in pairs if old != new)
