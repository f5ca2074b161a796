from __future__ import annotations

import dataclasses
import json
import math
import os
import re
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stbench import registry
from stbench.cli.parse import LONGEST_HOURS, parse_duration
from stbench.contract.datasets import Track
from stbench.errors import StbenchError
from stbench.results.record import FORMAT, RunRecord, environment, read_record

TRACK = {
    "dataset": "waveeq-100",
    "protocol": "forecast",
    "conditioning": 5,
    "horizon": 3,
    "train_horizon": 5,
    "metrics": ["mse"],
    "stride": 1,
    "reported": [],
    "further": [],
    "cluster": "",
}
NESTED: Any = 1
for _ in range(40):
    NESTED = [NESTED]

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
        ({"infinite": {"psnr": -1}}, "field 'infinite'"),
        ({"code": {"scoring": 1}}, "field 'code'"),
        ({"parameters": -1}, "field 'parameters' is -1"),
        ({"parameters": 2**70}, "more than 64 bits"),
        ({"training": {"seconds": "1"}}, "field 'training.seconds' is '1'"),
        ({"training": {"steps": 1.5}}, "field 'training.steps' is 1.5"),
        ({"training": {"finished": "no"}}, "field 'training.finished' is 'no'"),
        ({"judge": {"accuracy": {"action": None}}}, "field 'judge.accuracy'"),
        ({"judge": {"accuracy": 1}}, "field 'judge.accuracy' is 1"),
        ({"track": "waveeq-100/forecast-3"}, "field 'track' is 'waveeq-100/forecast-3'"),
        ({"track": {**TRACK, "metrics": ["mse", 1]}}, "field 'track.metrics'"),
        ({"track": {**TRACK, "extra": 1}}, "unknown fields track.extra"),
        ({"track": {name: TRACK[name] for name in TRACK if name != "cluster"}}, "lacks track.cluster"),
        ({"track": {**TRACK, "dataset": "sst"}}, "track is of the dataset 'sst'"),
        ({"track": {**TRACK, "horizon": 10**11}}, "a horizon of its track"),
        ({"track": {**TRACK, "horizon": 0}}, "a horizon of its track"),
        ({"track": {**TRACK, "reported": [10**11]}}, "a horizon of its track"),
        ({"track": {**TRACK, "stride": -1}}, "a length of its track"),
        ({"clusters": {"sha256": 1, "missing": "", "left_out": ""}}, "field 'clusters.sha256' is 1"),
        ({"clusters": {"sha256": "", "missing": ""}}, "lacks clusters.left_out"),
        ({"results_sha256": None}, "field 'results_sha256' is None"),
        ({"configuration": {"a" * 5: NESTED}}, "nested more than 32 levels"),
        ({"format": 1, "track": "waveeq-100"}, "its track is 'waveeq-100'"),
        ({"format": 1, "track": 7}, "its track is 7"),
        ({"format": 1, "track": "waveeq-100/forecast-99999999"}, "a horizon of its track"),
        ({"drawn": {"members": -1}}, "field 'drawn.members' is -1"),
        ({"drawn": []}, "field 'drawn' is []"),
        ({"drawn": {"windows": "x"}}, "field 'drawn' is {'windows': 'x'}: object missing required field `members`"),
        ({"drawn": {"members": 4, "windows": "w"}}, "missing required field `windows_sha256`"),
        ({"drawn": {"members": 0, "windows": "w", "windows_sha256": "ab" * 32}}, "field 'drawn.members' is 0"),
        ({"drawn": {"members": 4, "windows": "", "windows_sha256": "ab" * 32}}, "field 'drawn.windows' is ''"),
        ({"drawn": {"members": 4, "windows": "w", "windows_sha256": "ab"}}, "'ab': expected a SHA-256"),
        ({"dataset_digest": "z" * 64}, "expected a SHA-256, 64 of the digits 0-9 and a-f"),
        ({"dataset_digest": "AB" * 32}, "expected a SHA-256"),
        ({"dataset_digest": "ab" * 32 + "\n"}, "expected a SHA-256"),
        ({"dataset_digest": ""}, "field 'dataset_digest' is '': expected a SHA-256"),
        ({"dataset_fingerprint": "12"}, "field 'dataset_fingerprint' is '12'"),
        ({"split_digest": "12"}, "field 'split_digest' is '12'"),
        ({"fingerprint": "../.."}, "field 'fingerprint' is '../..'"),
        ({"results_sha256": "12"}, "field 'results_sha256' is '12'"),
        ({"clusters": {"sha256": "12", "missing": "", "left_out": ""}}, "field 'clusters.sha256' is '12'"),
        ({"judge": {"fingerprint": "12"}}, "field 'judge.fingerprint' is '12'"),
        ({"breaks": {"batch": 1}}, "field 'breaks'"),
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
def test_a_record_written_before_there_was_a_field_is_read(
    tmp_path: Path, record: Any, to_format_1: Any, name: str
) -> None:
    record().write(tmp_path)
    to_format_1(tmp_path)
    before = read_record(tmp_path)
    _changed(tmp_path, **{name: ...})
    assert read_record(tmp_path) == before


@pytest.mark.parametrize(
    "content",
    ["", "{", "[]", '{"format": NaN}', '{"format": true}', '{"a": 1}', "\x00", "[" * 50_000, '{"format": 1}'],
)
def test_what_is_no_record_is_refused(tmp_path: Path, content: str) -> None:
    (tmp_path / "record.json").write_text(content)
    with pytest.raises(StbenchError, match="is damaged") as caught:
        read_record(tmp_path)
    assert "\n" not in str(caught.value)


