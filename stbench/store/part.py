"""A store that is still growing: the folder `<path>.part`, renamed away in one step when it is complete.

lock, lease   held by the process that generates (`stbench.locks`)
plan.json     what is generated (`stbench.store.plan`); written when store/ has its empty arrays
store/        the growing store
done/N.npz    shard N is on disk: its digests, moments, gathered values, file sizes and checksums

A marker begins with the SHA-256 of its number and of what follows, an npz file.
"""

from __future__ import annotations

import hashlib
import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from stbench.contract.datasets import canonical_json
from stbench.documents import Unreadable, read_bytes
from stbench.errors import StbenchError
from stbench.files import is_partial, remove_locked, sync, write_bytes
from stbench.locks import is_of_lock
from stbench.store.digest import file_damage
from stbench.store.layout import Layout
from stbench.store.plan import FILE, Plan

SUFFIX = ".part"
CONTENT = {FILE, "store", "done"}
LARGEST_MARKER = 1 << 30
CHECKSUM_BYTES = 32


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

    def plan(self) -> Plan | None:
        """What was begun here, None where nothing was. `StbenchError` where that is damaged, and where the folder holds
        something else."""
        file = self.folder / FILE
        try:
            return Plan.read(file)
        except FileNotFoundError:
            pass
        except (OSError, Unreadable) as error:
            reason = error if isinstance(error, Unreadable) else error.strerror
            raise StbenchError(
                f"{file} is damaged, or of an earlier stbench ({reason}), so that what was begun there is not known: "
                f"delete {self.folder}, then the same command begins again"
            ) from None
        self.check_own()
        return None

    def check_own(self) -> None:
        """`StbenchError` where something else lies in the folder, and nothing was begun in it."""
        try:
            foreign = sorted(each.name for each in self.folder.iterdir() if not _is_own(each))
        except (FileNotFoundError, NotADirectoryError):
            return
        if foreign and not (self.folder / FILE).exists():
            raise StbenchError(
                f"{self.folder}, where {self.path} would grow, holds something else ({foreign[0]}): move it away or "
                "choose another --out"
            )

    def is_left_by(self, identity: Mapping[str, Any]) -> bool:
        """Whether there is something, and all of it is of the store of this identity, or of one that was not yet
        begun."""
        try:
            begun = self.plan()
        except StbenchError:
            return False
        same = begun is None or canonical_json(begun.identity) == canonical_json(identity)
        return same and self.folder.is_dir()

    def begin(self, plan: Plan) -> None:
        """Record what is generated here; the empty store is there already."""
        (self.folder / "done").mkdir(exist_ok=True)
        plan.write(self.folder / FILE)

    def record(self, shard: int, arrays: Mapping[str, np.ndarray]) -> None:
        """Leave the done-marker of a shard whose files are on disk."""
        buffer = io.BytesIO()
        np.savez(buffer, **arrays)  # type: ignore[arg-type]
        write_bytes(self.marker(shard), _marker_checksum(shard, buffer.getvalue()) + buffer.getvalue())

    def recorded(self, shard: int) -> dict[str, np.ndarray]:
        """What the done-marker of a shard says. `Unreadable` where its bytes have changed, and OSError."""
        content = read_bytes(self.marker(shard), LARGEST_MARKER)
        checksum, arrays = content[:CHECKSUM_BYTES], content[CHECKSUM_BYTES:]
        if _marker_checksum(shard, arrays) != checksum:
            raise Unreadable("its bytes have changed")
        with np.load(io.BytesIO(arrays), allow_pickle=False) as found:
            return dict(found)

    def forget(self, shards: Sequence[int]) -> None:
        """Remove the done-markers of shards: they are made again when the work goes on."""
        for shard in shards:
            self.marker(shard).unlink(missing_ok=True)
        if shards:
            sync(self.folder / "done")

    def marked(self) -> list[int]:
        """Shards that have a marker, ascending; one listing of a folder, however many there are in all."""
        names = [each.stem for each in (self.folder / "done").glob("*.npz")]
        return sorted(int(name) for name in names if name.isdecimal())

    def damage(self, shard: int, layout: Layout) -> str:
        """What is wrong with a shard that has a marker: its marker or its files; nothing where all are as recorded."""
        marker = self.marker(shard)
        try:
            checksums = self.recorded(shard)["checksums"]
        except Unreadable as error:
            return f"{marker.relative_to(self.folder)}: {error}"
        except OSError as error:
            return f"{marker.relative_to(self.folder)}: it cannot be read ({error.strerror})"
        for name, checksum in zip(layout.sharded, checksums, strict=True):
            if wrong := file_damage(self.store, layout.shard_file(name, shard), checksum.tobytes()):
                return wrong
        return ""

    def remove(self) -> None:
        remove_locked(self.folder)


def _marker_checksum(shard: int, content: bytes) -> bytes:
    return hashlib.sha256(b"%d:" % shard + content).digest()


def _is_own(path: Path) -> bool:
    return path.name in CONTENT or is_of_lock(path.name) or is_partial(path)
