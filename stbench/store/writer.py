"""Generates a store from a blueprint: in parallel, resumable at any moment, complete or not there at all.

begin ──▶ shards, in any order, each with its done-marker ──▶ finish: tables, attributes ──▶ one rename
"""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np

import stbench
from stbench.arguments import new_place
from stbench.contract.datasets import Blueprint, canonical_json
from stbench.documents import Unreadable
from stbench.errors import Damaged, StbenchError
from stbench.files import storage_errors, sync
from stbench.locks import locked
from stbench.raw.content import Seen, content_attributes, touched
from stbench.store import integrity
from stbench.store.cards import card_attributes
from stbench.store.digest import combine
from stbench.store.engine import check_scheduler, reach_scheduler, run_tasks
from stbench.store.layout import INTEGRITY, ROW_SIZE, Layout, consolidate, layout_of, variable_attributes, write_whole
from stbench.store.part import Part
from stbench.store.plan import Plan, describe_difference
from stbench.store.raw_content import content_after, content_before, note_of_touched, touched_again
from stbench.store.reader import Store, check_files, open_store
from stbench.store.resume import lay_out, note_of, sound_shards
from stbench.store.shard import ShardJob
from stbench.store.statistics import by_part
from stbench.store.texts import FORMAT, as_texts, store_format

SHRINKS_WHOLE = 255
"""What lz4 can save at most, of frames that are black for the most part say."""
SHRINKS_FLOATS = 4
"""What shuffled lz4 hardly saves of floating point: about 2.2 of wave frames (`stbench.store.layout`)."""


def generate(
    blueprint: Blueprint,
    path: Path,
    *,
    workers: int | None = None,
    scheduler: str | None = None,
    on_progress: Callable[[int, int], None] | None = None,
    on_note: Callable[[str], None] | None = None,
    waiting: Callable[[str], None] | None = None,
) -> Store:
    """Write the store of a blueprint to `path` and open it.

    A finished store of the same identity is opened at once; an interrupted one goes on where it stopped. `workers`
    defaults to the number of cores, `scheduler` is "threads" (default), "processes" or the address of a running Dask
    cluster that sees the same files. At most `workers` shards are in memory. `on_progress(sequences done, in all)`;
    `on_note(sentence)` where only compression can make the store fit on the disk. With `waiting`, another process that
    generates it is waited for, and `waiting(sentence)` says so.

    Raises `StbenchError` when `path` or what is half-written there is something else, when another process generates it
    right now and is not waited for, and when there is no space or permission; nothing is ever left half-written under
    `path`.
    """
    path = new_place(path)
    scheduler = scheduler or "threads"
    check_scheduler(scheduler)
    layout = layout_of(blueprint)
    part = Part(path)
    with storage_errors(path):
        if (finished := _finished(blueprint, path)) and not part.is_left_by(blueprint.identity):
            return finished
        part.check_own()
        reach_scheduler(scheduler)
        path.parent.mkdir(parents=True, exist_ok=True)
        with locked(part.folder, f"generating {path}", waiting=waiting) as check_held:
            if finished := _finished(blueprint, path):  # another process was faster, or died before it cleared up
                if part.is_left_by(blueprint.identity):
                    part.remove()
                return finished
            plan = _write_shards(blueprint, layout, part, workers, scheduler, on_progress, on_note or _silent)
            _finish(blueprint, layout, part, plan)
            check_held()
            os.rename(part.store, path)
            sync(path.parent)
            part.remove()
    return open_store(path)


def _finished(blueprint: Blueprint, path: Path) -> Store | None:
    """The store at `path` if it is this blueprint's, None if there is nothing; `StbenchError` for anything else."""
    if not os.path.lexists(path):
        return None
    try:
        store = open_store(path)
    except Damaged:
        raise
    except StbenchError as error:
        raise StbenchError(f"there is something at {path} already: {error}; choose another --out") from None
    if store.fingerprint != blueprint.fingerprint:
        here = json.loads(canonical_json(blueprint.identity))
        difference = describe_difference({key: store.attributes[key] for key in here}, here)
        raise StbenchError(f"{path} already holds another store ({difference}): choose another --out or move it away")
    if store.split.digest != blueprint.split.digest:
        there, here = (f"'{each.id}' of digest {each.digest[:12]}" for each in (store.split, blueprint.split))
        raise StbenchError(
            f"{path} already holds this store with another split ({there} there, {here} here): choose another --out or "
            "move it away"
        )
    check_files(store)
    return store


