"""Small files from anywhere are read within limits, or refused with a reason."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

import pytest
from stbench.generators.sst.zones import load_table

from stbench.documents import DEEPEST, Unreadable, converted, parse_json, parse_toml, read_json, read_toml
from stbench.errors import StbenchError


@pytest.mark.parametrize("levels", [DEEPEST, 100, 100_000])
@pytest.mark.parametrize("begin", ["[", '{"a":'])
def test_deep_json_is_refused_and_as_deep_as_allowed_is_read(begin: str, levels: int) -> None:
    end = {"[": "]", '{"a":': "}"}[begin]
    content = (begin * levels + "0" + end * levels).encode()
    for nan in (False, True):
        if levels < DEEPEST:
            parse_json(content, nan=nan)
        else:
            with pytest.raises(Unreadable, match="nested more than 32 levels"):
                parse_json(content, nan=nan)
    parse_json((begin * (DEEPEST - 1) + "0" + end * (DEEPEST - 1)).encode())


@pytest.mark.parametrize("content", [b"", b"{", b"\xff", b"[1,]", b"nope"])
@pytest.mark.parametrize("nan", [False, True])
def test_what_is_no_json_is_refused(content: bytes, nan: bool) -> None:
    with pytest.raises(Unreadable, match="JSON"):
        parse_json(content, nan=nan)


def test_nan_is_json_only_where_it_is_asked_for() -> None:
    assert parse_json(b"[Infinity]", nan=True) == [float("inf")]
    with pytest.raises(Unreadable):
        parse_json(b"[Infinity]")


NESTED_TOML = {
    "arrays": "x = " + "[" * 50_000,
    "tables": "x = " + "{a=" * 50_000,
    "dotted key": ".".join(["a"] * 200_000) + " = 1",
    "dotted table": "[" + ".".join(["a"] * 200_000) + "]",
    "quoted keys": ".".join(['"a b"'] * 100_000) + " = 1",
}


@pytest.mark.parametrize("name", NESTED_TOML)
def test_deep_toml_is_refused_at_once(tmp_path: Path, name: str) -> None:
    # The parser alone takes hours for the dotted ones: it would not come back within the patience of anybody.
    file = tmp_path / "zones.toml"
    file.write_text(NESTED_TOML[name])
    with pytest.raises(Unreadable, match="nested more than 32 levels"):
        read_toml(file)
    with pytest.raises(StbenchError, match=r"zones\.toml is not of the form .*nested more than 32 levels"):
        load_table(file)


def test_toml_of_some_levels_is_read() -> None:
    assert parse_toml(b"a.b.c = 1\n[d.e]\nf = [[1.5, 2]]") == {"a": {"b": {"c": 1}}, "d": {"e": {"f": [[1.5, 2]]}}}


def test_a_byte_order_mark_is_no_part_of_toml() -> None:
    assert parse_toml(b"\xef\xbb\xbfa = 1") == {"a": 1}
    with pytest.raises(Unreadable, match="it is no TOML"):
        parse_toml(b"a = 1\n\xef\xbb\xbfb = 2")


@pytest.mark.parametrize("kind", ["pipe", "device", "large", "folder"])
def test_a_file_without_an_end_is_refused(tmp_path: Path, kind: str) -> None:
    file = tmp_path / "zones.toml"
    if kind == "pipe":
        os.mkfifo(file)
    elif kind == "device":
        file.symlink_to("/dev/zero")
    elif kind == "large":
        with file.open("wb") as sparse:
            sparse.truncate(1 << 40)
    else:
        file.mkdir()
    reason = "more than" if kind == "large" else "no regular file"
    for read in (read_toml, lambda path: read_json(path, 1000)):
        with pytest.raises(Unreadable, match=reason):
            read(file)
    with pytest.raises(StbenchError, match=rf"zones\.toml is not of the form .*{reason}"):
        load_table(file)


@dataclass(frozen=True)
class Table:
    name: str
    sizes: dict[str, int]


def test_the_field_that_is_something_else_is_named() -> None:
    assert converted({"name": "a", "sizes": {"b": 1}}, Table) == Table("a", {"b": 1})
    with pytest.raises(Unreadable, match=r"its field 'name' is 3: expected `str`"):
        converted({"name": 3, "sizes": {}}, Table)
    with pytest.raises(Unreadable, match=r"it is \[\]: expected `object`"):
        converted([], Table)
