from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stbench.contract.datasets import Split
from stbench.errors import StbenchError
from stbench.splits.files import load_split, proportional_split


@settings(deadline=None, max_examples=50)
@given(st.integers(3, 5_000), st.floats(0, 0.6), st.floats(0, 0.39))
def test_proportional_parts_are_disjoint_cover_everything_and_are_never_empty(n: int, test: float, val: float) -> None:
    split = proportional_split("p", n, test, val)
    parts = [split.indices(part) for part in ("train", "val", "test")]
    assert np.array_equal(np.concatenate(parts), np.arange(n))
    assert min(map(len, parts)) >= 1
    if n > 100:
        assert abs(len(parts[2]) - test * n) <= 1
        assert abs(len(parts[1]) - val * n) <= 1


def test_three_hundred_sequences_are_split_like_the_published_ones() -> None:
    ranges = proportional_split("p", 300).ranges
    assert ranges == {"train": ((0, 216),), "val": ((216, 240),), "test": ((240, 300),)}


@pytest.mark.parametrize("n", [0, 1, 2])
def test_fewer_than_three_sequences_cannot_be_split(n: int) -> None:
    with pytest.raises(StbenchError, match="ask for at least 3"):
        proportional_split("p", n)


@pytest.mark.parametrize(("test", "val"), [(-0.1, 0.1), (0.6, 0.4), (0.2, -1)])
def test_shares_that_leave_nothing_to_train_on_are_a_programming_error(test: float, val: float) -> None:
    with pytest.raises(ValueError, match="leave nothing"):
        proportional_split("p", 10, test, val)


@pytest.fixture
def package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An importable package `toy_splits` for split files."""
    folder = tmp_path / "toy_splits"
    folder.mkdir()
    (folder / "__init__.py").touch()
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.delitem(sys.modules, "toy_splits", raising=False)
    return folder


CONTENT: dict[str, Any] = {
    "id": "toy/1",
    "dataset": "toy",
    "n_sequences": 5,
    "ranges": {"train": [[0, 2], [3, 4, 0, 10]], "test": [[4, 5]]},
    "digest": Split("toy/1", 5, {"train": ((0, 2), (3, 4, 0, 10)), "test": ((4, 5),)}).digest,
}


def test_a_split_file_is_read_with_its_digest(package: Path) -> None:
    (package / "toy-1.json").write_text(json.dumps(CONTENT))
    split = load_split("toy_splits", "toy-1.json")
    assert split == Split("toy/1", 5, {"train": ((0, 2), (3, 4, 0, 10)), "test": ((4, 5),)})


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (json.dumps(CONTENT | {"n_sequences": 6}), "says digest"),
        (json.dumps(CONTENT | {"ranges": {"train": [[0, 3]]}}), "says digest"),
        (json.dumps({"id": "x"}), "cannot be read"),
        ("{", "cannot be read"),
        (None, "cannot be read"),
    ],
)
def test_a_split_file_that_was_changed_or_is_missing_is_refused(package: Path, text: str | None, message: str) -> None:
    if text is not None:
        (package / "toy-1.json").write_text(text)
    with pytest.raises(StbenchError, match=message):
        load_split("toy_splits", "toy-1.json")