def _silent(sentence: str) -> None:
    """Where nobody wants to be told."""


def _write_shards(
    blueprint: Blueprint,
    layout: Layout,
    part: Part,
    workers: int | None,
    scheduler: str,
    on_progress: Callable[[int, int], None] | None,
    on_note: Callable[[str], None],
) -> Plan:
    """Write every shard that is not there; what was begun here is looked at before, and before anything is written
    the raw files are."""
    begun, now = part.plan(), Plan(blueprint.identity, layout.describe(), {}, split=blueprint.split.digest)
    if begun:  # before anything else: what is of another store is neither read as this one nor removed
        begun.check_same_identity(now, blueprint.raw_files() if blueprint.raw_files else (), part.path, part.folder)
        arrays = {name: begun.arrays.get(name, "") for name in layout.sharded}
        begun.check_same_layout(replace(now, arrays=arrays), part.path, part.folder)
    there, damaged = sound_shards(part, layout, workers) if begun else (set[int](), list[str]())
    done = sum(last - first for first, last in map(layout.span, there))
    whole = len(there) == layout.n_shards
    # Before anything that takes a time or a memory for every shard: there may be 10^8 of them.
    if not whole and (remark := _check_space(layout, part, begun, layout.n_sequences - done)):
        on_note(remark)

    def on_done(sequences: int) -> None:
        nonlocal done
        done += sequences
        if on_progress:
            on_progress(done, layout.n_sequences)

    on_done(0)
    needs_raw = not whole or blueprint.raw_files is not None
    plan, made_again = _begin(blueprint, layout, part, begun, now, needs_raw=needs_raw)
    if damaged := damaged + made_again:
        on_note(note_of(damaged, part))
    if begun and there and (file := touched(begun.raw, plan.raw)):
        on_note(note_of_touched(file, part))
        there = set()
        on_done(-done)
    missing, kept = [shard for shard in range(layout.n_shards) if shard not in there], done
    job = ShardJob(part, layout, blueprint.split.ranges, blueprint.produce)
    for last in (False, True):
        if not missing:
            return plan
        run_tasks(job, missing, workers, scheduler, on_done)
        raw = content_after(blueprint, part, plan, missing)
        if not (file := touched(plan.raw, raw)):
            return plan
        part.forget(missing)
        plan = replace(plan, raw=raw)
        part.begin(plan)
        if not last:
            on_note(note_of_touched(file, part))
            on_done(kept - done)
    raise touched_again(file, part)


def _begin(
    blueprint: Blueprint, layout: Layout, part: Part, begun: Plan | None, now: Plan, *, needs_raw: bool
) -> tuple[Plan, list[str]]:
    """Lay out an empty store, or make sure that the one begun here lies as `now` says and mend it: its plan, and what
    was damaged."""
    raw = dict(begun.raw) if begun else {}
    if needs_raw:
        raw = content_before(blueprint, part, begun)
    if begun is None:
        shutil.rmtree(part.store, ignore_errors=True)  # of a process that was killed before its plan was there
        shutil.rmtree(part.folder / "done", ignore_errors=True)

    def check(arrays: Mapping[str, str]) -> None:
        if begun:
            begun.check_same_layout(replace(now, arrays=arrays), part.path, part.folder)

    arrays, damaged = lay_out(part, layout, blueprint.coordinates, check)
    if begun and touched(begun.raw, raw):  # before the plan has the new times: the old ones say which are doubtful
        part.forget(part.marked())
    plan = replace(now, arrays=arrays, raw=raw)
    part.begin(plan)
    return plan, damaged


def _check_space(layout: Layout, part: Part, begun: Plan | None, sequences: int) -> str:
    """Refuse before any work what cannot fit, however well it is compressed; a remark where it may or may not fit."""
    needed = least = 0.0
    for name, variable in layout.variables.items():
        decoded = sequences * layout.sequence_bytes(name) * (1.0 - layout.padding_share(name))
        needed += decoded
        least += decoded / (SHRINKS_FLOATS if np.dtype(variable.dtype).kind == "f" else SHRINKS_WHOLE)
    free = shutil.disk_usage(part.folder).free
    if least > free:
        if begun is None:  # leave no trace of a store that was never begun
            part.remove()
        raise StbenchError(
            f"there is no space for {part.path}: it needs up to {needed / 1e9:.2f} GB and {part.folder.parent} has "
            f"{free / 1e9:.2f} GB free; free some or choose another --out"
        )
    if needed <= free:
        return ""
    return (
        f"{part.path} needs up to {needed / 1e9:.2f} GB, less what compression saves, and {part.folder.parent} has "
        f"{free / 1e9:.2f} GB free; should the disk get full, free some and give the same command"
    )


