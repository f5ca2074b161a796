"""Published records hold, and what holds them can tell."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

import pytest

from stbench.boards.checking import check
from stbench.boards.consistency import numbers
from stbench.boards.entry import Entry
from stbench.boards.publishing import find_runs, read_entry, readable

PUBLISHED = Path(__file__).parents[2] / "leaderboards"


def test_published_records_hold() -> None:
    """The oldest and the newest of each track: what `make check-rows` asks of all."""
    known = readable(PUBLISHED)
    assert len(known) == len(find_runs(PUBLISHED / "records"))
    chosen: dict[Any, list[Entry]] = {}
    for entry in sorted(known, key=lambda each: each.record.finished):
        chosen.setdefault((entry.record.preset, entry.record.track.id), []).append(entry)
    ends = [group[k] for group in chosen.values() for k in {0, len(group) - 1}]
    refused = {each.folder: found for each in ends if (found := check(each.folder, known, out=PUBLISHED).findings)}
    assert refused == {}


@pytest.mark.parametrize(("wider", "held"), [(0.01, True), (-0.01, False)])
def test_the_interval_of_what_a_judge_says_may_be_wider_than_its_clusters_give(wider: float, held: bool) -> None:
    folder = next(PUBLISHED.glob("records/cpu/sprites/exchange-8/dsvae/*"))
    entry = read_entry(folder)
    cell = next(row for row in entry.rows if row.metric == "judge_action_accuracy")
    other = dataclasses.replace(cell, ci_low=cell.ci_low - wider, ci_high=cell.ci_high + wider)
    changed = dataclasses.replace(entry, rows=tuple(other if row == cell else row for row in entry.rows))
    found = [*numbers(changed, None, ())]
    assert (found == []) == held, found
