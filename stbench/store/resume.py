"""What of a store that was begun is as it was written: the rest is made again before the work goes on.

A shard is compared with its marker, the marker with its own checksum. Coordinates and the metadata of arrays are
compared with what the blueprint gives, written once more.
"""

from __future__ import annotations

import hashlib
import os
import shutil
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from stbench.contract.datasets import Coordinate, canonical_json
from stbench.documents import parse_json
from stbench.errors import StbenchError
from stbench.files import is_partial, partial_name, sync, sync_tree, take_place
from stbench.store.layout import INTEGRITY, Layout, create
from stbench.store.part import Part

METADATA = "zarr.json"


def sound_shards(part: Part, layout: Layout, workers: int | None) -> tuple[set[int], list[str]]:
    """Shards that have a marker and are as it says, and what is wrong with each other that has one."""
    marked = [shard for shard in part.marked() if shard < layout.n_shards]
    with ThreadPoolExecutor(workers or os.cpu_count()) as pool:
        found = dict(zip(marked, pool.map(lambda shard: part.damage(shard, layout), marked), strict=True))
    return {shard for shard, wrong in found.items() if not wrong}, [wrong for wrong in found.values() if wrong]


def lay_out(
    part: Part, layout: Layout, coordinates: Mapping[str, Coordinate], check: Callable[[Mapping[str, str]], None]
) -> tuple[dict[str, str], list[str]]:
    """Write the empty store, or what of it is not as the blueprint says; shards are left alone.

    Gives the checksum of each sharded array's metadata and the names of files that were made again. `check` is called
    with the checksums before anything is changed. `StbenchError` for a file in the store that is none of its own.
    """
    fresh = partial_name(part.folder / "layout")
    try:
        create(fresh, layout, coordinates)
        arrays = {name: _array_checksum(fresh / name / METADATA) for name in layout.sharded}
        check(arrays)
        if not part.store.exists():
            sync_tree(fresh)
            take_place(fresh, part.store)
            return arrays, []
        return arrays, _mend(part.store, fresh, layout)
    finally:
        shutil.rmtree(fresh, ignore_errors=True)


def _mend(store: Path, fresh: Path, layout: Layout) -> list[str]:
    """Replace what differs in `store` by what is in `fresh`, an empty store; the names of what was replaced."""
    _check_belongs(store, fresh, layout)
    damaged = []
    for file in sorted(each for each in fresh.rglob("*") if each.is_file()):
        name = file.relative_to(fresh).as_posix()
        # The group's own metadata are written anew when the store is finished, which may have been interrupted.
        if name != METADATA:
            if _is_same(store / name, file):
                continue
            damaged.append(f"{name}: it is not as the dataset says")
        (store / name).parent.mkdir(parents=True, exist_ok=True)
        sync(file)
        take_place(file, store / name)
    return damaged


def _check_belongs(store: Path, fresh: Path, layout: Layout) -> None:
    later = (INTEGRITY, *layout.gathered)  # written when the store is finished
    for file in store.rglob("*"):
        name = file.relative_to(store).as_posix()
        known = file.is_dir() or name.partition("/")[0] in later or (fresh / name).exists()
        if not (known or layout.is_shard(name) or is_partial(file) or name.endswith(".partial")):
            raise StbenchError(f"{file} does not belong to the store that grows there: move it away")


def _is_same(file: Path, fresh: Path) -> bool:
    return file.is_file() and file.stat().st_size == fresh.stat().st_size and file.read_bytes() == fresh.read_bytes()


def _array_checksum(file: Path) -> str:
    """Of how an array's shards are read: its metadata without what only describes it."""
    metadata = parse_json(file.read_bytes())
    metadata.pop("attributes", None)
    return hashlib.sha256(canonical_json(metadata).encode()).hexdigest()


def note_of(damaged: Sequence[str], part: Part) -> str:
    """The sentence about what was found damaged."""
    more = f" and {len(damaged) - 1:,} more" if len(damaged) > 1 else ""
    return f"{part.folder} was damaged ({damaged[0]}{more}): what was damaged is made again"