def _finish(blueprint: Blueprint, layout: Layout, part: Part, plan: Plan) -> None:
    """Write what is known only when every shard is there, and bring it to the disk. Can be interrupted and repeated."""
    import zarr

    shutil.rmtree(part.store / INTEGRITY, ignore_errors=True)  # of a finish that was interrupted
    group = zarr.open_group(part.store, mode="r+", use_consolidated=False)
    tables = _read_markers(layout, part)
    for name in layout.gathered:
        variable = layout.variables[name]
        attributes = variable_attributes(variable, blueprint.coordinates)
        write_whole(group, name, tables[f"values:{name}"], variable.dims, attributes)
    coordinates = {name: np.asarray(each.values) for name, each in blueprint.coordinates.items()}
    digest = combine((row.tobytes() for row in tables["digests"]), coordinates)
    group.attrs.put(root_attributes(blueprint, tables["moments"], digest, plan.raw))
    consolidate(part.store)
    for leftover in part.store.rglob("*.partial"):  # of a process killed while it wrote
        leftover.unlink()
    patterns = [layout.shard_pattern(name) for name in layout.sharded]
    integrity.write(part.store, patterns, tables["digests"], tables["checksums"])


def _read_markers(layout: Layout, part: Part) -> dict[str, np.ndarray]:
    """All markers in index order: digests (sequence, 32), checksums (variable, shard, 32), moments, gathered values."""
    tables: dict[str, np.ndarray] = {
        "digests": np.empty((layout.n_sequences, 32), np.uint8),
        "checksums": np.empty((len(layout.sharded), layout.n_shards, 32), np.uint8),
    }
    for name in layout.gathered:
        variable = layout.variables[name]
        tables[f"values:{name}"] = np.empty(variable.shape, variable.dtype)
    moments = []
    for shard in range(layout.n_shards):
        rows = slice(*layout.span(shard))
        try:
            marker = part.recorded(shard)
        except (OSError, Unreadable) as error:  # since it was looked at or written
            raise StbenchError(
                f"{part.marker(shard)} cannot be read ({error}): give the same command again, it makes that part again"
            ) from None
        tables["checksums"][:, shard] = marker.pop("checksums")
        moments.append(marker.pop("moments"))
        marker.pop("sizes")
        for key, values in marker.items():
            tables[key][rows] = values
    tables["moments"] = np.concatenate(moments)
    return tables


def root_attributes(blueprint: Blueprint, moments: np.ndarray, digest: str, raw: Mapping[str, Seen]) -> dict[str, Any]:
    """Everything a user of the store needs to know; texts, numbers and JSON texts, `ValueError` for a NaN in it."""
    card, split = blueprint.card, blueprint.split
    attributes = {
        "Conventions": "CF-1.11, ACDD-1.3",
        "title": card.title,
        "summary": card.summary,
        "keywords": card.keywords,
        "references": card.reference,
        "licence": card.licence,
        "citation": card.bibtex,
        "history": f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%SZ} stbench {stbench.__version__}: generated",
        "stbench_version": stbench.__version__,
        FORMAT: store_format(ROW_SIZE in blueprint.coordinates),
        **blueprint.identity,
        "fingerprint": blueprint.fingerprint,
        "digest": digest,
        "variables": {
            name: {"dims": each.dims, "shape": each.shape, "dtype": np.dtype(each.dtype).name}
            for name, each in sorted(blueprint.variables.items())
        },
        "normaliser": dict(blueprint.normaliser),
        "split": {"id": split.id, "n_sequences": split.n_sequences, "ranges": split.ranges, "digest": split.digest},
        "statistics": by_part(moments, split.ranges),
        "certificate": dict(blueprint.certificate()) if blueprint.certificate else {},
        "card": card_attributes(card),
        # Beside the fingerprint and not in it: the same values have the same name wherever their files come from.
        **({"raw_content": content_attributes(raw)} if raw else {}),
    }
    return as_texts(json.loads(canonical_json(attributes)))
