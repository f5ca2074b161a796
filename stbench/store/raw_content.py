"""A store is made from one content of its raw files: looked at before it is begun, when it goes on, and at its end.

A file that holds what it held, but has other times, may have been another one in between. The shards that were made
meanwhile are doubtful: they are made again, and the plan gets the new times (`stbench.raw.content.touched`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from stbench.contract.datasets import Blueprint
from stbench.errors import StbenchError
from stbench.raw.content import Seen, difference, read_content
from stbench.store.part import Part
from stbench.store.plan import Plan


def content_before(blueprint: Blueprint, part: Part, begun: Plan | None) -> dict[str, Seen]:
    """What the raw files hold, looked at to the end before a store is begun; `StbenchError` where they are damaged, or
    not as they were when it was begun."""
    try:
        if begun and blueprint.raw_files and (content := _as_begun(blueprint.raw_files(), begun)):
            return content
        if blueprint.prepare:
            blueprint.prepare()
        content = read_content(blueprint.raw_files()) if blueprint.raw_files else {}
    except StbenchError:
        if begun is None:  # leave no trace of a store that was never begun
            part.remove()
        raise
    if begun:
        # The run that wrote the shards was interrupted before it looked at the raw files once more.
        _check_same(begun, content, part, part.marked())
    return content


def content_after(blueprint: Blueprint, part: Part, plan: Plan, made: Sequence[int]) -> dict[str, Seen]:
    """What the raw files hold when the shards `made` of them are there; `StbenchError` where it is something else than
    when the store was begun."""
    content = read_content(blueprint.raw_files(), plan.raw) if blueprint.raw_files else {}
    _check_same(plan, content, part, made)
    return content


def note_of_touched(file: str, part: Part) -> str:
    """The sentence about a raw file of other times."""
    return (
        f"{file}, a raw file of {part.path}, was written to or moved since shards were made from it, and may have held "
        "something else in between: they are made again"
    )


def touched_again(file: str, part: Part) -> StbenchError:
    """What is said where that happened once more while they were."""
    return StbenchError(
        f"{file}, a raw file of {part.path}, was written to or moved while shards were made from it, and again while "
        "they were made once more: let it lie as it is, then run the same command again"
    )


def _check_same(plan: Plan, content: Mapping[str, Seen], part: Part, doubtful: Sequence[int]) -> None:
    """`Plan.check_same_raw`; where it refuses, `doubtful` shards, perhaps of the other content, are to be made
    again."""
    try:
        plan.check_same_raw(content, part.path, part.folder)
    except StbenchError:
        part.forget(doubtful)
        raise


def _as_begun(paths: Sequence[Path], begun: Plan) -> dict[str, Seen]:
    """What the raw files hold where that is what they held, so that they need not be looked at again; else nothing."""
    try:
        content = read_content(paths, begun.raw) if begun.raw else {}
    except StbenchError:  # whoever looks at them says what is wrong
        return {}
    return {} if difference(begun.raw, content) else content
