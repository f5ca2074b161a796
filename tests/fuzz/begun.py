"""Small stores: whole, interrupted after two shards, and stopped before the rename at the end."""

from __future__ import annotations

import functools
import os
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any
from unittest import mock

from toy_dataset import toy

from stbench.contract.datasets import Blueprint
from stbench.store.build import resolve
from stbench.store.writer import generate

SETTINGS = {
    "waveeq-100": {"sequences": 5},
    "moving-mnist": {"sequences": 5, "frames": 12, "train_sequences": 3, "val_sequences": 2},
}


@functools.cache
def blueprint(name: str) -> Blueprint:
    if name == "toy":
        return toy(6, per_shard=2)
    found = resolve(name, SETTINGS[name], "procedural" if name == "waveeq-100" else "simulated")
    # Several small shards: some are there when the work is interrupted, and a chunk must not be larger than one.
    chunks = {key: replace(each, chunk=(1, *each.chunk[1:])) for key, each in found.variables.items()}
    return replace(found, variables=chunks, sequences_per_shard=2)


@dataclass(frozen=True)
class Case:
    plan: Blueprint
    whole: Path
    """A store that was never interrupted."""
    begun: Path
    """The folder of one that was, after two shards."""
    finishing: Path
    """The folder of one that was when all was written, and not yet renamed: every array is there."""

    def go_on(self, path: Path, on_note: Callable[[str], None] | None = None) -> None:
        generate(self.plan, path, workers=1, on_note=on_note)


def case_of(name: str, folder: Path) -> Case:
    plan = blueprint(name)
    whole = generate(plan, folder / "whole.zarr", workers=1).path
    return Case(plan, whole, interrupted(plan, folder / "begun.zarr"), stopped_at_the_end(plan, folder / "end.zarr"))


def interrupted(plan: Blueprint, path: Path) -> Path:
    made: list[int] = []

    def produce(first: int, last: int) -> Any:
        if len(made) == 2:
            raise KeyboardInterrupt
        made.append(first)
        return plan.produce(first, last)

    with suppress(KeyboardInterrupt):
        generate(replace(plan, produce=produce), path, workers=1)
    return path.with_name(path.name + ".part")


def stopped_at_the_end(plan: Blueprint, path: Path) -> Path:
    with mock.patch.object(os, "rename", side_effect=KeyboardInterrupt), suppress(KeyboardInterrupt):
        generate(plan, path, workers=1)
    return path.with_name(path.name + ".part")
