"""Mutated raw files end as the same values or in a sentence that names them; and the fuzz sees where they do not."""

from __future__ import annotations

import logging
import os
import time
from pathlib import Path

import importers
import pytest
import watch
from importers import begin, once, prepared
from raw_files import BY_NAME, IMPORTERS
from watch import GOOD, Case, Outcome, run

from stbench.errors import StbenchError

AS_BEFORE = ("as before", frozenset[str]())
CHEAP = ("taxibj", "sst netCDF-3")


def findings(outcomes: list[Outcome]) -> str:
    return "\n".join(f"{each.subject}/{each.seed}/{each.case} {each}" for each in outcomes if each.kind not in GOOD)


@pytest.mark.slow
@pytest.mark.parametrize("name", [each.name for each in IMPORTERS])
def test_raw_files_with_any_damage_are_refused_or_read_as_what_they_hold(name: str, tmp_path: Path) -> None:
    found = list(run(begin, name, range(50), seed=1, scratch=tmp_path))
    assert len(found) == 50
    assert not findings(found)


@pytest.mark.parametrize("name", CHEAP)
def test_some_damage_to_raw_files_is_refused_or_read_as_what_they_hold(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("STBENCH_DATA", str(tmp_path / "data"))
    monkeypatch.delenv("STBENCH_RAW", raising=False)
    importer = BY_NAME[name]
    expected = prepared(importer, tmp_path / "good")
    found = [once(importer, tmp_path / "good", expected, k, 2, tmp_path / f"case-{k}") for k in range(6)]
    assert not findings(found)
    assert importers.value_of(importer, tmp_path / "good") == expected[0]


def small(tmp_path: Path) -> Path:
    (tmp_path / "good").mkdir(parents=True)
    (tmp_path / "good" / "BJ_Holiday.txt").write_text("20130701\n")
    return tmp_path / "good"


@pytest.mark.parametrize(
    ("kind", "does"),
    [
        ("same", lambda folder: "as before"),
        ("different", lambda folder: "other"),
        ("refused", lambda folder: _raise(StbenchError(f"{folder} is damaged"))),
        ("vague", lambda folder: _raise(StbenchError("a file is damaged"))),
        ("vague", lambda folder: _raise(StbenchError(f"{folder} is\ndamaged"))),
        ("traceback", lambda folder: _raise(KeyError("time"))),
        ("hang", lambda folder: time.sleep(5)),
    ],
)
def test_each_end_of_a_case_is_called_by_its_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: str, does: object
) -> None:
    monkeypatch.setattr(importers, "value_of", lambda importer, folder: does(folder))
    monkeypatch.setattr(watch, "SECONDS", 1)
    found = once(BY_NAME["taxibj"], small(tmp_path), AS_BEFORE, 0, 0, tmp_path / "case")
    assert found.kind == kind
    assert (found.kind in GOOD) == (kind in ("same", "different", "refused"))


def test_much_memory_for_little_files_is_a_finding(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Memory is the most there ever was, so another test may have had it all: any is too much here."""
    monkeypatch.setattr(importers, "value_of", lambda importer, folder: "as before")
    monkeypatch.setattr(watch, "MOST_MORE_BYTES", -1)
    assert once(BY_NAME["taxibj"], small(tmp_path), AS_BEFORE, 0, 0, tmp_path / "case").kind == "allocation"


def test_other_values_in_a_format_with_checksums_are_a_finding(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importers, "value_of", lambda importer, folder: "other")
    monkeypatch.setattr(importers, "mutate", lambda importer, folder, draw: ("a bit", False))
    assert once(BY_NAME["sprites"], small(tmp_path), AS_BEFORE, 0, 0, tmp_path / "case").kind == "silent"


def test_other_values_with_a_note_that_is_new_are_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def value(importer: object, folder: Path) -> str:
        logging.getLogger("stbench.taxibj").warning("note: %s has fewer days", folder)
        return "other"

    monkeypatch.setattr(importers, "value_of", value)
    for before, kind in (("note: RAW has holes", "told"), ("note: RAW has fewer days", "different")):
        case = tmp_path / kind
        found = once(BY_NAME["taxibj"], small(tmp_path / kind), ("as before", frozenset({before})), 0, 0, case / "case")
        assert found.kind == kind


def _raise(error: Exception) -> None:
    raise error


def begin_odd(name: str, seed: int, scratch: Path) -> Case:
    def attempt(case: int) -> Outcome:
        if case == 1:
            os._exit(3)
        if case == 2:
            time.sleep(60)
        return Outcome(name, case, seed, "", "same")

    return attempt


def test_a_case_that_kills_or_stops_its_process_is_a_finding_and_the_next_one_goes_on(tmp_path: Path) -> None:
    found = list(run(begin_odd, "odd", range(4), seed=0, scratch=tmp_path, seconds=1))
    assert [(each.case, each.kind) for each in found] == [(0, "same"), (1, "crash"), (2, "hang"), (3, "same")]
