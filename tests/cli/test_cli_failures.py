"""Every mistake ends in one sentence on standard error and exit code 2; nothing of it on standard output."""

from __future__ import annotations

import errno
from pathlib import Path
from typing import Any

import click
import pytest
from click.testing import CliRunner, Result

from stbench.cli.main import COMMANDS, cli
from stbench.errors import StbenchError

SCORE = ("--predictions", "p", "--name", "n", "--parameters", "1")


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.setenv("STBENCH_DATA", str(tmp_path / "data"))
    monkeypatch.delenv("STBENCH_RAW", raising=False)
    monkeypatch.chdir(tmp_path)
    return lambda *arguments: CliRunner().invoke(cli, [str(each) for each in arguments])


def sentence(result: Result) -> str:
    """The sentence of a mistake, after checking its form."""
    assert result.exit_code == 2, result.output
    assert result.stdout == ""
    assert result.stderr.startswith("stbench: error: ")
    assert result.stderr.count("\n") == 1
    assert "Traceback" not in result.stderr
    return result.stderr


@pytest.mark.parametrize(
    ("arguments", "suggestion"),
    [
        (("gnerate", "waveeq"), "generate"),
        (("generate", "wavqe"), "waveeq"),
        (("info", "wavee"), "waveeq"),
        (("cite", "sepva"), "sepvar"),
        (("preview", "waveq", "--out", "x.gif"), "waveeq"),
        (("verify", "waveq"), "waveeq"),
        (("generate", "waveeq", "--set", "sequence=3"), "sequences"),
        (("run", "--model", "persistnce", "--dataset", "waveeq"), "persistence"),
        (("run", "--model", "persistence", "--dataset", "wveeq"), "waveeq"),
        (("models", "--dataset", "wveeq"), "waveeq"),
        (("score", "--track", "waveq/forecast-40", *SCORE), "waveeq"),
        (("score", "--track", "waveeq/forcast-40", *SCORE), "waveeq/forecast-40"),
    ],
)
def test_an_unknown_name_gets_the_nearest_known_one(run: Any, arguments: tuple[str, ...], suggestion: str) -> None:
    assert f"did you mean '{suggestion}'?" in sentence(run(*arguments))


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (("generate",), "NAME"),
        (("generate", "waveeq", "--sauce", "auto"), "--source"),
        (("generate", "waveeq", "--source", "simulatd"), "simulated"),
        (("generate", "waveeq", "--workers", "0"), "--workers"),
        (("generate", "waveeq", "--set", "sequences"), "key=value"),
        (("generate", "waveeq", "--set", "sequences=many"), "'many'"),
        (("run", "--model", "persistence"), "--dataset"),
        (("run", "--model", "persistence", "--dataset", "waveeq", "--budget", "10"), "10m"),
        (("run", "--model", "persistence", "--dataset", "waveeq", "--preset", "quik"), "quick"),
        (("--datasets",), "--datasets"),
    ],
)
def test_a_wrong_option_or_value_is_told_in_one_sentence(run: Any, arguments: tuple[str, ...], expected: str) -> None:
    assert expected in sentence(run(*arguments))


def test_what_cannot_be_written_down_is_told_before_its_data_are_missed(run: Any, tmp_path: Path) -> None:
    told = sentence(run("score", "--track", "sprites/probe-8", *SCORE))
    assert "the track sprites/probe-8 asks for codes and not for frames" in told
    assert "stbench generate" not in told
    swap = ("run", "--model", "persistence", "--dataset", "chairs", "--track", "swap-15")
    assert "a prediction store holds forecasts" in sentence(run(*swap, "--predictions", "p.zarr"))
    assert list(tmp_path.iterdir()) == []


def test_a_step_beyond_the_cfl_limit_is_refused_before_anything_is_written(run: Any, tmp_path: Path) -> None:
    assert "is unstable at wave speed" in sentence(run("generate", "waveeq", "--set", "step=0.01"))
    assert not (tmp_path / "data").exists()


