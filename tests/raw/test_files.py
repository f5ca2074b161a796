"""Original files are found where the documentation says, and never used unchecked."""

from __future__ import annotations

import gzip
import hashlib
import tracemalloc
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stbench.errors import StbenchError
from stbench.raw.files import RawFile, cache_folder, check, locate, read, read_gzip_or_plain, require

CONTENT = bytes(range(256)) * 8
MD5 = f"md5:{hashlib.md5(CONTENT).hexdigest()}"
SPEC = RawFile("digits-idx", len(CONTENT), MD5, "content")
OTHER = RawFile("labels-idx", of="content")


@pytest.fixture(autouse=True)
def own_folders(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("STBENCH_DATA", str(tmp_path / "stores"))
    monkeypatch.delenv("STBENCH_RAW", raising=False)


def put(path: Path, content: bytes = CONTENT) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    return path


def test_the_given_folder_comes_before_the_dataset_folder_the_alias_and_the_cache(tmp_path: Path) -> None:
    raw = tmp_path / "raw"
    places = [cache_folder("sets"), raw / "alias", raw / "sets", raw]
    for place in places:
        put(place / "digits-idx")
        assert locate([SPEC], "sets", raw, ["alias"]) == {"digits-idx": place / "digits-idx"}


def test_the_raw_folder_of_the_environment_is_searched(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = put(tmp_path / "somewhere" / "sets" / "digits-idx")
    assert locate([SPEC], "sets") is None
    monkeypatch.setenv("STBENCH_RAW", str(tmp_path / "somewhere"))
    assert locate([SPEC], "sets") == {"digits-idx": path}


def test_a_folder_with_some_of_the_files_is_passed_over_for_one_with_all(tmp_path: Path) -> None:
    put(tmp_path / "digits-idx")
    assert locate([SPEC, OTHER], "sets", tmp_path) is None
    whole = tmp_path / "sets"
    put(whole / "digits-idx.gz", gzip.compress(CONTENT))
    put(whole / "labels-idx")
    assert locate([SPEC, OTHER], "sets", tmp_path) == {
        "digits-idx": whole / "digits-idx.gz",
        "labels-idx": whole / "labels-idx",
    }


def test_the_error_for_a_missing_file_names_it_its_folder_and_the_command(tmp_path: Path) -> None:
    put(tmp_path / "digits-idx")
    with pytest.raises(StbenchError) as error:
        require([SPEC, OTHER], "sets", tmp_path)
    for word in ("labels-idx", str(tmp_path), "stbench fetch sets", "--raw", "--source simulated"):
        assert word in str(error.value)
    assert f"has 1 of the 2 but not labels-idx; {tmp_path} holds digits-idx; " in str(error.value)
    with pytest.raises(StbenchError, match="none of digits-idx, labels-idx is in"):
        require([SPEC, OTHER], "sets", tmp_path / "empty")


def test_content_is_the_same_plain_and_compressed_whatever_the_gzip_header(tmp_path: Path) -> None:
    for name, data in (
        ("digits-idx", CONTENT),
        ("a.gz", gzip.compress(CONTENT, mtime=0)),
        ("b.gz", gzip.compress(CONTENT, compresslevel=1, mtime=1_000_000)),
    ):
        assert read(put(tmp_path / name, data), SPEC) == CONTENT


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (CONTENT[:-1], "holds 2,047 bytes, not the 2,048"),
        (CONTENT + b"x", "holds more than the 2,048 bytes"),
        (CONTENT[:-1] + b"x", "has the md5"),
        (gzip.compress(CONTENT, mtime=0)[:-20], "is truncated"),
        (gzip.compress(CONTENT, mtime=0)[:5], "is truncated"),
        (gzip.compress(CONTENT, mtime=0)[:-8] + b"\0" * 8, "is a damaged gzip file"),
        (gzip.compress(CONTENT, mtime=0)[:10] + b"\xff" * 50, "is a damaged gzip file"),
        (b"", "holds 0 bytes"),
    ],
)
def test_a_wrong_file_is_refused_in_one_sentence_that_names_it(tmp_path: Path, content: bytes, message: str) -> None:
    path = put(tmp_path / "digits-idx", content)
    with pytest.raises(StbenchError) as error:
        read(path, SPEC)
    assert message in str(error.value)
    assert str(path) in str(error.value)
    assert "\n" not in str(error.value)
    with pytest.raises(StbenchError):
        check(path, SPEC)


def test_a_missing_or_unreadable_path_is_one_sentence(tmp_path: Path) -> None:
    for path in (tmp_path / "absent", tmp_path):
        with pytest.raises(StbenchError, match="cannot be read"):
            read_gzip_or_plain(path, 10)


def test_a_checksum_of_the_file_is_of_its_bytes_as_they_lie_there(tmp_path: Path) -> None:
    packed = gzip.compress(CONTENT, mtime=0)
    spec = RawFile("x.gz", len(packed), f"sha256:{hashlib.sha256(packed).hexdigest()}", "file")
    path = put(tmp_path / "x.gz", packed)
    check(path, spec)
    assert read(path, spec, max_bytes=len(CONTENT)) == CONTENT
    put(path, packed + b"x")
    with pytest.raises(StbenchError, match="bytes, not the"):
        check(path, spec)
    put(path, bytes(len(packed)))
    with pytest.raises(StbenchError, match="has the sha256"):
        check(path, spec)


def test_a_gzip_bomb_costs_no_memory(tmp_path: Path) -> None:
    bomb = put(tmp_path / "digits-idx.gz", gzip.compress(bytes(100_000_000), compresslevel=1))
    assert bomb.stat().st_size < 1_000_000
    tracemalloc.start()
    with pytest.raises(StbenchError, match="holds more than the 2,048 bytes"):
        read(bomb, SPEC)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 2_000_000


@settings(max_examples=80, deadline=None)
@given(
    at=st.integers(0, 10_000), byte=st.integers(0, 255), cut=st.none() | st.integers(0, 10_000), packed=st.booleans()
)
def test_a_mutated_file_is_refused_or_still_holds_the_right_content(
    tmp_path_factory: pytest.TempPathFactory, at: int, byte: int, cut: int | None, packed: bool
) -> None:
    data = bytearray(gzip.compress(CONTENT, mtime=0) if packed else CONTENT)
    data[at % len(data)] = byte
    path = tmp_path_factory.getbasetemp() / "mutated"
    path.write_bytes(data if cut is None else data[: cut % len(data)])
    try:
        content = read(path, SPEC)
    except StbenchError as error:
        message = str(error)
    else:
        assert content == CONTENT
        return
    assert str(path) in message