def test_a_record_that_never_ends_or_is_too_large_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "record.json"
    path.symlink_to("/dev/zero")
    with pytest.raises(StbenchError, match="no regular file"):
        read_record(tmp_path)
    path.unlink()
    os.mkfifo(path)
    with pytest.raises(StbenchError, match="no regular file"):
        read_record(tmp_path)
    path.unlink()
    path.write_text(" " * 5_000_000)
    with pytest.raises(StbenchError, match="more than 4,000,000 bytes"):
        read_record(tmp_path)


def test_a_record_holds_every_field_of_its_track(tmp_path: Path, record: Any) -> None:
    track = Track("d", "forecast", 4, 7, 3, ("psnr", "mse"), 2, (5,), ("mae",), "zone")
    record(track=track, dataset="d").write(tmp_path)
    content = json.loads((tmp_path / "record.json").read_text())["track"]
    assert content == json.loads(json.dumps(dataclasses.asdict(track)))
    assert read_record(tmp_path).track == track


def test_metrics_of_a_record_bear_the_names_they_have_now(tmp_path: Path, record: Any) -> None:
    old = Track("d", "swap", 4, 7, 3, ("mse", "psnr_best"), further=("ssim_gauss11_best",))
    record(track=old, dataset="d", infinite={"psnr_best": 2, "psnr": 1}).write(tmp_path)
    found = read_record(tmp_path)
    assert found.track.scored == ("mse", "psnr_best_truth", "ssim_gauss11_best_truth")
    assert found.infinite == {"psnr_best_truth": 2, "psnr": 1}


def test_format_1_takes_its_track_from_the_registry_and_marks_the_means_missing(
    tmp_path: Path, record: Any, to_format_1: Any
) -> None:
    (main, *_) = registry.dataset("sst").tracks
    made = record(track=main, main_track=True, dataset="sst", infinite={"psnr": 2})
    made.write(tmp_path)
    to_format_1(tmp_path)
    found = read_record(tmp_path)
    assert found.clusters.missing
    assert dataclasses.replace(found, clusters=made.clusters) == made


def test_format_1_of_a_package_that_is_not_installed_is_read_with_what_its_name_says(
    tmp_path: Path, record: Any, to_format_1: Any
) -> None:
    record(track=Track("foreign", "forecast", 5, 3, 5, ("mse",)), dataset="foreign").write(tmp_path)
    to_format_1(tmp_path)
    found = read_record(tmp_path)
    assert (found.track.id, found.track.metrics, found.main_track) == ("foreign/forecast-3", (), False)


def test_a_folder_without_a_record_says_how_to_get_one(tmp_path: Path) -> None:
    with pytest.raises(StbenchError, match="stbench run"):
        read_record(tmp_path)


def test_environment_fills_fields_of_the_record() -> None:
    found = environment("cpu")
    assert set(found) <= {each.name for each in dataclasses.fields(RunRecord)}
    json.dumps(found, allow_nan=False)
    assert found["libraries"]["numpy"]
    assert found["git_revision"] is None or re.fullmatch("[0-9a-f]{40}", found["git_revision"])
    assert (found["git_revision"] is None) == (found["git_dirty"] is None)


def test_what_says_nothing_is_not_written_and_what_does_comes_back(tmp_path: Path, record: Any) -> None:
    """Records of before have no such fields, and are records still."""
    record().write(tmp_path)
    absent = {"drawn", "breaks", "trust", "protocol_version", "normaliser"}
    assert not absent & json.loads((tmp_path / "record.json").read_text()).keys()
    drawn = {"members": 100, "windows": "kth/1/windows-256-1", "windows_sha256": "ab" * 32}
    made = record(drawn=drawn, breaks={"batch": "published so"})
    made.write(tmp_path)
    assert read_record(tmp_path) == made


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"budget_seconds": 1e16}, "field 'budget_seconds' is 1e+16"),
        ({"dataset_digest": "d"}, "field 'dataset_digest' is 'd'"),
        ({"finished": "2026-01-01"}, "field 'finished' is no ISO 8601 time"),
        ({"seed": 2**70}, "more than 64 bits"),
        ({"configuration": {"a": NESTED}}, "nested more than 32 levels"),
        ({"configuration": {"a": "b" * 4_000_000}}, "more than 4,000,000 bytes"),
    ],
)
def test_what_could_not_be_read_again_is_not_written(
    tmp_path: Path, record: Any, changes: dict[str, Any], said: str
) -> None:
    with pytest.raises(StbenchError) as caught:
        record(**changes).write(tmp_path)
    assert said in str(caught.value)
    assert str(tmp_path / "record.json") in str(caught.value)
    assert "\n" not in str(caught.value)
    assert list(tmp_path.iterdir()) == []


def test_the_longest_budget_that_can_be_asked_for_can_be_read_again(tmp_path: Path, record: Any) -> None:
    made = record(budget_seconds=parse_duration(f"{LONGEST_HOURS}h"))
    made.write(tmp_path)
    assert read_record(tmp_path) == made


def test_names_of_files_that_are_not_utf_8_are_escaped(tmp_path: Path, record: Any) -> None:
    path = os.fsdecode(b"caf\xe9.zarr")
    record(command=f"stbench score --predictions '{path}'", configuration={path: [{"file": path}]}).write(tmp_path)
    found = read_record(tmp_path)
    assert found.command == r"stbench score --predictions 'caf\udce9.zarr'"
    assert found.configuration == {r"caf\udce9.zarr": [{"file": r"caf\udce9.zarr"}]}
    read_again = (tmp_path / "record.json").read_bytes()
    found.write(tmp_path)
    assert (tmp_path / "record.json").read_bytes() == read_again