def test_a_store_that_is_not_there_is_told_with_the_command_that_makes_it(run: Any) -> None:
    assert "stbench generate waveeq" in sentence(run("verify", "waveeq"))


@pytest.mark.parametrize("command", ["verify", "info", "cite", "preview"])
def test_a_folder_that_is_no_store_is_refused(run: Any, tmp_path: Path, command: str) -> None:
    (tmp_path / "folder").mkdir()
    (tmp_path / "folder" / "notes.txt").write_text("mine")
    extra = ("--out", "x.gif") if command == "preview" else ()
    assert "is not a store (it has no zarr.json)" in sentence(run(command, tmp_path / "folder", *extra))
    assert (tmp_path / "folder" / "notes.txt").read_text() == "mine"


def test_an_out_that_is_another_thing_is_refused_and_kept(run: Any, tmp_path: Path) -> None:
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "notes.txt").write_text("mine")
    assert "mine" in sentence(run("generate", "waveeq", "--out", tmp_path / "mine", "--set", "sequences=3"))
    assert (tmp_path / "mine" / "notes.txt").read_text() == "mine"


@pytest.mark.parametrize("name", ["wave.gif", "wave.png"])
def test_a_picture_that_exists_is_kept(run: Any, tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_text("mine")
    settings = ("--set", "sequences=3", "--set", "size=16", "--set", "points=60")
    assert run("generate", "waveeq", *settings).exit_code == 0
    assert name in sentence(run("preview", "waveeq", *settings, "--out", tmp_path / name))
    assert (tmp_path / name).read_text() == "mine"


def plant(monkeypatch: pytest.MonkeyPatch, error: BaseException, cls: type[click.Command] = click.Command) -> None:
    """Make `stbench verify` a command that raises `error`."""

    def explode() -> None:
        raise error

    monkeypatch.setattr("stbench.cli.verify.verify", cls("verify", callback=explode))


def test_a_sentence_of_several_lines_is_printed_as_one(run: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    plant(monkeypatch, StbenchError("one\n  two"))
    assert sentence(run("verify")) == "stbench: error: one two\n"


@pytest.mark.parametrize(
    ("number", "expected"),
    [(errno.ENOSPC, "no space left"), (errno.EACCES, "no permission"), (errno.EROFS, "no permission")],
)
def test_a_full_or_forbidden_disk_is_the_users_matter(
    run: Any, monkeypatch: pytest.MonkeyPatch, number: int, expected: str
) -> None:
    plant(monkeypatch, OSError(number, "the system's words", "/somewhere/store"))
    told = sentence(run("verify"))
    assert expected in told
    assert "/somewhere/store" in told


def test_a_defect_keeps_its_traceback(run: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    plant(monkeypatch, ZeroDivisionError("a defect"))
    assert isinstance(run("verify").exception, ZeroDivisionError)
    plant(monkeypatch, OSError(errno.EIO, "a broken disk"))
    assert isinstance(run("verify").exception, OSError)


def test_ctrl_c_of_a_long_command_says_how_to_continue(run: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(*arguments: Any, **options: Any) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("stbench.store.build.build", interrupted)
    result = run("generate", "waveeq")
    assert result.exit_code == 130
    assert result.stderr == "stbench: interrupted; continue with the same command, what is finished stays\n"


def test_ctrl_c_elsewhere_is_one_line(run: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    plant(monkeypatch, KeyboardInterrupt())
    result = run("verify")
    assert result.exit_code == 130
    assert result.stderr == "stbench: interrupted\n"


@pytest.mark.parametrize("command", [(), *((name,) for name in COMMANDS)])
@pytest.mark.parametrize("flag", ["-h", "--help"])
def test_every_command_has_help(run: Any, command: tuple[str, ...], flag: str) -> None:
    result = run(*command, flag)
    assert result.exit_code == 0
    assert result.stdout.startswith("Usage: ")


def test_help_lists_every_command_with_a_line(run: Any) -> None:
    lines = {
        line.split()[0]: line.split()[1:]
        for line in run().stdout.splitlines()
        if line.startswith("  ") and line.split()
    }
    assert all(lines[name] for name in COMMANDS)
