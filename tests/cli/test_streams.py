"""Standard output and error of every kind: what they cannot show is replaced, and nothing ends in a traceback."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

COMMAND = f"{sys.executable} -m stbench"


def shell(words: str, folder: Path, **environment: str) -> subprocess.CompletedProcess[bytes]:
    """Bytes of a command line; `stbench` in it is this one."""
    line = words.replace("stbench ", f"{COMMAND} ")
    return subprocess.run(
        ["sh", "-c", line], capture_output=True, cwd=folder, timeout=300, env=os.environ | environment
    )


@pytest.mark.parametrize(
    ("words", "encoding"),
    [
        *(("stbench metrics", encoding) for encoding in ("ascii", "latin-1", "cp1252", "ascii:strict")),
        ("stbench info taxibj", "ascii"),
        ("stbench datasets", "ascii"),
    ],
)
def test_characters_an_encoding_lacks_are_replaced(words: str, encoding: str, tmp_path: Path) -> None:
    done = shell(words, tmp_path, PYTHONIOENCODING=encoding)
    assert (done.returncode, b"Traceback" in done.stderr) == (0, False), done.stderr
    whole = shell(words, tmp_path, PYTHONIOENCODING="utf-8").stdout.decode()
    found = done.stdout.decode(encoding.partition(":")[0])
    assert "?" in found
    # Lines of tables are other characters there, names and formulas of plain letters are the same.
    plain = re.compile("[A-Za-z_0-9]{3,}")
    assert len(plain.findall(whole)) > 100
    assert plain.findall(found) == plain.findall(whole)


def test_a_locale_without_utf_8_reads_and_prints_the_same(tmp_path: Path) -> None:
    done = shell("stbench info sst", tmp_path, LC_ALL="C", PYTHONCOERCECLOCALE="0", PYTHONUTF8="0")
    assert (done.returncode, b"Traceback" in done.stderr) == (0, False), done.stderr
    assert b"sea surface temperature" in done.stdout


def test_an_error_with_characters_the_stream_lacks_is_a_sentence(tmp_path: Path) -> None:
    done = shell("stbench info λόγος.zarr", tmp_path, PYTHONIOENCODING="cp1252:strict", PYTHONUTF8="1")
    assert done.returncode == 2
    assert done.stderr.startswith(b"stbench: error: ")
    assert b"?????.zarr" in done.stderr
    assert done.stderr.count(b"\n") == 1


def test_json_is_escaped_and_not_replaced(tmp_path: Path) -> None:
    words = "stbench info taxibj --json"
    plain = shell(words, tmp_path, PYTHONIOENCODING="utf-8").stdout
    escaped = shell(words, tmp_path, PYTHONIOENCODING="ascii").stdout
    assert not plain.isascii()
    assert json.loads(escaped.decode("ascii")) == json.loads(plain)


@pytest.mark.parametrize(
    ("words", "code"),
    [
        ("stbench metrics >&-", 0),
        ("stbench metrics --json >&-", 0),
        ("stbench metrics 2>&-", 0),
        ("stbench info none.zarr >&- 2>&-", 2),
        ("stbench info none.zarr 2>&-", 2),
    ],
)
def test_a_closed_stream_swallows_what_is_printed(words: str, code: int, tmp_path: Path) -> None:
    done = shell(words, tmp_path)
    assert (done.returncode, b"Traceback" in done.stdout + done.stderr) == (code, False), done.stderr


@pytest.mark.parametrize("words", ["stbench metrics", "stbench metrics --json", "stbench cite sst"])
def test_a_pipe_that_nobody_reads_ends_it_in_silence(words: str, tmp_path: Path) -> None:
    done = shell(f"({words}; echo $? > code) | true", tmp_path)
    assert (tmp_path / "code").read_text() == "1\n"
    assert done.stderr == b""


def test_a_full_device_is_a_sentence(tmp_path: Path) -> None:
    done = shell("stbench metrics > /dev/full", tmp_path)
    assert done.returncode == 2
    assert done.stderr.startswith(b"stbench: error: no space left on the device")
    assert done.stderr.count(b"\n") == 1
