"""How a command ends that cannot do what was asked: one sentence on standard error, exit code 2 (after Ctrl-C 130)."""

from __future__ import annotations

import errno
import os
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

import click

from stbench.errors import StbenchError

_NO_ROOM = (errno.ENOSPC, errno.EDQUOT)
_NO_PERMISSION = (errno.EACCES, errno.EPERM, errno.EROFS)


class Failure(click.ClickException):
    """One sentence, no traceback."""

    exit_code = 2

    def __init__(self, sentence: str) -> None:
        super().__init__(" ".join(sentence.split()))

    def show(self, file: IO[Any] | None = None) -> None:
        click.echo(f"stbench: error: {self.message}", file=file, err=file is None)


class Interrupted(Failure):
    """Ctrl-C: not an error, but not a success either."""

    exit_code = 128 + signal.SIGINT

    def show(self, file: IO[Any] | None = None) -> None:
        click.echo(f"stbench: {self.message}", file=file, err=file is None)


class Resumable(click.Command):
    """A command that, given again after Ctrl-C, continues where it stopped."""

    def invoke(self, ctx: click.Context) -> Any:
        try:
            return super().invoke(ctx)
        except KeyboardInterrupt:
            raise Interrupted("interrupted; continue with the same command, what is finished stays") from None


@contextmanager
def one_sentence() -> Iterator[None]:
    """Turn a user's mistake, raised anywhere inside, into a `Failure`; a defect keeps its traceback."""
    try:
        yield
    except StbenchError as error:
        raise Failure(str(error)) from error
    except click.UsageError as error:
        where = f" (see {error.ctx.command_path} --help)" if error.ctx else ""
        raise Failure(_lower_first(error.format_message().rstrip(".")) + where) from error
    except KeyboardInterrupt:
        raise Interrupted("interrupted") from None
    except OSError as error:
        # A full disk or a read-only folder can meet any writer; other OSErrors are defects and keep their traceback.
        if error.errno in _NO_ROOM:
            raise Failure(
                f"no space left on the device{_of_file(error)}: free some, then give the same command"
            ) from error
        if error.errno in _NO_PERMISSION:
            raise Failure(f"no permission{_of_file(error)}: choose another folder or change its permissions") from error
        if error.errno == errno.ENOENT and error.filename and _own_folders() & {*Path(error.filename).parents}:
            raise Failure(f"'{error.filename}' belongs to stbench and is missing: install stbench again") from error
        raise
    except ModuleNotFoundError as error:
        if (error.name or "").partition(".")[0] != "stbench":
            raise
        raise Failure(f"the module {error.name} belongs to stbench and is missing: install stbench again") from error


def _own_folders() -> set[Path]:
    """Folders of the package, wherever its rooms lie."""
    modules = [module for name, module in list(sys.modules.items()) if name.partition(".")[0] == "stbench"]
    return {Path(file).parent for module in modules if (file := getattr(module, "__file__", None))}


def _of_file(error: OSError) -> str:
    return f" for '{os.fspath(error.filename)}'" if isinstance(error.filename, str | os.PathLike) else ""


def _lower_first(sentence: str) -> str:
    return sentence[:1].lower() + sentence[1:]
