from __future__ import annotations

import dataclasses
import json
import math
import re
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stbench.errors import StbenchError
from stbench.results.record import FORMAT, RunRecord, environment, read_record

JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**53), 2**53)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)


@given(configuration=st.dictionaries(st.text(), JSON, max_size=4))
@settings(max_examples=40, deadline=None)
def test_record_survives_the_file(
    tmp_path_factory: pytest.TempPathFactory, record: Any, configuration: dict[str, Any]
) -> None:
    made = record(configuration=configuration)
    folder = tmp_path_factory.mktemp("run")
    made.write(folder)
    assert read_record(folder) == made


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
def test_a_value_that_is_not_finite_is_refused_and_named(tmp_path: Path, record: Any, value: float) -> None:
    made = record(training={"steps": 1, "losses": {"total": [1.0, value]}})
    with pytest.raises(StbenchError, match=r"training\.losses\.total\.1"):
        made.write(tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_writing_again_replaces_and_leaves_nothing_else(tmp_path: Path, record: Any) -> None:
    record(seed=1).write(tmp_path)
    record(seed=2).write(tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["record.json"]
    assert read_record(tmp_path).seed == 2


def _changed(folder: Path, **changes: Any) -> None:
    path = folder / "record.json"
    content = json.loads(path.read_text())
    for name, value in changes.items():
        if value is ...:
            del content[name]
        else:
            content[name] = value
    path.write_text(json.dumps(content))


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"format": FORMAT + 1}, "update stbench"),
        ({"seed": ...}, "lacks seed"),
        ({"nonsense": 1}, "unknown fields nonsense"),
        ({"seed": "0"}, "field 'seed' is '0'"),
        ({"seed": True}, "field 'seed' is True"),
        ({"training": []}, "field 'training'"),
        ({"infinite": {"psnr": "two"}}, "field 'infinite'"),
        ({"finished": "yesterday"}, "'finished' is no ISO 8601 time"),
        ({"finished": "2026-01-01T00:00:00"}, "'finished' is no ISO 8601 time with offset"),
    ],
)
def test_a_damaged_record_is_one_sentence_naming_the_file(
    tmp_path: Path, record: Any, changes: dict[str, Any], said: str
) -> None:
    record().write(tmp_path)
    _changed(tmp_path, **changes)
    with pytest.raises(StbenchError) as caught:
        read_record(tmp_path)
    assert said in str(caught.value)
    assert str(tmp_path / "record.json") in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("name", ["judge", "infinite"])
def test_a_record_written_before_there_was_a_field_is_read(tmp_path: Path, record: Any, name: str) -> None:
    record().write(tmp_path)
    _changed(tmp_path, **{name: ...})
    assert read_record(tmp_path) == record()


@pytest.mark.parametrize("content", ["", "{", "[]", '{"format": NaN}', '{"a": 1}', "\x00"])
def test_what_is_no_record_is_refused(tmp_path: Path, content: str) -> None:
    (tmp_path / "record.json").write_text(content)
    with pytest.raises(StbenchError, match="is damaged"):
        read_record(tmp_path)


def test_a_folder_without_a_record_says_how_to_get_one(tmp_path: Path) -> None:
    with pytest.raises(StbenchError, match="stbench run"):
        read_record(tmp_path)


def test_environment_fills_fields_of_the_record(record: Any) -> None:
    found = environment("cpu")
    assert set(found) <= {each.name for each in dataclasses.fields(RunRecord)}
    json.dumps(record(**found).configuration, allow_nan=False)
    assert found["libraries"]["numpy"]
    assert found["git_revision"] is None or re.fullmatch("[0-9a-f]{40}", found["git_revision"])
    assert (found["git_revision"] is None) == (found["git_dirty"] is None)
