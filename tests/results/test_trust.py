"""The ladder of trust: who scored a row, from what, and what nobody knows of its cost."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path
from typing import Any

import pytest
from made_records import make_record
from tables import main_rows, text_of_pages

from stbench.boards.leaderboard import build
from stbench.boards.publishing import find_runs, read_entry
from stbench.boards.ranking import boards
from stbench.errors import StbenchError
from stbench.results.record import ELSEWHERE, read_record
from stbench.results.trust import LADDER, Trust, least, trust_of


def test_the_ladder_has_five_rungs_and_a_row_stands_on_the_lowest_of_its_seeds() -> None:
    assert [str(each) for each in LADDER] == [
        "reported in a paper",
        "scored by the author",
        "scored here from predictions",
        "scored here on sealed tests",
        "trained here",
    ]
    assert [each.rung for each in LADDER] == [1, 2, 3, 4, 5]
    assert least([Trust.TRAINED, Trust.AUTHOR, Trust.PREDICTIONS]) is Trust.AUTHOR


def test_a_record_is_trained_here_unless_it_says_that_it_was_handed_in_or_was_made_elsewhere() -> None:
    assert trust_of(make_record()) is Trust.TRAINED
    assert trust_of(make_record(configuration=ELSEWHERE)) is Trust.PREDICTIONS
    assert trust_of(make_record(configuration=ELSEWHERE, trust=str(Trust.AUTHOR))) is Trust.AUTHOR
    assert trust_of(make_record(trust=str(Trust.PREDICTIONS))) is Trust.PREDICTIONS


def test_a_record_can_claim_no_rung_that_only_this_repository_gives(run: Any) -> None:
    folder = run(1.0, trust=str(Trust.AUTHOR))
    path = folder / "record.json"
    assert trust_of(read_record(folder)) is Trust.AUTHOR
    for claim in (Trust.TRAINED, Trust.SEALED, "best"):
        path.write_text(json.dumps(json.loads(path.read_text()) | {"trust": claim}))
        with pytest.raises(StbenchError, match="its field 'trust' is"):
            read_record(folder)


def test_a_record_of_a_run_made_here_does_not_hold_the_field(run: Any) -> None:
    assert "trust" not in json.loads((run(1.0) / "record.json").read_text())


def test_boards_show_the_rung_and_leave_blank_what_nobody_knows(tmp_path: Path, run: Any) -> None:
    run(1.0)
    run(2.0, model="mine", configuration=ELSEWHERE, training={"finished": True}, inference_seconds=None)
    # As records of before were written.
    zeros = {"steps": 0, "seconds": 0.0, "finished": True}
    run(3.0, model="older", configuration=ELSEWHERE, training=zeros, inference_seconds=None)
    run(4.0, model="sent", configuration=ELSEWHERE, training={"finished": True}, trust=str(Trust.AUTHOR))
    build(tmp_path / "runs", tmp_path / "out", page=tmp_path / "out" / "index.html")
    (table,) = (tmp_path / "out" / "quick").glob("waveeq-100*.csv")
    rows = main_rows(table)
    assert {name: row["trust"] for name, row in rows.items() if row["rank"]} == {
        "sepvar": "trained here",
        "mine": "scored here from predictions",
        "older": "scored here from predictions",
        "sent": "scored by the author",
    }
    unknown = ("train_steps", "train_seconds", "train_cpu_seconds", "budget_seconds", "device", "processor")
    for name in ("mine", "older", "sent"):
        assert {rows[name][column] for column in unknown} == {""}
        assert "made elsewhere" in rows[name]["note"]
    assert (rows["sepvar"]["train_steps"], rows["sepvar"]["train_seconds"]) == ("5", "1.5")
    page = text_of_pages(tmp_path / "out" / "index.html")
    for rung in (Trust.TRAINED, Trust.PREDICTIONS, Trust.AUTHOR):
        assert f"</span> {rung}</span>" in page
    assert ">0 s<" not in page


def test_a_line_of_several_seeds_has_the_mean_of_the_costs_that_are_known(tmp_path: Path, run: Any) -> None:
    for seed, seconds in ((0, 1.0), (1, 3.0)):
        run(1.0, seed=seed, training={"steps": 5, "finished": True, "seconds": seconds})
    entries = [read_entry(each) for each in find_runs(tmp_path / "runs")]
    (line,) = boards(entries)[0].blocks[0].lines
    assert (line.train_seconds, line.train_cpu_seconds) == (2.0, None)
    sent = dataclasses.replace(entries[0].record, trust=str(Trust.AUTHOR))
    line = dataclasses.replace(line, entries=(dataclasses.replace(entries[0], record=sent), entries[1]))
    assert line.trust is Trust.AUTHOR
