"""Mutated checkpoints and records end in what they are worth, or in a sentence that names the file."""

from __future__ import annotations

from pathlib import Path

import pytest
from records import BAD, campaign, checkpoint_subject, run_subjects


@pytest.mark.slow
def test_mutated_checkpoints_and_records_end_in_a_sentence_or_change_nothing(tmp_path: Path) -> None:
    found = campaign([checkpoint_subject(tmp_path), *run_subjects(tmp_path)], range(50), seed=1, scratch=tmp_path)
    assert [each for each in found if each.kind in BAD] == []
    assert [each for each in found if each.subject == "checkpoint" and each.kind == "other"] == []
