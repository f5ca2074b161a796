"""Sequences of the store, the split, and the clips that are evaluated.

    sequence = every n-th photograph of a take, from its first one

split=subject   26 subjects train (the last three of them val), 26 test, as published
split=clip      takes of all subjects in all parts, as in the MoCoGAN line: 72 % train, 8 % val, 20 % test
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from stbench.contract.datasets import Split
from stbench.errors import StbenchError, nearest

from .index import EXPRESSIONS, SUBJECTS, Take, part_of

PARTS = ("train", "val", "test")
TEST_SHARE, VAL_SHARE = 0.2, 0.08
CLIP_RULES = ("drawn", "middle")


class Recorded(NamedTuple):
    """A take, the number of its photographs and the number in the name of the first one."""

    take: Take
    photographs: int
    first_frame: int


def ordered(takes: Sequence[Recorded]) -> tuple[Recorded, ...]:
    """By part of the split by subject, subject, expression, session, take."""

    def key(each: Recorded) -> tuple[int, str, int, int]:
        take = each.take
        return PARTS.index(part_of(take.subject)), take.subject, EXPRESSIONS.index(take.expression), take.session

    return tuple(sorted(takes, key=key))


def length(photographs: int, every: int) -> int:
    """Frames of a sequence."""
    return -(-photographs // every)


def split_by_subject(takes: Sequence[Recorded], canonical: bool) -> Split:
    """`mug/1` where all 52 subjects are there with the default settings; `StbenchError` where a part would be empty."""
    parts = [part_of(each.take.subject) for each in takes]
    ranges = {part: _runs([i for i, each in enumerate(parts) if each == part]) for part in PARTS}
    if empty := [part for part in PARTS if not ranges[part]]:
        some = {part: [each for each in SUBJECTS if part_of(each) == part][:2] for part in empty}
        raise StbenchError(
            f"with these subjects mug has nothing for {' and '.join(empty)}: add some, like "
            f"{' and '.join(','.join(each) for each in some.values())}, or take split=clip"
        )
    every_one = {each.take.subject for each in takes} == set(SUBJECTS)
    return Split("mug/1" if canonical and every_one else "mug/by-subject-1", len(takes), ranges)


def split_by_clip(takes: Sequence[Recorded]) -> Split:
    """Takes in the order of the SHA-256 of their folder's name: first 20 % test, then 8 % val, the rest train."""
    n = len(takes)
    if n < 3:
        raise StbenchError(f"{n} takes cannot be split in train, val and test: choose more subjects or expressions")
    order = sorted(range(n), key=lambda i: hashlib.sha256(takes[i].take.folder.encode()).digest())
    test, val = max(1, round(TEST_SHARE * n)), max(1, round(VAL_SHARE * n))
    chosen = {"train": order[test + val :], "val": order[test : test + val], "test": order[:test]}
    return Split("mug/by-clip-1", n, {part: _runs(sorted(chosen[part])) for part in PARTS})


def _runs(indices: Sequence[int]) -> tuple[tuple[int, int], ...]:
    """Consecutive numbers as half-open ranges."""
    runs: list[tuple[int, int]] = []
    for index in indices:
        if runs and runs[-1][1] == index:
            runs[-1] = (runs[-1][0], index + 1)
        else:
            runs.append((index, index + 1))
    return tuple(runs)


def evaluation_clips(
    row_size: np.ndarray, split: Split, frames: int = 16, rule: str = "drawn", part: str = "test"
) -> tuple[str, np.ndarray, np.ndarray]:
    """The clips a generation protocol is evaluated on: one of each sequence of a part that is long enough.

    rule "drawn": first frame = w mod (row_size - frames + 1), w the first 64 bits of PCG64(SeedSequence(0,
    spawn_key=(sequence,))): any place of the take, as published (rest, onset, apex and offset occur).
    rule "middle": first frame = (row_size - frames) // 2: around the apex.

    Gives the citable id of the clip index ("mug/clips-16-drawn-1"), sequences (n,) and first frames (n,), int64.
    Raises `StbenchError` for an unknown rule, or where no sequence is that long.
    """
    if rule not in CLIP_RULES:
        raise StbenchError(f"there is no clip rule '{rule}': {nearest(rule, CLIP_RULES)}")
    if frames < 1:
        raise StbenchError(f"a clip has at least 1 frame, not {frames}")
    sequences = split.indices(part).astype(np.int64)
    sequences = sequences[row_size[sequences] >= frames]
    if not len(sequences):
        raise StbenchError(f"no sequence of the part '{part}' has {frames} frames: ask for shorter clips")
    places = row_size[sequences] - frames + 1
    if rule == "middle":
        first = (places - 1) // 2
    else:
        words = [np.random.PCG64(np.random.SeedSequence(0, spawn_key=(int(i),))).random_raw() for i in sequences]
        first = np.array([int(word) % int(n) for word, n in zip(words, places, strict=True)])
    return f"mug/clips-{frames}-{rule}-1", sequences, first.astype(np.int64)
